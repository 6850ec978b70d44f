//! The table as readers see it: peers sorted by their place in the keyspace, never changed.

use std::ops::ControlFlow;
use std::sync::Arc;

use libp2p::PeerId;

use crate::routing::groups::{Groups, groups_of};
use crate::wire::message::encode_peer;
use crate::wire::{AddrList, Key256};

/// A DHT server, ready to be written into a reply.
///
/// In this order, so that what each reply reads of it lies in few cache lines: with a large
/// table they are what a reply waits for.
#[derive(Debug)]
#[repr(C)]
pub struct Entry {
    /// The `Message.Peer`: written as it is when all addresses go out.
    pub encoded: Box<[u8]>,
    pub groups: Groups,
    pub addrs: AddrList,
    pub key: Key256,
    /// One of our own heads.
    pub own: bool,
    pub peer: PeerId,
}

impl Entry {
    #[must_use]
    pub fn new(peer: PeerId, addrs: AddrList, own: bool) -> Self {
        Self {
            key: Key256::of_peer(&peer),
            groups: groups_of(&addrs),
            encoded: encode_peer(&peer, &addrs),
            peer,
            addrs,
            own,
        }
    }
}

/// The keys lie beside each other so that a search touches few cache lines.
#[derive(Debug, Clone)]
struct Slot {
    key: Key256,
    entry: Arc<Entry>,
}

/// Peers by ascending key.
#[derive(Debug, Clone, Default)]
pub struct Snapshot {
    slots: Vec<Slot>,
    /// Keys of our own heads, ascending.
    own: Vec<Key256>,
}

/// Ranges of this length are sorted rather than split.
const SMALL: usize = 8;

impl Snapshot {
    /// Sorts entries; of two with one key the first stays.
    pub fn of(entries: impl IntoIterator<Item = Arc<Entry>>) -> Self {
        let mut slots: Vec<_> = entries.into_iter().map(|entry| Slot { key: entry.key, entry }).collect();
        slots.sort_by_key(|slot| slot.key);
        slots.dedup_by_key(|slot| slot.key);
        let own = slots.iter().filter(|slot| slot.entry.own).map(|slot| slot.key).collect();
        Self { slots, own }
    }

    /// A copy with this entry in its place.
    #[must_use]
    pub fn with(&self, entry: Arc<Entry>) -> Self {
        let mut slots = Vec::with_capacity(self.slots.len() + 1);
        let at = self.slots.partition_point(|slot| slot.key < entry.key);
        slots.extend_from_slice(&self.slots[..at]);
        let replaced = self.slots.get(at).filter(|slot| slot.key == entry.key);
        let mut own = self.own.clone();
        mark(&mut own, &entry.key, entry.own);
        slots.push(Slot { key: entry.key, entry });
        slots.extend_from_slice(&self.slots[at + usize::from(replaced.is_some())..]);
        Self { slots, own }
    }

    /// A copy without the entry at this place.
    #[must_use]
    pub fn without(&self, key: &Key256) -> Self {
        let mut copy = self.clone();
        if let Ok(at) = copy.slots.binary_search_by_key(key, |slot| slot.key) {
            copy.slots.remove(at);
            mark(&mut copy.own, key, false);
        }
        copy
    }

    #[must_use]
    pub fn len(&self) -> usize {
        self.slots.len()
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }

    /// Peers that are not our own heads.
    #[must_use]
    pub fn others(&self) -> usize {
        self.slots.len() - self.own.len()
    }

    #[must_use]
    pub fn get(&self, key: &Key256) -> Option<&Arc<Entry>> {
        let at = self.slots.binary_search_by_key(key, |slot| slot.key).ok()?;
        Some(&self.slots[at].entry)
    }

    pub fn iter(&self) -> impl Iterator<Item = &Arc<Entry>> {
        self.slots.iter().map(|slot| &slot.entry)
    }

