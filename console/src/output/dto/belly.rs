//! The belly as a whole, and what is asked of it.

use data_encoding::HEXLOWER;
use hydra_protocol::v1;
use serde::Serialize;

use super::{Drop, Moment, all_neutral, known, moment, number};
use crate::output::text::neutral;

/// Answer of `records stat`.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Belly {
    /// The daemon's clock.
    pub at: Option<Moment>,
    /// Provider records in force.
    pub records: u64,
    /// Distinct providers.
    pub providers: u64,
    /// IPNS records and public keys.
    pub values: u64,
    /// Accepted and not on disk yet.
    pub records_unsaved: u64,
    /// Size on disk.
    pub disk_bytes: u64,
    /// Null when there is no limit.
    pub disk_limit_bytes: Option<u64>,
    /// Memory of the index.
    pub index_bytes: u64,
    /// Of the last minute's commits; null when there was none.
    #[serde(serialize_with = "number::maybe")]
    pub commit_p99_seconds: Option<f64>,
    /// What a crash loses, at most.
    #[serde(serialize_with = "number::plain")]
    pub unsaved_max_seconds: f64,
    /// By the hour of the last announcement, the newest first.
    pub generations: Vec<Generation>,
    /// What was refused or lost, by reason, since the daemon's start.
    pub drops: Vec<Drop>,
    /// What is wrong; null when all is well.
    pub trouble: Option<String>,
    /// How far it is read; null when all is.
    pub warming: Option<BellyWarming>,
}

/// Records of one hour.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Generation {
    /// When the hour began.
    pub begins_at: Option<Moment>,
    /// Near our heads.
    pub near: bool,
    /// How many.
    pub records: u64,
    /// The disk did not take them.
    pub memory_only: bool,
}

/// How far the belly is read at the start.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct BellyWarming {
    /// Read.
    pub records: u64,
    /// About how many there are.
    pub records_expected: u64,
    /// Of the last 24 hours, which are read first.
    pub day_records: u64,
    /// About how many there are of these.
    pub day_records_expected: u64,
    /// The last 24 hours are read: heads may serve.
    pub day_read: bool,
    /// Null before it was measured.
    #[serde(serialize_with = "number::maybe")]
    pub records_per_second: Option<f64>,
    /// Until the last 24 hours are read.
    #[serde(serialize_with = "number::maybe")]
    pub day_left_seconds: Option<f64>,
    /// Until all is read.
    #[serde(serialize_with = "number::maybe")]
    pub left_seconds: Option<f64>,
}

/// A row of `records top`.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct AskedKey {
    /// From 1 on.
    pub rank: u64,
    /// The DHT key; in general a multihash, but strangers choose it.
    pub multihash_hex: String,
    /// CIDv1 with the raw codec; null when the key is no multihash.
    pub cid_raw: Option<String>,
    /// SHA-256 of the DHT key.
    pub key_hex: String,
    /// By a sketch: too great by at most the error. Older ones count less: all halve every hour.
    pub requests: u64,
    /// See there.
    pub requests_error: u64,
    /// Requests that found no provider, of those counted for certain.
    pub missed: u64,
    /// Their share; null when none was counted for certain.
    #[serde(serialize_with = "number::maybe")]
    pub missed_ratio: Option<f64>,
    /// That the belly has now.
    pub providers: u64,
}

/// A row of `records top --by providers`.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct TopProvider {
    /// From 1 on.
    pub rank: u64,
    /// Who.
    pub peer_id: String,
    /// How many.
    pub records: u64,
    /// Of all records; null when there are none.
    #[serde(serialize_with = "number::maybe")]
    pub share_ratio: Option<f64>,
    /// Where; empty when they lapsed.
    pub addresses: Vec<String>,
}

/// A row of `records top --regions`: 1/256 of the keyspace, since the daemon's start.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Region {
    /// First byte of the keys in it.
    pub prefix_hex: String,
    /// GET_PROVIDERS.
    pub reads: u64,
    /// Of these, those that found no provider.
    pub misses: u64,
    /// Their share; null when none came.
    #[serde(serialize_with = "number::maybe")]
    pub missed_ratio: Option<f64>,
    /// ADD_PROVIDER.
    pub writes: u64,
}

