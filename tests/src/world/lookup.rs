//! The iterative lookup, and what is built on it: providing, finding, putting, getting.
//!
//! Owns the order in which peers are asked (Kademlia: always the closest not yet asked,
//! until the 20 closest have answered). Asks through [`LightPeer::request`] only.

use std::collections::{HashMap, HashSet};
use std::ops::ControlFlow;

use anyhow::{Result, ensure};
use bytes::Bytes;
use futures::StreamExt as _;
use futures::stream::FuturesUnordered;
use libp2p::PeerId;

use super::answer::heard;
use super::peer::LightPeer;
use super::table::{K, Known, Place, distance, place};
use crate::load::ipns;
use crate::load::keys;
use crate::load::message::{Kind, Message, Peer};

/// Requests of one walk under way at once.
const ALPHA: usize = 3;
/// Most peers asked in one walk.
const MOST_ASKED: usize = 500;

/// What a walk found.
#[derive(Clone, Debug)]
pub struct Walked {
    /// The closest that answered, closest first, at most 20.
    pub closest: Vec<Known>,
    /// Peers asked, the silent ones too.
    pub asked: usize,
    /// Peers that did not answer.
    pub failed: usize,
}

impl LightPeer {
    /// The 20 closest servers to a key.
    pub async fn lookup(&self, key: &[u8]) -> Walked {
        self.walk(Kind::FindNode, key, |_| ControlFlow::Continue(())).await
    }

    /// Announces that this peer has `key` to the 20 closest servers; how many took it.
    ///
    /// # Errors
    /// When no server was found, or none took it.
    pub async fn provide(&self, key: &[u8]) -> Result<usize> {
        let walked = self.lookup(key).await;
        let me = keys::peer(&self.peer(), self.addresses(), 1);
        let message = Message::announce(key.to_vec(), me);
        let mut told = 0;
        for known in &walked.closest {
            told += usize::from(self.request(known, &message).await.is_ok());
        }
        ensure!(told > 0, "provide: none of {} servers took the announcement", walked.closest.len());
        Ok(told)
    }

    /// The providers that the first server with any names; empty when no server has one.
    pub async fn find_providers(&self, key: &[u8]) -> Vec<Peer> {
        let mut found = Vec::new();
        self.walk(Kind::GetProviders, key, |reply| {
            found.append(&mut reply.providers);
            if found.is_empty() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        })
        .await;
        found
    }

    /// Puts this peer's IPNS record to the 20 closest servers; how many took it.
    ///
    /// # Errors
    /// When the record cannot be signed, or no server took it.
    pub async fn publish(&self, value: &str, sequence: u64) -> Result<usize> {
        let key = ipns::key_of(&self.peer());
        let lifetime = std::time::Duration::from_secs(48 * 3600);
        let message = Message::put(key.clone(), ipns::record(self.keypair(), value, sequence, lifetime)?);
        let walked = self.lookup(&key).await;
        let mut took = 0;
        for known in &walked.closest {
            took += usize::from(self.request(known, &message).await.is_ok());
        }
        ensure!(took > 0, "publish: none of {} servers took the record", walked.closest.len());
        Ok(took)
    }

    /// The first record of a peer's name that is found and rightly signed.
    pub async fn resolve(&self, name: &PeerId) -> Option<Bytes> {
        let key = ipns::key_of(name);
        let mut found = None;
        self.walk(Kind::GetValue, &key, |reply| {
            let value = reply.record.take().map(|record| record.value);
            found = value.filter(|value| ipns::sequence_if_signed(&key, value).is_some());
            if found.is_some() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        })
        .await;
        found
    }

    async fn walk(
        &self,
        kind: Kind,
        key: &[u8],
        mut on_reply: impl FnMut(&mut Message) -> ControlFlow<()>,
    ) -> Walked {
        let target = place(key);
        let message = Message::new(kind, key.to_vec());
        let mut frontier = Frontier::new(self.peer(), target);
        for known in self.mind.table().closest(&target, K) {
            frontier.add(known);
        }
        let mut asking = FuturesUnordered::new();
        loop {
            while asking.len() < ALPHA
                && let Some(next) = frontier.next()
            {
                let message = &message;
                asking.push(async move {
                    let reply = self.request(&next, message).await;
                    (next, reply)
                });
            }
            match asking.next().await {
                Some((known, Ok(Some(mut reply)))) => {
                    frontier.answered(known.peer);
                    for peer in &reply.closer {
                        if let Some(known) = heard(self.mind.reach, peer) {
                            frontier.add(known);
                        }
                    }
                    if on_reply(&mut reply).is_break() {
                        break;
                    }
                }
                Some((known, _)) => {
                    frontier.failed(known.peer);
                    self.mind.table_mut().remove(&known.peer);
                }
                None => break,
            }
        }
        frontier.walked()
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Step {
    Heard,
    Asked,
    Answered,
    Failed,
}

/// The peers of one walk by distance.
struct Frontier {
    myself: PeerId,
    target: Place,
    /// Closest first.
    peers: Vec<(Place, Known)>,
    steps: HashMap<PeerId, Step>,
}

impl Frontier {
    fn new(myself: PeerId, target: Place) -> Self {
        Self { myself, target, peers: Vec::new(), steps: HashMap::new() }
    }

    fn add(&mut self, known: Known) {
        if known.peer == self.myself || self.steps.contains_key(&known.peer) {
            return;
        }
        let at = distance(&place(&known.peer.to_bytes()), &self.target);
        let index = self.peers.partition_point(|(other, _)| *other < at);
        self.steps.insert(known.peer, Step::Heard);
        self.peers.insert(index, (at, known));
    }

    /// The closest not yet asked among the [`K`] closest that have not failed.
    fn next(&mut self) -> Option<Known> {
        let asked = self.steps.values().filter(|step| **step != Step::Heard).count();
        if asked >= MOST_ASKED {
            return None;
        }
        let steps = &self.steps;
        let mut alive =
            self.peers.iter().filter(|(_, known)| steps.get(&known.peer) != Some(&Step::Failed)).take(K);
        let (_, next) = alive.find(|(_, known)| steps.get(&known.peer) == Some(&Step::Heard))?;
        let next = next.clone();
        self.steps.insert(next.peer, Step::Asked);
        Some(next)
    }

    fn answered(&mut self, peer: PeerId) {
        self.steps.insert(peer, Step::Answered);
    }

    fn failed(&mut self, peer: PeerId) {
        self.steps.insert(peer, Step::Failed);
    }

    fn walked(self) -> Walked {
        let of = |wanted| {
            let peers = self.steps.iter().filter(move |(_, step)| **step == wanted);
            peers.map(|(peer, _)| *peer).collect::<HashSet<_>>()
        };
        let (answered, failed) = (of(Step::Answered), of(Step::Failed));
        let asked = answered.len() + failed.len() + of(Step::Asked).len();
        let closest = self.peers.into_iter().map(|(_, known)| known).filter(|k| answered.contains(&k.peer));
        Walked { closest: closest.take(K).collect(), asked, failed: failed.len() }
    }
}
