//! Which provider has which key, in memory: what look-ups read.
//!
//! Owns the sharded map from a key's place to its providers and the exact count of
//! its entries. Knows neither the disk nor who a provider is; a lock is held for one
//! key's work, or for one shard's sweep.

use std::collections::HashMap;
use std::collections::hash_map;
use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;

use super::providers::ProviderId;
use crate::belly::{PROVIDER_VALIDITY, Refused};
use crate::wire::Key256;

/// Most providers of one key (`DESIGN.md` §4, quotas).
pub(super) const MAX_PROVIDERS_PER_KEY: usize = 1024;

/// A re-sent record is written again when its last write lies in an earlier slot of
/// this length, so the time on disk is at most this much too old.
pub(super) const REWRITE_SECS: u32 = 30 * 60;

pub(super) const VALIDITY_SECS: u32 = PROVIDER_VALIDITY.as_secs() as u32;

/// Small enough that sweeping one holds its lock for microseconds with millions of records.
const SHARDS: usize = 1024;

/// The provider's number with two marks in the bits that [`ProviderId`] leaves free.
#[derive(Debug, Clone, Copy)]
struct Entry {
    tagged: u32,
    announced: u32,
    head: u32,
}

/// Not on disk and not on its way there.
const UNSAVED: u32 = 1 << 31;
/// Read from disk and not announced since: the announcement may have been repeated
/// within [`REWRITE_SECS`] without a write, so it is served that much longer.
const LOADED: u32 = 1 << 30;

impl Entry {
    fn provider(self) -> ProviderId {
        ProviderId::untagged(self.tagged)
    }

    fn has(self, mark: u32) -> bool {
        self.tagged & mark != 0
    }

    fn expires(self) -> u32 {
        let grace = if self.has(LOADED) { REWRITE_SECS } else { 0 };
        self.announced.saturating_add(VALIDITY_SECS + grace)
    }

    fn live(self, now: u32) -> bool {
        now < self.expires()
    }

    fn seen(self) -> Seen {
        Seen { announced: self.announced, expires: self.expires(), head: self.head }
    }
}

/// Nearly every key has one provider: it stands in the map itself.
#[allow(clippy::box_collection)] // a thin pointer keeps the common case at 16 bytes
enum Holders {
    One(Entry),
    Many(Box<Vec<Entry>>),
}

impl Holders {
    fn as_slice(&self) -> &[Entry] {
        match self {
            Self::One(entry) => std::slice::from_ref(entry),
            Self::Many(entries) => entries,
        }
    }

    fn as_mut_slice(&mut self) -> &mut [Entry] {
        match self {
            Self::One(entry) => std::slice::from_mut(entry),
            Self::Many(entries) => entries,
        }
    }

    fn push(&mut self, entry: Entry) {
        match self {
            Self::One(first) => *self = Self::Many(Box::new(vec![*first, entry])),
            Self::Many(entries) => entries.push(entry),
        }
    }
}

/// One record, as a reader sees it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Seen {
    /// Seconds since the Unix epoch, as all times here.
    pub(super) announced: u32,
    pub(super) expires: u32,
    pub(super) head: u32,
}

/// Where a record that must be written may go.
pub(super) enum Room {
    /// It will be queued for the writer.
    Queue,
    /// The disk cannot take it for now: memory only.
    MemoryOnly,
}

/// What an announcement changed.
#[derive(Debug, Default)]
pub(super) struct Upsert {
    /// The provider has one record more.
    pub(super) new: bool,
    /// The caller must hand it to the writer.
    pub(super) queue: bool,
    /// This provider's expired record made room.
    pub(super) displaced: Option<ProviderId>,
}

/// An announcement, resolved.
#[derive(Debug, Clone, Copy)]
pub(super) struct Arrival {
    pub(super) place: Key256,
    pub(super) provider: ProviderId,
    pub(super) head: u32,
    pub(super) now: u32,
}

type Shard = HashMap<Key256, Holders, RandomState>;

pub(super) struct Records {
    shards: Box<[Mutex<Shard>]>,
    /// Keyed, so that nobody can aim keys at one shard or one bucket.
    hasher: RandomState,
    max: u64,
    count: AtomicU64,
    unsaved: AtomicU64,
}

impl Records {
    pub(super) fn new(max: u64) -> Self {
        let hasher = RandomState::new();
        let shards = (0..SHARDS).map(|_| Mutex::new(HashMap::with_hasher(hasher.clone()))).collect();
        Self { shards, hasher, max, count: AtomicU64::new(0), unsaved: AtomicU64::new(0) }
    }

    pub(super) fn count(&self) -> u64 {
        self.count.load(Ordering::Relaxed)
    }

    /// Entries that are neither on disk nor queued.
    pub(super) fn unsaved(&self) -> u64 {
        self.unsaved.load(Ordering::Relaxed)
    }

