//! The charts of the Overview, and those that it shares with other pages: did it change, and when.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::plot::{self, Chart, LABELS};
use super::theme::Theme;
use crate::tui::chart::plot::Shape;
use crate::tui::number::{count, percent, rate};
use crate::tui::state::history::SECONDS_KEPT;
use crate::tui::state::past::Fold;
use crate::tui::state::{Hydra, State};

/// Cells between two charts.
const GAP: u16 = 2;

/// A rate or a level of all heads, as the subscription brings it.
const LIVE: Chart = Chart {
    title: "",
    scope: ", all heads",
    short: "",
    live: None,
    series: &[],
    shape: Shape::Line,
    fold: Fold::Mean,
    limit: |_| None,
    now: |_| None,
    label: rate,
    beside: |_, _, _| vec![],
};

const ADD_PROVIDER: Chart = Chart {
    title: "ADD_PROVIDER accepted /s",
    short: "ADD/s",
    live: Some(|reading| reading.add_provider),
    series: &["requests.add_provider"],
    ..LIVE
};

const GET_PROVIDERS: Chart = Chart {
    title: "GET_PROVIDERS /s",
    short: "GET/s",
    live: Some(|reading| reading.get_providers),
    series: &["requests.get_providers"],
    beside: |_, hydra, _| {
        hydra.status.found_ratio_10m.map(|ratio| format!("found {}", percent(ratio))).into_iter().collect()
    },
    ..LIVE
};

const FIND_NODE: Chart = Chart {
    title: "FIND_NODE /s",
    short: "FIND/s",
    live: Some(|reading| reading.find_node),
    series: &["requests.find_node"],
    beside: |_, hydra, _| {
        let all = hydra.history.last().map_or(0.0, |reading| reading.requests);
        vec![format!("all requests {}", rate(all))]
    },
    ..LIVE
};

const CONNECTIONS: Chart = Chart {
    title: "Connections",
    short: "conns",
    live: Some(|reading| reading.connections),
    series: &["connections.in", "connections.out"],
    beside: |_, hydra, _| vec![format!("in {}", count(hydra.status.connections_in))],
    ..LIVE
};

/// The keys that wait to be looked up.
pub(super) const QUEUE: Chart = Chart {
    title: "Prefetch queue",
    scope: ", keys",
    short: "queue",
    live: None,
    series: &["prefetch.waiting"],
    shape: Shape::Filled,
    fold: Fold::Most,
    limit: queue_limit,
    now: |hydra| hydra.status.prefetch.as_ref().map(|prefetch| prefetch.waiting as f64),
    label: rate,
    beside: |_, hydra, _| {
        queue_limit(hydra).map(|limit| format!("limit {}", rate(limit))).into_iter().collect()
    },
};

fn queue_limit(hydra: &Hydra) -> Option<f64> {
    let limit = hydra.status.prefetch.as_ref()?.waiting_limit;
    (limit > 0).then_some(limit as f64)
}

/// Charts of the Overview in the order in which they are shown: the queue stands before
/// connections, and FIND_NODE where nothing is looked up.
pub(super) fn of_overview(hydra: &Hydra) -> [Chart; 4] {
    let third = if queue_limit(hydra).is_some() { QUEUE } else { FIND_NODE };
    [ADD_PROVIDER, GET_PROVIDERS, third, CONNECTIONS]
}

/// The same where there is room for two: what comes in, and whether the queue keeps up.
pub(super) fn of_small_overview(hydra: &Hydra) -> [Chart; 4] {
    let [add, get, third, connections] = of_overview(hydra);
    [add, third, get, connections]
}

/// What a page of charts spans.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Window {
    /// Whole seconds of a column.
    pub seconds: i64,
    /// Columns.
    pub columns: usize,
}

impl Window {
    /// Its length in seconds.
    pub(super) fn length(self) -> i64 {
        self.seconds * i64::try_from(self.columns).unwrap_or(0)
    }
}

/// At least `window` seconds in so many columns, whole seconds a column; what room is left shows
/// more of the past.
pub(super) fn span(dots: usize, window: i64) -> Window {
    let dots = i64::try_from(dots).unwrap_or(i64::MAX).clamp(1, SECONDS_KEPT);
    let seconds = (window + dots - 1).div_euclid(dots).max(1);
    let columns = dots.min(SECONDS_KEPT.div_euclid(seconds)).max(1);
    Window { seconds, columns: usize::try_from(columns).unwrap_or(1) }
}

/// Columns of the plot of one of two charts on a page of this width.
pub(super) fn dots(page: u16) -> usize {
    usize::from((page.saturating_sub(GAP) / 2).saturating_sub(LABELS)) * 2
}

/// Draws two charts side by side: title, plot, axis.
pub(super) fn draw_pair(
    buffer: &mut Buffer,
    area: Rect,
    charts: &[Chart],
    state: &State,
    hydra: &Hydra,
    theme: &Theme,
) {
    let half = area.width.saturating_sub(GAP) / 2;
    for (place, chart) in (0..).zip(charts.iter().take(2)) {
        let x = area.x + place * (half + GAP);
        plot::draw(buffer, Rect { x, width: half, ..area }, chart, state, hydra, theme);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_column_is_a_whole_number_of_seconds_and_the_window_is_covered() {
        for (dots, window) in [(104, 600), (104, 60), (104, 120), (64, 300), (2, 600), (0, 60), (800, 600)] {
            let span = span(dots, window);
            assert!(span.length() >= window.min(SECONDS_KEPT) || dots < 3, "{dots} {window} {span:?}");
            assert!(span.length() <= SECONDS_KEPT, "{dots} {window} {span:?}");
            assert!(span.columns <= dots || dots == 0);
        }
        assert_eq!(span(104, 600), Window { seconds: 6, columns: 100 });
    }
}
