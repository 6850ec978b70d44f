//! A head as JSON, CSV and tables tell it.

use data_encoding::HEXLOWER;
use hydra_protocol::v1;
use serde::Serialize;

use super::{Moment, all_neutral, known, moment, number};
use crate::output::text::neutral;

/// A head, as `heads list` and `heads show` print it.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Head {
    /// "head-" and the index.
    pub name: String,
    /// Index in the sequence of the seed.
    pub index: u32,
    /// Base58btc.
    pub peer_id: String,
    /// SHA-256 of the peer id.
    pub key_hex: String,
    /// starting, warming, serving, withdrawn, stopped, failed.
    pub state: &'static str,
    /// Why it does not serve; null when it does.
    pub state_reason: Option<String>,
    /// Multiaddrs that it announces, or listens on while it announces nothing.
    pub addresses: Vec<String>,
    /// IP group of the announced address; null for one that is not public.
    pub address_group: Option<String>,
    /// Connections now, opened by peers.
    pub connections_in: u64,
    /// Connections now, opened by the head.
    pub connections_out: u64,
    /// All six requests.
    #[serde(serialize_with = "number::maybe")]
    pub requests_per_second_1m: Option<f64>,
    /// ADD_PROVIDER.
    #[serde(serialize_with = "number::maybe")]
    pub add_provider_per_second_1m: Option<f64>,
    /// GET_PROVIDERS.
    #[serde(serialize_with = "number::maybe")]
    pub get_providers_per_second_1m: Option<f64>,
    /// FIND_NODE.
    #[serde(serialize_with = "number::maybe")]
    pub find_node_per_second_1m: Option<f64>,
    /// Bytes of DHT messages received.
    #[serde(serialize_with = "number::maybe")]
    pub in_bytes_per_second_1m: Option<f64>,
    /// Bytes of DHT messages sent.
    #[serde(serialize_with = "number::maybe")]
    pub out_bytes_per_second_1m: Option<f64>,
    /// Streams that were reset.
    #[serde(serialize_with = "number::maybe")]
    pub resets_per_second_1m: Option<f64>,
    /// Null while it does not serve.
    pub serving_since_at: Option<Moment>,
    /// When it was added.
    pub added_at: Option<Moment>,
    /// Of the servers nearest to it: how many list it; null before that was asked.
    pub presence_listed: Option<u32>,
    /// How many of them were asked.
    pub presence_asked: Option<u32>,
    /// Addresses at which peers tried to dial it; empty where that is not asked.
    pub reach: Vec<Reach>,
    /// The servers nearest to it, nearest first; `heads show` only.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub nearest: Vec<Neighbour>,
    /// Servers by their distance, the farthest first; `heads show` only.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub buckets: Vec<Bucket>,
    /// The rates as they came, for text.
    #[serde(skip)]
    pub rates: Option<v1::Rates>,
}

/// All requests a second.
pub(super) fn requests(rates: &v1::Rates) -> f64 {
    rates.find_node
        + rates.get_providers
        + rates.add_provider
        + rates.get_value
        + rates.put_value
        + rates.ping
}

/// The word of a state.
fn state(state: v1::HeadState) -> &'static str {
    match state {
        v1::HeadState::Unspecified => "unknown",
        v1::HeadState::Starting => "starting",
        v1::HeadState::Warming => "warming",
        v1::HeadState::Serving => "serving",
        v1::HeadState::Withdrawn => "withdrawn",
        v1::HeadState::Stopped => "stopped",
        v1::HeadState::Failed => "failed",
    }
}

impl Head {
    /// All words a state can have, for those who wait for one.
    pub const STATES: [&str; 6] = ["starting", "warming", "serving", "withdrawn", "stopped", "failed"];

    /// Connections now, both ways.
    #[must_use]
    pub fn connections(&self) -> u64 {
        self.connections_in + self.connections_out
    }
}

