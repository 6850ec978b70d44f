//! Pauses between tries: they double from a quarter of a second to five, and are shaken so that
//! many consoles do not come back in step.

use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::time::Duration;

/// The first pause.
pub(super) const FIRST: Duration = Duration::from_millis(250);
/// The longest pause.
pub(super) const LONGEST: Duration = Duration::from_secs(5);

/// Counts failures and gives the pause after each.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Backoff {
    failures: u32,
}

impl Backoff {
    /// One more failure: number of the next try, and the pause before it, shaken down by at most
    /// a fifth.
    pub(super) fn fail(&mut self) -> (u32, Duration) {
        let pause = self.pause();
        self.failures = self.failures.saturating_add(1);
        (self.failures, pause.mul_f64(1.0 - 0.2 * random_ratio()))
    }

    /// It worked.
    pub(super) fn reset(&mut self) {
        self.failures = 0;
    }

    fn pause(self) -> Duration {
        FIRST.saturating_mul(1_u32.checked_shl(self.failures.min(16)).unwrap_or(u32::MAX)).min(LONGEST)
    }
}

/// 0 to 1. The standard library's hash keys are random, which is random enough for a pause.
fn random_ratio() -> f64 {
    let bits = RandomState::new().build_hasher().finish();
    (bits >> 11) as f64 / (1_u64 << 53) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_five_seconds_and_never_exceed_them() {
        let mut backoff = Backoff::default();
        let mut nominal = vec![];
        for attempt in 1..=40 {
            let pause = backoff.pause();
            let (number, shaken) = backoff.fail();
            assert_eq!(number, attempt);
            assert!(shaken <= pause && shaken >= pause.mul_f64(0.8), "{shaken:?} of {pause:?}");
            nominal.push(pause.as_millis());
        }
        assert_eq!(nominal[..6], [250, 500, 1_000, 2_000, 4_000, 5_000]);
        assert!(nominal[6..].iter().all(|pause| *pause == 5_000));
        backoff.reset();
        assert_eq!(backoff.pause(), FIRST);
    }

    #[test]
    fn two_consoles_do_not_come_back_in_step() {
        let pauses: Vec<Duration> = (0..8).map(|_| Backoff::default().fail().1).collect();
        assert!(pauses.windows(2).any(|pair| pair[0] != pair[1]));
    }
}
