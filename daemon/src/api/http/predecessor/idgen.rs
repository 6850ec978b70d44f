//! `/idgen/`: ids for the heads of other hydras, from the same sequence as our own heads'.
//!
//! All of it needs the token: it hands out private keys.

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Extension, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse as _, Response};
use data_encoding::BASE64;
use jiff::Timestamp;
use libp2p::PeerId;
use libp2p::identity::Keypair;
use serde::Serialize;

use super::{Shared, ndjson};
use crate::api::http::{Client, Refusal};
use crate::hydra::lease::LeaseError;
use crate::net::idgen::MAX_RENEWED;
use crate::state::StateError;

/// Says how many seconds an id is on lease.
const LEASE_SECONDS: &str = "hydra-lease-seconds";

type Answer = Result<Response, Refusal>;

fn failed(error: &StateError) -> Refusal {
    tracing::error!(%error, "the state could not be used for /idgen/");
    Refusal::new(
        StatusCode::INTERNAL_SERVER_ERROR,
        "the leases cannot be read or written; the log of hydrad says more",
    )
}

/// Answers with a new private key, as the predecessor does: base64 of its protobuf, as a JSON
/// string.
pub(super) async fn add(
    State(shared): State<Shared>,
    Extension(client): Extension<Client>,
    headers: HeaderMap,
) -> Answer {
    shared.token.check(&headers)?;
    let hydra = &shared.hydra;
    let lease = hydra.lease(client.from.ip().to_string()).await.map_err(|error| match &error {
        LeaseError::NoIndex(_) | LeaseError::Borrower | LeaseError::State(StateError::TooManyLeases) => {
            Refusal::new(StatusCode::SERVICE_UNAVAILABLE, error.to_string())
        }
        LeaseError::State(error) => failed(error),
        LeaseError::Roster(error) => Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, error.to_string()),
    })?;
    let key = lease.identity.keypair.to_protobuf_encoding();
    let key =
        key.map_err(|_| Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, "the key cannot be encoded"))?;
    tracing::info!(index = lease.identity.index, peer = %lease.identity.peer_id, from = %client.from, "an id was leased");
    let mut response = Json(BASE64.encode(&key)).into_response();
    response.headers_mut().insert(LEASE_SECONDS, HeaderValue::from(hydra.lease_time().as_secs()));
    Ok(response)
}

/// Takes an id back by its private key; one that nobody has is taken back, too.
pub(super) async fn remove(State(shared): State<Shared>, headers: HeaderMap, body: Bytes) -> Answer {
    shared.token.check(&headers)?;
    let peer = key_of(&body).map_err(|reason| Refusal::new(StatusCode::BAD_REQUEST, reason))?;
    shared.hydra.state.end_lease(peer).await.map_err(|error| failed(&error))?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// The peer id of the private key in a body; what follows the first JSON value is not read.
fn key_of(body: &[u8]) -> Result<PeerId, &'static str> {
    let text = serde_json::Deserializer::from_slice(body).into_iter::<String>().next();
    let text = text.and_then(Result::ok).ok_or("the body is no JSON string")?;
    let key = BASE64.decode(text.as_bytes()).map_err(|_| "the string is not base64")?;
    let key = Keypair::from_protobuf_encoding(&key);
    key.map(|key| key.public().to_peer_id())
        .map_err(|_| "the bytes are no Ed25519 private key in libp2p's protobuf")
}

#[derive(Serialize)]
struct Renewed {
    #[serde(rename = "Renewed")]
    renewed: Vec<String>,
    /// These have run out, or were never handed out: their ids may be somebody else's.
    #[serde(rename = "Unknown")]
    unknown: Vec<String>,
    #[serde(rename = "Expires")]
    expires: String,
}

/// Renews the leases of peer ids: `["12D3Koo…", …]`.
pub(super) async fn renew(State(shared): State<Shared>, headers: HeaderMap, body: Bytes) -> Answer {
    shared.token.check(&headers)?;
    let bad = |reason: String| Refusal::new(StatusCode::BAD_REQUEST, reason);
    let ids: Vec<String> = serde_json::from_slice(&body)
        .map_err(|error| bad(format!("the body is no JSON array of peer ids: {error}")))?;
    if ids.len() > MAX_RENEWED {
        return Err(bad(format!("{} ids are more than {MAX_RENEWED}", ids.len())));
    }
    let peers: Result<Vec<PeerId>, _> =
        ids.iter().map(|id| id.parse().map_err(|_| bad(format!("{id:.80?} is no peer id")))).collect();
    let peers = peers?;
    let renewed = shared.hydra.renew_leases(peers.clone()).await;
    let (renewed, expires) = renewed.map_err(|error| failed(&error))?;
    let unknown = peers.iter().filter(|peer| !renewed.contains(peer)).map(|peer| peer.to_base58()).collect();
    let renewed = renewed.iter().map(|peer| peer.to_base58()).collect();
    Ok(Json(Renewed { renewed, unknown, expires: time(expires) }).into_response())
}

#[derive(Serialize)]
struct Leased {
    #[serde(rename = "ID")]
    id: String,
    #[serde(rename = "Index")]
    index: u32,
    #[serde(rename = "Client")]
    client: String,
    #[serde(rename = "Leased")]
    leased: String,
    #[serde(rename = "Expires")]
    expires: String,
}

/// Who has which id, and until when.
pub(super) async fn list(State(shared): State<Shared>, headers: HeaderMap) -> Answer {
    shared.token.check(&headers)?;
    let leases = shared.hydra.state.leases().await.map_err(|error| failed(&error))?;
    Ok(ndjson::rows(leases.into_iter().map(|lease| Leased {
        id: lease.peer_id.to_base58(),
        index: lease.index,
        client: lease.client,
        leased: time(lease.leased_at),
        expires: time(lease.expires_at),
    })))
}

/// RFC 3339, in whole seconds.
fn time(time: std::time::SystemTime) -> String {
    Timestamp::try_from(time).map(|time| format!("{time:.0}")).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The README's example of hydra-booster.
    const KEY: &str =
        "CAESQNcYNr0ENfml2IaiE97Kf3hGTqfB5k5W+C2/dW0o0sJ7b7zsvxWMedz64vKpS2USpXFBKKM9tWDmcc22n3FBnow=";

    #[test]
    fn the_predecessors_key_is_read_and_nonsense_is_refused() {
        let id = key_of(format!("\"{KEY}\"\n").as_bytes()).expect("a key");
        assert_eq!(id.to_base58(), "12D3KooWHLYWVZ5FKThufgVmM9sy2j8Dq2iNmWEc7yM3EfugT9sR");
        for bad in ["", "x", "{}", "\"!\"", "\"AAAA\"", KEY, "[\"a\"]"] {
            key_of(bad.as_bytes()).expect_err(bad);
        }
    }
}
