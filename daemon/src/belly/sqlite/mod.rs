//! The plain store: memory answers, SQLite keeps.
//!
//! Owns a [`Belly`] whose records, providers and addresses are all in memory, so that
//! no look-up of a provider touches the disk, and a file that remembers them over
//! restarts. One thread writes, one reads. Accepted records are readable at once and on
//! disk within a second or so; a crash loses at most that.
//!
//! What a restart may forget: a re-sent record is written once in half an hour, so its
//! time on disk is at most half an hour too old. A record read from disk is therefore
//! served half an hour longer: never less than 48 h, never over 49 h.

mod file;
mod inbox;
mod load;
mod providers;
mod pulse;
mod reader;
mod records;
mod values;
mod writer;

#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::mpsc::{SyncSender, TrySendError, sync_channel};
use std::thread::JoinHandle;

use bytes::Bytes;
use libp2p::PeerId;
use parking_lot::Mutex;
use rand::seq::SliceRandom;
use tokio::sync::oneshot;

pub use file::BellyError;

use super::clock::Clock;
use super::{
    Announcement, Answer, Belly, Counts, Cursor, Health, MAX_PROVIDER_KEY, Page, Provider, Query, Refused,
    Unavailable, Value,
};
use crate::wire::{AddrList, Key256};
use file::File;
use inbox::{Inbox, WaitingRecord, WaitingValue};
use providers::Providers;
use pulse::{Pulse, Reason};
use reader::{PageRequest, Request};
use records::{Arrival, Records, Room};
use values::Values;

/// Memory that one record takes, maps' slack included (`benches/belly.rs` measures it).
const BYTES_PER_RECORD: u64 = 128;

/// Where the store is and what it may hold.
#[derive(Debug, Clone)]
pub struct SqliteConfig {
    /// Holds `belly.db`; made when it is not there.
    pub dir: PathBuf,
    /// Most provider records.
    pub max_records: u64,
    /// Most records of one provider; no limit when `None`.
    pub max_records_per_provider: Option<u32>,
    /// Most distinct providers, up to 4 million.
    pub max_providers: u64,
    /// Most value records.
    pub max_values: u64,
    /// Most bytes of value records, keys included.
    pub max_values_bytes: u64,
    /// Most records that may wait for the disk.
    pub max_backlog: u64,
    /// Where the time comes from.
    pub clock: Clock,
}

impl SqliteConfig {
    /// A store for a machine with a few hundred MiB to spare.
    #[must_use]
    pub fn new(dir: impl AsRef<Path>) -> Self {
        Self {
            dir: dir.as_ref().to_path_buf(),
            max_records: 5_000_000,
            max_records_per_provider: None,
            max_providers: 200_000,
            max_values: 100_000,
            max_values_bytes: 256 << 20,
            max_backlog: 200_000,
            clock: Clock::system(),
        }
    }

    /// As many records as fit into so many bytes of memory.
    #[must_use]
    pub fn with_memory(mut self, bytes: u64) -> Self {
        self.max_records = (bytes / BYTES_PER_RECORD).max(10_000);
        self
    }
}

/// What both threads and all callers share.
struct Shared {
    file: File,
    clock: Clock,
    records: Records,
    providers: Providers,
    values: Values,
    inbox: Inbox,
    pulse: Pulse,
    /// The way to the reader; `None` before it runs and when the store closes.
    requests: Mutex<Option<SyncSender<Request>>>,
    /// Grows when the file is replaced.
    epoch: AtomicU64,
    /// The reader found the file of this epoch + 1 damaged; 0 when it did not.
    damaged: AtomicU64,
    max_records_per_provider: u32,
}

impl Shared {
    fn new(config: &SqliteConfig, file: File) -> Self {
        Self {
            file,
            clock: config.clock.clone(),
            records: Records::new(config.max_records),
            providers: Providers::new(config.max_providers),
            values: Values::new(config.max_values, config.max_values_bytes),
            inbox: Inbox::new(config.max_backlog),
            pulse: Pulse::default(),
            requests: Mutex::new(None),
            epoch: AtomicU64::new(0),
            damaged: AtomicU64::new(0),
            max_records_per_provider: config.max_records_per_provider.unwrap_or(u32::MAX),
        }
    }

    /// Room on the way to the disk; in trouble, memory alone must do.
    fn room(&self) -> Result<Room, Refused> {
        if self.inbox.reserve() {
            Ok(Room::Queue)
        } else if self.pulse.troubled() {
            Ok(Room::MemoryOnly)
        } else {
            Err(self.refuse(Reason::Behind, Refused::Behind))
        }
    }

    /// Accepted, not on disk.
    fn unsaved(&self) -> u64 {
        self.inbox.pending() + self.records.unsaved()
    }

    fn refuse(&self, reason: Reason, refused: Refused) -> Refused {
        self.pulse.refuse(reason);
        refused
    }

