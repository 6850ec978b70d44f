//! The keys that are looked up, and those that wait.

use hydra_protocol::v1::PrefetchKey;

use super::{Column, Rank, Table, hex};
use crate::tui::number::short_cid;

/// One row a key: the oldest that is looked up first, then those that wait.
pub const PREFETCH_KEYS: Table<PrefetchKey> = Table {
    id: |key| hex(&key.key),
    columns: &[
        Column {
            title: "KEY",
            cells: 13,
            to_right: false,
            text: |key| format!("{}…", hex(key.key.get(..6).unwrap_or(&key.key))),
            rank: |key| {
                // as the daemon tells them: in flight, the oldest first; then what waits
                Rank::Most(key.age_seconds + if key.in_flight { 1e9 } else { 0.0 })
            },
        },
        Column {
            title: "CID (RAW CODEC)",
            cells: 15,
            to_right: false,
            text: |key| if key.cid_raw.is_empty() { "—".to_owned() } else { short_cid(&key.cid_raw) },
            rank: |key| Rank::Text(key.cid_raw.clone()),
        },
        Column {
            title: "AGE",
            cells: 6,
            to_right: true,
            text: |key| age(key.age_seconds),
            rank: |key| Rank::most(Some(key.age_seconds).filter(|age| age.is_finite())),
        },
        Column {
            title: "ASKED",
            cells: 5,
            to_right: true,
            text: |key| match key.in_flight {
                true => format!("{}+{}", key.peers_asked, key.routers_asked),
                false => "waits".to_owned(),
            },
            rank: |key| Rank::Most(f64::from(key.peers_asked) + f64::from(key.routers_asked)),
        },
        Column {
            title: "WAIT",
            cells: 4,
            to_right: true,
            text: |key| if key.joined == 0 { "·".to_owned() } else { key.joined.to_string() },
            rank: |key| Rank::Most(f64::from(key.joined)),
        },
        Column {
            title: "NEAR",
            cells: 10,
            to_right: false,
            text: |key| if key.nearest_head.is_empty() { "—".to_owned() } else { key.nearest_head.clone() },
            rank: |key| Rank::Text(key.nearest_head.clone()),
        },
    ],
};

fn age(seconds: f64) -> String {
    match seconds {
        0.0..100.0 => format!("{seconds:.1} s"),
        _ => crate::tui::number::span(seconds),
    }
}
