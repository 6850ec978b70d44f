//! `/records/fetch/{cid}`: providers of a key, from the belly and then from the network.
//!
//! Nothing is stored, and the lookup is given up when the client goes.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::Response;
use cid::Cid;
use libp2p::PeerId;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;

use super::peers::AddrInfo;
use super::{Shared, ndjson, parameters};
use crate::api::http::Refusal;
use crate::hydra::Hydra;
use crate::scout::lookup::MAX_PROVIDERS;
use crate::telemetry::AskedFor;
use crate::wire::AddrList;

/// A lookup in the network ends after this.
const DEADLINE: Duration = Duration::from_secs(30);

/// Whoever asks for one more key than are looked up at a time waits so long for a place.
const WAIT: Duration = Duration::from_secs(20);

/// The longest text that is read as a CID.
const LONGEST: usize = 256;

/// Providers found ahead of a slow reader.
const AHEAD: usize = 64;

pub(super) async fn fetch(
    State(shared): State<Shared>,
    Path(cid): Path<String>,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Refusal> {
    let key = key(&cid)?;
    let limit = limit(parameters::value("nProviders", &uri, &headers, &body))?;
    let (send, mut found) = mpsc::channel(AHEAD);
    let busy = || {
        let text = "as many keys as may be are being looked up in the network; ask again later";
        Refusal::new(StatusCode::SERVICE_UNAVAILABLE, text).retry_after(10)
    };
    let place = tokio::time::timeout(WAIT, Arc::clone(&shared.fetches).acquire_owned());
    let place = place.await.map_err(|_| busy())?.map_err(|_| busy())?;
    tokio::spawn(async move {
        look_up(&shared.hydra, &key, limit, &send).await;
        drop(place);
    });
    // the status is known with the first provider, or at the end
    let Some(first) = found.recv().await else {
        let text = format!("no provider of {cid} is known here, and the network named none");
        return Err(Refusal::new(StatusCode::NOT_FOUND, text));
    };
    let lines = futures::StreamExt::chain(
        futures::stream::iter([Ok::<_, std::convert::Infallible>(first)]),
        futures::StreamExt::map(ReceiverStream::new(found), Ok),
    );
    Ok(ndjson::streamed(lines))
}

/// The DHT key of a CID.
fn key(text: &str) -> Result<Vec<u8>, Refusal> {
    let refused = |why: &dyn std::fmt::Display| Refusal::bad_request(format!("{text:.80?} is no CID: {why}"));
    if text.len() > LONGEST {
        return Err(refused(&format!("it has {} characters", text.len())));
    }
    match Cid::try_from(text) {
        Ok(cid) => Ok(cid.hash().to_bytes()),
        Err(error) => Err(refused(&error)),
    }
}

/// How many are wanted; 0 is all, which is [`MAX_PROVIDERS`] at most, as is any greater number.
fn limit(text: Option<String>) -> Result<usize, Refusal> {
    let Some(text) = text else { return Ok(1) };
    let Ok(number) = text.parse::<i64>() else {
        return Err(Refusal::bad_request(format!("nProviders is {text:.40?}: give a whole number")));
    };
    match usize::try_from(number) {
        Ok(0) => Ok(MAX_PROVIDERS),
        Ok(number) => Ok(number.min(MAX_PROVIDERS)),
        Err(_) => Err(Refusal::bad_request(format!("nProviders is {number}: give 0 for all, or how many"))),
    }
}

/// Sends providers until there are enough, no more are found, or the reader has gone.
async fn look_up(hydra: &Hydra, key: &[u8], limit: usize, send: &mpsc::Sender<Bytes>) {
    let mut sent = HashSet::new();
    for provider in hydra.belly.providers(key, limit).await {
        if sent.insert(provider.peer) && send.send(line(&provider.peer, &provider.addrs)).await.is_err() {
            return;
        }
    }
    if sent.len() >= limit {
        return;
    }
    let mut providers = hydra.scout.lookup(AskedFor::Clients).providers(key, limit, DEADLINE);
    while sent.len() < limit {
        let next = tokio::select! {
            next = providers.next() => next,
            () = send.closed() => return,
        };
        let Some(next) = next else { return };
        if sent.insert(next.peer) && send.send(line(&next.peer, &next.addrs)).await.is_err() {
            return;
        }
    }
}

fn line(peer: &PeerId, addrs: &AddrList) -> Bytes {
    let addrs = addrs.parsed().map(|addr| addr.to_string()).collect();
    let mut out = Vec::new();
    ndjson::line(&mut out, &AddrInfo { id: peer.to_base58(), addrs });
    out.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status<T>(result: Result<T, Refusal>) -> u16 {
        result.err().map_or(200, |refusal| refusal.status().as_u16())
    }

    #[test]
    fn numbers_of_providers_are_bounded_and_nonsense_is_refused() {
        let read = |text: &str| limit(Some(text.to_owned()));
        assert_eq!(limit(None).ok(), Some(1));
        for (text, limit) in [("5", 5), ("+5", 5), ("0", MAX_PROVIDERS), ("100000000", MAX_PROVIDERS)] {
            assert_eq!(read(text).ok(), Some(limit), "{text}");
        }
        for text in ["-1", "-100000000", "x", "1.5", "99999999999999999999", " 1"] {
            assert_eq!(status(read(text)), 400, "{text}");
        }
    }

    #[test]
    fn cids_of_both_versions_are_read_and_anything_else_is_refused() {
        let v0 = "QmVBEq6nnXQR2Ueb6etMFMUVhGM5vu34Y2KfHW5FVdGFok";
        assert_eq!(key(v0).expect("a CID").len(), 34);
        key("bafkreid4ca2qy2cyg3fseshha4ubpgkkmlmjppkdq4paa5hbm3spmtkkem").expect("a CID");
        for text in ["", "x", "Qm", &v0[1..], "bafy!!!", &"Q".repeat(100_000), "\u{0}", "z"] {
            assert_eq!(status(key(text)), 400, "{text:.50}");
        }
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_a_cid_or_refused(text in "\\PC*") {
            key(&text).ok();
        }
    }
}
