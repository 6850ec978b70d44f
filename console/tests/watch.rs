//! `--watch` as a person sees it, drawing for drawing, and as a program reads it.

mod common;

use std::ffi::OsString;
use std::io::{self, BufRead as _, BufReader, Write};
use std::process::{Command, Stdio};

use common::Lerna;
use hydractl::fixture;
use hydractl::pager::Screen;
use hydractl::ui::Surroundings;
use insta::assert_snapshot;

/// A terminal that is closed after so many drawings.
struct Closing<'a> {
    seen: &'a mut Vec<u8>,
    left: usize,
}

impl Write for Closing<'_> {
    fn write(&mut self, text: &[u8]) -> io::Result<usize> {
        self.seen.write(text)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.left = self.left.saturating_sub(1);
        if self.left == 0 { Err(io::ErrorKind::BrokenPipe.into()) } else { Ok(()) }
    }
}

/// What a person on a terminal of 12 rows and 60 columns sees, and the exit code.
fn seen(lerna: &Lerna, line: &str, drawings: usize) -> (String, u8) {
    let socket = lerna.hydrad.control().display().to_string();
    let mut seen = Vec::new();
    let surroundings = Surroundings {
        out: Box::new(Closing { seen: &mut seen, left: drawings }),
        err: Box::new(io::sink()),
        read_line: || Ok(String::new()),
        input: || Box::new(io::empty()),
        terminal: true,
        can_ask: false,
        err_terminal: true,
        variable: |name| (name == "LC_ALL" || name == "NO_COLOR").then(|| OsString::from("C.UTF-8")),
        now: fixture::now,
        screen: || Some(Screen { rows: 12, columns: 60 }),
    };
    let words = ["hydractl", "--socket", &socket].into_iter().chain(line.split_whitespace());
    let code = hydractl::cli::execute(words.map(OsString::from), surroundings);
    let text = String::from_utf8(seen).expect("utf-8");
    (text.replace('\x1b', "^").replace(&lerna.directory.path().display().to_string(), "/run/hydra"), code)
}

#[test]
fn each_drawing_covers_the_one_before_and_fits_the_screen() {
    let (text, code) = seen(&Lerna::start(), "heads list --watch=100ms", 2);
    assert_snapshot!(text);
    assert_eq!(code, 0, "a terminal that is gone is no failure");
    let (text, _) = seen(&Lerna::start(), "status -w", 1);
    assert_snapshot!("a_long_answer", text);
}

#[test]
fn what_is_not_there_ends_the_watch_at_once() {
    let lerna = Lerna::start();
    assert_eq!(seen(&lerna, "heads show head-9 -w", 2), (String::new(), 5));
    assert_eq!(seen(&lerna, "heads list -w --columns colour", 2), (String::new(), 2));
    assert_eq!(seen(&lerna, "heads list --watch=1ms", 2).1, 2);
}

#[test]
fn an_unwell_hydra_is_watched_on() {
    let lerna = Lerna::start();
    lerna.hydrad.change(|world| world.status = fixture::status_without_peers());
    let (text, code) = seen(&lerna, "status --check --watch=100ms", 2);
    assert_eq!(text.matches("^[?2026h").count(), 2, "{text}");
    assert_eq!(code, 0);
}

/// A watch in a pipe.
struct Piped {
    child: std::process::Child,
    lines: std::io::Lines<BufReader<std::process::ChildStdout>>,
}

impl Piped {
    fn run(lerna: &Lerna, line: &str) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_hydractl"))
            .arg("--socket")
            .arg(lerna.hydrad.control())
            .args(line.split_whitespace())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("hydractl runs");
        let lines = BufReader::new(child.stdout.take().expect("a pipe")).lines();
        Self { child, lines }
    }

    fn next(&mut self) -> String {
        self.lines.next().expect("a line").expect("read")
    }

    /// Closes the pipe; the exit code and what was said.
    fn close(self) -> (Option<i32>, String) {
        drop(self.lines);
        let output = self.child.wait_with_output().expect("it ends");
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
    }
}

#[test]
fn a_pipe_has_document_after_document() {
    let lerna = Lerna::start();
    let mut json = Piped::run(&lerna, "status -o json --watch=100ms");
    for _ in 0..3 {
        let line = json.next();
        let value: serde_json::Value = serde_json::from_str(&line).expect("a document a line");
        assert_eq!(value["schema"], "hydra.v1/Status");
    }
    assert_eq!(json.close(), (Some(0), String::new()));

    let mut csv = Piped::run(&lerna, "heads list -o csv --columns name --watch=100ms --limit 1");
    let lines: Vec<String> = (0..3).map(|_| csv.next()).collect();
    assert_eq!(lines, ["name", "head-0", "head-0"], "one title");
    csv.close();

    let mut table = Piped::run(&lerna, "heads list --columns name --watch=100ms --limit 1");
    let lines: Vec<String> = (0..5).map(|_| table.next()).collect();
    assert_eq!(lines, ["NAME", "head-0", "", "NAME", "head-0"]);
    table.close();
}

#[test]
fn a_daemon_that_comes_back_is_watched_on() {
    let lerna = Lerna::start();
    let mut names = Piped::run(&lerna, "heads list -q --limit 1 --watch=100ms");
    let socket = lerna.hydrad.control().to_owned();
    let aside = socket.with_extension("aside");
    assert_eq!(names.next(), "head-0");
    // nobody finds it for a while
    std::fs::rename(&socket, &aside).expect("moved");
    let mut json = Piped::run(&lerna, "status -w");
    assert_eq!(json.child.wait().expect("it ends").code(), Some(3), "a first answer is needed");
    std::thread::sleep(std::time::Duration::from_millis(400));
    lerna.hydrad.change(|world| world.heads.remove(0));
    std::fs::rename(&aside, &socket).expect("moved back");
    while names.next() == "head-0" {}
    let (code, _) = names.close();
    assert_eq!(code, Some(0));

    let mut told = Piped::run(&lerna, "heads list --limit 1 --columns name --watch=100ms");
    assert_eq!(told.next(), "NAME");
    std::fs::rename(&socket, &aside).expect("moved");
    std::thread::sleep(std::time::Duration::from_millis(600));
    std::fs::rename(&aside, &socket).expect("moved back");
    // what was printed before and meanwhile is read until new lines come
    for _ in 0..12 {
        told.next();
    }
    let (_, said) = told.close();
    assert_eq!(said.matches("tries again every 0.1 s").count(), 1, "{said}");
    assert_eq!(said.matches("hydrad answers again").count(), 1, "{said}");
}
