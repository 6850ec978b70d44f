//! The DHT's messages, written by hand after the public schema (kad-dht `pb/dht.proto`,
//! go-libp2p-record `pb/record.proto`).
//!
//! Owns the shapes, the requests that the generator and the light peers send, and
//! [`Glance`], a look at a reply that parses no peer. On purpose it shares nothing with
//! `hydrad::wire`: two implementations of one schema check each other.

use bytes::Bytes;
use prost::Message as _;

/// `Message.MessageType`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, prost::Enumeration)]
#[repr(i32)]
pub enum Kind {
    PutValue = 0,
    GetValue = 1,
    AddProvider = 2,
    GetProviders = 3,
    FindNode = 4,
    Ping = 5,
}

/// `Message`.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Message {
    #[prost(enumeration = "Kind", tag = "1")]
    pub kind: i32,
    #[prost(bytes = "bytes", tag = "2")]
    pub key: Bytes,
    #[prost(message, optional, tag = "3")]
    pub record: Option<Record>,
    #[prost(message, repeated, tag = "8")]
    pub closer: Vec<Peer>,
    #[prost(message, repeated, tag = "9")]
    pub providers: Vec<Peer>,
    #[prost(int32, tag = "10")]
    pub cluster_level: i32,
}

/// `Message.Peer`.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct Peer {
    #[prost(bytes = "bytes", tag = "1")]
    pub id: Bytes,
    #[prost(bytes = "bytes", repeated, tag = "2")]
    pub addrs: Vec<Bytes>,
    /// `ConnectionType`; 1 is "connected".
    #[prost(int32, tag = "3")]
    pub connection: i32,
}

/// `Record`.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct Record {
    #[prost(bytes = "bytes", tag = "1")]
    pub key: Bytes,
    #[prost(bytes = "bytes", tag = "2")]
    pub value: Bytes,
    #[prost(string, tag = "5")]
    pub time_received: String,
}

impl Message {
    /// An empty message of a kind about a key.
    #[must_use]
    pub fn new(kind: Kind, key: impl Into<Bytes>) -> Self {
        Self { kind: kind as i32, key: key.into(), ..Self::default() }
    }

    /// An announcement: `provider` has `key`.
    #[must_use]
    pub fn announce(key: impl Into<Bytes>, provider: Peer) -> Self {
        Self { providers: vec![provider], ..Self::new(Kind::AddProvider, key) }
    }

    /// A PUT_VALUE of `value` under `key`.
    #[must_use]
    pub fn put(key: impl Into<Bytes>, value: impl Into<Bytes>) -> Self {
        let key = key.into();
        let record = Record { key: key.clone(), value: value.into(), time_received: String::new() };
        Self { record: Some(record), ..Self::new(Kind::PutValue, key) }
    }

    /// The message behind its length, as it goes on a stream.
    #[must_use]
    pub fn framed(&self) -> Vec<u8> {
        self.encode_length_delimited_to_vec()
    }
}

/// What the generator wants to know of a reply: its kind and how much is in it.
///
/// Walks the top level only, so that the client's CPU stays small beside the server's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Glance {
    /// `None` when the number is none of [`Kind`].
    pub kind: Option<Kind>,
    pub closer: u32,
    pub providers: u32,
    pub has_record: bool,
}

impl Glance {
    /// `None` when the bytes are no protobuf message.
    #[must_use]
    pub fn at(mut body: &[u8]) -> Option<Self> {
        let (mut kind, mut closer, mut providers, mut has_record) = (0_u64, 0, 0, false);
        while !body.is_empty() {
            let key = varint(&mut body)?;
            match (key >> 3, key & 7) {
                (1, 0) => kind = varint(&mut body)?,
                (_, 0) => _ = varint(&mut body)?,
                (field, 2) => {
                    let len = usize::try_from(varint(&mut body)?).ok()?;
                    body = body.get(len..)?;
                    match field {
                        3 => has_record = true,
                        8 => closer += 1,
                        9 => providers += 1,
                        _ => {}
                    }
                }
                (_, 1) => body = body.get(8..)?,
                (_, 5) => body = body.get(4..)?,
                _ => return None,
            }
        }
        let kind = i32::try_from(kind).ok().and_then(|k| Kind::try_from(k).ok());
        Some(Self { kind, closer, providers, has_record })
    }
}

fn varint(bytes: &mut &[u8]) -> Option<u64> {
    let (value, rest) = unsigned_varint::decode::u64(bytes).ok()?;
    *bytes = rest;
    Some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_glance_counts_what_a_reply_holds() {
        let peer =
            Peer { id: Bytes::from_static(b"id"), addrs: vec![Bytes::from_static(b"addr")], connection: 1 };
        let mut message = Message::announce(&b"key"[..], peer.clone());
        message.closer = vec![peer.clone(), peer];
        message.cluster_level = -3;
        let glance = Glance::at(&message.encode_to_vec()).expect("a message");
        let expected = Glance { kind: Some(Kind::AddProvider), closer: 2, providers: 1, has_record: false };
        assert_eq!(glance, expected);
        let put = Message::put(&b"key"[..], &b"value"[..]).encode_to_vec();
        assert!(Glance::at(&put).expect("a message").has_record);
    }

    #[test]
    fn a_glance_at_garbage_or_a_cut_message_is_none() {
        let put = Message::put(&b"key"[..], &b"value"[..]).encode_to_vec();
        assert_eq!(Glance::at(&put[..put.len() - 1]), None);
        assert_eq!(Glance::at(&[0xff; 12]), None);
        assert_eq!(Glance::at(&[0x0b]), None);
    }
}
