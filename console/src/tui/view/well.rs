//! *Is it well?*: one line a question, in the order things break. The first that is not ● is
//! where to go.

use hydra_protocol::v1::{DaemonState, Finding, Warning};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::paint::{self, span};
use super::theme::{Meaning, Theme};
use crate::tui::number;
use crate::tui::state::{Hydra, Level, State};

/// How long a warning that is over is still told, in seconds: as long as the charts go back.
const TOLD_FOR: i64 = 600;

/// The answer to one question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// What is asked about.
    pub name: String,
    /// How good it is.
    pub level: Level,
    /// What is said, most important first; what does not fit is left out from the end.
    pub parts: Vec<String>,
    /// The same in a word or two.
    pub brief: String,
}

impl Answer {
    fn new(name: &str, level: Level, parts: Vec<String>, brief: String) -> Self {
        Self { name: name.to_owned(), level, parts, brief }
    }

    /// What fits into so many cells.
    #[must_use]
    pub fn text(&self, cells: u16) -> String {
        let mut text = String::new();
        for part in &self.parts {
            let longer = if text.is_empty() { part.clone() } else { format!("{text} · {part}") };
            if !text.is_empty() && paint::width(&longer) > cells {
                break;
            }
            text = longer;
        }
        paint::cut(&text, cells)
    }
}

/// All answers.
#[must_use]
pub fn answers(hydra: &Hydra) -> Vec<Answer> {
    let mut answers = vec![network(hydra), peers(hydra), belly(hydra), requests(hydra)];
    for warning in &hydra.status.warnings {
        if warning.until.is_some_and(|until| hydra.clock().saturating_sub(until.seconds) > TOLD_FOR) {
            continue;
        }
        let about = about(&warning.code);
        match answers.iter_mut().find(|answer| answer.name == about) {
            Some(answer) => weigh(answer, warning),
            None => {
                let mut answer = Answer::new(&about, Level::Good, Vec::new(), String::new());
                weigh(&mut answer, warning);
                answers.push(answer);
            }
        }
    }
    answers
}

/// How many are broken, and how many are to be looked at.
#[must_use]
pub fn counts(answers: &[Answer]) -> (usize, usize) {
    let number = |level| answers.iter().filter(|answer| answer.level == level).count();
    (number(Level::Broken), number(Level::Look))
}

fn peers(hydra: &Hydra) -> Answer {
    let status = &hydra.status;
    let live = number::count(status.peers_live);
    if status.state() == DaemonState::NoPeers && network(hydra).level == Level::Broken {
        // One cause, told once: this line follows from the one above.
        let text = format!("{live} live in table: follows from network");
        return Answer::new("peers", Level::Off, vec![text], format!("{live} live"));
    }
    let level = match status.state() {
        _ if status.peers_live > 0 => Level::Good,
        DaemonState::NoPeers => Level::Broken,
        DaemonState::Starting | DaemonState::Warming => Level::Busy,
        _ => Level::Off,
    };
    let connected = format!("{} connected now", number::count(status.peers_connected));
    Answer::new("peers", level, vec![format!("{live} live in table"), connected], format!("{live} live"))
}

fn belly(hydra: &Hydra) -> Answer {
    let status = &hydra.status;
    let records = number::count(status.records);
    let size = if status.belly_limit_bytes > 0 {
        let (used, limit) = number::bytes_of(status.belly_bytes, status.belly_limit_bytes);
        format!("{used}/{limit}")
    } else {
        number::bytes(status.belly_bytes)
    };
    if let Some(warming) = &status.belly_warming {
        let mut parts =
            vec![if warming.day_read { "reading what is older" } else { "reading the last 24 h" }.to_owned()];
        parts.extend(super::warming::reading(warming));
        return Answer::new("belly", Level::Busy, parts, format!("reading, {records}"));
    }
    if status.records == 0 {
        let since = number::span(status.uptime_seconds);
        let why = match status.heads_serving {
            0 => "0 records: no head serves yet".to_owned(),
            _ => format!("no ADD_PROVIDER yet, {since} after start"),
        };
        let parts = vec![why, "wait: first in 10–30 min, all in 22 h".to_owned()];
        return Answer::new("belly", Level::Off, parts, "0 records".to_owned());
    }
    let mut parts = vec![format!("{records} records"), size.clone()];
    parts.extend(status.commit_p99_seconds.map(|p99| format!("commit p99 {}", number::millis(p99))));
    parts.push(format!("a crash loses ≤ {} s", number::rate(status.unsaved_max_seconds)));
    Answer::new("belly", Level::Good, parts, format!("{records}, {size}"))
}

fn requests(hydra: &Hydra) -> Answer {
    let status = &hydra.status;
    let all = number::rate_or_none(hydra.requests());
    let level = match (status.heads_serving, status.state()) {
        (0, DaemonState::Starting | DaemonState::Warming) => Level::Busy,
        (0, _) => Level::Off,
        _ if matches!(all.as_str(), "0" | "—") => Level::Off,
        _ => Level::Good,
    };
    let mut parts = vec![format!("{all}/s in")];
    let p99 = status.get_providers_p99_seconds_1m.map(|p99| format!("p99 {}", number::millis(p99)));
    let found = status.found_ratio_10m.map(|ratio| format!("{} found (10 min)", number::percent(ratio)));
    let get: Vec<String> = p99.into_iter().chain(found).collect();
    if status.heads_serving == 0 {
        parts.push("no head serves".to_owned());
    } else if get.is_empty() {
        parts.push("no GET_PROVIDERS in 10 min".to_owned());
    } else {
        parts.push(format!("GET_PROVIDERS {}", get.join(", ")));
    }
    Answer::new("requests", level, parts, format!("{all}/s"))
}

