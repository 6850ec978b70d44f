//! What stands in place of an answer that is not there, and how old one is that is.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Span;

use super::paint::{self, span};
use super::theme::{Meaning, Theme};
use crate::tui::number;
use crate::tui::state::feed::Ask;
use crate::tui::state::{Hydra, Level, State};

/// Answers that were missed before one is called old.
const MISSED: u32 = 3;

/// In place of a pane: why nothing is known, or that it is asked for.
pub(super) fn nothing(
    buffer: &mut Buffer,
    area: Rect,
    hydra: &Hydra,
    ask: &Ask,
    state: &State,
    theme: &Theme,
) {
    let trouble = hydra.feeds.trouble(ask);
    if trouble.is_empty() {
        let text =
            if state.is_live() { " asking hydrad …" } else { " not known: hydrad was not asked yet" };
        paint::line(buffer, area, 0, span(theme, Meaning::Quiet, text));
        return;
    }
    let lines = paint::wrap(trouble, area.width.saturating_sub(4));
    for (row, text) in (0..area.height).zip(lines) {
        let sign = if row == 0 { theme.symbol(Meaning::Level(Level::Look)) } else { " " };
        let sign = span(theme, Meaning::Level(Level::Look), format!(" {sign} "));
        paint::line(buffer, area, row, vec![sign, Span::raw(text)]);
    }
}

/// When the answer was true, if that is not now: `~ as of 03:12:31`, and why there is no newer.
pub(super) fn age(state: &State, hydra: &Hydra, ask: &Ask) -> Option<String> {
    let received = hydra.feeds.received(ask)?;
    let silent = state.now().saturating_sub(received);
    let late = !state.is_frozen() && silent >= ask.every() * MISSED;
    if state.age().is_none() && !late {
        return None;
    }
    let before = i64::try_from(hydra.received.saturating_sub(received).as_secs()).unwrap_or(0);
    let after = i64::try_from(received.saturating_sub(hydra.received).as_secs()).unwrap_or(0);
    let at = number::clock(hydra.clock().saturating_sub(before).saturating_add(after));
    let why = match hydra.feeds.trouble(ask) {
        "" => String::new(),
        trouble => format!(": {}", paint::cut(trouble, 40)),
    };
    Some(format!("~ as of {at}{why}"))
}
