//! The thread that writes: groups of records to their generations' files, values to
//! theirs.
//!
//! Owns the connections that write. When the disk does not take a group it keeps it,
//! says so, and tries again for ever; nobody waits for it meanwhile.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use super::catalogue::Entry;
use super::inbox::{Group, WaitingValue};
use super::open;
use super::pulse::Reason;
use super::shared::Shared;
use crate::belly::database::{self, Trouble};
use crate::belly::index::Rank;
use crate::belly::log::{LogWriter, Name};
use crate::belly::values::{Meta, ValuesFile};
use crate::belly::{Refused, Unavailable};
use crate::wire::Key256;

/// Between two looks at what is to be done besides.
const TICK: Duration = Duration::from_secs(1);
/// Files are looked for once in so many ticks.
const LOOK_TICKS: u32 = 10;
/// Records of an hour may come so long after it ended, in seconds.
const GRACE_SECS: u32 = 5;
const FIRST_RETRY: Duration = Duration::from_secs(1);
const LAST_RETRY: Duration = Duration::from_secs(30);

pub(super) struct Writer {
    shared: Arc<Shared>,
    /// By generation; by its rank, because its number is another's later.
    logs: HashMap<Rank, (Name, LogWriter)>,
    values: Option<ValuesFile>,
    group: Group,
    retry_in: Duration,
    retry_at: Instant,
    tick_at: Instant,
    ticks: u32,
}

impl Writer {
    pub(super) fn new(shared: Arc<Shared>, values: ValuesFile) -> Self {
        let now = Instant::now();
        Self {
            shared,
            logs: HashMap::new(),
            values: Some(values),
            group: Group::default(),
            retry_in: FIRST_RETRY,
            retry_at: now,
            tick_at: now + TICK,
            ticks: 0,
        }
    }

    pub(super) fn run(mut self) {
        loop {
            let closing = self.shared.inbox.closed(); // before the last take, so that it is the last
            let mut until = self.tick_at;
            if self.shared.pulse.troubled() {
                until = until.min(self.retry_at);
            }
            let taken = self.shared.inbox.take(until.saturating_duration_since(Instant::now()));
            self.group.append(taken);
            if !self.shared.pulse.troubled() || closing || Instant::now() >= self.retry_at {
                self.write();
            }
            self.refuse_waiting();
            if closing {
                break;
            }
            if Instant::now() >= self.tick_at {
                self.tick();
                self.tick_at = Instant::now() + TICK;
            }
        }
        if self.group.has_records() {
            tracing::error!("records could not be written and are lost");
        }
        let logs = self.logs.into_values().map(|(name, log)| (name.to_string(), log.seal()));
        let values = self.values.map(|file| ("values".to_owned(), file.close()));
        for (name, outcome) in logs.chain(values) {
            if let Err(error) = outcome {
                tracing::warn!("the write-ahead log of {name} stays beside it: {error}");
            }
        }
    }

    /// Writes all that waits; keeps what the disk does not take.
    fn write(&mut self) {
        let outcome = self.probe().and_then(|()| self.write_values()).and_then(|()| self.write_records());
        if let Err((path, trouble)) = outcome {
            self.stumble(&path, &trouble);
            return;
        }
        self.shared.pulse.clear_trouble();
        self.retry_in = FIRST_RETRY;
        for reply in self.group.flushes.drain(..) {
            reply.send(Ok(())).ok(); // who stopped waiting wants no answer
        }
    }

    /// A disk that took nothing is asked again even when nothing waits: what waited was refused.
    fn probe(&mut self) -> Result<(), (String, Trouble)> {
        if !self.shared.pulse.troubled() || self.group.has_records() {
            return Ok(());
        }
        let now = self.shared.clock.millis().to_le_bytes();
        let file = self.values()?;
        file.set_meta("probe", &now).map_err(|e| (file_name(file.path()), e.into()))
    }

    fn write_records(&mut self) -> Result<(), (String, Trouble)> {
        while !self.group.batches.is_empty() {
            let (generation, rank) = self.group.batches[0].0;
            if self.shared.index.generations.rank(generation) != rank || !rank.disk() {
                // it expired while it waited, or its file was deleted: what is new goes elsewhere
                let batch = self.group.settle_batch(0);
                self.shared.inbox.settle_batch(batch);
                continue;
            }
            let moved = std::mem::take(&mut self.group.moved);
            let began = Instant::now();
            if let Err(failed) = self.append(generation, &moved) {
                self.group.moved = moved;
                return Err(failed);
            }
            let batch = self.group.settle_batch(0);
            self.shared.pulse.written(batch.len() as u64);
            self.shared.inbox.settle_batch(batch);
            self.shared.pulse.committed(began.elapsed());
            self.shared.pulse.set_disk_bytes(self.shared.disk_bytes());
        }
        if !self.group.moved.is_empty() {
            let now = self.shared.clock.secs();
            let catalogue = &self.shared.catalogue;
            let number = catalogue.current(&self.shared.index.generations, now / 3600, true, true);
            let moved = std::mem::take(&mut self.group.moved);
            if let Some(generation) = number
                && let Err(failed) = self.append(generation, &moved)
            {
                self.group.moved = moved;
                return Err(failed);
            }
        }
        Ok(())
    }

