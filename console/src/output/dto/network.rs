//! The network: its size, what of it the heads cover, and what a coverage takes.

use data_encoding::HEXLOWER;
use hydra_protocol::v1;
use serde::Serialize;

use super::{Moment, moment, number};
use crate::output::text::neutral_owned;

/// Answer of `network` and `network size`.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Network {
    /// The daemon's clock.
    pub at: Option<Moment>,
    /// DHT servers that the crawl counted, our heads left out; null until it was nearly everywhere.
    pub size_by_crawl: Option<u64>,
    /// One standard error.
    pub size_by_crawl_error: Option<u64>,
    /// Servers heard of, also those that do not answer.
    pub known: u64,
    /// When the first full crawl since the start was complete; null before.
    pub crawled_at: Option<Moment>,
    /// The same told by distances; null before there were enough lookups.
    pub size_by_distance: Option<u64>,
    /// One standard error.
    pub size_by_distance_error: Option<u64>,
    /// Lookups of random keys behind it, of the last two hours.
    pub lookups_sampled: u32,
    /// How far the two are apart, of the larger; null without both.
    #[serde(serialize_with = "number::maybe")]
    pub difference_ratio: Option<f64>,
    /// The two contradict each other; null without both.
    pub sizes_differ: Option<bool>,
    /// Servers in the routing table.
    pub peers_live: u64,
    /// Share of the servers that goes in a minute.
    #[serde(serialize_with = "number::maybe")]
    pub gone_per_minute_ratio: Option<f64>,
    /// Our heads.
    pub heads: u32,
    /// Share of keys with one of them among the 20 nearest servers; null while none is known.
    #[serde(serialize_with = "number::maybe")]
    pub coverage_ratio: Option<f64>,
    /// Counting each by the share of its neighbours that list it; null: not measured.
    #[serde(serialize_with = "number::maybe")]
    pub coverage_with_presence_ratio: Option<f64>,
    /// With other numbers of heads.
    pub coverage_with: Vec<CoverageWith>,
    /// Share of keys that have a reachable provider; null: not measured.
    #[serde(serialize_with = "number::maybe")]
    pub available_ratio: Option<f64>,
    /// Its standard error.
    #[serde(serialize_with = "number::maybe")]
    pub available_error_ratio: Option<f64>,
    /// Keys that were drawn for it.
    pub keys_sampled_24h: Option<u64>,
    /// Mean hops until lookups of the scout knew the nearest servers; 1: from the table.
    #[serde(serialize_with = "number::maybe")]
    pub lookup_hops: Option<f64>,
    /// The same for a client that starts from a Kademlia table of its own.
    #[serde(serialize_with = "number::maybe")]
    pub client_hops: Option<f64>,
    /// The same when it asks one of our heads first.
    #[serde(serialize_with = "number::maybe")]
    pub client_hops_with_head: Option<f64>,
    /// The IP groups that our serving heads are in.
    pub head_groups: Vec<HeadGroup>,
}

/// Our heads in one IP group.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct HeadGroup {
    /// "203.0.0.0/16".
    pub group: String,
    /// Our heads in it.
    pub heads: u32,
    /// Of these, with measured presence.
    pub measured: u32,
    /// Of these, listed by at least half of their nearest servers.
    pub admitted: u32,
    /// Servers near to these heads for which the group is full.
    pub full: u32,
}

impl From<&v1::HeadGroup> for HeadGroup {
    fn from(group: &v1::HeadGroup) -> Self {
        let v1::HeadGroup { group, heads, measured, admitted, full } = group.clone();
        Self { group: neutral_owned(group), heads, measured, admitted, full }
    }
}

/// Answer of `network coverage`.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Coverage {
    /// Our heads.
    pub heads: u32,
    /// Servers of the table, our heads left out.
    pub peers: u64,
    /// Share of keys with a head among the 20 nearest servers; null while none is known.
    #[serde(serialize_with = "number::maybe")]
    pub coverage_ratio: Option<f64>,
    /// Counting each by the share of its neighbours that list it; null: not measured.
    #[serde(serialize_with = "number::maybe")]
    pub coverage_with_presence_ratio: Option<f64>,
    /// With other numbers of heads.
    pub coverage_with: Vec<CoverageWith>,
}

/// Coverage with another number of heads, ids left to chance.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct CoverageWith {
    /// In all.
    pub heads: u32,
    /// Share of keys.
    #[serde(serialize_with = "number::plain")]
    pub coverage_ratio: f64,
}

