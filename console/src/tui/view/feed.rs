//! What stands in place of a pane while the daemon has not answered, or does not want to.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::paint::{self, span, wrap};
use super::theme::{Meaning, Theme};
use crate::tui::number;
use crate::tui::state::feed::Ask;
use crate::tui::state::{Hydra, Level, State};

/// Answers that were missed before one is called old.
const MISSED: u32 = 3;

/// Why a pane has nothing to show.
pub(super) struct Nothing {
    level: Level,
    text: String,
}

/// Why the answer to `ask` is not shown, `known` or not; `None`: it is. What was known before
/// the daemon went away stays.
pub(super) fn nothing(state: &State, hydra: &Hydra, ask: &Ask, known: bool) -> Option<Nothing> {
    let trouble = hydra.feeds.trouble(ask);
    let (level, text) = match () {
        () if known && (trouble.is_empty() || state.age().is_some()) => return None,
        () if !trouble.is_empty() => (Level::Look, trouble.to_owned()),
        () if state.reaches_daemon() => (Level::Busy, "asking hydrad …".to_owned()),
        () => (Level::Off, "hydrad was not asked before it was gone".to_owned()),
    };
    Some(Nothing { level, text })
}

impl Nothing {
    pub(super) fn draw(&self, buffer: &mut Buffer, area: Rect, theme: &Theme) {
        for (row, text) in (0..).zip(wrap(&self.text, area.width.saturating_sub(3))) {
            let sign = if row == 0 { theme.symbol(Meaning::Level(self.level)) } else { " " };
            let meaning = Meaning::Level(self.level);
            let words = vec![span(theme, meaning, format!(" {sign} ")), ratatui::text::Span::raw(text)];
            paint::line(buffer, area, row, words);
        }
    }
}

/// Makes an area dim that shows values which are no longer true.
pub(super) fn age(buffer: &mut Buffer, area: Rect, state: &State, theme: &Theme) {
    if state.age().is_some() {
        buffer.set_style(area.intersection(buffer.area), theme.style(Meaning::Old));
    }
}

/// When the answer was true, if that is not now: `~ as of 03:12:31`, and why there is no newer.
pub(super) fn as_of(state: &State, hydra: &Hydra, ask: &Ask) -> Option<String> {
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
