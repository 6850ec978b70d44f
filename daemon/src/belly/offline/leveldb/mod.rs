//! Reading a LevelDB, such as goleveldb writes it, without touching it.
//!
//! Every key once, with its newest value, in the order of keys. It goes by the tables and
//! journals that are there, not by the manifest: a database whose manifest is lost or behind is
//! read as well. No file is opened for writing. What is broken is passed over and counted. In
//! memory are one block and one index of each of a few runs of tables, and the journals.
//!
//! What a compaction has removed for good may come back where a crash left its old table; who
//! imports asks for the time of each record anyway.

mod block;
mod journal;
mod table;

use std::cmp::Ordering;
use std::collections::{BinaryHeap, VecDeque};
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock};

use table::{Range, Table};

/// Runs of tables that are read at a time. goleveldb has one a level, and up to 12 tables of level
/// 0 beside them; of more than this, the newest of a key is not always told apart.
const MAX_RUNS: usize = 128;

/// All journals together: goleveldb begins a new one at 4 MiB and removes the old.
const MAX_JOURNALS: u64 = 256 << 20;

/// An entry: by key, the newest of a key first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) key: Vec<u8>,
    sequence: u64,
    /// None: it was deleted.
    pub(super) value: Option<Vec<u8>>,
}

impl Ord for Entry {
    fn cmp(&self, other: &Self) -> Ordering {
        self.key.cmp(&other.key).then(other.sequence.cmp(&self.sequence))
    }
}

impl PartialOrd for Entry {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// How far the reading is, and what could not be read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Tally {
    /// Bytes of blocks.
    pub(super) done: u64,
    /// Bytes of all files.
    pub(super) of: u64,
    /// Blocks that are broken.
    pub(super) blocks: u64,
    /// Files without a readable index.
    pub(super) files: u64,
}

/// It cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum LevelDbError {
    #[error(
        "{path} is no LevelDB: there is no CURRENT in it; name the directory that hydra-booster had as -db"
    )]
    NotOne { path: PathBuf },
    #[error("{path} is in use: stop hydra-booster first, so that what it has is all there")]
    InUse { path: PathBuf },
    #[error("the journals of {path} have {bytes} bytes, more than any that goleveldb leaves")]
    Journals { path: PathBuf, bytes: u64 },
    #[error("read {path}: {source}")]
    Io { path: PathBuf, source: io::Error },
}

/// A database that is being read.
#[derive(Debug)]
pub(super) struct LevelDb {
    runs: Vec<Run>,
    heads: BinaryHeap<Head>,
    last: Option<Vec<u8>>,
    pub(super) tally: Tally,
    /// Shared, so that nobody writes to it meanwhile.
    _lock: Option<File>,
}

/// Entries in the order of keys.
#[derive(Debug)]
enum Run {
    Journal(std::vec::IntoIter<Entry>),
    Tables { open: Option<Table>, next: VecDeque<PathBuf> },
}

/// The next entry of a run; the greatest of a heap is the least key.
#[derive(Debug, PartialEq, Eq)]
struct Head {
    entry: Entry,
    run: usize,
}

impl Ord for Head {
    fn cmp(&self, other: &Self) -> Ordering {
        other.entry.cmp(&self.entry).then(other.run.cmp(&self.run))
    }
}

