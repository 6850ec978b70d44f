//! *Log*: what happened, the newest first; who did what; nothing that is dropped is silent.

use hydra_protocol::v1::Finding;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line as Text, Span};

use super::feed;
use super::paint::{self, left, span, title, width};
use super::table::wishes;
use super::theme::{Meaning, Theme};
use crate::tui::number::count;
use crate::tui::state::feed::Ask;
use crate::tui::state::{Hydra, Level, State};
use crate::tui::table::{LINES, Line};

/// Cells before the text: mark, time, level, part.
const BEFORE: u16 = 27;
/// The same where room is short: mark, time, sign.
const BEFORE_NARROW: u16 = 12;

pub(super) fn draw(buffer: &mut Buffer, area: Rect, state: &State, hydra: &Hydra, theme: &Theme) {
    let all = state.log_lines();
    let list = &state.lists().lines;
    let lines = list.rows(&LINES, &all);
    let age = feed::as_of(state, hydra, &Ask::Events);
    title(buffer, area, theme, &what(state), &unit(state, hydra, age.clone()));
    let (names, body) = paint::top(paint::top(area, 1).1, 1);
    let wide = area.width >= 60;
    let columns = if wide { "  TIME      LEVEL  PART      WHAT" } else { "  TIME       WHAT" };
    if lines.is_empty() {
        nothing(buffer, names.union(body), all.len(), state, hydra, theme);
        return;
    }
    paint::line(buffer, names, 0, span(theme, Meaning::Title, columns.get(1..).unwrap_or_default()));
    let (body, foot) = paint::top(body, body.height.saturating_sub(1));
    let at = lines.iter().position(|line| Some(line.id.as_str()) == list.selected()).unwrap_or(0);
    let rows = rows(&lines, at, body, wide, state);
    let mut number = 0;
    for (line, parts) in rows {
        let selected = Some(line.id.as_str()) == list.selected();
        for (part, text) in parts.iter().enumerate() {
            let drawn = row(line, text, part == 0, selected, wide, theme);
            let drawn = if age.is_some() || state.age().is_some() {
                drawn.style(theme.style(Meaning::Old))
            } else {
                drawn
            };
            paint::line(buffer, body, number, drawn);
            if selected && let Some(cells) = paint::row(body, number) {
                buffer.set_style(cells.intersection(buffer.area), theme.style(Meaning::Selected));
            }
            number += 1;
        }
    }
    // right below the last line, or in the last row
    let end = if number < body.height { Rect { y: body.y + number, height: 1, ..body } } else { foot };
    paint::line(buffer, end, 0, span(theme, Meaning::Quiet, oldest(&lines, state)));
}

/// The lines that are drawn so that the selected one is, each in the rows that it needs.
fn rows<'a>(
    lines: &[&'a Line],
    at: usize,
    body: Rect,
    wide: bool,
    state: &State,
) -> Vec<(&'a Line, Vec<String>)> {
    let room = body.width.saturating_sub(if wide { BEFORE } else { BEFORE_NARROW });
    let parts = |line: &Line| {
        if state.log().wraps() { paint::wrap(&line.text, room) } else { vec![paint::cut(&line.text, room)] }
    };
    let height = usize::from(body.height);
    let mut first = at;
    let mut used = lines.get(at).map_or(0, |line| parts(line).len());
    while let Some(before) = first.checked_sub(1).and_then(|at| lines.get(at)) {
        used += parts(before).len();
        if used > height {
            break;
        }
        first -= 1;
    }
    let mut left = height;
    let mut drawn = Vec::new();
    for line in lines.iter().skip(first) {
        let mut parts = parts(line);
        parts.truncate(left);
        left -= parts.len();
        if parts.is_empty() {
            break;
        }
        drawn.push((*line, parts));
    }
    drawn
}

fn row(line: &Line, text: &str, first: bool, selected: bool, wide: bool, theme: &Theme) -> Text<'static> {
    let mark = if selected && first { theme.symbol(Meaning::Selected) } else { " " };
    if !first {
        let before = if wide { BEFORE } else { BEFORE_NARROW };
        return Text::from(format!(" {}{text}", " ".repeat(usize::from(before.saturating_sub(1)))));
    }
    let level = match line.level {
        Finding::Fail => Level::Broken,
        Finding::Warn => Level::Look,
        _ => Level::Good,
    };
    let worth = level != Level::Good;
    let sign = if worth { theme.symbol(Meaning::Level(level)) } else { " " };
    let word = if wide { format!("{} {}", sign, paint::right(line.word(), 5)) } else { sign.to_owned() };
    let word = if worth { span(theme, Meaning::Level(level), word) } else { Span::raw(word) };
    let part = if wide { format!(" {} ", left(&line.part, 8)) } else { " ".to_owned() };
    Text::from(vec![
        Span::raw(format!("{mark}{} ", left(&line.time(), 8))),
        word,
        Span::raw(if wide { part } else { " ".to_owned() }),
        Span::raw(text.to_owned()),
    ])
}

fn what(state: &State) -> String {
    let log = state.log();
    let part = if log.part().is_empty() { "all parts" } else { log.part() };
    let following = if log.is_following() { "following" } else { "not following" };
    format!("Events · {} · {part} · {following}{}", log.level(), wishes(&LINES, &state.lists().lines))
}

fn unit(state: &State, hydra: &Hydra, age: Option<String>) -> String {
    if let Some(age) = age {
        return age;
    }
    let (lines, warnings, errors) = state.log_counts();
    let of = |number: usize, word: &str| {
        let plural = if number == 1 { "" } else { "s" };
        format!("{} {word}{plural}", count(number as u64))
    };
    let dropped = usize::try_from(hydra.dropped).unwrap_or(usize::MAX);
    format!(
        "of {}: {}, {} · {} dropped",
        count(lines as u64),
        of(warnings, "warning"),
        of(errors, "error"),
        of(dropped, "update")
    )
}

/// `── 02:31:55 is the oldest line kept · PgUp for older · End follows again`.
fn oldest(lines: &[&Line], state: &State) -> String {
    let oldest = lines.iter().filter(|line| line.at.is_some()).min_by_key(|line| line.at);
    let oldest = oldest.map_or_else(|| "—".to_owned(), |line| line.time());
    let again = if state.log().is_following() { "" } else { " · End follows again" };
    format!("── {oldest} is the oldest line kept here · PgUp for older{again}")
}

fn nothing(buffer: &mut Buffer, area: Rect, all: usize, state: &State, hydra: &Hydra, theme: &Theme) {
    // what the subscription brought is there before the answer to the question
    let known = all > 0 || hydra.feeds.received(&Ask::Events).is_some();
    if let Some(nothing) = feed::nothing(state, hydra, &Ask::Events, known) {
        nothing.draw(buffer, area, theme);
        return;
    }
    let (lines, ..) = state.log_counts();
    let text = match (lines, all) {
        (0, _) => "nothing happened since hydrad started".to_owned(),
        (lines, 0) => format!(
            "none of the {} lines is of this level and part: L and p choose others",
            count(lines as u64)
        ),
        _ => "no line fits the filter: / changes it".to_owned(),
    };
    let text = paint::cut(&format!(" {text}"), area.width.max(width(" ")));
    paint::line(buffer, area, 0, span(theme, Meaning::Quiet, text));
}
