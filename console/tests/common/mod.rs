//! Runs command lines in this process against a made-up daemon, as a terminal or as a pipe.

#![allow(dead_code, unreachable_pub, reason = "each test binary uses its part")]

use std::ffi::OsString;
use std::io;

use hydractl::fixture;
use hydractl::fixture::server::{FakeHydrad, World};
use hydractl::ui::Surroundings;

/// What a command did.
#[derive(Debug)]
pub struct Outcome {
    pub code: u8,
    pub out: String,
    pub err: String,
}

impl Outcome {
    /// All of it, for a snapshot.
    pub fn whole(&self, line: &str) -> String {
        let mut text = format!("$ hydractl {line}\n{}", self.out);
        if !self.err.is_empty() {
            text += &format!("--- stderr\n{}", self.err);
        }
        if self.code != 0 {
            text += &format!("--- exit {}\n", self.code);
        }
        text
    }
}

/// Who reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reader {
    /// A person at a UTF-8 terminal who answers "head-4" to every question.
    Person,
    /// Another program.
    Pipe,
}

/// A made-up daemon with a runtime of its own.
pub struct Lerna {
    pub directory: tempfile::TempDir,
    pub hydrad: FakeHydrad,
    _runtime: tokio::runtime::Runtime,
}

impl Lerna {
    pub fn start() -> Self {
        Self::with(World::default())
    }

    pub fn with(world: World) -> Self {
        let directory = tempfile::tempdir().expect("a scratch directory");
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .expect("a runtime");
        let hydrad = {
            let _inside = runtime.enter();
            FakeHydrad::start(directory.path(), world).expect("sockets")
        };
        Self { directory, hydrad, _runtime: runtime }
    }

    /// Runs a command line; the socket's directory is called `/run/hydra` in what it says.
    pub fn run(&self, line: &str, reader: Reader) -> Outcome {
        let socket = self.hydrad.control().display().to_string();
        let mut words: Vec<&str> = line.split_whitespace().collect();
        if !words.contains(&"--socket") {
            words.extend(["--socket", &socket]);
        }
        let outcome = run(&words, reader);
        let directory = self.directory.path().display().to_string();
        let stable = |text: String| text.replace(&directory, "/run/hydra");
        Outcome { out: stable(outcome.out), err: stable(outcome.err), ..outcome }
    }
}

/// Runs lines one after the other against one daemon.
pub fn story(lerna: &Lerna, reader: Reader, lines: &[&str]) -> String {
    lines.iter().map(|line| lerna.run(line, reader).whole(line)).collect::<Vec<_>>().join("\n")
}

/// What a program may ask for.
pub const FORMATS: [&str; 5] = ["table", "json", "ndjson", "csv", "name"];

/// A line as it is and in these formats for a person, then in those for a program.
pub fn in_formats(lerna: &Lerna, line: &str, person: &[&str], program: &[&str]) -> String {
    let in_each = |formats: &[&str]| -> Vec<String> {
        formats.iter().map(|format| format!("{line} -o {format}")).collect()
    };
    let (person, program) = (in_each(person), in_each(program));
    let person: Vec<&str> = std::iter::once(line).chain(person.iter().map(String::as_str)).collect();
    let program: Vec<&str> = program.iter().map(String::as_str).collect();
    let person = format!("As a person reads it\n\n{}", story(lerna, Reader::Person, &person));
    format!("{person}\nAs a program reads it\n\n{}", story(lerna, Reader::Pipe, &program))
}

/// Runs a command line as it is.
pub fn run(words: &[&str], reader: Reader) -> Outcome {
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let terminal = reader == Reader::Person;
    let surroundings = Surroundings {
        out: Box::new(&mut out),
        err: Box::new(&mut err),
        read_line: || Ok("head-4\n".to_owned()),
        terminal,
        can_ask: terminal,
        // Progress is a matter of time.
        err_terminal: false,
        // Colour is tested on its own.
        variable: |name| match name {
            "LC_ALL" => Some(OsString::from("C.UTF-8")),
            "NO_COLOR" => Some(OsString::from("1")),
            _ => None,
        },
        now: fixture::now,
        input: || Box::new(io::empty()),
        screen: || None,
    };
    let arguments = std::iter::once("hydractl").chain(words.iter().copied()).map(OsString::from);
    let code = hydractl::cli::execute(arguments, surroundings);
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("utf-8");
    Outcome { code, out: text(out), err: text(err) }
}

/// A stdout whose reader went away.
pub struct Closed;

impl io::Write for Closed {
    fn write(&mut self, _: &[u8]) -> io::Result<usize> {
        Err(io::ErrorKind::BrokenPipe.into())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
