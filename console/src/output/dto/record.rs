//! A provider record.

use data_encoding::HEXLOWER;
use hydra_protocol::v1;
use jiff::Timestamp;
use serde::Serialize;

use super::{Moment, known_owned, moment, seconds};
use crate::output::text::neutral_owned;

/// A provider record, as `records list` and `records get` print it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Record {
    /// The DHT key; in general a multihash, but strangers choose it.
    pub multihash_hex: String,
    /// CIDv1 with the raw codec; null when the key is no multihash.
    pub cid_raw: Option<String>,
    /// SHA-256 of the DHT key.
    pub key_hex: String,
    /// Who has the content.
    pub provider_peer_id: String,
    /// announced, prefetched.
    pub source: &'static str,
    /// The head that accepted it; null when not known.
    pub head: Option<String>,
    /// One of our heads was near the key then.
    pub near: bool,
    /// When it was announced, or found; to the minute, rounded down.
    pub announced_at: Option<Moment>,
    /// How long ago that was.
    pub age_seconds: Option<i64>,
    /// How long it is still kept for certain; at the end up to an hour longer.
    pub ttl_seconds: Option<i64>,
    /// Where the provider is; empty when its addresses lapsed.
    pub addresses: Vec<String>,
    /// When the addresses lapse; null when there are none.
    pub addresses_expire_at: Option<Moment>,
    /// When the record is dropped, for text.
    #[serde(skip)]
    pub expires_at: Option<Moment>,
}

impl Record {
    /// The record as seen at a moment.
    #[must_use]
    pub fn at(record: v1::Record, now: Timestamp) -> Self {
        let announced_at = moment(record.announced_at);
        let expires_at = moment(record.expires_at);
        let source = match record.source() {
            v1::RecordSource::Unspecified => "unknown",
            v1::RecordSource::Announced => "announced",
            v1::RecordSource::Prefetched => "prefetched",
        };
        Self {
            multihash_hex: HEXLOWER.encode(&record.multihash),
            cid_raw: known_owned(record.cid_raw),
            key_hex: HEXLOWER.encode(&record.key),
            provider_peer_id: neutral_owned(record.provider_peer_id),
            source,
            head: known_owned(record.head),
            near: record.near,
            announced_at,
            age_seconds: seconds(now, announced_at).map(|ahead| (-ahead).max(0)),
            ttl_seconds: seconds(now, expires_at).map(|left| left.max(0)),
            addresses: record.addresses.into_iter().map(neutral_owned).collect(),
            addresses_expire_at: moment(record.addresses_expire_at),
            expires_at,
        }
    }
}
