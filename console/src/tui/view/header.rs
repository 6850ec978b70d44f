//! The first two rows: whose screen this is, how it is, how old it is; where one is, and the link.

use hydra_protocol::v1::DaemonState;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::paint::{cut, sign, span, split};
use super::theme::{Meaning, Theme};
use super::{Size, charts};
use crate::tui::number;
use crate::tui::state::{Hydra, Level, Link, Page, State, well};

/// The longest name that the header shows, in cells.
const NAME: u16 = 24;

pub(super) fn draw(buffer: &mut Buffer, area: Rect, size: Size, state: &State, theme: &Theme) {
    first_row(buffer, area, size, state, theme);
    let mut right = Vec::new();
    if size == Size::Full && state.page().has_charts() && state.shown().is_some() {
        right.push(Span::raw(format!("{}  ", window(area, state))));
    }
    right.extend(link(state, theme));
    split(buffer, area, 1, tabs(size, state, theme), right);
}

/// The window of the page: `10 min`, or when it ended.
fn window(area: Rect, state: &State) -> String {
    let window = state.window();
    if window.is_recent() && *state.page() == Page::Overview {
        let drawn = charts::span(charts::dots(area.width), window.seconds());
        return number::window(drawn.length());
    }
    let length = number::window(window.seconds());
    match window.back() {
        0 => length,
        back => format!("{length}, until {} ago", number::span(back as f64)),
    }
}

/// The tabs; the one that is open stands in brackets.
fn tabs(size: Size, state: &State, theme: &Theme) -> Line<'static> {
    let wide = size == Size::Full;
    let mut spans = Vec::new();
    for (number, page) in Page::TABS.iter().enumerate() {
        let word = format!("{} {}", number + 1, page.title());
        let open = state.page().tab() == number;
        let before = if wide || number == 0 { "" } else { " " };
        spans.push(match (open, wide) {
            (true, _) => span(theme, Meaning::Title, format!("{before}[{word}]")),
            (false, true) => Span::raw(format!(" {word} ")),
            (false, false) => Span::raw(format!("{before}{word}")),
        });
        if wide && number + 1 < Page::TABS.len() {
            spans.push(Span::raw("  "));
        }
    }
    Line::from(spans)
}

fn first_row(buffer: &mut Buffer, area: Rect, size: Size, state: &State, theme: &Theme) {
    let name = state.shown().map_or("hydractl top", |hydra| hydra.status.name.as_str());
    let mut left = vec![span(theme, Meaning::Title, cut(name, NAME)), Span::raw("  ")];
    left.extend(condition(state, theme, "  "));
    split(buffer, area, 0, left, right(size, state, theme));
}

/// State, heads, load; in place of them, that there is no daemon.
pub(super) fn condition(state: &State, theme: &Theme, gap: &'static str) -> Vec<Span<'static>> {
    if let Link::Down { since, .. } = state.link() {
        let away = number::span(state.now().saturating_sub(*since).as_secs_f64());
        return vec![
            sign(theme, Level::Broken),
            span(theme, Meaning::Level(Level::Broken), format!(" no daemon for {away}")),
        ];
    }
    let Some(hydra) = state.shown() else {
        return vec![sign(theme, Level::Busy), Span::raw(" connecting")];
    };
    let status = &hydra.status;
    let (level, word) = state_word(status.state());
    let load = if status.load_level == 0 { " normal" } else { "" };
    vec![
        sign(theme, level),
        span(theme, Meaning::Level(level), format!(" {word}")),
        Span::raw(format!(
            "{gap}{}/{} heads{gap}load {}{load}",
            status.heads_serving, status.heads, status.load_level
        )),
    ]
}

/// The word for the daemon's state.
pub(super) fn state_word(state: DaemonState) -> (Level, &'static str) {
    match state {
        DaemonState::Unspecified => (Level::Off, "unknown"),
        DaemonState::Starting => (Level::Busy, "starting"),
        DaemonState::Warming => (Level::Busy, "warming"),
        DaemonState::Serving => (Level::Good, "serving"),
        DaemonState::Overloaded => (Level::Look, "overloaded"),
        DaemonState::NoPeers => (Level::Broken, "no peers"),
        DaemonState::Draining => (Level::Busy, "draining"),
    }
}

fn right(size: Size, state: &State, theme: &Theme) -> Line<'static> {
    let Some(hydra) = state.shown() else { return Line::default() };
    let (clock, zone) = (number::clock(hydra.clock()), number::zone(hydra.clock()));
    if let (Link::Down { .. }, Some(age)) = (state.link(), state.age()) {
        return Line::from(format!("shown: {clock} {zone}, {} old", number::span(age.as_secs_f64())));
    }
    let mut spans = marks(hydra, theme, " ");
    spans.push(Span::raw(format!("up {}  ", number::span(hydra.status.uptime_seconds))));
    if size == Size::Full {
        spans.push(Span::raw(format!("hydrad {}  ", cut(&hydra.status.version, 16))));
    }
    spans.push(Span::raw(format!("{clock} {zone}")));
    Line::from(spans)
}

