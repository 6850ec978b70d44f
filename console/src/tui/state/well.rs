//! *Is it well?*: six questions, in the order in which things break. The first whose answer is
//! not good is where to go.

mod answers;

use hydra_protocol::v1::{Finding, Warning};

pub use answers::reading;

use super::{Hydra, Level, Page, State};
use crate::tui::number;

/// How long a warning that is over is still told, in seconds: as long as the charts go back.
const TOLD_FOR: i64 = 600;

/// The warning that the answer about prefetching has words for.
const QUEUE_FULL: &str = "PREFETCH_QUEUE_FULL";

/// The answer to one question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// What is asked about.
    pub name: String,
    /// How good it is.
    pub level: Level,
    /// What is said, most important first; what does not fit is left out from the end.
    pub parts: Vec<String>,
    /// The same in a word or two.
    pub brief: String,
}

impl Answer {
    fn new(name: &str, level: Level, parts: Vec<String>, brief: String) -> Self {
        Self { name: name.to_owned(), level, parts, brief }
    }

    /// The tab that tells more of it.
    #[must_use]
    pub fn tab(&self) -> Page {
        match self.name.as_str() {
            "reached" | "peers" => Page::Network,
            "presence" => Page::Heads,
            "belly" => Page::Records,
            "requests" => Page::Network,
            "prefetch" => Page::Prefetch,
            _ => Page::Log,
        }
    }
}

/// All answers.
#[must_use]
pub fn answers(hydra: &Hydra) -> Vec<Answer> {
    let mut answers = answers::six(hydra);
    for warning in &hydra.status.warnings {
        if warning.until.is_some_and(|until| hydra.clock().saturating_sub(until.seconds) > TOLD_FOR) {
            continue;
        }
        let about = about(&warning.code);
        match answers.iter_mut().find(|answer| answer.name == about) {
            Some(answer) => weigh(answer, warning),
            None => {
                let mut answer = Answer::new(&about, Level::Good, Vec::new(), String::new());
                weigh(&mut answer, warning);
                answers.push(answer);
            }
        }
    }
    answers
}

/// How many are broken, and how many are to be looked at.
#[must_use]
pub fn counts(answers: &[Answer]) -> (usize, usize) {
    let number = |level| answers.iter().filter(|answer| answer.level == level).count();
    (number(Level::Broken), number(Level::Look))
}

/// The question that a warning belongs to, by the first word of its code; what belongs to none
/// gets a line of its own.
fn about(code: &str) -> String {
    let first = code.split('_').next().unwrap_or_default();
    let about = match first {
        "PEERS" | "PEER" | "TABLE" | "ROUTING" => "peers",
        "BELLY" | "DISK" | "RECORD" | "RECORDS" | "STORE" => "belly",
        "REQUEST" | "REQUESTS" | "STREAM" | "STREAMS" | "CONNECTION" | "CONNECTIONS" => "requests",
        "NETWORK" | "BOOTSTRAP" | "PORT" | "PORTS" | "OUTBOUND" | "INBOUND" | "ANNOUNCE" | "ADDRESS"
        | "NO" | "REACH" | "REACHED" => "reached",
        "PRESENCE" => "presence",
        "PREFETCH" | "SOURCE" => "prefetch",
        "" => "hydrad",
        _ => return first.to_lowercase(),
    };
    about.to_owned()
}

/// A warning makes an answer worse, never better.
fn weigh(answer: &mut Answer, warning: &Warning) {
    let since = warning.since.map_or_else(String::new, |at| number::clock(at.seconds));
    let rank = |level| match level {
        Level::Good | Level::Busy | Level::Off => 0,
        Level::Look => 1,
        Level::Broken => 2,
    };
    let (level, said) = match warning.until {
        // What is over is to be looked at, however bad it was.
        Some(until) => {
            let until = number::clock(until.seconds);
            (Level::Look, format!("{since}–{until} {}", warning.text))
        }
        None => {
            let level = if warning.severity() == Finding::Fail { Level::Broken } else { Level::Look };
            (level, warning.text.clone())
        }
    };
    if rank(level) <= rank(answer.level) {
        return;
    }
    // A check that failed already says the same, and says it in its place in the chain.
    let says_why = answer.name == "reached" && matches!(answer.level, Level::Look | Level::Broken);
    answer.level = level;
    if says_why {
        return;
    }
    if warning.code == QUEUE_FULL {
        answers::queue_was_full(answer, warning);
        return;
    }
    if warning.until.is_some() {
        let now = answer.parts.first().cloned().unwrap_or_default();
        answer.brief = format!("{}, see events", answer.brief).trim_start_matches(", ").to_owned();
        answer.parts = vec![if now.is_empty() { said } else { format!("{now}, but {said}") }];
        return;
    }
    let rest = std::mem::take(&mut answer.parts);
    answer.brief.clone_from(&said);
    answer.parts.push(said);
    answer.parts.extend(Some(warning.remedy.clone()).filter(|remedy| !remedy.is_empty()));
    answer.parts.extend(rest);
}

impl State {
    /// The tab of the first answer that is not good.
    pub(super) fn open_first_trouble(&mut self) -> bool {
        let tab = self.shown().and_then(|hydra| {
            let answers = answers(hydra);
            answers.iter().find(|answer| !matches!(answer.level, Level::Good)).map(Answer::tab)
        });
        tab.map(|tab| self.open(tab)).is_some()
    }
}
