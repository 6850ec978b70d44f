//! The size by count: peers that answered, and those that the crawl must have missed.
//!
//! The peers that name others are parted into two halves by chance. How much of what one
//! half names the other names too tells how many nobody named (capture and recapture: D. G.
//! Chapman's estimator, 1951).

use super::Estimate;
use crate::routing::table::Seen;

/// The size of a network of which a round saw this; `None` while next to nothing was seen.
#[must_use]
pub fn by_count(seen: &Seen) -> Option<Estimate> {
    if seen.live == 0 || seen.both == 0 {
        return None;
    }
    let [live, first, second, both] = [seen.live, seen.first, seen.second, seen.both].map(|n| n as f64);
    let all = (first + 1.0) * (second + 1.0) / (both + 1.0) - 1.0;
    let unnamed = (all - (first + second - both)).max(0.0);
    let variance = (first + 1.0) * (second + 1.0) * (first - both) * (second - both)
        / ((both + 1.0) * (both + 1.0) * (both + 2.0));
    // those that answered but were named by nobody are among the unnamed
    let silent = (live - (first + second - both)).max(0.0);
    let peers = live + (unnamed - silent).max(0.0);
    Some(Estimate { peers, error: variance.max(0.0).sqrt() })
}

#[cfg(test)]
mod tests {
    use rand::rngs::StdRng;
    use rand::{RngExt as _, SeedableRng as _};

    use super::*;

    #[test]
    fn a_crawl_that_misses_a_fifth_is_put_right_within_a_tenth() {
        let mut rng = StdRng::seed_from_u64(5);
        for peers in [200, 1000, 10_000] {
            let mut seen = Seen::default();
            for _ in 0..peers {
                // each half names a peer with some chance, the same for none of them
                let chance: f64 = rng.random_range(0.35..0.85);
                let (a, b) = (rng.random_bool(chance), rng.random_bool(chance));
                seen.live += usize::from(a || b);
                seen.first += usize::from(a);
                seen.second += usize::from(b);
                seen.both += usize::from(a && b);
            }
            let missed = 1.0 - seen.live as f64 / f64::from(peers);
            assert!(missed > 0.12, "the crawl missed {missed}");
            let estimate = by_count(&seen).expect("an estimate");
            let off = (estimate.peers / f64::from(peers) - 1.0).abs();
            assert!(off < 0.10, "{peers} peers: {estimate:?}");
            assert!(estimate.error < 0.1 * f64::from(peers), "{estimate:?}");
        }
    }

    #[test]
    fn a_crawl_in_which_everybody_names_everybody_is_exact() {
        let seen = Seen { live: 40, first: 40, second: 40, both: 40 };
        assert_eq!(by_count(&seen), Some(Estimate { peers: 40.0, error: 0.0 }));
        assert_eq!(by_count(&Seen::default()), None);
    }

    #[test]
    fn servers_that_answered_and_nobody_names_are_not_counted_twice() {
        // 10 that are named by one half or the other only, 60 by both, 30 by nobody
        let seen = Seen { live: 100, first: 65, second: 65, both: 60 };
        let estimate = by_count(&seen).expect("an estimate");
        assert!((100.0..=101.0).contains(&estimate.peers), "{estimate:?}");
    }
}