/// Answer of `records purge`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct PurgedRecords {
    /// Of a key; null when it was a provider's.
    pub multihash_hex: Option<String>,
    /// The same as CIDv1 with the raw codec.
    pub cid_raw: Option<String>,
    /// Of a provider; null when it was a key's.
    pub provider_peer_id: Option<String>,
    /// That were removed, or would be.
    pub records: u64,
    /// Nothing was removed.
    pub dry_run: bool,
}

fn ratio(part: u64, of: u64) -> Option<f64> {
    (of > 0).then(|| part as f64 / of as f64)
}

impl From<&v1::Belly> for Belly {
    fn from(belly: &v1::Belly) -> Self {
        Self {
            at: moment(belly.at),
            records: belly.records,
            providers: belly.providers,
            values: belly.values,
            records_unsaved: belly.records_unsaved,
            disk_bytes: belly.disk_bytes,
            disk_limit_bytes: (belly.disk_limit_bytes > 0).then_some(belly.disk_limit_bytes),
            index_bytes: belly.index_bytes,
            commit_p99_seconds: belly.commit_p99_seconds,
            unsaved_max_seconds: belly.unsaved_max_seconds,
            generations: belly
                .generations
                .iter()
                .map(|generation| Generation {
                    begins_at: moment(generation.begins_at),
                    near: generation.near,
                    records: generation.records,
                    memory_only: generation.memory_only,
                })
                .collect(),
            drops: belly
                .drops
                .iter()
                .map(|drop| Drop { reason: neutral(&drop.reason), count: drop.count })
                .collect(),
            trouble: known(&belly.trouble),
            warming: belly.warming.as_ref().map(BellyWarming::from),
        }
    }
}

impl From<&v1::BellyWarming> for BellyWarming {
    fn from(warming: &v1::BellyWarming) -> Self {
        Self {
            records: warming.records,
            records_expected: warming.records_expected,
            day_records: warming.day_records,
            day_records_expected: warming.day_records_expected,
            day_read: warming.day_read,
            records_per_second: warming.records_per_second,
            day_left_seconds: warming.day_left_seconds,
            left_seconds: warming.left_seconds,
        }
    }
}

impl AskedKey {
    /// The row at a rank.
    #[must_use]
    pub fn ranked(rank: u64, key: &v1::AskedKey) -> Self {
        Self {
            rank,
            multihash_hex: HEXLOWER.encode(&key.multihash),
            cid_raw: known(&key.cid_raw),
            key_hex: HEXLOWER.encode(&key.key),
            requests: key.requests,
            requests_error: key.requests_error,
            missed: key.missed,
            missed_ratio: ratio(key.missed, key.requests.saturating_sub(key.requests_error)),
            providers: key.providers,
        }
    }
}

impl TopProvider {
    /// The row at a rank, of so many records in all.
    #[must_use]
    pub fn ranked(rank: u64, provider: &v1::TopProvider, all: u64) -> Self {
        Self {
            rank,
            peer_id: neutral(&provider.peer_id),
            records: provider.records,
            share_ratio: ratio(provider.records, all),
            addresses: all_neutral(&provider.addresses),
        }
    }
}

impl From<&v1::Region> for Region {
    fn from(region: &v1::Region) -> Self {
        Self {
            prefix_hex: format!("{:02x}", region.prefix),
            reads: region.reads,
            misses: region.misses,
            missed_ratio: ratio(region.misses, region.reads),
            writes: region.writes,
        }
    }
}

impl PurgedRecords {
    /// What an answer says was purged, or would be.
    #[must_use]
    pub fn of(answer: &v1::PurgeRecordsResponse, dry_run: bool) -> Self {
        Self {
            multihash_hex: (!answer.multihash.is_empty()).then(|| HEXLOWER.encode(&answer.multihash)),
            cid_raw: known(&answer.cid_raw),
            provider_peer_id: known(&answer.provider),
            records: answer.records,
            dry_run,
        }
    }

    /// Whose records they are, as one types it.
    #[must_use]
    pub fn name(&self) -> &str {
        let names = [&self.provider_peer_id, &self.cid_raw, &self.multihash_hex];
        names.into_iter().flatten().next().map_or("", String::as_str)
    }
}
