//! Records of what is looked for: who has it, since when and until when.

use data_encoding::HEXLOWER;
use hydra_protocol::v1::{Record, RecordSource};

use super::{Column, Rank, Table};
use crate::output::text::{short_cid, span};
use crate::tui::number::{short_id, short_key};

/// A record beside the daemon's clock.
#[derive(Clone, Debug, PartialEq)]
pub struct Provider {
    /// Who has it.
    pub peer_id: String,
    /// SHA-256 of the key.
    pub key: Vec<u8>,
    /// What it has, as CIDv1 raw; empty when the key is no multihash.
    pub cid_raw: String,
    /// How we know.
    pub source: RecordSource,
    /// The head that took it; empty when not known.
    pub head: String,
    /// Seconds since it was announced.
    pub age: i64,
    /// Seconds that are left; 0 when its time is over.
    pub left: i64,
    /// Seconds from its announcement to its end.
    pub kept: i64,
    /// The first address; empty when they lapsed.
    pub address: String,
    /// Addresses beside the first.
    pub more: usize,
}

impl Provider {
    /// A record at a time, in Unix seconds.
    #[must_use]
    pub fn of(record: &Record, now: i64) -> Self {
        let announced = record.announced_at.map_or(now, |at| at.seconds);
        let expires = record.expires_at.map_or(now, |at| at.seconds);
        Self {
            peer_id: record.provider_peer_id.clone(),
            key: record.key.clone(),
            cid_raw: record.cid_raw.clone(),
            source: record.source(),
            head: record.head.clone(),
            age: now.saturating_sub(announced).max(0),
            left: expires.saturating_sub(now).max(0),
            kept: expires.saturating_sub(announced).max(0),
            address: record.addresses.first().cloned().unwrap_or_default(),
            more: record.addresses.len().saturating_sub(1),
        }
    }

    /// Which row it is.
    #[must_use]
    pub fn id(&self) -> String {
        format!("{} {}", self.peer_id, HEXLOWER.encode(&self.key))
    }

    /// The share of its time that is left.
    #[must_use]
    pub fn share_left(&self) -> f64 {
        if self.kept > 0 { self.left as f64 / self.kept as f64 } else { 0.0 }
    }

    fn source_word(&self) -> &'static str {
        match self.source {
            RecordSource::Announced => "announced",
            RecordSource::Prefetched => "prefetched",
            RecordSource::Unspecified => "unknown",
        }
    }

    fn how(&self) -> String {
        match (self.source, self.head.as_str()) {
            (RecordSource::Prefetched, _) => "looked up".to_owned(),
            (_, "") => "—".to_owned(),
            (_, head) => format!("to {head}"),
        }
    }

    fn address(&self) -> String {
        match (self.address.as_str(), self.more) {
            ("", _) => "— (older than 24 h)".to_owned(),
            (address, 0) => address.to_owned(),
            (address, more) => format!("{address} +{more}"),
        }
    }
}

/// The column that records are sorted by at first: those that stay longest come first.
pub const LEFT: usize = 6;

/// One row a record. The view draws a bar beside LEFT.
pub const PROVIDERS: Table<Provider> = Table {
    id: Provider::id,
    columns: &[
        Column {
            title: "PEER ID",
            cells: 12,
            to_right: false,
            text: |one| short_id(&one.peer_id),
            rank: |one| Rank::Text(one.peer_id.clone()),
        },
        Column {
            title: "KEY",
            cells: 4,
            to_right: false,
            text: |one| short_key(&one.key),
            rank: |one| Rank::Text(HEXLOWER.encode(&one.key)),
        },
        Column {
            title: "CID (RAW CODEC)",
            cells: 15,
            to_right: false,
            text: |one| if one.cid_raw.is_empty() { "—".to_owned() } else { short_cid(&one.cid_raw) },
            rank: |one| Rank::Text(one.cid_raw.clone()),
        },
        Column {
            title: "SOURCE",
            cells: 10,
            to_right: false,
            text: |one| one.source_word().to_owned(),
            rank: |one| Rank::Text(one.source_word().to_owned()),
        },
        Column {
            title: "HOW",
            cells: 10,
            to_right: false,
            text: Provider::how,
            rank: |one| Rank::Text(one.how()),
        },
        Column {
            title: "AGE",
            cells: 8,
            to_right: true,
            text: |one| span(one.age.unsigned_abs()),
            rank: |one| Rank::Least(one.age as f64),
        },
        Column {
            title: "LEFT",
            cells: 8,
            to_right: false,
            text: |one| span(one.left.unsigned_abs()),
            rank: |one| Rank::Most(one.left as f64),
        },
        Column {
            title: "ADDRESS (KEPT 24 h)",
            cells: 40,
            to_right: false,
            text: Provider::address,
            rank: |one| Rank::Text(one.address()),
        },
    ],
};
