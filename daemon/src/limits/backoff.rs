//! How long to wait before what failed is tried again.

use std::time::Duration;

/// The first wait, and the longest.
const FIRST: Duration = Duration::from_secs(5);
const LAST: Duration = Duration::from_secs(300);

/// Five seconds, and after each failure twice the time, up to five minutes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backoff(Duration);

impl Default for Backoff {
    fn default() -> Self {
        Self(FIRST)
    }
}

impl Backoff {
    /// The wait before the next try.
    #[must_use]
    pub fn wait(&self) -> Duration {
        self.0
    }

    /// That try failed, too.
    pub fn failed(&mut self) {
        self.0 = (self.0 * 2).min(LAST);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wait_doubles_up_to_five_minutes() {
        let mut backoff = Backoff::default();
        let waits: Vec<u64> = (0..8)
            .map(|_| {
                let wait = backoff.wait().as_secs();
                backoff.failed();
                wait
            })
            .collect();
        assert_eq!(waits, [5, 10, 20, 40, 80, 160, 300, 300]);
    }
}
