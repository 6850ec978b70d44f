//! What passes between the connection and the state: messages one way, commands the other.

use std::time::Duration;

use hydra_protocol::v1::{
    AddHeadsResponse, ClearPrefetchResponse, PlanCoverageResponse, Prefetch, PrefetchState,
    RemoveHeadResponse, StartHeadResponse, StopHeadResponse, WatchStatusResponse,
};

use super::feed::{Ask, Told};
use super::neutral;
use super::records::News;
use crate::tui::number;

/// Why there is no daemon, for people.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cause {
    /// What happened, on what.
    pub what: String,
    /// What to do next; may be empty.
    pub advice: String,
}

impl Cause {
    pub(super) fn neutral(self) -> Self {
        Self { what: neutral(&self.what), advice: neutral(&self.advice) }
    }
}

/// The connection, as the state knows it. Times are since the start of `top`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Link {
    /// The first try is under way.
    Connecting,
    /// The subscription stands.
    Live {
        /// Since when.
        since: Duration,
        /// The socket takes commands.
        control: bool,
    },
    /// No daemon; a next try comes by itself.
    Down {
        /// Since when.
        since: Duration,
        /// Why the last try failed.
        cause: Cause,
        /// Number of the next try.
        attempt: u32,
        /// When the next try begins.
        retry_at: Duration,
    },
}

/// What the connection has to say.
#[derive(Clone, Debug)]
pub enum Message {
    /// A try begins.
    Connecting,
    /// The daemon answered and the subscription stands.
    Connected {
        /// The socket takes commands.
        control: bool,
    },
    /// Values.
    Update(Box<WatchStatusResponse>),
    /// A try failed, or the connection ended.
    Down {
        /// Why.
        cause: Cause,
        /// Number of the next try, from 1.
        attempt: u32,
        /// Pause before it.
        retry_in: Duration,
    },
    /// What became of a command.
    Answer(Box<Answer>),
    /// News of a lookup in the network.
    Fetched {
        /// The key, as typed.
        key: String,
        /// What.
        news: Box<News>,
    },
    /// What the daemon says to a question of the open page, or why it does not.
    Told {
        /// The question.
        ask: Ask,
        /// The answer.
        result: Result<Box<Told>, String>,
    },
}

/// What the connection can be asked to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// Try to connect at once.
    RetryNow,
    /// From now on ask these questions again and again, and no others.
    Want(Vec<Ask>),
    /// Look the providers of a key up in the network; told by [`Message::Fetched`].
    Fetch(String),
    /// Add heads, or say what adding them would do.
    AddHeads {
        /// How many.
        count: u32,
        /// Make nothing.
        dry_run: bool,
    },
    /// Stop a head, by name.
    StopHead(String),
    /// Start a head, by name.
    StartHead(String),
    /// Remove a head, by name.
    RemoveHead(String),
    /// Look nothing more up.
    PausePrefetch {
        /// Why; may be empty.
        reason: String,
        /// How long; 0: until it is resumed.
        seconds: u64,
    },
    /// Look up again.
    ResumePrefetch,
    /// Forget the keys that wait.
    ClearPrefetch,
    /// Say what a coverage takes.
    PlanCoverage {
        /// Wanted, in thousandths of all keys.
        per_mille: u32,
    },
}

/// What became of a command.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The command.
    pub command: Command,
    /// What the daemon answered, or why it did not.
    pub result: Result<Outcome, String>,
}

/// What the daemon answered.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// To [`Command::AddHeads`].
    Added(AddHeadsResponse),
    /// To [`Command::StopHead`].
    Stopped(StopHeadResponse),
    /// To [`Command::StartHead`].
    Started(StartHeadResponse),
    /// To [`Command::RemoveHead`].
    Removed(RemoveHeadResponse),
    /// To [`Command::PausePrefetch`] and [`Command::ResumePrefetch`].
    Prefetch(Box<Prefetch>),
    /// To [`Command::ClearPrefetch`].
    Cleared(Box<ClearPrefetchResponse>),
    /// To [`Command::PlanCoverage`].
    Planned(Box<PlanCoverageResponse>),
}

impl Outcome {
    /// What happened, in one line.
    pub(super) fn sentence(&self, command: &Command) -> String {
        match (self, command) {
            (Self::Added(added), _) => {
                let count = added.heads.len();
                format!("{count} head{} added, {} in all", plural(count as u64), added.heads_total)
            }
            (Self::Stopped(stopped), Command::StopHead(name)) => format!(
                "{name} withdrawn, {} connections closed; identity and port kept",
                stopped.connections_closed
            ),
            (Self::Removed(removed), Command::RemoveHead(name)) => format!(
                "{name} withdrawn and removed in {:.1} s; {} heads are left",
                removed.took_seconds, removed.heads_total
            ),
            (Self::Started(_), Command::StartHead(name)) => format!("{name} starting"),
            (Self::Prefetch(prefetch), Command::ResumePrefetch)
                if prefetch.state() == PrefetchState::Paused =>
            {
                format!("prefetch is still paused: {}", neutral(&prefetch.paused_reason))
            }
            (Self::Prefetch(prefetch), _) => of_prefetch(prefetch),
            // its dialog was closed before it came
            (Self::Planned(plan), _) => {
                let today = plan.networks.iter().find(|network| network.today);
                let heads = today.map_or(0, |network| network.heads_placed);
                let share = number::percent(plan.coverage);
                format!("{share} takes {} more heads at places; p tells the rest", number::count(heads))
            }
            (Self::Cleared(cleared), _) => {
                let count = cleared.cleared;
                format!("{} key{} cleared from the queue", number::count(count), plural(count))
            }
            _ => "done".to_owned(),
        }
    }
}

fn plural(count: u64) -> &'static str {
    if count == 1 { "" } else { "s" }
}

/// The same words as `hydractl prefetch pause` and `resume` have.
fn of_prefetch(prefetch: &Prefetch) -> String {
    let keys = format!("{} key{}", number::count(prefetch.waiting), plural(prefetch.waiting));
    if prefetch.state() != PrefetchState::Paused {
        return format!("prefetch running; {keys} wait");
    }
    let until = prefetch.paused_until.map_or_else(
        || "until it is resumed".to_owned(),
        |until| format!("until {}", number::clock(until.seconds)),
    );
    format!("prefetch paused {until}; misses are answered with closer peers only; {keys} stay queued")
}
