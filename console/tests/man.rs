//! Manual pages: one for each command, of a form that every man reads.

mod common;

use std::collections::BTreeSet;

use common::Reader;
use hydractl::cli::man::{Page, pages};

/// The names of all commands, as their pages are called.
fn commands() -> BTreeSet<String> {
    fn walk(command: &clap::Command, above: &str, names: &mut BTreeSet<String>) {
        let name =
            if above.is_empty() { "hydractl".into() } else { format!("{above}-{}", command.get_name()) };
        for below in command.get_subcommands() {
            walk(below, &name, names);
        }
        names.insert(name);
    }
    let mut names = BTreeSet::new();
    walk(&hydractl::cli::command(), "", &mut names);
    names
}

/// What a page must have to be read, without a formatter at hand.
fn check(Page { name, section, text }: &Page) {
    const REQUESTS: [&str; 8] = [".TH", ".SH", ".SS", ".TP", ".PP", ".B", ".BR", ".I"];
    assert!(
        text.starts_with(&format!(".TH {} {section} ", name.to_uppercase().replace('-', "\\-"))),
        "{text}"
    );
    for title in [".SH NAME\n", ".SH SYNOPSIS\n", ".SH DESCRIPTION\n", ".SH SEE ALSO\n"] {
        assert!(text.contains(title), "{name} has no {title:?}");
    }
    let mut filled = true;
    for line in text.lines() {
        assert!(!line.starts_with('\''), "{name}: {line}");
        match line.split(' ').next() {
            Some(".nf") => assert!(std::mem::replace(&mut filled, false), "{name}: .nf in .nf"),
            Some(".fi") => assert!(!std::mem::replace(&mut filled, true), "{name}: .fi without .nf"),
            Some(word) if word.starts_with('.') => assert!(REQUESTS.contains(&word), "{name}: {line}"),
            _ => {}
        }
        let mut rest = line;
        while let Some(at) = rest.find('\\') {
            rest = &rest[at + 1..];
            assert!(rest.starts_with(['-', 'e', '&', 'f']), "{name}: {line}");
        }
        assert!(!line.contains('\x1b') && line.len() < 2_000, "{name}: {line}");
    }
    assert!(filled, "{name} ends within .nf");
}

#[test]
fn every_command_has_a_page_and_each_can_be_read() {
    let pages = pages();
    let names: BTreeSet<String> = pages.iter().map(|page| page.name.clone()).collect();
    assert_eq!(names, commands());
    pages.iter().for_each(check);
}

#[test]
fn a_page_tells_options_columns_and_where_to_look_further() {
    let printed = common::run(&["man", "heads", "list"], Reader::Pipe);
    assert_eq!((printed.code, &*printed.err), (0, ""));
    insta::assert_snapshot!(printed.out.replace(env!("CARGO_PKG_VERSION"), "VERSION"));
}

#[test]
fn the_page_of_the_live_screen_has_every_key() {
    let page = common::run(&["man", "top"], Reader::Pipe).out;
    let (_, keys) = page.split_once(".SH KEYS\n").expect("a section of keys");
    let keys = keys.replace("\\-", "-");
    for row in hydractl::tui::input::keys::TABLE {
        assert!(keys.contains(&format!(".B {}\n{}\n", row.keys, row.help)), "{}", row.keys);
    }
}

#[test]
fn a_page_of_nothing_is_not_found() {
    let outcome = common::run(&["man", "tails"], Reader::Pipe);
    assert_eq!((outcome.code, &*outcome.out), (5, ""));
    assert!(outcome.err.starts_with("error: no command tails\n  "), "{}", outcome.err);
}

#[test]
fn all_pages_are_written_where_man_looks_for_them() {
    let directory = tempfile::tempdir().expect("scratch");
    let place = directory.path().display().to_string();
    for _ in 0..2 {
        let outcome = common::run(&["man", "--to", &place], Reader::Pipe);
        assert_eq!((outcome.code, &*outcome.out), (0, ""), "{}", outcome.err);
    }
    let user = std::fs::read_dir(directory.path().join("man1")).expect("section 1").count();
    assert_eq!(user, commands().len());
    let daemon = std::fs::read_to_string(directory.path().join("man8/hydrad.8")).expect("hydrad's");
    check(&Page { name: "hydrad".into(), section: 8, text: daemon });
    let nowhere = common::run(&["man", "--to", "/proc/nowhere"], Reader::Pipe);
    assert!(nowhere.code == 1 && nowhere.err.contains("/proc/nowhere/man1/"), "{}", nowhere.err);
}
