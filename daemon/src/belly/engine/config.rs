//! Where the store is and what it may hold.

use std::path::{Path, PathBuf};

use crate::belly::clock::Clock;
use crate::belly::index::BYTES_PER_ENTRY;

/// Bytes on disk of a record in the log, its providers' rows and SQLite's own included.
const BYTES_PER_RECORD: u64 = 44;

/// Records of the log for one that is served: sent again every 22 h, kept for 50.
const COPIES: u64 = 3;

/// What of the records' index is in memory.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum IndexMode {
    /// All of it, until `max_memory` is short; then the oldest hours are answered from
    /// their segments on disk.
    #[default]
    Auto,
    /// All of it, always: what has no room is refused.
    Memory,
    /// Only the hours that are not yet sealed.
    Segments,
}

#[derive(Debug, Clone)]
pub struct LogConfig {
    /// Made when it is not there; nothing else should be in it.
    pub dir: PathBuf,
    /// What of the index is in memory.
    pub index: IndexMode,
    /// Most provider records.
    pub max_records: u64,
    /// Most bytes of the index and of what memory keeps of segments; with
    /// [`IndexMode::Memory`] only `max_records` counts.
    pub max_memory: u64,
    /// Most records of one provider; when `None` a quarter of all, or of what fits into
    /// memory when that is less.
    pub max_records_per_provider: Option<u32>,
    /// Most distinct providers, up to 4 million.
    pub max_providers: u64,
    /// Most value records.
    pub max_values: u64,
    /// Most bytes of value records, keys included.
    pub max_values_bytes: u64,
    /// Most records that may wait for the disk.
    pub max_backlog: u64,
    /// Most bytes on disk.
    pub max_disk: u64,
    /// Threads that read at the start.
    pub loaders: usize,
    /// Where the time comes from.
    pub clock: Clock,
}

impl LogConfig {
    /// A store for a machine with a few hundred MiB to spare.
    #[must_use]
    pub fn new(dir: impl AsRef<Path>) -> Self {
        Self {
            dir: dir.as_ref().to_path_buf(),
            index: IndexMode::Memory,
            max_records: 5_000_000,
            max_memory: 5_000_000 * BYTES_PER_ENTRY,
            max_records_per_provider: None,
            max_providers: 200_000,
            max_values: 100_000,
            max_values_bytes: 256 << 20,
            max_backlog: 200_000,
            max_disk: u64::MAX,
            loaders: std::thread::available_parallelism().map_or(1, std::num::NonZero::get).min(8),
            clock: Clock::system(),
        }
    }

    /// As many records as fit into so many bytes of memory, and as much disk as these
    /// need.
    #[must_use]
    pub fn with_memory(mut self, bytes: u64) -> Self {
        self.max_records = (bytes / BYTES_PER_ENTRY).max(10_000);
        self.max_memory = self.max_records * BYTES_PER_ENTRY;
        self.max_disk = (self.max_records * COPIES * BYTES_PER_RECORD).max(1 << 30);
        self
    }

    /// As many records as fit on the disk when those that memory has no room for are in
    /// segments; their filters take part of the memory.
    #[must_use]
    pub fn with_index(mut self, index: IndexMode, max_disk: u64) -> Self {
        self.index = index;
        self.max_disk = max_disk;
        if index != IndexMode::Memory {
            self.max_records = self.max_records.max(max_disk / (COPIES * BYTES_PER_RECORD));
        }
        self
    }

    /// Entries that the index is laid out for.
    pub(super) fn entries(&self) -> u64 {
        match self.index {
            IndexMode::Memory => self.max_records,
            IndexMode::Auto | IndexMode::Segments => self.max_memory / BYTES_PER_ENTRY,
        }
    }

    pub(super) fn share(&self) -> u32 {
        // of memory: what one provider announces in an hour must not crowd out all others
        let quarter = self.entries().min(self.max_records).div_ceil(4);
        let quarter = u32::try_from(quarter).unwrap_or(u32::MAX);
        self.max_records_per_provider.unwrap_or(quarter.max(1_000))
    }
}
