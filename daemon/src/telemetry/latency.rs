//! Latency histograms that many tasks write without waiting for each other.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

/// Buckets: four a doubling, from 1 µs to 16 s.
const BUCKETS: usize = 4 * 24;

/// Counts by duration; a quantile is right within a fifth.
#[derive(Debug)]
pub struct Latency {
    counts: [AtomicU64; BUCKETS],
    /// Of all durations; wraps after 584 years of them.
    nanos: AtomicU64,
}

impl Default for Latency {
    fn default() -> Self {
        Self { counts: [const { AtomicU64::new(0) }; BUCKETS], nanos: AtomicU64::new(0) }
    }
}

impl Latency {
    pub fn record(&self, took: Duration) {
        self.counts[bucket(took)].fetch_add(1, Relaxed);
        self.nanos.fetch_add(u64::try_from(took.as_nanos()).unwrap_or(u64::MAX), Relaxed);
    }

    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        Snapshot {
            counts: std::array::from_fn(|i| self.counts[i].load(Relaxed)),
            nanos: self.nanos.load(Relaxed),
        }
    }
}

/// The counts at one moment; the difference of two is a window.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    counts: [u64; BUCKETS],
    nanos: u64,
}

impl Default for Snapshot {
    fn default() -> Self {
        Self { counts: [0; BUCKETS], nanos: 0 }
    }
}

impl Snapshot {
    #[must_use]
    pub fn since(&self, earlier: &Self) -> Self {
        Self {
            counts: std::array::from_fn(|i| self.counts[i].saturating_sub(earlier.counts[i])),
            nanos: self.nanos.wrapping_sub(earlier.nanos),
        }
    }

    pub fn add(&mut self, other: &Self) {
        for (mine, theirs) in self.counts.iter_mut().zip(other.counts) {
            *mine += theirs;
        }
        self.nanos = self.nanos.wrapping_add(other.nanos);
    }

    /// Durations counted.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// All durations together.
    #[must_use]
    pub fn sum(&self) -> Duration {
        Duration::from_nanos(self.nanos)
    }

    /// Each doubling from 2 µs on, with how many durations lie within it and not within the
    /// one before. The last is endless: it holds whatever is longer.
    pub fn doublings(&self) -> impl Iterator<Item = (Option<Duration>, u64)> + '_ {
        let (quarters, _) = self.counts.as_chunks::<4>();
        let last = quarters.len() - 1;
        quarters.iter().enumerate().map(move |(i, counts)| {
            let edge = (i < last).then(|| upper_edge(4 * i + 3));
            (edge, counts.iter().sum())
        })
    }

    /// The upper edge of the bucket in which the quantile lies; none without counts.
    #[must_use]
    pub fn quantile(&self, quantile: f64) -> Option<Duration> {
        let all = self.count();
        let wanted = ((all as f64 * quantile).ceil() as u64).max(1);
        let mut seen = 0;
        let at = self.counts.iter().position(|count| {
            seen += count;
            seen >= wanted
        })?;
        (all > 0).then(|| upper_edge(at))
    }
}

/// Each bucket holds its upper edge, as `le` of a histogram has it.
fn bucket(took: Duration) -> usize {
    // in quarters of a microsecond, less than one before the edge
    let quarters = (u64::try_from(took.as_nanos()).unwrap_or(u64::MAX).saturating_sub(1) / 250).max(4);
    let doubling = quarters.ilog2() as usize - 2;
    let quarter = (quarters >> doubling) as usize & 3;
    (doubling * 4 + quarter).min(BUCKETS - 1)
}

fn upper_edge(bucket: usize) -> Duration {
    let (doubling, quarter) = (bucket / 4, bucket as u64 % 4);
    Duration::from_nanos(((5 + quarter) << doubling) * 250)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_lie_within_a_quarter_above_the_truth() {
        let latency = Latency::default();
        for micros in 1..=1000u64 {
            latency.record(Duration::from_micros(micros));
        }
        let snapshot = latency.snapshot();
        for (quantile, truth) in [(0.5, 500.0), (0.99, 990.0), (1.0, 1000.0)] {
            let got = snapshot.quantile(quantile).expect("counts").as_secs_f64() * 1e6;
            assert!((truth..=truth * 1.26).contains(&got), "{quantile}: {got}");
        }
        assert_eq!(snapshot.since(&snapshot).quantile(0.5), None);
    }

    #[test]
    fn every_duration_has_a_bucket() {
        let latency = Latency::default();
        for took in [Duration::ZERO, Duration::from_nanos(1), Duration::from_secs(3600), Duration::MAX] {
            latency.record(took);
        }
        assert_eq!(latency.snapshot().count(), 4);
    }

    #[test]
    fn doublings_hold_every_duration_up_to_their_edge() {
        let latency = Latency::default();
        for micros in [1, 2, 3, 4, 5, 1024, 1025] {
            latency.record(Duration::from_micros(micros));
        }
        latency.record(Duration::from_secs(3600));
        let snapshot = latency.snapshot();
        let up_to = |micros| -> u64 {
            let edge = Duration::from_micros(micros);
            let within = snapshot.doublings().filter(|(upper, _)| upper.is_some_and(|upper| upper <= edge));
            within.map(|(_, count)| count).sum()
        };
        assert_eq!((up_to(2), up_to(4), up_to(8), up_to(1024), up_to(2048)), (2, 4, 5, 6, 7));
        assert_eq!(snapshot.doublings().map(|(_, count)| count).sum::<u64>(), snapshot.count());
        assert_eq!(snapshot.doublings().last(), Some((None, 1)));
        assert_eq!(snapshot.sum(), Duration::from_secs(3600) + Duration::from_micros(2064));
    }
}
