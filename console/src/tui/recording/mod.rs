//! Recordings of `top`: what the daemon told, and when. They drive tests, the pictures of the
//! documentation and reports of bugs.
//!
//! A recording is text: a line that says what it is, then one JSON object a message, with the
//! daemon's own answer in base64. What a person typed is not in it.

mod line;
mod player;
mod recorder;

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

pub use player::{Player, read};
pub use recorder::Recorder;

use super::state::Message;

/// Says what a file is, in its first line.
const SCHEMA: &str = "hydra.v1/TopRecording";
/// The longest line that is read: more than the answer to any question.
const LONGEST_LINE: u64 = 64 << 20;
/// The longest file that is written.
const LONGEST_FILE: u64 = 1 << 30;

/// A message, and how long after the first one it came.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Since the recording began.
    pub after: Duration,
    /// What the connection said.
    pub message: Message,
}

/// A recording cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file.
    #[error("{operation} {}: {source}", path.display())]
    File {
        /// "read", "create".
        operation: &'static str,
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A line.
    #[error("{}, line {number}: {why}; recordings are made by hydractl top --record FILE", path.display())]
    Line {
        /// Of which file.
        path: PathBuf,
        /// From 1.
        number: u64,
        /// What is wrong with it.
        why: String,
    },
}

impl Error {
    fn file(operation: &'static str, path: &Path, source: io::Error) -> Self {
        Self::File { operation, path: path.to_owned(), source }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture;
    use crate::tui::state::feed::{Ask, Told};
    use crate::tui::state::{Cause, Link, State};

    fn entries() -> Vec<Entry> {
        let told = |ask: Ask, told: Told| Message::Told { ask, result: Ok(Box::new(told)) };
        let messages = vec![
            Message::Connecting,
            Message::Connected { control: true },
            Message::Update(Box::new(fixture::snapshot())),
            told(Ask::Prefetch, Told::Prefetch(Box::new(fixture::prefetch()))),
            Message::Told { ask: Ask::Network, result: Err("it is busy".into()) },
            Message::Down {
                cause: Cause { what: "gone".into(), advice: "look".into() },
                attempt: 3,
                retry_in: Duration::from_secs(2),
            },
        ];
        (0..).zip(messages).map(|(n, message)| Entry { after: Duration::from_secs(n), message }).collect()
    }

    fn recorded(entries: &[Entry]) -> (tempfile::TempDir, PathBuf) {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("top.ndjson");
        let mut recorder = Recorder::create(&path).expect("a file");
        for entry in entries {
            recorder.take(&entry.message, entry.after);
        }
        assert_eq!(recorder.finish().expect("written"), 0, "nothing was left out");
        (directory, path)
    }

    #[test]
    fn what_was_recorded_is_what_is_played() {
        let (_directory, path) = recorded(&entries());
        let played: Vec<Entry> = read(&path).expect("a recording").collect::<Result<_, _>>().expect("lines");
        assert_eq!(format!("{played:?}"), format!("{:?}", entries()));
        let mut state = State::new(Duration::from_secs(1), true);
        played.into_iter().for_each(|entry| state.apply(entry.message, entry.after));
        assert!(matches!(state.link(), Link::Down { attempt: 3, .. }));
        assert!(state.shown().is_some_and(|hydra| hydra.feeds.prefetch().is_some()));
    }

    #[test]
    fn what_is_no_recording_is_refused_by_its_line() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("no.txt");
        let refused = |text: &str| {
            std::fs::write(&path, text).expect("a file");
            let entries = read(&path).and_then(Iterator::collect::<Result<Vec<_>, _>>);
            entries.expect_err("no recording").to_string()
        };
        assert!(refused("hello\n").contains("line 1: it is no recording"));
        assert!(refused("").contains("line 1"));
        let head = format!("{{\"schema\":\"{SCHEMA}\"}}\n");
        assert!(refused(&format!("{head}{{}}\n")).contains("line 2"));
        assert!(
            refused(&format!("{head}{{\"after_ms\":1,\"kind\":\"update\",\"data\":\"!\"}}\n"))
                .contains("line 2")
        );
        let missing = read(&directory.path().join("absent")).err().expect("absent").to_string();
        assert!(missing.starts_with("read "), "{missing}");
    }
}
