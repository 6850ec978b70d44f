//! How large the network is, told in two ways that do not depend on each other: by counting
//! what the crawl found, and by how near the nearest peers of random keys are.
//!
//! Pure: in come counts and distances, out come estimates with their errors.

mod count;
mod distance;

pub use count::by_count;
pub use distance::Distances;

/// A number of peers, and how far off it may be.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Estimate {
    /// DHT servers, our own heads left out.
    pub peers: f64,
    /// One standard error, in peers.
    pub error: f64,
}

/// The two estimates are told to differ when they do by more than this share of the larger,
/// and by more than three times their errors: one of the two is then misled, by churn, by
/// peers that cannot be reached, or by peers put where they should not be.
pub const ALARM: f64 = 0.25;

impl Estimate {
    /// Whether this and another estimate of the same network contradict each other.
    #[must_use]
    pub fn contradicts(&self, other: &Self) -> bool {
        let apart = (self.peers - other.peers).abs();
        apart > ALARM * self.peers.max(other.peers) && apart > 3.0 * self.error.hypot(other.error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn estimates_contradict_each_other_only_beyond_a_quarter_and_their_errors() {
        let estimate = |peers, error| Estimate { peers, error };
        assert!(!estimate(1000.0, 10.0).contradicts(&estimate(1200.0, 10.0)));
        assert!(estimate(1000.0, 10.0).contradicts(&estimate(1500.0, 50.0)));
        assert!(!estimate(1000.0, 10.0).contradicts(&estimate(1500.0, 200.0)));
    }
}
