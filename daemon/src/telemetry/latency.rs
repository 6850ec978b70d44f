//! Latency histograms that many tasks write without waiting for each other.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

/// Buckets: four a doubling, from 1 µs to 16 s.
const BUCKETS: usize = 4 * 24;

/// Counts by duration; a quantile is right within a fifth.
#[derive(Debug)]
pub struct Latency {
    counts: [AtomicU64; BUCKETS],
}

impl Default for Latency {
    fn default() -> Self {
        Self { counts: [const { AtomicU64::new(0) }; BUCKETS] }
    }
}

impl Latency {
    pub fn record(&self, took: Duration) {
        self.counts[bucket(took)].fetch_add(1, Relaxed);
    }

    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        Snapshot(std::array::from_fn(|i| self.counts[i].load(Relaxed)))
    }
}

/// The counts at one moment; the difference of two is a window.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot([u64; BUCKETS]);

impl Default for Snapshot {
    fn default() -> Self {
        Self([0; BUCKETS])
    }
}

impl Snapshot {
    #[must_use]
    pub fn since(&self, earlier: &Self) -> Self {
        Self(std::array::from_fn(|i| self.0[i].saturating_sub(earlier.0[i])))
    }

    pub fn add(&mut self, other: &Self) {
        for (mine, theirs) in self.0.iter_mut().zip(other.0) {
            *mine += theirs;
        }
    }

    /// The upper edge of the bucket in which the quantile lies; none without counts.
    #[must_use]
    pub fn quantile(&self, quantile: f64) -> Option<Duration> {
        let all: u64 = self.0.iter().sum();
        let wanted = ((all as f64 * quantile).ceil() as u64).max(1);
        let mut seen = 0;
        let at = self.0.iter().position(|count| {
            seen += count;
            seen >= wanted
        })?;
        (all > 0).then(|| upper_edge(at))
    }
}

fn bucket(took: Duration) -> usize {
    let micros = (took.as_nanos() as u64).div_ceil(1000).max(1);
    let doubling = micros.ilog2() as usize;
    let quarter = ((u128::from(micros) << 2 >> doubling) & 3) as usize;
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
        assert_eq!(latency.snapshot().0.iter().sum::<u64>(), 4);
    }
}
