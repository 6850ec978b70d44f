//! *Popular keys*: what is asked for most. Enter looks for one.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Span;

use super::super::feed;
use super::super::grid::Grid;
use super::super::paint::{self, right, span, title};
use super::super::table::wishes;
use super::super::theme::{Meaning, Theme};
use super::name;
use crate::tui::number::count;
use crate::tui::state::feed::Ask;
use crate::tui::state::records::Pane;
use crate::tui::state::{Hydra, Level, State};
use crate::tui::table::{POPULAR, Popular};

const COLUMNS: [&str; 6] = ["#", "CID (RAW CODEC)", "KEY", "REQUESTS", "MISSED", "PROVIDERS"];
/// Where the place of a key has no room.
const NARROW: [&str; 5] = ["#", "CID (RAW CODEC)", "REQUESTS", "MISSED", "PROVIDERS"];

pub(super) fn draw(buffer: &mut Buffer, area: Rect, state: &State, hydra: &Hydra, theme: &Theme) {
    let all = state.popular();
    let list = &state.lists().popular;
    let rows = list.rows(&POPULAR, &all);
    let age = feed::as_of(state, hydra, &Ask::MostAsked);
    let grid = Grid {
        table: &POPULAR,
        list,
        rows: &rows,
        columns: if area.width >= 66 { &COLUMNS } else { &NARROW },
        wide: "",
        cells: &[],
        focused: state.records().pane == Pane::Popular,
        old: age.is_some(),
    };
    let what = format!("Popular keys{}", wishes(grid.table, list));
    let unit = age.unwrap_or_else(|| "counts halve each hour".to_owned());
    title(buffer, area, theme, &name(Pane::Popular, state, theme, &what), &unit);
    let (_, body) = paint::top(area, 1);
    let told = hydra.feeds.most_asked();
    if let Some(nothing) = feed::nothing(state, hydra, &Ask::MostAsked, told.is_some()) {
        nothing.draw(buffer, body, theme);
        return;
    }
    match (told, rows.is_empty()) {
        (Some([]), _) => {
            paint::line(buffer, body, 0, span(theme, Meaning::Quiet, " nobody has asked for a key yet"));
        }
        (_, true) => paint::line(buffer, body, 0, span(theme, Meaning::Quiet, " no row fits the filter")),
        _ => grid.draw(buffer, body, theme, &|column, row, cells| cell(column, row, cells, theme)),
    }
}

/// A key that nobody provides is worth a sign.
fn cell(column: &str, row: &Popular, cells: u16, theme: &Theme) -> Option<Vec<Span<'static>>> {
    let nobody = column == "PROVIDERS" && row.key.providers == 0;
    nobody.then(|| {
        let sign = theme.symbol(Meaning::Level(Level::Off));
        vec![
            Span::raw(right(&count(0), cells.saturating_sub(2))),
            span(theme, Meaning::Level(Level::Off), format!(" {sign}")),
        ]
    })
}
