//! What happened, for people: the last events, and a feed of new ones.

use std::collections::VecDeque;
use std::time::SystemTime;

use parking_lot::Mutex;
use tokio::sync::broadcast;

/// Events kept.
const KEPT: usize = 1024;

/// New events that a listener may be behind.
const AHEAD: usize = 256;

/// How an event or a finding is to be taken, the worst last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    Good,
    /// Look at it.
    Warn,
    /// Broken: for the operator to mend.
    Fail,
}

/// Something that happened.
#[derive(Debug, Clone)]
pub struct Event {
    pub at: SystemTime,
    pub level: Level,
    /// "hydrad", "head-3", "scout", "belly" …
    pub part: String,
    /// Upper case; empty when there is none.
    pub code: &'static str,
    pub text: String,
    /// Numbers that the text tells, by name.
    pub fields: Vec<(&'static str, u64)>,
}

/// The last events.
#[derive(Debug, Default)]
struct Kept {
    events: VecDeque<Event>,
    /// How many came before them.
    forgotten: u64,
}

/// The event log of the process.
#[derive(Debug)]
pub struct Events {
    kept: Mutex<Kept>,
    feed: broadcast::Sender<Event>,
}

impl Default for Events {
    fn default() -> Self {
        Self { kept: Mutex::default(), feed: broadcast::channel(AHEAD).0 }
    }
}

impl Events {
    /// Keeps the event, tells those who listen, and writes it to the log.
    pub fn tell(&self, level: Level, part: impl Into<String>, code: &'static str, text: impl Into<String>) {
        self.tell_numbers(level, part, code, text, Vec::new());
    }

    /// As [`Events::tell`], with the numbers that the text tells.
    pub fn tell_numbers(
        &self,
        level: Level,
        part: impl Into<String>,
        code: &'static str,
        text: impl Into<String>,
        fields: Vec<(&'static str, u64)>,
    ) {
        let event =
            Event { at: SystemTime::now(), level, part: part.into(), code, text: text.into(), fields };
        let code = (!code.is_empty()).then_some(code);
        match level {
            Level::Good => tracing::info!(code, "{}: {}", event.part, event.text),
            Level::Warn => tracing::warn!(code, "{}: {}", event.part, event.text),
            Level::Fail => tracing::error!(code, "{}: {}", event.part, event.text),
        }
        let mut kept = self.kept.lock();
        if kept.events.len() == KEPT {
            kept.events.pop_front();
            kept.forgotten += 1;
        }
        kept.events.push_back(event.clone());
        // nobody listening is no error
        drop(self.feed.send(event));
    }

    pub fn good(&self, part: impl Into<String>, text: impl Into<String>) {
        self.tell(Level::Good, part, "", text);
    }

    /// The last `n`, oldest first, and the feed of those after them.
    #[must_use]
    pub fn last(&self, n: usize) -> (Vec<Event>, broadcast::Receiver<Event>) {
        let kept = self.kept.lock();
        let skip = kept.events.len().saturating_sub(n);
        (kept.events.iter().skip(skip).cloned().collect(), self.feed.subscribe())
    }

    /// Up to `n` of the kept events that fit, oldest first, from a place in the sequence of all
    /// events on; and the place to go on from, when more fit.
    #[must_use]
    pub fn page(&self, from: u64, n: usize, fits: impl Fn(&Event) -> bool) -> (Vec<Event>, Option<u64>) {
        let kept = self.kept.lock();
        let mut fitting =
            (kept.forgotten..).zip(&kept.events).filter(|(at, event)| *at >= from && fits(event));
        let page = fitting.by_ref().take(n).map(|(_, event)| event.clone()).collect();
        (page, fitting.next().map(|(at, _)| at))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn events_are_kept_to_a_bound_and_fed_to_listeners() {
        let events = Events::default();
        for i in 0..KEPT + 10 {
            events.good("test", i.to_string());
        }
        let (last, mut feed) = events.last(2);
        assert_eq!(last.iter().map(|e| e.text.as_str()).collect::<Vec<_>>(), ["1032", "1033"]);
        assert_eq!(events.last(usize::MAX).0.len(), KEPT);
        events.good("test", "new");
        assert_eq!(feed.recv().await.expect("an event").text, "new");
    }

    #[test]
    fn pages_go_on_where_the_last_ended_also_when_events_were_forgotten_meanwhile() {
        let events = Events::default();
        for i in 0..6 {
            let level = if i % 2 == 0 { Level::Good } else { Level::Warn };
            events.tell(level, "test", "", i.to_string());
        }
        let texts = |page: &[Event]| page.iter().map(|event| event.text.clone()).collect::<Vec<_>>();
        let warned = |event: &Event| event.level >= Level::Warn;
        let (first, next) = events.page(0, 2, warned);
        assert_eq!((texts(&first), next), (vec!["1".to_owned(), "3".to_owned()], Some(5)));
        let (rest, end) = events.page(5, 2, warned);
        assert_eq!((texts(&rest), end), (vec!["5".to_owned()], None));
        for i in 0..KEPT {
            events.good("test", format!("later {i}"));
        }
        let (later, next) = events.page(5, 1, |_| true);
        assert_eq!((texts(&later), next), (vec!["later 0".to_owned()], Some(7)));
    }
}
