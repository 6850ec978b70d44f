//! *Prefetch*: the backlog against its limit, what became of each miss, which keys are looked up,
//! and whether it is us, the DHT or one router.

mod keys;
mod outcomes;
mod queue;
mod sources;

use hydra_protocol::v1::{Prefetch, PrefetchState};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::paint::{self, inset, split, top};
use super::theme::Theme;
use super::{Size, feed, plot, well};
use crate::tui::number::{self, count};
use crate::tui::state::feed::Ask;
use crate::tui::state::{Hydra, Level, State};

/// Rows of the outcomes: title, names of columns, ten.
const LANES: u16 = 12;
/// Rows that the keys have at least: title, names of columns, nine, caption.
const KEYS: u16 = 12;
/// The tallest plot of the queue: taller ones say nothing more.
const TALLEST: u16 = 16;
/// Cells of the pane of the keys, and between it and the sources.
const KEYS_WIDTH: u16 = 66;
const GAP: u16 = 2;

pub(super) fn draw(buffer: &mut Buffer, area: Rect, size: Size, state: &State, hydra: &Hydra, theme: &Theme) {
    let prefetch = hydra.feeds.prefetch();
    let nothing = feed::nothing(state, hydra, &Ask::Prefetch, prefetch.is_some());
    let (Some(prefetch), None) = (prefetch, &nothing) else {
        if let Some(nothing) = nothing {
            nothing.draw(buffer, area, theme);
        }
        return;
    };
    match (size, state.expanded()) {
        (Size::List, _) => list(buffer, area, state, prefetch, theme),
        (_, Some(0)) => plot::draw(buffer, area, &queue::CHART, state, hydra, theme),
        (_, Some(1)) => outcomes::draw(buffer, area, size, state, hydra, prefetch, theme),
        (_, Some(_)) => keys::draw(buffer, area, state, hydra, prefetch, theme),
        (Size::Full, None) => full(buffer, area, state, hydra, prefetch, theme),
        (Size::Standard, None) => standard(buffer, area, state, hydra, prefetch, theme),
        (_, None) => narrow(buffer, area, state, hydra, prefetch, theme),
    }
    feed::age(buffer, area, state, theme);
}

fn full(buffer: &mut Buffer, area: Rect, state: &State, hydra: &Hydra, prefetch: &Prefetch, theme: &Theme) {
    let (line, rest) = top(area, 1);
    state_line(buffer, line, Size::Full, state, prefetch, theme);
    let more = rest.height.saturating_sub(LANES + KEYS + plot::FRAME + 6);
    let wanted = u16::try_from(state.prefetch_keys().len()).unwrap_or(u16::MAX).saturating_add(3);
    let keys = KEYS + more.min(wanted.saturating_sub(KEYS));
    let plot_rows = rest.height.saturating_sub(LANES + keys + plot::FRAME).clamp(3, TALLEST);
    let (chart, rest) = top(rest, plot_rows + plot::FRAME);
    plot::draw(buffer, chart, &queue::CHART, state, hydra, theme);
    let (lanes, rest) = top(rest, LANES);
    outcomes::draw(buffer, lanes, Size::Full, state, hydra, prefetch, theme);
    keys::draw(buffer, Rect { width: KEYS_WIDTH, ..rest }, state, hydra, prefetch, theme);
    sources::draw(buffer, inset(rest, KEYS_WIDTH + GAP), prefetch, theme);
}

fn standard(
    buffer: &mut Buffer,
    area: Rect,
    state: &State,
    hydra: &Hydra,
    prefetch: &Prefetch,
    theme: &Theme,
) {
    let (line, rest) = top(area, 1);
    state_line(buffer, line, Size::Standard, state, prefetch, theme);
    let lanes = LANES - 1;
    let sources = 1 + u16::try_from(prefetch.sources.len()).unwrap_or(u16::MAX).min(6);
    let left = rest.height.saturating_sub(lanes);
    let chart = left.saturating_sub(sources).min(TALLEST + plot::FRAME);
    // a chart of fewer rows tells nothing: the sources have its place
    let chart = if chart >= 3 + plot::FRAME { chart } else { 0 };
    let (block, rest) = top(rest, chart);
    plot::draw(buffer, block, &queue::CHART, state, hydra, theme);
    let (block, rest) = top(rest, lanes);
    outcomes::draw(buffer, block, Size::Standard, state, hydra, prefetch, theme);
    sources::draw_rows(buffer, rest, prefetch, theme);
}

