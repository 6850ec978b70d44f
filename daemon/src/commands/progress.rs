//! How far a long command is, on one line of a terminal and nowhere else.

use std::io::{IsTerminal as _, Write as _};
use std::time::{Duration, Instant};

/// Tells it at most twice a second.
pub(super) struct Progress {
    verb: String,
    unit: &'static str,
    told: Option<Instant>,
    terminal: bool,
}

impl Progress {
    const PAUSE: Duration = Duration::from_millis(500);

    pub(super) fn begin(verb: &str, unit: &'static str) -> Self {
        let terminal = std::io::stderr().is_terminal();
        Self { verb: verb.to_owned(), unit, told: None, terminal }
    }

    pub(super) fn tell(&mut self, done: u64, of: u64) {
        if self.terminal && self.told.is_none_or(|told| told.elapsed() >= Self::PAUSE) {
            self.told = Some(Instant::now());
            let Self { verb, unit, .. } = self;
            // a terminal that is gone is no reason to stop
            write!(std::io::stderr(), "\r\x1b[K{verb}: {done} of {of} {unit}").ok();
        }
    }

    pub(super) fn end(self) {
        if self.told.is_some() {
            write!(std::io::stderr(), "\r\x1b[K").ok();
        }
    }
}
