//! How the store is opened, and its threads started.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU32, AtomicUsize, Ordering};
use std::sync::mpsc::sync_channel;
use std::thread::JoinHandle;
use std::time::Duration;

use parking_lot::{Condvar, Mutex, RwLock};
use rustix::fs::{FlockOperation, flock};

use super::catalogue::Catalogue;
use super::inbox::Inbox;
use super::load::{self, Loading};
use super::lookup::Spill;
use super::pulse::{Pulse, Reason};
use super::shared::{STEP_MILLIS, Shared};
use super::writer::Writer;
use super::{IndexMode, LogBelly, LogConfig, keeper, lookup, reader};
use crate::belly::database::{self, BellyError};
use crate::belly::demand::Demand;
use crate::belly::index::{Index, SipKey};
use crate::belly::providers::Providers;
use crate::belly::values::{self, Values, ValuesFile};
use crate::belly::{Belly, Progress};

/// The name of the secret in the file of the values.
pub(super) const SECRET: &str = "secret";
/// Milliseconds that belly time is ahead of the wall clock.
const AHEAD: &str = "clock ahead";
const LOCK: &str = "lock";

/// Between two reports of a start.
const REPORT: Duration = Duration::from_millis(100);

impl LogBelly {
    /// Opens or makes the store and reads it whole.
    ///
    /// Damaged files are set aside and told by [`Belly::health`].
    ///
    /// # Errors
    /// The directory or a file cannot be used, a file is of a newer version or of another
    /// program, or another process has the store.
    pub fn open(config: LogConfig) -> Result<Self, BellyError> {
        let belly = Self::open_warming(config)?;
        belly.wait_warm(|_| {});
        Ok(belly)
    }

    /// [`Self::open`] that reads the records while it serves: [`Belly::warming`] tells how
    /// far it is.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub fn open_warming(config: LogConfig) -> Result<Self, BellyError> {
        let dir = config.dir.clone();
        let in_dir = |source| BellyError::Directory { path: dir.clone(), source };
        database::make_dir(&dir).map_err(in_dir)?;
        let lock = lock(&dir)?;
        database::tidy(&dir).map_err(in_dir)?;
        let pulse = Pulse::default();
        let (file, key) = open_values(&dir, &pulse)?;
        let names = load::list(&dir).map_err(in_dir)?;
        let ahead = set_clock(&config, &file, names.first().map(|name| name.hour), &pulse)
            .map_err(|e| database::Trouble::from(e).at(file.path()))?;
        let mut shared = Shared {
            lock: Mutex::new(lock),
            clock: config.clock.clone(),
            key,
            index: Index::new(config.entries()),
            catalogue: Catalogue::default(),
            index_mode: config.index,
            spill: Spill::default(),
            providers: Providers::new(key, config.max_providers),
            values: Values::new(config.max_values, config.max_values_bytes),
            demand: Demand::default(),
            tombstones: RwLock::default(),
            inbox: Inbox::new(config.max_backlog),
            pulse,
            loading: Loading::default(),
            sealing: Mutex::default(),
            purging: AtomicUsize::new(0),
            keeping: Mutex::default(),
            requests: Mutex::default(),
            closed: Mutex::default(),
            close: Condvar::new(),
            max_records: config.max_records,
            max_memory: config.max_memory,
            max_records_per_provider: config.share(),
            max_disk: config.max_disk,
            ahead: AtomicI64::new(ahead),
            ahead_moved: AtomicBool::new(ahead.unsigned_abs() >= STEP_MILLIS),
            disk_told: AtomicU32::new(0),
            sweep_values: AtomicBool::new(false),
            paused_until: AtomicU32::new(0),
            dir,
        };
        shared.loading = load::prepare(&shared, names)?;
        load_values(&shared, &file).map_err(|e| database::Trouble::from(e).at(file.path()))?;
        shared.pulse.set_disk_bytes(shared.disk_bytes());
        Self::start(Arc::new(shared), file, config.loaders)
    }

    fn start(shared: Arc<Shared>, file: ValuesFile, loaders: usize) -> Result<Self, BellyError> {
        let (requests, queue) = sync_channel(reader::QUEUE);
        *shared.requests.lock() = Some(requests);
        let mut belly = Self { shared: shared.clone(), threads: Vec::new(), loaders: Vec::new() };
        let writer = Writer::new(shared.clone(), file);
        belly.threads.push(spawn("belly-writer", move || writer.run())?);
        let reading = shared.clone();
        belly.threads.push(spawn("belly-reader", move || reader::run(&reading, &queue))?);
        let keeping = shared.clone();
        belly.threads.push(spawn("belly-keeper", move || keeper::run(&keeping))?);
        if shared.index_mode != IndexMode::Memory {
            let (requests, queue) = sync_channel(lookup::QUEUE);
            *shared.spill.requests.lock() = Some(requests);
            let queue = Arc::new(Mutex::new(queue));
            for _ in 0..lookup::THREADS {
                let (reading, queue) = (shared.clone(), queue.clone());
                belly.threads.push(spawn("belly-segments", move || lookup::run(&reading, &queue))?);
            }
        }
        for _ in 0..loaders.max(1) {
            let loading = shared.clone();
            belly.loaders.push(spawn("belly-loader", move || load::run(&loading))?);
        }
        Ok(belly)
    }

    /// Waits until all is read, telling now and then how far it is.
    pub fn wait_warm(&self, mut progress: impl FnMut(Progress)) {
        while let Some(now) = self.warming() {
            progress(now);
            std::thread::sleep(REPORT.min(Duration::from_millis(1 + now.records / 1_000)));
        }
    }
}

