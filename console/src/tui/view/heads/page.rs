//! *Heads*: the table, where the heads are among the other nodes, why the next one earns nothing,
//! and whether one of them differs.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::super::paint::{self, span, top};
use super::super::theme::{Meaning, Theme};
use super::super::{Size, feed};
use super::{frame_rows, groups, keyspace, lanes};
use crate::tui::state::{Hydra, State};

/// Rows of the table that it has before other panes get any.
const LEAST: u16 = 8;

pub(in super::super) fn draw(
    buffer: &mut Buffer,
    area: Rect,
    size: Size,
    state: &State,
    hydra: &Hydra,
    theme: &Theme,
) {
    let heads = u16::try_from(state.heads().len()).unwrap_or(u16::MAX).max(1);
    let wanted = heads.saturating_add(frame_rows(size));
    if hydra.heads().next().is_none() {
        super::draw(buffer, area, size, state, hydra, theme);
        return;
    }
    let air = u16::from(size == Size::Full);
    let mut left = area.height.saturating_sub(wanted.min(LEAST + frame_rows(size)));
    // a pane is whole, or it is not there
    let mut spend = |rows: u16| {
        let spent = if left >= rows + air { rows + air } else { 0 };
        left -= spent;
        spent
    };
    let small = matches!(size, Size::List);
    let keyspace_rows = if small { 0 } else { spend(keyspace::rows(hydra, area.width)) };
    let group_rows = if small { 0 } else { spend(groups::rows(hydra)) };
    let lane_rows = if small { 0 } else { spend(heads.min(lanes::MOST) + lanes::FRAME) };
    let hint_rows = if size == Size::Full { spend(1) } else { 0 };
    let rest = area.height.saturating_sub(keyspace_rows + group_rows + lane_rows + hint_rows);
    let table = wanted.min(rest);
    let (block, rest) = top(area, table);
    super::draw(buffer, block, size, state, hydra, theme);
    let mut rest = rest;
    let mut next = |rows: u16| {
        let (block, below) = top(rest, rows);
        rest = below;
        Rect { y: block.y + air.min(block.height), height: block.height.saturating_sub(air), ..block }
    };
    if keyspace_rows > 0 {
        keyspace::draw(buffer, next(keyspace_rows), state, hydra, theme);
    }
    if group_rows > 0 {
        groups::draw(buffer, next(group_rows), hydra, theme);
    }
    if lane_rows > 0 {
        lanes::draw(buffer, next(lane_rows), state, hydra, theme);
    }
    if hint_rows > 0 {
        hint(buffer, next(hint_rows), state, theme);
    }
    feed::age(buffer, Rect { y: area.y + table, height: area.height - table, ..area }, state, theme);
}

/// What can be done with the selected head.
fn hint(buffer: &mut Buffer, area: Rect, state: &State, theme: &Theme) {
    let Some(head) = state.head() else { return };
    let (name, index) = (&head.name, head.index);
    let text = format!(
        " {name}: Enter opens it. Its index in the seed is {index}; removing it keeps the index reserved until \
         `heads purge {name}`."
    );
    paint::line(buffer, area, 0, span(theme, Meaning::Quiet, paint::cut(&text, area.width)));
}
