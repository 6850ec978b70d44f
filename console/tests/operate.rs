//! What `events` and `config` print, for a person and for a pipe: snapshots.

mod common;

use common::{Lerna, Reader};
use insta::assert_snapshot;

/// Runs lines one after the other against one daemon.
fn story(lerna: &Lerna, reader: Reader, lines: &[&str]) -> String {
    lines.iter().map(|line| lerna.run(line, reader).whole(line)).collect::<Vec<_>>().join("\n")
}

fn formats(lerna: &Lerna, line: &str) -> String {
    let person = format!("As a person reads it\n\n{}", story(lerna, Reader::Person, &[line]));
    let lines: Vec<String> = ["table", "wide", "json", "ndjson", "csv", "name"]
        .iter()
        .map(|format| format!("{line} -o {format}"))
        .collect();
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    format!("{person}\nAs a program reads it\n\n{}", story(lerna, Reader::Pipe, &lines))
}

#[test]
fn events_in_every_format() {
    assert_snapshot!(formats(&Lerna::start(), "events"));
}

#[test]
fn events_are_chosen_by_time_level_and_number() {
    let lines = [
        "events --since 8m --level warn",
        "events --limit 1",
        "events --level error",
        "events --since 1s",
        "events --level loud",
    ];
    assert_snapshot!(story(&Lerna::start(), Reader::Person, &lines));
}

#[test]
fn events_are_followed_until_the_daemon_ends() {
    let lerna = Lerna::start();
    let person = story(&lerna, Reader::Person, &["events -w", "events -w --limit 2"]);
    let pipe = story(&lerna, Reader::Pipe, &["events -w --since 8m -o ndjson", "events -w -o json"]);
    assert_snapshot!(format!("{person}\n{pipe}"));
}

#[test]
fn config_show_in_every_format() {
    let lerna = Lerna::start();
    let person =
        story(&lerna, Reader::Person, &["config show", "config show --changed", "config show seed --origin"]);
    assert_snapshot!(format!("{person}\n{}", formats(&lerna, "config show --origin")));
}

#[test]
fn a_setting_that_is_none_is_not_found() {
    let outcome = Lerna::start().run("config show belly.colour", Reader::Pipe);
    assert_eq!(outcome.code, 5, "{outcome:?}");
    assert!(outcome.err.contains("belly.colour"), "{}", outcome.err);
}