    /// Writes the generation's first batch, if there is one, and providers.
    fn append(&mut self, generation: u8, moved: &[u32]) -> Result<(), (String, Trouble)> {
        let shared = &self.shared;
        let rank = shared.index.generations.rank(generation);
        let open = self.logs.remove(&rank).filter(|(name, _)| shared.catalogue.may_continue(*name));
        let (name, mut log) = match open {
            Some(open) => open,
            None => {
                let known = shared.catalogue.file_of(generation);
                let name = known.unwrap_or_else(|| Name::new(rank.hour(), rank.near()));
                let at = |trouble| (name.path(&shared.dir).display().to_string(), trouble);
                let log = LogWriter::open(&shared.dir, name).map_err(at)?;
                if known.is_none() {
                    shared.catalogue.insert(name, Entry { generation, written: true, ..Entry::default() });
                }
                (name, log)
            }
        };
        let empty = crate::belly::log::Batch::default();
        let batch = self.group.batches.iter().find(|((g, _), _)| *g == generation).map_or(&empty, |(_, b)| b);
        let outcome = log.append(batch, moved, &shared.providers);
        let outcome = outcome.map_err(|trouble| (log.path().display().to_string(), trouble));
        shared.catalogue.set_bytes(name, database::bytes(log.path()));
        self.logs.insert(rank, (name, log));
        outcome
    }

    fn values(&mut self) -> Result<&mut ValuesFile, (String, Trouble)> {
        let dir = &self.shared.dir;
        let at = |trouble| (crate::belly::values::path(dir).display().to_string(), trouble);
        let file = match self.values.take() {
            Some(file) => file,
            None => {
                let file = ValuesFile::open(dir).map_err(at)?;
                self.shared.keep_secret(&file).map_err(|e| at(e.into()))?;
                file
            }
        };
        Ok(self.values.insert(file))
    }

    fn write_values(&mut self) -> Result<(), (String, Trouble)> {
        if self.group.values.is_empty() && self.group.tombstones.is_empty() {
            return Ok(());
        }
        let now = self.shared.clock.millis();
        let shared = self.shared.clone();
        let mut taken: Vec<(Key256, WaitingValue, Option<Meta>)> = Vec::new();
        for waiting in self.group.values.drain(..) {
            let place = Key256::of(&waiting.key);
            let bytes = (waiting.key.len() + waiting.value.len()) as u64;
            let received = waiting.received.unwrap_or(now);
            match shared.values.insert(place, Meta { bytes, received }) {
                Ok(old) => taken.push((place, waiting, old)),
                Err(why) => {
                    shared.pulse.count(Reason::ValuesFull);
                    waiting.reply.send(Err(why)).ok(); // who stopped waiting wants no answer
                }
            }
        }
        let tombstones = std::mem::take(&mut self.group.tombstones);
        let outcome = self.values().and_then(|file| {
            let at = |error: rusqlite::Error| (file_name(file.path()), Trouble::from(error));
            tombstones.iter().try_for_each(|(tombstone, _)| file.bury(tombstone)).map_err(at)?;
            let rows = taken.iter().map(|(place, waiting, _)| {
                (*place, &waiting.key, &waiting.value, waiting.received.unwrap_or(now))
            });
            file.put(rows).map_err(|e| (file_name(file.path()), e.into()))
        });
        match outcome {
            Ok(()) => {
                for (_, waiting, _) in taken {
                    waiting.reply.send(Ok(())).ok(); // who stopped waiting wants no answer
                }
                for (_, reply) in tombstones {
                    reply.send(Ok(())).ok(); // as above
                }
                Ok(())
            }
            Err(failed) => {
                for (place, waiting, old) in taken.into_iter().rev() {
                    shared.values.restore(place, old);
                    self.group.values.push(waiting);
                }
                self.group.tombstones = tombstones;
                Err(failed)
            }
        }
    }

    /// Says what is wrong and when it will be tried again; replaces a damaged file; makes
    /// room on a full disk.
    ///
    /// A connection outlives what is wrong with the disk. It knows which frames of its
    /// write-ahead log were never synced, and writes over them. A new one would take those for
    /// committed that the kernel still shows, and what it adds behind them would be lost
    /// with them when the power fails. When it lasts, a new one is tried all the same: it begins
    /// by writing back what is in the log.
    fn stumble(&mut self, path: &str, trouble: &Trouble) {
        let broken = Path::new(path);
        if !trouble.is_of_the_disk() || self.retry_in == LAST_RETRY {
            self.logs.retain(|_, (_, log)| log.path() != broken);
            self.values = None;
        }
        if trouble.is_damage() {
            self.replace(broken, trouble);
        }
        let mut wait = self.retry_in;
        if trouble.is_full() && self.shared.shed_far() {
            wait = Duration::from_millis(100);
        } else {
            self.retry_in = (self.retry_in * 2).min(LAST_RETRY);
        }
        self.shared.pulse.set_trouble(format!("records cannot be written to {path}: {trouble}"));
        self.shared.pulse.set_disk_bytes(self.shared.disk_bytes());
        self.retry_at = Instant::now() + wait;
    }

