//! The rooms of `top` keep to themselves: what each must not know.

use std::path::{Path, PathBuf};

/// The most lines of a file.
const LINES: usize = 400;

fn files(below: &str) -> Vec<(PathBuf, String)> {
    let mut open = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("src/tui").join(below)];
    let mut files = Vec::new();
    while let Some(path) = open.pop() {
        if path.is_dir() {
            let inside = std::fs::read_dir(&path).expect("a folder");
            open.extend(inside.map(|entry| entry.expect("an entry").path()));
        } else {
            files.push((path.clone(), std::fs::read_to_string(&path).expect("a source file")));
        }
    }
    assert!(!files.is_empty(), "nothing in {below}");
    files
}

fn none_of(below: &str, words: &[&str]) {
    for (path, text) in files(below) {
        for word in words {
            let line = text.lines().find(|line| line.contains(word) && !line.trim_start().starts_with("//"));
            assert!(line.is_none(), "{} must not know {word}: {line:?}", path.display());
        }
    }
}

#[test]
fn the_state_knows_no_view_no_terminal_and_does_not_wait() {
    none_of("state", &["view::", "tui::view", "ratatui", "crossterm", "tokio", "async ", "Instant"]);
}

#[test]
fn no_view_changes_the_state_or_waits() {
    none_of("view", &["&mut State", "&mut Hydra", "tokio", "async ", "connection::", "tonic"]);
}

#[test]
fn charts_know_numbers_only() {
    none_of("chart", &["state", "ratatui", "hydra_protocol", "crossterm"]);
}

#[test]
fn keys_do_not_reach_the_daemon_and_the_connection_draws_nothing() {
    none_of("input", &["tokio", "tonic", "connection::"]);
    none_of("connection", &["ratatui", "crossterm", "view::"]);
}

#[test]
fn no_file_is_a_god() {
    for (path, text) in files("") {
        let lines = text.lines().count();
        assert!(lines <= LINES, "{} has {lines} lines", path.display());
    }
}
