//! Several names on a line, and names from standard input: what is printed of each, what is said
//! of those that are wrong, and the exit code of the worst.

mod common;

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use common::{Lerna, Outcome, Reader, story};
use hydractl::fixture;
use insta::assert_snapshot;

/// Runs the program with lines on its standard input.
fn given(socket: &Path, input: &str, line: &str) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_hydractl"))
        .env_clear()
        .env("LC_ALL", "C.UTF-8")
        .arg("--socket")
        .arg(socket)
        .args(line.split_whitespace())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("hydractl runs");
    let mut stdin = child.stdin.take().expect("a pipe");
    let input = input.to_owned();
    // the program may end before it has read everything
    let writer = std::thread::spawn(move || stdin.write_all(input.as_bytes()).ok());
    let output = child.wait_with_output().expect("it ends");
    writer.join().expect("a writer");
    output
}

fn told(lerna: &Lerna, input: &str, line: &str) -> String {
    let output = given(lerna.hydrad.control(), input, line);
    let text = |bytes| String::from_utf8(bytes).expect("utf-8");
    let code = u8::try_from(output.status.code().expect("a code")).expect("small");
    let outcome = Outcome { code, out: text(output.stdout), err: text(output.stderr) };
    let input: String = input.chars().take(80).collect();
    format!("{input:?} | {}", outcome.whole(line).trim_start_matches("$ "))
}

#[test]
fn several_names_are_a_list_and_one_is_an_object() {
    let lerna = Lerna::start();
    assert_snapshot!(story(
        &lerna,
        Reader::Pipe,
        &[
            "heads stop head-3 head-1",
            "heads start head-3 head-9 head-1",
            "heads stop head-3 head-1 -o json",
            "heads start head-3 head-1 -o csv --columns name,state",
            "heads stop head-3 head-1 -q",
            "heads show head-0 head-2 --columns name,state",
            "heads show head-0 -o name",
            "heads show head-0 head-2 -o name",
            "heads rm head-3 head-1 --yes",
            "heads purge 3 head-1 -o ndjson",
        ]
    ));
}

#[test]
fn names_come_from_standard_input_a_line_each() {
    let lerna = Lerna::start();
    let key = fixture::CID;
    let lines = [
        told(&lerna, "head-1\n\n# not head-2\n  head-3  \n", "heads stop -"),
        told(&lerna, "head-1\nhead-9\n12D3\nhead-3", "heads start -"),
        told(&lerna, "head-1\n", "heads rm -"),
        told(&lerna, "head-1\nhead-3\n", "heads rm - --yes -o name"),
        told(&lerna, "", "heads stop -"),
        told(&lerna, "vBt7115\nnobody\n", "peers show - -o name"),
        told(&lerna, &format!("{key}\nbafkqaaa\nbafy!\n"), "records get - -o name"),
        told(&lerna, &format!("{key}\nbafkqaaa\n"), "records fetch - -o name"),
        told(&lerna, &format!("{}\nhead-0\n", "x".repeat(600)), "heads show - -o name"),
    ];
    assert_snapshot!(lines.join("\n"));
}

#[test]
fn an_answer_comes_before_the_next_name_is_written() {
    use std::io::{BufRead as _, BufReader};
    let lerna = Lerna::start();
    let mut child = Command::new(env!("CARGO_BIN_EXE_hydractl"))
        .arg("--socket")
        .arg(lerna.hydrad.control())
        .args(["heads", "show", "-", "-o", "ndjson"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("hydractl runs");
    let mut stdin = child.stdin.take().expect("a pipe");
    let mut answers = BufReader::new(child.stdout.take().expect("a pipe")).lines();
    for name in ["head-4", "head-2"] {
        writeln!(stdin, "{name}").expect("written");
        let answer = answers.next().expect("a line").expect("read");
        assert!(answer.starts_with(&format!("{{\"name\":\"{name}\"")), "{answer}");
    }
    drop(stdin);
    assert_eq!(child.wait().expect("it ends").code(), Some(0));
}

#[test]
fn what_all_names_have_in_common_is_said_once() {
    let directory = tempfile::tempdir().expect("scratch");
    let output = given(&directory.path().join("control.sock"), "a\nb\n", "heads stop -");
    assert_eq!(output.status.code(), Some(3));
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(said.matches("hydrad is not running").count(), 1, "{said}");
}
