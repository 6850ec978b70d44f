//! Peers that left the table: they are looked for again, ever more rarely, so that half a
//! network that was cut off for a while comes back by itself.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use libp2p::PeerId;

use crate::wire::AddrList;

/// Peers remembered.
const MAX_LOST: usize = 20_000;

/// The first look; each further one after twice the time.
const FIRST: Duration = Duration::from_secs(240);

const LONGEST: Duration = Duration::from_secs(3600);

/// Looks before a peer is forgotten: about eight hours.
const LOOKS: u32 = 12;

/// The lost.
#[derive(Debug, Default)]
pub(super) struct Lost {
    peers: HashMap<PeerId, Trace>,
}

#[derive(Debug)]
struct Trace {
    addrs: AddrList,
    looks: u32,
    next: Instant,
}

impl Lost {
    /// The peer was looked for and did not answer, or has just left.
    pub(super) fn missed(&mut self, peer: PeerId, addrs: AddrList, now: Instant) {
        if self.peers.len() >= MAX_LOST && !self.peers.contains_key(&peer) {
            return;
        }
        let trace = self.peers.entry(peer).or_insert(Trace { addrs: addrs.clone(), looks: 0, next: now });
        trace.addrs = addrs;
        trace.next = now + (FIRST * 2u32.saturating_pow(trace.looks.min(8))).min(LONGEST);
        trace.looks += 1;
        if trace.looks > LOOKS {
            self.peers.remove(&peer);
        }
    }

    /// The peer answers again.
    pub(super) fn found(&mut self, peer: &PeerId) {
        self.peers.remove(peer);
    }

    /// Lost, and not due: strangers still name it.
    pub(super) fn rests(&self, peer: &PeerId, now: Instant) -> bool {
        self.peers.get(peer).is_some_and(|trace| trace.next > now)
    }

    pub(super) fn contains(&self, peer: &PeerId) -> bool {
        self.peers.contains_key(peer)
    }

    /// Some that are due; each is looked for once and comes back by [`Self::missed`].
    pub(super) fn due(&mut self, n: usize, now: Instant) -> Vec<(PeerId, AddrList)> {
        let due = self.peers.iter_mut().filter(|(_, trace)| trace.next <= now).take(n);
        due.map(|(peer, trace)| {
            trace.next = now + FIRST;
            (*peer, trace.addrs.clone())
        })
        .collect()
    }

    pub(super) fn len(&self) -> usize {
        self.peers.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lost_peer_is_looked_for_ever_more_rarely_and_then_forgotten() {
        let (mut lost, start) = (Lost::default(), Instant::now());
        let peer = PeerId::random();
        lost.missed(peer, AddrList::default(), start);
        let mut looked = Vec::new();
        for second in 0..24 * 3600 {
            let now = start + Duration::from_secs(second);
            for (peer, addrs) in lost.due(10, now) {
                looked.push(second);
                lost.missed(peer, addrs, now);
            }
        }
        assert_eq!(looked.len() as u32, LOOKS);
        assert_eq!(looked[..3], [240, 720, 1680]);
        assert_eq!(lost.len(), 0);
    }

    #[test]
    fn what_is_remembered_is_bounded_and_a_found_peer_is_not_lost() {
        let (mut lost, now) = (Lost::default(), Instant::now());
        let peer = PeerId::random();
        lost.missed(peer, AddrList::default(), now);
        assert!(lost.rests(&peer, now) && !lost.rests(&peer, now + FIRST));
        for _ in 0..MAX_LOST + 10 {
            lost.missed(PeerId::random(), AddrList::default(), now);
        }
        assert_eq!(lost.len(), MAX_LOST);
        lost.found(&peer);
        assert!(!lost.contains(&peer));
    }
}
