//! Charts of series over the window of the page: did it change, and when.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Span;

use super::paint::{self, right, split, width as cells_of};
use super::theme::{Meaning, Theme};
use crate::tui::chart::plot::{Shape, plot};
use crate::tui::chart::scale::Scale;
use crate::tui::number::{self, count, percent, rate};
use crate::tui::state::history::{Columns, Reading, SECONDS_KEPT};
use crate::tui::state::past::{self, Fold};
use crate::tui::state::{Hydra, State};

/// Cells between two charts.
const GAP: u16 = 2;
/// Cells of the labels of an axis, with its tick.
const LABELS: u16 = 7;

/// What a chart shows.
pub(super) struct Chart {
    /// Its title.
    pub title: &'static str,
    /// In few cells.
    pub short: &'static str,
    /// The value of a second, as the subscription brings it.
    pub live: fn(&Reading) -> f64,
    /// The series whose sum it is, in the daemon's history.
    pub series: &'static [&'static str],
    /// What stands beside the newest value.
    beside: fn(&Hydra) -> String,
}

/// In the order in which they are shown.
pub(super) const CHARTS: [Chart; 4] = [
    Chart {
        title: "ADD_PROVIDER accepted /s",
        short: "ADD/s",
        live: |reading| reading.add_provider,
        series: &["requests.add_provider"],
        beside: |_| String::new(),
    },
    Chart {
        title: "GET_PROVIDERS /s",
        short: "GET/s",
        live: |reading| reading.get_providers,
        series: &["requests.get_providers"],
        beside: |hydra| {
            hydra
                .status
                .found_ratio_10m
                .map_or_else(String::new, |ratio| format!(" · found {}", percent(ratio)))
        },
    },
    Chart {
        title: "FIND_NODE /s",
        short: "FIND/s",
        live: |reading| reading.find_node,
        series: &["requests.find_node"],
        beside: |hydra| {
            let all = hydra.history.last().map_or(0.0, |reading| reading.requests);
            format!(" · all requests {}", rate(all))
        },
    },
    Chart {
        title: "Connections",
        short: "conns",
        live: |reading| reading.connections,
        series: &["connections.in", "connections.out"],
        beside: |hydra| format!(" · in {}", count(hydra.status.connections_in)),
    },
];

/// Steps between the times of an axis, in seconds.
const STEPS: [i64; 15] =
    [10, 15, 30, 60, 120, 150, 300, 600, 900, 1_800, 3_600, 21_600, 86_400, 604_800, 2_592_000];

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

/// At least `window` seconds in so many cells, two columns a cell, whole seconds a column; what
/// room is left shows more of the past.
pub(super) fn span(cells: u16, window: i64) -> Window {
    let dots = (i64::from(cells) * 2).max(1);
    let seconds = (window + dots - 1).div_euclid(dots).max(1);
    let columns = dots.min(SECONDS_KEPT.div_euclid(seconds)).max(1);
    Window { seconds, columns: usize::try_from(columns).unwrap_or(1) }
}

/// Cells of the plot of one of two charts on a page of this width.
pub(super) fn width(page: u16) -> u16 {
    (page.saturating_sub(GAP) / 2).saturating_sub(LABELS)
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
        draw(buffer, Rect { x, width: half, ..area }, chart, state, hydra, theme);
    }
}

fn draw(buffer: &mut Buffer, area: Rect, chart: &Chart, state: &State, hydra: &Hydra, theme: &Theme) {
    heading(buffer, area, chart, state, hydra, theme);
    let Some(height) = area.height.checked_sub(2).filter(|height| *height > 0) else { return };
    let cells = area.width.saturating_sub(LABELS);
    let Some(columns) = columns(chart, state, hydra, cells) else {
        let why = if state.window().is_recent() { "no second is measured yet" } else { "asking hydrad …" };
        paint::line(buffer, area, 1, super::paint::span(theme, Meaning::Quiet, format!("   {why}")));
        return;
    };
    let end = columns.begins + columns.seconds * i64::try_from(columns.values.len()).unwrap_or(0);
    let scale = Scale::of_rate(&columns.values);
    let cells = u16::try_from(columns.values.len().div_ceil(2)).unwrap_or(area.width);
    let size = (cells, height);
    let rows =
        plot(&columns.values, scale, size, Shape::Line, restart(state, hydra, &columns), theme.is_ascii());
    let style = if state.age().is_some() { theme.style(Meaning::Old) } else { Default::default() };
    for (number, row) in (1..).zip(rows) {
        let tick = match number {
            1 => format!("{}┤", right(&rate(scale.high), LABELS - 1)),
            _ if number == height && scale.is_cut() => format!("{}≈", right(&rate(scale.low), LABELS - 1)),
            _ if number == height => format!("{}┤", right(&rate(scale.low), LABELS - 1)),
            _ => right("│", LABELS),
        };
        let label = super::paint::span(theme, Meaning::Quiet, tick);
        paint::line(buffer, area, number, vec![label, Span::styled(row, style)]);
    }
    let moving = state.age().is_none() && !state.is_frozen() && state.window().back() == 0;
    let until = if moving { "now".to_owned() } else { number::clock(end) };
    let axis = format!("{}{}", right("└", LABELS), labels(&columns, cells, &until));
    paint::line(buffer, area, height + 1, super::paint::span(theme, Meaning::Quiet, axis));
}

