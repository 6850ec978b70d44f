//! What each source did, and what happened in the last minutes.
//!
//! Owns counters; each source has its own, and none is ever added to another's.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use crate::telemetry::latency::Snapshot;
use crate::telemetry::{Latency, OutcomeTotals};

/// How an attempt at one source ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ended {
    /// With so many records.
    Found(usize),
    None,
    TimedOut,
    Failed,
}

/// Counters of one source, since the start.
#[derive(Debug, Default)]
pub(super) struct SourceBooks {
    attempts: AtomicU64,
    found: AtomicU64,
    none: AtomicU64,
    timed_out: AtomicU64,
    failed: AtomicU64,
    records: AtomicU64,
    alone: AtomicU64,
    latency: Latency,
    /// Of the attempts that found something.
    latency_found: Latency,
}

impl SourceBooks {
    pub(super) fn attempt(&self) {
        self.attempts.fetch_add(1, Relaxed);
    }

    pub(super) fn ended(&self, how: Ended, took: Duration) {
        let counter = match how {
            Ended::Found(records) => {
                self.records.fetch_add(records as u64, Relaxed);
                self.latency_found.record(took);
                &self.found
            }
            Ended::None => &self.none,
            Ended::TimedOut => &self.timed_out,
            Ended::Failed => &self.failed,
        };
        counter.fetch_add(1, Relaxed);
        self.latency.record(took);
    }

    /// No other source knew a provider of the key.
    pub(super) fn alone(&self) {
        self.alone.fetch_add(1, Relaxed);
    }

    pub(super) fn totals(&self) -> SourceTotals {
        SourceTotals {
            attempts: self.attempts.load(Relaxed),
            found: self.found.load(Relaxed),
            none: self.none.load(Relaxed),
            timed_out: self.timed_out.load(Relaxed),
            failed: self.failed.load(Relaxed),
            records: self.records.load(Relaxed),
            found_alone: self.alone.load(Relaxed),
        }
    }

    pub(super) fn latency(&self) -> Snapshot {
        self.latency.snapshot()
    }

    pub(super) fn latency_found(&self) -> Snapshot {
        self.latency_found.snapshot()
    }
}

/// Counters of one source at one moment; the difference of two is a window. Attempts that
/// are no other thing yet are under way.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SourceTotals {
    pub attempts: u64,
    /// Attempts that gave at least one provider.
    pub found: u64,
    /// Attempts answered with none.
    pub none: u64,
    pub timed_out: u64,
    pub failed: u64,
    /// Providers in all.
    pub records: u64,
    /// Found, where no other source found anything.
    pub found_alone: u64,
}

impl SourceTotals {
    #[must_use]
    pub fn since(&self, earlier: &Self) -> Self {
        Self {
            attempts: self.attempts.saturating_sub(earlier.attempts),
            found: self.found.saturating_sub(earlier.found),
            none: self.none.saturating_sub(earlier.none),
            timed_out: self.timed_out.saturating_sub(earlier.timed_out),
            failed: self.failed.saturating_sub(earlier.failed),
            records: self.records.saturating_sub(earlier.records),
            found_alone: self.found_alone.saturating_sub(earlier.found_alone),
        }
    }
}

/// Everything that is counted, at one moment.
#[derive(Debug, Clone, Default)]
pub(super) struct Page {
    pub(super) outcomes: OutcomeTotals,
    /// Look-ups begun.
    pub(super) walks: u64,
    pub(super) sources: Vec<SourceTotals>,
}

/// Values of the last while, one each `step`.
#[derive(Debug)]
pub(super) struct Past<T> {
    kept: VecDeque<(Instant, T)>,
    step: Duration,
    span: Duration,
}

impl<T> Past<T> {
    pub(super) fn new(step: Duration, span: Duration) -> Self {
        Self { kept: VecDeque::new(), step, span }
    }

    /// Keeps a value, when the last one is a step old.
    pub(super) fn push(&mut self, now: Instant, value: impl FnOnce() -> T) {
        if self.kept.back().is_some_and(|(at, _)| now.saturating_duration_since(*at) < self.step) {
            return;
        }
        self.kept.push_back((now, value()));
        // the first that is a whole span old is the beginning of the longest window
        while self.kept.get(1).is_some_and(|(at, _)| now.saturating_duration_since(*at) >= self.span) {
            self.kept.pop_front();
        }
    }

    /// The value at the beginning of a window, or the oldest there is.
    pub(super) fn at(&self, now: Instant, window: Duration) -> Option<&T> {
        let after = self.kept.partition_point(|(at, _)| now.saturating_duration_since(*at) >= window);
        self.kept.get(after.saturating_sub(1)).map(|(_, value)| value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_past_gives_the_beginning_of_a_window_and_forgets_what_is_older() {
        let start = Instant::now();
        let at = |seconds: u64| start + Duration::from_secs(seconds);
        let mut past = Past::new(Duration::from_secs(1), Duration::from_secs(600));
        assert_eq!(past.at(start, Duration::from_secs(60)), None);
        for tenth in 0..20_000u64 {
            past.push(start + Duration::from_millis(tenth * 100), || tenth / 10);
        }
        let now = at(1999);
        assert_eq!(past.at(now, Duration::from_secs(60)), Some(&1939));
        assert_eq!(past.at(now, Duration::from_secs(600)), Some(&1399));
        assert_eq!(past.at(now, Duration::from_secs(6000)), Some(&1399));
        assert_eq!(past.kept.len(), 601);
    }

    #[test]
    fn attempts_and_how_they_ended_sum_up() {
        let books = SourceBooks::default();
        let took = Duration::from_millis(5);
        for how in [Ended::Found(3), Ended::None, Ended::TimedOut, Ended::Failed, Ended::None] {
            books.attempt();
            books.ended(how, took);
        }
        books.attempt();
        let totals = books.totals();
        let ended = totals.found + totals.none + totals.timed_out + totals.failed;
        assert_eq!((totals.attempts, ended, totals.records), (6, 5, 3));
        assert_eq!(totals.since(&totals), SourceTotals::default());
        assert!(books.latency().quantile(0.5).is_some());
    }
}
