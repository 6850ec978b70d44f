//! *Heads*: a table whose columns are data. One row differs: that head. All differ: the machine
//! or the network.

mod groups;
mod keyspace;
mod lanes;
pub(super) mod page;

use hydra_protocol::v1::{Head, Rates, Status};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::paint::{self, left, right, span, title};
use super::theme::{Meaning, Theme};
use super::{Size, table};
use crate::tui::number;
use crate::tui::number::{count, tight_or_none};
use crate::tui::state::hydra::{others, requests, state_word};
use crate::tui::state::{Hydra, State};
use crate::tui::table::{Column, HEADS};

/// Columns after the name where there is not room for all.
const STANDARD: [&str; 8] = ["KEY", "PEER ID", "STATE", "CONNS", "PRES", "REQ/s", "ADD/s", "GET/s"];
const NAME: u16 = 7;

/// What stands below a column: the same over all heads.
fn sum(title: &str, status: &Status) -> String {
    let rate = |rate: fn(&Rates) -> f64| tight_or_none(status.rates_1m.as_ref().map(rate));
    let megabytes = |bytes: fn(&Rates) -> f64| number::megabytes(status.rates_1m.as_ref().map(bytes));
    match title {
        "STATE" => format!("{} of {}", status.heads_serving, status.heads),
        "CONNS" => count(status.connections_in.saturating_add(status.connections_out)),
        "PRES" => match (status.presence_listed, status.presence_asked) {
            (Some(listed), Some(asked)) => format!("{listed}/{asked}"),
            _ => "—".to_owned(),
        },
        "REQ/s" => rate(requests),
        "ADD/s" => rate(|rates| rates.add_provider),
        "GET/s" => rate(|rates| rates.get_providers),
        "FIND/s" => rate(|rates| rates.find_node),
        "OTHER" => rate(others),
        "IN" => megabytes(|rates| rates.bytes_in),
        "OUT" => megabytes(|rates| rates.bytes_out),
        "RST/m" => rate(|rates| rates.resets * 60.0),
        _ => String::new(),
    }
}

/// The columns after the name that are drawn: as many as fit after the first `used` cells.
fn columns(size: Size, state: &State, used: u16, cells: u16) -> Vec<&'static Column<Head>> {
    let list = &state.lists().heads;
    let wanted = |number: usize, column: &Column<Head>| {
        let kept = match size {
            Size::Full => true,
            Size::Standard => STANDARD.contains(&column.title),
            _ => STANDARD.contains(&column.title) && column.title != "PEER ID",
        };
        number > 0 && list.shows(number) && kept
    };
    let mut room = cells.saturating_sub(used);
    HEADS
        .columns
        .iter()
        .enumerate()
        .filter(|(number, column)| wanted(*number, column))
        .map_while(|(_, column)| {
            room = room.checked_sub(column.cells + paint::width(gap(size, column)))?;
            Some(column)
        })
        .collect()
}

/// Rows besides those of the heads: title, names of columns and, where it fits, the sum.
pub(super) fn frame_rows(size: Size) -> u16 {
    if size == Size::Full { 3 } else { 2 }
}

pub(super) fn draw(buffer: &mut Buffer, area: Rect, size: Size, state: &State, hydra: &Hydra, theme: &Theme) {
    let heads = state.heads();
    let old = state.age().is_some();
    title(buffer, area, theme, &what(state, heads.len()), &unit(size, old, hydra));
    let (_, body) = paint::top(area, 1);
    if heads.is_empty() {
        paint::line(buffer, body, 1, nobody(state, theme));
        return;
    }
    let gap = |column: &Column<Head>| gap(size, column);
    let names = heads.iter().map(|head| paint::width(&head.name)).max().unwrap_or(NAME).clamp(NAME, 12);
    let columns = columns(size, state, names + 1, area.width);
    let names_of_columns: String = std::iter::once(format!(" {}", left("HEAD", names)))
        .chain(columns.iter().map(|column| format!("{}{}", gap(column), cell(column, column.title))))
        .collect();
    paint::line(buffer, body, 0, span(theme, Meaning::Title, names_of_columns));
    let (_, rows) = paint::top(body, 1);
    let sum_rows = frame_rows(size) - 2;
    let visible = usize::from(rows.height.saturating_sub(sum_rows));
    let first = first_visible(&heads, state.selected(), visible);
    for (row, head) in (0..).zip(heads.iter().skip(first).take(visible)) {
        let line = row_of(head, &columns, &gap, names, state, theme);
        paint::line(buffer, rows, row, line);
        if state.marked() == Some(head.name.as_str())
            && let Some(cells) = paint::row(rows, row)
        {
            buffer.set_style(cells, theme.style(Meaning::Selected));
        }
    }
    if sum_rows > 0 {
        let status = &hydra.status;
        let sums: String = std::iter::once(format!(" {}", left(" all", names)))
            .chain(
                columns
                    .iter()
                    .map(|column| format!("{}{}", gap(column), cell(column, &sum(column.title, status)))),
            )
            .collect();
        let row = u16::try_from(visible.min(heads.len())).unwrap_or(u16::MAX);
        let meaning = if old { Meaning::Old } else { Meaning::Title };
        paint::line(buffer, rows, row, span(theme, meaning, sums));
    }
}

