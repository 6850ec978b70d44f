//! Against a made-up daemon on a real socket: what is on the screen is known to the letter.

use std::path::PathBuf;
use std::time::Duration;

use hydractl::fixture::server::{Mortal, World};
use portable_pty::CommandBuilder;
use rustix::process::Signal;

use crate::terminal::Terminal;

pub(crate) fn scratch() -> (tempfile::TempDir, PathBuf) {
    let directory = tempfile::tempdir().expect("a directory");
    let socket = directory.path().join("control.sock");
    (directory, socket)
}

#[test]
fn top_survives_the_death_and_the_return_of_the_daemon() {
    let (directory, socket) = scratch();
    let daemon = Mortal::start(directory.path(), World::default()).expect("a made-up daemon");
    let mut terminal = Terminal::top(&socket);
    terminal.wait_for("● live 1 s");
    terminal.wait("the alternate screen", vt100::Screen::alternate_screen);
    for text in ["lerna  ● serving  5/5 heads", "ADD_PROVIDER accepted /s", "head-4", "q quit"] {
        terminal.wait_for(text);
    }
    terminal.press("j");
    terminal.wait_for("▸head-1");

    drop(daemon);
    terminal.wait_for("✖ no daemon for");
    terminal.wait_for("~ peers");
    terminal.wait_for("hydrad does not answer: ");
    terminal.wait_for("▸head-1");

    let _daemon = Mortal::start(directory.path(), World::default()).expect("a made-up daemon");
    terminal.press("r");
    terminal.wait_for("● live 1 s");
    terminal.wait_for("● serving  5/5 heads");
    terminal.wait_for("▸head-1");

    terminal.press("q");
    assert_eq!(terminal.end(), 0);
    terminal.wait_until_restored();
}

#[test]
fn q_works_without_a_daemon() {
    let (_directory, socket) = scratch();
    let mut terminal = Terminal::top(&socket);
    terminal.wait_for("hydrad is not running");
    terminal.press("q");
    assert_eq!(terminal.end(), 0);
    terminal.wait_until_restored();
}

#[test]
fn heads_are_added_and_removed_by_keys_and_seen_at_once() {
    let (directory, socket) = scratch();
    let _daemon = Mortal::start(directory.path(), World::default()).expect("a made-up daemon");
    let mut terminal = Terminal::top(&socket);
    terminal.wait_for("● live 1 s");
    terminal.press("a2\r");
    terminal.wait_for("2 more: head-5 to head-6");
    terminal.press("y");
    terminal.wait_for("/7 heads");
    terminal.press("GD");
    terminal.wait_for("Type the head's name to remove it: head-6");
    // Pasted with its newline, as a terminal marks a paste: fills the field and confirms nothing.
    terminal.press("\x1b[200~head-6\n\x1b[201~");
    terminal.wait_for("> head-6_");
    terminal.press("\r");
    terminal.wait_for("/6 heads");
    terminal.press("Q");
    assert_eq!(terminal.end(), 0);
}

#[test]
fn the_observe_socket_shows_and_offers_nothing_that_changes() {
    let (directory, socket) = scratch();
    let _daemon = Mortal::start(directory.path(), World::default()).expect("a made-up daemon");
    let mut terminal = Terminal::top(&socket.with_file_name("observe.sock"));
    terminal.wait_for("● live 1 s");
    terminal.press("?");
    terminal.wait_for("Keys that work now");
    assert!(!terminal.parser().screen().contents().contains("add heads"));
    terminal.press("\x1b");
    terminal.wait("the page again", |screen| !screen.contents().contains("Keys that work now"));
    terminal.press("q");
    assert_eq!(terminal.end(), 0);
}

#[test]
fn signals_that_end_it_give_the_terminal_back() {
    let (_directory, socket) = scratch();
    for signal in [Signal::TERM, Signal::HUP] {
        let mut terminal = Terminal::top(&socket);
        terminal.wait_for("no daemon");
        terminal.signal(signal);
        terminal.end();
        terminal.wait_until_restored();
    }
}

#[test]
fn stopped_it_gives_the_terminal_back_and_takes_it_again() {
    let (directory, socket) = scratch();
    let _daemon = Mortal::start(directory.path(), World::default()).expect("a made-up daemon");
    let mut terminal = Terminal::top(&socket);
    for keyboard in [false, true] {
        terminal.wait_for("● live 1 s");
        if keyboard {
            terminal.press("\x1a");
        } else {
            terminal.signal(Signal::TSTP);
        }
        terminal.wait_until_restored();
        // It gives the terminal back just before it stops.
        std::thread::sleep(Duration::from_millis(200));
        terminal.signal(Signal::CONT);
        terminal.wait("the alternate screen", vt100::Screen::alternate_screen);
    }
    terminal.wait_for("● live 1 s");
    terminal.press("q");
    assert_eq!(terminal.end(), 0);
    terminal.wait_until_restored();
}

#[test]
fn the_screen_follows_the_size_of_the_terminal() {
    let (directory, socket) = scratch();
    let _daemon = Mortal::start(directory.path(), World::default()).expect("a made-up daemon");
    let mut terminal = Terminal::top(&socket);
    terminal.wait_for("Last events");
    terminal.resize(40, 10);
    terminal.wait("the list", |screen| {
        let text = screen.contents();
        text.starts_with("lerna ● 5/5 load 0") && !text.contains("Last events")
    });
    terminal.press("q");
    assert_eq!(terminal.end(), 0);
}

#[test]
fn a_panic_gives_the_terminal_back_before_it_is_told() {
    let mut command = CommandBuilder::new(std::env::current_exe().expect("this test has a path"));
    command.args(["--ignored", "--exact", "made_up::panics_with_the_terminal_in_its_hands", "--nocapture"]);
    let mut terminal = Terminal::run(command);
    terminal.wait_for("a fault on purpose");
    terminal.wait_until_restored();
    assert_ne!(terminal.end(), 0);
    terminal.wait_until_restored();
}

/// Run in a terminal by the test above; by itself it means nothing.
#[test]
#[ignore = "takes over the terminal and panics on purpose"]
fn panics_with_the_terminal_in_its_hands() {
    let _guard = hydractl::tui::terminal::Guard::take().expect("a terminal");
    panic!("a fault on purpose");
}
