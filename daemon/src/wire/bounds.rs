//! Every bound of the DHT wire, with its source. Nothing else decides a size or a time there.

use std::time::Duration;

/// Largest message, in and out, without its length prefix (go-libp2p `network.MessageSizeMax`).
pub const MAX_MESSAGE: usize = 4 << 20;

/// Longest length prefix Go reads: `varint.ReadUvarint` takes at most 9 bytes, minimal form only.
pub const MAX_PREFIX: usize = 9;

/// Largest peer record taken from a message, id and addresses together (kad-dht `pb/message.go`).
pub const MAX_PEER_RECORD: usize = 8 << 10;

/// Longest peer id taken: an RSA or Ed25519 multihash has 34 to 42 bytes.
pub const MAX_PEER_ID: usize = 128;

/// Closer peers in a reply (`amino.DefaultBucketSize`, k).
pub const K: usize = 20;

/// Closer peers looked at in a reply to us (kad-dht #1270: 2 k).
pub const MAX_CLOSER_READ: usize = 2 * K;

/// Largest GET_PROVIDERS or FIND_NODE reply by default; `dht.reply_max` raises it to [`MAX_MESSAGE`].
pub const REPLY_MAX: usize = 64 << 10;

/// Largest reply to an agent of rust-libp2p, whose `kad` refuses more (libp2p-kad `protocol.rs`).
pub const REPLY_MAX_RUST: usize = 16 << 10;

/// Our own heads in one reply. More of one operator in a reply helps nobody.
pub const MAX_OWN_HEADS: usize = 2;

/// Inbound kad streams of one connection; the oldest idle one gives way (Go: 64 a peer).
pub const MAX_STREAMS: usize = 64;

/// A stream without a message for this long is reset (kad-dht `dhtStreamIdleTimeout`).
pub const STREAM_IDLE: Duration = Duration::from_secs(60);

/// A message must be whole this long after its first byte.
pub const MESSAGE_ARRIVAL: Duration = Duration::from_secs(20);

/// A request must be answered this long after it is whole (Go clients wait 10 s).
pub const REQUEST: Duration = Duration::from_secs(8);

/// How often a connection with open streams looks at the three times above.
pub const STREAM_CHECK: Duration = Duration::from_secs(4);

/// Requests waiting for one connection's outbound stream.
pub const MAX_OUTBOUND_QUEUE: usize = 32;

/// Time for one request of ours, stream opening included (Go: 10 s).
pub const OUTBOUND_REQUEST: Duration = Duration::from_secs(10);

/// Messages larger than this draw on the process-wide budget [`MAX_LARGE_TOTAL`].
pub const LARGE_MESSAGE: usize = 16 << 10;

/// Bytes of half-received messages larger than [`LARGE_MESSAGE`], over all heads.
pub const MAX_LARGE_TOTAL: usize = 64 << 20;
