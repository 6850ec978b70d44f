//! A token bucket: so many a second, with room for a burst.

use std::time::Instant;

use parking_lot::Mutex;

/// Refills steadily; takes never wait.
#[derive(Debug)]
pub struct TokenBucket {
    rate: f64,
    burst: f64,
    state: Mutex<(f64, Instant)>,
}

impl TokenBucket {
    /// `rate` a second, up to `burst` at once; starts full.
    #[must_use]
    pub fn new(rate: f64, burst: f64) -> Self {
        Self { rate, burst, state: Mutex::new((burst, Instant::now())) }
    }

    /// Takes one token, if there is one.
    pub fn take(&self) -> bool {
        self.take_at(Instant::now())
    }

    /// Gives one token back, as if it had not been taken.
    pub fn give_back(&self) {
        let mut state = self.state.lock();
        state.0 = (state.0 + 1.0).min(self.burst);
    }

    /// Takes one token of those there are at `now`.
    pub fn take_at(&self, now: Instant) -> bool {
        let mut state = self.state.lock();
        let (tokens, last) = *state;
        let grown = tokens + now.saturating_duration_since(last).as_secs_f64() * self.rate;
        let tokens = grown.min(self.burst);
        let taken = tokens >= 1.0;
        *state = (if taken { tokens - 1.0 } else { tokens }, now.max(last));
        taken
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_burst_is_taken_at_once_and_refills_at_the_rate() {
        let bucket = TokenBucket::new(10.0, 3.0);
        let start = Instant::now();
        let taken = |at: u64| (0..10).filter(|_| bucket.take_at(start + Duration::from_millis(at))).count();
        assert_eq!(taken(0), 3);
        assert_eq!(taken(250), 2);
        assert_eq!(taken(10_000), 3);
    }
}
