//! The Log page as a person left it: which lines, wrapped or cut, following or not.

use std::collections::{BTreeSet, HashMap};

use hydra_protocol::v1::{Finding, LogLevel, LogLine};

use super::feed::Ask;
use super::lists::Change;
use super::{Hydra, Link, State};
use crate::tui::table::Line;

/// The part under which it stands who did what.
const AUDIT: &str = "audit";

/// Seconds of a day.
const DAY: i64 = 86_400;

/// What a person made of the page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Log {
    /// These and worse.
    level: Finding,
    /// Only of this part; empty: of all.
    part: String,
    /// Long lines go on in the next row.
    wrap: bool,
    /// The newest line is selected when it comes.
    following: bool,
}

impl Default for Log {
    fn default() -> Self {
        Self { level: Finding::Ok, part: String::new(), wrap: false, following: true }
    }
}

impl Log {
    /// These and worse, in a word.
    #[must_use]
    pub fn level(&self) -> &'static str {
        match self.level {
            Finding::Fail => "errors",
            Finding::Warn => "warnings and above",
            _ => "info and above",
        }
    }

    /// Only of this part; empty: of all.
    #[must_use]
    pub fn part(&self) -> &str {
        &self.part
    }

    /// Long lines go on in the next row.
    #[must_use]
    pub fn wraps(&self) -> bool {
        self.wrap
    }

    /// New lines are shown as they come.
    #[must_use]
    pub fn is_following(&self) -> bool {
        self.following
    }

    fn fits(&self, line: &Line) -> bool {
        let bad_enough = match self.level {
            Finding::Fail => line.level == Finding::Fail,
            Finding::Warn => matches!(line.level, Finding::Warn | Finding::Fail),
            _ => true,
        };
        bad_enough && (self.part.is_empty() || self.part == line.part)
    }

    /// The lines that fit, the newest first.
    pub(super) fn lines(&self, hydra: &Hydra) -> Vec<Line> {
        let mut lines = all(hydra);
        lines.retain(|line| self.fits(line));
        lines
    }
}

/// Every line that is known, the newest first.
fn all(hydra: &Hydra) -> Vec<Line> {
    let older = hydra.feeds.events().unwrap_or_default();
    let last = older.last().and_then(|event| event.at).map(|at| (at.seconds, at.nanos));
    // the subscription is ahead of what was asked for
    let newer = hydra
        .events
        .iter()
        .filter(|event| event.at.map(|at| (at.seconds, at.nanos)) > last && !older.contains(event));
    let events = older.iter().chain(newer).map(|event| {
        let at = event.at.map(|at| (at.seconds, at.nanos));
        (at, event.level(), event.part.as_str(), event.text.as_str())
    });
    let audit =
        hydra.feeds.audit().unwrap_or_default().iter().map(|line| {
            (line.at.map(|at| (at.seconds, at.nanos)), level_of(line), AUDIT, line.text.as_str())
        });
    let mut all: Vec<_> = events.chain(audit).collect();
    all.sort_by_key(|(at, ..)| *at);
    let mut numbers: HashMap<Option<(i64, i32)>, u32> = HashMap::new();
    let line = |(at, level, part, text): (Option<(i64, i32)>, Finding, &str, &str)| {
        let number = numbers.entry(at).and_modify(|number| *number += 1).or_default();
        let (seconds, nanos) = at.unwrap_or_default();
        Line {
            id: format!("{seconds}.{nanos} {number}"),
            at: at.map(|(seconds, _)| seconds),
            today: seconds.div_euclid(DAY) == hydra.clock().div_euclid(DAY),
            level,
            part: part.to_owned(),
            text: text.to_owned(),
        }
    };
    let mut lines: Vec<Line> = all.into_iter().map(line).collect();
    lines.reverse();
    lines
}

fn level_of(line: &LogLine) -> Finding {
    match line.level() {
        LogLevel::Error => Finding::Fail,
        LogLevel::Warn => Finding::Warn,
        _ => Finding::Ok,
    }
}

impl State {
    /// The Log page as a person left it.
    #[must_use]
    pub fn log(&self) -> &Log {
        &self.log
    }

    /// The lines that fit level and part, the newest first.
    #[must_use]
    pub fn log_lines(&self) -> Vec<Line> {
        self.shown().map(|hydra| self.log.lines(hydra)).unwrap_or_default()
    }

    /// How many lines there are, warnings and errors among them.
    #[must_use]
    pub fn log_counts(&self) -> (usize, usize, usize) {
        let lines = self.shown().map(all).unwrap_or_default();
        let of = |level: Finding| lines.iter().filter(|line| line.level == level).count();
        (lines.len(), of(Finding::Warn), of(Finding::Fail))
    }

    /// Shows worse lines only, or all again.
    pub(super) fn next_level(&mut self) {
        self.log.level = match self.log.level {
            Finding::Ok => Finding::Warn,
            Finding::Warn => Finding::Fail,
            _ => Finding::Ok,
        };
        self.keep_lists();
    }

    /// Shows the lines of the next part that has any, or of all again.
    pub(super) fn next_part(&mut self) {
        let lines = self.shown().map(all).unwrap_or_default();
        let parts: BTreeSet<&str> = lines.iter().map(|line| line.part.as_str()).collect();
        let next = parts.into_iter().find(|part| *part > self.log.part.as_str());
        self.log.part = next.unwrap_or_default().to_owned();
        self.keep_lists();
    }

    /// Cuts long lines, or lets them go on in the next row.
    pub(super) fn turn_wrap(&mut self) {
        self.log.wrap = !self.log.wrap;
    }

    /// Goes to the newest line and stays with it.
    pub(super) fn follow(&mut self) {
        self.log.following = true;
        self.change_list(&Change::Step(&|_, _| 0));
    }

    /// Goes to another line, and does not follow unless that is the newest.
    pub(super) fn step_log(&mut self, to: &dyn Fn(usize, usize) -> usize) {
        self.change_list(&Change::Step(to));
        self.follow_if_newest();
    }

    /// The log is followed while its newest line is selected.
    pub(super) fn follow_if_newest(&mut self) {
        let newest = self.log_lines().first().map(|line| line.id.clone());
        self.log.following = self.lists.lines.selected() == newest.as_deref();
    }

    /// The selected line, as one copies it.
    pub(super) fn line_to_copy(&self) -> Option<String> {
        let id = self.lists.lines.selected()?;
        self.log_lines().iter().find(|line| line.id == id).map(Line::whole)
    }

    /// What the page asks the daemon for; only the control socket tells who did what.
    pub(super) fn log_wants(&self) -> Vec<Ask> {
        match self.link {
            Link::Live { control: true, .. } => vec![Ask::Events, Ask::Audit],
            _ => vec![Ask::Events],
        }
    }
}
