//! The keys that are asked for most.

use data_encoding::HEXLOWER;
use hydra_protocol::v1::AskedKey;

use super::{Column, Rank, Table};
use crate::output::text::short_cid;
use crate::tui::number::{count, percent};

/// A key and its rank.
#[derive(Clone, Debug, PartialEq)]
pub struct Popular {
    /// From 1 on.
    pub rank: u32,
    /// The key.
    pub key: AskedKey,
}

impl Popular {
    /// Which row it is.
    #[must_use]
    pub fn id(&self) -> String {
        HEXLOWER.encode(&self.key.multihash)
    }

    /// As one types it: a CID, else the place of the key.
    #[must_use]
    pub fn text(&self) -> String {
        if self.key.cid_raw.is_empty() { HEXLOWER.encode(&self.key.key) } else { self.key.cid_raw.clone() }
    }

    /// Share of the requests that found nobody; `None` when none was counted for certain.
    fn missed(&self) -> Option<f64> {
        let certain = self.key.requests.saturating_sub(self.key.requests_error);
        (certain > 0).then(|| self.key.missed as f64 / certain as f64)
    }

    fn requests(&self) -> String {
        let about = if self.key.requests_error > 0 { "≈ " } else { "" };
        format!("{about}{}", count(self.key.requests))
    }

    fn place(&self) -> String {
        let hex = HEXLOWER.encode(&self.key.key);
        format!("{}…", hex.get(..12).unwrap_or(&hex))
    }
}

/// One row a key.
pub const POPULAR: Table<Popular> = Table {
    id: Popular::id,
    columns: &[
        Column {
            title: "#",
            cells: 3,
            to_right: true,
            text: |one| one.rank.to_string(),
            rank: |one| Rank::Least(f64::from(one.rank)),
        },
        Column {
            title: "CID (RAW CODEC)",
            cells: 15,
            to_right: false,
            text: |one| {
                if one.key.cid_raw.is_empty() { "no multihash".into() } else { short_cid(&one.key.cid_raw) }
            },
            rank: |one| Rank::Text(one.key.cid_raw.clone()),
        },
        Column {
            title: "KEY",
            cells: 13,
            to_right: false,
            text: Popular::place,
            rank: |one| Rank::Text(HEXLOWER.encode(&one.key.key)),
        },
        Column {
            title: "REQUESTS",
            cells: 10,
            to_right: true,
            text: Popular::requests,
            rank: |one| Rank::Most(one.key.requests as f64),
        },
        Column {
            title: "MISSED",
            cells: 6,
            to_right: true,
            text: |one| one.missed().map_or_else(|| "—".to_owned(), percent),
            rank: |one| Rank::most(one.missed()),
        },
        Column {
            title: "PROVIDERS",
            cells: 9,
            to_right: true,
            text: |one| count(one.key.providers),
            rank: |one| Rank::Most(one.key.providers as f64),
        },
    ],
};