    /// Calls `visit` with entries by ascending XOR distance to `target` until it breaks.
    pub fn nearest<'a>(&'a self, target: &Key256, mut visit: impl FnMut(&'a Arc<Entry>) -> ControlFlow<()>) {
        // the result only says whether the visitor stopped
        let (ControlFlow::Continue(()) | ControlFlow::Break(())) = walk(&self.slots, target, &mut visit);
    }

    /// The `n` entries nearest to `target`, nearest first.
    #[must_use]
    pub fn closest(&self, target: &Key256, n: usize) -> Vec<&Arc<Entry>> {
        self.closest_where(target, n, |_| true)
    }

    /// The `n` entries nearest to `target` that are not our own heads, nearest first, however
    /// many of those lie among them.
    #[must_use]
    pub fn closest_others(&self, target: &Key256, n: usize) -> Vec<&Arc<Entry>> {
        self.closest_where(target, n, |entry| !entry.own)
    }

    fn closest_where(&self, target: &Key256, n: usize, wanted: impl Fn(&Entry) -> bool) -> Vec<&Arc<Entry>> {
        let mut out = Vec::with_capacity(n);
        self.nearest(target, |entry| {
            if out.len() < n && wanted(entry) {
                out.push(entry);
            }
            if out.len() < n { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        });
        out
    }

    /// Whether one of our heads is among the `n` entries nearest to the key.
    #[must_use]
    pub fn is_near(&self, key: &Key256, n: usize) -> bool {
        let nearest = self.own.iter().min_by_key(|head| head.distance(key));
        nearest.is_some_and(|head| nearer(&self.slots, key, head, n) < n)
    }
}

/// Puts a key into a sorted list, or takes it out.
fn mark(own: &mut Vec<Key256>, key: &Key256, is_own: bool) {
    match own.binary_search(key) {
        Ok(at) if !is_own => drop(own.remove(at)),
        Err(at) if is_own => own.insert(at, *key),
        _ => {}
    }
}

/// How many slots of a range are nearer to the target than `than`, a key of the range; when
/// there are `enough`, no more are counted.
fn nearer(range: &[Slot], target: &Key256, than: &Key256, enough: usize) -> usize {
    if range.len() <= SMALL {
        let distance = than.distance(target);
        return range.iter().filter(|slot| slot.key.distance(target) < distance).count();
    }
    let (near, far) = halves(range, target);
    let in_near = near.first().zip(near.last()).is_some_and(|(a, b)| a.key <= *than && *than <= b.key);
    if in_near {
        nearer(near, target, than, enough)
    } else if near.len() >= enough {
        near.len()
    } else {
        near.len() + nearer(far, target, than, enough - near.len())
    }
}

/// All slots of a range share a prefix; the half that shares one more bit with the target is
/// nearer as a whole than the other half.
fn walk<'a>(
    range: &'a [Slot],
    target: &Key256,
    visit: &mut impl FnMut(&'a Arc<Entry>) -> ControlFlow<()>,
) -> ControlFlow<()> {
    if range.len() <= SMALL {
        return sorted(range, target, visit);
    }
    let (near, far) = halves(range, target);
    walk(near, target, visit)?;
    walk(far, target, visit)
}

/// A range of two slots or more, split at the first bit in which its keys differ: the half
/// that is nearer to the target, and the other.
fn halves<'a>(range: &'a [Slot], target: &Key256) -> (&'a [Slot], &'a [Slot]) {
    let bit = range[0].key.shared_bits(&range[range.len() - 1].key);
    let split = range.partition_point(|slot| !has_bit(&slot.key, bit));
    let (zeros, ones) = range.split_at(split);
    if has_bit(target, bit) { (ones, zeros) } else { (zeros, ones) }
}

