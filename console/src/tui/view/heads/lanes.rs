//! *Requests/s of each head*: one row differs, that head; all differ, the machine or the network.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Span;

use super::super::paint::{self, left, right, span, title, top};
use super::super::theme::{Meaning, Theme};
use super::super::{feed, plot};
use crate::tui::chart::spark::near_top;
use crate::tui::number::{rate, rate_or_none, window};
use crate::tui::state::feed::Ask;
use crate::tui::state::hydra::requests_of;
use crate::tui::state::past::Fold;
use crate::tui::state::{Hydra, State};

/// Rows of heads at most.
pub(super) const MOST: u16 = 12;
/// Rows besides them: title and scale.
pub(super) const FRAME: u16 = 2;
/// Columns.
const COLUMNS: usize = 60;

pub(super) fn draw(buffer: &mut Buffer, area: Rect, state: &State, hydra: &Hydra, theme: &Theme) {
    let columns = usize::from(area.width.saturating_sub(46)).clamp(10, COLUMNS);
    let lane = |name: &str| plot::of_past(&[&format!("{name}.requests")], state, hydra, columns, Fold::Mean);
    let heads = state.heads();
    let first = heads.iter().find_map(|head| lane(&head.name));
    let unit = first.as_ref().map(|lane| format!("{} × {}", lane.values.len(), window(lane.seconds)));
    title(buffer, area, theme, "Requests/s of each head", &unit.unwrap_or_default());
    let (_, body) = top(area, 1);
    let series = state.wants().into_iter().find(|ask| matches!(ask, Ask::Past { .. }));
    if let Some(ask) = series.filter(|_| first.is_none())
        && let Some(nothing) = feed::nothing(state, hydra, &ask, false)
    {
        nothing.draw(buffer, body, theme);
        return;
    }
    let span_of = window(state.window().seconds());
    let (rows, scale) = top(body, body.height.saturating_sub(1));
    for (row, head) in (0..rows.height).zip(heads) {
        let values = lane(&head.name).map_or_else(Vec::new, |lane| lane.values);
        let known: Vec<f64> = values.iter().flatten().copied().collect();
        let least = known.iter().copied().reduce(f64::min);
        let most = known.iter().copied().reduce(f64::max);
        let range = match least.zip(most) {
            Some((least, most)) => format!("{span_of} {} to {}", rate(least.round()), rate(most.round())),
            None => "no history yet".to_owned(),
        };
        let picture = near_top(&values, theme.is_ascii());
        let text = format!(
            "  {}{}  now {}   {range}",
            left(&head.name, 8),
            left(&picture, u16::try_from(columns).unwrap_or(60)),
            right(&rate_or_none(requests_of(head)), 5)
        );
        paint::line(buffer, rows, row, Span::raw(text));
    }
    let words = "  scale: 0.8 × to 1.0 × of each row's own maximum";
    paint::line(buffer, scale, 0, span(theme, Meaning::Quiet, words));
}
