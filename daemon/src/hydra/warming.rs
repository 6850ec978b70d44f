//! The start: how far the belly is read, how fast, and how long the rest takes.
//!
//! The rate is measured over the last seconds, and there is no time left without one. Who
//! reads is the belly; whether heads serve meanwhile is decided in `network.rs`.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use crate::belly::Progress;
use crate::hydra::{Hydra, notify};

/// The rate is that of so many seconds.
const WINDOW: usize = 10;

/// Between two lines in the log, in seconds.
const REPORT: u64 = 5;

/// How far the belly is read.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Warming {
    pub progress: Progress,
    /// Records read a second; `None` before it was measured.
    pub per_second: Option<f64>,
}

impl Warming {
    /// Until the last 24 hours are read, and heads may serve.
    #[must_use]
    pub fn day_left(&self) -> Option<Duration> {
        self.left(self.progress.day_records, self.progress.day_expected)
    }

    /// Until all is read.
    #[must_use]
    pub fn all_left(&self) -> Option<Duration> {
        self.left(self.progress.records, self.progress.expected)
    }

    fn left(&self, read: u64, of: u64) -> Option<Duration> {
        let rate = self.per_second.filter(|rate| *rate > 0.0)?;
        Duration::try_from_secs_f64(of.saturating_sub(read) as f64 / rate).ok()
    }

    /// "reading the last 24 h: 411000 of about 581000 records, 48000/s, 14 s to go".
    #[must_use]
    pub fn text(&self) -> String {
        let Progress { records, expected, day_records, day_expected, day } = self.progress;
        let (what, read, of, left) = match day {
            false => ("the last 24 h", day_records, day_expected, self.day_left()),
            true => ("what is older than 24 h", records, expected, self.all_left()),
        };
        let rate = self.per_second.map(|rate| format!(", {rate:.0}/s")).unwrap_or_default();
        let left = left.map(|left| format!(", {} s to go", left.as_secs() + 1)).unwrap_or_default();
        format!("reading {what}: {read} of about {of} records{rate}{left}")
    }
}

/// What was read when, the newest last.
#[derive(Debug, Default)]
pub(super) struct Meter {
    seen: VecDeque<(Instant, u64)>,
    began: Option<Instant>,
}

impl Meter {
    fn see(&mut self, now: Instant, records: u64) {
        self.began.get_or_insert(now);
        self.seen.push_back((now, records));
        if self.seen.len() > WINDOW {
            self.seen.pop_front();
        }
    }

    fn rate(&self) -> Option<f64> {
        let ((from, before), (to, after)) = self.seen.front().zip(self.seen.back())?;
        let seconds = to.duration_since(*from).as_secs_f64();
        (seconds > 0.0).then(|| after.saturating_sub(*before) as f64 / seconds)
    }
}

impl Hydra {
    /// How far the belly is read; `None` when all is.
    #[must_use]
    pub fn warming(&self) -> Option<Warming> {
        let progress = self.belly.warming()?;
        Some(Warming { progress, per_second: self.meter.lock().rate() })
    }

    /// Measures, and tells systemd and the log now and then; tells the end once.
    pub(super) fn watch_warming(&self, second: u64) {
        if let Some(progress) = self.belly.warming() {
            self.meter.lock().see(Instant::now(), progress.records);
            if second.is_multiple_of(REPORT) {
                notify::status(&self.summary());
                tracing::info!("belly: {}", self.warming().map(|warming| warming.text()).unwrap_or_default());
            }
        } else if let Some(began) = self.meter.lock().began.take() {
            let records = self.belly.counts().records;
            let took = began.elapsed().as_secs_f64();
            self.events.good("belly", format!("all is read: {records} records, in {took:.0} s"));
            notify::status(&self.summary());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_left_follows_from_a_measured_rate_and_is_unknown_without_one() {
        let progress = Progress {
            records: 3_000,
            expected: 10_000,
            day_records: 3_000,
            day_expected: 5_000,
            day: false,
        };
        let mut meter = Meter::default();
        let start = Instant::now();
        meter.see(start, 1_000);
        assert_eq!(meter.rate(), None);
        let unknown = Warming { progress, per_second: meter.rate() };
        assert_eq!((unknown.day_left(), unknown.all_left()), (None, None));
        assert_eq!(unknown.text(), "reading the last 24 h: 3000 of about 5000 records");
        meter.see(start + Duration::from_secs(2), 3_000);
        let warming = Warming { progress, per_second: meter.rate() };
        let seconds = |s| Some(Duration::from_secs(s));
        assert_eq!((warming.day_left(), warming.all_left()), (seconds(2), seconds(7)));
        assert_eq!(warming.text(), "reading the last 24 h: 3000 of about 5000 records, 1000/s, 3 s to go");
        let day = Warming { progress: Progress { day: true, ..progress }, per_second: Some(0.0) };
        assert_eq!(day.text(), "reading what is older than 24 h: 3000 of about 10000 records, 0/s");
        for second in 3..40 {
            meter.see(start + Duration::from_secs(second), 3_000);
        }
        assert_eq!(meter.rate(), Some(0.0), "what was long ago does not count");
    }
}
