//! A table of a page: names of columns, the rows that fit around the selected one, its mark. What
//! the columns are is data of `table`; which fit is decided here.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::paint::{self, left, right, span};
use super::theme::{Meaning, Theme};
use crate::tui::state::list::List;
use crate::tui::table::{Column, Table};

/// What a view draws of a table.
pub(super) struct Grid<'a, R: 'static> {
    /// The columns there are.
    pub table: &'a Table<R>,
    /// What a person made of it.
    pub list: &'a List,
    /// The rows in their order.
    pub rows: &'a [&'a R],
    /// Titles of the columns that are drawn here, if they fit.
    pub columns: &'a [&'static str],
    /// Takes the room that the others leave; empty: none does.
    pub wide: &'static str,
    /// Cells that a column has instead of its own.
    pub cells: &'a [(&'static str, u16)],
    /// The keys work on it.
    pub focused: bool,
    /// The values are no longer true.
    pub old: bool,
}

/// How a cell looks, where that is not its text alone: column, row, cells.
pub(super) type Cell<'c, R> = &'c dyn Fn(&str, &R, u16) -> Option<Vec<Span<'static>>>;

impl<R> Grid<'_, R> {
    /// The columns that fit, with their cells.
    fn fitting(&self, cells: u16) -> Vec<(&Column<R>, u16)> {
        let own = |column: &Column<R>| {
            let other = self.cells.iter().find(|(title, _)| *title == column.title);
            other.map_or(column.cells, |(_, cells)| *cells)
        };
        let shown = self.table.columns.iter().enumerate();
        let wanted =
            shown.filter(|(at, column)| self.list.shows(*at) && self.columns.contains(&column.title));
        // one for the mark
        let mut room = cells.saturating_sub(1);
        let mut fitting: Vec<(&Column<R>, u16)> = Vec::new();
        for (_, column) in wanted {
            let gap = if fitting.is_empty() { 0 } else { 2 };
            let least = if column.title == self.wide { own(column).min(10) } else { own(column) };
            let Some(rest) = room.checked_sub(least + gap) else { continue };
            room = rest;
            fitting.push((column, least));
        }
        if let Some((_, cells)) = fitting.iter_mut().find(|(column, _)| column.title == self.wide) {
            *cells += room;
        }
        fitting
    }

    /// Draws it; `cell` may say how a cell looks.
    pub(super) fn draw(&self, buffer: &mut Buffer, area: Rect, theme: &Theme, cell: Cell<'_, R>) {
        let columns = self.fitting(area.width);
        let titles: Vec<String> =
            columns.iter().map(|(column, cells)| pad(column, column.title, *cells)).collect();
        paint::line(buffer, area, 0, span(theme, Meaning::Title, format!(" {}", titles.join("  "))));
        let (_, body) = paint::top(area, 1);
        let first = self.first_visible(usize::from(body.height));
        for (number, row) in (0..body.height).zip(self.rows.iter().skip(first)) {
            let marked = self.focused && self.is_selected(row);
            let mut spans = vec![Span::raw(if marked { theme.symbol(Meaning::Selected) } else { " " })];
            for (place, (column, cells)) in columns.iter().enumerate() {
                if place > 0 {
                    spans.push(Span::raw("  "));
                }
                match cell(column.title, row, *cells) {
                    // what is old has one look
                    Some(own) if self.old => {
                        spans.extend(own.into_iter().map(|span| Span::raw(span.content)));
                    }
                    Some(own) => spans.extend(own),
                    None => spans.push(Span::raw(pad(column, &(column.text)(row), *cells))),
                }
            }
            let line = Line::from(spans);
            let line = if self.old { line.style(theme.style(Meaning::Old)) } else { line };
            paint::line(buffer, body, number, line);
            if marked && let Some(cells) = paint::row(body, number) {
                buffer.set_style(cells.intersection(buffer.area), theme.style(Meaning::Selected));
            }
        }
    }

    /// The first row that is shown of so many, so that the selected one is.
    pub(super) fn first_visible(&self, visible: usize) -> usize {
        let at = self.rows.iter().position(|row| self.is_selected(row)).unwrap_or(0);
        (at + 1).saturating_sub(visible)
    }

    fn is_selected(&self, row: &R) -> bool {
        self.list.selected() == Some((self.table.id)(row).as_str())
    }
}

fn pad<R>(column: &Column<R>, text: &str, cells: u16) -> String {
    if column.to_right { right(text, cells) } else { left(text, cells) }
}
