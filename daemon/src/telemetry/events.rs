//! What happened, for people: the last events, and a feed of new ones.

use std::collections::VecDeque;
use std::time::SystemTime;

use parking_lot::Mutex;
use tokio::sync::broadcast;

/// Events kept.
const KEPT: usize = 256;

/// How an event or a finding is to be taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
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
}

/// The event log of the process.
#[derive(Debug)]
pub struct Events {
    kept: Mutex<VecDeque<Event>>,
    feed: broadcast::Sender<Event>,
}

impl Default for Events {
    fn default() -> Self {
        Self { kept: Mutex::default(), feed: broadcast::channel(KEPT).0 }
    }
}

impl Events {
    /// Keeps the event, tells those who listen, and writes it to the log.
    pub fn tell(&self, level: Level, part: impl Into<String>, code: &'static str, text: impl Into<String>) {
        let event = Event { at: SystemTime::now(), level, part: part.into(), code, text: text.into() };
        let code = (!code.is_empty()).then_some(code);
        match level {
            Level::Good => tracing::info!(code, "{}: {}", event.part, event.text),
            Level::Warn => tracing::warn!(code, "{}: {}", event.part, event.text),
            Level::Fail => tracing::error!(code, "{}: {}", event.part, event.text),
        }
        let mut kept = self.kept.lock();
        if kept.len() == KEPT {
            kept.pop_front();
        }
        kept.push_back(event.clone());
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
        let skip = kept.len().saturating_sub(n);
        (kept.iter().skip(skip).cloned().collect(), self.feed.subscribe())
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
        assert_eq!(last.iter().map(|e| e.text.as_str()).collect::<Vec<_>>(), ["264", "265"]);
        assert_eq!(events.last(usize::MAX).0.len(), KEPT);
        events.good("test", "new");
        assert_eq!(feed.recv().await.expect("an event").text, "new");
    }
}
