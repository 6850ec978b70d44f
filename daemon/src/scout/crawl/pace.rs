//! How often each peer is checked: the faster peers go, the more often.
//!
//! Measured, not set: of the peers checked, how many were gone, over the time since they were
//! last heard of. What is over counts less and less.

use std::time::{Duration, Instant};

/// Share of the table that may be gone without our knowing it, roughly.
const GONE: f64 = 0.04;

/// Between two checks of a peer, at least and at most.
const SHORTEST: Duration = Duration::from_secs(45);
const LONGEST: Duration = Duration::from_secs(600);

/// A small network is cheap to check: with this many peers and more, [`LONGEST`] is allowed.
const SMALL: usize = 400;
const SHORTEST_SMALL: Duration = Duration::from_secs(15);

/// Between two checks of a peer at the start.
const UNWATCHED: Duration = Duration::from_secs(60);

/// Checks a second over all peers, at most: a dial costs about a millisecond of a core.
const MAX_RATE: f64 = 40.0;

/// What was seen this long ago counts half.
const HALF: Duration = Duration::from_secs(300);

/// What is assumed before anything is seen: half of the peers stay for two hours.
const PRIOR_RATE: f64 = 0.0001;
const PRIOR_SECONDS: f64 = 2000.0;

/// The measure.
#[derive(Debug)]
pub(super) struct Pace {
    gone: f64,
    seconds: f64,
    at: Instant,
    began: Instant,
}

impl Pace {
    pub(super) fn new(now: Instant) -> Self {
        Self { gone: 0.0, seconds: 0.0, at: now, began: now }
    }

    /// A peer that was heard of `since` ago was checked: it answered, or it did not.
    pub(super) fn checked(&mut self, since: Duration, answered: bool, now: Instant) {
        let halves = now.saturating_duration_since(self.at).as_secs_f64() / HALF.as_secs_f64();
        let left = 0.5f64.powf(halves);
        self.gone = self.gone * left + if answered { 0.0 } else { 1.0 };
        self.seconds = self.seconds * left + since.as_secs_f64();
        self.at = now;
    }

    /// Share of the peers that goes in a second.
    pub(super) fn rate(&self) -> f64 {
        (self.gone + PRIOR_RATE * PRIOR_SECONDS) / (self.seconds + PRIOR_SECONDS)
    }

    /// Between two checks of a peer in a table of so many.
    pub(super) fn interval(&self, peers: usize, now: Instant) -> Duration {
        let wanted = Duration::from_secs_f64((GONE / self.rate()).min(LONGEST.as_secs_f64()));
        let small = LONGEST.mul_f64(peers as f64 / SMALL as f64).max(SHORTEST_SMALL);
        let affordable = Duration::from_secs_f64(peers as f64 / MAX_RATE);
        // a calm that was not watched for long is no calm yet
        let watched = (now.saturating_duration_since(self.began) / 2).max(UNWATCHED);
        wanted.max(SHORTEST).min(small).min(watched).max(affordable)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Checks each of so many peers once an interval for some minutes of churn.
    fn after(peers: usize, per_minute: f64, minutes: u64) -> Duration {
        let start = Instant::now();
        let mut pace = Pace::new(start);
        let mut owed = 0.0;
        for second in 0..minutes * 60 {
            let interval = pace.interval(peers, start + Duration::from_secs(second));
            let checks = peers as f64 / interval.as_secs_f64();
            owed += checks;
            while owed >= 1.0 {
                owed -= 1.0;
                let gone = (second as f64 * 7919.0 + owed * 104_729.0).sin().abs()
                    < per_minute * interval.as_secs_f64() / 60.0;
                pace.checked(interval, !gone, start + Duration::from_secs(second));
            }
        }
        pace.interval(peers, start + Duration::from_secs(minutes * 60))
    }

    #[test]
    fn a_network_that_changes_fast_is_checked_within_a_minute_and_a_calm_one_in_ten() {
        assert!(after(1000, 0.1, 15) <= Duration::from_secs(60), "{:?}", after(1000, 0.1, 15));
        assert!(after(1000, 0.0, 60) >= Duration::from_secs(300), "{:?}", after(1000, 0.0, 60));
    }

    #[test]
    fn small_networks_are_checked_often_and_large_ones_within_the_rate() {
        let (pace, now) = (Pace::new(Instant::now()), Instant::now() + Duration::from_secs(3600));
        assert_eq!(pace.interval(1, now), SHORTEST_SMALL);
        for peers in [1000, 10_000, 100_000] {
            let rate = peers as f64 / pace.interval(peers, now).as_secs_f64();
            assert!(rate <= MAX_RATE + 0.1, "{peers} peers: {rate} a second");
        }
    }
}
