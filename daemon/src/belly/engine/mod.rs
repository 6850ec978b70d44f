//! The belly of one machine: log, index, providers and values behind the trait.
//!
//! Memory answers, the log remembers. A record is in the index at once and on disk
//! within a second or so; a crash loses at most that. Its time is known to the hour: it
//! is served for 48 h after the end of the hour in which it was announced first, so never
//! less than 48 h after it was announced last and never over 49 h after the log was
//! told. A look-up of providers never touches the disk, unless `belly.index` lets hours
//! leave the index: then it does for a key that their filters know.
//!
//! Threads: one writes, one reads, one keeps house, two look up what left the index; at
//! the start some more load.

mod catalogue;
mod config;
mod dump;
mod inbox;
mod keeper;
mod load;
mod lookup;
mod merge;
mod open;
mod progress;
mod pulse;
mod purge;
mod reader;
mod shared;
mod spill;
mod writer;

#[cfg(test)]
mod tests;

use std::cmp::Reverse;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::JoinHandle;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use libp2p::PeerId;
use tokio::sync::oneshot;

pub use config::{IndexMode, LogConfig};

use super::values::MAX_VALUE;
use super::{
    Announcement, Answer, AskedKey, Belly, Books, Counts, Cursor, Footprint, Generation, Health, Page,
    Progress, Provider, Purge, Query, Refused, Region, Unavailable, Value,
};
use crate::wire::{AddrList, Key256};
use inbox::WaitingValue;
use pulse::Reason;
use reader::{PageRequest, Request};
use shared::Shared;

/// The embedded record store.
pub struct LogBelly {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
    loaders: Vec<JoinHandle<()>>,
}

impl LogBelly {
    /// Memory that the index takes, in bytes; looks at each shard.
    #[must_use]
    pub fn index_bytes(&self) -> u64 {
        self.shared.index.bytes()
    }

    /// Nobody reads what was there before the start any more.
    fn loaders_ended(&self) -> bool {
        self.loaders.iter().all(JoinHandle::is_finished)
    }

    /// Takes in what was announced earlier, at `at` seconds since the Unix epoch, waiting
    /// for the disk when it is behind. False when its time is over.
    pub(super) fn add_at(&self, announcement: &Announcement<'_>, at: u32) -> Result<bool, Refused> {
        let now = self.shared.clock.secs();
        if at / 3600 + catalogue::SERVED_HOURS <= now / 3600 {
            return Ok(false);
        }
        loop {
            match self.shared.add(announcement, at.min(now)) {
                Err(Refused::Behind) => std::thread::sleep(Duration::from_millis(5)),
                outcome => return outcome.map(|()| true),
            }
        }
    }

    /// Takes in a value that came earlier, at `received`.
    pub(super) fn put_value_at(
        &self,
        key: Bytes,
        value: Bytes,
        received: SystemTime,
    ) -> Answer<Result<(), Refused>> {
        let millis = received.duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
        let millis = u64::try_from(millis).unwrap_or(u64::MAX).min(self.shared.clock.millis());
        self.put_value_received(key, value, Some(millis))
    }

    fn put_value_received(
        &self,
        key: Bytes,
        value: Bytes,
        received: Option<u64>,
    ) -> Answer<Result<(), Refused>> {
        let shared = &*self.shared;
        let len = key.len() + value.len();
        if len > MAX_VALUE {
            return Answer::now(Err(shared.refuse(Reason::ValueTooLarge, Refused::ValueTooLarge(len))));
        }
        if shared.pulse.troubled() {
            return Answer::now(Err(shared.refuse(Reason::Unwritable, Refused::Unavailable)));
        }
        let (reply, answer) = oneshot::channel();
        if shared.inbox.push_value(WaitingValue { key, value, received, reply }).is_err() {
            return Answer::now(Err(shared.refuse(Reason::Behind, Refused::Behind)));
        }
        Answer::later(async move { answer.await.unwrap_or(Err(Refused::Unavailable)) })
    }

