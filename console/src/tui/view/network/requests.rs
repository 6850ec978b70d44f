//! *Requests in* and *Requests out*: which RPC is slow, reset or dropped.

use hydra_protocol::v1::{AskedFor, AskedTraffic, GetTrafficResponse, ServedTraffic};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::super::paint::{self, left, right, span, title, top};
use super::super::theme::{Meaning, Theme};
use super::super::{Size, feed};
use crate::tui::number::rate;
use crate::tui::state::feed::Ask;
use crate::tui::state::{Hydra, State};

/// Cells of the names.
const NAME: u16 = 15;

/// A column of a table of `R`.
struct Column<R> {
    title: &'static str,
    /// Its width where there is room for all, and where there is not; 0: not drawn there.
    cells: [u16; 3],
    text: fn(&R) -> String,
}

const fn column<R>(title: &'static str, cells: [u16; 3], text: fn(&R) -> String) -> Column<R> {
    Column { title, cells, text }
}

const IN: [Column<ServedTraffic>; 9] = [
    column("/s", [8, 8, 8], |row| rate(row.per_second)),
    column("SHARE", [9, 9, 8], |row| share(row.share_ratio)),
    column("RST/min", [9, 9, 0], |row| rate(row.refused_per_minute)),
    column("p50 ms", [10, 9, 0], |row| millis(row.p50_seconds)),
    column("p99 ms", [10, 9, 9], |row| millis(row.p99_seconds)),
    column("p99.9 ms", [10, 0, 0], |row| millis(row.p999_seconds)),
    column("IN kB/s", [11, 9, 9], |row| rate(row.bytes_in_per_second / 1e3)),
    column("OUT kB/s", [11, 10, 10], |row| rate(row.bytes_out_per_second / 1e3)),
    column("DROP/s", [10, 0, 0], |row| rate(row.dropped_per_second)),
];

const OUT: [Column<AskedTraffic>; 8] = [
    column("/s", [8, 8, 8], |row| rate(row.per_second)),
    column("FOR", [9, 9, 9], |row| purpose(row.asked_for()).to_owned()),
    column("FAILED", [9, 9, 8], |row| share(Some(row.failed_ratio))),
    column("p50 ms", [10, 9, 0], |row| millis(row.p50_seconds)),
    column("p99 ms", [10, 9, 9], |row| millis(row.p99_seconds)),
    column("p99.9 ms", [10, 0, 0], |row| millis(row.p999_seconds)),
    column("IN kB/s", [11, 9, 0], |row| rate(row.bytes_in_per_second / 1e3)),
    column("OUT kB/s", [11, 10, 0], |row| rate(row.bytes_out_per_second / 1e3)),
];

fn purpose(asked_for: AskedFor) -> &'static str {
    match asked_for {
        AskedFor::Unspecified => "—",
        AskedFor::Crawl => "crawl",
        AskedFor::Prefetch => "prefetch",
        AskedFor::Presence => "presence",
        AskedFor::Clients => "clients",
    }
}

fn share(ratio: Option<f64>) -> String {
    match ratio.filter(|ratio| ratio.is_finite()) {
        Some(ratio) if ratio >= 0.999_5 => "100 %".to_owned(),
        Some(ratio) => format!("{:.1} %", ratio * 100.0),
        None => "—".to_owned(),
    }
}

/// Milliseconds in two digits, without the unit.
fn millis(seconds: Option<f64>) -> String {
    match seconds.map(|seconds| seconds * 1e3).filter(|ms| ms.is_finite() && *ms >= 0.0) {
        Some(ms @ 9.95..) => rate(ms.round()),
        Some(ms @ 0.095..) => format!("{ms:.1}"),
        Some(ms) => format!("{ms:.2}"),
        None => "—".to_owned(),
    }
}

/// Rows of both tables with their titles.
pub(super) fn rows(hydra: &Hydra) -> u16 {
    let Some(traffic) = hydra.feeds.traffic() else { return 3 };
    let table = |rows: usize, more: u16| u16::try_from(rows).unwrap_or(10).saturating_add(more);
    let out = if traffic.asked.is_empty() { 0 } else { table(traffic.asked.len(), 2) };
    table(traffic.served.len(), 3).saturating_add(out)
}

/// Draws the tables; gives back what is left of the area.
pub(super) fn draw(
    buffer: &mut Buffer,
    area: Rect,
    size: Size,
    state: &State,
    hydra: &Hydra,
    theme: &Theme,
) -> Rect {
    let (block, rest) = top(area, rows(hydra));
    let traffic = hydra.feeds.traffic();
    let nothing = feed::nothing(state, hydra, &Ask::Traffic, traffic.is_some());
    let (Some(traffic), None) = (traffic, &nothing) else {
        title(buffer, block, theme, "Requests in, all heads", "1 min");
        if let Some(nothing) = nothing {
            nothing.draw(buffer, top(block, 1).1, theme);
        }
        return rest;
    };
    let window = match traffic.window_seconds {
        seconds @ 0.0..59.0 => format!("{} s", rate(seconds.round())),
        _ => "1 min".to_owned(),
    };
    title(buffer, block, theme, "Requests in, all heads", &window);
    let (_, body) = top(block, 1);
    let mut served = traffic.served.clone();
    served.push(all(traffic));
    let below = table(buffer, body, size, &IN, &served, |row| &row.rpc, theme);
    if traffic.asked.is_empty() {
        return rest;
    }
    title(buffer, below, theme, "Requests out, the scout", &window);
    table(buffer, top(below, 1).1, size, &OUT, &traffic.asked, |row| &row.rpc, theme);
    rest
}

/// The sum of what was served; latencies have none.
fn all(traffic: &GetTrafficResponse) -> ServedTraffic {
    let sum = |of: fn(&ServedTraffic) -> f64| traffic.served.iter().map(of).sum::<f64>();
    let per_second = sum(|row| row.per_second);
    ServedTraffic {
        rpc: "all".to_owned(),
        per_second,
        share_ratio: (per_second > 0.0).then_some(1.0),
        refused_per_minute: traffic.resets_per_minute,
        bytes_in_per_second: sum(|row| row.bytes_in_per_second),
        bytes_out_per_second: sum(|row| row.bytes_out_per_second),
        dropped_per_second: sum(|row| row.dropped_per_second),
        ..ServedTraffic::default()
    }
}

fn table<R>(
    buffer: &mut Buffer,
    area: Rect,
    size: Size,
    columns: &[Column<R>],
    rows: &[R],
    name: fn(&R) -> &String,
    theme: &Theme,
) -> Rect {
    let form = match size {
        Size::Full => 0,
        Size::Standard => 1,
        _ => 2,
    };
    let line = |first: &str, text: &dyn Fn(&Column<R>) -> String| -> String {
        let drawn = columns.iter().filter(|column| column.cells[form] > 0);
        let cells: String = drawn.map(|column| right(&text(column), column.cells[form])).collect();
        format!(" {}{cells}", left(first, NAME))
    };
    let names = line("RPC", &|column| column.title.to_owned());
    paint::line(buffer, area, 0, span(theme, Meaning::Title, names));
    let (_, mut rest) = top(area, 1);
    for row in rows {
        let text = line(name(row), &|column| (column.text)(row));
        let meaning = (name(row) == "all").then_some(Meaning::Title);
        let text = match meaning {
            Some(meaning) => span(theme, meaning, text),
            None => ratatui::text::Span::raw(text),
        };
        paint::line(buffer, rest, 0, text);
        rest = top(rest, 1).1;
    }
    rest
}
