//! Inside of tmux, where most people keep it open.

use std::path::Path;
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use hydra_tests::harness::binaries;
use hydractl::fixture::server::{Mortal, World};

use crate::made_up::scratch;
use crate::terminal::hydractl;

const PATIENCE: Duration = Duration::from_secs(40);

/// A tmux server of our own, with one window.
struct Tmux<'a>(&'a Path);

impl Tmux<'_> {
    fn run(&self, words: &[&str]) -> Output {
        let mut command = Command::new("tmux");
        command.arg("-S").arg(self.0.join("tmux.sock")).args(["-f", "/dev/null"]).args(words);
        command.env_remove("TMUX").env("LC_ALL", "C.UTF-8").output().expect("tmux runs")
    }

    fn screen(&self) -> String {
        String::from_utf8_lossy(&self.run(&["capture-pane", "-p", "-t", "top"]).stdout).into_owned()
    }

    fn wait_for(&self, text: &str) {
        let began = Instant::now();
        while !self.screen().contains(text) {
            assert!(began.elapsed() < PATIENCE, "never saw {text}:\n{}", self.screen());
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    fn press(&self, key: &str) {
        self.run(&["send-keys", "-t", "top", key]);
    }
}

impl Drop for Tmux<'_> {
    fn drop(&mut self) {
        self.run(&["kill-server"]);
    }
}

#[test]
fn in_tmux_it_draws_takes_keys_follows_the_size_and_leaves_the_screen_as_it_was() {
    if Command::new("tmux").arg("-V").output().is_err() {
        let why = "tmux is not installed; `bash tests/run` installs and runs everything";
        assert!(std::env::var_os(binaries::REQUIRE).is_none(), "{why}");
        return binaries::skip(why);
    }
    let (directory, socket) = scratch();
    let _daemon = Mortal::start(directory.path(), World::default()).expect("a made-up daemon");
    let tmux = Tmux(directory.path());
    tmux.run(&["new-session", "-d", "-s", "top", "-x", "120", "-y", "36", "sh"]);
    tmux.press("echo before");
    tmux.press("Enter");
    tmux.wait_for("before");
    let top = format!("{} top --socket {}", hydractl().display(), socket.display());
    tmux.press(&top);
    tmux.press("Enter");
    tmux.wait_for("● live 1 s");
    tmux.wait_for("─ Last events");
    tmux.press("2");
    tmux.wait_for("[2 Heads]");
    tmux.run(&["resize-window", "-t", "top", "-x", "60", "-y", "16"]);
    tmux.wait_for("lerna ● 5/5");
    tmux.run(&["resize-window", "-t", "top", "-x", "120", "-y", "36"]);
    tmux.wait_for("[2 Heads]");
    tmux.press("q");
    tmux.wait_for("before");
    assert!(!tmux.screen().contains("[2 Heads]"), "{}", tmux.screen());
}
