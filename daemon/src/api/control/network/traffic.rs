//! The requests of the last minute as rates.

use std::time::{Duration, SystemTime};

use hydra_protocol::v1;
use hydra_protocol::v1::{AskedTraffic, GetTrafficResponse, ServedTraffic};

use crate::api::control::convert;
use crate::hydra::traffic::{Served, Traffic};
use crate::telemetry::AskedFor;
use crate::telemetry::asked::AskedTotals;
use crate::telemetry::latency::Snapshot;
use crate::wire::Kind;

/// Kinds by how many of them there usually are.
const ORDER: [Kind; 6] =
    [Kind::AddProvider, Kind::GetProviders, Kind::FindNode, Kind::GetValue, Kind::PutValue, Kind::Ping];

/// As the protocol tells it.
pub(super) fn told(traffic: &Traffic) -> GetTrafficResponse {
    let seconds = traffic.window.as_secs_f64();
    let rate = |count: u64| if seconds > 0.0 { count as f64 / seconds } else { 0.0 };
    let all: u64 = traffic.served.iter().map(|served| served.requests).sum();
    let served = |kind: Kind| {
        let Served { requests, took, refused, dropped, bytes_in, bytes_out } = &traffic.served[kind as usize];
        ServedTraffic {
            rpc: kind.name().to_owned(),
            per_second: rate(*requests),
            share_ratio: (all > 0).then(|| *requests as f64 / all as f64),
            refused_per_minute: 60.0 * rate(*refused),
            p50_seconds: quantile(took, 0.5),
            p99_seconds: quantile(took, 0.99),
            p999_seconds: quantile(took, 0.999),
            bytes_in_per_second: rate(*bytes_in),
            bytes_out_per_second: rate(*bytes_out),
            dropped_per_second: rate(*dropped),
        }
    };
    let asked = |asked: &AskedTotals| {
        let requests = asked.took.count() + asked.failed;
        let kind = Kind::ALL.into_iter().find(|kind| *kind as usize == asked.kind)?;
        (requests > 0).then(|| AskedTraffic {
            rpc: kind.name().to_owned(),
            asked_for: asked_for(asked.asked_for).into(),
            per_second: rate(requests),
            failed_ratio: asked.failed as f64 / requests as f64,
            p50_seconds: quantile(&asked.took, 0.5),
            p99_seconds: quantile(&asked.took, 0.99),
            p999_seconds: quantile(&asked.took, 0.999),
            bytes_in_per_second: rate(asked.bytes_in),
            bytes_out_per_second: rate(asked.bytes_out),
        })
    };
    GetTrafficResponse {
        at: convert::timestamp(SystemTime::now()),
        window_seconds: seconds,
        served: ORDER.map(served).to_vec(),
        resets_per_minute: 60.0 * rate(traffic.resets),
        asked: traffic.asked.iter().filter_map(asked).collect(),
    }
}

fn quantile(took: &Snapshot, quantile: f64) -> Option<f64> {
    took.quantile(quantile).as_ref().map(Duration::as_secs_f64)
}

fn asked_for(asked_for: AskedFor) -> v1::AskedFor {
    match asked_for {
        AskedFor::Crawl => v1::AskedFor::Crawl,
        AskedFor::Prefetch => v1::AskedFor::Prefetch,
        AskedFor::Presence => v1::AskedFor::Presence,
        AskedFor::Clients => v1::AskedFor::Clients,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telemetry::Latency;

    #[test]
    fn counts_become_rates_and_what_did_not_occur_is_not_made_up() {
        let took = Latency::default();
        (0..90).for_each(|_| took.record(Duration::from_millis(80)));
        let mut traffic = Traffic { window: Duration::from_secs(30), resets: 4, ..Traffic::default() };
        traffic.served[Kind::FindNode as usize] = Served {
            requests: 300,
            took: took.snapshot(),
            refused: 2,
            bytes_out: 9_000,
            ..Served::default()
        };
        traffic.served[Kind::AddProvider as usize] =
            Served { requests: 100, dropped: 60, ..Served::default() };
        let asked = |kind: Kind, failed| AskedTotals {
            kind: kind as usize,
            asked_for: AskedFor::Crawl,
            took: Snapshot::default(),
            failed,
            bytes_in: 0,
            bytes_out: 0,
        };
        traffic.asked = vec![
            AskedTotals { took: took.snapshot(), ..asked(Kind::FindNode, 10) },
            asked(Kind::GetProviders, 0),
        ];
        let told = told(&traffic);
        assert_eq!((told.window_seconds, told.resets_per_minute, told.served.len()), (30.0, 8.0, 6));
        let [add, find] = [&told.served[0], &told.served[2]];
        assert_eq!(
            (add.rpc.as_str(), add.per_second, add.dropped_per_second),
            ("ADD_PROVIDER", 100.0 / 30.0, 2.0)
        );
        assert_eq!((add.share_ratio, add.p99_seconds), (Some(0.25), None));
        assert_eq!((find.per_second, find.refused_per_minute, find.bytes_out_per_second), (10.0, 4.0, 300.0));
        assert!(find.p50_seconds.is_some_and(|took| (0.08..0.1).contains(&took)));
        assert_eq!(told.asked.len(), 1);
        assert_eq!((told.asked[0].failed_ratio, told.asked[0].per_second), (0.1, 100.0 / 30.0));
        let nothing = super::told(&Traffic::default());
        assert_eq!((nothing.served[0].per_second, nothing.served[0].share_ratio), (0.0, None));
    }
}
