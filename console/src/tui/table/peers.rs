//! Other servers and clients of the network, as far as we know or hold them.

use hydra_protocol::v1::{Direction, Peer};

use super::{Column, Rank, Table, hex};
use crate::output::text::{agent, host_port};
use crate::tui::number::{count, millis, short_id, short_key};

/// A peer beside the daemon's clock and the number of heads.
#[derive(Clone, Debug, PartialEq)]
pub struct PeerRow {
    /// What the daemon tells.
    pub peer: Peer,
    /// The daemon's clock, in Unix seconds.
    pub now: i64,
    /// All our heads.
    pub heads: u32,
}

impl PeerRow {
    fn address(&self) -> String {
        self.peer.addresses.first().map_or_else(|| "—".to_owned(), |address| host_port(address))
    }

    fn direction(&self) -> &'static str {
        direction_word(self.peer.direction())
    }

    fn connected(&self) -> usize {
        self.peer.connected_heads.len()
    }

    /// Seconds since its last message.
    fn silent(&self) -> Option<i64> {
        Some(self.now.saturating_sub(self.peer.seen_at?.seconds).max(0))
    }

    fn near(&self) -> String {
        match self.peer.nearest_head.as_str() {
            "" => "—".to_owned(),
            head => format!("{head} {}", self.peer.shared_bits),
        }
    }
}

/// `in`, `out`, or `—` when not connected.
#[must_use]
pub fn direction_word(direction: Direction) -> &'static str {
    match direction {
        Direction::In => "in",
        Direction::Out => "out",
        Direction::Unspecified => "—",
    }
}

/// The column that peers are sorted by at first: those that hold most of our heads.
pub const HEADS_HELD: usize = 6;

/// One row a peer; the daemon sorts and filters.
pub const PEERS: Table<PeerRow> = Table {
    id: |row| row.peer.peer_id.clone(),
    columns: &[
        Column {
            title: "PEER ID",
            cells: 12,
            to_right: false,
            text: |row| short_id(&row.peer.peer_id),
            rank: |row| Rank::Text(row.peer.peer_id.clone()),
        },
        Column {
            title: "KEY",
            cells: 4,
            to_right: false,
            text: |row| short_key(&row.peer.key),
            rank: |row| Rank::Text(hex(&row.peer.key)),
        },
        Column {
            title: "AGENT",
            cells: 18,
            to_right: false,
            text: |row| if row.peer.agent.is_empty() { "unknown".to_owned() } else { agent(&row.peer.agent) },
            rank: |row| Rank::Text(row.peer.agent.clone()),
        },
        Column {
            title: "ADDRESS",
            cells: 21,
            to_right: false,
            text: PeerRow::address,
            rank: |row| Rank::Text(row.address()),
        },
        Column {
            title: "VIA",
            cells: 4,
            to_right: false,
            text: |row| {
                if row.peer.transport.is_empty() { "—".to_owned() } else { row.peer.transport.clone() }
            },
            rank: |row| Rank::Text(row.peer.transport.clone()),
        },
        Column {
            title: "DIR",
            cells: 3,
            to_right: false,
            text: |row| row.direction().to_owned(),
            rank: |row| Rank::Text(row.direction().to_owned()),
        },
        Column {
            title: "HEADS",
            cells: 7,
            to_right: true,
            text: |row| format!("{} of {}", row.connected(), row.heads),
            rank: |row| Rank::Most(row.connected() as f64),
        },
        Column {
            title: "RTT",
            cells: 7,
            to_right: true,
            text: |row| row.peer.rtt_seconds.map_or_else(|| "—".to_owned(), millis),
            rank: |row| row.peer.rtt_seconds.map_or(Rank::Unknown, Rank::Least),
        },
        Column {
            title: "ADD/min",
            cells: 7,
            to_right: true,
            text: |row| count(row.peer.add_provider_per_minute.max(0.0).round() as u64),
            rank: |row| Rank::Most(row.peer.add_provider_per_minute),
        },
        Column {
            title: "SEEN",
            cells: 9,
            to_right: true,
            text: |row| {
                row.silent().map_or_else(
                    || "—".to_owned(),
                    |silent| format!("{} ago", crate::tui::number::span(silent as f64)),
                )
            },
            rank: |row| row.silent().map_or(Rank::Unknown, |silent| Rank::Least(silent as f64)),
        },
        Column {
            title: "NEAR",
            cells: 8,
            to_right: false,
            text: PeerRow::near,
            rank: |row| Rank::Most(f64::from(row.peer.shared_bits)),
        },
    ],
};
