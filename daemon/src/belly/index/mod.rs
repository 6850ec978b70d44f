//! The index: which provider has which key, in memory, 11 bytes an entry.
//!
//! Comes in: a key's keyed hash, a provider's number, a generation. Goes out: the
//! numbers of a key's providers. It knows no keys, no addresses and no disk; it is made
//! anew from the log at each start.
//!
//! An entry keeps 48 bits of the hash, and the shard it is in stands for further bits
//! (11 with 100 million records). Two keys that agree in all of them share their
//! providers: a look-up then names a provider that has the other key, and who asks it
//! is told so by the provider. With 100 million records one look-up in six thousand
//! million meets that, and nobody can aim it without the store's secret.

mod generations;
mod hot;
mod shard;
mod sip;
mod table;

#[cfg(test)]
mod tests;

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use parking_lot::Mutex;

pub(super) use generations::{Generations, Rank};
pub(super) use sip::SipKey;

use super::Refused;
use shard::Shard;
use table::Print;

/// Most providers of one key (`DESIGN.md` §4, quotas).
pub(super) const MAX_PROVIDERS_PER_KEY: usize = 1024;

/// With more providers a key has a list of its own.
const MAX_IN_TABLE: usize = 16;

/// Entries of a full shard: its passes then stay far below a millisecond.
const SHARD_ENTRIES: u64 = 48 << 10;

/// Most entries that are put in under one lock of a shard.
const MAX_RUN: usize = 8 << 10;

/// Bits of the hash that an entry keeps.
pub(super) const PRINT_BITS: u32 = 48;

/// Memory of an entry with the free slots around it (`benches/belly.rs` measures it).
pub(super) const BYTES_PER_ENTRY: u64 = 15;

/// One provider record on its way in.
#[derive(Debug, Clone, Copy)]
pub(super) struct Arrival {
    /// [`SipKey::hash`] of the key.
    pub(super) hash: u64,
    pub(super) provider: u32,
    pub(super) generation: u8,
    /// Seconds since the Unix epoch.
    pub(super) now: u32,
    /// When the key is full, another provider goes for it.
    pub(super) may_displace: bool,
}

/// What an arrival changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Change {
    /// Nothing: it was there in this generation or a newer one.
    Same,
    /// It was there in an older generation.
    Renewed,
    /// It was not there; this provider's record went for it.
    New { displaced: Option<u32> },
}

pub(super) struct Index {
    shards: Box<[Mutex<Shard>]>,
    /// The shard is this many of the hash's upper bits.
    bits: u32,
    pub(super) generations: Generations,
    /// Entries in memory, expired ones that are not yet swept included.
    entries: AtomicU64,
}

impl Index {
    /// Sized for so many entries; it takes memory only as they come.
    pub(super) fn new(max_entries: u64) -> Self {
        let bits = (max_entries / SHARD_ENTRIES).max(1).next_power_of_two().ilog2().clamp(6, 16);
        Self {
            shards: (0..1usize << bits).map(|n| Mutex::new(Shard::new(n))).collect(),
            bits,
            generations: Generations::default(),
            entries: AtomicU64::new(0),
        }
    }

    #[inline]
    fn shard(&self, hash: u64) -> &Mutex<Shard> {
        &self.shards[(hash >> (64 - self.bits)) as usize]
    }

    /// Entries in memory, expired ones that are not yet swept included.
    pub(super) fn entries(&self) -> u64 {
        self.entries.load(Relaxed)
    }

    /// Takes in or renews a record. `may_grow` is asked before a new entry is made;
    /// `group_of` gives a hash of a provider's IP group and is asked for keys with many.
    pub(super) fn put(
        &self,
        arrival: &Arrival,
        group_of: &dyn Fn(u32) -> u16,
        may_grow: impl FnOnce() -> Result<(), Refused>,
    ) -> Result<Change, Refused> {
        let change = self.shard(arrival.hash).lock().put(&self.generations, arrival, group_of, may_grow)?;
        if change == (Change::New { displaced: None }) {
            self.entries.fetch_add(1, Relaxed);
        }
        Ok(change)
    }

    /// Upper bits of the hash that choose the shard.
    pub(super) fn bits(&self) -> u32 {
        self.bits
    }

    /// Where a key stands in the order of the whole index: the number of its shard, then
    /// the 48 bits of its fingerprint.
    #[inline]
    pub(super) fn place(&self, hash: u64) -> u64 {
        place(hash, self.bits)
    }

    /// Many records of one generation, sorted by [`Self::place`] and provider: one lock
    /// for each shard, or for [`MAX_RUN`] of them.
    ///
    /// `taken` is told the provider of each that is new; beyond `max` entries there is none.
    pub(super) fn put_sorted(
        &self,
        records: &[(u64, u32)],
        at: (u8, u32),
        max: u64,
        group_of: &dyn Fn(u32) -> u16,
        mut taken: impl FnMut(u32),
    ) {
        let shard_of = |place: u64| (place >> PRINT_BITS) as usize;
        for shard in records.chunk_by(|a, b| shard_of(a.0) == shard_of(b.0)) {
            for run in shard.chunks(MAX_RUN) {
                let shard = run.first().and_then(|(place, _)| self.shards.get(shard_of(*place)));
                let Some(shard) = shard else { continue };
                let mut shard = shard.lock();
                let began = Instant::now();
                let room = max.saturating_sub(self.entries());
                let new = shard.put_sorted(&self.generations, run, at, room, group_of, &mut taken);
                shard.longest = shard.longest.max(began.elapsed());
                drop(shard);
                self.entries.fetch_add(new, Relaxed);
            }
        }
    }

