//! *Records*: is this key here, who has it and until when; what is asked for, and where; the belly
//! as a whole. Where room is short only the pane that the keys work on is drawn.

mod belly;
mod empty;
mod fetched;
mod popular;
mod providers;
mod regions;
mod search;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::Size;
use super::paint::{inset, top};
use super::theme::{Meaning, Theme};
use crate::tui::state::records::Pane;
use crate::tui::state::{Hydra, Sought, State};

/// Cells between two panes.
const GAP: u16 = 2;
/// Cells of the hot regions beside the popular keys.
const REGIONS: u16 = 51;
/// Rows of the belly.
const BELLY: u16 = 4;
/// Rows of what was found that are always left to it.
const FOUND: u16 = 4;

pub(super) fn draw(buffer: &mut Buffer, area: Rect, size: Size, state: &State, hydra: &Hydra, theme: &Theme) {
    let (line, rest) = top(area, if size == Size::List { 1 } else { 2 });
    search::draw(buffer, line, state, hydra, theme);
    let searches = state.records().sought != Sought::Nothing;
    if !searches && empty::is_empty(hydra) {
        empty::draw(buffer, rest, state, hydra, theme);
        return;
    }
    match size {
        Size::Full | Size::Standard if state.expanded().is_none() => {
            panes(buffer, rest, size, state, hydra, theme);
        }
        _ => one(buffer, rest, state, hydra, theme),
    }
}

/// The pane that the keys work on, alone.
fn one(buffer: &mut Buffer, area: Rect, state: &State, hydra: &Hydra, theme: &Theme) {
    match state.records().pane {
        Pane::Found if state.records().fetched().is_some() => {
            let (found, fetched) = top(area, area.height / 2);
            providers::draw(buffer, found, state, hydra, theme);
            fetched::draw(buffer, fetched, state, theme);
        }
        Pane::Found => providers::draw(buffer, area, state, hydra, theme),
        Pane::Popular => popular::draw(buffer, area, state, hydra, theme),
        Pane::Regions => regions::draw(buffer, area, state, hydra, theme),
        Pane::Belly => belly::draw(buffer, area, state, hydra, theme),
    }
}

fn panes(buffer: &mut Buffer, area: Rect, size: Size, state: &State, hydra: &Hydra, theme: &Theme) {
    let full = size == Size::Full;
    let (upper, belly) = top(area, area.height.saturating_sub(BELLY));
    belly::draw(buffer, belly, state, hydra, theme);
    let rows = |number: usize| u16::try_from(number).unwrap_or(u16::MAX);
    let found = match state.records().sought {
        Sought::Nothing => 2,
        _ => 2 + rows(state.providers().len()).max(1).min(upper.height / 2).max(FOUND),
    };
    let (block, rest) = top(upper, found);
    providers::draw(buffer, block, state, hydra, theme);
    let rest = match state.records().fetched() {
        Some(fetch) => {
            let (block, rest) = top(rest, fetched::rows(fetch).min(rest.height / 2));
            fetched::draw(buffer, block, state, theme);
            rest
        }
        None => rest,
    };
    if full {
        let keys = rest.width.saturating_sub(REGIONS + GAP);
        popular::draw(buffer, Rect { width: keys, ..rest }, state, hydra, theme);
        regions::draw(buffer, inset(rest, keys + GAP), state, hydra, theme);
    } else if state.records().pane == Pane::Regions {
        regions::draw(buffer, rest, state, hydra, theme);
    } else {
        popular::draw(buffer, rest, state, hydra, theme);
    }
}

/// The title of a pane; the one that the keys work on is marked.
fn name(pane: Pane, state: &State, theme: &Theme, what: &str) -> String {
    if state.records().pane == pane {
        format!("{} {what}", theme.symbol(Meaning::Selected))
    } else {
        what.to_owned()
    }
}
