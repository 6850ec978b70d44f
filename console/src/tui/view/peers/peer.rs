//! The page of one peer: everything that the daemon tells of it, as text.

use hydra_protocol::v1::Peer;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::super::feed;
use super::super::paint::{self, left, span, title, top, wrap};
use super::super::theme::{Meaning, Theme};
use crate::tui::number::{self, count, millis};
use crate::tui::state::feed::Ask;
use crate::tui::state::{Hydra, State};
use crate::tui::table::{direction_word, hex};

/// Cells of the names of fields.
const NAME: u16 = 13;

pub(in crate::tui::view) fn draw(
    buffer: &mut Buffer,
    area: Rect,
    id: &str,
    state: &State,
    hydra: &Hydra,
    theme: &Theme,
) {
    let ask = Ask::Peer(id.to_owned());
    let peer = hydra.feeds.peer(id);
    let unit = feed::as_of(state, hydra, &ask).unwrap_or_default();
    title(
        buffer,
        area,
        theme,
        &format!("Peers {} {}", theme.symbol(Meaning::Selected), number::short_id(id)),
        &unit,
    );
    let (_, body) = top(area, 1);
    if let Some(nothing) = feed::nothing(state, hydra, &ask, peer.is_some()) {
        nothing.draw(buffer, body, theme);
        return;
    }
    let Some(peer) = peer else { return };
    let lines = lines(peer, body.width, hydra, theme);
    let last = lines.len().saturating_sub(usize::from(body.height));
    let first = usize::from(state.detail_scroll()).min(last);
    for (row, line) in (0..body.height).zip(lines.into_iter().skip(first)) {
        paint::line(buffer, body, row, line);
    }
    if !unit.is_empty() {
        buffer.set_style(body.intersection(buffer.area), theme.style(Meaning::Old));
    }
}

fn lines(peer: &Peer, cells: u16, hydra: &Hydra, theme: &Theme) -> Vec<Line<'static>> {
    let room = cells.saturating_sub(NAME + 2);
    let mut lines = Vec::new();
    let mut field = |name: &str, texts: Vec<String>| {
        for (number, text) in texts.into_iter().enumerate() {
            let name = if number == 0 { name } else { "" };
            let name = span(theme, Meaning::Title, format!(" {}", left(name, NAME)));
            lines.push(Line::from(vec![name, Span::raw(text)]));
        }
    };
    // not identified, and said nothing, are the same to us
    let or = |text: &str, empty: &str| if text.is_empty() { empty.to_owned() } else { text.to_owned() };
    field("peer id", wrap(&peer.peer_id, room));
    field("key", wrap(&hex(&peer.key), room));
    field("agent", wrap(&or(&peer.agent, "unknown: it did not identify itself"), room));
    let near = match peer.nearest_head.as_str() {
        "" => "—".to_owned(),
        head => {
            let plural = if peer.shared_bits == 1 { "" } else { "s" };
            format!("{head}, {} bit{plural} in common", peer.shared_bits)
        }
    };
    field("nearest head", vec![near]);
    field(
        "table",
        vec![if peer.in_table { "in the routing table" } else { "not in the routing table" }.to_owned()],
    );
    let connected = match peer.connected_heads.len() {
        0 => "not connected".to_owned(),
        number => format!(
            "to {number} of {} heads: {} · {}, {}",
            hydra.status.heads,
            peer.connected_heads.join(", "),
            or(&peer.transport, "—"),
            direction_word(peer.direction())
        ),
    };
    field("connected", wrap(&connected, room));
    field("round trip", vec![peer.rtt_seconds.map_or_else(|| "— (not measured)".to_owned(), millis)]);
    let adds = count(peer.add_provider_per_minute.max(0.0).round() as u64);
    field("ADD_PROVIDER", vec![format!("{adds} in the last minute, all heads")]);
    let seen = peer.seen_at.map_or_else(
        || "—".to_owned(),
        |at| format!("{} ago", number::span(hydra.clock().saturating_sub(at.seconds).max(0) as f64)),
    );
    field("seen", vec![seen]);
    let listed = |texts: &[String], empty: &str| {
        let texts: Vec<String> = texts.iter().flat_map(|text| wrap(text, room)).collect();
        if texts.is_empty() { vec![empty.to_owned()] } else { texts }
    };
    field("addresses", listed(&peer.addresses, "none known"));
    field("protocols", listed(&peer.protocols, "none known: it did not identify itself"));
    lines
}
