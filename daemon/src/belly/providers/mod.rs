//! Who provides: peers under small numbers, where they are, and how many records each has.
//!
//! Owns the numbers. A number is used again only when no file and no entry names its
//! former owner. Knows neither keys nor the disk.

mod counts;
mod known;

#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use libp2p::PeerId;
use parking_lot::{Mutex, RwLock};

use super::Provider;
use super::index::SipKey;
use super::sum::xxh64;
use crate::wire::AddrList;
use counts::Counts;
use known::{ADDRS_SECS, Known, fresh};

/// Most providers that a store may be set to know.
pub(super) const MAX_PROVIDERS: u64 = 4_000_000;

/// Locks: of the numbers by their low bits, of the ids by their hash.
const SHARDS: usize = 64;

/// A provider as it is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Row {
    pub(super) number: u32,
    pub(super) peer: PeerId,
    pub(super) addrs: AddrList,
    /// Seconds since the Unix epoch, one for each address.
    pub(super) heard: Box<[u32]>,
    pub(super) seen: u32,
    /// Differs when the addresses do.
    pub(super) version: u32,
}

/// What [`Providers::hear`] found or made.
#[derive(Debug, Clone, Copy)]
pub(super) struct Heard {
    pub(super) number: u32,
    /// Its addresses are others than before.
    pub(super) moved: bool,
}

/// What is announced again within this time changes nothing but times by less than this,
/// in seconds: it stops at [`Place`].
const REFRESH_SECS: u32 = 60;

/// Where an id leads, and what it announced last: most announcements look at nothing else
/// of their provider.
struct Place {
    number: u32,
    /// When `digest` was last noted in [`Known`], in seconds since the Unix epoch.
    noted: u32,
    /// Of the addresses that were announced then.
    digest: u64,
}

/// The keys are keyed hashes already.
type ByHash = HashMap<u64, Place, BuildHasherDefault<AsIs>>;

impl Place {
    fn new(number: u32) -> Self {
        Self { number, noted: 0, digest: 0 }
    }
}

#[derive(Default)]
struct AsIs(u64);

impl Hasher for AsIs {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u64(&mut self, hash: u64) {
        // the low bits choose the lock
        self.0 = hash.rotate_right(8);
    }
}

#[derive(Default)]
struct Numbers {
    next: u32,
    free: Vec<u32>,
    /// Numbers of providers that had to go before their time, with the hour they were
    /// last heard: files of that hour may name them.
    waiting: Vec<(u32, u32)>,
}

impl Numbers {
    fn take(&mut self) -> Option<u32> {
        self.free.pop().or_else(|| {
            let number = Some(self.next).filter(|n| *n < counts::NUMBERS)?;
            self.next += 1;
            Some(number)
        })
    }
}

pub(super) struct Providers {
    key: SipKey,
    /// Numbers by the hash of an id. Two ids of one hash: the second is not taken.
    by_peer: Box<[RwLock<ByHash>]>,
    known: Box<[RwLock<Vec<Option<Known>>>]>,
    numbers: Mutex<Numbers>,
    counts: Counts,
    max: u64,
    count: AtomicU64,
}

impl Providers {
    pub(super) fn new(key: SipKey, max: u64) -> Self {
        Self {
            key,
            by_peer: (0..SHARDS).map(|_| RwLock::default()).collect(),
            known: (0..SHARDS).map(|_| RwLock::default()).collect(),
            numbers: Mutex::default(),
            counts: Counts::default(),
            max: max.min(MAX_PROVIDERS),
            count: AtomicU64::new(0),
        }
    }

    pub(super) fn count(&self) -> u64 {
        self.count.load(Relaxed)
    }

    fn hash(&self, peer: &PeerId) -> u64 {
        let multihash: &libp2p::multihash::Multihash<64> = peer.as_ref();
        self.key.hash(multihash.digest()) ^ multihash.code()
    }

    fn by_peer(&self, hash: u64) -> &RwLock<ByHash> {
        &self.by_peer[hash as usize % SHARDS]
    }

    fn numbered(&self, hash: u64) -> Option<u32> {
        self.by_peer(hash).read().get(&hash).map(|place| place.number)
    }

    fn with<T>(&self, number: u32, read: impl FnOnce(&Known) -> T) -> Option<T> {
        let shard = self.known[number as usize % SHARDS].read();
        shard.get(number as usize / SHARDS)?.as_ref().map(read)
    }

