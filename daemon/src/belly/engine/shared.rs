//! What all threads and callers of the store share, and what each does with it.
//!
//! Owns the way of an announcement from the caller to index and inbox, and the store's
//! bounds. Touches no file.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU32, AtomicUsize, Ordering};
use std::sync::mpsc::{SyncSender, TrySendError};
use std::time::{Duration, Instant, SystemTime};

use bytes::Bytes;
use parking_lot::{Condvar, Mutex, RwLock};
use rand::seq::SliceRandom;
use tokio::sync::oneshot;

use super::catalogue::Catalogue;
use super::inbox::Inbox;
use super::load::Loading;
use super::lookup::Spill;
use super::pulse::{Pulse, Reason};
use super::purge::Tombstones;
use super::reader::{self, Request};
use super::{IndexMode, closing, open};
use crate::belly::clock::{Clock, from_secs};
use crate::belly::demand::Demand;
use crate::belly::index::{Arrival, Change, Index, SipKey};
use crate::belly::log::{LogWriter, Name, Tail};
use crate::belly::providers::Providers;
use crate::belly::values::{Values, ValuesFile};
use crate::belly::{
    Announcement, MAX_PROVIDER_KEY, PROVIDER_VALIDITY, Provider, Record, Refused, Source, Unavailable,
};

/// A step of the wall clock that is told and makes expiry pause.
pub(super) const STEP_MILLIS: u64 = 10 * 60 * 1000;
/// … for so long, in seconds.
pub(super) const PAUSE_SECS: u32 = 10 * 60;

/// What all threads and callers share.
pub(super) struct Shared {
    pub(super) dir: PathBuf,
    /// Held while the store is open.
    pub(super) lock: Mutex<File>,
    pub(super) clock: Clock,
    pub(super) key: SipKey,
    pub(super) index: Index,
    pub(super) catalogue: Catalogue,
    pub(super) index_mode: IndexMode,
    /// What left the index.
    pub(super) spill: Spill,
    pub(super) providers: Providers,
    pub(super) values: Values,
    pub(super) demand: Demand,
    pub(super) tombstones: RwLock<Tombstones>,
    pub(super) inbox: Inbox,
    pub(super) pulse: Pulse,
    pub(super) loading: Loading,
    /// Files whose hour is over, to be checkpointed and closed.
    pub(super) sealing: Mutex<Vec<(Name, LogWriter)>>,
    /// Purges under way.
    pub(super) purging: AtomicUsize,
    /// One round of the keeper at a time.
    pub(super) keeping: Mutex<()>,
    /// The way to the reader; `None` before it runs and when the store closes.
    pub(super) requests: Mutex<Option<SyncSender<Request>>>,
    pub(super) closed: Mutex<bool>,
    pub(super) close: Condvar,
    pub(super) max_records: u64,
    /// Bytes of the index and of what memory keeps of segments.
    pub(super) max_memory: u64,
    pub(super) max_records_per_provider: u32,
    pub(super) max_disk: u64,
    /// Milliseconds that belly time is ahead of the wall clock, as last looked.
    pub(super) ahead: AtomicI64,
    /// `ahead` is to be written down.
    pub(super) ahead_moved: AtomicBool,
    /// The hour in which it was last told that the disk budget is used up.
    pub(super) disk_told: AtomicU32,
    /// The writer is to delete values that expired.
    pub(super) sweep_values: AtomicBool,
    /// Nothing expires before this, in seconds since the Unix epoch.
    pub(super) paused_until: AtomicU32,
}

impl Shared {
    pub(super) fn refuse(&self, reason: Reason, refused: Refused) -> Refused {
        self.pulse.count(reason);
        refused
    }

    pub(super) fn warm(&self) -> bool {
        self.loading.progress().is_none()
    }

    /// Accepted, not on disk.
    pub(super) fn unsaved(&self) -> u64 {
        self.inbox.pending() + self.in_memory_only()
    }

    /// Records that the disk was not given, or has lost.
    pub(super) fn in_memory_only(&self) -> u64 {
        let generations = &self.index.generations;
        let memory = generations.numbers().filter(|(_, rank)| !rank.disk());
        memory.map(|(number, _)| generations.count(number)).sum()
    }

    pub(super) fn disk_bytes(&self) -> u64 {
        self.catalogue.bytes() + crate::belly::database::bytes(&crate::belly::values::path(&self.dir))
    }

    /// Waits for the time or the end; true at the end.
    pub(super) fn closing(&self, at_most: Duration) -> bool {
        let mut closed = self.closed.lock();
        let until = Instant::now() + at_most;
        while !*closed && !self.close.wait_until(&mut closed, until).timed_out() {}
        *closed
    }

    /// A file is gone: its records are in memory only, and what comes goes elsewhere.
    /// Returns how many records only its segment had.
    pub(super) fn lost_file(&self, path: &Path) -> u64 {
        let name = path.file_name().and_then(|name| Name::parse(&name.to_string_lossy()));
        let Some(name) = name else {
            self.values.clear();
            return 0;
        };
        let mut lost = 0;
        for (known, entry) in self.catalogue.files() {
            if known == name {
                self.index.generations.lose_disk(entry.generation);
                lost += self.drop_segment(entry.generation);
                self.catalogue.remove(name);
                self.catalogue.renew();
            }
        }
        self.pulse.add(Reason::SegmentLost, lost);
        lost
    }

