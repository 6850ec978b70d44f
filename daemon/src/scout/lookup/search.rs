//! A lookup under way: drives a [`Walk`] with the clock and the network.
//!
//! Nothing runs on its own: whoever holds it drives it, and dropping it gives everything up.

use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use futures::stream::FuturesUnordered;
use futures::{FutureExt as _, StreamExt as _};
use libp2p::PeerId;
use tokio::time::{Instant, timeout_at};

use crate::net::{Answered, RpcError};
use crate::routing::snapshot::Entry;
use crate::scout::answer;
use crate::scout::asker::{Question, Source};
use crate::scout::lookup::report::{Asked, Ended, Outcome, Report};
use crate::scout::lookup::walk::{MAX_ASKED, Next, Walk};
use crate::scout::lookup::{Eyes, START};
use crate::wire::{AddrList, Key256, Kind, Message};

/// Time for one peer, dial included (Go: 10 s and the dial).
pub const PEER: Duration = Duration::from_secs(6);

/// When the walk is settled, the slow are waited for so long.
const STRAGGLERS: Duration = Duration::from_secs(2);

type Asking = FuturesUnordered<BoxFuture<'static, (PeerId, Result<Answered, RpcError>)>>;

/// A lookup under way.
pub(super) struct Search {
    eyes: Arc<Eyes>,
    question: Question,
    walk: Walk,
    asking: Asking,
    began: Instant,
    deadline: Instant,
    stragglers: Option<Instant>,
    report: Report,
}

/// An answer that came.
pub(super) struct Found {
    pub(super) from: PeerId,
    pub(super) hop: u32,
    pub(super) body: Vec<u8>,
    /// The closer peers it named, with addresses that may be used.
    pub(super) closer: Vec<(PeerId, AddrList)>,
}

impl Search {
    /// Starts from the peers of the table nearest to the key.
    pub(super) fn new(eyes: Arc<Eyes>, kind: Kind, key: &[u8], patience: Duration) -> Self {
        let table = Arc::clone(&eyes.table.snapshot());
        let nearest = table.closest_others(&Key256::of(key), START).into_iter().cloned().collect();
        Self::from(eyes, kind, key, nearest, patience)
    }

    /// Starts from these, of which none is our own.
    pub(super) fn from(
        eyes: Arc<Eyes>,
        kind: Kind,
        key: &[u8],
        peers: Vec<Arc<Entry>>,
        patience: Duration,
    ) -> Self {
        let place = Key256::of(key);
        let start: Vec<_> = peers.iter().map(|entry| (entry.peer, entry.addrs.clone())).collect();
        let began = Instant::now();
        Self {
            report: Report::new(place, start.len()),
            walk: Walk::new(place, start),
            question: Question::about(kind, key),
            asking: Asking::new(),
            began,
            deadline: began + patience,
            stragglers: None,
            eyes,
        }
    }

    /// The next answer; `None` when the lookup has ended.
    pub(super) async fn step(&mut self) -> Option<Found> {
        loop {
            if self.report.ended != Ended::Running {
                return None;
            }
            while let Some(next) = self.walk.ask_next() {
                self.ask(next);
            }
            if self.report.asked.is_empty() {
                return self.end(Ended::NobodyToAsk);
            }
            if self.walk.is_done() || self.asking.is_empty() {
                return self.end(Ended::Complete);
            }
            if self.walk.is_settled() {
                self.stragglers.get_or_insert_with(|| Instant::now() + STRAGGLERS);
            } else {
                self.stragglers = None;
            }
            let until = self.stragglers.map_or(self.deadline, |at| at.min(self.deadline));
            let Ok(Some((peer, result))) = timeout_at(until, self.asking.next()).await else {
                let late = Instant::now() >= self.deadline;
                return self.end(if late { Ended::Deadline } else { Ended::Complete });
            };
            if let Some(found) = self.take(peer, result) {
                return Some(found);
            }
        }
    }

    /// The lookup has what it wanted.
    pub(super) fn enough(&mut self) {
        self.end(Ended::Enough);
    }

    /// What was wanted came with this answer.
    pub(super) fn hit(&mut self, hop: u32) {
        self.report.found_at_hop.get_or_insert(hop);
    }

    pub(super) fn closest(&self) -> Vec<(PeerId, AddrList)> {
        self.walk.closest().map(|(peer, addrs)| (*peer, addrs.clone())).collect()
    }

    pub(super) fn report(&self) -> &Report {
        &self.report
    }

    pub(super) fn policy(&self) -> crate::routing::AddressPolicy {
        self.eyes.policy
    }

    /// Time left until the deadline.
    pub(super) fn left(&self) -> Duration {
        self.deadline.saturating_duration_since(Instant::now())
    }

    fn end(&mut self, how: Ended) -> Option<Found> {
        if self.report.ended == Ended::Running {
            self.report.ended = how;
            self.report.took = self.began.elapsed();
            self.asking.clear();
        }
        None
    }

    fn ask(&mut self, next: Next) {
        debug_assert!(self.report.asked.len() < MAX_ASKED);
        let Next { peer, addrs, hop } = next;
        let shared_bits = Key256::of_peer(&peer).shared_bits(&self.report.place);
        let asked = Asked {
            peer,
            hop,
            shared_bits,
            agent: "".into(),
            outcome: Outcome::Waiting,
            took: self.began.elapsed(),
        };
        self.report.asked.push(asked);
        let (asker, question) = (self.eyes.asker.clone(), self.question.clone());
        let known = hop == 1;
        let source = if known { Source::Own } else { Source::Stranger };
        let asked = async move { (peer, asker.ask(peer, addrs, source, &question, PEER).await) };
        self.asking.push(asked.boxed());
    }

    fn take(&mut self, peer: PeerId, result: Result<Answered, RpcError>) -> Option<Found> {
        let read = result.and_then(|answered| {
            let message = answer::read(&answered.body)?;
            let eyes = &self.eyes;
            let closer = answer::closer(&message, eyes.policy, &eyes.table, &eyes.me);
            let outcome = outcome(&message, closer.len());
            Ok((answered.body, closer, outcome))
        });
        let elapsed = self.began.elapsed();
        let asked = self.report.asked.iter_mut().find(|asked| asked.peer == peer)?;
        // it was the moment when it was asked
        asked.took = elapsed.saturating_sub(asked.took);
        asked.agent = self.eyes.agent_of(&peer);
        match read {
            Ok((body, closer, outcome)) => {
                asked.outcome = outcome;
                let hop = asked.hop;
                if let Some(addrs) = self.walk.answered(&peer, closer.iter().cloned()) {
                    self.eyes.answered(peer, &addrs);
                }
                Some(Found { from: peer, hop, body, closer })
            }
            Err(error) => {
                asked.outcome = Outcome::Failed(error);
                self.walk.failed(&peer);
                None
            }
        }
    }
}

fn outcome(message: &Message<'_>, closer: usize) -> Outcome {
    let value = message.record.is_some_and(|record| !record.value.is_empty());
    Outcome::Answered { closer, providers: message.provider_peers().count(), value }
}
