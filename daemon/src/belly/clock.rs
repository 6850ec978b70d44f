//! The belly's time: the wall clock read once, carried on by the monotonic clock.
//!
//! Owns "now" for everything that expires. A step of the system clock, by hand or by
//! NTP, therefore neither revives nor loses a record while the process runs. How far the
//! wall clock has gone from it is told, so that the store can keep its own time over a
//! restart. Must not sleep or wake anybody.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Where the belly reads the time; cheap to clone, and clones go together.
#[derive(Debug, Clone)]
pub struct Clock {
    source: Source,
    /// Milliseconds that belly time is ahead of the source.
    ahead: Arc<AtomicI64>,
}

#[derive(Debug, Clone)]
enum Source {
    System {
        began: Duration,
        since: Instant,
    },
    /// Milliseconds since the Unix epoch.
    Manual {
        monotonic: Arc<AtomicU64>,
        wall: Arc<AtomicU64>,
    },
}

impl Clock {
    /// The wall clock of this moment, monotonic from here on.
    #[must_use]
    pub fn system() -> Self {
        Self { source: Source::System { began: wall_now(), since: Instant::now() }, ahead: Arc::default() }
    }

    /// A clock that stands still until [`Self::advance`]; for tests that jump hours.
    #[must_use]
    pub fn manual(start: SystemTime) -> Self {
        let start = whole_millis(start.duration_since(UNIX_EPOCH).unwrap_or_default());
        let at = || Arc::new(AtomicU64::new(start));
        Self { source: Source::Manual { monotonic: at(), wall: at() }, ahead: Arc::default() }
    }

    /// Moves a manual clock and all its clones forward; a system clock cannot be moved.
    pub fn advance(&self, by: Duration) {
        if let Source::Manual { monotonic, wall } = &self.source {
            monotonic.fetch_add(whole_millis(by), Relaxed);
            wall.fetch_add(whole_millis(by), Relaxed);
        }
    }

    /// Sets the wall clock of a manual clock, as an operator or NTP does.
    pub fn set_wall(&self, to: SystemTime) {
        if let Source::Manual { wall, .. } = &self.source {
            wall.store(whole_millis(to.duration_since(UNIX_EPOCH).unwrap_or_default()), Relaxed);
        }
    }

    /// Milliseconds since the Unix epoch.
    #[must_use]
    pub fn millis(&self) -> u64 {
        let source = match &self.source {
            Source::System { began, since } => whole_millis(*began + since.elapsed()),
            Source::Manual { monotonic, .. } => monotonic.load(Relaxed),
        };
        source.saturating_add_signed(self.ahead.load(Relaxed))
    }

    /// Seconds since the Unix epoch; four bytes last until 2106.
    #[must_use]
    pub fn secs(&self) -> u32 {
        u32::try_from(self.millis() / 1000).unwrap_or(u32::MAX)
    }

    /// What the wall clock says now, however it was set.
    pub(super) fn wall(&self) -> SystemTime {
        from_millis(self.millis().saturating_add_signed(-self.ahead_of_wall()))
    }

    /// Puts belly time ahead of its source (behind, when negative), in milliseconds.
    pub(super) fn shift(&self, by: i64) {
        self.ahead.fetch_add(by, Relaxed);
    }

    /// Milliseconds that belly time is ahead of the wall clock.
    pub(super) fn ahead_of_wall(&self) -> i64 {
        let wall = match &self.source {
            Source::System { .. } => whole_millis(wall_now()),
            Source::Manual { wall, .. } => wall.load(Relaxed),
        };
        let signed = |millis: u64| i64::try_from(millis).unwrap_or(i64::MAX);
        signed(self.millis()).saturating_sub(signed(wall))
    }
}

fn wall_now() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
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
    fn a_step_of_the_wall_clock_is_told_and_does_not_move_the_time() {
        let clock = Clock::manual(UNIX_EPOCH + Duration::from_secs(10_000));
        clock.set_wall(UNIX_EPOCH + Duration::from_secs(9_000));
        assert_eq!((clock.secs(), clock.ahead_of_wall()), (10_000, 1_000_000));
        clock.shift(-1_000_000);
        assert_eq!((clock.secs(), clock.ahead_of_wall()), (9_000, 0));
    }

    #[test]
    fn the_system_clock_tells_the_time() {
        let wall = whole_millis(SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970"));
        assert!(Clock::system().millis().abs_diff(wall) < 5_000);
        assert!(Clock::system().ahead_of_wall().abs() < 5_000);
    }
}
