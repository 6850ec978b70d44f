//! Draws a table that is data: its columns as far as they fit, its rows around the selected one.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::paint::{self, left, right, span};
use super::theme::{Meaning, Theme};
use crate::tui::state::list::List;
use crate::tui::table::{Column, Table};

/// Which rows are on the screen: `1 to 9 of 36`; empty when all are.
pub(super) fn extent<R>(table: &Table<R>, list: &List, rows: &[&R], visible: usize) -> String {
    if rows.len() <= visible {
        return String::new();
    }
    let first = first_visible(table, list, rows, visible);
    format!("{} to {} of {}", first + 1, (first + visible).min(rows.len()), rows.len())
}

/// The first row that is shown so that the selected one is.
fn first_visible<R>(table: &Table<R>, list: &List, rows: &[&R], visible: usize) -> usize {
    let at = rows.iter().position(|row| Some((table.id)(row).as_str()) == list.selected()).unwrap_or(0);
    (at + 1).saturating_sub(visible)
}

/// The names of the columns, then rows; columns that do not fit are left out from the right.
pub(super) fn draw<R>(
    buffer: &mut Buffer,
    area: Rect,
    table: &Table<R>,
    list: &List,
    rows: &[&R],
    theme: &Theme,
) {
    let mut room = area.width.saturating_sub(1);
    let columns: Vec<&Column<R>> = table
        .columns
        .iter()
        .enumerate()
        .filter(|(number, _)| list.shows(*number))
        .map_while(|(_, column)| {
            room = room.checked_sub(column.cells + 1)?;
            Some(column)
        })
        .collect();
    let line = |text: &dyn Fn(&Column<R>) -> String| -> String {
        columns.iter().map(|column| format!("{} ", cell(column, &text(column)))).collect()
    };
    let names = format!(" {}", line(&|column| column.title.to_owned()));
    paint::line(buffer, area, 0, span(theme, Meaning::Title, names));
    let (_, body) = paint::top(area, 1);
    let visible = usize::from(body.height);
    let first = first_visible(table, list, rows, visible);
    for (number, row) in (0..body.height).zip(rows.iter().skip(first)) {
        let selected = list.selected() == Some((table.id)(row).as_str());
        let marker = if selected { theme.symbol(Meaning::Selected) } else { " " };
        paint::line(buffer, body, number, format!("{marker}{}", line(&|column| (column.text)(row))));
        if selected && let Some(cells) = paint::row(body, number) {
            buffer.set_style(cells, theme.style(Meaning::Selected));
        }
    }
}

fn cell<R>(column: &Column<R>, text: &str) -> String {
    if column.to_right { right(text, column.cells) } else { left(text, column.cells) }
}

/// What a person made of a table, for its title: ` · by AGE, last first · with kubo`.
pub(super) fn wishes<R>(table: &Table<R>, list: &List) -> String {
    let (by, inverted) = list.order();
    let by = match table.columns.get(by) {
        Some(column) if by > 0 => format!(" · by {}", column.title),
        _ => String::new(),
    };
    let turned = if inverted { ", last first" } else { "" };
    let filter = match list.filter() {
        "" => String::new(),
        filter => format!(" · with {filter}"),
    };
    format!("{by}{turned}{filter}")
}
