//! Connections that were made and that were not, of all heads and the scout: handshakes by
//! direction and outcome, and why dials failed.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Who began a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    In,
    Out,
}

impl Direction {
    pub const ALL: [Self; 2] = [Self::In, Self::Out];

    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::In => "in",
            Self::Out => "out",
        }
    }
}

/// How a handshake ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Handshake {
    Opened,
    Failed,
    /// Not begun: our own limits.
    Refused,
}

impl Handshake {
    pub const ALL: [Self; 3] = [Self::Opened, Self::Failed, Self::Refused];

    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Opened => "opened",
            Self::Failed => "failed",
            Self::Refused => "refused",
        }
    }
}

macro_rules! reasons {
    ($($name:ident $text:literal $doc:literal,)*) => {
        /// Why a dial failed. The texts are part of the metrics.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum DialFailure { $(#[doc = $doc] $name,)* }

        impl DialFailure {
            /// Every reason.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            #[must_use]
            pub fn name(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }

            /// What it means.
            #[must_use]
            pub fn meaning(self) -> &'static str {
                match self { $(Self::$name => $doc,)* }
            }
        }
    };
}

reasons! {
    Timeout "timeout" "Nobody answered in time.",
    Refused "refused" "The host refused the connection.",
    Unreachable "unreachable" "There is no way to the host or its network.",
    Reset "reset" "The host ended the connection within the handshake.",
    OtherPeer "other_peer" "Somebody else answered at the address.",
    NoAddress "no_address" "There was no address to dial.",
    Handshake "handshake" "Both sides could not agree: security, multiplexer, or garbage.",
}

static HANDSHAKES: [[AtomicU64; 3]; 2] = [const { [const { AtomicU64::new(0) }; 3] }; 2];
/// Of those opened: by QUIC.
static QUIC: [AtomicU64; 2] = [const { AtomicU64::new(0) }; 2];
static FAILURES: [AtomicU64; DialFailure::ALL.len()] = [const { AtomicU64::new(0) }; DialFailure::ALL.len()];

/// A handshake has ended.
pub fn ended(direction: Direction, how: Handshake) {
    HANDSHAKES[direction as usize][how as usize].fetch_add(1, Relaxed);
}

/// A connection is open.
pub fn opened(direction: Direction, quic: bool) {
    ended(direction, Handshake::Opened);
    if quic {
        QUIC[direction as usize].fetch_add(1, Relaxed);
    }
}

/// A dial has failed.
pub fn failed(why: DialFailure) {
    FAILURES[why as usize].fetch_add(1, Relaxed);
}

/// Handshakes that ended so, since the process began.
#[must_use]
pub fn handshakes(direction: Direction, how: Handshake) -> u64 {
    HANDSHAKES[direction as usize][how as usize].load(Relaxed)
}

/// Of the connections that were opened, those by QUIC.
#[must_use]
pub fn quic(direction: Direction) -> u64 {
    QUIC[direction as usize].load(Relaxed)
}

/// Dials that failed for this reason, since the process began.
#[must_use]
pub fn failures(why: DialFailure) -> u64 {
    FAILURES[why as usize].load(Relaxed)
}
