//! A token bucket: so many a second, with room for a burst.

use std::time::Instant;

use parking_lot::Mutex;

/// Refills steadily; takes never wait.
#[derive(Debug)]
pub struct TokenBucket {
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    rate: f64,
    burst: f64,
    tokens: f64,
    last: Instant,
}

impl TokenBucket {
    /// `rate` a second, up to `burst` at once; starts full.
    #[must_use]
    pub fn new(rate: f64, burst: f64) -> Self {
        Self { state: Mutex::new(State { rate, burst, tokens: burst, last: Instant::now() }) }
    }

    /// Takes one token, if there is one.
    pub fn take(&self) -> bool {
        self.take_at(Instant::now())
    }

    /// Gives one token back, as if it had not been taken.
    pub fn give_back(&self) {
        let mut state = self.state.lock();
        state.tokens = (state.tokens + 1.0).min(state.burst);
    }

    /// Takes one token of those there are at `now`.
    pub fn take_at(&self, now: Instant) -> bool {
        let mut state = self.state.lock();
        state.fill(now);
        let taken = state.tokens >= 1.0;
        if taken {
            state.tokens -= 1.0;
        }
        taken
    }

    /// Another rate and burst from now on; what was saved up stays, as far as the burst goes.
    pub fn set_rate(&self, rate: f64, burst: f64) {
        let mut state = self.state.lock();
        state.fill(Instant::now());
        (state.rate, state.burst) = (rate, burst);
        state.tokens = state.tokens.min(burst);
    }
}

impl State {
    fn fill(&mut self, now: Instant) {
        let grown = self.tokens + now.saturating_duration_since(self.last).as_secs_f64() * self.rate;
        self.tokens = grown.min(self.burst);
        self.last = now.max(self.last);
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

    #[test]
    fn another_rate_keeps_no_more_than_its_burst() {
        let bucket = TokenBucket::new(10.0, 5.0);
        bucket.set_rate(1.0, 2.0);
        let start = Instant::now();
        let taken = |at: u64| (0..10).filter(|_| bucket.take_at(start + Duration::from_secs(at))).count();
        assert_eq!((taken(0), taken(1), taken(60)), (2, 1, 2));
    }
}
