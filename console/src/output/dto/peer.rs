//! A peer as JSON, CSV and tables tell it.

use data_encoding::HEXLOWER;
use hydra_protocol::v1;
use serde::Serialize;

use super::{Moment, all_neutral, known, moment, number};
use crate::output::text::neutral;

/// A peer, as `peers list` and `peers show` print it.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Peer {
    /// Text form of the peer id.
    pub peer_id: String,
    /// SHA-256 of the peer id.
    pub key_hex: String,
    /// As the peer says of itself; null before it did.
    pub agent: Option<String>,
    /// Multiaddrs; of a connected peer the remote address first.
    pub addresses: Vec<String>,
    /// Names of the heads it is connected to.
    pub connected_heads: Vec<String>,
    /// "in", "out"; null when not connected.
    pub direction: Option<&'static str>,
    /// "tcp", "quic"; null when not connected.
    pub transport: Option<String>,
    /// Last ping; null when not measured.
    #[serde(serialize_with = "number::maybe")]
    pub rtt_seconds: Option<f64>,
    /// ADD_PROVIDER messages in the last minute, all heads.
    #[serde(serialize_with = "number::plain")]
    pub add_provider_per_minute: f64,
    /// Last sign of life.
    pub seen_at: Option<Moment>,
    /// Our head that is nearest to the peer; null without heads.
    pub nearest_head: Option<String>,
    /// Bits the two keys have in common.
    pub shared_bits: u32,
    /// It is in the routing table.
    pub in_table: bool,
    /// Protocols of identify; empty when not identified.
    pub protocols: Vec<String>,
    /// How many heads there are, for text; not known to every list.
    #[serde(skip)]
    pub heads: Option<u32>,
}

impl From<&v1::Peer> for Peer {
    fn from(peer: &v1::Peer) -> Self {
        Self {
            peer_id: neutral(&peer.peer_id),
            key_hex: HEXLOWER.encode(&peer.key),
            agent: known(&peer.agent),
            addresses: all_neutral(&peer.addresses),
            connected_heads: all_neutral(&peer.connected_heads),
            direction: match peer.direction() {
                v1::Direction::Unspecified => None,
                v1::Direction::In => Some("in"),
                v1::Direction::Out => Some("out"),
            },
            transport: known(&peer.transport),
            rtt_seconds: peer.rtt_seconds,
            add_provider_per_minute: peer.add_provider_per_minute,
            seen_at: moment(peer.seen_at),
            nearest_head: known(&peer.nearest_head),
            shared_bits: peer.shared_bits,
            in_table: peer.in_table,
            protocols: all_neutral(&peer.protocols),
            heads: None,
        }
    }
}
