//! Reads a recording, and plays it as if it were a connection.

use std::fs::File;
use std::io::{BufRead, BufReader, Read as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::{Entry, Error, LONGEST_LINE, SCHEMA, line};
use crate::tui::state::feed::Ask;
use crate::tui::state::{Answer, Command, Message};

#[derive(Deserialize)]
struct Head {
    schema: String,
}

/// Reads a recording, line by line.
///
/// # Errors
/// When the file cannot be read, or is no recording.
pub fn read(path: &Path) -> Result<impl Iterator<Item = Result<Entry, Error>> + use<>, Error> {
    let file = File::open(path).map_err(|source| Error::file("read", path, source))?;
    let mut lines = Lines { file: BufReader::new(file), path: path.to_owned(), number: 0 };
    let head = lines.next_line()?.unwrap_or_default();
    let known = serde_json::from_str::<Head>(&head).is_ok_and(|head| head.schema == SCHEMA);
    if !known {
        return Err(lines.wrong(format!("it is no recording: \"schema\":\"{SCHEMA}\" is missing")));
    }
    Ok(std::iter::from_fn(move || match lines.next_line() {
        Ok(None) => None,
        Ok(Some(text)) => Some(line::read(&text).map_err(|why| lines.wrong(why))),
        Err(error) => Some(Err(error)),
    }))
}

struct Lines {
    file: BufReader<File>,
    path: PathBuf,
    number: u64,
}

impl Lines {
    fn next_line(&mut self) -> Result<Option<String>, Error> {
        self.number += 1;
        let mut text = String::new();
        let read = self.file.by_ref().take(LONGEST_LINE).read_line(&mut text);
        match read.map_err(|source| Error::file("read", &self.path, source))? {
            0 if self.number > 1 => Ok(None),
            _ if text.len() as u64 >= LONGEST_LINE => Err(self.wrong("it is too long".to_owned())),
            _ => Ok(Some(text)),
        }
    }

    fn wrong(&self, why: String) -> Error {
        Error::Line { path: self.path.clone(), number: self.number, why }
    }
}

/// Plays entries at the pace at which they came.
pub struct Player<I> {
    entries: I,
    tell: mpsc::Sender<Message>,
    commands: mpsc::Receiver<Command>,
    /// The last answer to each question so far: for pages that are opened.
    told: Vec<(Ask, Message)>,
    wanted: Vec<Ask>,
}

impl<I: Iterator<Item = Result<Entry, Error>>> Player<I> {
    /// Plays to `tell`, and hears what the screen asks for.
    #[must_use]
    pub fn new(entries: I, tell: mpsc::Sender<Message>, commands: mpsc::Receiver<Command>) -> Self {
        Self { entries, tell, commands, told: Vec::new(), wanted: Vec::new() }
    }

    /// Plays to the end, then answers questions until the screen is gone.
    pub async fn run(mut self) {
        let began = Instant::now();
        let mut next = self.next();
        loop {
            let at = next.as_ref().map_or_else(|| began + FOREVER, |entry| began + entry.after);
            tokio::select! {
                command = self.commands.recv() => match command {
                    Some(command) => if self.hear(command).await.is_none() { return },
                    None => return,
                },
                () = tokio::time::sleep_until(at), if next.is_some() => {
                    let Some(entry) = next.take() else { continue };
                    if self.play(entry.message).await.is_none() {
                        return;
                    }
                    next = self.next();
                }
            }
        }
    }

    fn next(&mut self) -> Option<Entry> {
        // A recording that breaks off ends there: the process that wrote it was killed.
        self.entries.next().and_then(Result::ok)
    }

    /// Answers of questions that no open page asks wait; `None`: the screen is gone.
    async fn play(&mut self, mut message: Message) -> Option<()> {
        if let Message::Told { ask, .. } = &message {
            let ask = ask.clone();
            self.told.retain(|(other, _)| *other != ask);
            self.told.push((ask.clone(), message.clone()));
            if !self.wanted.contains(&ask) {
                return Some(());
            }
        }
        if let Message::Connected { control } = &mut message {
            // nobody is there who could do anything
            *control = false;
        }
        self.tell.send(message).await.ok()
    }

    async fn hear(&mut self, command: Command) -> Option<()> {
        let Command::Want(asks) = command else {
            let result = Err("this is a recording; nothing was sent".to_owned());
            return self.tell.send(Message::Answer(Box::new(Answer { command, result }))).await.ok();
        };
        for ask in &asks {
            if let Some((_, message)) = self.told.iter().find(|(told, _)| told == ask) {
                self.tell.send(message.clone()).await.ok()?;
            }
        }
        self.wanted = asks;
        Some(())
    }
}

/// Longer than anyone watches.
const FOREVER: Duration = Duration::from_secs(365 * 86_400);