fn network(hydra: &Hydra) -> Answer {
    let checks = &hydra.status.network;
    let first_cause = checks
        .iter()
        .find(|check| check.finding() == Finding::Fail)
        .or_else(|| checks.iter().find(|check| check.finding() == Finding::Warn))
        .or_else(|| checks.iter().find(|check| check.finding() != Finding::Ok));
    match first_cause {
        Some(check) => {
            let mut parts = vec![format!("{}: {}", check.name, check.text)];
            parts.extend(Some(check.remedy.clone()).filter(|remedy| !remedy.is_empty()));
            Answer::new("network", check.finding().into(), parts, check.name.clone())
        }
        None if checks.is_empty() => {
            Answer::new("network", Level::Off, vec!["not checked yet".to_owned()], "not checked".to_owned())
        }
        None => {
            let names: Vec<&str> = checks.iter().map(|check| check.name.as_str()).collect();
            let told = checks.iter().filter(|check| !check.text.is_empty());
            let mut parts: Vec<String> = told.map(|check| format!("{} {}", check.name, check.text)).collect();
            if parts.is_empty() {
                parts.push(format!("{}: in order", names.join(", ")));
            }
            Answer::new("network", Level::Good, parts, "in order".to_owned())
        }
    }
}

/// The question that a warning belongs to, by the first word of its code; what belongs to none
/// gets a line of its own.
fn about(code: &str) -> String {
    let first = code.split('_').next().unwrap_or_default();
    let about = match first {
        "PEERS" | "PEER" | "TABLE" | "ROUTING" => "peers",
        "BELLY" | "DISK" | "RECORD" | "RECORDS" | "STORE" => "belly",
        "REQUEST" | "REQUESTS" | "STREAM" | "STREAMS" | "CONNECTION" | "CONNECTIONS" => "requests",
        "NETWORK" | "BOOTSTRAP" | "PORT" | "PORTS" | "OUTBOUND" | "INBOUND" | "ANNOUNCE" | "ADDRESS"
        | "NO" => "network",
        "" => "hydrad",
        _ => return first.to_lowercase(),
    };
    about.to_owned()
}

/// A warning makes an answer worse, never better.
fn weigh(answer: &mut Answer, warning: &Warning) {
    let since = warning.since.map_or_else(String::new, |at| number::clock(at.seconds));
    let rank = |level| match level {
        Level::Good | Level::Busy | Level::Off => 0,
        Level::Look => 1,
        Level::Broken => 2,
    };
    let (level, said) = match warning.until {
        // What is over is to be looked at, however bad it was.
        Some(until) => {
            let until = number::clock(until.seconds);
            (Level::Look, format!("{since}–{until} {}", warning.text))
        }
        None => {
            let level = if warning.severity() == Finding::Fail { Level::Broken } else { Level::Look };
            (level, warning.text.clone())
        }
    };
    if rank(level) <= rank(answer.level) {
        return;
    }
    // A check that failed already says the same, and says it in its place in the chain.
    let says_why = answer.name == "network" && answer.level != Level::Good && answer.level != Level::Off;
    answer.level = level;
    if says_why {
        return;
    }
    if warning.until.is_some() {
        let now = answer.parts.first().cloned().unwrap_or_default();
        answer.brief = format!("{}, see events", answer.brief).trim_start_matches(", ").to_owned();
        answer.parts = vec![if now.is_empty() { said } else { format!("{now}, but {said}") }];
        return;
    }
    let rest = std::mem::take(&mut answer.parts);
    answer.brief.clone_from(&said);
    answer.parts.push(said);
    answer.parts.extend(Some(warning.remedy.clone()).filter(|remedy| !remedy.is_empty()));
    answer.parts.extend(rest);
}

/// Draws the answers, one a row.
pub(super) fn draw(buffer: &mut Buffer, area: Rect, state: &State, answers: &[Answer], theme: &Theme) {
    let old = state.age().is_some();
    for (row, answer) in (0..).zip(answers) {
        let sign = sign(theme, answer.level, old);
        let text = answer.text(area.width.saturating_sub(13));
        let text = if old { span(theme, Meaning::Old, text) } else { Span::raw(text) };
        let name = Span::raw(paint::left(&answer.name, 10));
        let words = Line::from(vec![Span::raw(" "), sign, Span::raw(" "), name, text]);
        paint::line(buffer, area, row, words);
    }
}

/// The sign of an answer; old ones are not known any more.
pub(super) fn sign(theme: &Theme, level: Level, old: bool) -> Span<'static> {
    if old { span(theme, Meaning::Old, theme.symbol(Meaning::Old)) } else { paint::sign(theme, level) }
}
