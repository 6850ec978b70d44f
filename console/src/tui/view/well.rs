//! Draws *Is it well?*: one line a question.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::paint::{self, span};
use super::theme::{Meaning, Theme};
use crate::tui::state::well::Answer;
use crate::tui::state::{Level, State};

/// What fits of an answer into so many cells.
pub(super) fn text(answer: &Answer, cells: u16) -> String {
    let mut text = String::new();
    for part in &answer.parts {
        let longer = if text.is_empty() { part.clone() } else { format!("{text} · {part}") };
        if !text.is_empty() && paint::width(&longer) > cells {
            break;
        }
        text = longer;
    }
    paint::cut(&text, cells)
}

/// Draws the answers, one a row.
pub(super) fn draw(buffer: &mut Buffer, area: Rect, state: &State, answers: &[Answer], theme: &Theme) {
    let old = state.age().is_some();
    for (row, answer) in (0..).zip(answers) {
        let sign = sign(theme, answer.level, old);
        let told = text(answer, area.width.saturating_sub(13));
        let text = if old { span(theme, Meaning::Old, told) } else { Span::raw(told) };
        let name = Span::raw(paint::left(&answer.name, 10));
        let words = Line::from(vec![Span::raw(" "), sign, Span::raw(" "), name, text]);
        paint::line(buffer, area, row, words);
    }
}

/// The sign of an answer; old ones are not known any more.
pub(super) fn sign(theme: &Theme, level: Level, old: bool) -> Span<'static> {
    if old { span(theme, Meaning::Old, theme.symbol(Meaning::Old)) } else { paint::sign(theme, level) }
}
