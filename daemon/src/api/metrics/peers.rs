//! Peers: the table, connections, handshakes, dials, and how many different ones there were.

use std::fmt;

use crate::api::metrics::look::Look;
use crate::api::metrics::series::{Page, Series};
use crate::telemetry::SeenBy;
use crate::telemetry::links::{self, DialFailure, Direction, Handshake};

const TABLE: Series =
    Series::gauge("hydra_routing_table_peers", "Verified DHT servers in the routing table.");
const PEERS: Series = Series::gauge("hydra_peers_connected", "Peers connected with a head.");
const CONNECTIONS: Series =
    Series::gauge("hydra_connections", "Open connections of the heads.").by(&["direction", "transport"]);
const OPENING: Series =
    Series::gauge("hydra_connections_opening", "Connections in their handshake, the scout's included.");
const HANDSHAKES: Series = Series::counter(
    "hydra_handshakes",
    "Connections that came or were dialled, the scout's included, by how they ended: opened, failed, refused \
     by our limits before the handshake.",
)
.by(&["direction", "outcome"]);
const FAILURES: Series =
    Series::counter("hydra_dial_failures", "Dials that failed, the scout's included.").by(&["reason"]);
const UNIQUE: Series = Series::gauge(
    "hydra_unique_peers_estimate",
    "Different peers since the first start, restarts included, by how they were seen (±1 %); at most a minute old.",
)
.by(&["seen_by"]);
const DAY: Series = Series::gauge(
    "hydra_unique_peers_day_estimate",
    "Different peers seen in any way within the last 24 hours (±1 %); at most a minute old.",
);

pub(super) const ALL: &[&Series] =
    &[&TABLE, &PEERS, &CONNECTIONS, &OPENING, &HANDSHAKES, &FAILURES, &UNIQUE, &DAY];

pub(super) fn write(page: &mut Page<'_>, look: &Look<'_>) -> fmt::Result {
    let hydra = look.hydra;
    page.one(&TABLE, hydra.table.others())?;
    page.one(&PEERS, hydra.contacts.connected())?;
    let open = hydra.contacts.open();
    page.put(&CONNECTIONS, |out| {
        let (quic_in, quic_out) = (open.quic_in, open.quic.saturating_sub(open.quic_in));
        out.put(&[Direction::In.name(), "tcp"], open.inbound.saturating_sub(quic_in))?;
        out.put(&[Direction::In.name(), "quic"], quic_in)?;
        out.put(&[Direction::Out.name(), "tcp"], open.outbound.saturating_sub(quic_out))?;
        out.put(&[Direction::Out.name(), "quic"], quic_out)
    })?;
    page.one(&OPENING, hydra.budget.opening())?;
    page.put(&HANDSHAKES, |out| {
        Direction::ALL.iter().try_for_each(|direction| {
            Handshake::ALL.iter().try_for_each(|how| {
                out.put(&[direction.name(), how.name()], links::handshakes(*direction, *how))
            })
        })
    })?;
    page.put(&FAILURES, |out| {
        DialFailure::ALL.iter().try_for_each(|why| out.put(&[why.name()], links::failures(*why)))
    })?;
    page.put(&UNIQUE, |out| {
        SeenBy::ALL.iter().zip(look.dear.unique).try_for_each(|(by, peers)| out.put(&[by.name()], peers))
    })?;
    page.one(&DAY, look.dear.unique_day)
}
