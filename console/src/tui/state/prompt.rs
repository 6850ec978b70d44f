//! The line at the foot in which a person types: a filter, or a command.

use super::neutral;

/// The longest text, in characters.
const LONGEST: usize = 256;

/// What the text is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// What rows must have.
    Filter,
    /// A command, as after `:`.
    Command,
    /// What to look for among the records.
    Search,
    /// The key to look up in the network.
    Fetch,
}

/// The line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prompt {
    /// What the text is for.
    pub purpose: Purpose,
    /// The text so far.
    pub typed: String,
    /// Why it did not do; empty while nothing is wrong.
    pub error: String,
}

impl Prompt {
    pub(super) fn new(purpose: Purpose, typed: &str) -> Self {
        Self { purpose, typed: typed.to_owned(), error: String::new() }
    }

    /// Adds a character, unless it steers a terminal or there is no room.
    pub(super) fn push(&mut self, c: char) {
        if self.typed.chars().count() < LONGEST && neutral(c.encode_utf8(&mut [0; 4])) == c.to_string() {
            self.typed.push(c);
            self.error.clear();
        }
    }

    /// Takes the last character away; false when there was none.
    pub(super) fn pop(&mut self) -> bool {
        self.error.clear();
        self.typed.pop().is_some()
    }

    /// Pasted text, up to the first character that is no part of a line.
    pub(super) fn paste(&mut self, text: &str) {
        text.chars().take_while(|c| !c.is_control()).for_each(|c| self.push(c));
    }
}