    /// Writes the secret into a file that lost it.
    pub(super) fn keep_secret(&self, file: &ValuesFile) -> rusqlite::Result<()> {
        if file.meta::<16>(open::SECRET)?.is_none() {
            file.set_meta(open::SECRET, &self.key.0)?;
        }
        Ok(())
    }

    /// Notes a step of the wall clock.
    pub(super) fn watch_clock(&self) {
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
    pub(super) fn clock_to_keep(&self) -> Option<i64> {
        self.ahead_moved.swap(false, Ordering::Relaxed).then(|| self.ahead.load(Ordering::Relaxed))
    }

    pub(super) fn expiry_paused(&self) -> bool {
        self.clock.secs() < self.paused_until.load(Ordering::Relaxed)
    }

    /// Room for one more record in the store.
    pub(super) fn may_grow(&self, provider: u32, near: bool) -> Result<(), Refused> {
        if self.providers.records(provider) >= self.max_records_per_provider {
            return Err(self.refuse(Reason::ProviderFull, Refused::ProviderFull));
        }
        let (entries, records) = (self.index.entries(), self.records());
        let full = |part: u64| {
            let max_entries = self.max_entries();
            records >= self.max_records - self.max_records * part / 20
                || entries >= max_entries - max_entries * part / 20
        };
        if full(0) {
            return Err(self.refuse(Reason::StoreFull, Refused::StoreFull));
        }
        if !near && full(1) {
            return Err(self.refuse(Reason::FarFull, Refused::StoreFull));
        }
        if self.pulse.disk_bytes() >= self.max_disk {
            return Err(self.refuse(Reason::DiskFull, Refused::StoreFull));
        }
        Ok(())
    }

    /// At most so many of a key's holders, at random, those with addresses first.
    pub(super) fn sample(&self, mut holders: Vec<(u32, u8)>, limit: usize, now: u32) -> Vec<Provider> {
        if holders.len() > 1 {
            holders.shuffle(&mut rand::rng());
        }
        let mut found = Vec::with_capacity(holders.len().min(limit));
        let mut without = Vec::new();
        for provider in holders.into_iter().filter_map(|(number, _)| self.providers.get(number, now)) {
            if found.len() == limit {
                break;
            }
            if provider.addrs.is_empty() { without.push(provider) } else { found.push(provider) }
        }
        without.truncate(limit - found.len());
        found.append(&mut without);
        found
    }

    /// A record as lists show it; nothing when its provider is not known any more.
    pub(super) fn record(
        &self,
        key: &Bytes,
        number: u32,
        generation: u8,
        announced: u32,
        head: Option<u16>,
    ) -> Option<Record> {
        let now = self.clock.secs();
        let provider = self.providers.get(number, now)?;
        let wall = |secs| self.wall(secs);
        // belly time may be minutes ahead of a clock that was set back
        let announced = wall(announced).min(self.clock.wall());
        Some(Record {
            key: key.clone(),
            provider: provider.peer,
            source: Source::Announced,
            head: head.map(u32::from),
            near: self.index.generations.rank(generation).near(),
            announced,
            expires: announced + PROVIDER_VALIDITY,
            addrs: provider.addrs,
            addrs_expire: self.providers.addrs_expire(number, now).map(wall),
        })
    }

    /// From belly time, in seconds since the Unix epoch, to the time that people have.
    pub(super) fn wall(&self, secs: u32) -> SystemTime {
        from_secs(secs.saturating_add_signed(self.behind_wall_secs()))
    }

    fn behind_wall_secs(&self) -> i32 {
        let ahead = self.ahead.load(Ordering::Relaxed);
        if ahead.unsigned_abs() < STEP_MILLIS { 0 } else { i32::try_from(-ahead / 1000).unwrap_or(0) }
    }

    pub(super) fn ask(&self, request: Request) -> Result<(), Unavailable> {
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

    pub(super) fn flush(&self) -> impl Future<Output = Result<(), Unavailable>> + Send + use<> {
        let answer = self.ask_flush();
        async move { answer.await.unwrap_or_else(|_| Err(closing())) }
    }

    /// [`Self::flush`] for a thread that may wait.
    pub(super) fn flush_now(&self) -> Result<(), Unavailable> {
        self.ask_flush().blocking_recv().unwrap_or_else(|_| Err(closing()))
    }

    fn ask_flush(&self) -> oneshot::Receiver<Result<(), Unavailable>> {
        let (reply, answer) = oneshot::channel();
        self.inbox.push_flush(reply);
        answer
    }

    /// Takes in what was announced at a time in seconds since the Unix epoch.
    pub(super) fn add(&self, announcement: &Announcement<'_>, now: u32) -> Result<(), Refused> {
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
            let minute = self.tombstones.read().minute(hash, heard.number, now);
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
    pub(super) fn over_disk(&self) -> bool {
        self.pulse.disk_bytes() >= self.max_disk.saturating_add(self.max_disk / 20)
    }

    /// The record was given to the log within this hour.
    pub(super) fn was_written(&self, hash: u64, provider: u32, now: u32) -> bool {
        let rank = self.index.generation(hash, provider).map(|g| self.index.generations.rank(g));
        rank.is_some_and(|rank| rank.disk() && rank.hour() >= now / 3600)
    }

    pub(super) fn put(
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
