//! The log: lines for people on a terminal, JSON lines for machines, both on stderr; the last of
//! them are kept for the control socket, where the level of a part can be changed as well.

mod levels;
mod lines;

use std::io::IsTerminal as _;

use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Layer as _, fmt, reload};

pub use levels::{NotSet, Override, expire, levels, set};
pub use lines::{Line, lines};

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

/// The libraries below say much that is no news to an operator.
const LIBRARIES: &str = "warn,libp2p_swarm=error,libp2p_identify=error,libp2p_tcp=error,quinn=error";

/// Starts the log of the process; `level` is a level, which is then ours, or a filter of
/// targets, which is taken as it is. A second call changes nothing.
///
/// # Errors
/// When `level` is not a filter.
pub fn init(format: Format, level: &str) -> Result<(), BadFilter> {
    let directives = directives(level);
    let filter = EnvFilter::try_new(&directives).map_err(|e| BadFilter(level.to_owned(), e.to_string()))?;
    let (filter, handle) = reload::Layer::new(filter);
    let lines = match format {
        Format::Human => fmt::layer()
            .with_writer(std::io::stderr)
            .with_ansi(std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none())
            .with_target(false)
            .boxed(),
        Format::Json => fmt::layer().json().flatten_event(true).with_writer(std::io::stderr).boxed(),
    };
    let started = tracing_subscriber::registry().with(filter).with(lines).with(lines::Keep).try_init();
    // a process has one log; tests start several daemons in one process
    if started.is_ok() {
        levels::installed(level, directives, handle);
    }
    Ok(())
}

/// Has another level or filter in force from now on; what `hydractl log level set` changed stays.
///
/// # Errors
/// Why it is not; nothing has changed then.
pub fn set_level(level: &str) -> Result<(), NotSet> {
    levels::configure(level, directives(level))
}

/// A level is ours; a filter is taken as it is.
fn directives(level: &str) -> String {
    match level.parse::<tracing::Level>() {
        Ok(_) => format!("{LIBRARIES},hydrad={level},hydra={level}"),
        Err(_) => level.to_owned(),
    }
}
