//! `GET /routing/v1/peers/{id}`: where a peer is.

use std::sync::Arc;

use axum::Extension;
use axum::body::Bytes;
use axum::extract::{Path, Query, State};
use axum::http::HeaderMap;
use axum::response::Response;
use futures::stream;
use libp2p::PeerId;

use super::answer::{self, List};
use super::asker::Asker;
use super::filter::Filter;
use super::form::Form;
use super::{Desk, LOOKUP, name, record};
use crate::api::http::Refusal;
use crate::wire::AddrList;

/// From connections, the table and announcements; else by a look-up.
pub(super) async fn get(
    State(desk): State<Arc<Desk>>,
    Path(id): Path<String>,
    Query(query): Query<Vec<(String, String)>>,
    Extension(asker): Extension<Asker>,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    let (form, filter, peer) = (Form::of(&headers)?, Filter::read(&query)?, name::peer(&id)?);
    let announced = desk.belly.addresses_of(&peer).await.unwrap_or_default();
    let mut addrs = desk.nearby(&peer).union(&announced);
    if addrs.is_empty() {
        let turn = desk.turn(asker)?;
        addrs = turn.network.addresses_of(peer, LOOKUP).await.unwrap_or_default();
    }
    // a record without addresses tells the client nothing that it did not know
    let found = (!addrs.is_empty()).then_some((peer, addrs));
    Ok(records(form, &filter, found.into_iter()).await)
}

/// Peers that are all known, in either form.
pub(super) async fn records(
    form: Form,
    filter: &Filter,
    peers: impl Iterator<Item = (PeerId, AddrList)>,
) -> Response {
    match form {
        Form::Json => {
            let mut list = List::json("Peers");
            for (peer, addrs) in peers {
                list.push(|out| record::write(out, &peer, &addrs, filter));
            }
            list.answer()
        }
        Form::Ndjson => {
            let mut lines = Vec::new();
            for (peer, addrs) in peers {
                if record::write(&mut lines, &peer, &addrs, filter) {
                    lines.push(b'\n');
                }
            }
            let lines = (!lines.is_empty()).then(|| Bytes::from(lines));
            answer::lines(stream::iter(lines)).await
        }
    }
}
