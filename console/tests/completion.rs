//! What a shell is told while one types, by the built program as shells call it.

mod common;

use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::{Command, Output};

use common::Lerna;

/// The candidates for the last word of a line, as bash asks for them.
fn completed(socket: &Path, words: &[&str]) -> Output {
    let index = (words.len() + 2).to_string();
    Command::new(env!("CARGO_BIN_EXE_hydractl"))
        .env_clear()
        .envs([("COMPLETE", "bash"), ("_CLAP_COMPLETE_INDEX", &*index), ("_CLAP_IFS", "\n")])
        .args(["--", "hydractl", "--socket"])
        .arg(socket)
        .args(words)
        .output()
        .expect("hydractl runs")
}

fn candidates(lerna: &Lerna, words: &[&str]) -> Vec<String> {
    let output = completed(lerna.hydrad.control(), words);
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    String::from_utf8_lossy(&output.stdout).lines().map(str::to_owned).collect()
}

#[test]
fn heads_are_completed_by_name_and_by_peer_id() {
    let lerna = Lerna::start();
    for verb in ["rm", "stop", "start", "show"] {
        let names = candidates(&lerna, &["heads", verb, "head-"]);
        assert_eq!(names, ["head-0", "head-1", "head-2", "head-3", "head-4"], "{verb}");
    }
    let id = candidates(&lerna, &["heads", "show", "12D3KooWSmY"]);
    assert_eq!(id, ["12D3KooWSmYTxN4DR2BYdrkt7myJpMabvpcu8UYd7JbxedybLUPZ"]);
    let several = candidates(&lerna, &["heads", "stop", "head-1", "head-3"]);
    assert_eq!(several, ["head-3"]);
}

#[test]
fn series_charts_and_columns_are_completed() {
    let lerna = Lerna::start();
    let series = candidates(&lerna, &["stats", "history", "prefetch.wait"]);
    assert_eq!(series, ["prefetch.waiting", "prefetch.waiting_limit"]);
    assert_eq!(candidates(&lerna, &["chart", "key"]), ["keyspace"]);
    assert_eq!(candidates(&lerna, &["heads", "list", "--sort-by", "pr"]), ["presence"]);
    assert_eq!(candidates(&lerna, &["heads", "list", "--sort-by", "-pr"]), ["-presence"]);
    assert_eq!(candidates(&lerna, &["heads", "list", "--columns", "name,con"]), ["name,conns"]);
    assert_eq!(candidates(&lerna, &["peers", "list", "--filter", "ag"]), ["agent"]);
    assert_eq!(candidates(&lerna, &["network", "--columns", "no-such"]), Vec::<String>::new());
}

#[test]
fn a_daemon_that_is_gone_or_mute_completes_nothing_and_nobody_complains() {
    let directory = tempfile::tempdir().expect("scratch");
    let mute = directory.path().join("control.sock");
    let _listener = UnixListener::bind(&mute).expect("bind");
    for socket in [mute.as_path(), Path::new("/nonexistent/control.sock")] {
        for words in [["heads", "rm", "head-"], ["stats", "history", "pre"]] {
            let output = completed(socket, &words);
            assert!(output.status.success(), "{output:?}");
            assert_eq!((output.stdout, output.stderr), (Vec::new(), Vec::new()), "{words:?}");
        }
    }
}

#[test]
fn every_shell_has_a_script_and_an_asking_one() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let program = || {
            let mut command = Command::new(env!("CARGO_BIN_EXE_hydractl"));
            command.env_clear();
            command
        };
        let script = program().args(["completions", shell]).output().expect("hydractl runs");
        assert!(script.status.success(), "{shell}");
        let script = String::from_utf8_lossy(&script.stdout).into_owned();
        assert!(script.contains("hydractl") && script.contains("prefetch"), "{shell}");
        let asking = program().env("COMPLETE", shell).output().expect("hydractl runs");
        assert!(String::from_utf8_lossy(&asking.stdout).contains("COMPLETE"), "{shell}");
    }
}