    /// All that is due by the clock, now: for tests that jump hours.
    #[cfg(test)]
    fn keep(&self) {
        keeper::round(&self.shared);
        keeper::recount(&self.shared);
        keeper::sweep_providers(&self.shared);
        self.shared.sweep_values.store(true, Ordering::Relaxed);
    }

    /// Seals all files whose hour is over, now.
    #[cfg(test)]
    fn seal(&self) {
        let mut tried = std::collections::HashSet::new();
        for _ in 0..2 * self.shared.catalogue.files().len() + 2 {
            keeper::seal_one_more(&self.shared, &mut tried);
            keeper::round(&self.shared);
        }
    }
}

impl Belly for LogBelly {
    fn add_provider(&self, announcement: Announcement<'_>) -> Result<(), Refused> {
        self.shared.add(&announcement, self.shared.clock.secs())
    }

    fn providers(&self, key: &[u8], limit: usize) -> Answer<Vec<Provider>> {
        let shared = &self.shared;
        let now = shared.clock.secs();
        let hash = shared.key.hash(key);
        let holders = shared.index.holders(hash, now);
        if holders.len() < lookup::ENOUGH.min(limit) && shared.may_be_spilled(hash, now) {
            return shared.look_up(key, hash, holders, limit, now);
        }
        shared.demand.read(hash, key, holders.is_empty());
        Answer::now(shared.sample(holders, limit, now))
    }

    fn addresses_of(&self, provider: &PeerId) -> Answer<Option<AddrList>> {
        Answer::now(self.shared.providers.addresses(provider, self.shared.clock.secs()))
    }

    fn put_value(&self, key: Bytes, value: Bytes) -> Answer<Result<(), Refused>> {
        self.put_value_received(key, value, None)
    }

    fn value(&self, key: &[u8]) -> Answer<Result<Option<Value>, Unavailable>> {
        let place = Key256::of(key);
        if !self.shared.values.has(&place, self.shared.clock.millis()) {
            return Answer::now(Ok(None));
        }
        let (reply, answer) = oneshot::channel();
        match self.shared.ask(Request::Value { place, reply }) {
            Ok(()) => Answer::later(async move { answer.await.unwrap_or_else(|_| Err(closing())) }),
            Err(e) => Answer::now(Err(e)),
        }
    }

    fn page(&self, query: Query, after: Option<Cursor>, limit: usize) -> Answer<Result<Page, Unavailable>> {
        if query.prefetched == Some(true) {
            return Answer::now(Ok(Page::default()));
        }
        let shared = self.shared.clone();
        let flush = after.is_none().then(|| shared.flush());
        Answer::later(async move {
            // A list begins with all that was accepted; its later pages need no commit of
            // their own. When the disk takes nothing, what it has is listed.
            if let Some(flush) = flush {
                flush.await.ok();
            }
            let (reply, answer) = oneshot::channel();
            shared.ask(Request::Page(Box::new(PageRequest { query, after, limit, reply })))?;
            answer.await.unwrap_or_else(|_| Err(closing()))
        })
    }

    fn counts(&self) -> Counts {
        let Shared { index, providers, values, clock, spill, .. } = &*self.shared;
        let now = clock.secs();
        let near = |number| index.generations.live(number, now) && index.generations.rank(number).near();
        Counts {
            near: index
                .generations
                .numbers()
                .filter(|(n, _)| near(*n))
                .map(|(n, _)| index.generations.count(n))
                .sum::<u64>()
                + spill.segments.records(near),
            records: index.generations.total(now)
                + spill.segments.records(|g| index.generations.live(g, now)),
            providers: providers.count(),
            values: values.count(),
            unsaved: self.shared.unsaved(),
            prefetched: 0,
        }
    }

    fn health(&self) -> Health {
        let mut health = self.shared.pulse.health(self.shared.unsaved());
        health.max_disk = Some(self.shared.max_disk).filter(|bytes| *bytes < u64::MAX);
        // the order counts: a loader that ended in order has left nothing
        let cut_short = self.loaders_ended() && !self.shared.warm();
        if cut_short || self.threads.iter().any(JoinHandle::is_finished) {
            health.trouble =
                Some("a thread of the record store died: restart hydrad, and report its log".to_owned());
        }
        health
    }

