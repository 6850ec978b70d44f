//! What the title of a table says: how many rows of it are seen, and what a person made of it.

use super::grid::Grid;
use crate::tui::state::list::List;
use crate::tui::table::Table;

/// Which rows are on the screen: `1 to 9 of 36`; empty when all are.
pub(super) fn extent<R>(grid: &Grid<'_, R>, visible: usize) -> String {
    let all = grid.rows.len();
    if all <= visible {
        return String::new();
    }
    let first = grid.first_visible(visible);
    format!("{} to {} of {all}", first + 1, (first + visible).min(all))
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
