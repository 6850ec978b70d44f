//! The lines of the log page: events, and who did what.

use hydra_protocol::v1::Finding;

use super::{Column, Rank, Table};
use crate::tui::number::{self, clock, day};

/// A line.
#[derive(Clone, Debug, PartialEq)]
pub struct Line {
    /// Which line it is.
    pub id: String,
    /// When, in Unix seconds; `None`: not known.
    pub at: Option<i64>,
    /// On the day of the daemon's clock.
    pub today: bool,
    /// How bad.
    pub level: Finding,
    /// The part of the daemon, or `audit`.
    pub part: String,
    /// What.
    pub text: String,
}

impl Line {
    /// `info`, `WARN` or `ERROR`.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self.level {
            Finding::Fail => "ERROR",
            Finding::Warn => "WARN",
            _ => "info",
        }
    }

    /// The time of day; of another day without its seconds.
    #[must_use]
    pub fn time(&self) -> String {
        match self.at {
            None => "—".to_owned(),
            Some(at) if self.today => clock(at),
            Some(at) => day(at),
        }
    }

    /// All of it, as one copies it.
    #[must_use]
    pub fn whole(&self) -> String {
        let at = prost_types::Timestamp { seconds: self.at.unwrap_or_default(), nanos: 0 };
        let zone = number::zone(at.seconds);
        let at = number::date(self.at.map(|_| &at));
        format!("{at} {zone} {} {} {}", self.word(), self.part, self.text)
    }
}

/// One row a line; rows come the newest first.
pub const LINES: Table<Line> = Table {
    id: |line| line.id.clone(),
    columns: &[
        Column {
            title: "TIME",
            cells: 10,
            to_right: false,
            text: Line::time,
            rank: |line| line.at.map_or(Rank::Unknown, |at| Rank::Most(at as f64)),
        },
        Column {
            title: "LEVEL",
            cells: 7,
            to_right: true,
            text: |line| line.word().to_owned(),
            rank: |line| Rank::Most(f64::from(i32::from(line.level))),
        },
        Column {
            title: "PART",
            cells: 9,
            to_right: false,
            text: |line| line.part.clone(),
            rank: |line| Rank::Text(line.part.clone()),
        },
        Column {
            title: "WHAT",
            cells: 40,
            to_right: false,
            text: |line| line.text.clone(),
            rank: |line| Rank::Text(line.text.clone()),
        },
    ],
};
