//! `kill -9`: a child process of this test binary writes, and is killed.

use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};

use super::*;

const DIR: &str = "HYDRA_TEST_CRASH_DIR";

#[test]
#[ignore = "the child of the next test"]
fn child_that_writes_until_it_is_killed() {
    let Some(dir) = std::env::var_os(DIR) else { return };
    let belly = open(Path::new(&dir), &Clock::system());
    for n in 0..u32::MAX {
        announce(&belly, &n.to_be_bytes(), peer(n % 50), &["a"]).expect("accepted");
        if n % 500 == 499 {
            wait(belly.flush()).expect("flushed");
            let mut out = std::io::stdout();
            writeln!(out, "acked {}", n + 1).expect("the parent reads");
        }
    }
}

#[test]
fn what_was_flushed_survives_kill_9() {
    let dir = tempfile::tempdir().expect("a directory");
    for round in 1..=3u32 {
        let mut child = Command::new(std::env::current_exe().expect("this binary"))
            .args(["--ignored", "--nocapture", "--exact"])
            .arg(format!(
                "{}::child_that_writes_until_it_is_killed",
                module_path!().trim_start_matches("hydrad::")
            ))
            .env(DIR, dir.path())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the child starts");
        let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines();
        let mut acked = 0;
        while acked < round * 2_000 {
            let line = lines.next().expect("the child goes on").expect("text");
            if let Some((_, n)) = line.split_once("acked ") {
                acked = n.parse().expect("a number");
            }
        }
        child.kill().expect("SIGKILL");
        child.wait().expect("reaped");
        let belly = open(dir.path(), &Clock::system());
        assert_eq!(belly.health().trouble, None);
        for n in 0..acked {
            assert!(peers(&belly, &n.to_be_bytes()).contains(&peer(n % 50)), "record {n} of {acked} is lost");
        }
        assert_eq!(wait(belly.addresses_of(&peer(7))), Some(addrs(&["a"])));
    }
}
