//! `top --plain`: lines of text instead of a screen, for screen readers, logs and odd terminals.
//!
//! At first everything, then only what changed: how well each part is, events, the link. Nothing
//! is ever drawn over.

use std::io::{self, Write};
use std::time::Duration;

use hydra_protocol::v1::Event;
use tokio::sync::mpsc;

use super::number;
use super::state::well::{self, Answer};
use super::state::{Hydra, Level, Link, Message, State};

/// Words for what signs mean on the screen.
fn word(level: Level) -> &'static str {
    match level {
        Level::Good => "good",
        Level::Busy => "in progress",
        Level::Off => "not known",
        Level::Look => "warning",
        Level::Broken => "broken",
    }
}

/// Turns messages into lines.
#[derive(Debug)]
pub struct Plain {
    state: State,
    answers: Vec<Answer>,
    link: String,
}

impl Plain {
    /// Nothing is told yet.
    #[must_use]
    pub fn new(interval: Duration) -> Self {
        Self { state: State::new(interval, true), answers: Vec::new(), link: String::new() }
    }

    /// Takes a message; the lines that it makes.
    pub fn take(&mut self, message: Message, now: Duration) -> Vec<String> {
        let before = self.state.shown().map(|hydra| hydra.events.clone()).unwrap_or_default();
        let (snapshot, new) = match &message {
            Message::Update(update) => (update.snapshot, update.events.len()),
            _ => (false, 0),
        };
        self.state.apply(message, now);
        let mut lines = Vec::new();
        let link = self.link_line();
        if link != self.link {
            lines.push(link.clone());
            self.link = link;
        }
        let Some(hydra) = self.state.shown() else { return lines };
        let answers = well::answers(hydra);
        if self.answers.is_empty() {
            lines.push(headline(hydra));
        }
        for answer in &answers {
            let known = self.answers.iter().find(|known| known.name == answer.name);
            if known.is_none_or(|known| known.level != answer.level) {
                lines.push(format!("{}: {}. {}", answer.name, word(answer.level), answer.parts.join(", ")));
            }
        }
        self.answers = answers;
        // a snapshot brings those again that were told before the link went
        let told = |event: &&Event| snapshot && before.contains(event);
        let new = hydra.events.iter().skip(hydra.events.len().saturating_sub(new));
        for event in new.filter(|event| !told(event)) {
            let at = number::clock(event.at.map_or(0, |at| at.seconds));
            lines.push(format!("event: {at} {}: {}", event.part, event.text));
        }
        lines
    }

    fn link_line(&self) -> String {
        match self.state.link() {
            Link::Connecting => "connecting".to_owned(),
            Link::Live { .. } => "connected".to_owned(),
            Link::Down { cause, .. } => {
                format!("no daemon: {} {} Trying again by itself.", cause.what, cause.advice)
            }
        }
    }
}

fn headline(hydra: &Hydra) -> String {
    let status = &hydra.status;
    format!(
        "{}: {}, {} of {} heads serve, hydrad {}",
        status.name,
        status.state().as_str_name().trim_start_matches("DAEMON_STATE_").to_lowercase().replace('_', " "),
        status.heads_serving,
        status.heads,
        status.version
    )
}

/// Writes lines until the connection or the writer is gone.
///
/// # Errors
/// When a line cannot be written.
pub async fn run(
    messages: &mut mpsc::Receiver<Message>,
    interval: Duration,
    out: &mut impl Write,
) -> io::Result<()> {
    let began = tokio::time::Instant::now();
    let mut plain = Plain::new(interval);
    while let Some(message) = messages.recv().await {
        let lines = plain.take(message, began.elapsed());
        for line in &lines {
            writeln!(out, "{line}")?;
        }
        if !lines.is_empty() {
            out.flush()?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use hydra_protocol::v1::WatchStatusResponse;

    use super::*;
    use crate::fixture;
    use crate::tui::state::Cause;

    #[test]
    fn everything_is_told_once_and_then_what_changed() {
        let mut plain = Plain::new(Duration::from_secs(1));
        let mut take = |message| plain.take(message, Duration::ZERO);
        assert_eq!(take(Message::Connected { control: true }), ["connected"]);
        let first = take(Message::Update(Box::new(fixture::snapshot())));
        assert!(first[0].starts_with("lerna: serving, 5 of 5 heads serve"), "{first:?}");
        assert!(first.iter().any(|line| line.starts_with("prefetch: warning. ")), "{first:?}");
        assert!(first.iter().any(|line| line.starts_with("event: 03:08:20 prefetch: queue drained")));
        let same = WatchStatusResponse { status: Some(fixture::status()), ..WatchStatusResponse::default() };
        assert_eq!(take(Message::Update(Box::new(same.clone()))), [""; 0]);
        let mut worse = same;
        worse.status = Some(fixture::status_without_peers());
        worse.events = vec![Event { part: "scout".into(), text: "nobody\x1b[2J".into(), ..Event::default() }];
        let lines = take(Message::Update(Box::new(worse)));
        assert!(lines.iter().any(|line| line.contains(": broken. ")), "{lines:?}");
        assert!(lines.iter().any(|line| line.ends_with("scout: nobody?[2J")), "{lines:?}");
    }

    #[test]
    fn a_daemon_that_comes_back_does_not_tell_its_events_again() {
        let mut plain = Plain::new(Duration::from_secs(1));
        let mut take = |message| plain.take(message, Duration::ZERO);
        take(Message::Update(Box::new(fixture::snapshot())));
        let cause = Cause { what: "gone.".into(), advice: "Look.".into() };
        let gone = take(Message::Down { cause, attempt: 1, retry_in: Duration::ZERO });
        assert_eq!(gone, ["no daemon: gone. Look. Trying again by itself."]);
        assert_eq!(take(Message::Connected { control: true }), ["connected"]);
        assert_eq!(take(Message::Update(Box::new(fixture::snapshot()))), [""; 0]);
    }
}
