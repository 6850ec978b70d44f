//! One head as lines of text, where there is not room for panes.

use hydra_protocol::v1::Head;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::super::heads::state_cell;
use super::super::paint::{self, left, right, title, top, wrap};
use super::super::theme::{Meaning, Theme};
use super::{facts, nearest};
use crate::tui::number::{self, rate};
use crate::tui::state::hydra::requests;
use crate::tui::state::{Hydra, State};

pub(super) fn draw(
    buffer: &mut Buffer,
    area: Rect,
    head: &Head,
    state: &State,
    hydra: &Hydra,
    theme: &Theme,
) {
    let since = match state.age() {
        Some(_) => format!("as of {}", number::clock(hydra.clock())),
        None => String::new(),
    };
    title(buffer, area, theme, &format!("Heads ▸ {}", head.name), &since);
    let (_, body) = top(area, 1);
    let lines = lines(head, body.width, state, hydra, theme);
    let last = lines.len().saturating_sub(usize::from(body.height));
    let first = usize::from(state.detail_scroll()).min(last);
    for (row, line) in (0..body.height).zip(lines.into_iter().skip(first)) {
        paint::line(buffer, body, row, line);
    }
}

fn lines(head: &Head, cells: u16, state: &State, hydra: &Hydra, theme: &Theme) -> Vec<Line<'static>> {
    let old = state.age().is_some();
    let mut lines = Vec::new();
    let mut field = |name: &str, texts: Vec<String>| {
        for (number, text) in texts.into_iter().enumerate() {
            let name = if number == 0 { name } else { "" };
            let text = if old { paint::span(theme, Meaning::Old, text) } else { Span::raw(text) };
            lines.push(Line::from(vec![
                paint::span(theme, Meaning::Title, format!(" {}", left(name, 13))),
                text,
            ]));
        }
    };
    let room = cells.saturating_sub(15);
    let mut state_text =
        state_cell(head, 12, old, theme).map(|span| span.content.into_owned()).concat().trim().to_owned();
    if !head.state_reason.is_empty() {
        state_text = format!("{state_text}: {}", head.state_reason);
    }
    field("state", wrap(&state_text, room));
    for (name, text) in facts::lines(head, hydra, cells) {
        field(&name, vec![text]);
    }
    field("peer id", wrap(&head.peer_id, room));
    let hex: String = head.key.iter().map(|byte| format!("{byte:02x}")).collect();
    field("key", wrap(&hex, room));
    field("index", vec![format!("{} of the seed", head.index)]);
    field("listens on", vec![format!("{} port {}, tcp and udp", head.listen_ip, head.port)]);
    let addresses: Vec<String> = head.addresses.iter().map(|address| paint::cut(address, room)).collect();
    field("announces", if addresses.is_empty() { vec!["nothing".to_owned()] } else { addresses });
    let group =
        if head.address_group.is_empty() { "none: the address is not public" } else { &head.address_group };
    field("group", vec![group.to_owned()]);
    field("added", vec![number::date(head.added_at.as_ref())]);
    let Some(rates) = head.rates_1m else {
        field("requests", vec!["not measured: the head does not serve".to_owned()]);
        return neighbours(lines, head, cells, hydra, theme);
    };
    field("requests", vec!["a second, 1 min average".to_owned()]);
    let kinds = [
        ("ADD_PROVIDER", rates.add_provider),
        ("GET_PROVIDERS", rates.get_providers),
        ("  found", rates.get_providers_found),
        ("FIND_NODE", rates.find_node),
        ("GET_VALUE", rates.get_value),
        ("PUT_VALUE", rates.put_value),
        ("PING", rates.ping),
        ("all", requests(&rates)),
    ];
    let kinds = kinds.map(|(name, value)| format!("{}{}", left(name, 15), right(&rate(value), 8)));
    field("", kinds.to_vec());
    neighbours(lines, head, cells, hydra, theme)
}

/// The lines, and below them the nearest peers.
fn neighbours(
    mut lines: Vec<Line<'static>>,
    head: &Head,
    cells: u16,
    hydra: &Hydra,
    theme: &Theme,
) -> Vec<Line<'static>> {
    if let Some(told) = hydra.feeds.head(&head.name).filter(|told| !told.nearest.is_empty()) {
        lines.push(Line::from(paint::span(theme, Meaning::Title, format!(" {}", nearest::what(told)))));
        lines.extend(told.nearest.iter().map(|one| nearest::line(one, None, cells.min(59), theme)));
    }
    lines
}