    fn with_mut<T>(&self, number: u32, write: impl FnOnce(&mut Known) -> T) -> Option<T> {
        let mut shard = self.known[number as usize % SHARDS].write();
        shard.get_mut(number as usize / SHARDS)?.as_mut().map(write)
    }

    fn place(&self, number: u32, known: Option<Known>) {
        let mut shard = self.known[number as usize % SHARDS].write();
        let at = number as usize / SHARDS;
        if shard.len() <= at {
            shard.resize_with(at + 1, || None);
        }
        shard[at] = known;
    }

    /// Notes where a provider is and gives its number; `None` when there are too many.
    pub(super) fn hear(&self, peer: PeerId, addrs: &AddrList, now: u32) -> Option<Heard> {
        // who makes two lists of one digest confuses only their own addresses: it needs no key
        let (hash, digest) = (self.hash(&peer), xxh64(addrs.as_fields()));
        if let Some(place) = self.by_peer(hash).read().get(&hash)
            && place.digest == digest
            && now.saturating_sub(place.noted) < REFRESH_SECS
        {
            return Some(Heard { number: place.number, moved: false });
        }
        let once = || self.hear_once((peer, hash), (addrs, digest), now);
        // again when a sweep forgot it in between
        let heard = once().or_else(once)?;
        if let Some(place) = self.by_peer(hash).write().get_mut(&hash) {
            (place.digest, place.noted) = (digest, now);
        }
        Some(heard)
    }

    fn hear_once(
        &self,
        (peer, hash): (PeerId, u64),
        (addrs, digest): (&AddrList, u64),
        now: u32,
    ) -> Option<Heard> {
        let number = match self.numbered(hash) {
            Some(number) => number,
            None => self.intern(hash, peer)?,
        };
        self.with_mut(number, |known| {
            (known.peer == peer).then(|| Heard { number, moved: known.hear(addrs, digest, now) })
        })?
    }

    fn intern(&self, hash: u64, peer: PeerId) -> Option<u32> {
        let mut ids = self.by_peer(hash).write();
        if let Some(place) = ids.get(&hash) {
            return Some(place.number);
        }
        if self.count.fetch_add(1, Relaxed) >= self.max {
            self.count.fetch_sub(1, Relaxed);
            return None;
        }
        let Some(number) = self.numbers.lock().take() else {
            self.count.fetch_sub(1, Relaxed);
            return None;
        };
        self.place(number, Some(Known::new(peer)));
        ids.insert(hash, Place::new(number));
        Some(number)
    }

    pub(super) fn gain_record(&self, number: u32) {
        self.counts.gain(number);
    }

    pub(super) fn lose_record(&self, number: u32) {
        self.counts.lose(number);
    }

    /// Its records became so many more, or fewer.
    pub(super) fn change_records(&self, number: u32, by: i64) {
        self.counts.change(number, by);
    }

    /// Records of a provider; expired ones are counted until they are swept.
    pub(super) fn records(&self, number: u32) -> u32 {
        self.counts.get(number)
    }

    pub(super) fn number(&self, peer: &PeerId) -> Option<u32> {
        let hash = self.hash(peer);
        let number = self.numbered(hash)?;
        self.with(number, |known| known.peer == *peer)?.then_some(number)
    }

    pub(super) fn addresses(&self, peer: &PeerId, now: u32) -> Option<AddrList> {
        let number = self.number(peer)?;
        self.with(number, |known| known.current(now)).filter(|addrs| !addrs.is_empty())
    }

    pub(super) fn get(&self, number: u32, now: u32) -> Option<Provider> {
        self.with(number, |known| Provider { peer: known.peer, addrs: known.current(now) })
    }

    /// When the last of a provider's addresses lapses, in seconds since the Unix epoch.
    pub(super) fn addrs_expire(&self, number: u32, now: u32) -> Option<u32> {
        let newest = self.with(number, |known| known.heard().max())??;
        fresh(newest, now).then(|| newest.saturating_add(ADDRS_SECS))
    }

    /// A hash of the IP group of a provider.
    pub(super) fn group(&self, number: u32) -> u16 {
        self.with(number, |known| known.group).unwrap_or_default()
    }

    /// Of a provider's addresses.
    pub(super) fn version(&self, number: u32) -> Option<u32> {
        self.with(number, |known| known.version)
    }

