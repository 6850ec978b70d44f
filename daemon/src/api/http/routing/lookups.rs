//! Look-ups in the network: a bounded number at a time, given up when nobody reads any more.

use std::sync::Arc;
use std::time::Duration;

use axum::http::StatusCode;
use futures::future::BoxFuture;
use futures::stream::BoxStream;
use futures::{FutureExt as _, StreamExt as _, stream};
use libp2p::PeerId;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::Config;
use crate::api::http::Refusal;
use crate::scout::lookup::{Lookup, Provider};
use crate::telemetry::{Drop as Reason, drops};
use crate::wire::AddrList;

/// What is asked of the network; each is given up when it is dropped.
pub(super) trait Network: Send + Sync + 'static {
    /// Providers as they are found; one that came without addresses may come again with some.
    fn providers(&self, key: &[u8], limit: usize, deadline: Duration) -> BoxStream<'static, Provider>;

    fn addresses_of(&self, peer: PeerId, deadline: Duration) -> BoxFuture<'static, Option<AddrList>>;

    /// Nearest first.
    fn closest(&self, key: Vec<u8>, deadline: Duration) -> BoxFuture<'static, Vec<(PeerId, AddrList)>>;

    /// The best record of a key that peers have.
    fn value(&self, key: Vec<u8>, deadline: Duration) -> BoxFuture<'static, Option<Vec<u8>>>;

    /// Puts a valid record to the peers nearest to its key; how many took it.
    fn put_value(&self, key: Vec<u8>, value: Vec<u8>, deadline: Duration) -> BoxFuture<'static, usize>;
}

/// Peers that had a value, after which the others are not waited for (kad-dht asks for 16 at
/// most; four agree as well).
const ENOUGH_VALUES: usize = 4;

impl Network for Lookup {
    fn providers(&self, key: &[u8], limit: usize, deadline: Duration) -> BoxStream<'static, Provider> {
        let providers = Self::providers(self, key, limit, deadline);
        stream::unfold(providers, |mut providers| async { Some((providers.next().await?, providers)) })
            .boxed()
    }

    fn addresses_of(&self, peer: PeerId, deadline: Duration) -> BoxFuture<'static, Option<AddrList>> {
        let lookup = self.clone();
        async move { lookup.find_peer(&peer, deadline).await.0 }.boxed()
    }

    fn closest(&self, key: Vec<u8>, deadline: Duration) -> BoxFuture<'static, Vec<(PeerId, AddrList)>> {
        let lookup = self.clone();
        async move { lookup.find_node(&key, deadline).await.peers }.boxed()
    }

    fn value(&self, key: Vec<u8>, deadline: Duration) -> BoxFuture<'static, Option<Vec<u8>>> {
        let lookup = self.clone();
        async move { Self::value(&lookup, &key, ENOUGH_VALUES, deadline).await.value }.boxed()
    }

    fn put_value(&self, key: Vec<u8>, value: Vec<u8>, deadline: Duration) -> BoxFuture<'static, usize> {
        let lookup = self.clone();
        async move {
            let stored = Self::put_value(&lookup, &key, &value, deadline).await;
            stored.map_or(0, |stored| stored.by.len())
        }
        .boxed()
    }
}

/// The way into the network.
pub(super) struct Lookups {
    network: Arc<dyn Network>,
    places: Arc<Semaphore>,
}

/// One look-up that may be made; its place is free again when this goes.
pub(super) struct Turn {
    pub(super) network: Arc<dyn Network>,
    _place: OwnedSemaphorePermit,
}

impl Lookups {
    pub(super) fn new(config: Config, network: Arc<dyn Network>) -> Self {
        Self { network, places: Arc::new(Semaphore::new(config.lookups as usize)) }
    }

    /// Lets a look-up begin when there is a place.
    pub(super) fn begin(&self) -> Result<Turn, Refusal> {
        match Arc::clone(&self.places).try_acquire_owned() {
            Ok(place) => Ok(Turn { network: Arc::clone(&self.network), _place: place }),
            Err(_) => {
                drops::count(Reason::RoutingBusy);
                let reason = "it is not here, and as many look-ups are under way as may be; ask again soon";
                Err(Refusal::new(StatusCode::SERVICE_UNAVAILABLE, reason).retry_after(1))
            }
        }
    }
}
