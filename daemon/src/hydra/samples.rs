//! The second-by-second books: rates over windows, quantiles, history.

use std::collections::VecDeque;
use std::time::{Duration, SystemTime};

use crate::hydra::{Hydra, readings, traffic};
use crate::limits::machine::rss_bytes;
use crate::telemetry::counters::Window;
use crate::telemetry::latency::Snapshot;
use crate::telemetry::{Rates, Sample, Totals};
use crate::wire::Kind;

/// Seconds of latency kept.
const LATENCY_SECONDS: usize = 61;

/// What was sampled.
pub(super) struct Samples {
    minute: Window,
    ten_minutes: Window,
    latency: VecDeque<Snapshot>,
    last: Option<(f64, Totals)>,
    rss: u64,
    pub(super) traffic: traffic::Window,
    pub(super) before: readings::Before,
}

impl Default for Samples {
    fn default() -> Self {
        Self {
            minute: Window::new(60),
            ten_minutes: Window::new(600),
            latency: VecDeque::with_capacity(LATENCY_SECONDS + 1),
            last: None,
            rss: 0,
            traffic: traffic::Window::default(),
            before: readings::Before::default(),
        }
    }
}

/// Averages over all heads.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Averages {
    pub rates_1m: Rates,
    /// GET_PROVIDERS that found something, of all, over ten minutes.
    pub found_ratio_10m: Option<f64>,
    pub get_providers_p99_1m: Option<Duration>,
    pub rss_bytes: u64,
}

impl Hydra {
    /// Takes the sample of one second.
    pub(super) fn sample(&self) {
        let now = self.started.elapsed().as_secs_f64();
        let totals = self.roster.sample(now);
        let rss = rss_bytes();
        self.budget.set_rss(rss);
        let mut samples = self.samples.lock();
        samples.rss = rss;
        samples.minute.push(now, totals);
        samples.ten_minutes.push(now, totals);
        samples.latency.push_back(self.service.requests.times(Kind::GetProviders as usize));
        if samples.latency.len() > LATENCY_SECONDS {
            samples.latency.pop_front();
        }
        samples.traffic.look(now, &totals, &self.service.requests, || self.scout.asked());
        let last = samples.last.replace((now, totals));
        drop(samples);
        let Some((before, earlier)) = last else { return };
        // a process that was stopped did not measure: blank seconds, not zeros
        for missed in (1..(now - before - 0.5) as u64).rev() {
            self.history.push(self.level(
                Rates::default(),
                SystemTime::now() - Duration::from_secs(missed),
                rss,
                true,
            ));
        }
        let sample =
            self.level(Rates::between(&earlier, &totals, now - before), SystemTime::now(), rss, false);
        self.history.push(sample);
        self.keep(&sample, now - before);
    }

    fn level(&self, rates: Rates, at: SystemTime, rss_bytes: u64, gap: bool) -> Sample {
        let open = self.contacts.open();
        Sample {
            at,
            rates,
            connections_in: open.inbound,
            connections_out: open.outbound,
            peers_live: self.table.others() as u64,
            records: self.belly.counts().records,
            rss_bytes,
            gap,
        }
    }

    /// What all heads counted since the start.
    #[must_use]
    pub fn totals(&self) -> Totals {
        self.roster.totals()
    }

    /// Averages over all heads.
    #[must_use]
    pub fn averages(&self) -> Averages {
        let samples = self.samples.lock();
        let asked = samples.ten_minutes.requests(Kind::GetProviders as usize);
        let latency = samples.latency.back().zip(samples.latency.front()).map(|(now, then)| now.since(then));
        Averages {
            rates_1m: samples.minute.rates(),
            found_ratio_10m: (asked > 0).then(|| samples.ten_minutes.found() as f64 / asked as f64),
            get_providers_p99_1m: latency.and_then(|latency| latency.quantile(0.99)),
            rss_bytes: samples.rss,
        }
    }
}
