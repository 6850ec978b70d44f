//! `kill -9`: a child process of this test binary writes, and is killed.

use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};

use super::*;

const DIR: &str = "HYDRA_TEST_CRASH_DIR";
const FROM: &str = "HYDRA_TEST_CRASH_FROM";
/// 200 kills with this variable set, as `tests/run --long` does.
const LONG: &str = "HYDRA_LONG_TESTS";

fn announce_nth(belly: &LogBelly, n: u32) {
    let announcement = Announcement {
        key: &[&b"\x12\x20"[..], &[5; 28], &n.to_be_bytes()].concat(),
        provider: peer(n % 50),
        addrs: addrs(&["a"]),
        head: 3,
        near: !n.is_multiple_of(3),
    };
    while belly.add_provider(announcement.clone()) == Err(Refused::Behind) {
        std::thread::sleep(Duration::from_millis(1));
    }
}

#[test]
#[ignore = "the child of the next test"]
fn child_that_writes_until_it_is_killed() {
    let Some(dir) = std::env::var_os(DIR) else { return };
    let from: u32 = std::env::var(FROM).expect("set").parse().expect("a number");
    let belly = open(Path::new(&dir), &Clock::system());
    for n in from..u32::MAX {
        announce_nth(&belly, n);
        if n % 500 == 499 {
            wait(belly.flush()).expect("flushed");
            let mut out = std::io::stdout();
            writeln!(out, "acked {}", n + 1).expect("the parent reads");
        }
    }
}

#[test]
fn what_was_flushed_survives_kill_9_and_the_index_is_what_the_log_says() {
    let dir = tempfile::tempdir().expect("a directory");
    let rounds = if std::env::var_os(LONG).is_some() { 200 } else { 4 };
    let mut acked = 0u32;
    for round in 1..=rounds {
        let until = acked + 1_000 + rand::random_range(0..3_000);
        let mut child = Command::new(std::env::current_exe().expect("this binary"))
            .args(["--ignored", "--nocapture", "--exact"])
            .arg(format!(
                "{}::child_that_writes_until_it_is_killed",
                module_path!().trim_start_matches("hydrad::")
            ))
            .env(DIR, dir.path())
            .env(FROM, acked.to_string())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the child starts");
        let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines();
        while acked < until {
            let line = lines.next().expect("the child goes on").expect("text");
            if let Some((_, n)) = line.split_once("acked ") {
                acked = n.parse().expect("a number");
            }
        }
        std::thread::sleep(Duration::from_micros(rand::random_range(0..5_000)));
        child.kill().expect("SIGKILL");
        child.wait().expect("reaped");
        for path in files(dir.path(), ".db") {
            let db = rusqlite::Connection::open(&path).expect("opens");
            let check: String = db.query_row("PRAGMA quick_check", [], |r| r.get(0)).expect("checked");
            assert_eq!(check, "ok", "round {round}: {}", path.display());
        }
        let belly = open(dir.path(), &Clock::system());
        assert_eq!((belly.health().trouble, drops(&belly)), (None, vec![]), "round {round}");
        for n in 0..acked {
            let key = [&b"\x12\x20"[..], &[5; 28], &n.to_be_bytes()].concat();
            let found = belly.shared.index.holders(belly.shared.key.hash(&key), belly.shared.clock.secs());
            assert_eq!(found.len(), 1, "round {round}: record {n} of {acked}");
            let provider = belly.shared.providers.get(found[0].0, 0).expect("known").peer;
            assert_eq!(provider, peer(n % 50), "round {round}: record {n} changed its owner");
        }
        assert!(belly.counts().records >= u64::from(acked));
        if round == rounds {
            let listed = list(&belly, &crate::belly::Query::default(), 10_000).len() as u64;
            assert_eq!(listed, belly.counts().records);
        }
        assert_eq!(wait(belly.addresses_of(&peer(7))), Some(addrs(&["a"])));
    }
}