impl From<&v1::Head> for Head {
    fn from(head: &v1::Head) -> Self {
        let rates = head.rates_1m;
        Self {
            name: neutral(&head.name),
            index: head.index,
            peer_id: neutral(&head.peer_id),
            key_hex: HEXLOWER.encode(&head.key),
            state: state(head.state()),
            state_reason: known(&head.state_reason),
            addresses: all_neutral(&head.addresses),
            address_group: known(&head.address_group),
            connections_in: head.connections_in,
            connections_out: head.connections_out,
            requests_per_second_1m: rates.as_ref().map(requests),
            add_provider_per_second_1m: rates.map(|rates| rates.add_provider),
            get_providers_per_second_1m: rates.map(|rates| rates.get_providers),
            find_node_per_second_1m: rates.map(|rates| rates.find_node),
            in_bytes_per_second_1m: rates.map(|rates| rates.bytes_in),
            out_bytes_per_second_1m: rates.map(|rates| rates.bytes_out),
            resets_per_second_1m: rates.map(|rates| rates.resets),
            serving_since_at: moment(head.serving_since),
            added_at: moment(head.added_at),
            presence_listed: head.presence_listed,
            presence_asked: head.presence_asked,
            reach: head.reach.iter().map(Reach::from).collect(),
            nearest: head.nearest.iter().map(Neighbour::from).collect(),
            buckets: head.buckets.iter().map(Bucket::from).collect(),
            rates,
        }
    }
}

/// What is known of one address of a head.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Reach {
    /// Multiaddr.
    pub address: String,
    /// yes, no, unknown.
    pub reachable: &'static str,
    /// False: it is where peers see the head.
    pub configured: bool,
    /// Dials in a row that failed.
    pub failures: u32,
    /// The last answer.
    pub tried_at: Option<Moment>,
}

impl From<&v1::Reach> for Reach {
    fn from(reach: &v1::Reach) -> Self {
        Self {
            address: neutral(&reach.address),
            reachable: match reach.reachable() {
                v1::Reachable::Yes => "yes",
                v1::Reachable::No => "no",
                v1::Reachable::Unknown | v1::Reachable::Unspecified => "unknown",
            },
            configured: reach.configured,
            failures: reach.failures,
            tried_at: moment(reach.tried_at),
        }
    }
}

/// One of the servers nearest to a head.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Neighbour {
    /// 1 is the nearest.
    pub rank: u32,
    /// Base58btc.
    pub peer_id: String,
    /// Leading bits that it shares with the head.
    pub shared_bits: u32,
    /// yes, group_full, no_answer, not_yet, not_connected, not_asked.
    pub lists_us: &'static str,
    /// Which group is full, or why there was no answer.
    pub reason: Option<String>,
}

impl From<&v1::Neighbour> for Neighbour {
    fn from(neighbour: &v1::Neighbour) -> Self {
        Self {
            rank: neighbour.rank,
            peer_id: neutral(&neighbour.peer_id),
            shared_bits: neighbour.shared_bits,
            lists_us: match neighbour.lists_us() {
                v1::ListsUs::Yes => "yes",
                v1::ListsUs::GroupFull => "group_full",
                v1::ListsUs::NoAnswer => "no_answer",
                v1::ListsUs::NotYet => "not_yet",
                v1::ListsUs::NotConnected => "not_connected",
                v1::ListsUs::NotAsked | v1::ListsUs::Unspecified => "not_asked",
            },
            reason: known(&neighbour.reason),
        }
    }
}

/// Servers that share exactly so many bits with a head.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Bucket {
    /// Leading bits.
    pub bits: u32,
    /// In the routing table.
    pub known: u32,
    /// Of these, connected with the head.
    pub connected: u32,
}

impl From<&v1::Bucket> for Bucket {
    fn from(bucket: &v1::Bucket) -> Self {
        Self { bits: bucket.bits, known: bucket.known, connected: bucket.connected }
    }
}

/// An index that was given up.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct PurgedHead {
    /// The name the head had.
    pub name: String,
    /// The index that is free again.
    pub index: u32,
    /// The peer id that goes with the index.
    pub peer_id: String,
}
