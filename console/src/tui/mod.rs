//! `hydractl top`: the live screen of one hydra.
//!
//! Data goes one way through its rooms: `connection` owns the channel to the daemon and
//! turns what comes out of it into messages; `state` is the one owner of everything the screen
//! tells; `input` turns keys into actions by one table; `view` draws a `&State` with `chart`;
//! `run` waits for all of them at once. The state never imports a view, no view changes the
//! state, and nothing here waits for the daemon.

pub mod chart;
pub mod connection;
mod export;
pub mod input;
pub mod number;
pub mod picture;
pub mod plain;
pub mod recording;
pub mod run;
pub mod state;
pub mod table;
pub mod terminal;
pub mod view;

use std::io;
use std::path::PathBuf;
use std::time::Duration;

pub use run::run;
pub use view::theme::{Colours, Symbols};

/// Seconds between updates when nothing else is asked for.
pub const DEFAULT_INTERVAL: Duration = Duration::from_secs(1);

/// The shortest time between updates; the daemon has the same floor.
pub const SHORTEST_INTERVAL: Duration = Duration::from_millis(250);

/// How `hydractl top` was called.
#[derive(Clone, Debug)]
pub struct Options {
    /// The socket to open; without one they are looked for as the other commands do.
    pub socket: Option<PathBuf>,
    /// Without the keys that change the hydra, whatever the socket would allow.
    pub read_only: bool,
    /// Time between updates; at least [`SHORTEST_INTERVAL`].
    pub interval: Duration,
    /// The signs to draw with.
    pub symbols: Symbols,
    /// Colours, or none.
    pub colours: Colours,
    /// What to open first, as typed after `:`; empty: the Overview.
    pub open: String,
    /// A file to record to.
    pub record: Option<PathBuf>,
    /// A recording to play in place of a daemon.
    pub replay: Option<PathBuf>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            socket: None,
            read_only: false,
            interval: DEFAULT_INTERVAL,
            symbols: Symbols::of_environment(|name| std::env::var(name).ok()),
            colours: Colours::of_environment(|name| std::env::var(name).ok()),
            open: String::new(),
            record: None,
            replay: None,
        }
    }
}

/// Why the screen ended although nobody quit.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Standard input or output is a pipe or a file.
    #[error("top needs a terminal, and {0} is not one; for scripts: hydractl status, hydractl heads list")]
    NotATerminal(&'static str),
    /// The terminal could not be read, written or set.
    #[error("{operation} the terminal: {source}")]
    Terminal {
        /// What was being done, e.g. "draw on".
        operation: &'static str,
        /// What the system said.
        source: io::Error,
    },
    /// What was to be opened first is not there.
    #[error("{0}")]
    Open(String),
    /// A recording cannot be read or created.
    #[error(transparent)]
    Recording(#[from] recording::Error),
    /// The disk did not take the recording.
    #[error("write the recording: {0}")]
    NotRecorded(io::Error),
    /// The disk was too slow, or the file too long.
    #[error(
        "{0} messages are not in the recording: the disk was too slow for them, or the file is 1 GiB long"
    )]
    RecordingCut(u64),
    /// A picture could not be drawn.
    #[error(transparent)]
    Picture(#[from] crate::picture::Unwritable),
    /// What a picture shows did not come.
    #[error("the daemon told nothing within {0} s: {1}")]
    Nothing(u64, String),
    /// The signals of the process could not be watched.
    #[error("watch the signals of this process: {0}")]
    Signals(io::Error),
    /// The task that talks to the daemon ended by a fault of ours.
    #[error("the connection task of top ended; this is a bug in hydractl, please report it")]
    ConnectionEnded,
}
