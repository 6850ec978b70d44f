//! The questions that stand over a page. Each says in numbers what will happen before it lets
//! anything happen; typing confirms, a paste never does.

mod plan;
mod prefetch;

pub use plan::Plan;
pub use prefetch::{Clear, Pause, Work};

use super::link::{Answer, Command, Outcome};
use super::neutral;

/// The most heads that one `a` asks for; the protocol's bound.
const MOST_HEADS: u32 = 100_000;
/// The longest text of a field, in characters.
const FIELD: usize = 64;

/// A key, as a dialog understands it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Key {
    /// A letter, digit or sign.
    Char(char),
    /// Confirm a field.
    Enter,
    /// Leave.
    Escape,
    /// Take the last character back.
    Backspace,
    /// Complete.
    Tab,
    /// Scroll.
    Up,
    /// Scroll.
    Down,
}

/// Whether the dialog stays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// It stays.
    Stay,
    /// It goes.
    Close,
}

/// What the hydra loses with a head.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Loss {
    /// Requests a second, average of a minute.
    pub requests: f64,
    /// Connections.
    pub connections: u64,
}

/// What a menu of columns is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Menu {
    /// The column to sort by.
    Sort,
    /// The columns that are drawn.
    Columns,
}

/// A question, or the list of keys.
#[derive(Clone, Debug, PartialEq)]
pub enum Dialog {
    /// What to write to a file.
    Export {
        /// The page has a table.
        table: bool,
    },
    /// The columns of the table of the page.
    Pick {
        /// What for.
        menu: Menu,
        /// The marked one.
        at: usize,
    },
    /// The keys that work here.
    Help {
        /// First line that is shown.
        scroll: u16,
    },
    /// How many heads?
    HowMany {
        /// What was typed.
        typed: String,
        /// Why it did not do.
        error: String,
    },
    /// The daemon is asked what adding would do.
    Weighing {
        /// How many heads.
        count: u32,
    },
    /// What adding would do; `y` does it.
    Offer {
        /// How many heads.
        count: u32,
        /// Their names, first and last.
        names: String,
        /// Heads there would be.
        total: u32,
        /// What the operator should know.
        warnings: Vec<String>,
    },
    /// `y` starts the head.
    Start {
        /// Its name.
        name: String,
        /// The port it opens.
        port: u32,
    },
    /// `y` stops the head.
    Stop {
        /// Its name.
        name: String,
        /// What goes with it.
        loss: Loss,
    },
    /// Why, and how long, is prefetching paused?
    Pause(Pause),
    /// `y` has prefetching go on.
    Resume {
        /// Keys that wait.
        waiting: u64,
        /// Why it is paused.
        reason: String,
    },
    /// Type `clear`.
    Clear(Clear),
    /// What does a coverage take?
    Plan(Plan),
    /// Type the name of the head.
    Remove {
        /// The name.
        name: String,
        /// What goes with it.
        loss: Loss,
        /// What was typed.
        typed: String,
        /// Why it did not do.
        error: String,
    },
}

impl Dialog {
    pub(super) fn sort(by: usize) -> Self {
        Self::Pick { menu: Menu::Sort, at: by }
    }

    pub(super) fn columns() -> Self {
        Self::Pick { menu: Menu::Columns, at: 0 }
    }

    pub(super) fn help() -> Self {
        Self::Help { scroll: 0 }
    }

    pub(super) fn add() -> Self {
        Self::HowMany { typed: String::new(), error: String::new() }
    }

    pub(super) fn remove(name: &str, loss: Loss) -> Self {
        Self::Remove { name: name.to_owned(), loss, typed: String::new(), error: String::new() }
    }

    /// Whether it can end in a change of the hydra.
    #[must_use]
    pub fn changes_the_hydra(&self) -> bool {
        !matches!(self, Self::Help { .. } | Self::Pick { .. } | Self::Export { .. } | Self::Plan(_))
    }

