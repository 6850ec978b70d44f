//! *Load level*: the level, and the present values of what can be too much.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::super::paint::{self, fill_lines, title, top};
use super::super::theme::Theme;
use crate::tui::number::{bytes_of, count, millis, percent};
use crate::tui::state::Hydra;

/// Draws the pane; gives back what is left of the area.
pub(super) fn draw(buffer: &mut Buffer, area: Rect, hydra: &Hydra, theme: &Theme) -> Rect {
    let status = &hydra.status;
    let word = if status.load_level == 0 { "normal" } else { "above normal" };
    let mut values = Vec::new();
    values.extend(status.commit_p99_seconds.map(|p99| format!("commit p99 {}", millis(p99))));
    values.push(format!("{} records not on disk yet", count(status.records_unsaved)));
    if status.memory_limit_bytes > 0 {
        let (used, limit) = bytes_of(status.rss_bytes, status.memory_limit_bytes);
        let share = percent(status.rss_bytes as f64 / status.memory_limit_bytes as f64);
        values.push(format!("memory {used} of {limit}, {share}"));
    }
    let lines = fill_lines("", &values, " ·", area.width.saturating_sub(1));
    let (block, rest) = top(area, u16::try_from(lines.len()).unwrap_or(3).saturating_add(1));
    title(buffer, block, theme, &format!("Load level {} {word}", status.load_level), "");
    for (row, text) in (1..).zip(lines) {
        paint::line(buffer, block, row, format!(" {text}"));
    }
    rest
}
