//! Bootstrapping: tries the bootstrap peers, with growing pauses, for ever.

use std::collections::HashSet;
use std::time::{Duration, SystemTime};

use libp2p::{Multiaddr, PeerId};
use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::net::bootstrap::Resolver;
use crate::routing::AddressPolicy;
use crate::scout::{BootstrapReport, Candidate};
use crate::wire::AddrList;

/// The first pause; each further one is longer by half.
const FIRST_PAUSE: Duration = Duration::from_secs(5);

const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// The pause while the table is well filled: bootstrap peers come and go.
const CONTENT_PAUSE: Duration = Duration::from_secs(3600);

/// The table is well filled from this many peers on.
pub(super) const CONTENT: usize = 20;

/// Rounds of bootstrapping.
pub(super) struct Bootstrap {
    peers: Vec<Multiaddr>,
    pause: Duration,
    next: Instant,
    asked: HashSet<PeerId>,
    resolved: (mpsc::Sender<Found>, mpsc::Receiver<Found>),
    resolving: bool,
    report: BootstrapReport,
}

/// What the names gave.
type Found = Vec<Result<Candidate, String>>;

impl Bootstrap {
    pub(super) fn new(peers: Vec<Multiaddr>) -> Self {
        let report = BootstrapReport { peers: peers.len(), ..BootstrapReport::default() };
        Self {
            peers,
            pause: FIRST_PAUSE,
            next: Instant::now(),
            asked: HashSet::new(),
            resolved: mpsc::channel(1),
            resolving: false,
            report,
        }
    }

    /// When the next round is due; never without bootstrap peers.
    pub(super) fn next(&self) -> Option<Instant> {
        (!self.peers.is_empty() && !self.resolving).then_some(self.next)
    }

    /// Begins a round: resolves the names on a task of its own.
    pub(super) fn begin(&mut self, policy: AddressPolicy) {
        self.resolving = true;
        let (peers, tell) = (self.peers.clone(), self.resolved.0.clone());
        tokio::spawn(async move {
            let resolver = Resolver::system();
            let mut found = Vec::new();
            for address in peers {
                match resolver.resolve(&address).await {
                    Ok(at) => found.extend(candidate(policy, &address, at)),
                    Err(error) => found.push(Err(error.to_string())),
                }
            }
            // the scout may have ended
            drop(tell.send(found).await);
        });
    }

    /// The peers of the round, once the names are resolved.
    pub(super) async fn resolved(&mut self) -> Vec<Candidate> {
        let Some(found) = self.resolved.1.recv().await else { return std::future::pending().await };
        self.resolving = false;
        self.asked.clear();
        self.report.rounds += 1;
        self.report.answered = 0;
        self.report.other_network = 0;
        self.report.last_round_at = Some(SystemTime::now());
        self.report.last_error = None;
        let mut candidates = Vec::new();
        for found in found {
            match found {
                Ok(candidate) => {
                    self.asked.insert(candidate.peer);
                    candidates.push(candidate);
                }
                Err(error) => self.report.last_error = Some(error),
            }
        }
        candidates
    }

    /// Sets the next round: soon while peers are missing, with growing pauses.
    pub(super) fn schedule(&mut self, known: usize) {
        if known >= CONTENT {
            self.pause = FIRST_PAUSE;
            self.next = Instant::now() + CONTENT_PAUSE;
        } else {
            self.next = Instant::now() + self.pause;
            self.pause = (self.pause * 3 / 2).min(LONGEST_PAUSE);
        }
    }

    /// Looks again at once when the table has run low.
    pub(super) fn ran_low(&mut self) {
        let soon = Instant::now() + self.pause;
        self.next = self.next.min(soon);
    }

    /// A check of some peer ended; those of this round are counted.
    pub(super) fn checked(&mut self, peer: &PeerId, result: Result<(), &str>, unsupported: bool) {
        if !self.asked.remove(peer) {
            return;
        }
        match result {
            Ok(()) => self.report.answered += 1,
            Err(error) => {
                self.report.other_network += usize::from(unsupported);
                self.report.last_error = Some(error.to_owned());
            }
        }
    }

    pub(super) fn report(&self) -> BootstrapReport {
        let next = self.next().map(|at| at.saturating_duration_since(Instant::now()));
        BootstrapReport { next_round_in: next, ..self.report.clone() }
    }
}

/// One candidate of a bootstrap address, at those addresses that may be dialled.
fn candidate(
    policy: AddressPolicy,
    asked: &Multiaddr,
    found: Vec<(PeerId, Multiaddr)>,
) -> Option<Result<Candidate, String>> {
    let peer = found.first()?.0;
    let addrs: AddrList =
        found.iter().filter(|(p, a)| *p == peer && policy.dialable(a)).map(|(_, a)| a).collect();
    Some(if addrs.is_empty() {
        Err(format!("{asked}: no address that may be dialled (policy {policy}; tcp and quic-v1 only)"))
    } else {
        Ok(Candidate { peer, addrs })
    })
}