fn heading(buffer: &mut Buffer, area: Rect, chart: &Chart, state: &State, hydra: &Hydra, theme: &Theme) {
    let newest = hydra.history.last().map_or_else(|| "—".to_owned(), |reading| rate((chart.live)(reading)));
    let now = if state.age().is_none() && !state.is_frozen() { "now " } else { "" };
    let beside = (chart.beside)(hydra);
    let all_heads = format!(" {}, all heads", chart.title);
    let whole = format!("{now}{newest}{beside} ");
    let fits = |title: &str, value: &str| cells_of(title) + cells_of(value) < area.width;
    let (title, value) = match () {
        () if fits(&all_heads, &whole) => (all_heads, whole),
        () if fits(chart.title, &whole) => (format!(" {}", chart.title), whole),
        () => (format!(" {}", chart.title), format!("{now}{newest} ")),
    };
    split(buffer, area, 0, super::paint::span(theme, Meaning::Title, title), Span::raw(value));
}

/// The values of the window: of the subscription's seconds, or of the daemon's history.
pub(super) fn columns(chart: &Chart, state: &State, hydra: &Hydra, cells: u16) -> Option<Columns> {
    let window = state.window();
    if window.is_recent() {
        let end = super::end_of_time(state, hydra)?;
        let span = span(cells, window.seconds());
        return Some(hydra.history.columns(chart.live, end, span.seconds, span.columns));
    }
    let dots = usize::from(cells) * 2;
    past::columns(hydra.feeds.past()?, chart.series, (window.seconds(), window.back()), dots, Fold::Mean)
}

/// The column in which the daemon started, if it is on the chart.
fn restart(state: &State, hydra: &Hydra, columns: &Columns) -> Option<usize> {
    let started = if state.window().is_recent() {
        hydra.status.started_at?.seconds
    } else {
        hydra.feeds.past()?.starts.last()?.seconds
    };
    let column = started.saturating_sub(columns.begins).div_euclid(columns.seconds);
    usize::try_from(column).ok().filter(|column| *column > 0 && *column < columns.values.len())
}

/// The axis: when it begins, round times between, and its end at the right edge.
fn labels(columns: &Columns, cells: u16, until: &str) -> String {
    let cells = usize::from(cells);
    let mut axis = vec![' '; cells];
    let mut put = |at: usize, text: &str| {
        let free_from = at.saturating_sub(1);
        let wanted = axis.get(free_from..(at + text.len() + 1).min(cells));
        let fits = at + text.len() <= cells && wanted.is_some_and(|cells| cells.iter().all(|c| *c == ' '));
        if fits {
            axis.iter_mut().skip(at).zip(text.chars()).for_each(|(cell, c)| *cell = c);
        }
    };
    let length = columns.seconds * i64::try_from(columns.values.len()).unwrap_or(0);
    put(cells.saturating_sub(until.len()), until);
    let days = length >= 86_400;
    put(0, &if days { number::day(columns.begins) } else { number::clock(columns.begins) });
    let step = STEPS.into_iter().find(|step| length / step <= 4).unwrap_or(length.max(1));
    let mut at = columns.begins.div_euclid(step) * step + step;
    while at < columns.begins + length {
        let cell = usize::try_from((at - columns.begins) / columns.seconds / 2).unwrap_or(cells);
        let text = match () {
            () if step >= 86_400 => number::day(at),
            () if at.rem_euclid(60) == 0 => number::minute(at),
            () => number::clock(at),
        };
        put(cell, &text);
        at += step;
    }
    axis.into_iter().collect::<String>().trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_column_is_a_whole_number_of_seconds_and_the_window_is_covered() {
        for (cells, window) in [(52, 600), (52, 60), (52, 120), (32, 300), (1, 600), (0, 60), (400, 600)] {
            let span = span(cells, window);
            assert!(span.length() >= window.min(SECONDS_KEPT) || cells < 2, "{cells} {window} {span:?}");
            assert!(span.length() <= SECONDS_KEPT, "{cells} {window} {span:?}");
            assert!(span.columns <= usize::from(cells) * 2 || cells == 0);
        }
        assert_eq!(span(52, 600), Window { seconds: 6, columns: 100 });
    }

    #[test]
    fn the_axis_tells_the_first_time_round_times_and_now() {
        let columns = Columns { begins: 1_795_143_760, seconds: 6, values: vec![None; 100] };
        assert_eq!(labels(&columns, 50, "now"), "03:02:40   03:05        03:07:30    03:10      now");
    }
}
