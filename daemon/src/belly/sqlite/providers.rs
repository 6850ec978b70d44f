//! Who provides: peers under small numbers, and where they are.
//!
//! Owns the numbers, each provider's addresses with the time each was heard, and how
//! many records name a provider. Knows neither keys nor the disk.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};

use libp2p::PeerId;
use parking_lot::RwLock;

use super::records::REWRITE_SECS;
use crate::belly::{ADDRS_VALIDITY, Provider};
use crate::wire::AddrList;

const ADDRS_SECS: u32 = ADDRS_VALIDITY.as_secs() as u32;

/// The shard is the low bits of the number, and of the peer id's last byte.
const SHARD_BITS: u32 = 6;
const SHARDS: u32 = 1 << SHARD_BITS;
/// Numbers leave two bits for the marks of a record. A number comes back after 2²⁴
/// new providers of its shard. Each stays a day at least and there is a bound on how
/// many there are, so by then no row on disk names its former owner.
const NUMBER_BITS: u32 = 30;
const NUMBERS: u32 = 1 << NUMBER_BITS;
const LOCALS: u32 = 1 << (NUMBER_BITS - SHARD_BITS);

/// Most providers that a store may be set to know.
pub(super) const MAX_PROVIDERS: u64 = 4_000_000;

/// A provider's number in this store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct ProviderId(u32);

impl ProviderId {
    #[cfg(test)]
    pub(super) fn new(number: u32) -> Self {
        Self(number)
    }

    /// The number from a file; `None` when it is none of ours.
    pub(super) fn from_disk(number: i64) -> Option<Self> {
        u32::try_from(number).ok().filter(|n| *n < NUMBERS).map(Self)
    }

    pub(super) fn get(self) -> u32 {
        self.0
    }

    pub(super) fn tagged(self, marks: u32) -> u32 {
        self.0 | marks
    }

    pub(super) fn untagged(tagged: u32) -> Self {
        Self(tagged & (NUMBERS - 1))
    }
}

struct Known {
    peer: PeerId,
    addrs: AddrList,
    /// When each of `addrs` was last announced.
    heard: Box<[u32]>,
    /// The last announcement, with addresses or without.
    seen: u32,
    records: u32,
    /// `seen` as it stands on disk; 0 when it is not there.
    saved: u32,
    /// `addrs` differ from those on disk.
    moved: bool,
    queued: bool,
}

impl Known {
    fn new(peer: PeerId) -> Self {
        Self {
            peer,
            addrs: AddrList::default(),
            heard: Box::default(),
            seen: 0,
            records: 0,
            saved: 0,
            moved: false,
            queued: false,
        }
    }

    /// The union of what was announced within [`ADDRS_VALIDITY`], the newest first when
    /// there is no room for all.
    fn hear(&mut self, addrs: &AddrList, now: u32) {
        self.seen = self.seen.max(now);
        let known = |addr: &[u8]| self.addrs.iter().position(|a| a == addr);
        if addrs.iter().all(|a| known(a).is_some()) {
            let at: Vec<usize> = addrs.iter().filter_map(known).collect();
            for i in at {
                if let Some(heard) = self.heard.get_mut(i) {
                    *heard = now;
                }
            }
            return;
        }
        let mut older: Vec<(&[u8], u32)> = self
            .addrs
            .iter()
            .zip(self.heard.iter().copied())
            .filter(|(a, heard)| fresh(*heard, now) && !addrs.iter().any(|b| a == &b))
            .collect();
        older.sort_by_key(|(_, heard)| std::cmp::Reverse(*heard));
        let union = AddrList::from_raw(addrs.iter().chain(older.iter().map(|(a, _)| *a)));
        let heard = union
            .iter()
            .map(|a| older.iter().find(|(b, _)| a == *b).map_or(now, |(_, heard)| *heard))
            .collect();
        self.heard = heard;
        self.addrs = union;
        self.moved = true;
    }

    fn current(&self, now: u32) -> AddrList {
        if self.heard.iter().all(|h| fresh(*h, now)) {
            return self.addrs.clone();
        }
        let times = self.heard.iter();
        AddrList::from_raw(self.addrs.iter().zip(times).filter(|(_, h)| fresh(**h, now)).map(|(a, _)| a))
    }

    fn must_save(&self) -> bool {
        self.saved == 0 || self.moved || self.seen / REWRITE_SECS != self.saved / REWRITE_SECS
    }

    fn idle(&self, now: u32) -> bool {
        self.records == 0 && !fresh(self.seen, now)
    }
}

fn fresh(heard: u32, now: u32) -> bool {
    now < heard.saturating_add(ADDRS_SECS)
}

/// A provider as it is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Row {
    pub(super) id: ProviderId,
    pub(super) peer: PeerId,
    pub(super) addrs: AddrList,
    /// Seconds since the Unix epoch, one for each address.
    pub(super) heard: Box<[u32]>,
    pub(super) seen: u32,
}

