//! Files that are damaged, of another version, read-only or gone, and a disk that is full.

use std::fs;
use std::os::unix::fs::FileExt;
use std::process::Command;
use std::time::Instant;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use super::*;
use crate::belly::{BellyError, Query};

const DIR: &str = "HYDRA_TEST_FULL_DIR";

fn filled(dir: &Path) {
    let belly = open(dir, &Clock::manual(start()));
    for n in 0..20_000u32 {
        announce(&belly, &n.to_be_bytes(), peer(n % 500), &["a"]).expect("accepted");
        if n % 500 == 499 {
            wait(belly.flush()).expect("flushed");
        }
    }
}

fn log_file(dir: &Path) -> std::path::PathBuf {
    let files = files(dir, ".log.db");
    assert_eq!(files.len(), 1);
    files[0].clone()
}

#[test]
fn what_is_broken_in_a_file_is_skipped_and_counted_and_the_rest_is_served() {
    type Damage = (&'static str, fn(&mut Vec<u8>), std::ops::Range<u64>);
    let damages: [Damage; 4] = [
        (
            "one bit",
            |bytes| {
                let at = bytes.len() / 2;
                bytes[at] ^= 1;
            },
            19_000..20_000,
        ),
        (
            "a hole",
            |bytes| {
                let at = bytes.len() / 2;
                bytes[at..at + 4096].fill(0);
            },
            15_000..20_000,
        ),
        (
            "a cut",
            |bytes| {
                let len = bytes.len() * 3 / 4 / 4096 * 4096;
                bytes.truncate(len);
            },
            5_000..19_999,
        ),
        ("all of it", |bytes| bytes.fill(0x5a), 0..1),
    ];
    for (what, damage, expected) in damages {
        let dir = tempfile::tempdir().expect("a directory");
        filled(dir.path());
        let path = log_file(dir.path());
        let mut bytes = fs::read(&path).expect("readable");
        damage(&mut bytes);
        fs::write(&path, bytes).expect("writable");
        let clock = Clock::manual(start());
        let belly = open(dir.path(), &clock);
        let records = belly.counts().records;
        assert!(expected.contains(&records), "{what}: {records} are left");
        assert!(belly.health().trouble.is_some_and(|t| t.contains("damaged")), "{what}: not told");
        assert!(!drops(&belly).is_empty(), "{what}: not counted");
        let served = (0..20_000u32).filter(|n| peers(&belly, &n.to_be_bytes()) == [peer(n % 500)]).count();
        assert_eq!(served as u64, records, "{what}");
        announce(&belly, b"key", peer(1), &[]).expect("accepted");
        while wait(belly.flush()).is_err() {
            std::thread::sleep(Duration::from_millis(100));
        }
        drop(belly);
        let belly = open(dir.path(), &clock);
        assert_eq!(peers(&belly, b"key"), [peer(1)], "{what}");
    }
}

#[test]
fn a_newer_format_and_a_foreign_file_are_refused_by_name() {
    for end in [".log.db", "values.db"] {
        let dir = tempfile::tempdir().expect("a directory");
        filled(dir.path());
        let path = files(dir.path(), end)[0].clone();
        let db = rusqlite::Connection::open(&path).expect("opens");
        db.pragma_update(None, "user_version", 99).expect("written");
        let error = LogBelly::open(config(dir.path(), &Clock::manual(start()))).err().expect("refused");
        assert!(matches!(error, BellyError::Newer { found: 99, .. }), "{error}");
        assert!(error.to_string().contains(end) && error.to_string().contains("has format 99"));
        db.pragma_update(None, "application_id", 1).expect("written");
        let error = LogBelly::open(config(dir.path(), &Clock::manual(start()))).err().expect("refused");
        assert!(matches!(error, BellyError::Foreign { .. }), "{error}");
        drop(db);
        assert!(path.exists());
    }
}

#[test]
fn a_directory_that_cannot_be_used_or_is_in_use_is_named() {
    let dir = tempfile::tempdir().expect("a directory");
    let file = dir.path().join("file");
    fs::write(&file, "x").expect("written");
    let error = LogBelly::open(LogConfig::new(file.join("belly"))).err().expect("refused");
    assert!(matches!(error, BellyError::Directory { .. }) && error.to_string().contains("file/belly"));
    let first = open(dir.path(), &Clock::manual(start()));
    let error = LogBelly::open(LogConfig::new(dir.path())).err().expect("refused");
    assert!(matches!(error, BellyError::Locked { .. }), "{error}");
    drop(first);
    drop(open(dir.path(), &Clock::manual(start())));
}

#[test]
fn a_file_deleted_under_the_store_is_told_memory_goes_on_and_new_records_are_kept() {
    let dir = tempfile::tempdir().expect("a directory");
    let clock = Clock::manual(start());
    let belly = open(dir.path(), &clock);
    announce(&belly, b"key", peer(1), &["a"]).expect("accepted");
    wait(belly.flush()).expect("flushed");
    fs::remove_file(log_file(dir.path())).expect("removed");
    let until = Instant::now() + Duration::from_secs(30);
    while !belly.health().trouble.is_some_and(|t| t.contains("was deleted")) {
        assert!(Instant::now() < until, "not noticed");
        std::thread::sleep(Duration::from_millis(100));
    }
    assert_eq!(peers(&belly, b"key"), [peer(1)]);
    assert_eq!((belly.counts().records, belly.counts().unsaved), (1, 1));
    announce(&belly, b"key", peer(1), &["a"]).expect("accepted");
    announce(&belly, b"other", peer(1), &["a"]).expect("accepted");
    wait(belly.flush()).expect("flushed");
    assert_eq!((belly.counts().records, belly.counts().unsaved), (2, 0));
    drop(belly);
    let belly = open(dir.path(), &clock);
    assert_eq!((peers(&belly, b"key"), peers(&belly, b"other")), (vec![peer(1)], vec![peer(1)]));
    assert_eq!(wait(belly.addresses_of(&peer(1))), Some(addrs(&["a"])));
}

#[test]
fn a_file_broken_under_the_store_is_replaced_and_memory_goes_on() {
    let dir = tempfile::tempdir().expect("a directory");
    let belly = open(dir.path(), &Clock::manual(start()));
    for n in 0..3_000u32 {
        announce(&belly, &n.to_be_bytes(), peer(n), &["a"]).expect("accepted");
    }
    wait(belly.flush()).expect("flushed");
    let path = log_file(dir.path());
    for broken in [path.clone(), files(dir.path(), ".log.db-wal")[0].clone()] {
        let file = fs::OpenOptions::new().write(true).open(broken).expect("opens");
        let len = file.metadata().expect("there").len().max(64 << 10);
        file.write_all_at(&vec![0x5a; len as usize], 0).expect("written");
    }
    let until = Instant::now() + Duration::from_secs(40);
    let mut n = 0u32;
    loop {
        announce(&belly, &(1_000_000 + n).to_be_bytes(), peer(n % 3_000), &["b"]).expect("accepted");
        n += 1;
        let flushed = wait(belly.flush()).is_ok();
        if flushed && belly.health().trouble.is_some_and(|t| t.contains("damaged")) {
            break;
        }
        if n > 300 && belly.health().trouble.is_none() {
            break; // the log was written over before anything of it was read again
        }
        assert!(Instant::now() < until, "it does not recover");
        std::thread::sleep(Duration::from_millis(20));
    }
    assert_eq!(peers(&belly, &7u32.to_be_bytes()), [peer(7)]);
    assert_eq!(belly.counts().records, 3_000 + u64::from(n));
}

/// Runs under `ulimit -S -f`: writes beyond a size fail.
#[test]
#[ignore = "the child of the next test"]
fn child_whose_files_may_not_grow() {
    let Some(dir) = std::env::var_os(DIR) else { return };
    let clock = Clock::manual(start());
    let config = LogConfig { max_backlog: 30_000, ..config(Path::new(&dir), &clock) };
    let belly = LogBelly::open(config).expect("opens");
    let mut added = 0u32;
    let until = Instant::now() + Duration::from_secs(120);
    while belly.health().trouble.is_none() {
        assert!(Instant::now() < until, "the limit was never met");
        match announce(&belly, &added.to_be_bytes(), peer(added % 50), &["a"]) {
            Ok(()) => added += 1,
            Err(refused) => {
                assert_eq!(refused, Refused::Behind);
                std::thread::sleep(Duration::from_millis(5));
            }
        }
    }
    // More than the backlog holds: the rest lives in memory.
    let more = added + 40_000;
    for n in added..more {
        announce(&belly, &n.to_be_bytes(), peer(n % 50), &["a"]).expect("memory takes it");
        if n % 1_000 == 0 {
            assert_eq!(peers(&belly, &n.to_be_bytes()), [peer(n % 50)]);
        }
    }
    let trouble = belly.health().trouble.expect("still in trouble");
    assert!(trouble.contains(".log.db") && trouble.contains("in memory only"), "{trouble}");
    assert!(belly.counts().unsaved > 30_000);
    assert!(wait(belly.flush()).is_err());
    assert_eq!(wait(belly.put_value("k".into(), "v".into())), Err(Refused::Unavailable));
    // The disk has room again, and nobody does anything.
    let hard = getrlimit(Resource::Fsize).maximum;
    setrlimit(Resource::Fsize, Rlimit { current: hard, maximum: hard }).expect("the soft limit rises");
    let until = Instant::now() + Duration::from_secs(90);
    while belly.health().trouble.is_some() {
        assert!(Instant::now() < until, "it does not recover");
        std::thread::sleep(Duration::from_millis(100));
    }
    // What was in memory alone is written when it comes again.
    for n in 0..more {
        while announce(&belly, &n.to_be_bytes(), peer(n % 50), &["a"]) == Err(Refused::Behind) {
            std::thread::sleep(Duration::from_millis(5));
        }
    }
    wait(belly.flush()).expect("flushed");
    assert_eq!((belly.counts().unsaved, belly.counts().records), (0, u64::from(more)));
    drop(belly);
    let belly = open(Path::new(&dir), &clock);
    assert_eq!(belly.counts().records, u64::from(more));
    assert_eq!(list(&belly, &Query::default(), 10_000).len(), more as usize);
}

#[test]
fn writes_that_fail_are_told_survived_in_memory_and_recovered_from() {
    let dir = tempfile::tempdir().expect("a directory");
    let child = format!("{}::child_whose_files_may_not_grow", module_path!().trim_start_matches("hydrad::"));
    let output = Command::new("sh")
        .args(["-c", r#"trap "" XFSZ; ulimit -S -f 4096; exec "$0" --ignored --exact "$1""#])
        .arg(std::env::current_exe().expect("this binary"))
        .arg(child)
        .env(DIR, dir.path())
        .output()
        .expect("a shell");
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && text.contains("1 passed"), "{text}");
}

#[test]
fn a_disk_budget_holds_and_is_told_and_what_is_there_is_served() {
    let dir = tempfile::tempdir().expect("a directory");
    let clock = Clock::manual(start());
    let config = LogConfig { max_disk: 2 << 20, ..config(dir.path(), &clock) };
    let belly = LogBelly::open(config).expect("opens");
    let long = |n: u32| n.to_be_bytes().repeat(16);
    let mut refused = 0u32;
    for hour in 0..4u32 {
        for n in 0..30_000u32 {
            // the second half is sent again in each hour
            let key = if n < 15_000 { n + hour * 1_000_000 } else { n };
            refused += u32::from(announce(&belly, &long(key), peer(n % 50), &["a"]).is_err());
            if n % 5_000 == 0 {
                wait(belly.flush()).expect("flushed");
            }
        }
        clock.advance(HOUR);
    }
    belly.keep();
    assert!(refused > 10_000, "{refused}");
    assert!(drops(&belly).iter().any(|(reason, n)| *reason == "disk_full" && *n > 0));
    assert!(belly.health().disk_bytes < 6 << 20, "{}", belly.health().disk_bytes);
    assert!(belly.health().trouble.is_some_and(|t| t.contains("belly.max_disk")));
    for n in 15_000..30_000u32 {
        assert_eq!(peers(&belly, &long(n)), [peer(n % 50)]);
    }
}

#[test]
fn a_file_that_was_never_finished_is_empty_and_a_log_without_its_file_is_deleted() {
    let dir = tempfile::tempdir().expect("a directory");
    let clock = Clock::manual(start());
    drop(open(dir.path(), &clock));
    let hour = clock.secs() / 3600;
    fs::write(dir.path().join(format!("{hour:07}-near-00000001.log.db")), "").expect("written");
    let db =
        rusqlite::Connection::open(dir.path().join(format!("{hour:07}-far-00000002.log.db"))).expect("made");
    db.pragma_update(None, "journal_mode", "WAL").expect("a header and no tables");
    drop(db);
    let orphan = dir.path().join(format!("{hour:07}-far-00000003.log.db-wal"));
    fs::write(&orphan, [7; 5_000]).expect("written");
    let belly = open(dir.path(), &clock);
    assert_eq!((belly.health().trouble, drops(&belly)), (None, vec![]));
    assert!(!orphan.exists());
    announce(&belly, b"key", peer(1), &["a"]).expect("accepted");
    drop(belly);
    let belly = open(dir.path(), &clock);
    assert_eq!((peers(&belly, b"key"), belly.health().trouble), (vec![peer(1)], None));
    assert_eq!(list(&belly, &Query::default(), 9).len(), 1);
}
