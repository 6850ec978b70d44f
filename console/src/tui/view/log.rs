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

/// Cells of a time of this day, and of one of another.
const TIME: u16 = 8;
const DAY_AND_TIME: u16 = 10;

/// What stands before the text.
#[derive(Clone, Copy)]
struct Columns {
    /// Cells of the time.
    time: u16,
    /// Level and part, and not the sign alone.
    wide: bool,
}

impl Columns {
    fn of(lines: &[&Line], cells: u16) -> Self {
        let other_days = lines.iter().any(|line| line.at.is_some() && !line.today);
        Self { time: if other_days { DAY_AND_TIME } else { TIME }, wide: cells >= 60 }
    }

    /// Cells before the text.
    fn before(self) -> u16 {
        // mark and blanks; level, part; or the sign
        self.time + if self.wide { 19 } else { 4 }
    }

    fn names(self) -> String {
        let time = left("TIME", self.time);
        if self.wide { format!(" {time}   LEVEL PART     WHAT") } else { format!(" {time}   WHAT") }
    }
}

pub(super) fn draw(buffer: &mut Buffer, area: Rect, state: &State, hydra: &Hydra, theme: &Theme) {
    let all = state.log_lines();
    let list = &state.lists().lines;
    let lines = list.rows(&LINES, &all);
    let age = feed::as_of(state, hydra, &Ask::Events);
    title(buffer, area, theme, &what(state), &unit(state, hydra, age.clone()));
    let (names, body) = paint::top(paint::top(area, 1).1, 1);
    let columns = Columns::of(&lines, area.width);
    if lines.is_empty() {
        nothing(buffer, names.union(body), all.len(), state, hydra, theme);
        return;
    }
    paint::line(buffer, names, 0, span(theme, Meaning::Title, columns.names()));
    let (body, foot) = paint::top(body, body.height.saturating_sub(1));
    let at = lines.iter().position(|line| Some(line.id.as_str()) == list.selected()).unwrap_or(0);
    let rows = rows(&lines, at, body, columns, state);
    let mut number = 0;
    for (line, parts) in rows {
        let selected = Some(line.id.as_str()) == list.selected();
        for (part, text) in parts.iter().enumerate() {
            let drawn = row(line, text, part == 0, selected, columns, theme);
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
    columns: Columns,
    state: &State,
) -> Vec<(&'a Line, Vec<String>)> {
    let room = body.width.saturating_sub(columns.before());
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

fn row(
    line: &Line,
    text: &str,
    first: bool,
    selected: bool,
    columns: Columns,
    theme: &Theme,
) -> Text<'static> {
    if !first {
        return Text::from(format!("{}{text}", " ".repeat(usize::from(columns.before()))));
    }
    let mark = if selected { theme.symbol(Meaning::Selected) } else { " " };
    let level = match line.level {
        Finding::Fail => Level::Broken,
        Finding::Warn => Level::Look,
        _ => Level::Good,
    };
    let worth = level != Level::Good;
    let sign = if worth { theme.symbol(Meaning::Level(level)) } else { " " };
    let word =
        if columns.wide { format!("{sign} {}", paint::right(line.word(), 5)) } else { sign.to_owned() };
    let word = if worth { span(theme, Meaning::Level(level), word) } else { Span::raw(word) };
    let part = if columns.wide { format!(" {} ", left(&line.part, 8)) } else { " ".to_owned() };
    let time = format!("{mark}{} ", left(&line.time(), columns.time));
    Text::from(vec![Span::raw(time), word, Span::raw(part), Span::raw(text.to_owned())])
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
