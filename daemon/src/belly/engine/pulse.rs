//! How the store is doing: trouble in words, commit times, bytes, refusals by reason.
//!
//! Owns figures only; the writer reports, anybody reads in constant time.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use crate::belly::{Books, Health};
use crate::telemetry::Latency;

const WINDOW: Duration = Duration::from_secs(60);
/// More than a minute of commits 20 ms apart.
const MAX_SAMPLES: usize = 4_096;
/// How long the operator is told that a damaged file was replaced: by then every
/// provider that still lives has announced its records again.
const NOTICE: Duration = Duration::from_secs(24 * 3600);

macro_rules! reasons {
    ($($name:ident $text:literal,)*) => {
        /// Why something was refused or lost, for the counters.
        #[derive(Debug, Clone, Copy)]
        pub(super) enum Reason { $($name,)* }

        const REASONS: &[&str] = &[$($text,)*];
    };
}

reasons! {
    KeyLength "key_length",
    KeyFull "key_full",
    KeyDisplaced "key_displaced",
    ProviderFull "provider_full",
    ProvidersFull "providers_full",
    StoreFull "store_full",
    DiskFull "disk_full",
    FarFull "far_full",
    FarShed "far_shed",
    Behind "behind",
    MemoryOnly "memory_only",
    ValueTooLarge "value_too_large",
    ValuesFull "values_full",
    Unwritable "unwritable",
    ReadersBusy "readers_busy",
    PageDamaged "page_damaged",
    SegmentDamaged "segment_damaged",
    SegmentUnread "segment_unread",
    SegmentLost "segment_lost",
    SegmentsBusy "segments_busy",
    FileDamaged "file_damaged",
    FileDeleted "file_deleted",
    RowDamaged "row_damaged",
    ProviderUnknown "provider_unknown",
}

/// Those that tell of a provider record for which there was no room, or no longer.
const DROPPED: [Reason; 9] = [
    Reason::KeyFull,
    Reason::KeyDisplaced,
    Reason::ProviderFull,
    Reason::ProvidersFull,
    Reason::StoreFull,
    Reason::DiskFull,
    Reason::FarFull,
    Reason::FarShed,
    Reason::Behind,
];

const REASON_COUNT: usize = REASONS.len();

#[derive(Default)]
pub(super) struct Pulse {
    troubled: AtomicBool,
    trouble: Mutex<Option<String>>,
    notice: Mutex<Option<(String, Instant)>>,
    commits: Mutex<VecDeque<(Instant, Duration)>>,
    p99: Mutex<Option<(Instant, Duration)>>,
    /// All commits since the start.
    times: Latency,
    written: AtomicU64,
    expired: AtomicU64,
    disk_bytes: AtomicU64,
    drops: [AtomicU64; REASON_COUNT],
}

impl Pulse {
    pub(super) fn count(&self, reason: Reason) {
        self.add(reason, 1);
    }

    pub(super) fn add(&self, reason: Reason, n: u64) {
        if let Some(counter) = self.drops.get(reason as usize) {
            counter.fetch_add(n, Ordering::Relaxed);
        }
    }

    pub(super) fn drops(&self) -> Vec<(&'static str, u64)> {
        REASONS.iter().copied().zip(self.drops.iter().map(|n| n.load(Ordering::Relaxed))).collect()
    }

    /// The disk does not take what it is given.
    pub(super) fn troubled(&self) -> bool {
        self.troubled.load(Ordering::Relaxed)
    }

    pub(super) fn set_trouble(&self, text: String) {
        let mut trouble = self.trouble.lock();
        if trouble.as_ref() != Some(&text) {
            tracing::error!("{text}");
        }
        *trouble = Some(text);
        self.troubled.store(true, Ordering::Relaxed);
    }

    pub(super) fn clear_trouble(&self) {
        if self.troubled.swap(false, Ordering::Relaxed) {
            tracing::info!("the record store is written again");
            *self.trouble.lock() = None;
        }
    }

    /// Something happened that the operator should know although all goes on.
    pub(super) fn set_notice(&self, text: String) {
        let mut notice = self.notice.lock();
        if notice.as_ref().is_none_or(|(told, _)| *told != text) {
            tracing::error!("{text}");
        }
        *notice = Some((text, Instant::now()));
    }

