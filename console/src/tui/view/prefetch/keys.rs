//! *In flight*: the keys that are looked up, and those that wait.

use hydra_protocol::v1::Prefetch;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::super::grid::Grid;
use super::super::paint::{self, span, title, top};
use super::super::theme::{Meaning, Theme};
use super::super::{feed, table};
use crate::tui::number::count;
use crate::tui::state::feed::Ask;
use crate::tui::state::{Hydra, State};
use crate::tui::table::PREFETCH_KEYS;

/// What the columns mean, in the words that fit.
const CAPTIONS: [&str; 2] = [
    " ASKED: peers + routers asked so far · WAIT: later misses for the same key that joined · NEAR: our head nearest to it",
    " ASKED: peers + routers · WAIT: misses that joined",
];

pub(super) fn draw(
    buffer: &mut Buffer,
    area: Rect,
    state: &State,
    hydra: &Hydra,
    prefetch: &Prefetch,
    theme: &Theme,
) {
    let keys = hydra.feeds.prefetch_keys();
    let list = &state.lists().prefetch_keys;
    let rows = state.prefetch_keys();
    let visible = usize::from(area.height.saturating_sub(3));
    let order = match (list.order(), list.filter()) {
        ((0, false), "") => " · oldest first".to_owned(),
        _ => table::wishes(&PREFETCH_KEYS, list),
    };
    let what = format!("In flight {}, waiting {}{order}", count(prefetch.lookups), count(prefetch.waiting));
    let grid = Grid {
        table: &PREFETCH_KEYS,
        list,
        rows: &rows,
        columns: &["KEY", "CID (RAW CODEC)", "AGE", "ASKED", "WAIT", "NEAR"],
        wide: "NEAR",
        cells: &[],
        focused: true,
        old: state.age().is_some(),
    };
    title(buffer, area, theme, &what, &table::extent(&grid, visible));
    let (_, body) = top(area, 1);
    if let Some(nothing) = feed::nothing(state, hydra, &Ask::PrefetchKeys, keys.is_some()) {
        nothing.draw(buffer, body, theme);
        return;
    }
    let (table_area, caption) = top(body, body.height.saturating_sub(1));
    if rows.is_empty() {
        let why = match list.filter() {
            "" => " no key waits or is in flight",
            _ => " no key fits the filter",
        };
        paint::line(buffer, table_area, 0, span(theme, Meaning::Quiet, why));
        return;
    }
    grid.draw(buffer, table_area, theme, &|_, _, _| None);
    let words = CAPTIONS.into_iter().find(|words| paint::width(words) <= caption.width).unwrap_or_default();
    paint::line(buffer, caption, 0, span(theme, Meaning::Quiet, words));
}
