//! Delegated Routing V1: what light clients and other routers ask instead of the DHT.
//!
//! Owns the five endpoints of the specification (`http-routing-v1`), their answers and headers.
//! Each is answered from what is here, in microseconds, and only then by a look-up of the
//! scout's. Must not: store what it finds, look up more than it may whatever strangers ask, or
//! ask the delegated routers of prefetch: two hydras that are each other's would never end.

mod answer;
mod asker;
mod closest;
mod filter;
mod form;
mod ipns;
mod lookups;
mod name;
mod peers;
mod providers;
mod record;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::http::{Method, StatusCode, Uri};
use axum::middleware::from_fn_with_state;
use axum::routing::get;
use tower_http::compression::predicate::{NotForContentType, Predicate as _, SizeAbove};
use tower_http::compression::{CompressionLayer, CompressionLevel};

use crate::api::http::Refusal;
use crate::belly::Belly;
use crate::dht::Service;
use crate::hydra::Hydra;
use crate::routing::{Contacts, Table};
use crate::telemetry::AskedFor;

use asker::Limits;
use lookups::{Lookups, Network};

/// Settings of the door.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Config {
    /// Requests a second of one client address; 0: as many as it likes.
    pub requests_per_second: u32,
    /// Look-ups a second of one client address.
    pub lookups_per_second: u32,
    /// Look-ups at one time, of all clients.
    pub lookups: u32,
}

impl Default for Config {
    fn default() -> Self {
        Self { requests_per_second: 200, lookups_per_second: 10, lookups: 64 }
    }
}

/// Most records of a JSON answer (the specification's number), and of a stream (someguy's).
const MAX_JSON: usize = 100;
const MAX_STREAM: usize = 1000;

/// A look-up ends after this long with what it has.
const LOOKUP: Duration = Duration::from_secs(20);

/// Smaller answers are not compressed: they fit into one packet.
const COMPRESSED: u16 = 1024;

/// What all endpoints stand on.
struct Desk {
    belly: Arc<dyn Belly>,
    table: Arc<Table>,
    contacts: Arc<Contacts>,
    service: Arc<Service>,
    lookups: Lookups,
    limits: Limits,
}

/// All its paths.
pub fn router(config: Config, hydra: &Hydra) -> Router {
    let network: Arc<dyn Network> = Arc::new(hydra.scout.lookup(AskedFor::Clients));
    routes(Arc::new(Desk {
        belly: Arc::clone(&hydra.belly),
        table: Arc::clone(&hydra.table),
        contacts: Arc::clone(&hydra.contacts),
        service: Arc::clone(&hydra.service),
        lookups: Lookups::new(config, network),
        limits: Limits::new(config),
    }))
}

fn routes(desk: Arc<Desk>) -> Router {
    let compressed = SizeAbove::new(COMPRESSED).and(NotForContentType::const_new(form::NDJSON));
    let compression =
        CompressionLayer::new().gzip(true).quality(CompressionLevel::Fastest).compress_when(compressed);
    Router::new()
        .route("/routing/v1/providers/{cid}", get(providers::get))
        .route("/routing/v1/peers/{id}", get(peers::get))
        .route("/routing/v1/ipns/{name}", get(ipns::get).put(ipns::put))
        .route("/routing/v1/dht/closest/peers/{key}", get(closest::get))
        .fallback(unknown_path)
        .method_not_allowed_fallback(unknown_method)
        .layer(compression)
        .layer(from_fn_with_state(Arc::clone(&desk), asker::admit))
        .with_state(desk)
}

/// The specification wants 400 where HTTP has 404.
async fn unknown_path(uri: Uri) -> Refusal {
    let path: String = uri.path().chars().take(100).collect();
    Refusal::bad_request(format!(
        "there is no {path:?}; there are /routing/v1/providers/CID, /routing/v1/peers/ID, \
         /routing/v1/ipns/NAME and /routing/v1/dht/closest/peers/KEY"
    ))
}

/// And 501 where HTTP has 405.
async fn unknown_method(method: Method) -> Refusal {
    let reason = format!("this path does not take {method}; only /routing/v1/ipns/NAME takes PUT");
    Refusal::new(StatusCode::NOT_IMPLEMENTED, reason)
}
