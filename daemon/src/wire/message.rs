//! One DHT message, read in place: nothing is copied and nothing grows with what a
//! stranger puts into it (schema: kad-dht `pb/dht.proto`, go-libp2p-record `pb/record.proto`).

use libp2p::PeerId;

use super::addrs::AddrList;
use super::bounds::{MAX_PEER_ID, MAX_PEER_RECORD};
use super::field::{Fields, Malformed, Value, put_bytes, put_number, put_varint, varint_len};

/// What a message asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    PutValue = 0,
    GetValue = 1,
    AddProvider = 2,
    GetProviders = 3,
    FindNode = 4,
    Ping = 5,
}

impl Kind {
    pub const ALL: [Self; 6] =
        [Self::PutValue, Self::GetValue, Self::AddProvider, Self::GetProviders, Self::FindNode, Self::Ping];

    /// As the schema spells it.
    #[must_use]
    pub fn name(self) -> &'static str {
        ["PUT_VALUE", "GET_VALUE", "ADD_PROVIDER", "GET_PROVIDERS", "FIND_NODE", "PING"][self as usize]
    }
}

/// A message, borrowing the frame it was read from. A field given twice: the last wins;
/// `record` given twice is merged, as proto3 has it.
#[derive(Debug, Clone, Copy)]
pub struct Message<'a> {
    /// `None` for a type this protocol does not have.
    pub kind: Option<Kind>,
    pub key: &'a [u8],
    pub record: Option<Record<'a>>,
    /// `clusterLevelRaw`; see [`reply_cluster_level`].
    pub cluster_level_raw: i32,
    raw: &'a [u8],
}

/// The value record in a message.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Record<'a> {
    pub key: &'a [u8],
    pub value: &'a [u8],
}

/// A peer in a message; its addresses are read on demand.
#[derive(Debug, Clone, Copy)]
pub struct Peer<'a> {
    pub id: &'a [u8],
    raw: &'a [u8],
}

const RECORD: u32 = 3;
const CLOSER_PEERS: u32 = 8;
const PROVIDER_PEERS: u32 = 9;

impl<'a> Message<'a> {
    /// Reads a frame's body.
    ///
    /// # Errors
    /// When it is not a message: the stream is then reset, for there is no error reply.
    pub fn read(raw: &'a [u8]) -> Result<Self, Malformed> {
        let mut kind = 0;
        let mut message = Self { kind: None, key: &[], record: None, cluster_level_raw: 0, raw };
        for field in Fields::new(raw) {
            let field = field?;
            match (field.number, field.value) {
                (1, Value::Varint(value)) => kind = value as i32,
                (2, Value::Bytes(key)) => message.key = key,
                (RECORD, Value::Bytes(record)) => {
                    message.record = Some(Record::read(record, message.record.unwrap_or_default())?);
                }
                (CLOSER_PEERS | PROVIDER_PEERS, Value::Bytes(peer)) => {
                    for field in Fields::new(peer) {
                        field?;
                    }
                }
                (10, Value::Varint(level)) => message.cluster_level_raw = level as i32,
                _ => {}
            }
        }
        message.kind = usize::try_from(kind).ok().and_then(|kind| Kind::ALL.get(kind).copied());
        Ok(message)
    }

    /// `providerPeers`, in order.
    pub fn provider_peers(&self) -> impl Iterator<Item = Peer<'a>> {
        self.peers(PROVIDER_PEERS)
    }

    /// `closerPeers`, in order.
    pub fn closer_peers(&self) -> impl Iterator<Item = Peer<'a>> {
        self.peers(CLOSER_PEERS)
    }

    fn peers(&self, wanted: u32) -> impl Iterator<Item = Peer<'a>> {
        Fields::new(self.raw).flatten().filter_map(move |field| match field.value {
            Value::Bytes(raw) if field.number == wanted => Some(Peer::new(raw)),
            _ => None,
        })
    }

    /// The request as it came, unknown fields too, without its peers: what PING and
    /// PUT_VALUE answer (kad-dht `handlers.go`, `stripPeerRecords`).
    #[must_use]
    pub fn echo(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.raw.len());
        for field in Fields::new(self.raw).flatten() {
            let peers = matches!(field.number, CLOSER_PEERS | PROVIDER_PEERS);
            if !(peers && matches!(field.value, Value::Bytes(_))) {
                out.extend_from_slice(field.raw);
            }
        }
        out
    }
}

impl<'a> Record<'a> {
    fn read(raw: &'a [u8], mut record: Self) -> Result<Self, Malformed> {
        for field in Fields::new(raw) {
            let field = field?;
            match (field.number, field.value) {
                (1, Value::Bytes(key)) => record.key = key,
                (2, Value::Bytes(value)) => record.value = value,
                // timeReceived is a proto3 string
                (5, Value::Bytes(time)) => {
                    std::str::from_utf8(time).map_err(|_| Malformed)?;
                }
                _ => {}
            }
        }
        Ok(record)
    }
}

impl<'a> Peer<'a> {
    fn new(raw: &'a [u8]) -> Self {
        let mut id: &[u8] = &[];
        for field in Fields::new(raw).flatten() {
            if let (1, Value::Bytes(bytes)) = (field.number, field.value) {
                id = bytes;
            }
        }
        Self { id, raw }
    }

    /// The id, when it is one.
    #[must_use]
    pub fn peer_id(&self) -> Option<PeerId> {
        (self.id.len() <= MAX_PEER_ID).then(|| PeerId::from_bytes(self.id).ok()).flatten()
    }