/// How many answers are not ●: `✖ 1  ▲ 2  `.
pub(super) fn marks(hydra: &Hydra, theme: &Theme, gap: &str) -> Vec<Span<'static>> {
    let (broken, look) = well::counts(&well::answers(hydra));
    let mut spans = Vec::new();
    for (level, number) in [(Level::Broken, broken), (Level::Look, look)] {
        if number > 0 {
            spans.push(sign(theme, level));
            spans.push(Span::raw(format!("{gap}{number}  ")));
        }
    }
    spans
}

/// The link: live, frozen, late, or when the next try comes.
pub(super) fn link(state: &State, theme: &Theme) -> Vec<Span<'static>> {
    let mut spans = Vec::new();
    if state.is_frozen() {
        let clock = state.shown().map_or_else(String::new, |hydra| number::clock(hydra.clock()));
        let sign = theme.symbol(Meaning::Frozen);
        spans.push(span(theme, Meaning::Frozen, format!("{sign} frozen {clock}")));
    }
    let (level, text) = match state.link() {
        Link::Live { .. } => match state.age() {
            Some(age) => (Level::Look, format!(" late {}", number::span(age.as_secs_f64()))),
            None if state.is_frozen() => return spans,
            None => (Level::Good, format!(" live {} s", state.interval().as_secs_f64())),
        },
        Link::Connecting => (Level::Busy, " connecting".to_owned()),
        Link::Down { attempt, retry_at, .. } => {
            match number::seconds_left(retry_at.saturating_sub(state.now())) {
                0 => (Level::Broken, format!(" try {attempt} now")),
                left => (Level::Broken, format!(" try {attempt} in {left} s")),
            }
        }
    };
    if !spans.is_empty() {
        spans.push(Span::raw("  "));
    }
    spans.push(sign(theme, level));
    spans.push(Span::raw(text));
    spans
}

/// The whole screen in one line: `lerna ● 5/5 load 0 ▲1`.
pub(super) fn one_line(state: &State, theme: &Theme) -> Line<'static> {
    let Some(hydra) = state.shown() else {
        let mut spans = vec![span(theme, Meaning::Title, "hydra "), Span::raw("")];
        spans.extend(link(state, theme));
        return Line::from(spans);
    };
    let status = &hydra.status;
    let mut spans = vec![span(theme, Meaning::Title, cut(&status.name, NAME)), Span::raw(" ")];
    if let Link::Down { .. } = state.link() {
        spans.extend(link(state, theme));
        return Line::from(spans);
    }
    let (level, _) = state_word(status.state());
    spans.push(sign(theme, level));
    spans.push(Span::raw(format!(" {}/{} load {} ", status.heads_serving, status.heads, status.load_level)));
    spans.extend(marks(hydra, theme, ""));
    Line::from(spans)
}
