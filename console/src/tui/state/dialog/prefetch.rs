//! The questions about prefetching: pausing it, and forgetting the keys that wait.

use super::{Key, Turn, edit};
use crate::tui::state::Command;

/// The longest pause that the daemon takes, in seconds.
const LONGEST: i64 = 30 * 86_400;
/// What has to be typed to forget the keys that wait.
const CLEAR: &str = "clear";

/// What goes on while a question stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Work {
    /// Look-ups under way.
    pub lookups: u64,
    /// Keys that wait.
    pub waiting: u64,
    /// Misses of the last minute.
    pub misses_1m: u64,
}

/// Pausing: why, then how long.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pause {
    /// What goes on now.
    pub work: Work,
    /// Why, once it is said; may be empty.
    pub reason: Option<String>,
    /// What was typed.
    pub typed: String,
    /// Why it did not do.
    pub error: String,
}

impl Pause {
    pub(super) fn key(&mut self, key: Key) -> (Turn, Option<Command>) {
        if key != Key::Enter {
            edit(&mut self.typed, &mut self.error, key);
            return (Turn::Stay, None);
        }
        let typed = std::mem::take(&mut self.typed).trim().to_owned();
        let Some(reason) = self.reason.clone() else {
            self.reason = Some(typed);
            return (Turn::Stay, None);
        };
        let seconds = if typed.is_empty() { Some(0) } else { crate::tui::state::command::seconds(&typed) };
        match seconds.filter(|seconds| (0..=LONGEST).contains(seconds)) {
            Some(seconds) => {
                (Turn::Close, Some(Command::PausePrefetch { reason, seconds: seconds.unsigned_abs() }))
            }
            None => {
                self.error = format!("\"{typed}\" is no time of at most 30 days; 30m, 2h, or nothing");
                (Turn::Stay, None)
            }
        }
    }
}

/// Forgetting the keys that wait.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Clear {
    /// What goes on now.
    pub work: Work,
    /// What was typed.
    pub typed: String,
    /// Why it did not do.
    pub error: String,
}

impl Clear {
    pub(super) fn key(&mut self, key: Key) -> (Turn, Option<Command>) {
        if key != Key::Enter {
            edit(&mut self.typed, &mut self.error, key);
            return (Turn::Stay, None);
        }
        if self.typed == CLEAR {
            return (Turn::Close, Some(Command::ClearPrefetch));
        }
        self.error = format!("\"{}\" is not {CLEAR}; nothing was forgotten", self.typed);
        (Turn::Stay, None)
    }
}
