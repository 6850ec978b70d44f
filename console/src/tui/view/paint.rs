//! Putting text on cells: lines, title rules, cutting by the width of cells.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

use super::theme::{Meaning, Theme};
use crate::tui::state::Level;

/// Width of a text in cells.
#[must_use]
pub fn width(text: &str) -> u16 {
    u16::try_from(text.width()).unwrap_or(u16::MAX)
}

/// The text, cut with `…` to at most `cells`.
#[must_use]
pub fn cut(text: &str, cells: u16) -> String {
    if width(text) <= cells {
        return text.to_owned();
    }
    let Some(room) = cells.checked_sub(1) else { return String::new() };
    let mut used = 0;
    let mut kept: String = text
        .chars()
        .take_while(|c| {
            used += c.width().unwrap_or(0);
            used <= usize::from(room)
        })
        .collect();
    kept.push('…');
    kept
}

/// The text in exactly `cells`, cut or filled up on the right.
#[must_use]
pub fn left(text: &str, cells: u16) -> String {
    let text = cut(text, cells);
    let blanks = cells.saturating_sub(width(&text));
    text + &" ".repeat(usize::from(blanks))
}

/// The text in exactly `cells`, cut or filled up on the left.
#[must_use]
pub fn right(text: &str, cells: u16) -> String {
    let text = cut(text, cells);
    let blanks = cells.saturating_sub(width(&text));
    " ".repeat(usize::from(blanks)) + &text
}

/// The text in lines of at most `cells`, broken at blanks where there are any.
#[must_use]
pub fn wrap(text: &str, cells: u16) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split(' ').filter(|word| !word.is_empty()) {
        let Some(line) = lines.last_mut() else { break };
        if line.is_empty() {
            line.push_str(word);
        } else if width(line).saturating_add(1).saturating_add(width(word)) <= cells {
            line.push(' ');
            line.push_str(word);
        } else {
            lines.push(word.to_owned());
        }
    }
    lines.iter().map(|line| cut(line, cells)).collect()
}

/// Parts that stay whole, joined to lines of at most `cells`: `first` stands before them all, and
/// after each but the last the `separator`.
#[must_use]
pub fn fill_lines(first: &str, parts: &[String], separator: &str, cells: u16) -> Vec<String> {
    let mut lines = vec![first.to_owned()];
    for (at, part) in parts.iter().enumerate() {
        let end = if at + 1 < parts.len() { separator } else { "" };
        let Some(line) = lines.last_mut() else { break };
        let longer = format!("{line} {part}{end}");
        if line.is_empty() {
            *line = format!("{part}{end}");
        } else if width(&longer) <= cells {
            *line = longer;
        } else {
            lines.push(format!("{part}{end}"));
        }
    }
    lines.iter().map(|line| cut(line, cells)).collect()
}

/// A part of a line that means something.
#[must_use]
pub fn span(theme: &Theme, meaning: Meaning, text: impl Into<String>) -> Span<'static> {
    Span::styled(text.into(), theme.style(meaning))
}

/// The sign of a level in its colour.
#[must_use]
pub fn sign(theme: &Theme, level: Level) -> Span<'static> {
    span(theme, Meaning::Level(level), theme.symbol(Meaning::Level(level)))
}

/// The row `row` of an area, if it has one.
#[must_use]
pub fn row(area: Rect, row: u16) -> Option<Rect> {
    (row < area.height && area.width > 0).then(|| Rect { y: area.y + row, height: 1, ..area })
}

/// Writes a line into the row `number` of an area; outside of it nothing happens.
pub fn line<'a>(buffer: &mut Buffer, area: Rect, number: u16, line: impl Into<Line<'a>>) {
    if let Some(row) = row(area, number).map(|row| row.intersection(buffer.area))
        && !row.is_empty()
    {
        buffer.set_line(row.x, row.y, &line.into(), row.width);
    }
}

/// A line with one part at each edge; where both do not fit, the right one stays whole.
pub fn split<'a>(
    buffer: &mut Buffer,
    area: Rect,
    number: u16,
    start: impl Into<Line<'a>>,
    end: impl Into<Line<'a>>,
) {
    let (start, end) = (start.into(), end.into());
    let Some(row) = row(area, number) else { return };
    let end_width = u16::try_from(end.width()).unwrap_or(u16::MAX).min(row.width);
    let room = if end_width == 0 { row.width } else { row.width.saturating_sub(end_width + 1) };
    line(buffer, Rect { width: room, ..row }, 0, start);
    line(buffer, Rect { x: row.x + row.width - end_width, width: end_width, ..row }, 0, end);
}

/// A title rule: `─ what, scope, window ─── unit or count ─`.
pub fn title(buffer: &mut Buffer, area: Rect, theme: &Theme, what: &str, unit: &str) {
    let Some(row) = row(area, 0) else { return };
    let rule = theme.symbol(Meaning::Title);
    let quiet = theme.style(Meaning::Quiet);
    fill(buffer, row, rule, quiet);
    let what = format!(" {} ", cut(what, row.width.saturating_sub(4)));
    let what_width = width(&what);
    line(buffer, inset(row, 1), 0, span(theme, Meaning::Title, what));
    let unit = format!(" {unit} ");
    if unit.len() > 2 && what_width.saturating_add(width(&unit)).saturating_add(3) <= row.width {
        let x = row.x + row.width - width(&unit) - 1;
        line(buffer, Rect { x, width: width(&unit), ..row }, 0, Span::raw(unit));
    }
}

/// Fills an area with one sign.
pub fn fill(buffer: &mut Buffer, area: Rect, symbol: &str, style: Style) {
    for position in area.intersection(buffer.area).positions() {
        if let Some(cell) = buffer.cell_mut(position) {
            cell.reset();
            cell.set_symbol(symbol).set_style(style);
        }
    }
}

/// The area without `cells` at its left.
#[must_use]
pub fn inset(area: Rect, cells: u16) -> Rect {
    let cells = cells.min(area.width);
    Rect { x: area.x + cells, width: area.width - cells, ..area }
}

/// The first `rows` of an area, and the rest.
#[must_use]
pub fn top(area: Rect, rows: u16) -> (Rect, Rect) {
    let rows = rows.min(area.height);
    (Rect { height: rows, ..area }, Rect { y: area.y + rows, height: area.height - rows, ..area })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_cut_by_cells_and_not_by_letters() {
        assert_eq!(cut("レルネーの水蛇", 7), "レルネ…");
        assert_eq!(cut("abc", 3), "abc");
        assert_eq!(cut("abcd", 0), "");
        assert_eq!(left("ab", 4), "ab  ");
        assert_eq!(right("ab", 4), "  ab");
        assert_eq!(width(&left("水蛇水", 4)), 4);
    }

    #[test]
    fn wrapping_breaks_at_blanks_and_cuts_what_has_none() {
        assert_eq!(wrap("aa bb cc", 5), ["aa bb", "cc"]);
        assert_eq!(wrap("aaaaaaaa b", 4), ["aaa…", "b"]);
        assert_eq!(wrap("", 4), [""]);
    }
}
