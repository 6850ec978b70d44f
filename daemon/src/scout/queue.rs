//! Candidates that wait to be checked, and those that were of late.

use std::collections::{HashMap, HashSet, VecDeque};
use std::time::{Duration, Instant};

use libp2p::PeerId;

use crate::scout::Candidate;
use crate::telemetry::{Drop as Reason, drops};

/// Candidates waiting.
const MAX_WAITING: usize = 8192;

/// Peers remembered as checked.
const MAX_REMEMBERED: usize = 50_000;

/// A peer is not checked again sooner, whatever is said of it.
pub(super) const AGAIN: Duration = Duration::from_secs(120);

/// The queue.
#[derive(Debug, Default)]
pub(super) struct Queue {
    waiting: VecDeque<Candidate>,
    queued: HashSet<PeerId>,
    checked: HashMap<PeerId, Instant>,
}

impl Queue {
    /// Puts a candidate in, unless it waits already or was checked of late. Says whether it is new.
    pub(super) fn push(&mut self, candidate: Candidate, now: Instant) -> bool {
        let lately =
            self.checked.get(&candidate.peer).is_some_and(|at| now.saturating_duration_since(*at) < AGAIN);
        if lately || self.queued.contains(&candidate.peer) {
            return false;
        }
        if self.waiting.len() >= MAX_WAITING {
            drops::count(Reason::CandidateQueue);
            return false;
        }
        self.queued.insert(candidate.peer);
        self.waiting.push_back(candidate);
        true
    }

    /// The next to check; it is remembered as checked now.
    pub(super) fn pop(&mut self, now: Instant) -> Option<Candidate> {
        let candidate = self.waiting.pop_front()?;
        self.queued.remove(&candidate.peer);
        if self.checked.len() >= MAX_REMEMBERED {
            self.checked.retain(|_, at| now.saturating_duration_since(*at) < AGAIN);
        }
        if self.checked.len() < MAX_REMEMBERED {
            self.checked.insert(candidate.peer, now);
        }
        Some(candidate)
    }

    /// A check was not made after all: it may be asked for again.
    pub(super) fn forget(&mut self, peer: &PeerId) {
        self.checked.remove(peer);
    }

    pub(super) fn len(&self) -> usize {
        self.waiting.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::AddrList;

    #[test]
    fn a_candidate_waits_once_and_is_not_checked_again_at_once() {
        let mut queue = Queue::default();
        let now = Instant::now();
        let candidate = Candidate { peer: PeerId::random(), addrs: AddrList::default() };
        assert!(queue.push(candidate.clone(), now));
        assert!(!queue.push(candidate.clone(), now));
        assert!(queue.pop(now).is_some() && queue.pop(now).is_none());
        assert!(!queue.push(candidate.clone(), now));
        assert!(queue.push(candidate, now + AGAIN));
    }

    #[test]
    fn the_queue_is_bounded() {
        let mut queue = Queue::default();
        let now = Instant::now();
        for _ in 0..MAX_WAITING + 10 {
            queue.push(Candidate { peer: PeerId::random(), addrs: AddrList::default() }, now);
        }
        assert_eq!(queue.len(), MAX_WAITING);
    }
}
