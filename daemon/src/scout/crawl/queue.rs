//! Peers that wait to be visited for the first time, and those that were of late.

use std::collections::{HashMap, HashSet, VecDeque};
use std::time::{Duration, Instant};

use libp2p::PeerId;

use crate::scout::crawl::visit::Errand;
use crate::telemetry::{Drop as Reason, drops};

/// Peers waiting.
const MAX_WAITING: usize = 16_384;

/// Of these, named by one peer: a liar does not fill the queue.
const MAX_OF_ONE: usize = 320;

/// Peers put off for a while.
const MAX_DEFERRED: usize = 4096;

/// A peer whose host was dialled too often of late waits so long.
const DEFER: Duration = Duration::from_secs(10);

/// Peers remembered as visited.
const MAX_REMEMBERED: usize = 50_000;

/// A peer is not visited again sooner, whatever is said of it.
pub(super) const AGAIN: Duration = Duration::from_secs(120);

/// The queue.
#[derive(Debug, Default)]
pub(super) struct Queue {
    waiting: VecDeque<(Errand, Option<PeerId>)>,
    deferred: VecDeque<(Instant, Errand)>,
    queued: HashSet<PeerId>,
    of_one: HashMap<PeerId, usize>,
    visited: HashMap<PeerId, Instant>,
}

impl Queue {
    /// Puts a peer in, unless it waits already or was visited of late. Says whether it is new.
    pub(super) fn push(&mut self, errand: Errand, namer: Option<PeerId>, now: Instant) -> bool {
        let lately =
            self.visited.get(&errand.peer).is_some_and(|at| now.saturating_duration_since(*at) < AGAIN);
        if lately || self.queued.contains(&errand.peer) {
            return false;
        }
        let named = namer.map_or(0, |namer| self.of_one.get(&namer).copied().unwrap_or(0));
        if self.waiting.len() >= MAX_WAITING || named >= MAX_OF_ONE {
            drops::count(Reason::CandidateQueue);
            return false;
        }
        if let Some(namer) = namer {
            *self.of_one.entry(namer).or_default() += 1;
        }
        self.queued.insert(errand.peer);
        self.waiting.push_back((errand, namer));
        true
    }

    /// The next to visit; it is remembered as visited now.
    pub(super) fn pop(&mut self, now: Instant) -> Option<Errand> {
        let errand = match self.deferred.front() {
            Some((at, _)) if *at <= now => self.deferred.pop_front()?.1,
            _ => {
                let (errand, namer) = self.waiting.pop_front()?;
                if let Some(namer) = namer
                    && let Some(count) = self.of_one.get_mut(&namer)
                {
                    *count -= 1;
                    if *count == 0 {
                        self.of_one.remove(&namer);
                    }
                }
                errand
            }
        };
        self.queued.remove(&errand.peer);
        if self.visited.len() >= MAX_REMEMBERED {
            self.visited.retain(|_, at| now.saturating_duration_since(*at) < AGAIN);
        }
        if self.visited.len() < MAX_REMEMBERED {
            self.visited.insert(errand.peer, now);
        }
        Some(errand)
    }

    /// A visit could not be made now; it is made later.
    pub(super) fn defer(&mut self, errand: Errand, now: Instant) {
        if self.deferred.len() >= MAX_DEFERRED {
            drops::count(Reason::CandidateQueue);
        } else if self.queued.insert(errand.peer) {
            self.deferred.push_back((now + DEFER, errand));
        }
    }

    /// The peer may be visited again at once.
    pub(super) fn forget(&mut self, peer: &PeerId) {
        self.visited.remove(peer);
    }

    pub(super) fn len(&self) -> usize {
        self.waiting.len() + self.deferred.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scout::asker::Source;
    use crate::wire::AddrList;

    fn errand() -> Errand {
        let (peer, addrs) = (PeerId::random(), AddrList::default());
        Errand { peer, addrs, source: Source::Stranger, walk: true, walked: None }
    }

    #[test]
    fn a_peer_waits_once_and_is_not_visited_again_at_once() {
        let (mut queue, now, errand) = (Queue::default(), Instant::now(), errand());
        assert!(queue.push(errand.clone(), None, now));
        assert!(!queue.push(errand.clone(), None, now));
        assert!(queue.pop(now).is_some() && queue.pop(now).is_none());
        assert!(!queue.push(errand.clone(), None, now));
        assert!(queue.push(errand, None, now + AGAIN));
    }

    #[test]
    fn the_queue_is_bounded_and_nobody_fills_it_alone() {
        let (mut queue, now, liar) = (Queue::default(), Instant::now(), Some(PeerId::random()));
        for _ in 0..MAX_WAITING {
            queue.push(errand(), liar, now);
        }
        assert_eq!(queue.len(), MAX_OF_ONE);
        for _ in 0..MAX_WAITING {
            queue.push(errand(), Some(PeerId::random()), now);
        }
        assert_eq!(queue.len(), MAX_WAITING);
        while queue.pop(now).is_some() {}
        assert!(queue.of_one.is_empty() && queue.queued.is_empty());
    }

    #[test]
    fn a_visit_that_is_put_off_is_made_later() {
        let (mut queue, now) = (Queue::default(), Instant::now());
        let one = errand();
        queue.push(one.clone(), None, now);
        queue.pop(now);
        queue.defer(one.clone(), now);
        queue.defer(one, now);
        assert_eq!(queue.len(), 1);
        assert!(queue.pop(now).is_none() && queue.pop(now + DEFER).is_some());
    }
}
