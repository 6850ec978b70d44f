//! *Hot regions*: where in the keyspace more is asked than is usual, and which head is near.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Span;

use super::super::feed;
use super::super::grid::Grid;
use super::super::paint::{self, span, title};
use super::super::table::wishes;
use super::super::theme::{Meaning, Theme};
use super::name;
use crate::tui::number::count;
use crate::tui::state::feed::Ask;
use crate::tui::state::records::Pane;
use crate::tui::state::{Hydra, Level, State};
use crate::tui::table::{Heat, REGIONS};

const COLUMNS: [&str; 4] = ["KEYS", "REQUESTS", "× USUAL", "NEAREST HEAD"];
/// So many times as much as usual is worth a look.
const HOT: f64 = 2.0;
const USUAL: [&str; 2] =
    ["usual = the mean of regions equally far from a", "head, so that our own places do not look hot"];

pub(super) fn draw(buffer: &mut Buffer, area: Rect, state: &State, hydra: &Hydra, theme: &Theme) {
    let all = state.regions();
    let list = &state.lists().regions;
    let rows = list.rows(&REGIONS, &all);
    let age = feed::as_of(state, hydra, &Ask::Regions);
    let grid = Grid {
        table: &REGIONS,
        list,
        rows: &rows,
        columns: &COLUMNS,
        wide: "",
        cells: &[],
        focused: state.records().pane == Pane::Regions,
        old: age.is_some(),
    };
    let what = format!("Hot regions, since start{}", wishes(grid.table, list));
    let number = if all.is_empty() { String::new() } else { format!("of {}", count(all.len() as u64)) };
    let unit = age.unwrap_or(number);
    title(buffer, area, theme, &name(Pane::Regions, state, theme, &what), &unit);
    let (_, body) = paint::top(area, 1);
    if let Some(nothing) = feed::nothing(state, hydra, &Ask::Regions, hydra.feeds.regions().is_some()) {
        nothing.draw(buffer, body, theme);
        return;
    }
    if rows.is_empty() {
        paint::line(buffer, body, 0, span(theme, Meaning::Quiet, " no row fits the filter"));
        return;
    }
    let legend = if body.height >= 8 { USUAL.len() as u16 } else { 0 };
    let (table, below) = paint::top(body, body.height - legend);
    grid.draw(buffer, table, theme, &|column, row, cells| cell(column, row, cells, theme));
    for (row, text) in (0..below.height).zip(USUAL) {
        paint::line(buffer, below, row, span(theme, Meaning::Quiet, format!(" {text}")));
    }
}

fn cell(column: &str, row: &Heat, cells: u16, theme: &Theme) -> Option<Vec<Span<'static>>> {
    let times = row.times_usual.filter(|times| column == "× USUAL" && *times >= HOT)?;
    let sign = theme.symbol(Meaning::Level(Level::Look));
    let text = paint::right(&format!("{times:.1}"), cells.saturating_sub(2));
    Some(vec![Span::raw(text), span(theme, Meaning::Level(Level::Look), format!(" {sign}"))])
}
