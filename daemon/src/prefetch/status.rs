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
    /// The walk budget: look-ups that may begin in a second.
    pub walks_per_second: u32,
    /// Look-ups begun, in the last minute and since the start.
    pub walks_1m: u64,
    pub walks: u64,
    /// What "queue full" was about, since the start.
    pub refused: Refused,
    /// Prefetched records that are served now.
    pub records_kept: u64,
    pub records_limit: u64,
    /// How long a record is served.
    pub life: Duration,
    pub total: OutcomeTotals,
    pub last_1m: OutcomeTotals,
    pub last_10m: OutcomeTotals,
    /// Empty in a glance.
    pub sources: Vec<SourceStatus>,
}

/// One source.
#[derive(Debug, Clone)]
pub struct SourceStatus {
    pub name: String,
    pub mode: Mode,
    /// Why it is not asked at present.
    pub trouble: Option<String>,
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
    /// All of it.
    #[must_use]
    pub fn status(&self) -> Status {
        Status { sources: self.sources(), ..self.glance() }
    }

    /// All but the sources, whose latencies are dear to sum up.
    #[must_use]
    pub fn glance(&self) -> Status {
        let (shared, now) = (&self.shared, Instant::now());
        let mut queue = shared.queue.lock();
        let state = queue.pauses.shown(now).map_or(State::Running, State::Paused);
        let (lookups, waiting) = (queue.in_flight() as u64, queue.waiting() as u64);
        let oldest = queue.oldest_waiting();
        let (refused, config) = (queue.refused(), queue.config());
        drop(queue);
        let page = shared.page();
        let (minute, ten_minutes) = (shared.before(now, MINUTE), shared.before(now, WINDOW));
        Status {
            state,
            lookups,
            lookups_limit: config.lookups.into(),
            waiting,
            waiting_limit: config.keys.into(),
            oldest_waiting: oldest.map(|since| now.saturating_duration_since(since)),
            walks_per_second: config.walks_per_second,
            walks_1m: page.walks.saturating_sub(minute.walks),
            walks: page.walks,
            refused,
            records_kept: shared.cache.count(),
            records_limit: shared.cache.limit(),
            life: shared.cache.life(),
            total: page.outcomes,
            last_1m: page.outcomes.since(&minute.outcomes),
            last_10m: page.outcomes.since(&ten_minutes.outcomes),
            sources: Vec::new(),
        }
    }

    fn sources(&self) -> Vec<SourceStatus> {
        let (shared, now) = (&self.shared, Instant::now());
        let before = shared.before(now, WINDOW);
        let latencies = shared.latencies.lock();
        let earlier = latencies.at(now, WINDOW).cloned().unwrap_or_default();
        drop(latencies);
        let of = |(i, tracked): (usize, &super::Tracked)| {
            let total = tracked.books.totals();
            let times = tracked.books.latency();
            let latency = times.since(&earlier.get(i).cloned().unwrap_or_default());
            SourceStatus {
                name: tracked.name.to_string(),
                mode: tracked.source.mode(),
                trouble: tracked.source.trouble(),
                total,
                last_10m: total.since(&before.sources.get(i).copied().unwrap_or_default()),
                latency_p50: latency.quantile(0.5),
                latency_p95: latency.quantile(0.95),
                latency_p99: latency.quantile(0.99),
                times,
                times_found: tracked.books.latency_found(),
            }
        };
        shared.sources.iter().enumerate().map(of).collect()
    }
}
