//! The belly of one machine: log, index, providers and values behind the trait.
//!
//! Memory answers, the log remembers. A record is in the index at once and on disk
//! within a second or so; a crash loses at most that. Its time is known to the hour: it
//! is served for 48 h after the end of the hour in which it was announced first, so never
//! less than 48 h after it was announced last and never over 49 h after the log was
//! told. A look-up of providers never touches the disk.
//!
//! Threads: one writes, one reads, one keeps house; at the start some more load.

mod catalogue;
mod config;
mod inbox;
mod keeper;
mod load;
mod open;
mod pulse;
mod purge;
mod reader;
mod writer;

#[cfg(test)]
mod tests;

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU32, Ordering};
use std::sync::mpsc::{SyncSender, TrySendError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use bytes::Bytes;
use libp2p::PeerId;
use parking_lot::{Condvar, Mutex, RwLock};
use rand::seq::SliceRandom;
use tokio::sync::oneshot;

pub use config::LogConfig;

use super::clock::{Clock, from_secs};
use super::demand::Demand;
use super::index::{Arrival, Change, Index, SipKey};
use super::log::{LogWriter, Name, Tail};
use super::providers::Providers;
use super::values::{MAX_VALUE, Values, ValuesFile};
use super::{
    Announcement, Answer, AskedKey, Belly, Counts, Cursor, Health, MAX_PROVIDER_KEY, Page, Progress,
    Provider, Purge, Query, Record, Refused, Region, Unavailable, Value,
};
use crate::wire::{AddrList, Key256};
use catalogue::Catalogue;
use inbox::{Inbox, WaitingValue};
use load::Loading;
use pulse::{Pulse, Reason};
use purge::Tombstones;
use reader::{PageRequest, Request};

/// A step of the wall clock that is told and makes expiry pause.
const STEP_MILLIS: u64 = 10 * 60 * 1000;
/// … for so long, in seconds.
const PAUSE_SECS: u32 = 10 * 60;

/// What all threads and callers share.
struct Shared {
    dir: PathBuf,
    /// Held while the store is open.
    _lock: File,
    clock: Clock,
    key: SipKey,
    index: Index,
    catalogue: Catalogue,
    providers: Providers,
    values: Values,
    demand: Demand,
    tombstones: RwLock<Tombstones>,
    inbox: Inbox,
    pulse: Pulse,
    loading: Loading,
    /// Files whose hour is over, to be checkpointed and closed.
    sealing: Mutex<Vec<(Name, LogWriter)>>,
    /// One round of the keeper at a time.
    keeping: Mutex<()>,
    /// The way to the reader; `None` before it runs and when the store closes.
    requests: Mutex<Option<SyncSender<Request>>>,
    closed: Mutex<bool>,
    close: Condvar,
    max_records: u64,
    max_records_per_provider: u32,
    max_disk: u64,
    /// Milliseconds that belly time is ahead of the wall clock, as last looked.
    ahead: AtomicI64,
    /// `ahead` is to be written down.
    ahead_moved: AtomicBool,
    /// The hour in which it was last told that the disk budget is used up.
    disk_told: AtomicU32,
    /// The writer is to delete values that expired.
    sweep_values: AtomicBool,
    /// Nothing expires before this, in seconds since the Unix epoch.
    paused_until: AtomicU32,
}

impl Shared {
    fn refuse(&self, reason: Reason, refused: Refused) -> Refused {
        self.pulse.count(reason);
        refused
    }

    fn warm(&self) -> bool {
        self.loading.progress().is_none()
    }

    /// Accepted, not on disk.
    fn unsaved(&self) -> u64 {
        let generations = &self.index.generations;
        let memory = generations.numbers().filter(|(_, rank)| !rank.disk());
        self.inbox.pending() + memory.map(|(number, _)| generations.count(number)).sum::<u64>()
    }

    fn disk_bytes(&self) -> u64 {
        self.catalogue.bytes() + super::database::bytes(&super::values::path(&self.dir))
    }

    /// Waits for the time or the end; true at the end.
    fn closing(&self, at_most: Duration) -> bool {
        let mut closed = self.closed.lock();
        let until = Instant::now() + at_most;
        while !*closed && !self.close.wait_until(&mut closed, until).timed_out() {}
        *closed
    }

    /// A file is gone: its records are in memory only, and what comes goes elsewhere.
    fn lost_file(&self, path: &Path) {
        let name = path.file_name().and_then(|name| Name::parse(&name.to_string_lossy()));
        let Some(name) = name else {
            self.values.clear();
            return;
        };
        for (known, entry) in self.catalogue.files() {
            if known == name {
                self.index.generations.lose_disk(entry.generation);
                self.catalogue.remove(name);
                self.catalogue.renew();
            }
        }
    }

    /// Writes the secret into a file that lost it.
    fn keep_secret(&self, file: &ValuesFile) -> rusqlite::Result<()> {
        if file.meta::<16>(open::SECRET)?.is_none() {
            file.set_meta(open::SECRET, &self.key.0)?;
        }
        Ok(())
    }

    /// Notes a step of the wall clock.
    fn watch_clock(&self) {
        let ahead = self.clock.ahead_of_wall();
        let step = ahead.abs_diff(self.ahead.load(Ordering::Relaxed));
        if step < STEP_MILLIS {
            return;
        }
        self.ahead.store(ahead, Ordering::Relaxed);
        self.ahead_moved.store(true, Ordering::Relaxed);
        self.paused_until.store(self.clock.secs().saturating_add(PAUSE_SECS), Ordering::Relaxed);
        self.pulse.set_notice(format!(
            "the clock was set by {} min; records keep their own time, and expiry rests for {} min",
            step / 60_000,
            PAUSE_SECS / 60
        ));
    }

    /// What is to be written down of the clock.
    fn clock_to_keep(&self) -> Option<i64> {
        self.ahead_moved.swap(false, Ordering::Relaxed).then(|| self.ahead.load(Ordering::Relaxed))
    }

    fn expiry_paused(&self) -> bool {
        self.clock.secs() < self.paused_until.load(Ordering::Relaxed)
    }

    /// Room for one more record in the store.
    fn may_grow(&self, provider: u32, near: bool) -> Result<(), Refused> {
        if self.providers.records(provider) >= self.max_records_per_provider {
            return Err(self.refuse(Reason::ProviderFull, Refused::ProviderFull));
        }
        let entries = self.index.entries();
        if entries >= self.max_records {
            return Err(self.refuse(Reason::StoreFull, Refused::StoreFull));
        }
        if !near && entries >= self.max_records - self.max_records / 20 {
            return Err(self.refuse(Reason::FarFull, Refused::StoreFull));
        }
        if self.pulse.disk_bytes() >= self.max_disk {
            return Err(self.refuse(Reason::DiskFull, Refused::StoreFull));
        }
        Ok(())
    }

    /// A record as lists show it; nothing when its provider is not known any more.
    fn record(
        &self,
        key: &Bytes,
        number: u32,
        generation: u8,
        announced: u32,
        head: Option<u16>,
    ) -> Option<Record> {
        let now = self.clock.secs();
        let provider = self.providers.get(number, now)?;
        let wall = |secs: u32| from_secs(secs.saturating_add_signed(self.behind_wall_secs()));
        Some(Record {
            key: key.clone(),
            provider: provider.peer,
            head: head.map(u32::from),
            announced: wall(announced),
            expires: wall(self.index.generations.until(generation)),
            addrs: provider.addrs,
            addrs_expire: self.providers.addrs_expire(number, now).map(wall),
        })
    }

    fn behind_wall_secs(&self) -> i32 {
        let ahead = self.ahead.load(Ordering::Relaxed);
        if ahead.unsigned_abs() < STEP_MILLIS { 0 } else { i32::try_from(-ahead / 1000).unwrap_or(0) }
    }

    fn ask(&self, request: Request) -> Result<(), Unavailable> {
        match self.requests.lock().as_ref().map(|reader| reader.try_send(request)) {
            Some(Ok(())) => Ok(()),
            Some(Err(TrySendError::Full(_))) => {
                self.pulse.count(Reason::ReadersBusy);
                Err(Unavailable(format!(
                    "{} reads of the record store wait already; try again",
                    reader::QUEUE
                )))
            }
            _ => Err(closing()),
        }
    }

    fn flush(&self) -> impl Future<Output = Result<(), Unavailable>> + Send + use<> {
        let (reply, answer) = oneshot::channel();
        self.inbox.push_flush(reply);
        async move { answer.await.unwrap_or_else(|_| Err(closing())) }
    }

    /// Takes in what was announced at a time in seconds since the Unix epoch.
    fn add(&self, announcement: &Announcement<'_>, now: u32) -> Result<(), Refused> {
        let Announcement { key, provider, addrs, head, near } = announcement;
        if key.is_empty() || key.len() > MAX_PROVIDER_KEY {
            return Err(self.refuse(Reason::KeyLength, Refused::KeyLength(key.len())));
        }
        let hash = self.key.hash(key);
        let heard = self.providers.hear(*provider, addrs, now);
        let heard = heard.ok_or_else(|| self.refuse(Reason::ProvidersFull, Refused::StoreFull))?;
        let over = self.over_disk();
        let queue = !over && self.inbox.reserve();
        if !queue && !over && !self.pulse.troubled() {
            // what was written in this hour need not be written again
            let written = self.was_written(hash, heard.number, now);
            return if written { Ok(()) } else { Err(self.refuse(Reason::Behind, Refused::Behind)) };
        }
        let change = self.put(hash, heard.number, *near, queue, now);
        let write = queue && matches!(change, Ok((_, Change::New { .. } | Change::Renewed)));
        if queue && !write {
            self.inbox.settle(1);
        }
        if let (Ok((generation, _)), true) = (&change, write) {
            let minute = u16::try_from(now % 3600 / 60).unwrap_or(0);
            let head = u16::try_from(*head).unwrap_or(u16::MAX);
            let generation = (*generation, self.index.generations.rank(*generation));
            self.inbox.push(generation, key, Tail { provider: heard.number, minute, head });
        } else if heard.moved {
            self.inbox.push_moved(heard.number);
        }
        self.demand.wrote(key);
        change.map(|_| ())
    }

    /// What is sent again goes to memory only, too: new records stopped 5 % earlier.
    fn over_disk(&self) -> bool {
        self.pulse.disk_bytes() >= self.max_disk.saturating_add(self.max_disk / 20)
    }

    /// The record was given to the log within this hour.
    fn was_written(&self, hash: u64, provider: u32, now: u32) -> bool {
        let rank = self.index.generation(hash, provider).map(|g| self.index.generations.rank(g));
        rank.is_some_and(|rank| rank.disk() && rank.hour() >= now / 3600)
    }

    fn put(
        &self,
        hash: u64,
        provider: u32,
        near: bool,
        disk: bool,
        now: u32,
    ) -> Result<(u8, Change), Refused> {
        let generation = self.catalogue.current(&self.index.generations, now / 3600, near, disk);
        let generation = generation.ok_or_else(|| self.refuse(Reason::StoreFull, Refused::StoreFull))?;
        let arrival = Arrival { hash, provider, generation, now, may_displace: true };
        let change = self
            .index
            .put(&arrival, &|number| self.providers.group(number), || self.may_grow(provider, near))
            .inspect_err(|why| {
                if *why == Refused::KeyFull {
                    self.pulse.count(Reason::KeyFull);
                }
            })?;
        if let Change::New { displaced } = change {
            self.providers.gain_record(provider);
            if let Some(displaced) = displaced {
                self.pulse.count(Reason::KeyDisplaced);
                self.providers.lose_record(displaced);
            }
        }
        if !disk && change != Change::Same {
            self.pulse.count(Reason::MemoryOnly);
        }
        Ok((generation, change))
    }
}

/// The embedded record store.
pub struct LogBelly {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
    loaders: Vec<JoinHandle<()>>,
}

impl LogBelly {
    /// Takes in what was announced earlier, at `at` seconds since the Unix epoch, waiting
    /// for the disk when it is behind.
    pub(super) fn add_at(&self, announcement: &Announcement<'_>, at: u32) -> Result<(), Refused> {
        let now = self.shared.clock.secs();
        if at / 3600 + catalogue::SERVED_HOURS <= now / 3600 {
            return Err(Refused::StoreFull);
        }
        loop {
            match self.shared.add(announcement, at.min(now)) {
                Err(Refused::Behind) => std::thread::sleep(Duration::from_millis(5)),
                outcome => return outcome,
            }
        }
    }

    /// All that is due by the clock, now: for tests that jump hours.
    #[cfg(test)]
    fn keep(&self) {
        keeper::round(&self.shared);
        keeper::sweep_providers(&self.shared);
        self.shared.sweep_values.store(true, Ordering::Relaxed);
    }
}

impl Belly for LogBelly {
    fn add_provider(&self, announcement: Announcement<'_>) -> Result<(), Refused> {
        self.shared.add(&announcement, self.shared.clock.secs())
    }

    fn providers(&self, key: &[u8], limit: usize) -> Answer<Vec<Provider>> {
        let shared = &*self.shared;
        let now = shared.clock.secs();
        let hash = shared.key.hash(key);
        let mut holders = shared.index.holders(hash, now);
        shared.demand.read(hash, key, holders.is_empty());
        if holders.len() > 1 {
            holders.shuffle(&mut rand::rng());
        }
        let mut found = Vec::with_capacity(holders.len().min(limit));
        let mut without = Vec::new();
        for provider in holders.into_iter().filter_map(|(number, _)| shared.providers.get(number, now)) {
            if found.len() == limit {
                break;
            }
            if provider.addrs.is_empty() { without.push(provider) } else { found.push(provider) }
        }
        without.truncate(limit - found.len());
        found.append(&mut without);
        Answer::now(found)
    }

    fn addresses_of(&self, provider: &PeerId) -> Answer<Option<AddrList>> {
        Answer::now(self.shared.providers.addresses(provider, self.shared.clock.secs()))
    }

    fn put_value(&self, key: Bytes, value: Bytes) -> Answer<Result<(), Refused>> {
        let shared = &*self.shared;
        let len = key.len() + value.len();
        if len > MAX_VALUE {
            return Answer::now(Err(shared.refuse(Reason::ValueTooLarge, Refused::ValueTooLarge(len))));
        }
        if shared.pulse.troubled() {
            return Answer::now(Err(shared.refuse(Reason::Unwritable, Refused::Unavailable)));
        }
        let (reply, answer) = oneshot::channel();
        if shared.inbox.push_value(WaitingValue { key, value, reply }).is_err() {
            return Answer::now(Err(shared.refuse(Reason::Behind, Refused::Behind)));
        }
        Answer::later(async move { answer.await.unwrap_or(Err(Refused::Unavailable)) })
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
        let Shared { index, providers, values, clock, .. } = &*self.shared;
        Counts {
            records: index.generations.total(clock.secs()),
            providers: providers.count(),
            values: values.count(),
            unsaved: self.shared.unsaved(),
        }
    }

    fn health(&self) -> Health {
        let mut health = self.shared.pulse.health(self.shared.unsaved());
        if self.threads.iter().any(JoinHandle::is_finished) {
            health.trouble =
                Some("a thread of the record store died: restart hydrad, and report its log".to_owned());
        }
        health
    }

    fn flush(&self) -> Answer<Result<(), Unavailable>> {
        Answer::later(self.shared.flush())
    }

    fn warming(&self) -> Option<Progress> {
        self.shared.loading.progress()
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
        let flush = shared.flush();
        Answer::later(async move {
            // first to the log what it voids, then the tombstone, then memory
            flush.await?;
            let (reply, answer) = oneshot::channel();
            shared.note_tombstone(&tombstone);
            shared.inbox.push_tombstone(tombstone, reply);
            answer.await.unwrap_or_else(|_| Err(closing()))?;
            let remove = move || shared.remove(&what);
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