/// What [`Providers::hear`] found or made.
#[derive(Debug, Clone, Copy)]
pub(super) struct Heard {
    pub(super) id: ProviderId,
    pub(super) records: u32,
    /// The caller must hand the provider to the writer.
    pub(super) queue: bool,
}

#[derive(Default)]
struct Shard {
    ids: HashMap<PeerId, ProviderId>,
    known: HashMap<ProviderId, Known>,
    next: u32,
}

pub(super) struct Providers {
    shards: Box<[RwLock<Shard>]>,
    max: u64,
    count: AtomicU64,
}

impl Providers {
    pub(super) fn new(max: u64) -> Self {
        let shards = (0..SHARDS).map(|_| RwLock::default()).collect();
        Self { shards, max: max.min(MAX_PROVIDERS), count: AtomicU64::new(0) }
    }

    pub(super) fn count(&self) -> u64 {
        self.count.load(Ordering::Relaxed)
    }

    /// Notes where a provider is and gives its number; `None` when there are too many.
    pub(super) fn hear(&self, peer: PeerId, addrs: &AddrList, now: u32) -> Option<Heard> {
        let number = shard_of(&peer);
        let mut shard = self.shard(number).write();
        let shard = &mut *shard;
        let id = match shard.ids.get(&peer) {
            Some(id) => *id,
            None => {
                if self.count.fetch_add(1, Ordering::Relaxed) >= self.max {
                    self.count.fetch_sub(1, Ordering::Relaxed);
                    return None;
                }
                let id = shard.free_id(number);
                shard.ids.insert(peer, id);
                id
            }
        };
        let known = shard.known.entry(id).or_insert_with(|| Known::new(peer));
        known.hear(addrs, now);
        let queue = !known.queued && known.must_save();
        known.queued |= queue;
        Some(Heard { id, records: known.records, queue })
    }

    /// `false` when there is no such provider.
    pub(super) fn gain_record(&self, id: ProviderId) -> bool {
        let mut shard = self.shard(id.get()).write();
        let known = shard.known.get_mut(&id);
        known.map(|known| known.records = known.records.saturating_add(1)).is_some()
    }

    pub(super) fn lose_record(&self, id: ProviderId) {
        if let Some(known) = self.shard(id.get()).write().known.get_mut(&id) {
            known.records = known.records.saturating_sub(1);
        }
    }

    pub(super) fn id(&self, peer: &PeerId) -> Option<ProviderId> {
        self.shard(shard_of(peer)).read().ids.get(peer).copied()
    }

    pub(super) fn addresses(&self, peer: &PeerId, now: u32) -> Option<AddrList> {
        let shard = self.shard(shard_of(peer)).read();
        let known = shard.known.get(shard.ids.get(peer)?)?;
        Some(known.current(now)).filter(|addrs| !addrs.is_empty())
    }

    pub(super) fn get(&self, id: ProviderId, now: u32) -> Option<Provider> {
        let shard = self.shard(id.get()).read();
        let known = shard.known.get(&id)?;
        Some(Provider { peer: known.peer, addrs: known.current(now) })
    }

    /// When the last of a provider's addresses lapses, in seconds since the Unix epoch.
    pub(super) fn addrs_expire(&self, id: ProviderId, now: u32) -> Option<u32> {
        let shard = self.shard(id.get()).read();
        let newest = shard.known.get(&id)?.heard.iter().max().copied()?;
        fresh(newest, now).then(|| newest.saturating_add(ADDRS_SECS))
    }

    /// The row to write for a record's provider, if what is on disk does not suffice.
    pub(super) fn row_to_save(&self, id: ProviderId) -> Option<Row> {
        let mut shard = self.shard(id.get()).write();
        let known = shard.known.get_mut(&id)?;
        known.queued = false;
        if !known.must_save() {
            return None;
        }
        let (peer, addrs, heard) = (known.peer, known.addrs.clone(), known.heard.clone());
        Some(Row { id, peer, addrs, heard, seen: known.seen })
    }

    /// The row is on disk.
    pub(super) fn saved(&self, row: &Row) {
        if let Some(known) = self.shard(row.id.get()).write().known.get_mut(&row.id) {
            known.saved = row.seen.max(1);
            known.moved = known.addrs != row.addrs;
        }
    }

    /// The file is gone: nothing is on disk.
    pub(super) fn mark_all_unsaved(&self) {
        for shard in &self.shards {
            for known in shard.write().known.values_mut() {
                known.saved = 0;
            }
        }
    }

    /// Puts in a row that was read from disk. `false` when it does not fit the store.
    pub(super) fn load(&self, row: Row) -> bool {
        let number = shard_of(&row.peer);
        let full = self.count() >= self.max;
        let sound = row.id.get() % SHARDS == number && row.heard.len() == row.addrs.len();
        let mut shard = self.shard(number).write();
        if full || !sound || shard.ids.contains_key(&row.peer) || shard.known.contains_key(&row.id) {
            return false;
        }
        shard.next = shard.next.max((row.id.get() >> SHARD_BITS) + 1) % LOCALS;
        shard.ids.insert(row.peer, row.id);
        let known = Known {
            addrs: row.addrs,
            heard: row.heard,
            seen: row.seen,
            saved: row.seen.max(1),
            ..Known::new(row.peer)
        };
        shard.known.insert(row.id, known);
        self.count.fetch_add(1, Ordering::Relaxed);
        true
    }

