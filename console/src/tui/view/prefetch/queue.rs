//! *Keys waiting*: the backlog against its limit, and when it was longest.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::super::charts;
use super::super::paint;
use super::super::plot::{self, Chart};
use super::super::theme::Theme;
use crate::tui::chart::spark::spark;
use crate::tui::number::{clock, rate};
use crate::tui::state::history::Columns;
use crate::tui::state::past::Fold;
use crate::tui::state::{Hydra, State};

/// Columns of the sparkline.
const COLUMNS: usize = 40;

/// The queue, with its longest.
pub(super) const CHART: Chart =
    Chart { title: "Keys waiting", scope: "", beside: |state, hydra, _| most(state, hydra), ..charts::QUEUE };

/// `most 1,000 (the limit) 03:05:58–03:06:50`, and the same in fewer words.
fn most(state: &State, hydra: &Hydra) -> Vec<String> {
    // every step that the daemon told, so that times are as exact as it knows them
    let steps = usize::try_from(state.window().seconds()).unwrap_or(usize::MAX);
    let Some(columns) = plot::of_past(charts::QUEUE.series, state, hydra, steps, Fold::Most) else {
        return Vec::new();
    };
    let Some(top) = columns.values.iter().flatten().copied().reduce(f64::max) else { return Vec::new() };
    let full = (charts::QUEUE.limit)(hydra).filter(|limit| top >= *limit);
    let Some((from, until)) = span(&columns, top) else { return Vec::new() };
    if full.is_some() {
        let times = format!("{}–{}", clock(from), clock(until));
        return vec![
            format!("most {} (the limit) {times}", rate(top)),
            format!("most {} (limit)", rate(top)),
        ];
    }
    vec![format!("most {} at {}", rate(top), clock(from)), format!("most {}", rate(top))]
}

/// The first stretch in which the values are so high: when it began, and when it ended.
fn span(columns: &Columns, top: f64) -> Option<(i64, i64)> {
    let high = |value: &Option<f64>| value.is_some_and(|value| value >= top);
    let first = columns.values.iter().position(high)?;
    let last = columns.values.iter().rposition(high)?;
    let at = |column: usize| columns.begins + columns.seconds * i64::try_from(column).unwrap_or(0);
    Some((at(first), at(last)))
}

/// The queue in one row.
pub(super) fn draw_row(buffer: &mut Buffer, area: Rect, state: &State, hydra: &Hydra, theme: &Theme) {
    let columns = plot::of_past(charts::QUEUE.series, state, hydra, COLUMNS, Fold::Most);
    let values = columns.map_or_else(Vec::new, |columns| columns.values);
    let picture = spark(&values, theme.is_ascii());
    let most = most(state, hydra).pop().unwrap_or_default();
    paint::line(buffer, area, 0, format!(" queue {picture} {most}"));
}
