//! What one light peer knows of others.
//!
//! Owns the entries, their bound and "the closest of them". Does no I/O.

use std::collections::HashMap;

use libp2p::{Multiaddr, PeerId};
use sha2::{Digest as _, Sha256};

/// Most entries of a table.
const MOST: usize = 5_000;
/// Replies name so many peers.
pub(super) const K: usize = 20;

/// A place in the keyspace.
pub(super) type Place = [u8; 32];

/// The place of a DHT key or of a peer id's bytes.
pub(super) fn place(bytes: &[u8]) -> Place {
    Sha256::digest(bytes).into()
}

/// XOR, most significant byte first: arrays compare as distances do.
pub(super) fn distance(a: &Place, b: &Place) -> Place {
    let mut out = [0; 32];
    for (o, (a, b)) in out.iter_mut().zip(a.iter().zip(b)) {
        *o = a ^ b;
    }
    out
}

/// Leading bits that two places share.
pub(super) fn shared_bits(a: &Place, b: &Place) -> u32 {
    let first = distance(a, b).into_iter().enumerate().find(|(_, byte)| *byte != 0);
    first.map_or(256, |(at, byte)| at as u32 * 8 + byte.leading_zeros())
}

/// Of every distance beyond the nearest, a Kademlia table keeps so many in a small world.
const PER_BUCKET: usize = 2;

/// Whom of a world a Kademlia table at one of these places would hold: the nearest, and a
/// few of every other distance.
pub(super) fn kademlia(places: &[Place], me: usize) -> Vec<usize> {
    let to = |at: usize| (distance(&places[me], &places[at]), at);
    let mut others: Vec<(Place, usize)> = (0..places.len()).filter(|at| *at != me).map(to).collect();
    if others.len() > K {
        // ordered no further: a world has thousands of peers, and each does this
        others.select_nth_unstable(K);
    }
    let far = others.split_off(K.min(others.len()));
    let mut kept: HashMap<u32, usize> = HashMap::new();
    others.extend(far.into_iter().filter(|(_, at)| {
        let count = kept.entry(shared_bits(&places[me], &places[*at])).or_default();
        *count += 1;
        *count <= PER_BUCKET
    }));
    others.into_iter().map(|(_, at)| at).collect()
}

/// A DHT server that a light peer knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Known {
    pub peer: PeerId,
    pub addrs: Vec<Multiaddr>,
    /// As identify told it.
    pub agent: String,
}

#[derive(Debug, Default)]
pub(super) struct Table {
    entries: HashMap<PeerId, (Place, Known)>,
}

impl Table {
    /// Adds or replaces; a full table takes no new peer.
    pub(super) fn add(&mut self, known: Known) {
        if self.entries.len() < MOST || self.entries.contains_key(&known.peer) {
            self.entries.insert(known.peer, (place(&known.peer.to_bytes()), known));
        }
    }

    pub(super) fn remove(&mut self, peer: &PeerId) {
        self.entries.remove(peer);
    }

    pub(super) fn get(&self, peer: &PeerId) -> Option<&Known> {
        self.entries.get(peer).map(|(_, known)| known)
    }

    pub(super) fn all(&self) -> impl Iterator<Item = &Known> {
        self.entries.values().map(|(_, known)| known)
    }

    /// The `count` closest to a place, closest first.
    pub(super) fn closest(&self, to: &Place, count: usize) -> Vec<Known> {
        let mut all: Vec<_> = self.entries.values().map(|(at, known)| (distance(at, to), known)).collect();
        all.sort_unstable_by_key(|(distance, _)| *distance);
        all.into_iter().take(count).map(|(_, known)| known.clone()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_closest_come_first_and_a_removed_peer_not_at_all() {
        let mut table = Table::default();
        for _ in 0..100 {
            table.add(Known { peer: PeerId::random(), addrs: Vec::new(), agent: String::new() });
        }
        let target = place(b"somewhere");
        let closest = table.closest(&target, K);
        let distances: Vec<_> =
            closest.iter().map(|k| distance(&place(&k.peer.to_bytes()), &target)).collect();
        assert_eq!(closest.len(), K);
        assert!(distances.is_sorted());
        let farther =
            table.all().filter(|k| distance(&place(&k.peer.to_bytes()), &target) > distances[K - 1]);
        assert_eq!(farther.count(), 80);
        table.remove(&closest[0].peer);
        assert_eq!(table.closest(&target, 1)[0], closest[1]);
    }

    #[test]
    fn shared_bits_count_the_common_prefix() {
        let mut other = [0; 32];
        assert_eq!(shared_bits(&[0; 32], &other), 256);
        other[2] = 0x20;
        assert_eq!(shared_bits(&[0; 32], &other), 18);
    }
}