fn sorted<'a>(
    range: &'a [Slot],
    target: &Key256,
    visit: &mut impl FnMut(&'a Arc<Entry>) -> ControlFlow<()>,
) -> ControlFlow<()> {
    // eight bytes of distance decide but for keys that somebody ground to be alike
    let mut order = [(0, 0); SMALL];
    for (place, (at, slot)) in order.iter_mut().zip(range.iter().enumerate()) {
        *place = (slot.key.distance_start(target), at);
    }
    let order = &mut order[..range.len()];
    order.sort_unstable_by(|(a, i), (b, j)| {
        a.cmp(b).then_with(|| range[*i].key.distance(target).cmp(&range[*j].key.distance(target)))
    });
    order.iter().try_for_each(|(_, at)| visit(&range[*at].entry))
}

fn has_bit(key: &Key256, bit: u32) -> bool {
    key.0.get(bit as usize / 8).is_some_and(|byte| byte >> (7 - bit % 8) & 1 == 1)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn snapshot(n: usize, own: usize) -> Snapshot {
        Snapshot::of((0..n).map(|i| Arc::new(Entry::new(PeerId::random(), AddrList::default(), i < own))))
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn the_walk_gives_what_sorting_all_distances_gives(n in 0..300usize, target: [u8; 32]) {
            let snapshot = snapshot(n, 0);
            let target = Key256(target);
            let mut all: Vec<_> = snapshot.iter().collect();
            all.sort_by_key(|entry| entry.key.distance(&target));
            let walked = snapshot.closest(&target, n + 5);
            prop_assert!(walked.iter().map(|e| e.peer).eq(all.iter().map(|e| e.peer)));
            prop_assert!(snapshot.closest(&target, 20).iter().map(|e| e.peer).eq(all.iter().take(20).map(|e| e.peer)));
        }
    }

    #[test]
    fn copies_with_and_without_an_entry_are_as_if_built_anew() {
        let entries: Vec<_> = (0..50)
            .map(|i| Arc::new(Entry::new(PeerId::random(), AddrList::default(), i % 7 == 0)))
            .collect();
        let mut grown = Snapshot::default();
        for entry in entries.iter().chain(&entries[..10]) {
            grown = grown.with(Arc::clone(entry));
        }
        for entry in &entries[40..] {
            grown = grown.without(&entry.key).without(&entry.key);
        }
        let built = Snapshot::of(entries[..40].iter().cloned());
        assert!(grown.iter().map(|e| e.peer).eq(built.iter().map(|e| e.peer)));
        assert_eq!(grown.own, built.own);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn near_is_what_a_walk_to_the_first_head_says(
            n in 0..300usize, own in 0..4usize, target: [u8; 32], most in 0..60usize, at in any::<prop::sample::Index>()
        ) {
            let snapshot = snapshot(n, own);
            // a place of its own, or that of somebody
            let there = snapshot.iter().nth(at.index(n.max(1))).filter(|_| target[0] < 0x80);
            let target = there.map_or(Key256(target), |entry| entry.key);
            let walked = snapshot.closest(&target, most).iter().any(|entry| entry.own);
            prop_assert_eq!(snapshot.is_near(&target, most), walked);
        }
    }

    #[test]
    fn the_closest_others_are_found_behind_any_number_of_our_own_heads() {
        let snapshot = snapshot(200, 190);
        let target = Key256::of(b"a place");
        let all = snapshot.closest(&target, 200);
        let others: Vec<_> = all.iter().filter(|e| !e.own).map(|e| e.peer).collect();
        assert_eq!(others.len(), 10);
        assert!(snapshot.closest_others(&target, 20).iter().map(|e| e.peer).eq(others.iter().copied()));
        assert!(snapshot.closest_others(&target, 3).iter().map(|e| e.peer).eq(others[..3].iter().copied()));
    }

    #[test]
    fn near_means_that_a_head_is_among_the_nearest() {
        let snapshot = snapshot(200, 1);
        let head = snapshot.iter().find(|e| e.own).expect("a head").key;
        assert!(snapshot.is_near(&head, 1));
        let mut far = head;
        far.0[0] ^= 0x80;
        assert!(!snapshot.is_near(&far, 20));
        assert_eq!(snapshot.others(), 199);
    }
}