    /// Tells of each of these records, sorted by place, whether it is here and served.
    pub(super) fn known(&self, records: &[(u64, u32)], now: u32, mut each: impl FnMut(bool)) {
        let shard_of = |place: u64| (place >> PRINT_BITS) as usize;
        for run in records.chunk_by(|a, b| shard_of(a.0) == shard_of(b.0)) {
            let Some(shard) = run.first().and_then(|(place, _)| self.shards.get(shard_of(*place))) else {
                run.iter().for_each(|_| each(false));
                continue;
            };
            for some in run.chunks(MAX_RUN) {
                let shard = shard.lock();
                for (place, provider) in some {
                    let generation = shard.generation(*place, *provider);
                    each(generation.is_some_and(|generation| self.generations.live(generation, now)));
                }
            }
        }
    }

    /// Takes the entries of one generation out of one shard but for those that `keep`
    /// wants by their place; `gone` is told the providers.
    pub(super) fn take(
        &self,
        shard: usize,
        generation: u8,
        keep: impl Fn(u64) -> bool,
        mut gone: impl FnMut(u32),
    ) {
        let base = (shard as u64) << PRINT_BITS;
        let Some(shard) = self.shards.get(shard) else { return };
        let mut removed = 0;
        let wanted = |print: u64, _, of: u8| of != generation || keep(base | print);
        shard.lock().retain(&self.generations, wanted, |provider| {
            removed += 1;
            gone(provider);
        });
        self.entries.fetch_sub(removed, Relaxed);
    }

    /// The entries of one generation in one shard, sorted by place and provider.
    pub(super) fn of_generation(&self, shard: usize, generation: u8, into: &mut Vec<(u64, u32)>) {
        let from = into.len();
        let base = (shard as u64) << PRINT_BITS;
        if let Some(shard) = self.shards.get(shard) {
            shard.lock().of_generation(generation, |print, provider| into.push((base | print, provider)));
        }
        into[from..].sort_unstable();
    }

    /// Served providers of a key, in no order.
    #[inline]
    pub(super) fn holders(&self, hash: u64, now: u32) -> Vec<(u32, u8)> {
        let mut found = Vec::new();
        let shard = self.shard(hash).lock();
        shard.holders(hash, |provider, generation| {
            if self.generations.live(generation, now) {
                found.push((provider, generation));
            }
        });
        found
    }

    /// The generation that a record is in, served or not.
    pub(super) fn generation(&self, hash: u64, provider: u32) -> Option<u8> {
        self.shard(hash).lock().generation(hash, provider)
    }

    pub(super) fn remove_key(&self, hash: u64, mut gone: impl FnMut(u32)) {
        let mut removed = 0;
        self.shard(hash).lock().remove_key(&self.generations, hash, |provider| {
            removed += 1;
            gone(provider);
        });
        self.entries.fetch_sub(removed, Relaxed);
    }

    pub(super) fn shards(&self) -> usize {
        self.shards.len()
    }

    /// Forgets what `keep` does not want in one shard; `gone` is told the providers.
    pub(super) fn retain(&self, shard: usize, keep: impl Fn(u32, u8) -> bool, mut gone: impl FnMut(u32)) {
        let Some(shard) = self.shards.get(shard) else { return };
        let mut removed = 0;
        let wanted = |_, provider, generation| keep(provider, generation);
        shard.lock().retain(&self.generations, wanted, |provider| {
            removed += 1;
            gone(provider);
        });
        self.entries.fetch_sub(removed, Relaxed);
    }

    /// The longest that a shard could not be used because it grew or was swept.
    pub(super) fn longest_pass(&self) -> Duration {
        self.shards.iter().map(|shard| shard.lock().longest).max().unwrap_or_default()
    }

    /// Bytes that the entries take, in one walk over the shards.
    pub(super) fn bytes(&self) -> u64 {
        self.shards.iter().map(|shard| shard.lock().bytes() as u64).sum()
    }

    #[cfg(test)]
    fn check(&self) {
        let mut len = 0;
        for shard in &self.shards {
            shard.lock().check();
            len += shard.lock().len();
        }
        assert_eq!(len as u64, self.entries());
    }
}

/// Where a key stands in an index whose shard is so many bits of the hash.
#[inline]
pub(super) fn place(hash: u64, bits: u32) -> u64 {
    (hash >> (64 - bits.clamp(1, 16))) << PRINT_BITS | Print::of(hash).whole()
}

/// An entry that is there already takes the newer generation.
fn renew(generations: &Generations, generation: &mut u8, arrival: &Arrival) -> Change {
    let old = *generation;
    let live = generations.live(old, arrival.now);
    if live && generations.rank(old) >= generations.rank(arrival.generation) {
        return Change::Same;
    }
    generations.lose(old);
    generations.gain(arrival.generation);
    *generation = arrival.generation;
    Change::Renewed
}
