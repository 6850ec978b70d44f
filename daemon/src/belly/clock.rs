//! The belly's time: the wall clock read once, carried on by the monotonic clock.
//!
//! Owns "now" for everything that expires. A step of the system clock, by hand or by
//! NTP, therefore neither revives nor loses a record while the process runs; the new
//! wall time counts from the next start. Must not sleep or wake anybody.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Where the belly reads the time; cheap to clone.
#[derive(Debug, Clone)]
pub struct Clock(Source);

#[derive(Debug, Clone)]
enum Source {
    System {
        began: Duration,
        since: Instant,
    },
    /// Milliseconds since the Unix epoch.
    Manual(Arc<AtomicU64>),
}

impl Clock {
    /// The wall clock of this moment, monotonic from here on.
    #[must_use]
    pub fn system() -> Self {
        let began = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self(Source::System { began, since: Instant::now() })
    }

    /// A clock that stands still until [`Self::advance`]; for tests that jump hours.
    #[must_use]
    pub fn manual(start: SystemTime) -> Self {
        let start = start.duration_since(UNIX_EPOCH).unwrap_or_default();
        Self(Source::Manual(Arc::new(AtomicU64::new(whole_millis(start)))))
    }

    /// Moves a manual clock and all its clones forward; a system clock cannot be moved.
    pub fn advance(&self, by: Duration) {
        if let Source::Manual(millis) = &self.0 {
            millis.fetch_add(whole_millis(by), Ordering::Relaxed);
        }
    }

    /// Milliseconds since the Unix epoch.
    #[must_use]
    pub fn millis(&self) -> u64 {
        match &self.0 {
            Source::System { began, since } => whole_millis(*began + since.elapsed()),
            Source::Manual(millis) => millis.load(Ordering::Relaxed),
        }
    }

    /// Seconds since the Unix epoch; four bytes last until 2106.
    #[must_use]
    pub fn secs(&self) -> u32 {
        u32::try_from(self.millis() / 1000).unwrap_or(u32::MAX)
    }
}

/// A time that was stored as seconds.
pub(super) fn from_secs(secs: u32) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(secs.into())
}

/// A time that was stored as milliseconds.
pub(super) fn from_millis(millis: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_millis(millis)
}

fn whole_millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manual_clock_moves_only_when_it_is_moved_and_its_clones_follow() {
        let clock = Clock::manual(UNIX_EPOCH + Duration::from_secs(1_000));
        let clone = clock.clone();
        assert_eq!(clock.secs(), 1_000);
        clock.advance(Duration::from_millis(2_500));
        assert_eq!(clone.millis(), 1_002_500);
        assert_eq!(clone.secs(), 1_002);
    }

    #[test]
    fn the_system_clock_tells_the_time() {
        let wall = whole_millis(SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970"));
        assert!(Clock::system().millis().abs_diff(wall) < 5_000);
    }
}
