//! What became of the DHT requests of all heads, and how long they took.
//!
//! Owns one histogram and one counter a kind of request, and the times of sampled look-ups in
//! the belly. Counting costs no look at the clock: whoever serves a stream has the times anyway.

use std::cell::Cell;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use crate::telemetry::Latency;
use crate::telemetry::latency::Snapshot;

/// Kinds of requests, by `wire::Kind`.
pub const KINDS: usize = 6;

/// One in so many look-ups is timed on each thread: the clock costs a tenth of one.
pub const SAMPLED: u32 = 16;

/// The books of all heads since the process began.
#[derive(Debug, Default)]
pub struct Requests {
    answered: [Latency; KINDS],
    refused: [AtomicU64; KINDS],
    dropped: [AtomicU64; KINDS],
    lookups: Latency,
}

thread_local! {
    static LOOKUP: Cell<u32> = const { Cell::new(0) };
}

impl Requests {
    /// A request was answered, or taken in where its kind has no answer.
    pub fn answered(&self, kind: usize, took: Duration) {
        if let Some(latency) = self.answered.get(kind) {
            latency.record(took);
        }
    }

    /// A request was not served: its stream is reset.
    pub fn refused(&self, kind: usize) {
        if let Some(counter) = self.refused.get(kind) {
            counter.fetch_add(1, Relaxed);
        }
    }

    /// What a request brought was not kept, for want of room or time.
    pub fn dropped(&self, kind: usize) {
        if let Some(counter) = self.dropped.get(kind) {
            counter.fetch_add(1, Relaxed);
        }
    }

    /// A look-up in the belly begins; the time from which on it is measured, if it is one of
    /// those that are.
    #[must_use]
    pub fn lookup() -> Option<Instant> {
        let turn = LOOKUP.get();
        LOOKUP.set((turn + 1) % SAMPLED);
        (turn == 0).then(Instant::now)
    }

    /// The look-up has ended.
    pub fn looked_up(&self, began: Option<Instant>) {
        if let Some(began) = began {
            self.lookups.record(began.elapsed());
        }
    }

    /// Times of the requests of a kind that were answered.
    #[must_use]
    pub fn times(&self, kind: usize) -> Snapshot {
        self.answered.get(kind).map(Latency::snapshot).unwrap_or_default()
    }

    /// Requests of a kind that were refused.
    #[must_use]
    pub fn refusals(&self, kind: usize) -> u64 {
        self.refused.get(kind).map_or(0, |counter| counter.load(Relaxed))
    }

    /// Requests of a kind of which nothing was kept, for want of room or time.
    #[must_use]
    pub fn drops(&self, kind: usize) -> u64 {
        self.dropped.get(kind).map_or(0, |counter| counter.load(Relaxed))
    }

    /// Times of look-ups in the belly, of one in [`SAMPLED`].
    #[must_use]
    pub fn lookup_times(&self) -> Snapshot {
        self.lookups.snapshot()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_has_books_of_its_own_and_an_unknown_one_none() {
        let requests = Requests::default();
        requests.answered(3, Duration::from_micros(7));
        requests.refused(4);
        requests.answered(KINDS, Duration::ZERO);
        requests.refused(KINDS);
        let counts: Vec<_> = (0..=KINDS).map(|k| (requests.times(k).count(), requests.refusals(k))).collect();
        assert_eq!(counts, [(0, 0), (0, 0), (0, 0), (1, 0), (0, 1), (0, 0), (0, 0)]);
        assert_eq!(requests.times(3).sum(), Duration::from_micros(7));
    }

    #[test]
    fn one_look_up_in_sixteen_is_timed() {
        let requests = Requests::default();
        for _ in 0..10 * SAMPLED {
            requests.looked_up(Requests::lookup());
        }
        assert_eq!(requests.lookup_times().count(), 10);
    }
}