    /// Sets a damaged file aside; its records stay in memory.
    fn replace(&self, path: &Path, trouble: &Trouble) {
        self.shared.pulse.count(Reason::FileDamaged);
        match database::move_aside(path) {
            Ok(aside) => {
                self.shared.lost_file(path);
                self.shared.pulse.set_notice(format!(
                    "the record store's {} was damaged ({trouble}) and is now {}; a new one is begun, and what was \
                     in it fills again as providers announce (22 h)",
                    path.display(),
                    aside.display()
                ));
            }
            Err(error) => tracing::error!("{error}"),
        }
    }

    /// In trouble nobody is left waiting: values are refused, flushes fail.
    fn refuse_waiting(&mut self) {
        for WaitingValue { reply, .. } in self.group.values.drain(..) {
            self.shared.pulse.count(Reason::Unwritable);
            reply.send(Err(Refused::Unavailable)).ok(); // who stopped waiting wants no answer
        }
        let tombstones = self.group.tombstones.drain(..).map(|(_, reply)| reply);
        let waiting: Vec<_> = self.group.flushes.drain(..).chain(tombstones).collect();
        if waiting.is_empty() {
            return;
        }
        let why = self.shared.pulse.trouble_text().unwrap_or_else(|| "the store is closing".to_owned());
        for reply in waiting {
            reply.send(Err(Unavailable(why.clone()))).ok(); // as above
        }
    }

    fn tick(&mut self) {
        self.ticks += 1;
        self.seal();
        if self.ticks.is_multiple_of(LOOK_TICKS) {
            self.look_for_files();
        }
        if self.shared.pulse.troubled() {
            return;
        }
        if let Some(ahead) = self.shared.clock_to_keep() {
            self.values()
                .and_then(|file| {
                    file.set_meta("clock ahead", &ahead.to_le_bytes()).map_err(|e| (String::new(), e.into()))
                })
                .unwrap_or_else(|(_, e)| tracing::warn!("the clock's shift is not kept: {e}"));
        }
        if self.shared.sweep_values.swap(false, Ordering::Relaxed)
            && let Err((path, trouble)) = self.sweep_values()
        {
            self.stumble(&path, &trouble);
        }
    }

    /// Hands over files whose hour is over.
    fn seal(&mut self) {
        let hour = self.shared.clock.secs().saturating_sub(GRACE_SECS) / 3600;
        let batches = &self.group.batches;
        // unless the disk does not take its last records yet
        let is_over =
            |rank: &Rank| rank.hour() < hour && !batches.iter().any(|((_, waiting), _)| waiting == rank);
        let over = self.logs.extract_if(|rank, _| is_over(rank)).map(|(_, log)| log);
        self.shared.sealing.lock().extend(over);
    }

    /// Somebody may have deleted a file: memory goes on serving what was in it.
    fn look_for_files(&mut self) {
        if let Err(error) = open::remake(&self.shared) {
            self.shared.pulse.set_trouble(error.to_string());
        }
        for (name, entry) in self.shared.catalogue.files() {
            let path = name.path(&self.shared.dir);
            if entry.generation == 0 || database::is_there(&path) {
                continue;
            }
            self.logs.retain(|_, (open, _)| *open != name);
            self.shared.pulse.count(Reason::FileDeleted);
            let lost = self.shared.lost_file(&path);
            let text = format!(
                "the record store's {} was deleted; {lost} of its records are gone with it, the others are in memory only",
                path.display()
            );
            self.shared.pulse.set_notice(text);
        }
        let values = crate::belly::values::path(&self.shared.dir);
        if !database::is_there(&values) {
            self.values = None;
            self.shared.values.clear();
            self.shared.pulse.count(Reason::FileDeleted);
            let text = format!("the record store's {} was deleted; a new one was begun", values.display());
            self.shared.pulse.set_notice(text);
            if let Err((path, trouble)) = self.values().map(|_| ()) {
                self.stumble(&path, &trouble);
            }
        }
    }

    fn sweep_values(&mut self) -> Result<(), (String, Trouble)> {
        let expired = self.shared.values.expired(self.shared.clock.millis());
        let old = self.shared.clock.secs().saturating_sub(super::catalogue::KEPT_HOURS * 3600);
        let shared = self.shared.clone();
        shared.forget_tombstones(old);
        let file = self.values()?;
        let at = |error: rusqlite::Error| (file_name(&crate::belly::values::path(&shared.dir)), error.into());
        file.forget_tombstones(old).map_err(at)?;
        if !expired.is_empty() {
            file.delete(&expired).map_err(at)?;
            expired.into_iter().for_each(|place| shared.values.restore(place, None));
        }
        Ok(())
    }
}

fn file_name(path: &Path) -> String {
    path.display().to_string()
}