/// Answer of `network plan`.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct CoveragePlan {
    /// Wanted.
    #[serde(serialize_with = "number::plain")]
    pub coverage_ratio: f64,
    /// Our heads.
    pub heads: u32,
    /// Today's network, and made-up ones of 10 K, 100 K and 1 M servers without heads.
    pub networks: Vec<PlannedNetwork>,
    /// Where heads are missing in today's; the first gains most.
    pub places: Vec<Place>,
    /// Also those that are not told.
    pub places_total: u64,
}

/// What a network takes.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct PlannedNetwork {
    /// Its servers.
    pub peers: u64,
    /// It is the one there is.
    pub today: bool,
    /// Without new heads.
    #[serde(serialize_with = "number::plain")]
    pub coverage_ratio: f64,
    /// Heads missing when each is put where it gains most.
    pub heads_placed: u64,
    /// Heads missing when ids are left to chance.
    pub heads_by_chance: u64,
}

/// A place where a head is missing.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Place {
    /// From 1 on.
    pub rank: u64,
    /// First digits of the keys there, as `heads add --near` takes them.
    pub near_hex: String,
    /// Leading bits that count.
    pub bits: u32,
    /// Share of all keys that a head there adds.
    #[serde(serialize_with = "number::plain")]
    pub gain_ratio: f64,
}

fn whole(number: Option<f64>) -> Option<u64> {
    number.filter(|number| number.is_finite()).map(|number| number.round().max(0.0) as u64)
}

impl From<&v1::Network> for Network {
    fn from(network: &v1::Network) -> Self {
        let coverage = Coverage::from(&network.coverage.clone().unwrap_or_default());
        let both = network.size_by_crawl.zip(network.size_by_distance);
        Self {
            at: moment(network.at),
            size_by_crawl: whole(network.size_by_crawl),
            size_by_crawl_error: whole(network.size_by_crawl_error),
            known: network.known,
            crawled_at: moment(network.crawled_at),
            size_by_distance: whole(network.size_by_distance),
            size_by_distance_error: whole(network.size_by_distance_error),
            lookups_sampled: network.lookups_sampled,
            difference_ratio: both.map(|(one, other)| (one - other).abs() / one.max(other).max(1.0)),
            sizes_differ: both.map(|_| network.sizes_differ),
            peers_live: network.peers_live,
            gone_per_minute_ratio: network.gone_per_minute_ratio,
            heads: coverage.heads,
            coverage_ratio: coverage.coverage_ratio,
            coverage_with_presence_ratio: coverage.coverage_with_presence_ratio,
            coverage_with: coverage.coverage_with,
            available_ratio: network.available_ratio,
            available_error_ratio: network.available_error_ratio,
            keys_sampled_24h: network.keys_sampled_24h,
            lookup_hops: network.lookup_hops,
            client_hops: network.client_hops,
            client_hops_with_head: network.client_hops_with_head,
            head_groups: network.head_groups.iter().map(HeadGroup::from).collect(),
        }
    }
}

impl From<&v1::Coverage> for Coverage {
    fn from(coverage: &v1::Coverage) -> Self {
        let with =
            coverage.with.iter().map(|with| CoverageWith { heads: with.heads, coverage_ratio: with.ratio });
        Self {
            heads: coverage.heads,
            peers: coverage.peers,
            coverage_ratio: coverage.ratio,
            coverage_with_presence_ratio: coverage.with_presence_ratio,
            coverage_with: with.collect(),
        }
    }
}

impl From<&v1::PlanCoverageResponse> for CoveragePlan {
    fn from(plan: &v1::PlanCoverageResponse) -> Self {
        let network = |one: &v1::PlannedNetwork| PlannedNetwork {
            peers: one.peers,
            today: one.today,
            coverage_ratio: one.coverage,
            heads_placed: one.heads_placed,
            heads_by_chance: one.heads_by_chance,
        };
        Self {
            coverage_ratio: plan.coverage,
            heads: plan.heads,
            networks: plan.networks.iter().map(network).collect(),
            places: (1..).zip(&plan.places).map(|(rank, place)| Place::ranked(rank, place)).collect(),
            places_total: plan.places_total,
        }
    }
}

impl Place {
    fn ranked(rank: u64, place: &v1::PlannedPlace) -> Self {
        let digits = (place.bits as usize).div_ceil(4).max(1);
        let near_hex = HEXLOWER.encode(&place.key).chars().take(digits).collect();
        Self { rank, near_hex, bits: place.bits, gain_ratio: place.gain }
    }
}
