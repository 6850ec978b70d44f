//! The size by distance: the nearer the nearest peers of random keys, the more peers.
//!
//! After kad-dht `netsize/netsize.go`: in a network of N peers the i-th nearest peer of a key
//! is i/(N+1) of the keyspace away on average. The mean distance of each rank is fitted by a
//! line through the origin, each rank weighed by its spread; the slope is 1/(N+1). Go weighs
//! keys near itself less, where its own table is thin; our keys are drawn from the whole
//! keyspace, and so are the places that lookups start from, so that all weigh the same.
//!
//! Only keys that we draw may be added: a stranger who chooses the keys chooses the answer.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::Estimate;
use crate::wire::Key256;
use crate::wire::bounds::K;

/// Lookups kept (netsize `MaxMeasurementsThreshold`).
const MAX_LOOKUPS: usize = 150;

/// Lookups needed (netsize `MinMeasurementsThreshold`).
const MIN_LOOKUPS: usize = 5;

/// A lookup counts for so long (netsize `MaxMeasurementAge`).
const MAX_AGE: Duration = Duration::from_secs(2 * 3600);

/// The distances of the k nearest peers that lookups found.
#[derive(Debug, Default)]
pub struct Distances {
    /// Oldest first; shares of the keyspace, nearest first.
    lookups: VecDeque<(Instant, [f64; K])>,
}

impl Distances {
    /// Adds what a lookup of a random key found, nearest first. Fewer than k peers say
    /// nothing and are left out.
    pub fn add(&mut self, target: &Key256, nearest: &[Key256], now: Instant) {
        let Some(nearest) = nearest.first_chunk::<K>() else { return };
        self.lookups.push_back((now, nearest.map(|peer| share(&peer.distance(target)))));
        while self.lookups.len() > MAX_LOOKUPS || self.oldest().is_some_and(|at| now > at + MAX_AGE) {
            self.lookups.pop_front();
        }
    }

    /// Lookups that count.
    #[must_use]
    pub fn lookups(&self) -> usize {
        self.lookups.len()
    }

    /// The size of the network; `None` with fewer than five lookups of late.
    #[must_use]
    pub fn estimate(&self, now: Instant) -> Option<Estimate> {
        let fresh: Vec<&[f64; K]> =
            self.lookups.iter().filter(|(at, _)| now <= *at + MAX_AGE).map(|(_, d)| d).collect();
        if fresh.len() < MIN_LOOKUPS {
            return None;
        }
        let weights: Vec<f64> = (0..K).map(|rank| spread(fresh.iter().map(|d| d[rank])).1).collect();
        let ranks = || (1..=K).map(|rank| rank as f64).zip(&weights);
        let norm: f64 = ranks().map(|(x, weight)| weight * x * x).sum();
        if norm <= 0.0 {
            return None;
        }
        // the slope is linear in the distances: the slope of the means is the mean of slopes
        let slope = |distances: &[f64; K]| {
            ranks().zip(distances).map(|((x, weight), y)| weight * x * y).sum::<f64>() / norm
        };
        let (mean, deviation) = spread(fresh.iter().map(|distances| slope(distances)));
        let error = deviation / (fresh.len() as f64).sqrt();
        Some(Estimate { peers: (1.0 / mean - 1.0).max(0.0), error: error / (mean * mean) })
    }

    fn oldest(&self) -> Option<Instant> {
        self.lookups.front().map(|(at, _)| *at)
    }
}

/// A distance as a share of the keyspace: its first 64 bits say enough.
fn share(distance: &[u8; 32]) -> f64 {
    let start = distance.first_chunk().map_or(0, |start| u64::from_be_bytes(*start));
    start as f64 / 2f64.powi(64)
}

/// Mean and standard deviation.
fn spread(values: impl Iterator<Item = f64> + Clone) -> (f64, f64) {
    let n = values.clone().count() as f64;
    let mean = values.clone().sum::<f64>() / n;
    let squares: f64 = values.map(|value| (value - mean) * (value - mean)).sum();
    (mean, (squares / (n - 1.0)).sqrt())
}

#[cfg(test)]
mod tests {
    use rand::rngs::StdRng;
    use rand::{RngExt as _, SeedableRng as _};

    use super::*;

    fn place(rng: &mut StdRng) -> Key256 {
        Key256(rng.random())
    }

    fn add(distances: &mut Distances, network: &[Key256], rng: &mut StdRng, now: Instant) {
        let target = place(rng);
        let mut nearest = network.to_vec();
        nearest.select_nth_unstable_by_key(K, |peer| peer.distance(&target));
        nearest.truncate(K);
        nearest.sort_by_key(|peer| peer.distance(&target));
        distances.add(&target, &nearest, now);
    }

    #[test]
    fn networks_of_all_sizes_are_told_within_a_quarter_and_the_error_is_honest() {
        let (mut within, mut all) = (0, 0);
        for seed in 0..12 {
            let mut rng = StdRng::seed_from_u64(seed);
            for peers in [200usize, 1000, 4000] {
                let network: Vec<_> = (0..peers).map(|_| place(&mut rng)).collect();
                let mut distances = Distances::default();
                for _ in 0..40 {
                    add(&mut distances, &network, &mut rng, Instant::now());
                }
                let estimate = distances.estimate(Instant::now()).expect("enough lookups");
                let off = estimate.peers - peers as f64;
                assert!(off.abs() < 0.25 * peers as f64, "{peers} peers, seed {seed}: {estimate:?}");
                all += 1;
                within += usize::from(off.abs() < 2.0 * estimate.error);
            }
        }
        assert!(within * 10 >= all * 8, "{within} of {all} within two errors");
    }

    #[test]
    fn few_lookups_and_old_ones_and_short_ones_say_nothing() {
        let mut rng = StdRng::seed_from_u64(1);
        let network: Vec<_> = (0..100).map(|_| place(&mut rng)).collect();
        let (mut distances, now) = (Distances::default(), Instant::now());
        for _ in 0..MIN_LOOKUPS {
            assert_eq!(distances.estimate(now), None);
            add(&mut distances, &network, &mut rng, now);
            distances.add(&place(&mut rng), &network[..K - 1], now);
        }
        assert!(distances.estimate(now).is_some());
        assert_eq!(distances.estimate(now + MAX_AGE + Duration::from_secs(1)), None);
        for _ in 0..2 * MAX_LOOKUPS {
            add(&mut distances, &network, &mut rng, now);
        }
        assert_eq!(distances.lookups(), MAX_LOOKUPS);
    }
}
