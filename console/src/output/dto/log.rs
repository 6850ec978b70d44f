//! The daemon's log and how much it says.

use hydra_protocol::v1;
use serde::Serialize;

use super::{Moment, moment};
use crate::output::text::neutral;

/// A line of the log.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct LogLine {
    /// When it was written.
    pub at: Option<Moment>,
    /// error, warn, info, debug, trace.
    pub level: &'static str,
    /// The module that wrote it.
    pub target: String,
    /// The message and its values.
    pub text: String,
}

/// What a part logs instead of what is configured.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct LogLevel {
    /// A module and those in it.
    pub target: String,
    /// off, error, warn, info, debug, trace.
    pub level: &'static str,
    /// Null: until the daemon ends.
    pub until_at: Option<Moment>,
    /// `log.level` as configured: what holds after it.
    pub then: String,
}

impl LogLevel {
    /// With the configured level.
    #[must_use]
    pub fn of(part: &v1::LogOverride, configured: &str) -> Self {
        Self {
            target: neutral(&part.target),
            level: word(part.level()),
            until_at: moment(part.until),
            then: neutral(configured),
        }
    }
}

impl From<&v1::LogLine> for LogLine {
    fn from(line: &v1::LogLine) -> Self {
        Self {
            at: moment(line.at),
            level: word(line.level()),
            target: neutral(&line.target),
            text: neutral(&line.text),
        }
    }
}

fn word(level: v1::LogLevel) -> &'static str {
    match level {
        v1::LogLevel::Unspecified => "unknown",
        v1::LogLevel::Off => "off",
        v1::LogLevel::Error => "error",
        v1::LogLevel::Warn => "warn",
        v1::LogLevel::Info => "info",
        v1::LogLevel::Debug => "debug",
        v1::LogLevel::Trace => "trace",
    }
}
