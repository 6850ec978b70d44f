//! Columns of what is asked of the belly, and of whom it has most.

use super::{Column, Rank, Row, figure, words};
use crate::output::dto::{AskedKey, Region, TopProvider};
use crate::output::look::Look;
use crate::output::table::Cell;
use crate::output::text;

impl Row for AskedKey {
    const SCHEMA: &'static str = "hydra.v1/AskedKey";

    fn columns() -> &'static [Column<Self>] {
        ASKED
    }

    fn name(&self) -> &str {
        self.cid_raw.as_deref().unwrap_or(&self.multihash_hex)
    }
}

impl Row for TopProvider {
    const SCHEMA: &'static str = "hydra.v1/TopProvider";

    fn columns() -> &'static [Column<Self>] {
        PROVIDERS
    }

    fn name(&self) -> &str {
        &self.peer_id
    }
}

impl Row for Region {
    const SCHEMA: &'static str = "hydra.v1/Region";

    fn columns() -> &'static [Column<Self>] {
        REGIONS
    }

    fn name(&self) -> &str {
        &self.prefix_hex
    }
}

fn of(number: u64) -> Rank {
    Rank::Number(number as f64)
}

/// A share, with the digits that a count of this size has.
fn share(ratio: Option<f64>) -> Cell {
    ratio.map(|ratio| format!("{:.1} %", ratio * 100.0)).into()
}

fn addresses(all: &[String], look: &Look) -> Cell {
    match all {
        [first, ..] if look.terminal => text::host_port(first).into(),
        [] => None.into(),
        all => all.join(" ").into(),
    }
}

const ASKED: &[Column<AskedKey>] = &[
    figure("rank", "RANK", |key, look| look.count(key.rank).into(), |key| of(key.rank)),
    words(
        "cid",
        "CID (RAW CODEC)",
        |key, look| key.cid_raw.as_deref().map(|cid| look.cid(cid)).into(),
        |key| Rank::Text(key.cid_raw.clone().unwrap_or_default()),
    ),
    figure("requests", "REQUESTS", |key, look| look.count(key.requests).into(), |key| of(key.requests)),
    figure(
        "error",
        "TOO MANY BY UP TO",
        |key, look| look.count(key.requests_error).into(),
        |key| of(key.requests_error),
    ),
    figure("missed", "MISSED", |key, _| share(key.missed_ratio), |key| Rank::of(key.missed_ratio)),
    figure("providers", "PROVIDERS", |key, look| look.count(key.providers).into(), |key| of(key.providers)),
    Column {
        wide: true,
        ..words(
            "key",
            "KEY",
            |key, look| look.key(&key.key_hex, 12).into(),
            |key| Rank::Text(key.key_hex.clone()),
        )
    },
    Column {
        wide: true,
        ..words(
            "multihash",
            "MULTIHASH",
            |key, _| key.multihash_hex.clone().into(),
            |key| Rank::Text(key.multihash_hex.clone()),
        )
    },
];

const PROVIDERS: &[Column<TopProvider>] = &[
    figure("rank", "RANK", |row, look| look.count(row.rank).into(), |row| of(row.rank)),
    words(
        "provider",
        "PROVIDER",
        |row, look| look.id(&row.peer_id).into(),
        |row| Rank::Text(row.peer_id.clone()),
    ),
    figure("records", "RECORDS", |row, look| look.count(row.records).into(), |row| of(row.records)),
    figure("share", "SHARE", |row, _| share(row.share_ratio), |row| Rank::of(row.share_ratio)),
    words(
        "address",
        "ADDRESS",
        |row, look| addresses(&row.addresses, look),
        |row| Rank::Text(row.addresses.first().cloned().unwrap_or_default()),
    ),
];

const REGIONS: &[Column<Region>] = &[
    words(
        "prefix",
        "PREFIX",
        |region, _| region.prefix_hex.clone().into(),
        |region| Rank::Text(region.prefix_hex.clone()),
    ),
    figure("reads", "READS", |region, look| look.count(region.reads).into(), |region| of(region.reads)),
    figure("misses", "MISSES", |region, look| look.count(region.misses).into(), |region| of(region.misses)),
    figure(
        "missed",
        "MISSED",
        |region, _| share(region.missed_ratio),
        |region| Rank::of(region.missed_ratio),
    ),
    figure("writes", "WRITES", |region, look| look.count(region.writes).into(), |region| of(region.writes)),
];
