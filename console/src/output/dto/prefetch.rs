//! Prefetching as JSON, CSV and tables tell it.

use data_encoding::HEXLOWER;
use hydra_protocol::v1;
use serde::Serialize;

use super::{Moment, known, moment, number};
use crate::output::text::neutral;

/// How prefetching is, as `prefetch status` prints it.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct PrefetchStatus {
    /// running, paused.
    pub state: &'static str,
    /// Null while it runs.
    pub paused_reason: Option<String>,
    /// Null: until it is resumed.
    pub paused_until_at: Option<Moment>,
    pub lookups: u64,
    pub lookups_limit: u64,
    pub waiting: u64,
    pub waiting_limit: u64,
    /// Null when none waits.
    #[serde(serialize_with = "number::maybe")]
    pub oldest_waiting_seconds: Option<f64>,
    /// Look-ups that may begin in a second.
    pub walks_per_second_limit: u32,
    /// Look-ups begun.
    pub walks_1m: u64,
    /// Since the start.
    pub walks_total: u64,
    /// Misses refused since the start: the asker had its share of the queue.
    pub refused_by_share: u64,
    /// … the queue was full because the walk budget was used up.
    pub refused_by_budget: u64,
    /// … the queue was full because all look-ups were busy.
    pub refused_by_room: u64,
    pub records_kept: u64,
    pub records_limit: u64,
    /// How long a record is served from the look-up that found it.
    #[serde(serialize_with = "number::plain")]
    pub keep_seconds: f64,
    pub misses_1m: u64,
    pub outcomes_1m: Outcomes,
    pub misses_10m: u64,
    pub outcomes_10m: Outcomes,
    /// Since the start.
    pub misses_total: u64,
    pub outcomes_total: Outcomes,
    pub sources: Vec<PrefetchSource>,
}

/// What became of misses: one number for each outcome.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Outcomes {
    pub found: u64,
    pub not_found: u64,
    pub timed_out: u64,
    pub source_failed: u64,
    pub refused_5m: u64,
    pub refused_1h: u64,
    pub queue_full: u64,
    pub not_ours: u64,
    pub joined: u64,
    pub paused: u64,
}

impl Outcomes {
    /// The ten, named as screens name them, in their order.
    #[must_use]
    pub fn named(&self) -> [(&'static str, u64); 10] {
        [
            ("found", self.found),
            ("not found", self.not_found),
            ("timed out", self.timed_out),
            ("source failed", self.source_failed),
            ("refused <5 min", self.refused_5m),
            ("refused <1 h", self.refused_1h),
            ("queue full", self.queue_full),
            ("not ours", self.not_ours),
            ("joined", self.joined),
            ("paused", self.paused),
        ]
    }
}

/// One place where keys are looked up.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct PrefetchSource {
    pub name: String,
    /// background, inline.
    pub mode: &'static str,
    #[serde(serialize_with = "number::plain")]
    pub deadline_seconds: f64,
    /// Why it is not asked at present; `None` while it is.
    pub trouble: Option<String>,
    pub asked_10m: u64,
    pub found_10m: u64,
    pub none_10m: u64,
    pub timed_out_10m: u64,
    pub failed_10m: u64,
    pub records_10m: u64,
    /// Found where no other source found anything.
    pub found_alone_10m: u64,
    #[serde(serialize_with = "number::maybe")]
    pub latency_p50_seconds: Option<f64>,
    #[serde(serialize_with = "number::maybe")]
    pub latency_p95_seconds: Option<f64>,
    #[serde(serialize_with = "number::maybe")]
    pub latency_p99_seconds: Option<f64>,
}

/// A key that waits or is looked up, as `prefetch queue` prints it.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct PrefetchKey {
    /// SHA-256 of the DHT key.
    pub key_hex: String,
    /// The DHT key; in general a multihash, but strangers choose it.
    pub multihash_hex: String,
    /// CIDv1 with the raw codec; null when the key is no multihash.
    pub cid_raw: Option<String>,
    /// in_flight, waiting.
    pub state: &'static str,
    /// Since its look-up began, or since it waits.
    #[serde(serialize_with = "number::plain")]
    pub age_seconds: f64,
    pub peers_asked: u32,
    pub routers_asked: u32,
    /// Later misses of the same key.
    pub joined: u32,
    /// Our head nearest to it; null without heads.
    pub nearest_head: Option<String>,
    /// A head is within the 2k closest known peers of the key.
    pub near: bool,
}

