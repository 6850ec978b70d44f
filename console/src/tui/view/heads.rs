//! *Heads*: a table whose columns are data. One row differs: that head. All differ: the machine
//! or the network.

use hydra_protocol::v1::{Head, Rates, Status};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::number::{count, rate_or_none, short_id, short_key};
use super::paint::{self, left, right, span, title};
use super::theme::{Meaning, Theme};
use super::{Size, number};
use crate::tui::state::hydra::{connections, others, requests, state_word};
use crate::tui::state::order::SortBy;
use crate::tui::state::{Hydra, State};

struct Column {
    title: &'static str,
    cells: u16,
    to_right: bool,
    of_head: fn(&Head) -> String,
    of_all: fn(&Status) -> String,
}

const NAME: u16 = 7;

const fn text(title: &'static str, cells: u16, of_head: fn(&Head) -> String) -> Column {
    Column { title, cells, to_right: false, of_head, of_all: |_| String::new() }
}

const fn numbers(
    title: &'static str,
    cells: u16,
    of_head: fn(&Head) -> String,
    of_all: fn(&Status) -> String,
) -> Column {
    Column { title, cells, to_right: true, of_head, of_all }
}

/// A rate of a head, `—` while none is measured.
fn of_head(head: &Head, rate: fn(&Rates) -> f64) -> String {
    rate_or_none(head.rates_1m.as_ref().map(rate))
}

/// The same over all heads.
fn of_all(status: &Status, rate: fn(&Rates) -> f64) -> String {
    rate_or_none(status.rates_1m.as_ref().map(rate))
}

fn megabytes(bytes: Option<f64>) -> String {
    bytes.map_or_else(|| "—".to_owned(), |bytes| format!("{:.2}", bytes / 1e6))
}

const KEY: Column = text("KEY", 4, |head| short_key(&head.key));
const PEER_ID: Column = text("PEER ID", 12, |head| short_id(&head.peer_id));
const CONNS: Column = numbers(
    "CONNS",
    6,
    |head| count(connections(head)),
    |status| count(status.connections_in.saturating_add(status.connections_out)),
);
const REQUESTS: Column =
    numbers("REQ/s", 6, |head| of_head(head, requests), |status| of_all(status, requests));
const ADD: Column = numbers(
    "ADD/s",
    6,
    |head| of_head(head, |rates| rates.add_provider),
    |status| of_all(status, |rates| rates.add_provider),
);
const GET: Column = numbers(
    "GET/s",
    6,
    |head| of_head(head, |rates| rates.get_providers),
    |status| of_all(status, |rates| rates.get_providers),
);
const FIND: Column = numbers(
    "FIND/s",
    6,
    |head| of_head(head, |rates| rates.find_node),
    |status| of_all(status, |rates| rates.find_node),
);
const OTHER: Column = numbers("OTHER", 5, |head| of_head(head, others), |status| of_all(status, others));
const IN: Column = numbers(
    "IN",
    5,
    |head| megabytes(head.rates_1m.as_ref().map(|rates| rates.bytes_in)),
    |status| megabytes(status.rates_1m.as_ref().map(|rates| rates.bytes_in)),
);
const OUT: Column = numbers(
    "OUT",
    5,
    |head| megabytes(head.rates_1m.as_ref().map(|rates| rates.bytes_out)),
    |status| megabytes(status.rates_1m.as_ref().map(|rates| rates.bytes_out)),
);
const RESETS: Column = numbers(
    "RST/m",
    5,
    |head| of_head(head, |rates| rates.resets * 60.0),
    |status| of_all(status, |rates| rates.resets * 60.0),
);
const ADDRESS: Column = text("ADDRESS", 20, address);
const STATE: Column = text("STATE", 11, |_| String::new());

/// Titled columns after the name, by size.
const FULL: &[Column] =
    &[KEY, PEER_ID, ADDRESS, STATE, CONNS, REQUESTS, ADD, GET, FIND, OTHER, IN, OUT, RESETS];
const STANDARD: &[Column] = &[KEY, PEER_ID, STATE, CONNS, REQUESTS, ADD, GET];

