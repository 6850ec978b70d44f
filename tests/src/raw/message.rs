//! The DHT's messages after the public schema (go-libp2p-kad-dht `pb/dht.proto`,
//! go-libp2p-record `pb/record.proto`), and their frame.

use libp2p::{Multiaddr, PeerId};
use prost::Message as _;

/// `Message.MessageType`, as numbers: tests send wrong ones too.
pub mod kind {
    /// Store a value.
    pub const PUT_VALUE: i32 = 0;
    /// Ask for a value.
    pub const GET_VALUE: i32 = 1;
    /// Announce oneself as a provider.
    pub const ADD_PROVIDER: i32 = 2;
    /// Ask for providers.
    pub const GET_PROVIDERS: i32 = 3;
    /// Ask for the peers closest to a key.
    pub const FIND_NODE: i32 = 4;
    /// Deprecated, still answered.
    pub const PING: i32 = 5;
}

/// A DHT message; `kind` is open, as proto3 enums are.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Message {
    /// One of [`kind`], or anything.
    #[prost(int32, tag = "1")]
    pub kind: i32,
    /// A multihash, a peer id or a value key.
    #[prost(bytes = "vec", tag = "2")]
    pub key: Vec<u8>,
    /// For values.
    #[prost(message, optional, tag = "3")]
    pub record: Option<Record>,
    /// The closest peers the answering one knows.
    #[prost(message, repeated, tag = "8")]
    pub closer: Vec<Peer>,
    /// Providers asked for or announced.
    #[prost(message, repeated, tag = "9")]
    pub providers: Vec<Peer>,
    /// Legacy: the level plus one.
    #[prost(int32, tag = "10")]
    pub cluster_level_raw: i32,
}

/// A peer in a message.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Peer {
    /// The id, binary.
    #[prost(bytes = "vec", tag = "1")]
    pub id: Vec<u8>,
    /// Binary multiaddrs.
    #[prost(bytes = "vec", repeated, tag = "2")]
    pub addrs: Vec<Vec<u8>>,
    /// What the sender knows of the connection.
    #[prost(int32, tag = "3")]
    pub connection: i32,
}

/// A value record.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Record {
    /// Must equal the message's key.
    #[prost(bytes = "vec", tag = "1")]
    pub key: Vec<u8>,
    /// The value; an IPNS record for `/ipns/` keys.
    #[prost(bytes = "vec", tag = "2")]
    pub value: Vec<u8>,
    /// RFC 3339, set by the receiver.
    #[prost(string, tag = "5")]
    pub time_received: String,
}

impl Message {
    /// A message of that kind about that key.
    #[must_use]
    pub fn new(kind: i32, key: impl Into<Vec<u8>>) -> Self {
        Self { kind, key: key.into(), ..Self::default() }
    }

    /// FIND_NODE for a peer id.
    #[must_use]
    pub fn find_node(id: PeerId) -> Self {
        Self::new(kind::FIND_NODE, id.to_bytes())
    }

    /// ADD_PROVIDER of `id` at `addrs` for `key`.
    #[must_use]
    pub fn add_provider(key: impl Into<Vec<u8>>, id: PeerId, addrs: &[Multiaddr]) -> Self {
        Self { providers: vec![Peer::new(id, addrs)], ..Self::new(kind::ADD_PROVIDER, key) }
    }

    /// PUT_VALUE of `value` under `key`.
    #[must_use]
    pub fn put_value(key: impl Into<Vec<u8>>, value: impl Into<Vec<u8>>) -> Self {
        let key = key.into();
        let record = Record { key: key.clone(), value: value.into(), time_received: String::new() };
        Self { record: Some(record), ..Self::new(kind::PUT_VALUE, key) }
    }

    /// The bytes that stand in a frame.
    #[must_use]
    pub fn bytes(&self) -> Vec<u8> {
        self.encode_to_vec()
    }
}

impl Peer {
    /// A peer with addresses.
    #[must_use]
    pub fn new(id: PeerId, addrs: &[Multiaddr]) -> Self {
        Self { id: id.to_bytes(), addrs: addrs.iter().map(Multiaddr::to_vec).collect(), connection: 0 }
    }

    /// The id, when it is one.
    #[must_use]
    pub fn peer_id(&self) -> Option<PeerId> {
        PeerId::from_bytes(&self.id).ok()
    }

    /// The addresses that parse.
    #[must_use]
    pub fn multiaddrs(&self) -> Vec<Multiaddr> {
        self.addrs.iter().filter_map(|raw| Multiaddr::try_from(raw.clone()).ok()).collect()
    }
}

/// Puts the unsigned-varint length before a message.
#[must_use]
pub fn frame(message: &[u8]) -> Vec<u8> {
    let mut buffer = unsigned_varint::encode::usize_buffer();
    let mut out = unsigned_varint::encode::usize(message.len(), &mut buffer).to_vec();
    out.extend_from_slice(message);
    out
}
