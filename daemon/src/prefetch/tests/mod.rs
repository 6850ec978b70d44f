//! The prefetcher: its queue under any order of events, and the whole with invented sources.

mod figure;
mod model;
mod queue;
mod whole;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use bytes::Bytes;
use futures::future::{BoxFuture, FutureExt as _};
use libp2p::PeerId;
use libp2p::swarm::ConnectionId;

use super::source::{Errand, Failed, Mode, Source};
use crate::belly::Provider;
use crate::dht::Miss;
use crate::dht::misses::Asker;
use crate::routing::contacts::{Contact, Side};
use crate::wire::AddrList;

/// A source that answers as it is told.
struct Invented {
    name: &'static str,
    mode: Mode,
    answer: Answer,
    asked: AtomicU64,
}

#[derive(Clone)]
enum Answer {
    Providers(Vec<Provider>),
    Fail,
    Panic,
    Never,
    After(Duration, Vec<Provider>),
}

impl Invented {
    fn new(name: &'static str, answer: Answer) -> Arc<Self> {
        Self::with(name, Mode::Background { deadline: Duration::from_millis(200) }, answer)
    }

    fn inline(name: &'static str, deadline: Duration, answer: Answer) -> Arc<Self> {
        Self::with(name, Mode::Inline { deadline }, answer)
    }

    fn with(name: &'static str, mode: Mode, answer: Answer) -> Arc<Self> {
        Arc::new(Self { name, mode, answer, asked: AtomicU64::new(0) })
    }

    fn asked(&self) -> u64 {
        self.asked.load(Relaxed)
    }
}

impl Source for Invented {
    fn name(&self) -> &str {
        self.name
    }

    fn mode(&self) -> Mode {
        self.mode
    }

    fn fetch(&self, errand: Errand) -> BoxFuture<'static, Result<Vec<Provider>, Failed>> {
        self.asked.fetch_add(1, Relaxed);
        errand.asked.peer();
        let answer = self.answer.clone();
        async move {
            match answer {
                Answer::Providers(providers) => Ok(providers),
                Answer::Fail => Err(Failed("no route to host".to_owned())),
                Answer::Panic => panic!("a source that is broken"),
                Answer::Never => std::future::pending().await,
                Answer::After(time, providers) => {
                    tokio::time::sleep(time).await;
                    Ok(providers)
                }
            }
        }
        .boxed()
    }
}

fn peer(n: u32) -> PeerId {
    let mut digest = [7; 32];
    digest[28..].copy_from_slice(&n.to_be_bytes());
    let hash = libp2p::multihash::Multihash::wrap(0x12, &digest).expect("32 bytes fit");
    PeerId::from_multihash(hash).expect("SHA-256 is a peer id")
}

fn provider(n: u32) -> Provider {
    let addr: libp2p::Multiaddr = "/ip4/8.8.4.4/tcp/4001".parse().expect("an address");
    Provider { peer: peer(n), addrs: [&addr].into_iter().collect() }
}

fn hidden(n: u32) -> Provider {
    let addr: libp2p::Multiaddr = "/ip4/10.0.0.1/tcp/4001".parse().expect("an address");
    Provider { peer: peer(n), addrs: AddrList::from_raw([addr.as_ref()]) }
}

fn key(n: u32) -> Bytes {
    Bytes::copy_from_slice(&n.to_be_bytes())
}

/// Somebody who asks from an address of his own.
fn somebody(n: u32) -> Contact {
    let remote = format!("/ip4/{}.{}.{}.1/tcp/4001", 11 + n / 65_536 % 100, n / 256 % 256, n % 256);
    let remote = remote.parse().expect("an address");
    Contact::new(ConnectionId::new_unchecked(1), peer(n), Side::Head(0), true, remote)
}

fn miss(n: u32, asker: u64, near: bool) -> Miss {
    Miss { key: key(n), asker: Asker(asker.wrapping_mul(0x9e37_79b9_7f4a_7c15)), near, waiter: None }
}
