//! Columns of what is known of the network, and of lookups in it.

use super::{Column, Rank, Row, figure, words};
use crate::output::dto::{CoverageWith, FetchedProvider, Network, Place};
use crate::output::look::Look;
use crate::output::table::Cell;
use crate::output::text;

impl Row for Network {
    const SCHEMA: &'static str = "hydra.v1/Network";

    fn columns() -> &'static [Column<Self>] {
        NETWORK
    }

    fn name(&self) -> &str {
        "network"
    }
}

impl Row for CoverageWith {
    const SCHEMA: &'static str = "hydra.v1/CoverageWith";

    fn columns() -> &'static [Column<Self>] {
        WITH
    }

    fn name(&self) -> &str {
        "coverage"
    }
}

impl Row for Place {
    const SCHEMA: &'static str = "hydra.v1/PlannedPlace";

    fn columns() -> &'static [Column<Self>] {
        PLACES
    }

    fn name(&self) -> &str {
        &self.near_hex
    }
}

impl Row for FetchedProvider {
    const SCHEMA: &'static str = "hydra.v1/FetchedProvider";

    fn columns() -> &'static [Column<Self>] {
        FETCHED
    }

    fn name(&self) -> &str {
        &self.provider_peer_id
    }
}

fn number(number: Option<u64>, look: &Look) -> Cell {
    number.map(|number| look.count(number)).into()
}

fn of(number: Option<u64>) -> Rank {
    Rank::of(number.map(|number| number as f64))
}

const NETWORK: &[Column<Network>] = &[
    figure("crawl", "BY CRAWL", |row, look| number(row.size_by_crawl, look), |row| of(row.size_by_crawl)),
    figure("known", "KNOWN", |row, look| look.count(row.known).into(), |row| of(Some(row.known))),
    figure(
        "distance",
        "BY DISTANCE",
        |row, look| number(row.size_by_distance, look),
        |row| of(row.size_by_distance),
    ),
    figure(
        "error",
        "± PEERS",
        |row, look| number(row.size_by_distance_error, look),
        |row| of(row.size_by_distance_error),
    ),
    figure(
        "heads",
        "HEADS",
        |row, look| look.count(row.heads.into()).into(),
        |row| of(Some(row.heads.into())),
    ),
    figure(
        "coverage",
        "COVERAGE",
        |row, _| row.coverage_ratio.map(text::percent).into(),
        |row| Rank::of(row.coverage_ratio),
    ),
];

const WITH: &[Column<CoverageWith>] = &[
    figure(
        "heads",
        "HEADS",
        |row, look| look.count(row.heads.into()).into(),
        |row| of(Some(row.heads.into())),
    ),
    figure(
        "coverage",
        "COVERAGE",
        |row, _| text::percent(row.coverage_ratio).into(),
        |row| Rank::Number(row.coverage_ratio),
    ),
];

const PLACES: &[Column<Place>] = &[
    figure("rank", "RANK", |row, look| look.count(row.rank).into(), |row| of(Some(row.rank))),
    words("near", "NEAR", |row, _| row.near_hex.clone().into(), |row| Rank::Text(row.near_hex.clone())),
    figure("bits", "BITS", |row, _| row.bits.to_string().into(), |row| of(Some(row.bits.into()))),
    figure(
        "gain",
        "GAIN",
        |row, _| format!("{:.3} %", row.gain_ratio * 100.0).into(),
        |row| Rank::Number(row.gain_ratio),
    ),
];

const FETCHED: &[Column<FetchedProvider>] = &[
    words(
        "provider",
        "PROVIDER",
        |row, look| look.id(&row.provider_peer_id).into(),
        |row| Rank::Text(row.provider_peer_id.clone()),
    ),
    figure(
        "after",
        "AFTER",
        |row, _| format!("{:>7}", text::latency(row.after_seconds)).into(),
        |row| Rank::Number(row.after_seconds),
    ),
    figure("hop", "HOP", |row, _| row.hop.to_string().into(), |row| of(Some(row.hop.into()))),
    words(
        "from",
        "FROM",
        |row, look| look.id(&row.from_peer_id).into(),
        |row| Rank::Text(row.from_peer_id.clone()),
    ),
    // All of them: they are what one looks a provider up for.
    words(
        "addresses",
        "ADDRESSES",
        |row, _| (!row.addresses.is_empty()).then(|| row.addresses.join(" ")).into(),
        |row| of(Some(row.addresses.len() as u64)),
    ),
];
