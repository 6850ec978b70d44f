//! One chart on the screen: its heading, the plot with its axis, and the times below.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Span;

use super::paint::{self, right, split, width as cells_of};
use super::theme::{Meaning, Theme};
use crate::tui::chart::plot::{Shape, plot};
use crate::tui::chart::scale::Scale;
use crate::tui::number;
use crate::tui::state::history::{Columns, Reading};
use crate::tui::state::past::{self, Fold};
use crate::tui::state::{Hydra, State};

/// Cells of the labels of an axis, with its tick.
pub(super) const LABELS: u16 = 7;

/// Rows of a chart besides its plot.
pub(super) const FRAME: u16 = 2;

/// What a chart shows, and how.
pub(super) struct Chart {
    /// Its title.
    pub title: &'static str,
    /// What it is of, where there is room; begins with a comma.
    pub scope: &'static str,
    /// In few cells.
    pub short: &'static str,
    /// The value of a second, as the subscription brings it; not all come with it.
    pub live: Option<fn(&Reading) -> f64>,
    /// The series whose sum it is, in the daemon's history.
    pub series: &'static [&'static str],
    /// How values become dots.
    pub shape: Shape,
    /// How seconds become a column.
    pub fold: Fold,
    /// The top of the axis, where a limit is it.
    pub limit: fn(&Hydra) -> Option<f64>,
    /// The value of now, where the status tells it more exactly than the last column.
    pub now: fn(&Hydra) -> Option<f64>,
    /// A value, for people.
    pub label: fn(f64) -> String,
    /// What stands beside the newest value; the longest that fits is taken.
    pub beside: fn(&State, &Hydra, Option<&Columns>) -> Vec<String>,
}

/// Steps between the times of an axis, in seconds.
const STEPS: [i64; 15] =
    [10, 15, 30, 60, 120, 150, 300, 600, 900, 1_800, 3_600, 21_600, 86_400, 604_800, 2_592_000];

