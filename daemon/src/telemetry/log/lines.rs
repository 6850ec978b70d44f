//! The last lines of the log, and a feed of new ones, for those who read it over the control
//! socket.

use std::collections::VecDeque;
use std::fmt::{self, Write as _};
use std::sync::LazyLock;
use std::time::SystemTime;

use parking_lot::Mutex;
use tokio::sync::broadcast;
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;

/// Lines kept.
const KEPT: usize = 1_000;

/// New lines that a listener may be behind.
const AHEAD: usize = 256;

/// Bytes of a line's text.
const TEXT_MAX: usize = 2_048;

/// A line of the log.
#[derive(Debug, Clone)]
pub struct Line {
    pub at: SystemTime,
    pub level: Level,
    pub target: &'static str,
    /// The message and its values.
    pub text: String,
}

static LINES: LazyLock<Lines> = LazyLock::new(Lines::default);

struct Lines {
    kept: Mutex<VecDeque<Line>>,
    feed: broadcast::Sender<Line>,
}

impl Default for Lines {
    fn default() -> Self {
        Self { kept: Mutex::default(), feed: broadcast::channel(AHEAD).0 }
    }
}

impl Lines {
    fn keep(&self, line: Line) {
        let mut kept = self.kept.lock();
        if kept.len() == KEPT {
            kept.pop_front();
        }
        // nobody listening is no error
        drop(self.feed.send(line.clone()));
        kept.push_back(line);
    }

    fn read(&self) -> (Vec<Line>, broadcast::Receiver<Line>) {
        let kept = self.kept.lock();
        (kept.iter().cloned().collect(), self.feed.subscribe())
    }
}

/// The lines that are kept, oldest first, and the feed of those after them.
#[must_use]
pub fn lines() -> (Vec<Line>, broadcast::Receiver<Line>) {
    LINES.read()
}

/// Keeps what the log is told.
pub(super) struct Keep;

impl<S: Subscriber> Layer<S> for Keep {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let meta = event.metadata();
        let mut text = Text::default();
        event.record(&mut text);
        let Text { mut message, values } = text;
        message.push_str(&values);
        LINES.keep(Line {
            at: SystemTime::now(),
            level: *meta.level(),
            target: meta.target(),
            text: cut(message),
        });
    }
}

fn cut(mut text: String) -> String {
    if text.len() > TEXT_MAX {
        text.truncate(text.floor_char_boundary(TEXT_MAX));
        text.push('…');
    }
    text
}

/// The message first, then the values.
#[derive(Default)]
struct Text {
    message: String,
    values: String,
}

impl Text {
    fn add(&mut self, field: &Field, value: fmt::Arguments<'_>) {
        // writing into memory does not fail
        let written = match field.name() {
            "message" => self.message.write_fmt(value),
            name => write!(self.values, " {name}={value}"),
        };
        written.unwrap_or_default();
    }
}

impl Visit for Text {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.add(field, format_args!("{value}"));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.add(field, format_args!("{value:?}"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(text: &str) -> Line {
        Line { at: SystemTime::now(), level: Level::INFO, target: "hydrad", text: cut(text.to_owned()) }
    }

    #[test]
    fn lines_are_kept_to_a_bound_cut_and_fed_to_listeners() {
        let lines = Lines::default();
        for i in 0..KEPT + 5 {
            lines.keep(line(&i.to_string()));
        }
        let (kept, mut feed) = lines.read();
        assert_eq!((kept.len(), kept[0].text.as_str()), (KEPT, "5"));
        lines.keep(line(&"é".repeat(TEXT_MAX)));
        let fed = feed.try_recv().expect("fed").text;
        assert!(fed.ends_with('…') && fed.len() <= TEXT_MAX + 3, "{}", fed.len());
    }
}
