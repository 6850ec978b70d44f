//! From 30×6: the status line, the answers, the heads. Smaller: one line.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::heads::state_cell;
use super::paint::{self, cut, left, top};
use super::theme::Theme;
use super::{footer, header, heads, well};
use crate::tui::number::{count, rate_or_none};
use crate::tui::state::hydra::{connections, requests_of};
use crate::tui::state::well::answers;
use crate::tui::state::{Level, Link, Page, State};

/// Draws the one line.
pub(super) fn one_line(buffer: &mut Buffer, area: Rect, state: &State, theme: &Theme) {
    paint::line(buffer, area, 0, header::one_line(state, theme));
}

pub(super) fn draw(buffer: &mut Buffer, area: Rect, state: &State, theme: &Theme) {
    one_line(buffer, area, state, theme);
    let (_, rest) = top(area, 1);
    let (mut rest, foot) = top(rest, rest.height.saturating_sub(1));
    footer::draw(buffer, foot, state, theme);
    if let Link::Down { cause, .. } = state.link() {
        for text in paint::wrap(&cause.what, rest.width.saturating_sub(1)).iter().take(2) {
            paint::line(buffer, rest, 0, Span::raw(format!(" {text}")));
            rest = top(rest, 1).1;
        }
    }
    let Some(hydra) = state.shown() else { return };
    if *state.page() != Page::Overview {
        super::page(buffer, rest, super::Size::List, state, hydra, theme);
        return;
    }
    let old = state.age().is_some();
    for answer in &answers(hydra) {
        let room = rest.width.saturating_sub(12);
        let first = answer.parts.first().map_or("", String::as_str);
        let brief = answer.level == Level::Good && paint::width(first) > room;
        let text = if brief { cut(&answer.brief, room) } else { well::text(answer, room) };
        let words = format!(" {}{text}", left(&answer.name, 9));
        paint::line(
            buffer,
            rest,
            0,
            Line::from(vec![Span::raw(" "), well::sign(theme, answer.level, old), Span::raw(words)]),
        );
        rest = top(rest, 1).1;
    }
    if state.heads().is_empty() {
        paint::line(buffer, rest, 0, heads::nobody(state, theme));
    }
    for (row, head) in (0..rest.height).zip(state.heads()) {
        let mut words = vec![Span::raw(format!(" {}", left(&head.name, 8)))];
        words.extend(state_cell(head, 10, old, theme));
        words.push(Span::raw(format!(
            " {} conns {}/s",
            count(connections(head)),
            rate_or_none(requests_of(head))
        )));
        paint::line(buffer, rest, row, Line::from(words));
    }
}
