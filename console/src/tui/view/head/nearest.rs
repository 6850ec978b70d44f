//! *20 nearest peers*: who should list the head, and why some do not.

use hydra_protocol::v1::{Head, ListsUs, Neighbour, Peer};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::super::paint::{self, left, right, sign, span, title, top};
use super::super::theme::{Meaning, Theme};
use crate::tui::number::{millis, short_id};
use crate::tui::state::{Level, State};

/// How good it is, and in words. A peer's refusal is nothing for an operator to mend.
pub(super) fn listed(neighbour: &Neighbour) -> (Level, String) {
    let why = |words: &str| match neighbour.reason.as_str() {
        "" => words.to_owned(),
        reason => format!("{words}: {reason}"),
    };
    match neighbour.lists_us() {
        ListsUs::Yes => (Level::Good, "yes".to_owned()),
        ListsUs::GroupFull => match neighbour.reason.as_str() {
            "" => (Level::Off, "refused".to_owned()),
            group => (Level::Off, format!("refused: {group}")),
        },
        ListsUs::NoAnswer => (Level::Off, why("no answer")),
        ListsUs::NotYet => (Level::Off, "not yet".to_owned()),
        ListsUs::NotConnected => (Level::Off, "not connected".to_owned()),
        ListsUs::NotAsked => (Level::Off, "not asked this time".to_owned()),
        ListsUs::Unspecified => (Level::Off, "unknown".to_owned()),
    }
}

/// `20 nearest peers · 16 list us`.
pub(super) fn what(head: &Head) -> String {
    let number = head.nearest.len();
    let list = head.nearest.iter().filter(|one| one.lists_us() == ListsUs::Yes).count();
    format!("{number} nearest peers · {list} list us")
}

/// Cells from which on what the peers run is told, too.
const WIDE: u16 = 60;

/// One of them in a line; `peer` is what else is known of it.
pub(super) fn line(neighbour: &Neighbour, peer: Option<&Peer>, cells: u16, theme: &Theme) -> Line<'static> {
    let (level, mut words) = listed(neighbour);
    let mut start = format!(
        "{}{} {} ",
        right(&neighbour.rank.to_string(), 2),
        right(&neighbour.shared_bits.to_string(), 5),
        left(&short_id(&neighbour.peer_id), 12)
    );
    if cells >= WIDE {
        start += &known(peer);
        // the reason stands below, in the line of the presence
        words = words.split(':').next().unwrap_or_default().to_owned();
    }
    let room = cells.saturating_sub(paint::width(&start) + 2);
    Line::from(vec![
        Span::raw(start),
        sign(theme, level),
        Span::raw(format!(" {}", paint::cut(&words, room))),
    ])
}

/// Agent, transport, round trip.
fn known(peer: Option<&Peer>) -> String {
    let agent = match peer.map(|peer| peer.agent.as_str()) {
        None | Some("") => "unknown".to_owned(),
        // `kubo/0.39.0/abcdef`
        Some(agent) => agent.split('/').take(2).collect::<Vec<_>>().join(" "),
    };
    let via = peer.map(|peer| peer.transport.as_str()).filter(|via| !via.is_empty()).unwrap_or("—");
    let rtt = peer.and_then(|peer| peer.rtt_seconds).map_or_else(|| "—".to_owned(), millis);
    format!("{} {}{} ", left(&agent, 16), left(via, 4), right(&rtt, 8))
}

pub(super) fn draw(
    buffer: &mut Buffer,
    area: Rect,
    head: &Head,
    peers: &[Peer],
    state: &State,
    theme: &Theme,
) {
    let visible = usize::from(area.height.saturating_sub(2));
    let number = head.nearest.len();
    let first = usize::from(state.detail_scroll()).min(number.saturating_sub(visible));
    let seen = match number > visible {
        true => format!("{} to {} of {number}", first + 1, (first + visible).min(number)),
        false => String::new(),
    };
    let what = what(head);
    let what = if area.width < WIDE { what.replace(" peers", "") } else { what };
    title(buffer, area, theme, &what, &seen);
    let (_, body) = top(area, 1);
    if head.nearest.is_empty() {
        let why = match head.presence_asked {
            Some(_) => " no server is known near the head",
            None => " not measured: the head does not serve, or only just",
        };
        paint::line(buffer, body, 0, span(theme, Meaning::Quiet, why));
        return;
    }
    let names = match body.width {
        WIDE.. => " # BITS PEER ID      AGENT            VIA      RTT LISTS US",
        _ => " # BITS PEER ID      LISTS US",
    };
    paint::line(buffer, body, 0, span(theme, Meaning::Title, names));
    let (_, body) = top(body, 1);
    for (row, neighbour) in (0..body.height).zip(head.nearest.iter().skip(first)) {
        let peer = peers.iter().find(|peer| peer.peer_id == neighbour.peer_id);
        paint::line(buffer, body, row, line(neighbour, peer, body.width, theme));
    }
}