    /// Takes in or refreshes a record. `room` is asked only when it must be written.
    pub(super) fn upsert(
        &self,
        arrival: Arrival,
        room: impl FnOnce() -> Result<Room, Refused>,
        may_grow: impl FnOnce() -> Result<(), Refused>,
    ) -> Result<Upsert, Refused> {
        let Arrival { place, provider, head, now } = arrival;
        let mut shard = self.shard(&place).lock();
        let mut holders = shard.entry(place);
        if let hash_map::Entry::Occupied(occupied) = &mut holders {
            let entries = occupied.get_mut().as_mut_slice();
            if let Some(entry) = entries.iter_mut().find(|e| e.provider() == provider) {
                return self.refresh(entry, head, now, room);
            }
        }
        may_grow()?;
        let stale = match &holders {
            hash_map::Entry::Occupied(o) if o.get().as_slice().len() >= MAX_PROVIDERS_PER_KEY => {
                let entries = o.get().as_slice();
                Some(entries.iter().position(|e| !e.live(now)).ok_or(Refused::KeyFull)?)
            }
            _ => None,
        };
        if stale.is_none() {
            self.grow()?;
        }
        let room = room().inspect_err(|_| {
            if stale.is_none() {
                self.count.fetch_sub(1, Ordering::Relaxed);
            }
        })?;
        let queue = matches!(room, Room::Queue);
        let entry = Entry { tagged: provider.tagged(if queue { 0 } else { UNSAVED }), announced: now, head };
        if !queue {
            self.unsaved.fetch_add(1, Ordering::Relaxed);
        }
        let displaced = match (holders, stale) {
            (hash_map::Entry::Occupied(mut o), Some(at)) => o
                .get_mut()
                .as_mut_slice()
                .get_mut(at)
                .map(|slot| self.forget(std::mem::replace(slot, entry)).provider()),
            (hash_map::Entry::Occupied(mut o), None) => {
                o.get_mut().push(entry);
                None
            }
            (hash_map::Entry::Vacant(v), _) => {
                v.insert(Holders::One(entry));
                None
            }
        };
        Ok(Upsert { new: true, queue, displaced })
    }

    fn refresh(
        &self,
        entry: &mut Entry,
        head: u32,
        now: u32,
        room: impl FnOnce() -> Result<Room, Refused>,
    ) -> Result<Upsert, Refused> {
        let mut unsaved = entry.has(UNSAVED);
        let stale_on_disk = entry.announced / REWRITE_SECS != now / REWRITE_SECS;
        let mut queue = false;
        if unsaved || stale_on_disk {
            queue = matches!(room()?, Room::Queue);
            match (unsaved, queue) {
                (true, true) => self.unsaved.fetch_sub(1, Ordering::Relaxed),
                (false, false) => self.unsaved.fetch_add(1, Ordering::Relaxed),
                _ => 0,
            };
            unsaved = !queue;
        }
        entry.tagged = entry.provider().tagged(if unsaved { UNSAVED } else { 0 });
        entry.head = head;
        entry.announced = now.max(entry.announced);
        Ok(Upsert { queue, ..Upsert::default() })
    }

    /// Puts in a record that was read from disk. `false` when it expired or the map is full.
    pub(super) fn load(&self, arrival: Arrival) -> bool {
        let Arrival { place, provider, head, now: announced } = arrival;
        let entry = Entry { tagged: provider.tagged(LOADED), announced, head };
        let mut shard = self.shard(&place).lock();
        if self.grow().is_err() {
            return false;
        }
        match shard.entry(place) {
            hash_map::Entry::Occupied(mut o) => o.get_mut().push(entry),
            hash_map::Entry::Vacant(v) => {
                v.insert(Holders::One(entry));
            }
        }
        true
    }

    /// Whether a record read from disk with this time is still to be served.
    pub(super) fn lives_from_disk(announced: u32, now: u32) -> bool {
        now < announced.saturating_add(VALIDITY_SECS + REWRITE_SECS)
    }

    /// The live records of a key, in no order.
    pub(super) fn holders(&self, place: &Key256, now: u32) -> Vec<ProviderId> {
        let shard = self.shard(place).lock();
        let entries = shard.get(place).map(Holders::as_slice).unwrap_or_default();
        entries.iter().filter(|e| e.live(now)).map(|e| e.provider()).collect()
    }

    /// One record, unless it expired.
    pub(super) fn get(&self, place: &Key256, provider: ProviderId, now: u32) -> Option<Seen> {
        let shard = self.shard(place).lock();
        let entry = shard.get(place)?.as_slice().iter().find(|e| e.provider() == provider)?;
        entry.live(now).then(|| entry.seen())
    }

    /// A record reached the disk after all.
    pub(super) fn mark_saved(&self, place: &Key256, provider: ProviderId) {
        let mut shard = self.shard(place).lock();
        let entries = shard.get_mut(place).map(Holders::as_mut_slice).unwrap_or_default();
        if let Some(entry) = entries.iter_mut().find(|e| e.provider() == provider && e.has(UNSAVED)) {
            entry.tagged &= !UNSAVED;
            self.unsaved.fetch_sub(1, Ordering::Relaxed);
        }
    }

