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

fn key(n: u32) -> Vec<u8> {
    [&b"\x12\x20"[..], &[5; 28], &n.to_be_bytes()].concat()
}

/// A value says after how many records it was put.
fn value(belly: &LogBelly) -> u32 {
    let value = wait(belly.value(b"/ipns/k")).expect("readable");
    value.map_or(0, |found| String::from_utf8_lossy(&found.value).parse().expect("a number"))
}

#[test]
#[ignore = "the child of the next test"]
fn child_that_writes_until_it_is_killed() {
    let Some(dir) = std::env::var_os(DIR) else { return };
    let from: u32 = std::env::var(FROM).expect("set").parse().expect("a number");
    let belly = open(Path::new(&dir), &Clock::system());
    for n in from..u32::MAX {
        announce_nth(&belly, n);
        if n % 250 == 249 {
            wait(belly.flush()).expect("flushed");
            let count = (n + 1).to_string();
            wait(belly.put_value("/ipns/k".into(), count.clone().into())).expect("put");
            writeln!(std::io::stdout(), "acked {count}").expect("the parent reads");
        }
    }
}

/// Runs the child until it is killed; how many records it had answered for.
fn live_and_be_killed(dir: &Path, mut acked: u32) -> u32 {
    let mut child = Command::new(std::env::current_exe().expect("this binary"))
        .args(["--ignored", "--nocapture", "--exact"])
        .arg(format!(
            "{}::child_that_writes_until_it_is_killed",
            module_path!().trim_start_matches("hydrad::")
        ))
        .env(DIR, dir)
        .env(FROM, acked.to_string())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the child starts");
    let lines = BufReader::new(child.stdout.take().expect("piped")).lines();
    let mut acks = lines.map_while(Result::ok).filter_map(|line| line.split_once("acked ")?.1.parse().ok());
    if rand::random_bool(0.3) {
        // perhaps while it starts
        std::thread::sleep(Duration::from_millis(rand::random_range(0..150)));
    } else {
        let until = acked + rand::random_range(250..1_500);
        while acked < until {
            acked = acks.next().expect("the child goes on");
        }
        std::thread::sleep(Duration::from_micros(rand::random_range(0..5_000)));
    }
    child.kill().expect("SIGKILL");
    child.wait().expect("reaped");
    acks.last().unwrap_or(acked)
}

#[expect(clippy::print_stdout, reason = "seen with --nocapture: no test asserts how fast a machine is")]
#[test]
fn what_was_flushed_survives_kill_9_and_the_index_is_what_the_log_says() {
    let dir = tempfile::tempdir().expect("a directory");
    let rounds = if std::env::var_os(LONG).is_some() { 200 } else { 15 };
    let (mut acked, mut slowest) = (0, Duration::ZERO);
    for round in 1..=rounds {
        acked = live_and_be_killed(dir.path(), acked);
        let began = std::time::Instant::now();
        let clock = Clock::system();
        let belly = LogBelly::open_warming(config(dir.path(), &clock)).expect("the store opens");
        slowest = slowest.max(began.elapsed());
        belly.wait_warm(|_| {});
        assert_eq!((belly.health().trouble, drops(&belly)), (None, vec![]), "round {round}");
        for n in 0..acked {
            let found = belly.shared.index.holders(belly.shared.key.hash(&key(n)), belly.shared.clock.secs());
            assert_eq!(found.len(), 1, "round {round}: record {n} of {acked}");
            let provider = belly.shared.providers.get(found[0].0, 0).expect("known").peer;
            assert_eq!(provider, peer(n % 50), "round {round}: record {n} changed its owner");
        }
        assert!(value(&belly) >= acked, "round {round}: the value of {} of {acked}", value(&belly));
        let records = belly.counts().records;
        assert!(records >= u64::from(acked));
        if round % 10 == 0 || round == rounds {
            assert_eq!(list(&belly, &crate::belly::Query::default(), 10_000).len() as u64, records);
        }
        if acked > 0 {
            assert_eq!(wait(belly.addresses_of(&peer(7))), Some(addrs(&["a"])));
        }
        drop(belly);
        for path in files(dir.path(), ".db") {
            let db = rusqlite::Connection::open(&path).expect("opens");
            let check: String = db.query_row("PRAGMA quick_check", [], |r| r.get(0)).expect("checked");
            assert_eq!(check, "ok", "round {round}: {}", path.display());
        }
    }
    assert!(acked > 0, "nothing was answered");
    println!(
        "{rounds} kills, {acked} records answered for; the slowest start took {slowest:?} until it warmed"
    );
}
