//! Where the store is and what it may hold.

use std::path::{Path, PathBuf};

use crate::belly::clock::Clock;
use crate::belly::index::BYTES_PER_ENTRY;

/// Bytes on disk of a record in the log, its providers' rows and SQLite's own included.
const BYTES_PER_RECORD: u64 = 44;

/// Records of the log for one that is served: sent again every 22 h, kept for 50.
const COPIES: u64 = 3;

#[derive(Debug, Clone)]
pub struct LogConfig {
    /// Made when it is not there; nothing else should be in it.
    pub dir: PathBuf,
    /// Most provider records.
    pub max_records: u64,
    /// Most records of one provider; a quarter of all when `None`.
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
            max_records: 5_000_000,
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
        self.max_disk = (self.max_records * COPIES * BYTES_PER_RECORD).max(1 << 30);
        self
    }

    pub(super) fn share(&self) -> u32 {
        let quarter = u32::try_from(self.max_records.div_ceil(4)).unwrap_or(u32::MAX);
        self.max_records_per_provider.unwrap_or(quarter.max(1_000))
    }
}
