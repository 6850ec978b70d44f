//! *Belly*: what it holds, what comes and goes, and how long the records still stay.

use hydra_protocol::v1::{Belly, Generation};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Span;

use super::super::feed;
use super::super::paint::{self, span, title};
use super::super::theme::{Meaning, Theme};
use super::name;
use crate::tui::chart::lane::lane;
use crate::tui::number::{self, count};
use crate::tui::state::feed::Ask;
use crate::tui::state::past::{self, Fold};
use crate::tui::state::records::Pane;
use crate::tui::state::{Hydra, State};

/// Hours that a record stays.
const HOURS: i64 = 48;

pub(super) fn draw(buffer: &mut Buffer, area: Rect, state: &State, hydra: &Hydra, theme: &Theme) {
    let age = feed::as_of(state, hydra, &Ask::Belly);
    let old = age.is_some();
    let belly = hydra.feeds.belly();
    if let Some(nothing) = feed::nothing(state, hydra, &Ask::Belly, belly.is_some()) {
        title(buffer, area, theme, &name(Pane::Belly, state, theme, "Belly"), "");
        nothing.draw(buffer, paint::top(area, 1).1, theme);
        return;
    }
    let Some(belly) = belly else { return };
    let unit = age.unwrap_or_else(|| format!("hours left of the {}: now to {HOURS} h", count(belly.records)));
    title(buffer, area, theme, &name(Pane::Belly, state, theme, "Belly"), &unit);
    let (_, body) = paint::top(area, 1);
    let hours = hours_left(belly, hydra.clock());
    let bars = lane(&hours, theme.is_ascii());
    let style = if old { theme.style(Meaning::Old) } else { Default::default() };
    let lines = lines(belly, state, hydra);
    let first = lines.first().map_or(0, |line| paint::width(line));
    let beside = first.saturating_add(paint::width(&bars)).saturating_add(4) <= body.width;
    for (row, line) in (0..).zip(&lines) {
        let number = if beside { row } else { row + 1 };
        paint::line(buffer, body, number, Span::styled(paint::cut(line, body.width), style));
    }
    if beside {
        let bars_area = paint::inset(body, body.width - paint::width(&bars) - 4);
        paint::line(buffer, bars_area, 0, Span::styled(bars, style));
    } else {
        paint::line(buffer, body, 0, Span::styled(format!(" {}", paint::cut(&bars, body.width - 1)), style));
    }
    if !belly.trouble.is_empty() {
        let last = body.height.saturating_sub(1);
        let text = paint::cut(&format!(" {}", belly.trouble), body.width);
        let level = Meaning::Level(crate::tui::state::Level::Broken);
        paint::line(buffer, body, last, span(theme, level, text));
    }
}

fn lines(belly: &Belly, state: &State, hydra: &Hydra) -> Vec<String> {
    let sum = |near: bool| -> u64 {
        belly
            .generations
            .iter()
            .filter(|one| one.near == near)
            .map(|one| one.records)
            .fold(0, u64::saturating_add)
    };
    let announced = format!(
        " announced {} (near {}, far {}) · providers {}",
        count(belly.records),
        count(sum(true)),
        count(sum(false)),
        count(belly.providers)
    );
    let past = hydra.feeds.past();
    let step = past.map_or(1, |past| i64::from(past.step_seconds).max(1));
    let prefetched = fold("records.prefetched", hydra, (step, 0));
    let prefetched = prefetched.map_or_else(|| "—".to_owned(), |number| count(number.round() as u64));
    let window = number::window(state.window().seconds());
    let flow = format!(
        " written {}/s · expired {}/s · drops {}/s (mean of {window}) · values {} · prefetched {prefetched}",
        mean("records.written", state, hydra),
        mean("records.expired", state, hydra),
        mean("records.dropped", state, hydra),
        count(belly.values)
    );
    let mut drops: Vec<_> = belly.drops.iter().filter(|drop| drop.count > 0).collect();
    drops.sort_by_key(|drop| std::cmp::Reverse(drop.count));
    let drops: Vec<String> =
        drops.into_iter().map(|drop| format!("{} {}", drop.reason, count(drop.count))).collect();
    let drops = if drops.is_empty() { "none".to_owned() } else { drops.join(", ") };
    let unsaved = format!(
        " not on disk yet {} (a crash loses ≤ {} s) · drops since start: {drops}",
        count(belly.records_unsaved),
        belly.unsaved_max_seconds
    );
    vec![announced, flow, unsaved]
}

/// The mean of a series over the window of the page, a second.
fn mean(series: &str, state: &State, hydra: &Hydra) -> String {
    let window = (state.window().seconds(), state.window().back());
    number::rate_or_none(fold(series, hydra, window))
}

/// The mean of a series over so many seconds.
fn fold(series: &str, hydra: &Hydra, window: (i64, i64)) -> Option<f64> {
    let columns = past::columns(hydra.feeds.past()?, &[series], window, 1, Fold::Mean)?;
    columns.values.last().copied().flatten()
}

/// Records by the hours that they still stay: the first goes within the hour.
fn hours_left(belly: &Belly, now: i64) -> Vec<Option<f64>> {
    let left = |generation: &Generation| {
        let begins = generation.begins_at?.seconds;
        // the last of an hour was announced when it ended
        let end = begins.saturating_add(HOURS * 3_600).saturating_add(3_600);
        usize::try_from(end.saturating_sub(now).div_euclid(3_600).clamp(0, HOURS - 1)).ok()
    };
    let mut hours = vec![0.0; HOURS as usize];
    for generation in &belly.generations {
        if let Some(hour) = left(generation).and_then(|at| hours.get_mut(at)) {
            *hour += generation.records as f64;
        }
    }
    hours.into_iter().map(Some).collect()
}

#[cfg(test)]
mod tests {
    use prost_types::Timestamp;

    use super::*;

    #[test]
    fn a_generation_goes_two_days_after_its_hour() {
        let generation = |hours: i64, records| Generation {
            begins_at: Some(Timestamp { seconds: 1_000_000 - hours * 3_600, nanos: 0 }),
            records,
            ..Generation::default()
        };
        let belly = Belly {
            generations: vec![generation(0, 7), generation(47, 3), generation(90, 1)],
            ..Belly::default()
        };
        let hours = hours_left(&belly, 1_000_000 + 1_800);
        assert_eq!((hours.len(), hours[47], hours[1], hours[0]), (48, Some(7.0), Some(3.0), Some(1.0)));
    }
}
