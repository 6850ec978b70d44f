//! The table of peers: who sends most, who holds many heads.

use hydra_protocol::v1::{Finding, SurveyPeersResponse};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::super::feed;
use super::super::grid::Grid;
use super::super::paint::{self, span, title};
use super::super::table::wishes;
use super::super::theme::{Meaning, Theme};
use crate::tui::number::count;
use crate::tui::state::feed::Ask;
use crate::tui::state::{Hydra, State};
use crate::tui::table::{PEERS, PeerRow};

/// Rows of a table that is worth a line about its columns.
const WITH_NOTE: u16 = 10;
/// The columns where there is room for all, and where there is not.
const COLUMNS: [&str; 11] =
    ["PEER ID", "KEY", "AGENT", "ADDRESS", "VIA", "DIR", "HEADS", "RTT", "ADD/min", "SEEN", "NEAR"];
const STANDARD: [&str; 7] = ["PEER ID", "AGENT", "VIA", "DIR", "HEADS", "RTT", "ADD/min"];
const NARROW: [&str; 5] = ["PEER ID", "AGENT", "HEADS", "RTT", "ADD/min"];
const LIST: [&str; 4] = ["PEER ID", "HEADS", "RTT", "ADD/min"];

/// How it is sorted and filtered.
pub(super) fn scope(state: &State) -> String {
    wishes(&PEERS, &state.lists().peers)
}

pub(super) fn draw(
    buffer: &mut Buffer,
    area: Rect,
    survey: &SurveyPeersResponse,
    state: &State,
    hydra: &Hydra,
    theme: &Theme,
) {
    let ask = state.survey_ask();
    let all = state.peer_rows();
    let rows: Vec<&PeerRow> = all.iter().collect();
    let age = feed::as_of(state, hydra, &ask);
    let (table, note) = paint::top(area, area.height - u16::from(area.height >= WITH_NOTE));
    let visible = usize::from(table.height.saturating_sub(2));
    let grid = Grid {
        table: &PEERS,
        list: &state.lists().peers,
        rows: &rows,
        columns: match area.width {
            110.. => &COLUMNS,
            72.. => &STANDARD,
            60.. => &NARROW,
            _ => &LIST,
        },
        wide: "AGENT",
        cells: &[],
        focused: true,
        old: age.is_some(),
    };
    let what = format!(
        "Peers {} · {} connected · ≈ {} distinct seen in 24 h{}",
        count(survey.total),
        count(survey.connected),
        count(survey.unique_peers_24h),
        scope(state)
    );
    let unit = age.or_else(|| asking(hydra, &ask)).unwrap_or_else(|| extent(&grid, survey, visible, state));
    title(buffer, table, theme, &what, &unit);
    let (_, body) = paint::top(table, 1);
    if rows.is_empty() {
        for (row, text) in (0..).zip(paint::wrap(&nobody(survey, state, hydra), body.width.saturating_sub(2)))
        {
            paint::line(buffer, body, row, span(theme, Meaning::Quiet, format!(" {text}")));
        }
        return;
    }
    grid.draw(buffer, body, theme, &|_, _, _| None);
    let near = if area.width >= 110 { "NEAR: our nearest head, bits in common · " } else { "" };
    let text = format!(
        " {near}not counted: {} servers heard of that do not answer, and our own {} heads",
        count(survey.silent),
        hydra.status.heads
    );
    paint::line(buffer, note, 0, span(theme, Meaning::Quiet, paint::cut(&text, note.width)));
}

/// What stands there answers another question: the answer to this one is awaited.
fn asking(hydra: &Hydra, ask: &Ask) -> Option<String> {
    hydra.feeds.received(ask).is_none().then(|| "asking hydrad …".to_owned())
}

/// `1 to 16 of 3,486`.
fn extent(grid: &Grid<'_, PeerRow>, survey: &SurveyPeersResponse, visible: usize, state: &State) -> String {
    if survey.total <= visible as u64 {
        return String::new();
    }
    let first = grid.first_visible(visible) as u64 + u64::from(state.peers().offset());
    let last = first.saturating_add(visible as u64).min(survey.total);
    format!("{} to {} of {}", count(first + 1), count(last), count(survey.total))
}

/// Why there is no row.
fn nobody(survey: &SurveyPeersResponse, state: &State, hydra: &Hydra) -> String {
    let first = hydra.status.network.iter().find(|check| check.finding() == Finding::Fail);
    match (survey.live.saturating_add(survey.connected), state.lists().peers.filter(), first) {
        (0, ..) if state.peers().zoomed_to().is_some() => "no peer in this range · z shows all".to_owned(),
        (0, _, Some(check)) if check.remedy.is_empty() => format!("no peer: {}", check.text),
        (0, _, Some(check)) => format!("no peer: {} · {}", check.text, check.remedy),
        (0, _, None) => "no peer yet · hydractl doctor --only network says what is tried".to_owned(),
        (_, "", _) => "no row on this page · gg goes to the first".to_owned(),
        _ => "no peer fits the filter · / changes it".to_owned(),
    }
}
