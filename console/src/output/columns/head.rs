//! Columns of heads.

use super::{Column, Rank, Row, unranked, words};
use crate::output::dto::{Head, PurgedHead};
use crate::output::look::{Look, Tone};
use crate::output::table::Cell;
use crate::output::text;

impl Row for Head {
    const SCHEMA: &'static str = "hydra.v1/Head";

    fn columns() -> &'static [Column<Self>] {
        COLUMNS
    }

    fn name(&self) -> &str {
        &self.name
    }
}

impl Row for PurgedHead {
    const SCHEMA: &'static str = "hydra.v1/PurgedHead";

    fn columns() -> &'static [Column<Self>] {
        PURGED
    }

    fn name(&self) -> &str {
        &self.name
    }
}

/// The meaning of a state.
#[must_use]
pub(crate) fn tone(state: &str) -> Tone {
    match state {
        "serving" => Tone::Good,
        "starting" | "warming" | "withdrawn" => Tone::Progress,
        "failed" => Tone::Broken,
        _ => Tone::Off,
    }
}

/// A rate a second, over all of which `part` is taken.
fn rate(part: Option<f64>, look: &Look) -> Cell {
    part.map(|rate| look.rate(rate)).into()
}

const PURGED: &[Column<PurgedHead>] = &[
    unranked("name", "NAME", |head, _| head.name.as_str().into()),
    unranked("index", "INDEX", |head, _| head.index.to_string().into()),
    unranked("peer_id", "PEER ID", |head, look| look.id(&head.peer_id).into()),
];

const COLUMNS: &[Column<Head>] = &[
    words("name", "NAME", |head, _| head.name.as_str().into(), |head| Rank::Number(f64::from(head.index))),
    words(
        "key",
        "KEY",
        |head, look| look.key(&head.key_hex, 4).into(),
        |head| Rank::Text(head.key_hex.clone()),
    ),
    words(
        "peer_id",
        "PEER ID",
        |head, look| look.id(&head.peer_id).into(),
        |head| Rank::Text(head.peer_id.clone()),
    ),
    words(
        "state",
        "STATE",
        |head, _| Cell::toned(tone(head.state), head.state),
        |head| Rank::Text(head.state.to_owned()),
    ),
    words(
        "address",
        "ADDRESS",
        |head, _| head.addresses.first().map(|address| text::host_port(address)).into(),
        |head| Rank::Text(head.addresses.first().cloned().unwrap_or_default()),
    ),
    Column {
        right: true,
        ..words(
            "conns",
            "CONNS",
            |head, look| look.count(head.connections()).into(),
            |head| Rank::Number(head.connections() as f64),
        )
    },
    Column {
        right: true,
        ..words(
            "presence",
            "PRESENCE",
            |head, _| {
                let counts = head.presence_listed.zip(head.presence_asked);
                counts.map(|(listed, asked)| format!("{listed}/{asked}")).into()
            },
            |head| Rank::of(head.presence_listed.map(f64::from)),
        )
    },
    Column {
        right: true,
        ..words(
            "requests",
            "REQ/S 1m",
            |head, look| rate(head.requests_per_second_1m, look),
            |head| Rank::of(head.requests_per_second_1m),
        )
    },
    Column {
        exact_title: "SERVING SINCE",
        ..words(
            "since",
            "SINCE",
            |head, look| look.age(head.serving_since_at.map(|at| at.0)).into(),
            |head| Rank::of(head.serving_since_at.map(|at| -(at.0.as_second() as f64))),
        )
    },
    Column {
        right: true,
        wide: true,
        ..words(
            "add",
            "ADD/S 1m",
            |head, look| rate(head.add_provider_per_second_1m, look),
            |head| Rank::of(head.add_provider_per_second_1m),
        )
    },
    Column {
        right: true,
        wide: true,
        ..words(
            "get",
            "GET/S 1m",
            |head, look| rate(head.get_providers_per_second_1m, look),
            |head| Rank::of(head.get_providers_per_second_1m),
        )
    },
    Column {
        right: true,
        wide: true,
        ..words(
            "find",
            "FIND/S 1m",
            |head, look| rate(head.find_node_per_second_1m, look),
            |head| Rank::of(head.find_node_per_second_1m),
        )
    },
    Column {
        right: true,
        wide: true,
        ..words(
            "in",
            "IN",
            |head, look| look.count(head.connections_in).into(),
            |head| Rank::Number(head.connections_in as f64),
        )
    },
    Column {
        right: true,
        wide: true,
        ..words(
            "out",
            "OUT",
            |head, look| look.count(head.connections_out).into(),
            |head| Rank::Number(head.connections_out as f64),
        )
    },
    Column {
        wide: true,
        ..words(
            "group",
            "GROUP",
            |head, _| head.address_group.clone().into(),
            |head| Rank::Text(head.address_group.clone().unwrap_or_default()),
        )
    },
    Column {
        wide: true,
        ..words(
            "addresses",
            "ADDRESSES",
            |head, _| head.addresses.join(" ").into(),
            |head| Rank::Number(head.addresses.len() as f64),
        )
    },
    Column {
        wide: true,
        ..words(
            "reason",
            "REASON",
            |head, _| head.state_reason.clone().into(),
            |head| Rank::Text(head.state_reason.clone().unwrap_or_default()),
        )
    },
];
