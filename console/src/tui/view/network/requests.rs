//! *Requests in*: which RPC comes how often.

use hydra_protocol::v1::Rates;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Span;

use super::super::feed;
use super::super::paint::{self, left, right, span, title, top};
use super::super::theme::{Meaning, Theme};
use crate::tui::number::rate;
use crate::tui::state::hydra::requests;
use crate::tui::state::{Hydra, State};

/// A name, and its rate.
const KINDS: [(&str, fn(&Rates) -> f64); 6] = [
    ("ADD_PROVIDER", |rates| rates.add_provider),
    ("GET_PROVIDERS", |rates| rates.get_providers),
    ("FIND_NODE", |rates| rates.find_node),
    ("GET_VALUE", |rates| rates.get_value),
    ("PUT_VALUE", |rates| rates.put_value),
    ("PING", |rates| rates.ping),
];

/// Rows with the title.
pub(super) fn rows(_: &Hydra) -> u16 {
    9
}

/// Draws the table; gives back what is left of the area.
pub(super) fn draw(buffer: &mut Buffer, area: Rect, state: &State, hydra: &Hydra, theme: &Theme) -> Rect {
    let (block, rest) = top(area, rows(hydra));
    title(buffer, block, theme, "Requests in, all heads", "1 min");
    let _ = (state, feed::age);
    let (_, body) = top(block, 1);
    let Some(rates) = hydra.status.rates_1m else {
        paint::line(buffer, body, 0, span(theme, Meaning::Quiet, " not measured: no head serves"));
        return rest;
    };
    let names = row("RPC", ["/s", "SHARE", "RST/min", "IN kB/s", "OUT kB/s"]);
    paint::line(buffer, body, 0, span(theme, Meaning::Title, names));
    let all = requests(&rates);
    for (number, (name, kind)) in (1..).zip(KINDS) {
        let value = kind(&rates);
        let share = if all > 0.0 { format!("{:.1} %", value * 100.0 / all) } else { "—".to_owned() };
        paint::line(buffer, body, number, Span::raw(row(name, [&rate(value), &share, "", "", ""])));
    }
    let sum = row(
        "all",
        [
            &rate(all),
            "100 %",
            &rate(rates.resets * 60.0),
            &rate(rates.bytes_in / 1e3),
            &rate(rates.bytes_out / 1e3),
        ],
    );
    paint::line(buffer, body, 7, span(theme, Meaning::Title, sum));
    rest
}

fn row(name: &str, cells: [&str; 5]) -> String {
    let cells: String =
        cells.into_iter().zip([9, 9, 9, 11, 11]).map(|(cell, width)| right(cell, width)).collect();
    format!(" {}{cells}", left(name, 14))
}