pub(super) fn draw(
    buffer: &mut Buffer,
    area: Rect,
    chart: &Chart,
    state: &State,
    hydra: &Hydra,
    theme: &Theme,
) {
    let cells = area.width.saturating_sub(LABELS);
    let columns = columns(chart, state, hydra, usize::from(cells) * 2);
    heading(buffer, area, chart, state, hydra, columns.as_ref(), theme);
    let Some(height) = area.height.checked_sub(FRAME).filter(|height| *height > 0) else { return };
    let Some(columns) = columns else {
        let why = why_nothing(chart, state, hydra);
        let why = paint::cut(&format!("   {why}"), area.width);
        paint::line(buffer, area, 1, super::paint::span(theme, Meaning::Quiet, why));
        return;
    };
    let end = columns.begins + columns.seconds * i64::try_from(columns.values.len()).unwrap_or(0);
    let scale = scale(chart, hydra, &columns);
    let cells = u16::try_from(columns.values.len().div_ceil(2)).unwrap_or(area.width);
    let mark = restart(chart, state, hydra, &columns);
    let rows = plot(&columns.values, scale, (cells, height), chart.shape, mark, theme.is_ascii());
    let style = if state.age().is_some() { theme.style(Meaning::Old) } else { Default::default() };
    for (number, row) in (1..).zip(rows) {
        let tick = match number {
            1 => format!("{}┤", right(&(chart.label)(scale.high), LABELS - 1)),
            _ if number == height && scale.is_cut() => {
                format!("{}≈", right(&(chart.label)(scale.low), LABELS - 1))
            }
            _ if number == height => format!("{}┤", right(&(chart.label)(scale.low), LABELS - 1)),
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

/// Draws the chart if there is room for it.
pub(super) fn draw_if(
    buffer: &mut Buffer,
    area: Rect,
    chart: &Chart,
    state: &State,
    hydra: &Hydra,
    theme: &Theme,
) {
    if area.height > FRAME {
        draw(buffer, area, chart, state, hydra, theme);
    }
}

fn scale(chart: &Chart, hydra: &Hydra, columns: &Columns) -> Scale {
    let scale = match chart.shape {
        Shape::Line => Scale::of_rate(&columns.values),
        Shape::Filled => Scale::from_zero(&columns.values),
    };
    match (chart.limit)(hydra) {
        // what stands above its limit is shown nevertheless
        Some(limit) if limit > 0.0 => Scale { low: 0.0, high: limit.max(greatest(columns)) },
        _ => scale,
    }
}

fn greatest(columns: &Columns) -> f64 {
    columns.values.iter().flatten().copied().filter(|value| value.is_finite()).fold(0.0, f64::max)
}

/// Why there is no picture yet.
fn why_nothing(chart: &Chart, state: &State, hydra: &Hydra) -> String {
    let trouble = hydra.feeds.past_trouble();
    match () {
        () if chart.live.is_some() && state.window().is_recent() => "no second is measured yet".to_owned(),
        () if !trouble.is_empty() => trouble.to_owned(),
        () if state.reaches_daemon() => "asking hydrad …".to_owned(),
        () => "not asked before hydrad was gone".to_owned(),
    }
}

fn heading(
    buffer: &mut Buffer,
    area: Rect,
    chart: &Chart,
    state: &State,
    hydra: &Hydra,
    columns: Option<&Columns>,
    theme: &Theme,
) {
    let last = || columns.and_then(|columns| columns.values.iter().rev().find_map(|value| *value));
    let newest = match chart.live {
        Some(live) => hydra.history.last().map(live),
        None => (chart.now)(hydra).or_else(last),
    };
    let newest = newest.map_or_else(|| "—".to_owned(), chart.label);
    let now = if state.age().is_none() && !state.is_frozen() { "now " } else { "" };
    let mut values: Vec<String> = (chart.beside)(state, hydra, columns);
    values.push(String::new());
    let value = |beside: &String| match beside.as_str() {
        "" => format!("{now}{newest} "),
        beside => format!("{now}{newest} · {beside} "),
    };
    let whole = format!(" {}{}", chart.title, chart.scope);
    let plain = format!(" {}", chart.title);
    let fits = |title: &str, value: &str| cells_of(title) + cells_of(value) < area.width;
    let tried = values.iter().map(value).flat_map(|value| [(&whole, value.clone()), (&plain, value)]);
    let (title, value) = tried
        .into_iter()
        .find(|(title, value)| fits(title, value))
        .unwrap_or((&plain, format!("{now}{newest} ")));
    split(buffer, area, 0, super::paint::span(theme, Meaning::Title, title.as_str()), Span::raw(value));
}

/// The values of the window in at most `dots` columns: of the subscription's seconds, or of the
/// daemon's history.
pub(super) fn columns(chart: &Chart, state: &State, hydra: &Hydra, dots: usize) -> Option<Columns> {
    match chart.live {
        Some(live) if state.window().is_recent() => {
            let end = super::end_of_time(state, hydra)?;
            let span = super::charts::span(dots, state.window().seconds());
            Some(hydra.history.columns(live, end, span.seconds, span.columns))
        }
        _ => of_past(chart.series, state, hydra, dots, chart.fold),
    }
}

/// The sum of some series of the daemon's history; blank from when it went away on.
pub(super) fn of_past(
    series: &[&str],
    state: &State,
    hydra: &Hydra,
    dots: usize,
    fold: Fold,
) -> Option<Columns> {
    let window = state.window();
    let past = hydra.feeds.past(series, Some(window.seconds() + window.back()))?;
    let mut columns = past::columns(past, series, (window.seconds(), window.back()), dots, fold)?;
    let silent = state.age().filter(|_| !state.is_frozen() && window.back() == 0).unwrap_or_default();
    let blanks = i64::try_from(silent.as_secs()).unwrap_or(0).div_euclid(columns.seconds);
    let blank = usize::try_from(blanks).unwrap_or(0).min(columns.values.len());
    columns.values.drain(..blank);
    columns.values.extend(std::iter::repeat_n(None, blank));
    columns.begins = columns.begins.saturating_add(blanks.saturating_mul(columns.seconds));
    Some(columns)
}

/// The column in which the daemon started, if it is on the chart.
fn restart(chart: &Chart, state: &State, hydra: &Hydra, columns: &Columns) -> Option<usize> {
    let started = if chart.live.is_some() && state.window().is_recent() {
        hydra.status.started_at?.seconds
    } else {
        hydra
            .feeds
            .past(chart.series, Some(state.window().seconds() + state.window().back()))?
            .starts
            .last()?
            .seconds
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
    fn the_axis_tells_the_first_time_round_times_and_now() {
        let columns = Columns { begins: 1_795_143_760, seconds: 6, values: vec![None; 100] };
        assert_eq!(labels(&columns, 50, "now"), "03:02:40   03:05        03:07:30    03:10      now");
    }
}
