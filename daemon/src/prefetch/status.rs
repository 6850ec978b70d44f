//! How prefetching is, in numbers over windows.

use std::time::{Duration, Instant};

use crate::prefetch::books::SourceTotals;
use crate::prefetch::task::WINDOW;
use crate::prefetch::{Mode, Pause, Prefetch, Refused};
use crate::telemetry::OutcomeTotals;
use crate::telemetry::latency::Snapshot;

const MINUTE: Duration = Duration::from_secs(60);

/// Whether keys are looked up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    Running,
    Paused(Pause),
}

/// Everything at one moment.
#[derive(Debug, Clone)]
pub struct Status {
    pub state: State,
    pub lookups: u64,
    pub lookups_limit: u64,
    pub waiting: u64,
    pub waiting_limit: u64,
    pub oldest_waiting: Option<Duration>,
    pub walks_per_second: u32,
    /// What "queue full" was about, since the start.
    pub refused: Refused,
    /// Prefetched records that are served now.
    pub records_kept: u64,
    pub records_limit: u64,
    pub total: OutcomeTotals,
    pub last_1m: OutcomeTotals,
    pub last_10m: OutcomeTotals,
    pub sources: Vec<SourceStatus>,
}

/// One source.
#[derive(Debug, Clone)]
pub struct SourceStatus {
    pub name: String,
    pub mode: Mode,
    pub total: SourceTotals,
    pub last_10m: SourceTotals,
    /// Of all attempts of ten minutes, however they ended; none without attempts.
    pub latency_p50: Option<Duration>,
    pub latency_p95: Option<Duration>,
    pub latency_p99: Option<Duration>,
    /// Of all attempts since the start.
    pub times: Snapshot,
    /// Of them, those that found something.
    pub times_found: Snapshot,
}

impl Prefetch {
    #[must_use]
    pub fn status(&self) -> Status {
        let (shared, now) = (&self.shared, Instant::now());
        let mut queue = shared.queue.lock();
        let state = queue.pauses.shown(now).map_or(State::Running, State::Paused);
        let (lookups, waiting) = (queue.in_flight() as u64, queue.waiting() as u64);
        let oldest = queue.oldest_waiting();
        let refused = queue.refused();
        drop(queue);
        let page = shared.page();
        let past = shared.past.lock();
        let at = |window| past.at(now, window).cloned().unwrap_or_default();
        let (minute, ten_minutes) = (at(MINUTE), at(WINDOW));
        drop(past);
        let latencies = shared.latencies.lock();
        let earlier = latencies.at(now, WINDOW).cloned().unwrap_or_default();
        drop(latencies);
        let of = |(i, tracked): (usize, &super::Tracked)| {
            let total = page.sources.get(i).copied().unwrap_or_default();
            let before = earlier.get(i).cloned().unwrap_or_default();
            let times = tracked.books.latency();
            let latency = times.since(&before);
            SourceStatus {
                name: tracked.name.to_string(),
                mode: tracked.source.mode(),
                total,
                last_10m: total.since(&ten_minutes.sources.get(i).copied().unwrap_or_default()),
                latency_p50: latency.quantile(0.5),
                latency_p95: latency.quantile(0.95),
                latency_p99: latency.quantile(0.99),
                times,
                times_found: tracked.books.latency_found(),
            }
        };
        Status {
            state,
            lookups,
            lookups_limit: self.config.lookups.into(),
            waiting,
            waiting_limit: self.config.keys.into(),
            oldest_waiting: oldest.map(|since| now.saturating_duration_since(since)),
            walks_per_second: self.config.walks_per_second,
            refused,
            records_kept: shared.cache.count(),
            records_limit: shared.cache.limit(),
            total: page.outcomes,
            last_1m: page.outcomes.since(&minute.outcomes),
            last_10m: page.outcomes.since(&ten_minutes.outcomes),
            sources: shared.sources.iter().enumerate().map(of).collect(),
        }
    }
}
