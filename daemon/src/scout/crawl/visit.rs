//! One visit to a peer: does it answer, and whom does it know?

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use libp2p::PeerId;

use crate::net::RpcError;
use crate::scout::answer;
use crate::scout::asker::{Question, Source};
use crate::scout::crawl::keys::{BITS, key_beside};
use crate::scout::lookup::{Eyes, PEER};
use crate::wire::{AddrList, Key256, Kind};

/// Time to reach a peer and have its first answer.
const FIRST: Duration = Duration::from_secs(12);

/// Peers taken from one visit; good servers name about 200.
const MAX_NAMED: usize = 320;

/// Whom to visit.
#[derive(Debug, Clone)]
pub(super) struct Errand {
    pub(super) peer: PeerId,
    pub(super) addrs: AddrList,
    pub(super) source: Source,
    /// Also ask for what it knows of each part of the keyspace.
    pub(super) walk: bool,
    /// When that was done last, as far as is known from an earlier run.
    pub(super) walked: Option<SystemTime>,
}

/// What came of it.
#[derive(Debug)]
pub(super) struct Visit {
    pub(super) errand: Errand,
    pub(super) result: Result<Known, RpcError>,
}

/// What an answering peer told.
#[derive(Debug, Default)]
pub(super) struct Known {
    /// The quickest of its answers.
    pub(super) latency: Duration,
    pub(super) named: HashMap<PeerId, AddrList>,
    /// Its buckets were asked for; it may have ended that.
    pub(super) walked: bool,
}

/// Visits a peer.
pub(super) async fn visit(eyes: Arc<Eyes>, errand: Errand) -> Visit {
    let result = ask_all(&eyes, &errand).await;
    Visit { errand, result }
}

async fn ask_all(eyes: &Eyes, errand: &Errand) -> Result<Known, RpcError> {
    let place = Key256::of_peer(&errand.peer);
    let mut known = Known { latency: Duration::MAX, ..Known::default() };
    ask(eyes, errand, &errand.peer.to_bytes(), FIRST, &mut known).await?;
    if !errand.walk {
        return Ok(known);
    }
    let mut empty = 0;
    for shared in 0..BITS {
        // a peer that answered is there, even when it does not go on
        let Ok(buckets) = ask(eyes, errand, &key_beside(&place, shared), PEER, &mut known).await else {
            break;
        };
        // behind two empty buckets are only its nearest, which it named at first
        empty = if buckets >> shared & 1 == 1 { 0 } else { empty + 1 };
        if empty == 2 {
            break;
        }
    }
    known.walked = true;
    Ok(known)
}

/// Asks for one key. Gives the buckets of the asked peer that the named ones are in, a bit each.
async fn ask(
    eyes: &Eyes,
    errand: &Errand,
    key: &[u8],
    patience: Duration,
    known: &mut Known,
) -> Result<u32, RpcError> {
    let question = Question::about(Kind::FindNode, key);
    let answered =
        eyes.asker.ask(errand.peer, errand.addrs.clone(), errand.source, &question, patience).await?;
    let message = answer::read(&answered.body)?;
    known.latency = known.latency.min(answered.took);
    let place = Key256::of_peer(&errand.peer);
    let mut buckets = 0;
    for (peer, addrs) in answer::closer(&message, eyes.policy, &eyes.table, &eyes.me) {
        if peer == errand.peer {
            continue;
        }
        buckets |= 1 << Key256::of_peer(&peer).shared_bits(&place).min(u32::BITS - 1);
        if known.named.len() < MAX_NAMED {
            known.named.entry(peer).or_insert(addrs);
        }
    }
    Ok(buckets)
}