impl PartialOrd for Head {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl LevelDb {
    /// Looks at all files of a database that nobody has open.
    pub(super) fn open(dir: &Path) -> Result<Self, LevelDbError> {
        let failed = |path: &Path| {
            let path = path.to_path_buf();
            move |source| LevelDbError::Io { path, source }
        };
        let names = fs::read_dir(dir).map_err(failed(dir))?;
        let mut paths: Vec<PathBuf> = Vec::new();
        for entry in names {
            paths.push(entry.map_err(failed(dir))?.path());
        }
        paths.sort_unstable();
        let has = |name: &str| paths.iter().any(|path| path.file_name().is_some_and(|found| found == name));
        if !has("CURRENT") {
            return Err(LevelDbError::NotOne { path: dir.to_path_buf() });
        }
        let lock = dir.join("LOCK");
        let lock = if has("LOCK") { Some(File::open(&lock).map_err(failed(&lock))?) } else { None };
        if let Some(Err(error)) = lock.as_ref().map(|lock| flock(lock, FlockOperation::NonBlockingLockShared))
        {
            return Err(match error {
                rustix::io::Errno::WOULDBLOCK => LevelDbError::InUse { path: dir.to_path_buf() },
                other => LevelDbError::Io { path: dir.join("LOCK"), source: other.into() },
            });
        }
        let size = |path: &PathBuf| fs::metadata(path).map_or(0, |found| found.len());
        let of = |endings: &[&str]| -> Vec<PathBuf> {
            let fits = |path: &&PathBuf| {
                path.extension()
                    .and_then(|found| found.to_str())
                    .is_some_and(|found| endings.contains(&found))
            };
            paths.iter().filter(fits).cloned().collect()
        };
        let (tables, journals) = (of(&["ldb", "sst"]), of(&["log"]));
        let bytes = journals.iter().map(size).sum();
        if bytes > MAX_JOURNALS {
            return Err(LevelDbError::Journals { path: dir.to_path_buf(), bytes });
        }
        let mut tally = Tally { of: bytes + tables.iter().map(size).sum::<u64>(), ..Tally::default() };
        let mut runs = arrange(tables, &mut tally);
        for journal in journals {
            let entries = journal::read(&journal, &mut tally).map_err(failed(&journal))?;
            runs.push(Run::Journal(entries.into_iter()));
        }
        let mut all = Self { runs, heads: BinaryHeap::new(), last: None, tally, _lock: lock };
        (0..all.runs.len()).for_each(|run| all.pull(run));
        Ok(all)
    }

    /// The next key with its newest value; those that were deleted are left out.
    pub(super) fn next(&mut self) -> Option<(Vec<u8>, Vec<u8>)> {
        loop {
            let Head { entry, run } = self.heads.pop()?;
            self.pull(run);
            if self.last.as_ref() == Some(&entry.key) {
                continue;
            }
            self.last = Some(entry.key.clone());
            if let Some(value) = entry.value {
                return Some((entry.key, value));
            }
        }
    }

    fn pull(&mut self, run: usize) {
        if let Some(entry) = self.runs.get_mut(run).and_then(|run| run.next(&mut self.tally)) {
            self.heads.push(Head { entry, run });
        }
    }
}

impl Run {
    fn next(&mut self, tally: &mut Tally) -> Option<Entry> {
        match self {
            Self::Journal(entries) => entries.next(),
            Self::Tables { open, next } => loop {
                if let Some(entry) = open.as_mut().and_then(|table| table.next(tally)) {
                    return Some(entry);
                }
                let path = next.pop_front()?;
                *open = Table::open(&path).inspect_err(|_| tally.files += 1).ok();
            },
        }
    }
}

/// Puts tables one behind the other where their keys allow it, so that few are open at a time.
fn arrange(tables: Vec<PathBuf>, tally: &mut Tally) -> Vec<Run> {
    let mut ranges: Vec<(Range, PathBuf)> = Vec::new();
    for path in tables {
        match Table::open(&path) {
            Ok(table) => ranges.push((table.range(), path)),
            Err(_) => tally.files += 1,
        }
    }
    ranges.sort_unstable_by(|(a, _), (b, _)| a.first.cmp(&b.first));
    let mut rows: Vec<(Vec<u8>, VecDeque<PathBuf>)> = Vec::new();
    for (range, path) in ranges {
        let full = rows.len() >= MAX_RUNS;
        let fits = rows.iter().position(|(last, _)| *last < range.first);
        match fits.or_else(|| full.then_some(0)).and_then(|at| rows.get_mut(at)) {
            Some((last, row)) => {
                *last = range.last.max(std::mem::take(last));
                row.push_back(path);
            }
            None => rows.push((range.last, VecDeque::from([path]))),
        }
    }
    rows.into_iter().map(|(_, next)| Run::Tables { open: None, next }).collect()
}
