//! *Address groups*: why the next head earns nothing. Go peers list three of a group.

use std::collections::BTreeMap;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::super::paint::{self, cut, left, right, sign, span, title, top};
use super::super::theme::{Meaning, Theme};
use crate::tui::state::{Hydra, Level};

/// Heads of one IP group that a Go peer has in its table.
const LISTED: usize = 3;
/// Groups that have a row.
const MOST: usize = 6;

/// Names of heads by their group.
fn groups(hydra: &Hydra) -> BTreeMap<&str, Vec<&str>> {
    let mut groups: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for head in hydra.heads() {
        groups.entry(head.address_group.as_str()).or_default().push(head.name.as_str());
    }
    groups
}

/// Rows of the pane.
pub(super) fn rows(hydra: &Hydra) -> u16 {
    u16::try_from(groups(hydra).len().clamp(1, MOST)).unwrap_or(1) + 2
}

pub(super) fn draw(buffer: &mut Buffer, area: Rect, hydra: &Hydra, theme: &Theme) {
    let unit = match area.width {
        100.. => "Go peers keep at most 3 of a group in their table, 2 in a bucket",
        _ => "Go peers list 3 of a group",
    };
    title(buffer, area, theme, "Address groups", unit);
    let (_, body) = top(area, 1);
    let names = format!(" {}{}{}  WHICH", left("GROUP", 18), right("HEADS", 6), right("ROOM", 6));
    paint::line(buffer, body, 0, span(theme, Meaning::Title, names));
    let mut fullest: Vec<(&str, Vec<&str>)> = groups(hydra).into_iter().collect();
    fullest.sort_by_key(|(group, heads)| (group.is_empty(), std::cmp::Reverse(heads.len())));
    for (row, (group, heads)) in (1..area.height).zip(fullest) {
        paint::line(buffer, body, row, line(group, &heads, body.width, theme));
    }
}

fn line(group: &str, heads: &[&str], cells: u16, theme: &Theme) -> Line<'static> {
    let public = !group.is_empty();
    let room = if public { LISTED.saturating_sub(heads.len()).to_string() } else { "—".to_owned() };
    let name = if public { group } else { "not public" };
    let start = format!(" {}{}{}  ", left(name, 18), right(&heads.len().to_string(), 6), right(&room, 6));
    let note = match heads.len() {
        _ if !public => "",
        ..LISTED => "",
        _ if cells < 100 => "full",
        LISTED => "full: peers that list these three list no fourth",
        _ => "over-full: peers list three of these",
    };
    let taken = paint::width(&start) + if note.is_empty() { 0 } else { paint::width(note) + 5 };
    let which = cut(&heads.join(" "), cells.saturating_sub(taken).max(8));
    let mut words = vec![Span::raw(format!("{start}{which}"))];
    if !note.is_empty() {
        words.extend([Span::raw("   "), sign(theme, Level::Look), Span::raw(format!(" {note}"))]);
    }
    Line::from(words)
}
