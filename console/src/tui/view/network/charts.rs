//! The charts of *Network*.

use hydra_protocol::v1::AskedTraffic;

use super::super::plot::Chart;
use crate::tui::chart::plot::Shape;
use crate::tui::number::{rate, si};
use crate::tui::state::Hydra;
use crate::tui::state::past::Fold;

/// Servers of the network.
pub(super) const CRAWL: Chart = Chart {
    title: "Servers that answered the crawl",
    scope: "",
    short: "crawl",
    live: None,
    series: &["network.by_crawl"],
    shape: Shape::Line,
    fold: Fold::Mean,
    limit: |_| None,
    now: |hydra| hydra.feeds.network()?.size_by_crawl,
    label: |value| rate(value.round()),
    beside: |_, _, _| vec![],
};

/// Bytes of requests.
pub(super) const BYTES_IN: Chart = Chart {
    title: "Bytes of requests in /s",
    scope: ", all heads",
    short: "in",
    series: &["requests.bytes_in"],
    now: |hydra| Some(hydra.status.rates_1m.as_ref()?.bytes_in),
    label: si,
    beside: |_, hydra, _| of_scout(hydra, |asked| asked.bytes_in_per_second),
    ..CRAWL
};

/// Bytes of replies.
pub(super) const BYTES_OUT: Chart = Chart {
    title: "Bytes of replies out /s",
    short: "out",
    series: &["requests.bytes_out"],
    now: |hydra| Some(hydra.status.rates_1m.as_ref()?.bytes_out),
    beside: |_, hydra, _| of_scout(hydra, |asked| asked.bytes_out_per_second),
    ..BYTES_IN
};

/// What the scout has beside the heads.
fn of_scout(hydra: &Hydra, bytes: fn(&AskedTraffic) -> f64) -> Vec<String> {
    let sum = |asked: &Vec<AskedTraffic>| asked.iter().map(bytes).sum::<f64>();
    hydra.feeds.traffic().map(|traffic| format!("scout {}", si(sum(&traffic.asked)))).into_iter().collect()
}
