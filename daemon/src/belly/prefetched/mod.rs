//! Records that nobody announced to us: what sources were found to know, for an hour.
//!
//! Owns a small cache beside the store: bounded in records and bytes, the oldest keys leave
//! first, nothing of it is ever written to disk. A record is kept for an hour at most from the
//! look-up that found it, and no later look-up makes that longer; a real announcement of the same
//! provider takes its place. [`WithPrefetched`] is the store that answers with both.

mod joined;
mod shard;

#[cfg(test)]
mod tests;

use std::hash::{BuildHasher as _, RandomState};
use std::sync::Arc;
use std::time::Duration;

use libp2p::PeerId;
use parking_lot::RwLock;

use super::clock::Clock;
use super::{Provider, Purge};
pub use joined::WithPrefetched;
use shard::{Kept, Shard};

/// How long a prefetched record is served, at most.
pub const VALIDITY: Duration = Duration::from_secs(3600);

/// Prefetched providers kept of one key.
pub const MAX_OF_KEY: usize = 32;

/// Parts with a lock each.
const SHARDS: usize = 16;

/// Bounds of the cache.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    pub records: u64,
    pub bytes: u64,
    /// How long a record is served; no longer than [`VALIDITY`].
    pub life: Duration,
}

/// The cache. Calls never block for longer than a look-up takes.
#[derive(Debug)]
pub struct Prefetched {
    shards: [RwLock<Shard>; SHARDS],
    hasher: RandomState,
    clock: Clock,
    limits: Limits,
}

/// Where a list of the records went on to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Place {
    shard: u8,
    /// Number of the key.
    arrival: u64,
    /// Records of the key that were listed.
    given: u8,
}

impl Prefetched {
    #[must_use]
    pub fn new(limits: Limits, clock: Clock) -> Self {
        Self { shards: Default::default(), hasher: RandomState::new(), clock, limits }
    }

    /// Keeps providers that a source knew. Of a key that is here already, new ones join and
    /// expire with the others; `near`: one of our heads is near the key.
    pub fn keep(&self, key: &[u8], near: bool, providers: &[Provider], source: &Arc<str>) {
        if providers.is_empty() {
            return;
        }
        let share = |all: u64| all / SHARDS as u64;
        let limits = Limits {
            records: share(self.limits.records),
            bytes: share(self.limits.bytes),
            life: self.life(),
        };
        self.shard(key).write().keep((key, near), providers, source, self.clock.millis(), limits);
    }

    /// Providers of a key that are here and not among `known`, at most `limit`.
    #[must_use]
    pub fn providers(&self, key: &[u8], known: &[Provider], limit: usize) -> Vec<Provider> {
        let shard = self.shard(key).read();
        let Some(kept) = shard.get(key, self.clock.millis()) else { return Vec::new() };
        let is_new = |record: &&shard::Found| known.iter().all(|known| known.peer != record.provider.peer);
        kept.found.iter().filter(is_new).map(|record| record.provider.clone()).take(limit).collect()
    }

    /// The provider itself announced the key to one of our heads: that record counts.
    pub fn announced(&self, key: &[u8], provider: &PeerId) {
        let shard = self.shard(key);
        // almost always: nobody prefetched it
        if !shard.read().has(key) {
            return;
        }
        shard.write().remove(key, provider);
    }

    /// Drops what has expired.
    pub fn expire(&self) {
        let now = self.clock.millis();
        for shard in &self.shards {
            shard.write().expire(now);
        }
    }

    /// Forgets the records of a key or a provider; how many they were.
    pub fn purge(&self, what: &Purge) -> u64 {
        match what {
            Purge::Key(key) => self.shard(key).write().remove_key(key),
            Purge::Provider(provider) => {
                self.shards.iter().map(|shard| shard.write().remove_provider(provider)).sum()
            }
        }
    }

    /// Records; those that expired are counted for up to a second more.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.shards.iter().map(|shard| shard.read().records()).sum()
    }

    /// Memory that the records take, in bytes, about.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.shards.iter().map(|shard| shard.read().bytes()).sum()
    }

    /// How long a record is served from the look-up that found it.
    #[must_use]
    pub fn life(&self) -> Duration {
        self.limits.life.min(VALIDITY)
    }

    /// Most records that are kept.
    #[must_use]
    pub fn limit(&self) -> u64 {
        self.limits.records
    }

    /// Keys from a place on, in the order of shards and, within one, of age, until `visit`
    /// has enough.
    fn walk(&self, from: Place, mut visit: impl FnMut(Place, &[u8], &Kept) -> bool) {
        let now = self.clock.millis();
        for (number, shard) in (0..).zip(&self.shards).skip(from.shard.into()) {
            let first = if number == from.shard { from.arrival } else { 0 };
            for (arrival, key, kept) in shard.read().from(first, now) {
                if !visit(Place { shard: number, arrival, given: 0 }, key, kept) {
                    return;
                }
            }
        }
    }

    fn shard(&self, key: &[u8]) -> &RwLock<Shard> {
        &self.shards[self.hasher.hash_one(key) as usize % SHARDS]
    }
}