fn narrow(buffer: &mut Buffer, area: Rect, state: &State, hydra: &Hydra, prefetch: &Prefetch, theme: &Theme) {
    let (line, rest) = top(area, 1);
    state_line(buffer, line, Size::Narrow, state, prefetch, theme);
    let (line, rest) = top(rest, 1);
    queue::draw_row(buffer, line, state, hydra, theme);
    let (block, rest) = top(rest, LANES - 1);
    outcomes::draw(buffer, block, Size::Narrow, state, hydra, prefetch, theme);
    sources::draw_rows(buffer, rest, prefetch, theme);
}

fn list(buffer: &mut Buffer, area: Rect, state: &State, prefetch: &Prefetch, theme: &Theme) {
    let (line, rest) = top(area, 1);
    state_line(buffer, line, Size::List, state, prefetch, theme);
    outcomes::draw_list(buffer, rest, prefetch, theme);
}

/// Whether it runs, and how far it is behind.
fn state_line(
    buffer: &mut Buffer,
    area: Rect,
    size: Size,
    state: &State,
    prefetch: &Prefetch,
    theme: &Theme,
) {
    let small = matches!(size, Size::Narrow | Size::List);
    let oldest = prefetch.oldest_waiting_seconds.filter(|age| age.is_finite() && !small);
    let oldest = oldest.map_or_else(String::new, |age| format!(", oldest {age:.1} s"));
    let waiting = format!("{} {}wait{oldest}", count(prefetch.waiting), if small { "" } else { "keys " });
    let (level, word) = match prefetch.state() {
        PrefetchState::Running => (Level::Good, "running".to_owned()),
        PrefetchState::Paused => (Level::Off, paused(prefetch)),
        PrefetchState::Unspecified => (Level::Off, "unknown".to_owned()),
    };
    let lookups = match size {
        Size::Full => {
            format!("{} of {} lookups", count(prefetch.lookups), count(prefetch.lookups_limit))
        }
        _ => format!("{}/{} lookups", count(prefetch.lookups), count(prefetch.lookups_limit)),
    };
    let kept = match size {
        Size::Full => format!("keeps {} records", count(prefetch.records_kept)),
        _ => format!("kept {}", count(prefetch.records_kept)),
    };
    let as_of = state.age().map(|_| {
        format!("as of {}", state.shown().map_or_else(String::new, |hydra| number::clock(hydra.clock())))
    });
    let mut parts = vec![word, lookups, waiting, kept];
    if size == Size::List {
        parts.remove(1);
    }
    if let Some(as_of) = as_of {
        parts.insert(1, as_of);
    }
    let mut names: Vec<&str> = prefetch.sources.iter().map(|source| source.name.as_str()).collect();
    names.truncate(6);
    let sources = match size {
        Size::Full if !names.is_empty() => format!("sources: {}", names.join(", ")),
        _ => String::new(),
    };
    let start = Line::from(vec![
        Span::raw(" "),
        well::sign(theme, level, state.age().is_some()),
        Span::raw(format!(" {}", parts.join(" · "))),
    ]);
    let room = area.width.saturating_sub(u16::try_from(start.width()).unwrap_or(u16::MAX) + 2);
    let sources = if paint::width(&sources) <= room { sources } else { String::new() };
    split(buffer, area, 0, start, Line::from(sources));
}

/// `paused until 03:42:40: router maintenance`.
fn paused(prefetch: &Prefetch) -> String {
    let until = prefetch
        .paused_until
        .map_or_else(String::new, |until| format!(" until {}", number::clock(until.seconds)));
    let why = match prefetch.paused_reason.as_str() {
        "" => String::new(),
        why => format!(": {}", paint::cut(why, 40)),
    };
    format!("paused{until}{why}")
}
