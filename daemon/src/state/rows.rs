//! What the state keeps, as others see it.

use std::net::IpAddr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use libp2p::PeerId;

use crate::wire::AddrList;

/// One head, or the reserved index of a removed one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeadRow {
    /// Its place in the seed's sequence.
    pub index: u32,
    pub peer_id: PeerId,
    /// Concrete addresses that it listens on, one or more.
    pub listen: Vec<IpAddr>,
    /// For tcp and udp alike; never 0.
    pub port: u16,
    pub status: HeadStatus,
    /// Kept in whole seconds.
    pub added_at: SystemTime,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum HeadStatus {
    /// Runs whenever the daemon runs.
    Active,
    /// Stopped by the operator; keeps identity and port.
    Stopped,
    /// Removed; only its index is reserved until it is purged.
    Removed,
}

impl HeadStatus {
    /// As it stands in the file and in messages.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Stopped => "stopped",
            Self::Removed => "removed",
        }
    }

    pub(super) fn parse(text: &str) -> Option<Self> {
        [Self::Active, Self::Stopped, Self::Removed].into_iter().find(|status| status.as_str() == text)
    }
}

/// An id of our sequence that another hydra has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeaseRow {
    /// Its place in the seed's sequence.
    pub index: u32,
    pub peer_id: PeerId,
    /// The address that asked for it.
    pub client: String,
    /// Kept in whole seconds, as is the end.
    pub leased_at: SystemTime,
    pub expires_at: SystemTime,
}

/// One peer of the routing table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PeerRow {
    pub peer_id: PeerId,
    pub addrs: AddrList,
    /// As identify gave it; kept up to [`MAX_AGENT`] bytes.
    pub agent: String,
    /// As identify gave them, one a line; kept up to [`MAX_PROTOCOLS`] bytes.
    pub protocols: String,
    /// Kept in whole seconds.
    pub last_seen: SystemTime,
    /// Kept in whole milliseconds.
    pub latency: Option<Duration>,
    /// When the crawl last asked it for all it knows; kept in whole seconds.
    pub walked: Option<SystemTime>,
}

/// Longest agent text kept, in bytes.
pub const MAX_AGENT: usize = 128;

/// Longest list of protocols kept, in bytes.
pub const MAX_PROTOCOLS: usize = 1024;

/// Whole seconds since 1970; 0 for times before.
pub(super) fn seconds(time: SystemTime) -> i64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}

/// The time of so many seconds since 1970, the epoch when it cannot be told.
pub(super) fn time(seconds: i64) -> SystemTime {
    let seconds = Duration::from_secs(u64::try_from(seconds).unwrap_or(0));
    UNIX_EPOCH.checked_add(seconds).unwrap_or(UNIX_EPOCH)
}