    fn books(&self) -> Books {
        self.shared.pulse.books()
    }

    fn flush(&self) -> Answer<Result<(), Unavailable>> {
        Answer::later(self.shared.flush())
    }

    fn warming(&self) -> Option<Progress> {
        // what a loader that died has left will not be read: health tells, heads need not wait
        if self.loaders_ended() { None } else { self.shared.loading.progress() }
    }

    fn records_of(&self, provider: &PeerId) -> u32 {
        let providers = &self.shared.providers;
        providers.number(provider).map_or(0, |number| providers.records(number))
    }

    fn providers_of(&self, key: &[u8]) -> usize {
        let Shared { index, key: secret, clock, .. } = &*self.shared;
        index.holders(secret.hash(key), clock.secs()).len()
    }

    fn footprint(&self) -> Footprint {
        let Shared { index, spill, clock, .. } = &*self.shared;
        let (generations, now) = (&index.generations, clock.secs());
        let mut live: Vec<_> = generations.numbers().filter(|(n, _)| generations.live(*n, now)).collect();
        live.sort_unstable_by_key(|(_, rank)| Reverse(*rank));
        let generations = live.into_iter().map(|(number, rank)| {
            let segment_records = spill.segments.records(|g| g == number);
            Generation {
                hour: self.shared.wall(rank.hour().saturating_mul(3600)),
                near: rank.near(),
                records: generations.count(number) + segment_records,
                segment_records,
                disk: rank.disk(),
            }
        });
        Footprint {
            index_entries: index.entries(),
            index_bytes: index.bytes(),
            index_longest_pass: index.longest_pass(),
            segment_records: spill.segments.records(|g| index.generations.live(g, now)),
            segment_bytes: spill.segments.bytes(),
            generations: generations.collect(),
        }
    }

    fn top_providers(&self, n: usize) -> Vec<(PeerId, u32)> {
        self.shared.providers.top(n)
    }

    fn most_asked(&self, n: usize) -> Vec<AskedKey> {
        self.shared.demand.most_asked(n)
    }

    fn regions(&self) -> Vec<Region> {
        self.shared.demand.regions()
    }

    fn purge(&self, what: Purge) -> Answer<Result<u64, Unavailable>> {
        let tombstone = match self.shared.tombstone(&what) {
            Ok(tombstone) => tombstone,
            Err(error) => return Answer::now(Err(error)),
        };
        let shared = self.shared.clone();
        let purging = dump::Purging::begin(&shared);
        let flush = shared.flush();
        Answer::later(async move {
            // first to the log what it voids, then the tombstone, then memory
            flush.await?;
            let (reply, answer) = oneshot::channel();
            let earlier = shared.purged_until(&what);
            shared.note_tombstone(&tombstone);
            shared.inbox.push_tombstone(tombstone, reply);
            answer.await.unwrap_or_else(|_| Err(closing()))?;
            let remove = move || {
                let removed = shared.remove(&what, earlier);
                drop(purging);
                removed
            };
            tokio::task::spawn_blocking(remove).await.map_err(|e| Unavailable(format!("purge: {e}")))
        })
    }

    fn drops(&self) -> Vec<(&'static str, u64)> {
        self.shared.pulse.drops()
    }
}

impl Drop for LogBelly {
    /// Writes what waits and closes the files; takes as long as that takes.
    fn drop(&mut self) {
        self.shared.loading.cancelled.store(true, Ordering::Relaxed);
        self.shared.inbox.close();
        *self.shared.requests.lock() = None;
        *self.shared.spill.requests.lock() = None;
        *self.shared.closed.lock() = true;
        self.shared.close.notify_all();
        for thread in self.loaders.drain(..).chain(self.threads.drain(..)) {
            if thread.join().is_err() {
                tracing::error!("a thread of the record store had panicked");
            }
        }
    }
}

fn closing() -> Unavailable {
    Unavailable("the store is closing, or too many wait for it".to_owned())
}
