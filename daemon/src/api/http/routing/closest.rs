//! `GET /routing/v1/dht/closest/peers/{key}`: the servers nearest to a key (IPIP-476).

use std::sync::Arc;

use axum::Extension;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;

use super::asker::Asker;
use super::filter::Filter;
use super::form::Form;
use super::{Desk, LOOKUP, name, peers};
use crate::api::http::Refusal;
use crate::wire::Key256;
use crate::wire::bounds::K;

/// Servers that the table must have to be asked instead of the network: fewer, and the crawl
/// has hardly begun.
const TABLE: usize = 10 * K;

/// From the table, which the scout keeps as large as the network; else by a look-up.
pub(super) async fn get(
    State(desk): State<Arc<Desk>>,
    Path(key): Path<String>,
    Query(query): Query<Vec<(String, String)>>,
    Extension(asker): Extension<Asker>,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    let (form, filter, key) = (Form::of(&headers)?, Filter::read(&query)?, name::key(&key)?);
    let place = Key256::of(&key);
    let here = || -> Vec<_> {
        let table = desk.table.snapshot();
        table.closest(&place, K).into_iter().map(|entry| (entry.peer, entry.addrs.clone())).collect()
    };
    let closest = if desk.table.snapshot().others() >= TABLE {
        here()
    } else {
        let turn = desk.turn(asker)?;
        // what the table has counts with what answered: our own heads are not asked
        let mut closest = turn.network.closest(key, LOOKUP).await;
        let known: Vec<_> =
            here().into_iter().filter(|(peer, _)| closest.iter().all(|(p, _)| p != peer)).collect();
        closest.extend(known);
        closest.sort_by_key(|(peer, _)| Key256::of_peer(peer).distance(&place));
        closest.truncate(K);
        closest
    };
    if closest.is_empty() {
        let reason = "no server of the DHT is known yet; ask again when the first crawl has begun";
        return Err(Refusal::new(StatusCode::NOT_FOUND, reason));
    }
    Ok(peers::records(form, &filter, closest.into_iter()).await)
}