    /// Forgets providers without a record that were not heard for [`ADDRS_VALIDITY`].
    pub(super) fn sweep(&self, now: u32) -> Vec<ProviderId> {
        let mut gone = Vec::new();
        for shard in &self.shards {
            let mut shard = shard.write();
            let Shard { ids, known, .. } = &mut *shard;
            known.retain(|id, known| {
                let idle = known.idle(now) && !known.queued;
                if idle {
                    ids.remove(&known.peer);
                    gone.push(*id);
                }
                !idle
            });
        }
        self.count.fetch_sub(gone.len() as u64, Ordering::Relaxed);
        gone
    }

    fn shard(&self, number: u32) -> &RwLock<Shard> {
        &self.shards[(number % SHARDS) as usize]
    }
}

impl Shard {
    /// Ends: there are more numbers than providers may be.
    fn free_id(&mut self, number: u32) -> ProviderId {
        loop {
            let id = ProviderId((self.next << SHARD_BITS) | (number % SHARDS));
            self.next = (self.next + 1) % LOCALS;
            if !self.known.contains_key(&id) {
                return id;
            }
        }
    }
}

/// Stable over restarts. Whoever aims ids at one shard gains a busier lock, no more.
fn shard_of(peer: &PeerId) -> u32 {
    u32::from(peer.as_ref().digest().last().copied().unwrap_or_default()) % SHARDS
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(addrs: &[&[u8]]) -> AddrList {
        AddrList::from_raw(addrs.iter().copied())
    }

    #[test]
    fn addresses_of_all_announcements_are_joined_and_each_lapses_by_itself() {
        let providers = Providers::new(10);
        let peer = PeerId::random();
        providers.hear(peer, &list(&[b"a", b"b"]), 1_000).expect("room");
        providers.hear(peer, &list(&[b"c"]), 2_000).expect("room");
        providers.hear(peer, &list(&[b"b"]), 3_000).expect("room");
        let at = |now| {
            let addrs = providers.addresses(&peer, now).unwrap_or_default();
            addrs.iter().map(<[u8]>::to_vec).collect::<Vec<_>>()
        };
        assert_eq!(at(3_000), [b"c".to_vec(), b"a".to_vec(), b"b".to_vec()]);
        assert_eq!(at(1_000 + ADDRS_SECS), [b"c".to_vec(), b"b".to_vec()]);
        assert_eq!(at(2_000 + ADDRS_SECS), [b"b".to_vec()]);
        assert!(providers.addresses(&peer, 3_000 + ADDRS_SECS).is_none());
    }

    #[test]
    fn the_newest_addresses_stay_when_there_is_no_room_for_all() {
        let providers = Providers::new(10);
        let peer = PeerId::random();
        for n in 0..20u8 {
            providers.hear(peer, &list(&[&[n + 1]]), 1_000 + u32::from(n)).expect("room");
        }
        let addrs = providers.addresses(&peer, 2_000).expect("has addresses");
        assert_eq!(addrs.len(), 16);
        assert_eq!(addrs.iter().next(), Some(&[20u8][..]));
        assert!(!addrs.iter().any(|a| a == [1]));
    }

    #[test]
    fn a_provider_with_records_or_fresh_addresses_is_not_forgotten() {
        let providers = Providers::new(2);
        let (holder, idle) = (PeerId::random(), PeerId::random());
        for peer in [holder, idle] {
            let heard = providers.hear(peer, &AddrList::default(), 1_000).expect("room");
            providers.saved(&providers.row_to_save(heard.id).expect("is new"));
        }
        assert!(providers.hear(PeerId::random(), &AddrList::default(), 1_000).is_none());
        providers.gain_record(providers.id(&holder).expect("known"));
        assert!(providers.sweep(1_000 + ADDRS_SECS - 1).is_empty());
        assert_eq!(providers.sweep(1_000 + ADDRS_SECS).len(), 1);
        assert!(providers.id(&holder).is_some() && providers.id(&idle).is_none());
        assert_eq!(providers.count(), 1);
    }

    #[test]
    fn a_row_is_written_again_when_its_addresses_change_or_its_time_lags() {
        let providers = Providers::new(2);
        let peer = PeerId::random();
        let id = providers.hear(peer, &list(&[b"a"]), REWRITE_SECS).expect("room").id;
        providers.saved(&providers.row_to_save(id).expect("is new"));
        assert!(!providers.hear(peer, &list(&[b"a"]), REWRITE_SECS + 9).expect("known").queue);
        assert!(providers.row_to_save(id).is_none());
        assert!(providers.hear(peer, &list(&[b"b"]), REWRITE_SECS + 10).expect("known").queue);
        providers.saved(&providers.row_to_save(id).expect("moved"));
        assert!(providers.hear(peer, &list(&[b"a"]), 2 * REWRITE_SECS).expect("known").queue);
    }
}