    pub(super) fn row(&self, number: u32) -> Option<Row> {
        self.with(number, |known| Row {
            number,
            peer: known.peer,
            addrs: known.addrs.clone(),
            heard: known.heard().collect(),
            seen: known.seen,
            version: known.version,
        })
    }

    /// Providers with the most records, most first.
    pub(super) fn top(&self, n: usize) -> Vec<(PeerId, u32)> {
        let top = self.counts.top(n).into_iter();
        top.filter_map(|(number, count)| Some((self.with(number, |known| known.peer)?, count))).collect()
    }

    /// Puts in a row of a file, newest file first. Returns the number that its provider
    /// has now: another one when the file's is taken. `None` when there are too many.
    pub(super) fn load(&self, row: Row, now: u32) -> Option<u32> {
        let hash = self.hash(&row.peer);
        let mut ids = self.by_peer(hash).write();
        if let Some(number) = ids.get(&hash).map(|place| place.number) {
            return self.with_mut(number, |known| {
                let same = known.peer == row.peer;
                if same {
                    known.join_older(&row.addrs, &row.heard, now);
                }
                same.then_some(number)
            })?;
        }
        if self.count.load(Relaxed) >= self.max {
            return None;
        }
        let mut numbers = self.numbers.lock();
        let free = row.number < counts::NUMBERS && self.with(row.number, |_| ()).is_none();
        let number = if free { row.number } else { numbers.take()? };
        // the gap is filled when all files are read
        numbers.next = numbers.next.max(number + 1);
        drop(numbers);
        let mut known = Known::new(row.peer);
        known.set(row.addrs, row.heard, row.seen.min(now));
        self.place(number, Some(known));
        ids.insert(hash, Place::new(number));
        self.count.fetch_add(1, Relaxed);
        Some(number)
    }

    /// All files are read: numbers that none of them names are free.
    pub(super) fn loaded(&self, named: impl Fn(u32) -> bool) {
        let mut numbers = self.numbers.lock();
        numbers.free =
            (0..numbers.next).filter(|n| !named(*n) && self.with(*n, |_| ()).is_none()).rev().collect();
    }

    /// Forgets providers without a record that were not heard for [`ADDRS_VALIDITY`] and
    /// that no file names; those long unheard earlier when there are too many.
    /// `oldest` is the hour of the oldest file.
    ///
    /// [`ADDRS_VALIDITY`]: crate::belly::ADDRS_VALIDITY
    pub(super) fn sweep(&self, now: u32, oldest: u32) {
        let crowded = self.count() >= self.max - self.max / 16;
        let mut idle: Vec<(u32, u32)> = Vec::new();
        let mut gone: Vec<u32> = Vec::new();
        for (low, shard) in self.known.iter().enumerate() {
            for (high, known) in shard.read().iter().enumerate() {
                let number = (high * SHARDS + low) as u32;
                let Some(known) = known.as_ref().filter(|_| self.records(number) == 0) else { continue };
                if !fresh(known.seen, now) && known.seen / 3600 < oldest {
                    gone.push(number);
                } else if crowded && known.seen.saturating_add(3600) < now {
                    idle.push((known.seen, number));
                }
            }
        }
        for number in gone {
            if self.forget(number, now.saturating_sub(ADDRS_SECS)).is_some() {
                self.numbers.lock().free.push(number);
            }
        }
        idle.sort_unstable();
        idle.truncate((self.max / 16).max(1) as usize);
        for (seen, number) in idle {
            if let Some(seen) = self.forget(number, seen) {
                self.numbers.lock().waiting.push((number, seen / 3600));
            }
        }
        let numbers = &mut *self.numbers.lock();
        let free = numbers.waiting.extract_if(.., |(_, hour)| *hour < oldest).map(|(number, _)| number);
        numbers.free.extend(free);
    }

    /// Forgets a provider unless it was heard since, or has a record; gives the time it
    /// was last heard.
    fn forget(&self, number: u32, heard_by: u32) -> Option<u32> {
        let peer = self.with(number, |known| known.peer)?;
        let hash = self.hash(&peer);
        let mut ids = self.by_peer(hash).write();
        let mut shard = self.known[number as usize % SHARDS].write();
        let slot = shard.get_mut(number as usize / SHARDS)?;
        let seen = slot.as_ref()?.seen;
        if seen > heard_by || self.records(number) > 0 {
            return None;
        }
        *slot = None;
        ids.remove(&hash);
        self.count.fetch_sub(1, Relaxed);
        Some(seen)
    }
}
