//! Above the page while there is no daemon: why, and what to do. The page below keeps its values.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::paint::{self, left, top, wrap};
use super::theme::Theme;
use crate::tui::state::{Cause, Link, State};

const KEEPS: &str = "This window reconnects by itself and keeps view, order and selection.";

/// Draws the box; gives back what is left of the area.
pub(super) fn draw(buffer: &mut Buffer, area: Rect, cause: &Cause, theme: &Theme) -> Rect {
    let inner = area.width.saturating_sub(3);
    let mut lines = wrap(&cause.what, inner);
    lines.truncate(3);
    if !cause.advice.is_empty() {
        lines.extend(wrap(&cause.advice, inner).into_iter().take(3));
    }
    lines.extend(wrap(KEEPS, inner).into_iter().take(1));
    let rows = u16::try_from(lines.len()).unwrap_or(u16::MAX).saturating_add(2);
    let (block, rest) = top(area, rows);
    frame(buffer, block, &lines, theme);
    rest
}

/// A box with lines of text: the only boxes are dialogs and this.
pub(super) fn frame(buffer: &mut Buffer, area: Rect, lines: &[String], theme: &Theme) {
    if area.width < 4 || area.height < 2 {
        return;
    }
    let cells = area.width - 2;
    let ascii = theme.is_ascii();
    let rule = if ascii { "-" } else { "─" }.repeat(usize::from(cells));
    let (corners, side) = if ascii { (["+"; 4], "|") } else { (["┌", "┐", "└", "┘"], "│") };
    let [top_left, top_right, bottom_left, bottom_right] = corners;
    paint::fill(buffer, area, " ", ratatui::style::Style::new());
    paint::line(buffer, area, 0, format!("{top_left}{rule}{top_right}"));
    let last = area.height - 1;
    for row in 1..last {
        let text = lines.get(usize::from(row - 1)).map_or("", String::as_str);
        paint::line(buffer, area, row, format!("{side} {}{side}", left(text, cells - 1)));
    }
    paint::line(buffer, area, last, format!("{bottom_left}{rule}{bottom_right}"));
}

/// Before the first answer of a daemon.
pub(super) fn nothing_yet(buffer: &mut Buffer, area: Rect, state: &State, _theme: &Theme) {
    if let Link::Live { .. } | Link::Connecting = state.link() {
        paint::line(buffer, area, 1, " waiting for the first answer of hydrad …");
    }
}
