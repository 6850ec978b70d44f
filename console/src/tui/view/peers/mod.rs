//! *Peers*: where in the keyspace they are, holes and crowds, who comes and goes, what they run;
//! and a table of them that the daemon sorts and filters.

mod agents;
mod keyspace;
mod live;
mod table;

pub(super) mod peer;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::paint::{inset, top};
use super::theme::Theme;
use super::{Size, feed, paint, plot};
use crate::tui::state::{Hydra, State};

/// Rows of the plot of the keyspace, and of that of the live peers, at least.
const KEYSPACE: u16 = 3;
const LIVE: u16 = 5;
/// The tallest plots: taller ones say nothing more.
const TALLEST: u16 = 12;
/// Rows of the table before the plots grow.
const TABLE: u16 = 40;
/// Cells of the chart of live peers, and between it and the agents.
const CHART: u16 = 57;
const GAP: u16 = 2;

pub(super) fn draw(buffer: &mut Buffer, area: Rect, size: Size, state: &State, hydra: &Hydra, theme: &Theme) {
    let known = hydra.feeds.survey().is_some();
    if let Some(nothing) = feed::nothing(state, hydra, &state.survey_ask(), known) {
        paint::title(buffer, area, theme, &format!("Peers{}", table::scope(state)), "");
        nothing.draw(buffer, top(area, 1).1, theme);
        return;
    }
    let Some(survey) = hydra.feeds.survey() else { return };
    let expanded = state.expanded().filter(|_| !matches!(size, Size::List | Size::Line));
    match expanded {
        Some(0) => return keyspace::draw(buffer, area, survey, state, hydra, theme),
        Some(_) => return plot::draw(buffer, area, &live::LIVE, state, hydra, theme),
        None => {}
    }
    let nobody = survey.live.saturating_add(survey.connected) == 0 && state.peers().zoomed_to().is_none();
    let rest = match size {
        // pictures of nobody tell nothing: the reason fills the page
        _ if nobody => area,
        Size::Full => full(buffer, area, state, hydra, theme),
        Size::Standard => {
            let (block, rest) = top(area, KEYSPACE - 1 + keyspace::FRAME);
            keyspace::draw(buffer, block, survey, state, hydra, theme);
            let (line, rest) = top(rest, 1);
            agents::line(buffer, line, survey, theme);
            rest
        }
        _ => area,
    };
    table::draw(buffer, rest, survey, state, hydra, theme);
}

/// The pictures; gives back what is left to the table.
fn full(buffer: &mut Buffer, area: Rect, state: &State, hydra: &Hydra, theme: &Theme) -> Rect {
    let Some(survey) = hydra.feeds.survey() else { return area };
    let least = KEYSPACE + keyspace::FRAME + LIVE + plot::FRAME;
    let more = area.height.saturating_sub(least + TABLE) / 2;
    let (block, rest) = top(area, (KEYSPACE + more).min(TALLEST) + keyspace::FRAME);
    keyspace::draw(buffer, block, survey, state, hydra, theme);
    let (block, rest) = top(rest, (LIVE + more).min(TALLEST) + plot::FRAME);
    let chart = Rect { width: CHART.min(block.width), ..block };
    plot::draw(buffer, chart, &live::LIVE, state, hydra, theme);
    agents::draw(buffer, inset(block, CHART + GAP), survey, theme);
    feed::age(buffer, block, state, theme);
    rest
}
