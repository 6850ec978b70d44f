//! What a run found out, as it is printed.
//!
//! Owns the counting ([`Tally`]) and the JSON ([`Report`]). Field names carry their unit.

use std::collections::BTreeMap;
use std::time::Duration;

use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};

use super::workload::Op;

/// Longest latency told apart, in nanoseconds: two minutes.
const LONGEST: u64 = 120_000_000_000;

/// One worker's counts; they add up.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    kinds: BTreeMap<Op, OpTally>,
    pub(crate) errors: BTreeMap<&'static str, u64>,
    pub(crate) not_sent: u64,
    pub(crate) barriers: u64,
    pub(crate) reply_bytes: u64,
    pub(crate) closer_peers: u64,
}

#[derive(Debug)]
struct OpTally {
    sent: u64,
    done: u64,
    found: u64,
    latency: Histogram<u64>,
}

impl Default for OpTally {
    fn default() -> Self {
        Self { sent: 0, done: 0, found: 0, latency: histogram() }
    }
}

/// Nanoseconds, to 1 %.
fn histogram() -> Histogram<u64> {
    #[allow(clippy::expect_used, reason = "the bounds are constants within what the crate allows")]
    Histogram::new_with_bounds(1, LONGEST, 2).expect("constant bounds")
}

impl Tally {
    pub(crate) fn sent(&mut self, op: Op) {
        self.kinds.entry(op).or_default().sent += 1;
    }

    pub(crate) fn answered(&mut self, op: Op, latency: Duration, found: bool) {
        let kind = self.kinds.entry(op).or_default();
        kind.done += 1;
        kind.found += u64::from(found);
        kind.latency.saturating_record(latency.as_nanos() as u64);
    }

    /// Announcements that a later reply on the same stream proves handled.
    pub(crate) fn handled(&mut self, announcements: u64) {
        if announcements > 0 {
            self.kinds.entry(Op::Add).or_default().done += announcements;
        }
    }

    /// A request that open-loop pacing intended and the run's end forestalled: it has
    /// waited `so_far`, at least.
    pub(crate) fn not_sent(&mut self, op: Op, so_far: Duration) {
        self.not_sent += 1;
        self.kinds.entry(op).or_default().latency.saturating_record(so_far.as_nanos() as u64);
    }

    pub(crate) fn error(&mut self, kind: &'static str) {
        *self.errors.entry(kind).or_default() += 1;
    }

    pub(crate) fn add(&mut self, other: &Self) {
        for (op, theirs) in &other.kinds {
            let ours = self.kinds.entry(*op).or_default();
            ours.sent += theirs.sent;
            ours.done += theirs.done;
            ours.found += theirs.found;
            // Same bounds, so this cannot fail.
            ours.latency += &theirs.latency;
        }
        for (kind, count) in &other.errors {
            *self.errors.entry(kind).or_default() += count;
        }
        self.not_sent += other.not_sent;
        self.barriers += other.barriers;
        self.reply_bytes += other.reply_bytes;
        self.closer_peers += other.closer_peers;
    }

    /// The report of `seconds` of measuring; what the server cost is filled in by the caller.
    pub(crate) fn report(&self, seconds: f64) -> Report {
        let mut all = histogram();
        let mut kinds = BTreeMap::new();
        for (op, tally) in &self.kinds {
            all += &tally.latency;
            let name = serde_json::to_value(op).ok().and_then(|v| v.as_str().map(str::to_owned));
            let latency_us = (!tally.latency.is_empty()).then(|| Latency::of(&tally.latency));
            let kind = KindReport { sent: tally.sent, done: tally.done, found: tally.found, latency_us };
            kinds.insert(name.unwrap_or_default(), kind);
        }
        let requests = self.kinds.values().map(|k| k.sent).sum();
        let done: u64 = self.kinds.values().map(|k| k.done).sum();
        let replies = self.kinds.iter().filter(|(op, _)| **op != Op::Add).map(|(_, k)| k.done).sum::<u64>();
        let mean = |total: u64| if replies == 0 { 0.0 } else { total as f64 / replies as f64 };
        Report {
            seconds,
            requests,
            done,
            per_second: done as f64 / seconds.max(1e-9),
            not_sent: self.not_sent,
            barriers: self.barriers,
            mean_reply_bytes: mean(self.reply_bytes),
            mean_closer_peers: mean(self.closer_peers),
            errors: self.errors.iter().map(|(kind, count)| ((*kind).to_owned(), *count)).collect(),
            latency_us: (!all.is_empty()).then(|| Latency::of(&all)),
            kinds,
            server: None,
        }
    }
}

