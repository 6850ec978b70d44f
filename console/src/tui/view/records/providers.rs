//! *Providers*: the records of what is looked for, and how long each still stays.

use hydra_protocol::v1::RecordSource;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Span;

use super::super::feed;
use super::super::grid::Grid;
use super::super::paint::{self, left, span, title};
use super::super::table::wishes;
use super::super::theme::{Meaning, Theme};
use super::name;
use crate::tui::chart::bar::bar;
use crate::tui::number::count;
use crate::tui::state::feed::Ask;
use crate::tui::state::records::Pane;
use crate::tui::state::{Hydra, Sought, State};
use crate::tui::table::{PROVIDERS, Provider};

/// Cells of the bar of the time that is left.
const BAR: u16 = 10;
/// Of one key, and of many.
const OF_KEY: [&str; 6] = ["PEER ID", "SOURCE", "HOW", "AGE", "LEFT", "ADDRESS (KEPT 24 h)"];
const OF_MANY: [&str; 7] =
    ["PEER ID", "KEY", "CID (RAW CODEC)", "SOURCE", "AGE", "LEFT", "ADDRESS (KEPT 24 h)"];

pub(super) fn draw(buffer: &mut Buffer, area: Rect, state: &State, hydra: &Hydra, theme: &Theme) {
    let sought = &state.records().sought;
    let Some(ask) = sought.ask() else {
        title(buffer, area, theme, &name(Pane::Found, state, theme, "Providers"), "");
        let text = " / a CID, a multihash, the first hex digits of keys, or a peer id · Enter on a row below looks for it";
        paint::line(buffer, area, 1, span(theme, Meaning::Quiet, paint::cut(text, area.width)));
        return;
    };
    let all = state.providers();
    let list = &state.lists().providers;
    let rows = list.rows(&PROVIDERS, &all);
    let age = feed::as_of(state, hydra, &ask);
    let one = matches!(sought, Sought::Key(_));
    let grid = Grid {
        table: &PROVIDERS,
        list,
        rows: &rows,
        columns: if one { &OF_KEY } else { &OF_MANY },
        wide: "ADDRESS (KEPT 24 h)",
        cells: &[("LEFT", if area.width >= 80 { BAR + 9 } else { 8 })],
        focused: state.records().pane == Pane::Found,
        old: age.is_some(),
    };
    let scope = wishes(grid.table, list);
    let heading = |what: &str| name(Pane::Found, state, theme, &format!("{what}{scope}"));
    let known = hydra.feeds.received(&ask).is_some();
    if let Some(nothing) = feed::nothing(state, hydra, &ask, known) {
        title(buffer, area, theme, &heading(if one { "Providers" } else { "Records" }), "");
        nothing.draw(buffer, paint::top(area, 1).1, theme);
        return;
    }
    let (what, incomplete, empty) = told_of(hydra, &ask, &all);
    let unit =
        age.unwrap_or(if incomplete.is_empty() { "LEFT of 48 h / 1 h".to_owned() } else { incomplete });
    title(buffer, area, theme, &heading(&what), &unit);
    let (_, body) = paint::top(area, 1);
    if rows.is_empty() {
        let why = match (all.is_empty(), empty.as_str()) {
            (false, _) => "no row fits the filter".to_owned(),
            (true, "") => "no record".to_owned(),
            (true, why) => why.to_owned(),
        };
        let hint = if one && state.may_control() { " · F asks the network" } else { "" };
        for (row, text) in (0..).zip(paint::wrap(&format!("{why}{hint}"), area.width.saturating_sub(2))) {
            paint::line(buffer, body, row, Span::raw(format!(" {text}")));
        }
        return;
    }
    grid.draw(buffer, body, theme, &|column, row, cells| cell(column, row, cells, theme));
}

/// What there is, why some may be missing, why there is none.
fn told_of(hydra: &Hydra, ask: &Ask, all: &[Provider]) -> (String, String, String) {
    let of = |source: RecordSource| all.iter().filter(|one| one.source == source).count() as u64;
    let sources = format!(
        "{} announced, {} prefetched",
        count(of(RecordSource::Announced)),
        count(of(RecordSource::Prefetched))
    );
    let number = count(all.len() as u64);
    match ask {
        Ask::Record(key) => {
            let told = hydra.feeds.record(key);
            (
                format!("Providers {number} · {sources}"),
                told.map(|told| told.incomplete_reason.clone()).unwrap_or_default(),
                told.map(|told| told.empty_reason.clone()).unwrap_or_default(),
            )
        }
        _ => {
            let told = hydra.feeds.records(ask);
            let more = told.is_some_and(|told| !told.next_page_token.is_empty());
            let what =
                if more { format!("Records, the first {number}") } else { format!("Records {number}") };
            (
                format!("{what} · {sources}"),
                told.map(|told| told.incomplete_reason.clone()).unwrap_or_default(),
                told.map(|told| told.empty_reason.clone()).unwrap_or_default(),
            )
        }
    }
}

/// The bar of the time that is left; a record that was looked up has its own colour.
fn cell(column: &str, row: &Provider, cells: u16, theme: &Theme) -> Option<Vec<Span<'static>>> {
    match column {
        "LEFT" if cells > BAR => {
            let text = crate::output::text::span(row.left.unsigned_abs());
            let drawn = bar(row.share_left(), BAR, theme.is_ascii());
            Some(vec![Span::raw(drawn), Span::raw(left(&format!(" {text}"), cells - BAR))])
        }
        "SOURCE" if row.source == RecordSource::Prefetched => Some(vec![
            span(theme, Meaning::Prefetched, "prefetched"),
            Span::raw(" ".repeat(usize::from(cells.saturating_sub(10)))),
        ]),
        _ => None,
    }
}