/// In place of rows: there are no heads, and how there will be.
pub(super) fn nobody(state: &State, theme: &Theme) -> Span<'static> {
    let add =
        if state.may_control() { "a adds some, or: hydractl heads add 5" } else { "hydractl heads add 5" };
    span(theme, Meaning::Quiet, format!(" no heads yet; {add}"))
}

fn what(state: &State, number: usize) -> String {
    format!("Heads {}{}", count(number as u64), table::wishes(&HEADS, &state.lists().heads))
}

fn unit(size: Size, old: bool, hydra: &Hydra) -> String {
    match (size, old) {
        (_, true) => format!("as of {}", number::clock(hydra.clock())),
        (Size::Full, false) => "1 min · IN, OUT in MB/s · RST resets a minute".to_owned(),
        (_, false) => "1 min averages".to_owned(),
    }
}

/// Before a column; numbers that stand at the right have a blank of their own before them.
fn gap(size: Size, column: &Column<Head>) -> &'static str {
    match (size, column.to_right) {
        (Size::Full, true) => "",
        (Size::Full, false) | (_, true) => " ",
        _ => "  ",
    }
}

fn cell(column: &Column<Head>, text: &str) -> String {
    if column.to_right { right(text, column.cells) } else { left(text, column.cells) }
}

/// Of the servers nearest to it, how many list the head.
pub(super) fn presence(head: &Head) -> String {
    HEADS
        .columns
        .iter()
        .find(|column| column.title == "PRES")
        .map_or_else(String::new, |column| (column.text)(head))
}

/// The first row that is shown so that the selected one is.
pub(super) fn first_visible(heads: &[&Head], selected: Option<&str>, visible: usize) -> usize {
    let at = heads.iter().position(|head| Some(head.name.as_str()) == selected).unwrap_or(0);
    (at + 1).saturating_sub(visible)
}

fn row_of(
    head: &Head,
    columns: &[&Column<Head>],
    gap: &dyn Fn(&Column<Head>) -> &'static str,
    names: u16,
    state: &State,
    theme: &Theme,
) -> Line<'static> {
    let old = state.age().is_some();
    let selected = state.marked() == Some(head.name.as_str());
    let marker = if selected { theme.symbol(Meaning::Selected) } else { " " };
    let mut spans = vec![Span::raw(marker), Span::raw(left(&head.name, names))];
    for column in columns {
        spans.push(Span::raw(gap(column)));
        if column.title == "STATE" {
            spans.extend(state_cell(head, column.cells, old, theme));
        } else {
            spans.push(Span::raw(cell(column, &(column.text)(head))));
        }
    }
    let line = Line::from(spans);
    if old { line.style(theme.style(Meaning::Old)) } else { line }
}

/// Sign and word of a head's state; `~` when it is not known any more.
pub(super) fn state_cell(head: &Head, cells: u16, old: bool, theme: &Theme) -> [Span<'static>; 2] {
    let (level, word) = state_word(head.state());
    let (sign, word) =
        if old { (theme.symbol(Meaning::Old), "") } else { (theme.symbol(Meaning::Level(level)), word) };
    let meaning = if old { Meaning::Old } else { Meaning::Level(level) };
    [span(theme, meaning, sign), Span::raw(left(&format!(" {word}"), cells.saturating_sub(1)))]
}
