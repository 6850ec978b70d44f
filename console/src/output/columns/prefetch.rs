//! Columns of the keys that are looked up. They come in the queue's order and are not sorted.

use super::{Column, Row, unranked};
use crate::output::dto::PrefetchKey;
use crate::output::look::Look;
use crate::output::table::Cell;
use crate::output::text;

impl Row for PrefetchKey {
    const SCHEMA: &'static str = "hydra.v1/PrefetchKey";

    fn columns() -> &'static [Column<Self>] {
        COLUMNS
    }

    fn name(&self) -> &str {
        self.cid_raw.as_deref().unwrap_or(&self.multihash_hex)
    }
}

const fn column(
    key: &'static str,
    title: &'static str,
    right: bool,
    cell: fn(&PrefetchKey, &Look) -> Cell,
) -> Column<PrefetchKey> {
    Column { right, ..unranked(key, title, cell) }
}

const COLUMNS: &[Column<PrefetchKey>] = &[
    column("key", "KEY", false, |key, look| look.key(&key.key_hex, 12).into()),
    column("cid", "CID (RAW CODEC)", false, |key, look| {
        key.cid_raw.as_deref().map(|cid| look.cid(cid)).into()
    }),
    column("state", "STATE", false, |key, _| key.state.replace('_', " ").into()),
    column("age", "AGE", true, |key, look| age(key.age_seconds, look).into()),
    // peers and routers, as far as it was asked at all
    column("asked", "ASKED", true, |key, _| match (key.state, key.routers_asked) {
        ("waiting", _) => None.into(),
        (_, 0) => key.peers_asked.to_string().into(),
        (_, routers) => format!("{}+{routers}", key.peers_asked).into(),
    }),
    column("wait", "WAIT", true, |key, look| look.count(key.joined.into()).into()),
    column("near", "NEAR", false, |key, _| key.nearest_head.clone().into()),
];

/// Tenths of a second as long as they matter.
pub(in crate::output) fn age(seconds: f64, look: &Look) -> String {
    if look.terminal && seconds >= 60.0 {
        return text::span(seconds as u64);
    }
    format!("{seconds:.1} s")
}
