//! `RecordService.FetchRecords`: providers from the network, as they are found.
//!
//! The lookup is driven here and given up when the reader goes. With `keep`, what it found
//! becomes prefetched records.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use bytes::Bytes;
use hydra_protocol::v1::fetch_records_response::Told;
use hydra_protocol::v1::{
    AskedServer, FetchRecordsRequest, FetchRecordsResponse, FetchReport, FetchedProvider,
};
use libp2p::PeerId;
use tokio::sync::mpsc;
use tonic::Status;

use crate::api::control::key;
use crate::belly::prefetched::MAX_OF_KEY;
use crate::belly::{self, Query};
use crate::dht;
use crate::hydra::Hydra;
use crate::scout::lookup::{Asked, MAX_PROVIDERS, Outcome, Provider, Report};
use crate::telemetry::AskedFor;
use crate::wire::{AddrList, Key256};

/// Seconds of a lookup, when the asker names no number, and at most.
const DEADLINE: (f64, f64) = (30.0, 300.0);

/// A reader that does not read for so long after the end of the lookup is given up.
const UNREAD: Duration = Duration::from_secs(60);

/// What is to be looked up.
#[derive(Debug, PartialEq)]
pub(super) struct Wanted {
    key: Vec<u8>,
    deadline: Duration,
    limit: usize,
    keep: bool,
}

/// Understands a request.
pub(super) fn wanted(request: &FetchRecordsRequest) -> Result<Wanted, Status> {
    let key = key::parse(&request.key).map_err(Status::invalid_argument)?;
    let seconds = match request.deadline_seconds {
        0.0 => DEADLINE.0,
        seconds if seconds > 0.0 => seconds.min(DEADLINE.1),
        seconds => {
            return Err(Status::invalid_argument(format!("a deadline of {seconds} s: give more than 0 s")));
        }
    };
    let limit = match request.limit {
        0 => MAX_PROVIDERS,
        limit => (limit as usize).min(MAX_PROVIDERS),
    };
    Ok(Wanted { key, deadline: Duration::from_secs_f64(seconds), limit, keep: request.keep })
}

/// Where the answer goes.
type Reader = mpsc::Sender<Result<FetchRecordsResponse, Status>>;

/// Looks up and sends, until the lookup ends or the reader has gone. One that does not read
/// does not hold its place for ever.
pub(super) async fn run(hydra: &Hydra, wanted: Wanted, send: &Reader) {
    let most = wanted.deadline + UNREAD;
    if tokio::time::timeout(most, look_up(hydra, wanted, send)).await.is_err() {
        tracing::debug!("a lookup for hydractl was given up: its reader does not read");
    }
}

async fn look_up(hydra: &Hydra, wanted: Wanted, send: &Reader) {
    let began = Instant::now();
    let mut providers =
        hydra.scout.lookup(AskedFor::Clients).providers(&wanted.key, wanted.limit, wanted.deadline);
    let mut found: HashMap<_, AddrList> = HashMap::new();
    loop {
        let next = tokio::select! {
            next = providers.next() => next,
            () = send.closed() => return,
        };
        let Some(next) = next else { break };
        // it comes again when somebody knows its addresses
        found.entry(next.peer).or_default().clone_from(&next.addrs);
        let told = Told::Provider(provider(&next, began.elapsed()));
        if send.send(Ok(FetchRecordsResponse { told: Some(told) })).await.is_err() {
            return;
        }
    }
    let mut report = report(&wanted.key, found.len(), providers.report());
    if wanted.keep {
        (report.stored, report.stored_seconds) = keep(hydra, &wanted.key, found).await;
    }
    let told = Told::Report(report);
    // the reader may have gone
    send.send(Ok(FetchRecordsResponse { told: Some(told) })).await.ok();
}