fn spawn(name: &str, run: impl FnOnce() + Send + 'static) -> Result<JoinHandle<()>, BellyError> {
    let builder = std::thread::Builder::new().name(name.to_owned());
    builder.spawn(run).map_err(BellyError::Thread)
}

/// One process at a time; the lock ends with the process.
fn lock(dir: &Path) -> Result<File, BellyError> {
    let path = dir.join(LOCK);
    let options = File::options().create(true).write(true).truncate(false).open(&path);
    let file = options.map_err(|source| BellyError::Directory { path, source })?;
    match flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(file),
        Err(_) => Err(BellyError::Locked { path: dir.to_path_buf() }),
    }
}

/// Makes the directory again when somebody deleted it.
pub(super) fn remake(shared: &Shared) -> Result<(), BellyError> {
    let dir = &shared.dir;
    if database::is_there(&dir.join(LOCK)) {
        return Ok(());
    }
    database::make_dir(dir).map_err(|source| BellyError::Directory { path: dir.clone(), source })?;
    *shared.lock.lock() = lock(dir)?;
    Ok(())
}

fn open_values(dir: &Path, pulse: &Pulse) -> Result<(ValuesFile, SipKey), BellyError> {
    let open = || {
        let file = ValuesFile::open(dir)?;
        let key = match file.meta(SECRET)? {
            Some(key) => key,
            None => {
                let key: [u8; 16] = rand::random();
                file.set_meta(SECRET, &key)?;
                key
            }
        };
        file.metas(|_, _| {})?;
        Ok((file, SipKey(key)))
    };
    let path = values::path(dir);
    match open() {
        Err(trouble) if database::Trouble::is_damage(&trouble) => {
            let aside = database::move_aside(&path)?;
            pulse.count(Reason::FileDamaged);
            pulse.set_notice(format!(
                "the value store {} was damaged ({trouble}) and is now {}; a new one was begun",
                path.display(),
                aside.display()
            ));
            open().map_err(|trouble| trouble.at(&path))
        }
        outcome => outcome.map_err(|trouble| trouble.at(&path)),
    }
}

/// Belly time goes on where it was: a wall clock that was set meanwhile does not count
/// when it was seen, and one before the newest file cannot be right. Returns how far it
/// is ahead of the wall clock.
fn set_clock(
    config: &LogConfig,
    file: &ValuesFile,
    newest_hour: Option<u32>,
    pulse: &Pulse,
) -> rusqlite::Result<i64> {
    let clock = &config.clock;
    let kept = file.meta(AHEAD)?.map(i64::from_le_bytes).unwrap_or_default();
    let now = clock.ahead_of_wall();
    if kept.unsigned_abs() >= STEP_MILLIS {
        clock.shift(kept.saturating_sub(now));
    }
    let newest = i64::from(newest_hour.unwrap_or_default()) * 3_600_000;
    let behind = newest.saturating_sub(i64::try_from(clock.millis()).unwrap_or(i64::MAX));
    if behind > 0 {
        clock.shift(behind);
        pulse.set_notice(format!(
            "the clock is {} min behind the newest records; they keep their own time: set the clock",
            behind / 60_000
        ));
    }
    Ok(clock.ahead_of_wall())
}

fn load_values(shared: &Shared, file: &ValuesFile) -> rusqlite::Result<()> {
    let now = shared.clock.millis();
    file.metas(|place, mut meta| {
        meta.received = meta.received.min(now);
        // an expired row is noted too: that is how the sweep finds it
        if shared.values.insert(place, meta).is_err() && values::live(meta.received, now) {
            shared.pulse.count(Reason::ValuesFull);
        }
    })?;
    for tombstone in file.tombstones()? {
        shared.note_tombstone(&tombstone);
    }
    shared.ahead.store(shared.clock.ahead_of_wall(), Ordering::Relaxed);
    Ok(())
}
