//! Whom a head wants to be connected with, and which of its connections it can do without.
//!
//! Owns the choice alone: the servers nearest to the head, which must list it, and a few in
//! each farther part of the keyspace, over which strangers come by. Must not dial or close.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use libp2p::PeerId;

use crate::routing::snapshot::{Entry, Snapshot};
use crate::wire::Key256;
use crate::wire::bounds::K;

/// Servers looked at in one part of the keyspace: some refuse, some are dialled too often.
const ALTERNATES: usize = 8;

/// A connection whose peer is among this many nearest is kept: the order of the nearest
/// changes with every peer that comes and goes.
const KEPT: usize = 2 * K;

/// Parts of the keyspace that are told apart; farther in are only the nearest.
const MAX_BITS: u32 = 24;

/// Servers that share exactly so many bits with the head.
#[derive(Debug)]
pub(super) struct Bucket {
    pub(super) bits: u32,
    /// In the order of asking, which is another one for each head.
    pub(super) servers: Vec<Arc<Entry>>,
}

/// Whom a head wants.
#[derive(Debug, Default)]
pub(super) struct Wanted {
    /// The nearest servers, nearest first.
    pub(super) near: Vec<Arc<Entry>>,
    /// The farther ones, the farthest part first.
    pub(super) buckets: Vec<Bucket>,
    /// Those whose connections are kept for being near.
    kept: HashSet<PeerId>,
}

impl Wanted {
    /// From the table of this moment.
    pub(super) fn of(table: &Snapshot, me: &Key256) -> Self {
        // our own heads lie among them and are not dialled
        let mut nearest: Vec<Arc<Entry>> = table.closest_others(me, KEPT).into_iter().cloned().collect();
        let kept = nearest.iter().map(|entry| entry.peer).collect();
        nearest.truncate(K);
        let near: HashSet<PeerId> = nearest.iter().map(|entry| entry.peer).collect();
        let edge = nearest.last().map_or(0, |entry| entry.key.shared_bits(me));
        let full = nearest.len() == K;
        let buckets = (0..=edge.min(MAX_BITS)).filter(|_| full).map(|bits| {
            let there = table.closest_others(&beside(me, bits), ALTERNATES + K).into_iter();
            let wanted = there
                .filter(|entry| entry.key.shared_bits(me) == bits && !near.contains(&entry.peer))
                .take(ALTERNATES);
            let servers = wanted.cloned().collect();
            Bucket { bits, servers }
        });
        Self { buckets: buckets.collect(), near: nearest, kept }
    }

    /// Of the connections that the head opened itself those it can do without: not near, and
    /// more than `each` in their part of the keyspace. The first of a part stay.
    pub(super) fn surplus<'a, T>(
        &self,
        me: &Key256,
        each: usize,
        opened: impl Iterator<Item = (&'a PeerId, &'a Key256, T)>,
    ) -> Vec<T> {
        let mut held: HashMap<u32, usize> = HashMap::new();
        let more = opened.filter_map(|(peer, key, connection)| {
            if self.kept.contains(peer) {
                return None;
            }
            let held = held.entry(key.shared_bits(me)).or_default();
            *held += 1;
            (*held > each).then_some(connection)
        });
        more.collect()
    }
}

/// A place that shares exactly `bits` leading bits with `me`; what follows differs from head to
/// head, so that the heads of a hydra do not all want the same two.
fn beside(me: &Key256, bits: u32) -> Key256 {
    let mut salted = me.0.to_vec();
    salted.extend(bits.to_be_bytes());
    let mut place = Key256::of(&salted);
    for bit in 0..=bits.min(255) {
        let (byte, mask) = ((bit / 8) as usize, 0x80 >> (bit % 8));
        let own = me.0[byte] & mask;
        let wanted = if bit == bits { own ^ mask } else { own };
        place.0[byte] = (place.0[byte] & !mask) | wanted;
    }
    place
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::wire::AddrList;

    fn table(n: usize, own: usize) -> Snapshot {
        Snapshot::of((0..n).map(|i| Arc::new(Entry::new(PeerId::random(), AddrList::default(), i < own))))
    }

    #[test]
    fn the_twenty_nearest_and_some_of_each_farther_part_are_wanted_and_never_our_own() {
        let (table, me) = (table(2000, 40), Key256::of(b"me"));
        let wanted = Wanted::of(&table, &me);
        let nearest: Vec<PeerId> =
            table.closest(&me, 200).into_iter().filter(|e| !e.own).take(K).map(|e| e.peer).collect();
        assert_eq!(wanted.near.iter().map(|e| e.peer).collect::<Vec<_>>(), nearest);
        assert!(wanted.buckets.len() >= 5, "{}", wanted.buckets.len());
        for bucket in &wanted.buckets {
            let right = |e: &Arc<Entry>| e.key.shared_bits(&me) == bucket.bits && !e.own;
            assert!(bucket.servers.iter().all(right), "{}", bucket.bits);
            assert!(bucket.servers.iter().all(|e| !nearest.contains(&e.peer)));
        }
        assert!(wanted.buckets[..4].iter().all(|bucket| bucket.servers.len() >= 2));
    }

    #[test]
    fn heads_want_different_servers_of_the_far_half() {
        let table = table(4000, 0);
        let mut asked = HashSet::new();
        for n in 0..50u8 {
            let wanted = Wanted::of(&table, &Key256::of(&[n]));
            asked.extend(wanted.buckets[0].servers.iter().take(2).map(|e| e.peer));
        }
        assert!(asked.len() > 90, "{}", asked.len());
    }

    #[test]
    fn of_a_small_network_all_are_near() {
        let wanted = Wanted::of(&table(7, 2), &Key256::of(b"me"));
        assert_eq!((wanted.near.len(), wanted.buckets.len()), (5, 0));
        assert!(Wanted::of(&Snapshot::default(), &Key256::of(b"me")).near.is_empty());
    }

    proptest! {
        #[test]
        fn a_place_beside_shares_as_many_bits_as_asked(seed: [u8; 8], bits in 0..=MAX_BITS) {
            let me = Key256::of(&seed);
            prop_assert_eq!(beside(&me, bits).shared_bits(&me), bits);
        }

        #[test]
        fn what_is_given_up_is_never_near_and_leaves_enough_of_each_part(seed: u8, each in 0..4usize) {
            let (table, me) = (table(300, 0), Key256::of(&[seed]));
            let wanted = Wanted::of(&table, &me);
            let all: Vec<_> = table.iter().collect();
            let opened = all.iter().map(|e| (&e.peer, &e.key, e.peer));
            let surplus: HashSet<PeerId> = wanted.surplus(&me, each, opened).into_iter().collect();
            prop_assert!(wanted.near.iter().all(|e| !surplus.contains(&e.peer)));
            let mut left: HashMap<u32, usize> = HashMap::new();
            for entry in all.iter().filter(|e| !surplus.contains(&e.peer) && !wanted.kept.contains(&e.peer)) {
                *left.entry(entry.key.shared_bits(&me)).or_default() += 1;
            }
            prop_assert!(left.values().all(|n| *n <= each));
        }
    }
}
