//! Columns of peers.

use super::{Column, Rank, Row, words};
use crate::output::dto::Peer;
use crate::output::text;

impl Row for Peer {
    const SCHEMA: &'static str = "hydra.v1/Peer";

    fn columns() -> &'static [Column<Self>] {
        COLUMNS
    }

    fn name(&self) -> &str {
        &self.peer_id
    }
}

fn text_of(text: &Option<String>) -> Rank {
    Rank::Text(text.clone().unwrap_or_default())
}

const COLUMNS: &[Column<Peer>] = &[
    words(
        "peer_id",
        "PEER ID",
        |peer, look| look.id(&peer.peer_id).into(),
        |peer| Rank::Text(peer.peer_id.clone()),
    ),
    words(
        "key",
        "KEY",
        |peer, look| look.key(&peer.key_hex, 4).into(),
        |peer| Rank::Text(peer.key_hex.clone()),
    ),
    words(
        "agent",
        "AGENT",
        |peer, _| peer.agent.as_deref().map(text::agent).into(),
        |peer| text_of(&peer.agent),
    ),
    words(
        "address",
        "ADDRESS",
        |peer, _| peer.addresses.first().map(|address| text::host_port(address)).into(),
        |peer| Rank::Text(peer.addresses.first().cloned().unwrap_or_default()),
    ),
    words("via", "VIA", |peer, _| peer.transport.clone().into(), |peer| text_of(&peer.transport)),
    words(
        "dir",
        "DIR",
        |peer, _| peer.direction.map(str::to_owned).into(),
        |peer| Rank::Text(peer.direction.unwrap_or_default().to_owned()),
    ),
    Column {
        right: true,
        ..words(
            "heads",
            "HEADS",
            |peer, _| match peer.heads {
                Some(all) => format!("{}/{all}", peer.connected_heads.len()).into(),
                None => peer.connected_heads.len().to_string().into(),
            },
            |peer| Rank::Number(peer.connected_heads.len() as f64),
        )
    },
    Column {
        right: true,
        ..words(
            "rtt",
            "RTT",
            |peer, _| peer.rtt_seconds.map(text::latency).into(),
            |peer| Rank::of(peer.rtt_seconds),
        )
    },
    Column {
        right: true,
        ..words(
            "add",
            "ADD/MIN",
            |peer, look| look.rate(peer.add_provider_per_minute).into(),
            |peer| Rank::Number(peer.add_provider_per_minute),
        )
    },
    Column {
        right: true,
        ..words(
            "seen",
            "SEEN",
            |peer, look| {
                let seen = look.age(peer.seen_at.map(|at| at.0));
                seen.map(|age| if look.terminal { format!("{age} ago") } else { age }).into()
            },
            |peer| Rank::of(peer.seen_at.map(|at| at.0.as_second() as f64)),
        )
    },
    Column {
        wide: true,
        ..words(
            "near",
            "NEAR",
            |peer, _| {
                peer.nearest_head.as_ref().map(|head| format!("{head} {} bits", peer.shared_bits)).into()
            },
            |peer| Rank::Number(f64::from(peer.shared_bits)),
        )
    },
    Column {
        wide: true,
        ..words(
            "table",
            "IN TABLE",
            |peer, _| if peer.in_table { "yes" } else { "no" }.into(),
            |peer| Rank::Number(f64::from(u8::from(peer.in_table))),
        )
    },
    Column {
        wide: true,
        ..words(
            "addresses",
            "ADDRESSES",
            |peer, _| peer.addresses.join(" ").into(),
            |peer| Rank::Number(peer.addresses.len() as f64),
        )
    },
];