    fn ask(&self, request: Request) -> Result<(), Unavailable> {
        match self.requests.lock().as_ref().map(|reader| reader.try_send(request)) {
            Some(Ok(())) => Ok(()),
            Some(Err(TrySendError::Full(_))) => {
                self.pulse.refuse(Reason::ReadersBusy);
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
}

/// The embedded record store.
pub struct SqliteBelly {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
}

impl SqliteBelly {
    /// Opens or makes the store and reads it whole.
    ///
    /// A damaged file is moved aside and a new one begun; [`Belly::health`] tells it.
    ///
    /// # Errors
    /// The directory or file cannot be used, or the file is of a newer version or of
    /// another program.
    pub fn open(config: SqliteConfig) -> Result<Self, BellyError> {
        Self::open_with(config, &mut |_| {})
    }

    /// [`Self::open`], telling now and then how many records were read.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub fn open_with(config: SqliteConfig, progress: &mut dyn FnMut(u64)) -> Result<Self, BellyError> {
        let file = File::in_dir(&config.dir)?;
        let fill = |progress: &mut dyn FnMut(u64)| {
            let shared = Shared::new(&config, file.clone());
            let db = file.writer()?;
            load::load(&db, &shared, progress)?;
            Ok((shared, db))
        };
        let (shared, db) = match fill(progress) {
            Err(trouble) if file::Trouble::is_damage(&trouble) => {
                let aside = file.move_aside(config.clock.secs())?;
                let (shared, db) = fill(progress).map_err(|e: file::Trouble| e.at(&file))?;
                shared.pulse.set_notice(format!(
                    "the record store {} was damaged ({trouble}) and is now {}; a new one was begun and fills again \
                     as providers announce (22 h)",
                    file.path().display(),
                    aside.display()
                ));
                (shared, db)
            }
            outcome => outcome.map_err(|e| e.at(&file))?,
        };
        shared.pulse.set_disk_bytes(file.bytes());
        let shared = Arc::new(shared);
        let (requests, queue) = sync_channel(reader::QUEUE);
        *shared.requests.lock() = Some(requests);
        let mut belly = Self { shared: shared.clone(), threads: Vec::new() };
        let writer = writer::Writer::new(shared.clone(), db);
        belly.spawn("belly-writer", move || writer.run())?;
        belly.spawn("belly-reader", move || reader::run(&shared, &queue))?;
        Ok(belly)
    }

    /// Removes all that expired, now, instead of bit by bit.
    #[cfg(test)]
    fn sweep(&self) -> Answer<Result<(), Unavailable>> {
        let (reply, answer) = oneshot::channel();
        self.shared.inbox.push_sweep(reply);
        Answer::later(async move { answer.await.unwrap_or_else(|_| Err(closing())) })
    }

    fn spawn(&mut self, name: &str, run: impl FnOnce() + Send + 'static) -> Result<(), BellyError> {
        let builder = std::thread::Builder::new().name(name.to_owned());
        self.threads.push(builder.spawn(run).map_err(BellyError::Thread)?);
        Ok(())
    }
}

impl Belly for SqliteBelly {
    fn add_provider(&self, announcement: Announcement<'_>) -> Result<(), Refused> {
        // Near and far records are kept alike: this engine has one life for all.
        let Announcement { key, provider, addrs, head, near: _ } = announcement;
        let shared = &*self.shared;
        if key.is_empty() || key.len() > MAX_PROVIDER_KEY {
            return Err(shared.refuse(Reason::KeyLength, Refused::KeyLength(key.len())));
        }
        let now = shared.clock.secs();
        let place = Key256::of(key);
        let heard = shared.providers.hear(provider, &addrs, now);
        let heard = heard.ok_or_else(|| shared.refuse(Reason::ProvidersFull, Refused::StoreFull))?;
        let arrival = Arrival { place, provider: heard.id, head, now };
        let may_grow = || {
            let full = heard.records >= shared.max_records_per_provider;
            if full { Err(Refused::ProviderFull) } else { Ok(()) }
        };
        let upsert =
            shared.records.upsert(arrival, || shared.room(), may_grow).inspect_err(|why| match why {
                Refused::KeyFull => shared.pulse.refuse(Reason::KeyFull),
                Refused::ProviderFull => shared.pulse.refuse(Reason::ProviderFull),
                Refused::StoreFull => shared.pulse.refuse(Reason::StoreFull),
                _ => {}
            });
        let accepted = upsert.as_ref().is_ok_and(|u| u.new);
        if accepted {
            shared.providers.gain_record(heard.id);
        }
        let record = upsert.as_ref().is_ok_and(|u| u.queue).then(|| WaitingRecord {
            place,
            key: key.into(),
            provider: heard.id,
        });
        if record.is_some() || heard.queue {
            shared.inbox.push(record, heard.queue.then_some(heard.id));
        }
        if let Some(displaced) = upsert?.displaced {
            shared.providers.lose_record(displaced);
        }
        Ok(())
    }

    fn providers(&self, key: &[u8], limit: usize) -> Answer<Vec<Provider>> {
        let shared = &*self.shared;
        let now = shared.clock.secs();
        let mut holders = shared.records.holders(&Key256::of(key), now);
        if holders.len() > 1 {
            holders.shuffle(&mut rand::rng());
        }
        let mut found = Vec::with_capacity(holders.len().min(limit));
        let mut without = Vec::new();
        for provider in holders.into_iter().filter_map(|id| shared.providers.get(id, now)) {
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
        if len > values::MAX_VALUE {
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
        let Shared { records, providers, values, .. } = &*self.shared;
        Counts {
            records: records.count(),
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

    fn top_providers(&self, _: usize) -> Vec<(PeerId, u32)> {
        Vec::new()
    }

    fn most_asked(&self, _: usize) -> Vec<super::AskedKey> {
        Vec::new()
    }

    fn regions(&self) -> Vec<super::Region> {
        Vec::new()
    }

    fn purge(&self, _: super::Purge) -> Answer<Result<u64, Unavailable>> {
        Answer::now(Err(Unavailable("this store does not purge".to_owned())))
    }

    fn drops(&self) -> Vec<(&'static str, u64)> {
        self.shared.pulse.drops()
    }
}

impl Drop for SqliteBelly {
    /// Writes what waits and closes the file; takes as long as that takes.
    fn drop(&mut self) {
        self.shared.inbox.close();
        *self.shared.requests.lock() = None;
        for thread in self.threads.drain(..) {
            if thread.join().is_err() {
                tracing::error!("a thread of the record store had panicked");
            }
        }
    }
}

fn closing() -> Unavailable {
    Unavailable("the store is closing, or too many wait for it".to_owned())
}