impl From<&v1::Prefetch> for PrefetchStatus {
    fn from(prefetch: &v1::Prefetch) -> Self {
        let of = |outcomes: Option<v1::Outcomes>| outcomes.unwrap_or_default();
        let (minute, ten_minutes, total) =
            (of(prefetch.outcomes_1m), of(prefetch.outcomes_10m), of(prefetch.outcomes_total));
        Self {
            state: match prefetch.state() {
                v1::PrefetchState::Unspecified => "unknown",
                v1::PrefetchState::Running => "running",
                v1::PrefetchState::Paused => "paused",
            },
            paused_reason: known(&prefetch.paused_reason),
            paused_until_at: moment(prefetch.paused_until),
            lookups: prefetch.lookups,
            lookups_limit: prefetch.lookups_limit,
            waiting: prefetch.waiting,
            waiting_limit: prefetch.waiting_limit,
            oldest_waiting_seconds: prefetch.oldest_waiting_seconds,
            walks_per_second_limit: prefetch.walks_per_second_limit,
            walks_1m: prefetch.walks_1m,
            walks_total: prefetch.walks_total,
            refused_by_share: prefetch.refused_by_share,
            refused_by_budget: prefetch.refused_by_budget,
            refused_by_room: prefetch.refused_by_room,
            records_kept: prefetch.records_kept,
            records_limit: prefetch.records_limit,
            keep_seconds: prefetch.keep_seconds,
            misses_1m: minute.misses,
            outcomes_1m: Outcomes::from(&minute),
            misses_10m: ten_minutes.misses,
            outcomes_10m: Outcomes::from(&ten_minutes),
            misses_total: total.misses,
            outcomes_total: Outcomes::from(&total),
            sources: prefetch.sources.iter().map(PrefetchSource::from).collect(),
        }
    }
}

impl From<&v1::Outcomes> for Outcomes {
    fn from(outcomes: &v1::Outcomes) -> Self {
        Self {
            found: outcomes.found,
            not_found: outcomes.not_found,
            timed_out: outcomes.timed_out,
            source_failed: outcomes.source_failed,
            refused_5m: outcomes.refused_5m,
            refused_1h: outcomes.refused_1h,
            queue_full: outcomes.queue_full,
            not_ours: outcomes.not_ours,
            joined: outcomes.joined,
            paused: outcomes.paused,
        }
    }
}

impl From<&v1::PrefetchSource> for PrefetchSource {
    fn from(source: &v1::PrefetchSource) -> Self {
        let counts = source.counts_10m.unwrap_or_default();
        Self {
            name: neutral(&source.name),
            mode: if source.inline { "inline" } else { "background" },
            deadline_seconds: source.deadline_seconds,
            trouble: (!source.trouble.is_empty()).then(|| neutral(&source.trouble)),
            asked_10m: counts.attempts,
            found_10m: counts.found,
            none_10m: counts.none,
            timed_out_10m: counts.timed_out,
            failed_10m: counts.failed,
            records_10m: counts.records,
            found_alone_10m: counts.found_alone,
            latency_p50_seconds: source.latency_p50_seconds,
            latency_p95_seconds: source.latency_p95_seconds,
            latency_p99_seconds: source.latency_p99_seconds,
        }
    }
}

impl From<&v1::PrefetchKey> for PrefetchKey {
    fn from(key: &v1::PrefetchKey) -> Self {
        Self {
            key_hex: HEXLOWER.encode(&key.key),
            multihash_hex: HEXLOWER.encode(&key.multihash),
            cid_raw: known(&key.cid_raw),
            state: if key.in_flight { "in_flight" } else { "waiting" },
            age_seconds: key.age_seconds,
            peers_asked: key.peers_asked,
            routers_asked: key.routers_asked,
            joined: key.joined,
            nearest_head: known(&key.nearest_head),
            near: key.near,
        }
    }
}