/// A run's result.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Report {
    /// Length of the measured part.
    pub seconds: f64,
    /// Requests sent, announcements among them, barriers not.
    pub requests: u64,
    /// Requests answered, and announcements that a later reply on the same stream proves handled.
    pub done: u64,
    /// `done` a second.
    pub per_second: f64,
    /// Open loop only: requests whose time came and whose stream was still busy at the end.
    pub not_sent: u64,
    /// PINGs sent behind announcements to keep the loop closed.
    pub barriers: u64,
    pub mean_reply_bytes: f64,
    pub mean_closer_peers: f64,
    /// Counts by kind: connect, open, unsupported, reset, eof, timeout, bad-reply.
    pub errors: BTreeMap<String, u64>,
    /// Of requests that are answered. In the open loop from the intended start.
    pub latency_us: Option<Latency>,
    pub kinds: BTreeMap<String, KindReport>,
    /// With `--server-pid`.
    pub server: Option<ServerReport>,
}

/// One kind of request.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct KindReport {
    pub sent: u64,
    pub done: u64,
    /// Replies with a provider or a record in them.
    pub found: u64,
    pub latency_us: Option<Latency>,
}

/// Microseconds.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Latency {
    pub mean: f64,
    pub p50: f64,
    pub p90: f64,
    pub p99: f64,
    pub p999: f64,
    pub max: f64,
}

impl Latency {
    fn of(histogram: &Histogram<u64>) -> Self {
        let at = |quantile| histogram.value_at_quantile(quantile) as f64 / 1e3;
        Self {
            mean: histogram.mean() / 1e3,
            p50: at(0.5),
            p90: at(0.9),
            p99: at(0.99),
            p999: at(0.999),
            max: histogram.max() as f64 / 1e3,
        }
    }
}

/// What the server spent.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ServerReport {
    pub pid: u32,
    pub cpu_seconds: f64,
    /// CPU over [`Report::done`].
    pub cpu_us_per_request: f64,
    pub rss_before_bytes: u64,
    pub rss_after_bytes: u64,
    /// Highest of samples taken every 100 ms.
    pub rss_peak_bytes: u64,
}

/// Result of holding connections open.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct HoldReport {
    pub connections: u64,
    /// One stream each, when asked for.
    pub streams: u64,
    /// Still open at the end.
    pub alive_at_end: u64,
    pub seconds: f64,
    pub errors: BTreeMap<String, u64>,
    /// `rss_after_bytes` is with all connections held; `cpu_seconds` covers the hold alone.
    pub server: Option<ServerReport>,
    /// (after − before) ÷ connections.
    pub rss_bytes_per_connection: Option<f64>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tallies_add_up_and_percentiles_follow_what_was_recorded() {
        let mut sum = Tally::default();
        for worker in 0..4_u64 {
            let mut tally = Tally::default();
            for n in 0..250 {
                tally.sent(Op::Find);
                tally.answered(Op::Find, Duration::from_micros(worker * 250 + n + 1), n % 2 == 0);
            }
            tally.sent(Op::Add);
            tally.handled(1);
            tally.error("reset");
            sum.add(&tally);
        }
        let report = sum.report(2.0);
        assert_eq!((report.requests, report.done, report.kinds["find"].found), (1004, 1004, 500));
        assert!((report.per_second - 502.0).abs() < 1e-9);
        assert_eq!(report.errors["reset"], 4);
        let latency = report.latency_us.expect("latencies");
        assert!((latency.p50 - 500.0).abs() < 10.0 && (latency.p99 - 990.0).abs() < 20.0, "{latency:?}");
        assert!(report.kinds["add"].latency_us.is_none());
    }
}