    /// Raw multiaddrs until id and addresses pass [`MAX_PEER_RECORD`]; the rest is left out,
    /// as Go does (`boundPeerRecordAddrs`).
    pub fn addrs(&self) -> impl Iterator<Item = &'a [u8]> {
        let mut room = MAX_PEER_RECORD.saturating_sub(self.id.len());
        Fields::new(self.raw)
            .flatten()
            .filter_map(|field| match (field.number, field.value) {
                (2, Value::Bytes(addr)) => Some(addr),
                _ => None,
            })
            .take_while(move |addr| {
                let fits = addr.len() <= room;
                room = room.saturating_sub(addr.len());
                fits
            })
    }
}

/// The `clusterLevelRaw` of a reply: Go reads raw − 1, clamped at 0, and writes level + 1.
#[must_use]
pub fn reply_cluster_level(raw: i32) -> i32 {
    raw.max(1)
}

/// A message being written, behind room for its length prefix: one buffer, one write.
#[derive(Debug)]
pub struct Reply {
    out: Vec<u8>,
}

/// Room for the prefix of a message of up to [`super::bounds::MAX_MESSAGE`] bytes.
const PREFIX_ROOM: usize = 4;

impl Reply {
    /// Starts a message. `key` may be empty and is then left out.
    #[must_use]
    pub fn new(kind: Kind, key: &[u8], cluster_level_raw: i32) -> Self {
        let mut out = Vec::with_capacity(4096);
        out.extend_from_slice(&[0; PREFIX_ROOM]);
        put_number(&mut out, 1, kind as u64);
        if !key.is_empty() {
            put_bytes(&mut out, 2, key);
        }
        put_number(&mut out, 10, cluster_level_raw as u64);
        Self { out }
    }

    /// A message that is already encoded.
    #[must_use]
    pub fn of(body: &[u8]) -> Self {
        let mut out = Vec::with_capacity(PREFIX_ROOM + body.len());
        out.extend_from_slice(&[0; PREFIX_ROOM]);
        out.extend_from_slice(body);
        Self { out }
    }

    /// Bytes of the message so far.
    #[must_use]
    pub fn body_len(&self) -> usize {
        self.out.len() - PREFIX_ROOM
    }

    /// `record`, with `timeReceived` as RFC 3339 text.
    pub fn record(&mut self, key: &[u8], value: &[u8], time_received: &str) {
        let mut record = Vec::with_capacity(key.len() + value.len() + time_received.len() + 16);
        put_bytes(&mut record, 1, key);
        put_bytes(&mut record, 2, value);
        if !time_received.is_empty() {
            put_bytes(&mut record, 5, time_received.as_bytes());
        }
        put_bytes(&mut self.out, RECORD, &record);
    }

    /// A closer peer from the bytes that [`encode_peer`] gave.
    pub fn closer_peer(&mut self, peer: &[u8]) {
        put_bytes(&mut self.out, CLOSER_PEERS, peer);
    }

    /// A provider; `false`, and nothing written, when the message would pass `limit` bytes.
    pub fn provider_peer(&mut self, id: &PeerId, addrs: &AddrList, limit: usize) -> bool {
        let id: &multihash_ref::Multihash = id.as_ref();
        let mut small = [0; MAX_PEER_ID];
        let Ok(id_len) = id.write(&mut small[..]) else { return false };
        let id = &small[..id_len];
        let len = peer_len(id, addrs);
        if self.body_len() + 1 + varint_len(len as u64) + len > limit {
            return false;
        }
        put_varint(&mut self.out, u64::from(PROVIDER_PEERS << 3 | 2));
        put_varint(&mut self.out, len as u64);
        put_bytes(&mut self.out, 1, id);
        self.out.extend_from_slice(addrs.as_fields());
        true
    }

    /// The frame: length prefix and message.
    #[must_use]
    pub fn into_frame(mut self) -> Frame {
        let mut rest = self.body_len();
        let start = PREFIX_ROOM - varint_len(rest as u64);
        for byte in &mut self.out[start..PREFIX_ROOM] {
            *byte = rest as u8 | 0x80;
            rest >>= 7;
        }
        self.out[PREFIX_ROOM - 1] &= 0x7f;
        Frame { bytes: self.out, start }
    }
}

/// A message ready for the stream.
#[derive(Debug, Clone)]
pub struct Frame {
    bytes: Vec<u8>,
    start: usize,
}

impl AsRef<[u8]> for Frame {
    fn as_ref(&self) -> &[u8] {
        &self.bytes[self.start..]
    }
}

/// A `Message.Peer` with these addresses.
#[must_use]
pub fn encode_peer(id: &PeerId, addrs: &AddrList) -> Box<[u8]> {
    let id = id.to_bytes();
    let mut out = Vec::with_capacity(peer_len(&id, addrs));
    put_bytes(&mut out, 1, &id);
    out.extend_from_slice(addrs.as_fields());
    out.into()
}

fn peer_len(id: &[u8], addrs: &AddrList) -> usize {
    1 + varint_len(id.len() as u64) + id.len() + addrs.as_fields().len()
}

/// The multihash type inside [`PeerId`].
mod multihash_ref {
    pub(super) type Multihash = cid::multihash::Multihash<64>;
}

#[cfg(test)]
#[path = "message_tests.rs"]
mod tests;
