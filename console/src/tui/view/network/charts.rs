//! The charts of *Network*.

use hydra_protocol::v1::{AskedTraffic, ServedTraffic};

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

/// Bytes that come in: requests to the heads, and answers to the scout.
pub(super) const BYTES_IN: Chart = Chart {
    title: "Bytes in /s",
    short: "in",
    series: &["requests.bytes_in", "scout.bytes_in"],
    now: |hydra| Some(parts(hydra)?.0.iter().sum()),
    label: si,
    beside: |_, hydra, _| parts(hydra).map(|(come_in, _)| told(come_in)).into_iter().collect(),
    ..CRAWL
};

/// Bytes that go out: answers of the heads, and questions of the scout.
pub(super) const BYTES_OUT: Chart = Chart {
    title: "Bytes out /s",
    short: "out",
    series: &["requests.bytes_out", "scout.bytes_out"],
    now: |hydra| Some(parts(hydra)?.1.iter().sum()),
    beside: |_, hydra, _| parts(hydra).map(|(_, go_out)| told(go_out)).into_iter().collect(),
    ..BYTES_IN
};

/// Of the heads and of the scout, over the last minute: what comes in, and what goes out.
fn parts(hydra: &Hydra) -> Option<([f64; 2], [f64; 2])> {
    let traffic = hydra.feeds.traffic()?;
    let served = |bytes: fn(&ServedTraffic) -> f64| traffic.served.iter().map(bytes).sum::<f64>();
    let asked = |bytes: fn(&AskedTraffic) -> f64| traffic.asked.iter().map(bytes).sum::<f64>();
    let come_in = [served(|row| row.bytes_in_per_second), asked(|row| row.bytes_in_per_second)];
    let go_out = [served(|row| row.bytes_out_per_second), asked(|row| row.bytes_out_per_second)];
    Some((come_in, go_out))
}

fn told([heads, scout]: [f64; 2]) -> String {
    format!("heads {} · scout {}", si(heads), si(scout))
}