    /// The file is gone: nothing is on disk.
    pub(super) fn mark_all_unsaved(&self) {
        for shard in &self.shards {
            let mut shard = shard.lock();
            for entry in shard.values_mut().flat_map(Holders::as_mut_slice).filter(|e| !e.has(UNSAVED)) {
                entry.tagged |= UNSAVED;
                self.unsaved.fetch_add(1, Ordering::Relaxed);
            }
        }
    }

    pub(super) const fn shards() -> usize {
        SHARDS
    }

    /// Drops what expired from one shard; returns whose records they were.
    pub(super) fn sweep(&self, shard: usize, now: u32) -> Vec<ProviderId> {
        let mut gone = Vec::new();
        let Some(shard) = self.shards.get(shard) else { return gone };
        let mut shard = shard.lock();
        shard.retain(|_, holders| match holders {
            Holders::One(entry) => {
                let live = entry.live(now);
                if !live {
                    gone.push(self.drop_one(*entry));
                }
                live
            }
            Holders::Many(entries) => {
                entries.retain(|entry| {
                    let live = entry.live(now);
                    if !live {
                        gone.push(self.drop_one(*entry));
                    }
                    live
                });
                if let [only] = entries[..] {
                    *holders = Holders::One(only);
                    return true;
                }
                !entries.is_empty()
            }
        });
        if shard.capacity() > 64 && shard.len() < shard.capacity() / 4 {
            shard.shrink_to_fit();
        }
        gone
    }

    fn drop_one(&self, entry: Entry) -> ProviderId {
        self.count.fetch_sub(1, Ordering::Relaxed);
        self.forget(entry).provider()
    }

    fn forget(&self, entry: Entry) -> Entry {
        if entry.has(UNSAVED) {
            self.unsaved.fetch_sub(1, Ordering::Relaxed);
        }
        entry
    }

    fn grow(&self) -> Result<(), Refused> {
        if self.count.fetch_add(1, Ordering::Relaxed) >= self.max {
            self.count.fetch_sub(1, Ordering::Relaxed);
            return Err(Refused::StoreFull);
        }
        Ok(())
    }

    fn shard(&self, place: &Key256) -> &Mutex<Shard> {
        &self.shards[self.hasher.hash_one(place) as usize % SHARDS]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_common_record_takes_one_small_slot() {
        assert_eq!(std::mem::size_of::<(Key256, Holders)>(), 48);
    }

    #[test]
    fn a_full_key_refuses_until_one_of_its_records_expires() {
        let records = Records::new(10_000);
        let place = Key256::of(b"hot");
        let add = |n: u32, now| {
            let arrival = Arrival { place, provider: ProviderId::new(n), head: 0, now };
            records.upsert(arrival, || Ok(Room::Queue), || Ok(()))
        };
        for n in 0..1024 {
            assert!(add(n, 1_000 + n).expect("room").new);
        }
        assert!(matches!(add(5_000, 3_000), Err(Refused::KeyFull)));
        assert_eq!(records.count(), 1024);
        let outcome = add(5_000, 1_000 + VALIDITY_SECS).expect("the first one expired");
        assert_eq!(outcome.displaced, Some(ProviderId::new(0)));
        assert_eq!(records.count(), 1024);
    }

    #[test]
    fn a_sweep_forgets_exactly_what_expired_and_counts_it() {
        let records = Records::new(100);
        for n in 0..50u32 {
            let place = Key256::of(&(n / 2).to_be_bytes());
            let arrival =
                Arrival { place, provider: ProviderId::new(n), head: 0, now: 1_000 + (n % 2) * 100 };
            let room = if n % 4 == 0 { Room::MemoryOnly } else { Room::Queue };
            records.upsert(arrival, || Ok(room), || Ok(())).expect("room");
        }
        assert_eq!((records.count(), records.unsaved()), (50, 13));
        let gone = (0..Records::shards()).flat_map(|s| records.sweep(s, 1_000 + VALIDITY_SECS)).count();
        assert_eq!((gone, records.count(), records.unsaved()), (25, 25, 0));
    }

    #[test]
    fn the_store_is_full_at_its_bound_and_a_refresh_still_passes() {
        let records = Records::new(2);
        let add = |n: u32| {
            let arrival = Arrival {
                place: Key256::of(&n.to_be_bytes()),
                provider: ProviderId::new(n),
                head: 0,
                now: 9,
            };
            records.upsert(arrival, || Ok(Room::Queue), || Ok(()))
        };
        assert!(add(1).is_ok() && add(2).is_ok() && add(1).is_ok());
        assert!(matches!(add(3), Err(Refused::StoreFull)));
        assert_eq!(records.count(), 2);
    }
}
