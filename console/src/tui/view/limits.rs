//! *Limits*: what runs out first. ▲ from 80 %, ✖ from 95 %. A limit that is not known has no row.

use hydra_protocol::v1::Status;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::paint::{self, left, right, span, title};
use super::theme::{Meaning, Theme};
use crate::tui::chart::bar::bar;
use crate::tui::number::{bytes_of, count, percent};
use crate::tui::state::{Level, State};

/// Cells of the pane beside *Is it well?*.
pub(super) const WIDTH: u16 = 44;

struct Limit {
    name: &'static str,
    used: String,
    limit: String,
    ratio: f64,
}

impl Limit {
    fn level(&self) -> Level {
        match self.ratio {
            0.95.. => Level::Broken,
            0.80..0.95 => Level::Look,
            _ => Level::Good,
        }
    }
}

fn limits(status: &Status) -> Vec<Limit> {
    let ratio = |used: u64, limit: u64| used as f64 / limit as f64;
    let of_bytes = |name, used, limit| {
        let (used_text, limit_text) = bytes_of(used, limit);
        Limit { name, used: used_text, limit: limit_text, ratio: ratio(used, limit) }
    };
    let of_counts =
        |name, used, limit| Limit { name, used: count(used), limit: count(limit), ratio: ratio(used, limit) };
    let connections = status.connections_in.saturating_add(status.connections_out);
    let mut limits = Vec::new();
    if status.memory_limit_bytes > 0 {
        limits.push(of_bytes("memory", status.rss_bytes, status.memory_limit_bytes));
    }
    if status.belly_limit_bytes > 0 {
        limits.push(of_bytes("disk", status.belly_bytes, status.belly_limit_bytes));
    }
    if status.connections_limit > 0 {
        limits.push(of_counts("conns", connections, status.connections_limit));
    }
    if status.files_limit > 0 {
        limits.push(of_counts("files", status.files_open, status.files_limit));
    }
    limits
}

/// Rows of the pane without its title.
pub(super) fn rows(status: &Status) -> u16 {
    u16::try_from(limits(status).len()).unwrap_or(0)
}

/// Something runs out.
pub(super) fn any_near(status: &Status) -> bool {
    limits(status).iter().any(|limit| limit.level() != Level::Good)
}

/// The pane: one limit a row, with a bar.
pub(super) fn draw(buffer: &mut Buffer, area: Rect, state: &State, status: &Status, theme: &Theme) {
    title(buffer, area, theme, "Limits", "");
    let (_, area) = paint::top(area, 1);
    let old = state.age().is_some();
    for (row, limit) in (0..).zip(limits(status)) {
        let (sign, meaning) = mark(&limit, old, theme);
        let numbers =
            format!("{}{} / {}  ", left(limit.name, 6), right(&limit.used, 7), right(&limit.limit, 10));
        let bar = format!("{}  {}", bar(limit.ratio, 9, theme.is_ascii()), right(&percent(limit.ratio), 4));
        let style = meaning.map_or_else(Default::default, |meaning| theme.style(meaning));
        let line = Line::from(vec![sign, Span::raw(numbers), Span::styled(bar, style)]);
        paint::line(buffer, area, row, line);
    }
}

/// One row: those that are near come first, the others in their order as far as they fit.
pub(super) fn draw_row(buffer: &mut Buffer, area: Rect, state: &State, status: &Status, theme: &Theme) {
    let old = state.age().is_some();
    let mut limits = limits(status);
    limits.sort_by_key(|limit| limit.level() == Level::Good);
    let mut spans = Vec::new();
    let mut used = 0;
    for limit in limits {
        let (sign, _) = mark(&limit, old, theme);
        let text = format!("{} {}/{} {}", limit.name, limit.used, limit.limit, percent(limit.ratio));
        let cells = paint::width(&text).saturating_add(3);
        if used + cells > area.width {
            continue;
        }
        used += cells;
        spans.extend([sign, Span::raw(text), Span::raw("  ")]);
    }
    paint::line(buffer, area, 0, Line::from(spans));
}

fn mark(limit: &Limit, old: bool, theme: &Theme) -> (Span<'static>, Option<Meaning>) {
    match limit.level() {
        _ if old => (span(theme, Meaning::Old, theme.symbol(Meaning::Old)), Some(Meaning::Old)),
        Level::Good => (Span::raw(" "), None),
        level => (paint::sign(theme, level), Some(Meaning::Level(level))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_known_has_no_row() {
        assert_eq!(limits(&Status::default()).len(), 0);
        let status = Status { files_open: 96, files_limit: 100, ..Status::default() };
        let limits = limits(&status);
        assert_eq!((limits.len(), limits[0].level()), (1, Level::Broken));
        assert_eq!(percent(limits[0].ratio), "96 %");
    }
}
