//! Everything that was not done, by reason: nothing is dropped without being counted here.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

macro_rules! drops {
    ($($name:ident $text:literal $doc:literal,)*) => {
        /// Why something was not done. The texts are part of the API.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Drop { $(#[doc = $doc] $name,)* }

        impl Drop {
            /// Every reason.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// Name of the reason, as operators see it.
            #[must_use]
            pub fn reason(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }

            /// What the reason means.
            #[must_use]
            pub fn meaning(self) -> &'static str {
                match self { $(Self::$name => $doc,)* }
            }
        }
    };
}

drops! {
    ConnectionLimit "connection_limit" "A connection refused before its handshake: the process has as many as it may.",
    ConnectionPerIp "connection_per_ip" "A connection refused before its handshake: the public address has as many as one may.",
    HandshakeRate "handshake_rate" "A connection refused before its handshake: more came in a second than are taken.",
    HandshakeLimit "handshake_limit" "A connection refused before its handshake: as many are half open as may be.",
    FileLimit "file_limit" "A connection refused before its handshake: file descriptors are short.",
    MemoryLimit "memory_limit" "A connection refused before its handshake: memory is short.",
    ConnectionTrimmed "connection_trimmed" "A connection closed above the high-water mark: it was the least used.",
    StreamLimit "stream_limit" "The oldest idle stream of a connection, closed to make room for a new one.",
    StreamRefused "stream_refused" "A stream refused: its connection has 64 busy ones.",
    StreamIdle "stream_idle" "A stream closed after 60 s without a message.",
    MessageSlow "message_slow" "A stream reset: its message was not whole 20 s after the first byte.",
    MessageMemory "message_memory" "A stream reset: half-received large messages hold as much memory as they may.",
    MessageInvalid "message_invalid" "A stream reset: the bytes were not a message.",
    RequestRefused "request_refused" "A stream reset: the request broke a rule of its kind.",
    RequestTimeout "request_timeout" "A stream reset: its request was not answered in 8 s.",
    RequestWithdrawn "request_withdrawn" "A stream reset: the head no longer serves.",
    RecordInvalid "record_invalid" "A value record refused: signature, lifetime or form.",
    RecordOld "record_old" "A value record refused: a better one is here.",
    ValidationRate "validation_rate" "A value record refused unread: more came in a second than are checked.",
    RecordKeyFull "record_key_full" "A provider record not admitted: the key has all it may have.",
    RecordProviderFull "record_provider_full" "A provider record not admitted: the provider has its share of the belly.",
    RecordStoreFull "record_store_full" "A record not admitted: the belly is full.",
    RecordBehind "record_behind" "A record not admitted: the writer is behind.",
    RecordUnavailable "record_unavailable" "A record not admitted: the belly cannot be written.",
    ReplyCut "reply_cut" "A provider left out of a reply: the reply was full.",
    CandidateQueue "candidate_queue" "A peer not checked for the table: as many already wait.",
    DialClaimed "dial_claimed" "An address not dialled: only strangers speak of it, and it was dialled within the hour.",
    DialPoliteness "dial_politeness" "An address not dialled: its host was dialled too often of late.",
    TablePerIp "table_per_ip" "A server not taken into the table: its address has as many as one may.",
    TableGroup "table_group" "A server not taken into the table: its IP group has its share.",
    TableFull "table_full" "A server not taken into the table: the table is full.",
    RouterRecord "router_record" "A delegated router's record not taken: no bitswap client could use it, or the address policy forbids its addresses.",
    RoutingRate "routing_rate" "A request for delegated routing refused: its address sent more than it may.",
    RoutingBusy "routing_busy" "A look-up for delegated routing refused: as many are under way as may be.",
    PeerLogQueue "peer_log_queue" "A line of the peer log not written: the disk was behind.",
    PeerLogDisk "peer_log_disk" "A line of the peer log not written: the file could not be.",
    HttpConnectionLimit "http_connection_limit" "An HTTP connection refused: the door has as many as it may, and all are busy.",
    HttpGaveWay "http_gave_way" "The longest idle HTTP connection of a door, closed to make room for a new one.",
    HttpHeadSlow "http_head_slow" "An HTTP connection closed: a request's headers were not whole in time.",
    HttpReaderSlow "http_reader_slow" "An HTTP connection closed: the client did not take its answer.",
    HttpBodyLarge "http_body_large" "An HTTP request refused: its body is larger than bodies are taken.",
    HttpBodySlow "http_body_slow" "An HTTP request refused: its body was not whole in time.",
    HttpAnswerSlow "http_answer_slow" "An HTTP request given up: it was not answered in time.",
    HttpForeign "http_foreign" "An HTTP request refused: for a host that is not this one, or from another's web page.",
    HttpRate "http_rate" "An HTTP request refused: its address made more than one may.",
    HttpPanic "http_panic" "An HTTP request that met a fault of hydrad.",
    EventLagged "event_lagged" "Updates that a slow reader of the control socket missed.",
}

static COUNTS: [AtomicU64; Drop::ALL.len()] = [const { AtomicU64::new(0) }; Drop::ALL.len()];

/// Counts one.
pub fn count(reason: Drop) {
    add(reason, 1);
}

/// Counts several.
pub fn add(reason: Drop, n: u64) {
    COUNTS[reason as usize].fetch_add(n, Relaxed);
}

/// The count of one reason since the process began.
#[must_use]
pub fn of(reason: Drop) -> u64 {
    COUNTS[reason as usize].load(Relaxed)
}

/// Counts since the process began, of the reasons that occurred.
pub fn counts() -> impl Iterator<Item = (Drop, u64)> {
    Drop::ALL.iter().map(|reason| (*reason, COUNTS[*reason as usize].load(Relaxed))).filter(|(_, n)| *n > 0)
}
