//! Counters of one head's DHT traffic, and the rates that come of them.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Counts of one head since it was made; written by its connections' tasks.
#[derive(Debug, Default)]
pub struct HeadCounters {
    /// By `wire::Kind`.
    requests: [AtomicU64; 6],
    resets: AtomicU64,
    /// The same.
    bytes_in: [AtomicU64; 6],
    bytes_out: [AtomicU64; 6],
    found: AtomicU64,
}

impl HeadCounters {
    /// One request taken in: `kind` is the number of the message type, `bytes` its size.
    pub fn request(&self, kind: usize, bytes: usize) {
        if let Some(counter) = self.requests.get(kind) {
            counter.fetch_add(1, Relaxed);
        }
        if let Some(counter) = self.bytes_in.get(kind) {
            counter.fetch_add(bytes as u64, Relaxed);
        }
    }

    /// The reply to a request of this kind.
    pub fn reply(&self, kind: usize, bytes: usize) {
        if let Some(counter) = self.bytes_out.get(kind) {
            counter.fetch_add(bytes as u64, Relaxed);
        }
    }

    pub fn reset(&self) {
        self.resets.fetch_add(1, Relaxed);
    }

    /// A GET_PROVIDERS that gave at least one provider.
    pub fn found(&self) {
        self.found.fetch_add(1, Relaxed);
    }

    #[must_use]
    pub fn totals(&self) -> Totals {
        let all = |counters: &[AtomicU64; 6]| std::array::from_fn(|kind| counters[kind].load(Relaxed));
        Totals {
            requests: all(&self.requests),
            resets: self.resets.load(Relaxed),
            bytes_in: all(&self.bytes_in),
            bytes_out: all(&self.bytes_out),
            found: self.found.load(Relaxed),
        }
    }
}

/// The counters at one moment.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Totals {
    pub requests: [u64; 6],
    pub resets: u64,
    /// By kind, as `requests`.
    pub bytes_in: [u64; 6],
    pub bytes_out: [u64; 6],
    pub found: u64,
}

impl Totals {
    /// Bytes of all requests.
    #[must_use]
    pub fn all_bytes_in(&self) -> u64 {
        self.bytes_in.iter().sum()
    }

    /// Bytes of all replies.
    #[must_use]
    pub fn all_bytes_out(&self) -> u64 {
        self.bytes_out.iter().sum()
    }
}

impl std::ops::AddAssign for Totals {
    fn add_assign(&mut self, other: Self) {
        for kind in 0..self.requests.len() {
            self.requests[kind] += other.requests[kind];
            self.bytes_in[kind] += other.bytes_in[kind];
            self.bytes_out[kind] += other.bytes_out[kind];
        }
        self.resets += other.resets;
        self.found += other.found;
    }
}

/// Averages a second over a window.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Rates {
    pub requests: [f64; 6],
    pub resets: f64,
    pub bytes_in: f64,
    pub bytes_out: f64,
    pub found: f64,
}

impl Rates {
    /// From the counters at both ends of a window of `seconds`.
    #[must_use]
    pub fn between(earlier: &Totals, later: &Totals, seconds: f64) -> Self {
        if seconds <= 0.0 {
            return Self::default();
        }
        let rate = |earlier: u64, later: u64| later.saturating_sub(earlier) as f64 / seconds;
        Self {
            requests: std::array::from_fn(|i| rate(earlier.requests[i], later.requests[i])),
            resets: rate(earlier.resets, later.resets),
            bytes_in: rate(earlier.all_bytes_in(), later.all_bytes_in()),
            bytes_out: rate(earlier.all_bytes_out(), later.all_bytes_out()),
            found: rate(earlier.found, later.found),
        }
    }

    /// All requests a second.
    #[must_use]
    pub fn all(&self) -> f64 {
        self.requests.iter().sum()
    }
}

/// Counters remembered at each of the last seconds, for averages over a window.
#[derive(Debug)]
pub struct Window {
    kept: VecDeque<(f64, Totals)>,
    seconds: f64,
}

impl Window {
    /// A window of so many seconds.
    #[must_use]
    pub fn new(seconds: u32) -> Self {
        Self { kept: VecDeque::with_capacity(seconds as usize + 2), seconds: f64::from(seconds) }
    }

    /// Remembers the counters at `now`, in seconds of a steady clock.
    pub fn push(&mut self, now: f64, totals: Totals) {
        self.kept.push_back((now, totals));
        while self.kept.len() > 2 && self.kept.get(1).is_some_and(|(at, _)| *at <= now - self.seconds) {
            self.kept.pop_front();
        }
    }

    /// Averages over the window, or over what there is of it.
    #[must_use]
    pub fn rates(&self) -> Rates {
        match (self.kept.front(), self.kept.back()) {
            (Some((from, earlier)), Some((to, later))) => Rates::between(earlier, later, to - from),
            _ => Rates::default(),
        }
    }

    /// What was counted within the window.
    #[must_use]
    pub fn requests(&self, kind: usize) -> u64 {
        match (self.kept.front(), self.kept.back()) {
            (Some((_, earlier)), Some((_, later))) => {
                later.requests[kind].saturating_sub(earlier.requests[kind])
            }
            _ => 0,
        }
    }

    /// GET_PROVIDERS that found something within the window.
    #[must_use]
    pub fn found(&self) -> u64 {
        match (self.kept.front(), self.kept.back()) {
            (Some((_, earlier)), Some((_, later))) => later.found.saturating_sub(earlier.found),
            _ => 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_averages_over_what_it_holds_and_forgets_the_rest() {
        let mut window = Window::new(60);
        assert_eq!(window.rates(), Rates::default());
        for second in 0..200u32 {
            let mut totals = Totals::default();
            // ten a second for the first hundred seconds, then one
            totals.requests[4] = if second < 100 { 10 * u64::from(second) } else { 900 + u64::from(second) };
            window.push(f64::from(second), totals);
        }
        assert!((window.rates().requests[4] - 1.0).abs() < 1e-9);
        assert_eq!(window.requests(4), 60);
        assert!(window.kept.len() <= 62);
    }
}
