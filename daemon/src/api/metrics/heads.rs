//! Heads: how many in which state, whether they are reached and listed, and each by itself.

use std::fmt;

use crate::api::metrics::look::Look;
use crate::api::metrics::series::{Page, Series};
use crate::hydra::{HeadState, Lists};
use crate::telemetry::links::Direction;
use crate::wire::Kind;

const HEADS: Series = Series::gauge("hydra_heads", "Heads by state.").by(&["state"]);
const WANTED: Series =
    Series::gauge("hydra_heads_wanted", "Heads that heads.target comes to; absent without a target.");
const MOST: Series =
    Series::gauge("hydra_heads_most", "Heads that heads.target adds up to; absent without a target.");
const REACHED: Series = Series::gauge(
    "hydra_heads_reached",
    "Heads that peers could dial back, by transport; absent where that is not asked.",
)
.by(&["transport"]);
const PRESENCE: Series = Series::gauge(
    "hydra_presence_servers",
    "Of the 20 servers nearest to each head: whether they list it, and if not, why.",
)
.by(&["lists"]);
const SERVING: Series = Series::gauge("hydra_head_serving", "1 while the head serves.").by(&["head"]);
const CONNECTIONS: Series =
    Series::gauge("hydra_head_connections", "Open connections of the head.").by(&["head", "direction"]);
const REQUESTS: Series =
    Series::counter("hydra_head_requests", "DHT requests that the head took in.").by(&["head", "rpc"]);
const BYTES: Series = Series::counter("hydra_head_traffic", "Bytes of DHT messages of the head.")
    .bytes()
    .by(&["head", "direction"]);
const RESETS: Series =
    Series::counter("hydra_head_stream_resets", "DHT streams of the head that were reset.").by(&["head"]);
const LISTED: Series =
    Series::gauge("hydra_head_presence_listed", "Of the servers nearest to the head, those that list it.")
        .by(&["head"]);
const ASKED: Series = Series::gauge(
    "hydra_head_presence_asked",
    "Of the servers nearest to the head, those that were asked whether they list it.",
)
.by(&["head"]);

pub(super) const ALL: &[&Series] = &[
    &HEADS,
    &WANTED,
    &MOST,
    &REACHED,
    &PRESENCE,
    &SERVING,
    &CONNECTIONS,
    &REQUESTS,
    &BYTES,
    &RESETS,
    &LISTED,
    &ASKED,
];

/// States of a head, with their names.
const STATES: [(HeadState, &str); 6] = [
    (HeadState::Starting, "starting"),
    (HeadState::Warming, "warming"),
    (HeadState::Serving, "serving"),
    (HeadState::Withdrawn, "withdrawn"),
    (HeadState::Stopped, "stopped"),
    (HeadState::Failed, "failed"),
];

/// Answers about presence that have a name, in order.
const LISTS: [&str; 5] = ["yes", "group_full", "no_answer", "not_yet", "not_connected"];

/// The place of an answer in [`LISTS`]; who was not asked has none.
fn place(lists: &Lists) -> Option<usize> {
    match lists {
        Lists::Yes => Some(0),
        Lists::GroupFull(_) => Some(1),
        Lists::NoAnswer(_) => Some(2),
        Lists::NotYet => Some(3),
        Lists::NotConnected => Some(4),
        Lists::NotAsked => None,
    }
}

pub(super) fn write(page: &mut Page<'_>, look: &Look<'_>) -> fmt::Result {
    page.put(&HEADS, |out| {
        STATES.iter().try_for_each(|(state, name)| {
            out.put(&[name], look.heads.iter().filter(|head| head.state == *state).count())
        })
    })?;
    let target = look.hydra.target();
    page.maybe(&WANTED, target.as_ref().and_then(|view| view.decision.wanted))?;
    page.maybe(&MOST, target.as_ref().map(|view| view.most.heads))?;
    page.put(&REACHED, |out| {
        let Some((tcp, quic)) = look.hydra.reached() else { return Ok(()) };
        out.put(&["tcp"], tcp)?;
        out.put(&["quic"], quic)
    })?;
    page.put(&PRESENCE, |out| {
        let measured = look.heads.iter().filter_map(|head| head.presence.as_ref());
        let mut counts = [0u64; LISTS.len()];
        for at in measured.flat_map(|presence| &presence.nearest).filter_map(|n| place(&n.lists)) {
            counts[at] += 1;
        }
        LISTS.iter().zip(counts).try_for_each(|(name, count)| out.put(&[name], count))
    })?;
    each(page, look)
}

fn each(page: &mut Page<'_>, look: &Look<'_>) -> fmt::Result {
    page.put(&SERVING, |out| {
        look.each_head().try_for_each(|(index, head)| out.put(&[&index], head.state == HeadState::Serving))
    })?;
    let open = look.hydra.contacts.open_by_head();
    page.put(&CONNECTIONS, |out| {
        look.each_head().try_for_each(|(index, head)| {
            let open = open.get(&head.index).copied().unwrap_or_default();
            out.put(&[&index, Direction::In.name()], open.inbound)?;
            out.put(&[&index, Direction::Out.name()], open.outbound)
        })
    })?;
    page.put(&REQUESTS, |out| {
        look.each_head().try_for_each(|(index, head)| {
            Kind::ALL
                .iter()
                .try_for_each(|kind| out.put(&[&index, kind.name()], head.totals.requests[*kind as usize]))
        })
    })?;
    page.put(&BYTES, |out| {
        look.each_head().try_for_each(|(index, head)| {
            out.put(&[&index, Direction::In.name()], head.totals.all_bytes_in())?;
            out.put(&[&index, Direction::Out.name()], head.totals.all_bytes_out())
        })
    })?;
    page.put(&RESETS, |out| {
        look.each_head().try_for_each(|(index, head)| out.put(&[&index], head.totals.resets))
    })?;
    let measured = || look.each_head().filter_map(|(index, head)| Some((index, head.presence.as_ref()?)));
    page.put(&LISTED, |out| {
        measured().try_for_each(|(index, presence)| out.put(&[&index], presence.listed()))
    })?;
    page.put(&ASKED, |out| measured().try_for_each(|(index, presence)| out.put(&[&index], presence.asked())))
}
