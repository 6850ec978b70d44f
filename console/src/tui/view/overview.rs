//! The Overview: is it well, what runs out, the heads, the charts, what happened. Where room is
//! short events go first, then charts, then limits; where there is more, tables grow, then charts.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::paint::{title, top};
use super::theme::Theme;
use super::{Size, charts, events, heads, limits, overload, plot, well};
use crate::tui::state::well::answers;
use crate::tui::state::{Hydra, State};

/// Cells between *Is it well?* and *Limits*.
const GAP: u16 = 2;
/// Heads that are always shown, if there are so many.
const HEADS: u16 = 5;
/// Rows from which on limits that are far have one, too.
const ROOMY: u16 = 24;
/// The tallest plot: taller ones say nothing more.
const TALLEST_PLOT: u16 = 16;

/// Rows of each part.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Rows {
    well: u16,
    limits: u16,
    heads: u16,
    pairs: u16,
    plot: u16,
    events: u16,
}

fn plan(height: u16, size: Size, well: u16, heads: u16, events: u16, limits: bool) -> Rows {
    let full = size == Size::Full;
    let (least_plot, most_events) = if full { (4, 5) } else { (3, 2) };
    let frame = heads::frame_rows(size);
    let mut rows = Rows { well, heads: frame + heads.clamp(1, HEADS), plot: least_plot, ..Rows::default() };
    let mut left = height.saturating_sub(rows.well + rows.heads);
    let mut spend = |wanted: u16, least: u16| {
        let spent = if left >= least { wanted.min(left) } else { 0 };
        left -= spent;
        spent
    };
    if limits && !full {
        rows.limits = spend(1, 1);
    }
    let pair = least_plot + 2;
    rows.pairs = u16::from(spend(pair, pair) > 0);
    if full {
        rows.pairs += u16::from(rows.pairs > 0 && spend(pair, pair) > 0);
    }
    rows.events = spend(most_events.min(events.max(1)) + 1, 2);
    rows.heads += spend(heads.saturating_sub(HEADS), 1);
    if !full {
        rows.pairs += u16::from(rows.pairs > 0 && spend(pair, pair) > 0);
    }
    while rows.pairs > 0 && rows.plot < TALLEST_PLOT && spend(rows.pairs, rows.pairs) > 0 {
        rows.plot += 1;
    }
    if rows.events > 0 {
        rows.events += left;
    }
    rows
}

pub(super) fn draw(buffer: &mut Buffer, area: Rect, size: Size, state: &State, hydra: &Hydra, theme: &Theme) {
    if let Some(pane) = state.expanded() {
        expanded(buffer, area, pane, state, hydra, theme);
        return;
    }
    let (block, area) = top(area, overload::rows(hydra));
    if block.height > 0 {
        overload::draw(buffer, block, hydra, theme);
    }
    let answers = answers(hydra);
    let lines = u16::try_from(answers.len()).unwrap_or(u16::MAX);
    let heads = u16::try_from(state.heads().len()).unwrap_or(u16::MAX);
    let events = u16::try_from(hydra.events.len()).unwrap_or(u16::MAX);
    let status = &hydra.status;
    let well_rows = if size == Size::Full { lines.max(limits::rows(status)) + 1 } else { lines };
    // Where room is short, limits that are far and old ones help nobody; charts do.
    let short = area.height < ROOMY;
    let limits_row =
        limits::rows(status) > 0 && state.age().is_none() && (!short || limits::any_near(status));
    let rows = plan(area.height, size, well_rows, heads, events, limits_row);

    let (block, rest) = top(area, rows.well);
    if size == Size::Full {
        let width = block.width.saturating_sub(limits::WIDTH + GAP);
        let left = Rect { width, ..block };
        title(buffer, left, theme, "Is it well?", "");
        well::draw(buffer, top(left, 1).1, state, &answers, theme);
        limits::draw(buffer, super::paint::inset(block, width + GAP), state, status, theme);
    } else {
        well::draw(buffer, block, state, &answers, theme);
    }
    let (block, rest) = top(rest, rows.limits);
    limits::draw_row(buffer, block, state, status, theme);
    let (block, mut rest) = top(rest, rows.heads);
    heads::draw(buffer, block, size, state, hydra, theme);
    let charts = if rows.pairs > 1 { charts::of_overview(hydra) } else { charts::of_small_overview(hydra) };
    for pair in charts.chunks(2).take(usize::from(rows.pairs)) {
        let (block, below) = top(rest, rows.plot + 2);
        charts::draw_pair(buffer, block, pair, state, hydra, theme);
        rest = below;
    }
    if rows.events > 0 {
        events::draw(buffer, rest, hydra, theme);
    }
}

/// One of the charts over the whole page.
pub(super) fn expanded(
    buffer: &mut Buffer,
    area: Rect,
    pane: usize,
    state: &State,
    hydra: &Hydra,
    theme: &Theme,
) {
    let charts = charts::of_overview(hydra);
    if let Some(chart) = charts.get(pane.min(charts.len() - 1)) {
        plot::draw(buffer, area, chart, state, hydra, theme);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_page_has_two_rows_of_charts_and_five_events() {
        let rows = plan(33, Size::Full, 5, 5, 50, true);
        assert_eq!(rows, Rows { well: 5, limits: 0, heads: 8, pairs: 2, plot: 5, events: 6 });
    }

    #[test]
    fn events_go_first_then_charts_then_limits() {
        let at = |height| plan(height, Size::Standard, 4, 5, 50, true);
        assert_eq!((at(21).limits, at(21).pairs, at(21).events), (1, 1, 3));
        assert_eq!((at(17).limits, at(17).pairs, at(17).events), (1, 1, 0));
        assert_eq!((at(16).limits, at(16).pairs, at(16).events), (1, 0, 4));
        assert_eq!((at(11).limits, at(11).pairs, at(11).events), (0, 0, 0));
    }

    #[test]
    fn more_room_goes_to_the_table_and_then_to_the_charts() {
        let rows = plan(60, Size::Full, 5, 12, 50, true);
        assert_eq!(rows.heads, 15);
        assert!(rows.plot > 4);
        assert_eq!(plan(60, Size::Full, 5, 500, 50, true).plot, 4);
    }

    #[test]
    fn the_parts_never_need_more_than_there_is() {
        for height in 0..120 {
            for heads in [0, 1, 5, 40] {
                for size in [Size::Full, Size::Standard] {
                    let rows = plan(height, size, 5, heads, 9, true);
                    let used = rows.limits + rows.pairs * (rows.plot + 2) + rows.events;
                    assert!(used == 0 || rows.well + rows.heads + used <= height, "{height} {rows:?}");
                }
            }
        }
    }
}
