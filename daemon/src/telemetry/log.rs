//! The log: lines for people on a terminal, JSON lines for machines, both on stderr.

use std::io::IsTerminal as _;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

/// Form of the log's lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    Human,
    Json,
}

/// The filter text is not one.
#[derive(Debug, thiserror::Error)]
#[error(
    "log level {0:?}: {1}; give a level (error, warn, info, debug, trace) or target=level, joined by commas"
)]
pub struct BadFilter(String, String);

/// Starts the log of the process; `level` is a level or a filter of targets. A second
/// call changes nothing.
///
/// # Errors
/// When `level` is not a filter.
pub fn init(format: Format, level: &str) -> Result<(), BadFilter> {
    let filter = EnvFilter::try_new(level).map_err(|e| BadFilter(level.to_owned(), e.to_string()))?;
    let started = match format {
        Format::Human => {
            let lines = fmt::layer()
                .with_writer(std::io::stderr)
                .with_ansi(std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none())
                .with_target(false);
            tracing_subscriber::registry().with(filter).with(lines).try_init()
        }
        Format::Json => {
            let lines = fmt::layer().json().flatten_event(true).with_writer(std::io::stderr);
            tracing_subscriber::registry().with(filter).with(lines).try_init()
        }
    };
    // a process has one log; tests start several daemons in one process
    drop(started);
    Ok(())
}