    pub(super) fn trouble_text(&self) -> Option<String> {
        self.trouble.lock().clone()
    }

    /// So many records are on disk.
    pub(super) fn written(&self, records: u64) {
        self.written.fetch_add(records, Ordering::Relaxed);
    }

    /// So many records reached the end of their time.
    pub(super) fn expired(&self, records: u64) {
        self.expired.fetch_add(records, Ordering::Relaxed);
    }

    pub(super) fn books(&self) -> Books {
        let dropped = |reason: Reason| self.drops[reason as usize].load(Ordering::Relaxed);
        Books {
            commits: self.times.snapshot(),
            written: self.written.load(Ordering::Relaxed),
            expired: self.expired.load(Ordering::Relaxed),
            dropped: DROPPED.into_iter().map(dropped).sum(),
        }
    }

    pub(super) fn committed(&self, took: Duration) {
        self.times.record(took);
        let now = Instant::now();
        let mut commits = self.commits.lock();
        commits.push_back((now, took));
        while commits.len() > MAX_SAMPLES || commits.front().is_some_and(|(at, _)| now - *at > WINDOW) {
            commits.pop_front();
        }
        let mut p99 = self.p99.lock();
        if p99.is_some_and(|(at, _)| now - at < Duration::from_secs(1)) && commits.len() > 100 {
            return;
        }
        let mut times: Vec<Duration> = commits.iter().map(|(_, took)| *took).collect();
        times.sort_unstable();
        *p99 = times.get((times.len() * 99).div_ceil(100).saturating_sub(1)).map(|t| (now, *t));
    }

    pub(super) fn disk_bytes(&self) -> u64 {
        self.disk_bytes.load(Ordering::Relaxed)
    }

    pub(super) fn set_disk_bytes(&self, bytes: u64) {
        self.disk_bytes.store(bytes, Ordering::Relaxed);
    }

    /// `unsaved` records are in memory only.
    pub(super) fn health(&self, unsaved: u64) -> Health {
        let trouble = self.trouble.lock().as_ref().map(|text| {
            format!("{text}; {unsaved} records are in memory only; it is tried again by itself: free space or mend the disk")
        });
        let notice =
            self.notice.lock().as_ref().filter(|(_, at)| at.elapsed() < NOTICE).map(|(t, _)| t.clone());
        let trouble = match (trouble, notice) {
            (Some(trouble), Some(notice)) => Some(format!("{trouble}. {notice}")),
            (trouble, notice) => trouble.or(notice),
        };
        let commit_p99 = self.p99.lock().filter(|(at, _)| at.elapsed() < WINDOW).map(|(_, took)| took);
        Health { trouble, disk_bytes: self.disk_bytes(), max_disk: None, commit_p99 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_99th_percentile_is_that_of_the_commits() {
        let pulse = Pulse::default();
        assert_eq!(pulse.health(0).commit_p99, None);
        for ms in 1..=100 {
            pulse.committed(Duration::from_millis(ms));
        }
        assert_eq!(pulse.health(0).commit_p99, Some(Duration::from_millis(99)));
        assert_eq!(pulse.books().commits.sum(), Duration::from_millis(5050));
        pulse.set_disk_bytes(7);
        assert_eq!(pulse.health(0).disk_bytes, 7);
    }

    #[test]
    fn trouble_is_told_with_the_number_of_records_at_risk_and_ends() {
        let pulse = Pulse::default();
        pulse.set_trouble("cannot write /x/belly.db: disk full".to_owned());
        assert!(pulse.health(212_400).trouble.is_some_and(|t| t.contains("disk full; 212400 records")));
        pulse.clear_trouble();
        assert_eq!(pulse.health(0).trouble, None);
    }

    #[test]
    fn the_books_tell_what_was_written_and_what_found_no_room() {
        let pulse = Pulse::default();
        pulse.written(7);
        pulse.add(Reason::FarShed, 3);
        pulse.count(Reason::KeyDisplaced);
        pulse.count(Reason::ReadersBusy);
        assert_eq!((pulse.books().written, pulse.books().dropped), (7, 4));
    }

    #[test]
    fn each_reason_counts_for_itself() {
        let pulse = Pulse::default();
        pulse.count(Reason::ReadersBusy);
        assert_eq!(pulse.drops().iter().find(|(_, n)| *n > 0), Some(&("readers_busy", 1)));
    }
}