/// Keeps what was found and not announced to us; how many providers, and for how many seconds.
async fn keep(hydra: &Hydra, key: &[u8], mut found: HashMap<PeerId, AddrList>) -> (u32, f64) {
    let announced =
        Query { key: Some(Bytes::copy_from_slice(key)), prefetched: Some(false), ..Query::default() };
    if let Ok(page) = hydra.belly.page(announced, None, MAX_PROVIDERS).await {
        page.records.iter().for_each(|record| drop(found.remove(&record.provider)));
    }
    let found: Vec<_> =
        found.into_iter().take(MAX_OF_KEY).map(|(peer, addrs)| belly::Provider { peer, addrs }).collect();
    if found.is_empty() {
        return (0, 0.0);
    }
    let near = hydra.table.snapshot().is_near(&Key256::of(key), dht::NEAR);
    let life = hydra.prefetch.keep(key, near, &found, "dht");
    (found.len() as u32, life.as_secs_f64())
}

fn provider(provider: &Provider, after: Duration) -> FetchedProvider {
    FetchedProvider {
        peer_id: provider.peer.to_base58(),
        addresses: provider.addrs.parsed().map(|addr| addr.to_string()).collect(),
        from_peer_id: provider.from.to_base58(),
        hop: provider.hop,
        after_seconds: after.as_secs_f64(),
    }
}

fn report(multihash: &[u8], providers: usize, report: &Report) -> FetchReport {
    FetchReport {
        multihash: multihash.to_vec(),
        cid_raw: key::cid_raw(multihash),
        key: report.place.0.to_vec(),
        providers: providers as u32,
        ended: report.ended.as_str().to_owned(),
        took_seconds: report.took.as_secs_f64(),
        started_from: report.started_from as u32,
        found_at_hop: report.found_at_hop,
        asked: report.asked.iter().map(asked).collect(),
        stored: 0,
        stored_seconds: 0.0,
    }
}

fn asked(asked: &Asked) -> AskedServer {
    let (outcome, error, closer, providers) = match &asked.outcome {
        Outcome::Waiting => ("waiting", String::new(), 0, 0),
        Outcome::Answered { closer, providers, .. } => ("answered", String::new(), *closer, *providers),
        Outcome::Failed(error) => ("failed", error.to_string(), 0, 0),
    };
    let waits = asked.outcome == Outcome::Waiting;
    AskedServer {
        peer_id: asked.peer.to_base58(),
        agent: asked.agent.to_string(),
        hop: asked.hop,
        shared_bits: asked.shared_bits,
        outcome: outcome.to_owned(),
        error,
        closer: closer as u32,
        providers: providers as u32,
        // of one that waits it is the moment when it was asked
        took_seconds: (!waits).then_some(asked.took.as_secs_f64()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CID: &str = "bafkreid4ca2qy2cyg3fseshha4ubpgkkmlmjppkdq4paa5hbm3spmtkkem";

    fn request(deadline_seconds: f64, limit: u32, keep: bool) -> FetchRecordsRequest {
        FetchRecordsRequest { key: CID.to_owned(), deadline_seconds, limit, keep }
    }

    #[test]
    fn a_lookup_has_a_deadline_and_a_limit_whatever_is_asked_for() {
        let of = |deadline, limit| {
            let wanted = wanted(&request(deadline, limit, false)).expect("good");
            (wanted.deadline.as_secs_f64(), wanted.limit)
        };
        assert_eq!(of(0.0, 0), (30.0, 10_000));
        assert_eq!(of(0.25, 3), (0.25, 3));
        assert_eq!(of(f64::INFINITY, u32::MAX), (300.0, 10_000));
        for bad in [-1.0, f64::NAN, f64::NEG_INFINITY] {
            assert!(wanted(&request(bad, 0, false)).is_err(), "{bad}");
        }
    }

    #[test]
    fn only_who_asks_for_it_has_them_kept() {
        let keeps = |keep| wanted(&request(0.0, 0, keep)).expect("good").keep;
        assert_eq!((keeps(true), keeps(false)), (true, false));
    }
}