/// Host and port of the first announced address, else of the port it listens on.
pub(super) fn address(head: &Head) -> String {
    let announced = head.addresses.iter().find_map(|address| {
        let mut parts = address.split('/').skip(1);
        let (kind, host, _, port) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        port.parse::<u16>().ok()?;
        Some(if kind == "ip6" { format!("[{host}]:{port}") } else { format!("{host}:{port}") })
    });
    announced.unwrap_or_else(|| format!("{}:{}", head.listen_ip, head.port))
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
    let columns = if size == Size::Full { FULL } else { STANDARD };
    let gap = if size == Size::Full { " " } else { "  " };
    let names = heads.iter().map(|head| paint::width(&head.name)).max().unwrap_or(NAME).clamp(NAME, 12);
    let names_of_columns: String = std::iter::once(format!(" {}", left("HEAD", names)))
        .chain(columns.iter().map(|column| format!("{gap}{}", cell(column, column.title))))
        .collect();
    paint::line(buffer, body, 0, span(theme, Meaning::Title, names_of_columns));
    let (_, rows) = paint::top(body, 1);
    let sum_rows = frame_rows(size) - 2;
    let visible = usize::from(rows.height.saturating_sub(sum_rows));
    let first = first_visible(&heads, state.selected(), visible);
    for (row, head) in (0..).zip(heads.iter().skip(first).take(visible)) {
        let line = row_of(head, columns, gap, names, state, theme);
        paint::line(buffer, rows, row, line);
        if state.selected() == Some(head.name.as_str())
            && let Some(cells) = paint::row(rows, row)
        {
            buffer.set_style(cells, theme.style(Meaning::Selected));
        }
    }
    if sum_rows > 0 {
        let status = &hydra.status;
        let sum: String = std::iter::once(format!(" {}", left(" all", names)))
            .chain(columns.iter().map(|column| match column.title {
                "STATE" => {
                    format!("{gap}{}", cell(column, &format!("{} of {}", status.heads_serving, status.heads)))
                }
                _ => format!("{gap}{}", cell(column, &(column.of_all)(status))),
            }))
            .collect();
        let row = u16::try_from(visible.min(heads.len())).unwrap_or(u16::MAX);
        let meaning = if old { Meaning::Old } else { Meaning::Title };
        paint::line(buffer, rows, row, span(theme, meaning, sum));
    }
}

/// In place of rows: there are no heads, and how there will be.
pub(super) fn nobody(state: &State, theme: &Theme) -> Span<'static> {
    let add =
        if state.may_control() { "a adds some, or: hydractl heads add 5" } else { "hydractl heads add 5" };
    span(theme, Meaning::Quiet, format!(" no heads yet; {add}"))
}

fn what(state: &State, number: usize) -> String {
    let by = match state.order().by() {
        SortBy::Head => "",
        SortBy::Key => ", by key",
        SortBy::State => ", by state",
        SortBy::Connections => ", by connections",
        SortBy::Requests => ", by requests",
        SortBy::Add => ", by ADD_PROVIDER",
        SortBy::Get => ", by GET_PROVIDERS",
    };
    let turned = if state.order().is_inverted() { ", last first" } else { "" };
    format!("Heads {}{by}{turned}", count(number as u64))
}

fn unit(size: Size, old: bool, hydra: &Hydra) -> String {
    match (size, old) {
        (_, true) => format!("as of {}", number::clock(hydra.clock())),
        (Size::Full, false) => "1 min · IN, OUT in MB/s · RST resets a minute".to_owned(),
        (_, false) => "1 min averages".to_owned(),
    }
}

fn cell(column: &Column, text: &str) -> String {
    if column.to_right { right(text, column.cells) } else { left(text, column.cells) }
}

/// The first row that is shown so that the selected one is.
pub(super) fn first_visible(heads: &[&Head], selected: Option<&str>, visible: usize) -> usize {
    let at = heads.iter().position(|head| Some(head.name.as_str()) == selected).unwrap_or(0);
    (at + 1).saturating_sub(visible)
}

fn row_of(
    head: &Head,
    columns: &[Column],
    gap: &'static str,
    names: u16,
    state: &State,
    theme: &Theme,
) -> Line<'static> {
    let old = state.age().is_some();
    let selected = state.selected() == Some(head.name.as_str());
    let marker = if selected { theme.symbol(Meaning::Selected) } else { " " };
    let mut spans = vec![Span::raw(marker), Span::raw(left(&head.name, names))];
    for column in columns {
        spans.push(Span::raw(gap));
        if column.title == STATE.title {
            spans.extend(state_cell(head, column.cells, old, theme));
        } else {
            spans.push(Span::raw(cell(column, &(column.of_head)(head))));
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
