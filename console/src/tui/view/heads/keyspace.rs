//! *Where in the keyspace*: the places of the heads, and the share of keys that each is nearest to.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::super::paint::{self, inset, span, title, top};
use super::super::theme::{Meaning, Theme};
use super::super::{feed, strip};
use crate::tui::chart::spark::spark;
use crate::tui::state::nearest::{cell, shares};
use crate::tui::state::wants::EVERYWHERE;
use crate::tui::state::{Hydra, State};

/// The most rows of shares.
const SHARES: usize = 3;

/// Rows of the pane on a page of this width.
pub(super) fn rows(hydra: &Hydra, cells: u16) -> u16 {
    5 + u16::try_from(nearest(hydra, cells).len()).unwrap_or(1)
}

pub(super) fn draw(buffer: &mut Buffer, area: Rect, state: &State, hydra: &Hydra, theme: &Theme) {
    let picture = strip::area(top(area, 1).1);
    let cells = picture.width;
    let around = hydra.feeds.around(&EVERYWHERE);
    let nothing = feed::nothing(state, hydra, &EVERYWHERE, around.is_some());
    let peers = around.map_or_else(Vec::new, |around| strip::cells(&around.bins, cells));
    let most = peers.iter().max().copied().unwrap_or(0);
    let unit = if most > 0 { format!("peers per 1/{cells}, 0 to {most}") } else { String::new() };
    title(buffer, area, theme, "Where in the keyspace", &unit);
    let (_, body) = top(area, 1);
    match nothing {
        Some(nothing) => nothing.draw(buffer, Rect { height: 1, ..body }, theme),
        None => {
            let values: Vec<Option<f64>> = peers.iter().map(|count| Some(*count as f64)).collect();
            paint::line(buffer, body, 0, "  peers");
            paint::line(buffer, picture, 0, spark(&values, theme.is_ascii()));
        }
    }
    let (_, body) = top(body, 1);
    let (_, picture) = top(picture, 1);
    let row = |number: u16| top(body, number).1;
    paint::line(buffer, row(0), 0, "  heads");
    for head in hydra.heads() {
        let at = inset(picture, cell(&head.key, cells));
        let mark = span(theme, Meaning::Head, theme.symbol(Meaning::Head));
        paint::line(buffer, Rect { width: 1, ..at }, 0, Line::from(mark));
    }
    // a number that would touch another is left out: its mark stands above
    let mut places: Vec<(u16, String)> =
        hydra.heads().map(|head| (cell(&head.key, cells), head.index.to_string())).collect();
    places.sort();
    let mut free = 0;
    for (at, index) in places {
        if at >= free {
            let words = span(theme, Meaning::Head, index.clone());
            paint::line(buffer, inset(top(picture, 1).1, at), 0, Line::from(words));
            free = at + paint::width(&index) + 1;
        }
    }
    let step = usize::from(cells / 16);
    let digits: String = (0..16).map(|digit| format!("{digit:<step$x}")).collect();
    paint::line(buffer, row(2), 0, span(theme, Meaning::Quiet, format!("        {digits}")));
    for (number, text) in (3..).zip(nearest(hydra, body.width)) {
        paint::line(buffer, row(number), 0, Span::raw(format!("  {text}")));
    }
}

/// `nearest head by share of all keys: head-0 25 %, …`.
fn nearest(hydra: &Hydra, cells: u16) -> Vec<String> {
    let keys: Vec<&[u8]> = hydra.heads().map(|head| head.key.as_slice()).collect();
    let each: Vec<String> = hydra
        .heads()
        .zip(shares(&keys))
        .map(|(head, share)| format!("{} {} %", head.name, percent(share)))
        .collect();
    let mut lines =
        paint::fill_lines("nearest head by share of all keys:", &each, ",", cells.saturating_sub(3));
    lines.truncate(SHARES);
    lines
}

/// Whole where it is, else as many digits as it needs.
fn percent(share: f64) -> String {
    let percent = share * 100.0;
    let digits = if percent >= 10.0 { format!("{percent:.1}") } else { format!("{percent:.2}") };
    digits.trim_end_matches('0').trim_end_matches('.').to_owned()
}
