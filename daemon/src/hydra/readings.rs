//! What goes into the kept history each second.

use std::sync::Arc;
use std::time::{Duration, Instant, UNIX_EPOCH};

use crate::hydra::Hydra;
use crate::routing::churn::Flow;
use crate::routing::coverage::Field;
use crate::telemetry::history::{HEADS, HeadReading, Readings, Series};
use crate::telemetry::latency::Snapshot;
use crate::telemetry::{Outcome, OutcomeTotals, Sample};
use crate::wire::Kind;

/// The coverage is worked out once in this time, and is not known for longer.
const COVERAGE: Duration = Duration::from_secs(60);

/// Kinds of requests whose times are kept, and their p50, p99 and p99.9.
const TIMED: [(Kind, [Series; 3]); 3] = [
    (Kind::GetProviders, [Series::GetProvidersP50, Series::GetProvidersP99, Series::GetProvidersP999]),
    (Kind::FindNode, [Series::FindNodeP50, Series::FindNodeP99, Series::FindNodeP999]),
    (Kind::AddProvider, [Series::AddProviderP50, Series::AddProviderP99, Series::AddProviderP999]),
];
const COMMITS: [Series; 3] = [Series::CommitP50, Series::CommitP99, Series::CommitP999];

/// Counters at the last second.
#[derive(Default)]
pub(super) struct Before {
    /// By [`TIMED`], and of commits.
    times: Option<[Snapshot; 4]>,
    outcomes: OutcomeTotals,
    written: u64,
    expired: u64,
    dropped: u64,
    flow: Flow,
    scout: [u64; 2],
    coverage: Option<(Instant, f64)>,
}

impl Hydra {
    /// Keeps what was measured in a second, which took so long.
    pub(super) fn keep(&self, sample: &Sample, seconds: f64) {
        let mut readings = Readings::default();
        self.read_traffic(sample, &mut readings);
        self.read_levels(&mut readings);
        let mut samples = self.samples.lock();
        samples.before.read(self, seconds, &mut readings);
        drop(samples);
        let open = self.contacts.open_by_head();
        let of_head = |head: &crate::hydra::HeadView| HeadReading {
            index: head.index,
            requests: head.rates.all(),
            connections: open.get(&head.index).map_or(0.0, |open| (open.inbound + open.outbound) as f64),
            presence: head.presence.as_ref().and_then(|presence| ratio(presence.listed(), presence.asked())),
        };
        let heads: Vec<HeadReading> = self.first_heads(HEADS).iter().map(of_head).collect();
        let at = sample.at.duration_since(UNIX_EPOCH).map_or(0, |at| at.as_secs() as i64);
        self.archive.push(at, &readings, &heads);
    }

    fn read_traffic(&self, sample: &Sample, readings: &mut Readings) {
        for (series, rate) in Series::KINDS.into_iter().zip(sample.rates.requests) {
            readings.set(series, rate);
        }
        readings.set(Series::Found, sample.rates.found);
        readings.set(Series::Resets, sample.rates.resets);
        readings.set(Series::BytesIn, sample.rates.bytes_in);
        readings.set(Series::BytesOut, sample.rates.bytes_out);
        readings.set(Series::ConnectionsIn, sample.connections_in as f64);
        readings.set(Series::ConnectionsOut, sample.connections_out as f64);
        readings.set(Series::PeersLive, sample.peers_live as f64);
        readings.set(Series::Rss, sample.rss_bytes as f64);
    }

    fn read_levels(&self, readings: &mut Readings) {
        let counts = self.belly.counts();
        readings.set(Series::Announced, counts.records as f64);
        readings.set(Series::Near, counts.near as f64);
        readings.set(Series::Prefetched, counts.prefetched as f64);
        readings.set(Series::BellyBytes, self.belly.health().disk_bytes as f64);
        readings.set(Series::Heads, self.heads_total() as f64);
        readings.set(Series::HeadsServing, self.heads_serving() as f64);
        let presence = self.presence_in_all().and_then(|(listed, asked)| ratio(listed, asked));
        readings.set_known(Series::Presence, presence);
        let sizes = self.sizes();
        readings.set_known(Series::SizeByCrawl, sizes.by_crawl.map(|size| size.peers));
        readings.set_known(Series::SizeByDistance, sizes.by_distance.map(|size| size.peers));
        readings.set_known(Series::SizeByDistanceError, sizes.by_distance.map(|size| size.error));
    }

    /// Works the coverage out, once a minute and off the tasks that answer.
    pub(super) async fn measure_coverage(self: Arc<Self>) {
        loop {
            let hydra = Arc::clone(&self);
            let measured = tokio::task::spawn_blocking(move || {
                let field = Field::of(&hydra.table.snapshot());
                (field.others() > 0).then(|| field.coverage())
            });
            let coverage = measured.await.ok().flatten();
            self.samples.lock().before.coverage = coverage.map(|share| (Instant::now(), share));
            tokio::time::sleep(COVERAGE).await;
        }
    }
}

impl Before {
    /// Reads what comes of counters: what they grew by since the last second.
    fn read(&mut self, hydra: &Hydra, seconds: f64, readings: &mut Readings) {
        let [get, find, add] = TIMED.map(|(kind, _)| hydra.service.requests.times(kind as usize));
        let books = hydra.belly.books();
        let times = [get, find, add, books.commits];
        let prefetch = hydra.prefetch.glance();
        let (flow, scout) = (hydra.table.flow_total(), hydra.scout.bytes());
        let coverage = self.coverage.filter(|(at, _)| at.elapsed() < 3 * COVERAGE);
        readings.set_known(Series::Coverage, coverage.map(|(_, share)| share));
        readings.set(Series::Waiting, prefetch.waiting as f64);
        readings.set(Series::WaitingLimit, prefetch.waiting_limit as f64);
        if let Some(earlier) = &self.times {
            let grew = |now: u64, before: u64| now.saturating_sub(before) as f64 / seconds;
            let names = TIMED.map(|(_, names)| names).into_iter().chain([COMMITS]);
            for ((names, now), before) in names.zip(&times).zip(earlier) {
                let second = now.since(before);
                for (series, quantile) in names.into_iter().zip([0.5, 0.99, 0.999]) {
                    readings.set_known(series, second.quantile(quantile).map(|took| took.as_secs_f64()));
                }
            }
            let ended = prefetch.total.since(&self.outcomes);
            readings.set(Series::Misses, ended.misses as f64 / seconds);
            for (series, outcome) in Series::OUTCOMES.into_iter().zip(Outcome::ALL) {
                readings.set(series, ended.of(outcome) as f64 / seconds);
            }
            readings.set(Series::Written, grew(books.written, self.written));
            readings.set(Series::Expired, grew(books.expired, self.expired));
            readings.set(Series::Dropped, grew(books.dropped, self.dropped));
            readings.set(Series::PeersJoined, grew(flow.joined, self.flow.joined));
            readings.set(Series::PeersLeft, grew(flow.left, self.flow.left));
            for (series, (now, before)) in [Series::ScoutBytesIn, Series::ScoutBytesOut]
                .into_iter()
                .zip(scout.into_iter().zip(self.scout))
            {
                readings.set(series, grew(now, before));
            }
            readings.set(Series::Starts, 0.0);
        } else {
            readings.set(Series::Starts, 1.0);
        }
        self.times = Some(times);
        self.outcomes = prefetch.total;
        (self.written, self.expired, self.dropped) = (books.written, books.expired, books.dropped);
        (self.flow, self.scout) = (flow, scout);
    }
}

fn ratio(part: usize, whole: usize) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}
