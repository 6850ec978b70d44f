//! Requests of the last minute, served and made: how many, how long they took, how many bytes.

use std::collections::VecDeque;
use std::time::Duration;

use crate::hydra::Hydra;
use crate::telemetry::asked::AskedTotals;
use crate::telemetry::latency::Snapshot;
use crate::telemetry::{Requests, Totals};
use crate::wire::Kind;

/// Seconds between two looks at the books.
const EVERY: f64 = 5.0;

/// Looks kept: those of a minute, and one before.
const KEPT: usize = 13;

/// The books at some moments of the last minute.
#[derive(Default)]
pub(super) struct Window {
    kept: VecDeque<(f64, Books)>,
}

/// The books at one moment.
struct Books {
    /// By [`Kind`].
    served: [Served; Kind::ALL.len()],
    resets: u64,
    asked: Vec<AskedTotals>,
}

/// Requests of one kind to all heads.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Served {
    pub requests: u64,
    /// Of those that were answered.
    pub took: Snapshot,
    pub refused: u64,
    /// Taken in but not done for want of room or time.
    pub dropped: u64,
    pub bytes_in: u64,
    pub bytes_out: u64,
}

/// What was counted in a window.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Traffic {
    /// How long the window is: a minute, less after a start.
    pub window: Duration,
    /// By [`Kind`].
    pub served: [Served; Kind::ALL.len()],
    /// Streams of heads that were reset or broke.
    pub resets: u64,
    pub asked: Vec<AskedTotals>,
}

impl Window {
    /// Looks at the books when it is time to.
    pub(super) fn look(
        &mut self,
        now: f64,
        totals: &Totals,
        requests: &Requests,
        asked: impl FnOnce() -> Vec<AskedTotals>,
    ) {
        if self.kept.back().is_some_and(|(at, _)| now - at < EVERY) {
            return;
        }
        if self.kept.len() == KEPT {
            self.kept.pop_front();
        }
        let served = |kind: Kind| Served {
            requests: totals.requests[kind as usize],
            took: requests.times(kind as usize),
            refused: requests.refusals(kind as usize),
            dropped: requests.drops(kind as usize),
            bytes_in: totals.bytes_in[kind as usize],
            bytes_out: totals.bytes_out[kind as usize],
        };
        let books = Books { served: Kind::ALL.map(served), resets: totals.resets, asked: asked() };
        self.kept.push_back((now, books));
    }

    fn traffic(&self) -> Traffic {
        let (Some((from, then)), Some((to, now))) = (self.kept.front(), self.kept.back()) else {
            return Traffic::default();
        };
        Traffic {
            window: Duration::from_secs_f64((to - from).max(0.0)),
            served: std::array::from_fn(|kind| now.served[kind].since(&then.served[kind])),
            resets: now.resets.saturating_sub(then.resets),
            asked: now.asked.iter().map(|asked| asked.since(&then.asked)).collect(),
        }
    }
}

impl Served {
    fn since(&self, earlier: &Self) -> Self {
        let grew = |now: u64, then: u64| now.saturating_sub(then);
        Self {
            requests: grew(self.requests, earlier.requests),
            took: self.took.since(&earlier.took),
            refused: grew(self.refused, earlier.refused),
            dropped: grew(self.dropped, earlier.dropped),
            bytes_in: grew(self.bytes_in, earlier.bytes_in),
            bytes_out: grew(self.bytes_out, earlier.bytes_out),
        }
    }
}

impl Hydra {
    /// What came and what was asked over the last minute.
    #[must_use]
    pub fn traffic(&self) -> Traffic {
        self.samples.lock().traffic.traffic()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_is_what_was_counted_between_its_ends_and_is_a_minute_at_most() {
        let (mut window, requests) = (Window::default(), Requests::default());
        assert_eq!(window.traffic(), Traffic::default());
        let get = Kind::GetProviders as usize;
        let mut totals = Totals::default();
        for second in 0..=100u32 {
            totals.requests[get] += 10;
            totals.bytes_out[get] += 300;
            totals.resets += 1;
            requests.answered(get, Duration::from_millis(5));
            requests.dropped(get);
            window.look(second.into(), &totals, &requests, Vec::new);
        }
        let traffic = window.traffic();
        assert_eq!((traffic.window, traffic.resets), (Duration::from_secs(60), 60));
        let served = &traffic.served[get];
        assert_eq!((served.requests, served.bytes_out, served.dropped), (600, 18_000, 60));
        assert_eq!(served.took.count(), 60);
        assert_eq!(traffic.served[Kind::Ping as usize], Served::default());
    }
}