    /// Takes a key; may send a command.
    pub(super) fn key(&mut self, key: Key) -> (Turn, Option<Command>) {
        const STAY: (Turn, Option<Command>) = (Turn::Stay, None);
        const CLOSE: (Turn, Option<Command>) = (Turn::Close, None);
        if key == Key::Escape {
            return CLOSE;
        }
        match self {
            Self::Help { scroll } => match key {
                Key::Char('j') | Key::Down => *scroll = scroll.saturating_add(1),
                Key::Char('k') | Key::Up => *scroll = scroll.saturating_sub(1),
                Key::Char('q' | '?') => return CLOSE,
                Key::Char(_) | Key::Enter | Key::Backspace | Key::Tab | Key::Escape => {}
            },
            Self::HowMany { typed, error } => {
                if key == Key::Enter {
                    match typed.trim().parse() {
                        Ok(count @ 1..=MOST_HEADS) => {
                            *self = Self::Weighing { count };
                            return (Turn::Stay, Some(Command::AddHeads { count, dry_run: true }));
                        }
                        _ => *error = format!("a number from 1 to {MOST_HEADS}, please"),
                    }
                } else {
                    edit(typed, error, key);
                }
            }
            // the state has what these are about
            Self::Weighing { .. } | Self::Pick { .. } | Self::Export { .. } => {}
            Self::Pause(pause) => return pause.key(key),
            Self::Clear(clear) => return clear.key(key),
            Self::Plan(plan) => return plan.key(key),
            Self::Offer { .. } | Self::Start { .. } | Self::Stop { .. } | Self::Resume { .. } => match key {
                Key::Char('y') => return (Turn::Close, self.offered()),
                Key::Char('n' | 'q') => return CLOSE,
                _ => {}
            },
            Self::Remove { name, typed, error, .. } => {
                if key == Key::Enter {
                    if typed == name {
                        return (Turn::Close, Some(Command::RemoveHead(name.clone())));
                    }
                    *error = format!("\"{typed}\" is not {name}; nothing was removed");
                } else {
                    edit(typed, error, key);
                }
            }
        }
        STAY
    }

    /// What `y` sends.
    fn offered(&self) -> Option<Command> {
        match self {
            Self::Offer { count, .. } => Some(Command::AddHeads { count: *count, dry_run: false }),
            Self::Start { name, .. } => Some(Command::StartHead(name.clone())),
            Self::Stop { name, .. } => Some(Command::StopHead(name.clone())),
            Self::Resume { .. } => Some(Command::ResumePrefetch),
            Self::Pick { .. }
            | Self::Export { .. }
            | Self::Help { .. }
            | Self::HowMany { .. }
            | Self::Weighing { .. }
            | Self::Pause(_)
            | Self::Clear(_)
            | Self::Plan(_)
            | Self::Remove { .. } => None,
        }
    }

    /// Fills the field up to the first character that is no part of a line.
    pub(super) fn paste(&mut self, text: &str) {
        if let Self::HowMany { typed, error }
        | Self::Remove { typed, error, .. }
        | Self::Pause(Pause { typed, error, .. })
        | Self::Clear(Clear { typed, error, .. })
        | Self::Plan(Plan { typed, error, asked: None, .. }) = self
        {
            for c in text.chars().take_while(|c| !c.is_control()) {
                edit(typed, error, Key::Char(c));
            }
        }
    }

    /// Takes an answer that belongs to this dialog; false when it does not.
    pub(super) fn take(&mut self, answer: &Answer) -> bool {
        if let Self::Plan(plan) = self {
            return plan.take(answer);
        }
        let Self::Weighing { count } = self else { return false };
        if answer.command != (Command::AddHeads { count: *count, dry_run: true }) {
            return false;
        }
        *self = match &answer.result {
            Ok(Outcome::Added(added)) => {
                let name = |head: Option<&hydra_protocol::v1::Head>| {
                    neutral(head.map_or("", |head| head.name.as_str()))
                };
                let (first, last) = (name(added.heads.first()), name(added.heads.last()));
                Self::Offer {
                    count: *count,
                    names: if first == last { first } else { format!("{first} to {last}") },
                    total: added.heads_total,
                    warnings: added.warnings.iter().map(|warning| neutral(warning)).collect(),
                }
            }
            Ok(_) => {
                Self::HowMany { typed: count.to_string(), error: "the answer is of another kind".into() }
            }
            Err(text) => Self::HowMany { typed: count.to_string(), error: neutral(text) },
        };
        true
    }
}

fn edit(typed: &mut String, error: &mut String, key: Key) {
    match key {
        Key::Char(c)
            if typed.chars().count() < FIELD && neutral(c.encode_utf8(&mut [0; 4])) == c.to_string() =>
        {
            typed.push(c);
        }
        Key::Backspace => {
            typed.pop();
        }
        _ => return,
    }
    error.clear();
}
