//! Files that are damaged, of another version, read-only or gone, and a disk that is full.

use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;
use std::time::Instant;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use super::*;
use crate::belly::sqlite::BellyError;

const DIR: &str = "HYDRA_TEST_FULL_DIR";
/// A file by which the child asks for room on the disk.
const WISH: &str = "HYDRA_TEST_FULL_WISH";

fn filled(dir: &Path) {
    let belly = open(dir, &Clock::manual(start()));
    for n in 0..3_000u32 {
        announce(&belly, &n.to_be_bytes(), peer(n), &["a"]).expect("accepted");
    }
}

fn asides(dir: &Path) -> usize {
    let names = fs::read_dir(dir).expect("readable").map(|e| e.expect("readable").file_name());
    names.filter(|n| n.to_string_lossy().starts_with("belly.db.damaged-")).count()
}

#[test]
fn a_damaged_file_is_moved_aside_and_told_and_the_store_starts_empty() {
    let damages: [fn(&mut Vec<u8>); 4] = [
        |bytes| bytes.truncate(bytes.len() / 2),
        |bytes| bytes.truncate(1_000),
        |bytes| bytes.iter_mut().skip(4_096).for_each(|b| *b ^= 0x5a),
        |bytes| bytes.iter_mut().for_each(|b| *b = 0x5a),
    ];
    let dir = tempfile::tempdir().expect("a directory");
    for (i, damage) in damages.into_iter().enumerate() {
        filled(dir.path());
        let path = dir.path().join("belly.db");
        let mut bytes = fs::read(&path).expect("readable");
        damage(&mut bytes);
        fs::write(&path, bytes).expect("writable");
        let belly = open(dir.path(), &Clock::manual(start()));
        let trouble = belly.health().trouble.unwrap_or_default();
        assert!(
            trouble.contains("damaged") && trouble.contains("belly.db.damaged-1800000000"),
            "{i}: {trouble}"
        );
        assert_eq!(belly.counts().records, 0);
        announce(&belly, b"key", peer(1), &[]).expect("accepted");
        wait(belly.flush()).expect("the new file is written");
        assert_eq!(asides(dir.path()), 1);
        drop(belly);
        fs::remove_file(path).expect("removed");
    }
}

#[test]
fn a_newer_format_and_a_foreign_file_are_refused_by_name() {
    let dir = tempfile::tempdir().expect("a directory");
    filled(dir.path());
    let path = dir.path().join("belly.db");
    let db = rusqlite::Connection::open(&path).expect("opens");
    db.pragma_update(None, "user_version", 99).expect("written");
    let error = SqliteBelly::open(SqliteConfig::new(dir.path())).err().expect("refused");
    assert!(matches!(error, BellyError::Newer { found: 99, known: 1, .. }), "{error}");
    assert!(error.to_string().contains("belly.db has format 99"));
    db.pragma_update(None, "application_id", 1).expect("written");
    let error = SqliteBelly::open(SqliteConfig::new(dir.path())).err().expect("refused");
    assert!(matches!(error, BellyError::Foreign { .. }), "{error}");
    drop(db);
    assert!(path.exists() && asides(dir.path()) == 0);
}

#[test]
fn a_directory_that_cannot_be_used_is_named() {
    let dir = tempfile::tempdir().expect("a directory");
    let file = dir.path().join("file");
    fs::write(&file, "x").expect("written");
    let error = SqliteBelly::open(SqliteConfig::new(file.join("belly"))).err().expect("refused");
    assert!(matches!(error, BellyError::Directory { .. }) && error.to_string().contains("file/belly"));

    let closed = dir.path().join("closed");
    fs::create_dir(&closed).expect("made");
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o500)).expect("set");
    let outcome = SqliteBelly::open(SqliteConfig::new(&closed));
    if !rustix::process::geteuid().is_root() {
        let error = outcome.err().expect("refused");
        assert!(matches!(error, BellyError::Open { .. }) && error.to_string().contains("closed/belly.db"));
    }
}

#[test]
fn a_file_deleted_under_the_store_is_begun_anew_and_told() {
    let dir = tempfile::tempdir().expect("a directory");
    let belly = open(dir.path(), &Clock::manual(start()));
    announce(&belly, b"key", peer(1), &["a"]).expect("accepted");
    wait(belly.flush()).expect("flushed");
    fs::remove_file(dir.path().join("belly.db")).expect("removed");
    let until = Instant::now() + Duration::from_secs(30);
    while !belly.health().trouble.is_some_and(|t| t.contains("was deleted")) {
        assert!(Instant::now() < until, "not noticed");
        std::thread::sleep(Duration::from_millis(100));
    }
    assert_eq!(peers(&belly, b"key"), [peer(1)]);
    assert_eq!(belly.counts().unsaved, 1);
    announce(&belly, b"key", peer(1), &["a"]).expect("accepted");
    wait(belly.flush()).expect("flushed");
    assert_eq!(belly.counts().unsaved, 0);
    drop(belly);
    assert_eq!(peers(&open(dir.path(), &Clock::manual(start())), b"key"), [peer(1)]);
}

/// Runs on a small file system, or under `ulimit -S -f`: writes beyond a size fail.
#[test]
#[ignore = "the child of the next test"]
fn child_whose_files_may_not_grow() {
    let Some(dir) = std::env::var_os(DIR) else { return };
    let clock = Clock::manual(start());
    let config = SqliteConfig { max_backlog: 30_000, ..config(Path::new(&dir), &clock) };
    let belly = SqliteBelly::open(config).expect("opens");
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
    assert!(trouble.contains("belly.db") && trouble.contains("in memory only"), "{trouble}");
    assert!(belly.counts().unsaved > 30_000);
    assert!(wait(belly.flush()).is_err());
    assert_eq!(wait(belly.put_value("k".into(), "v".into())), Err(Refused::Unavailable));

    // The disk has room again, and nobody does anything.
    if let Some(wish) = std::env::var_os(WISH) {
        fs::write(wish, "room").expect("written elsewhere");
    }
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
    assert_eq!(belly.counts().unsaved, 0);
    assert_eq!(belly.counts().records, u64::from(more));
    drop(belly);
    assert_eq!(open(Path::new(&dir), &clock).counts().records, u64::from(more));
}

fn child() -> String {
    format!("{}::child_whose_files_may_not_grow", module_path!().trim_start_matches("hydrad::"))
}

#[test]
fn writes_that_fail_are_told_survived_in_memory_and_recovered_from() {
    let dir = tempfile::tempdir().expect("a directory");
    let output = Command::new("sh")
        .args(["-c", r#"trap "" XFSZ; ulimit -S -f 4096; exec "$0" --ignored --exact "$1""#])
        .arg(std::env::current_exe().expect("this binary"))
        .arg(child())
        .env(DIR, dir.path())
        .output()
        .expect("a shell");
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && text.contains("1 passed"), "{text}");
}

#[test]
fn a_full_disk_is_told_survived_in_memory_and_recovered_from() {
    let dir = tempfile::tempdir().expect("a directory");
    let disk = dir.path().join("disk");
    fs::create_dir(&disk).expect("made");
    let mount = |options: &str| {
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", options, "tmpfs"]).arg(&disk);
        mount.output().is_ok_and(|o| o.status.success())
    };
    if !mount("size=4m") {
        writeln!(std::io::stderr(), "SKIPPED: no small tmpfs can be mounted here (needs root)")
            .expect("stderr");
        return;
    }
    let wish = dir.path().join("wish");
    let mut child = Command::new(std::env::current_exe().expect("this binary"))
        .args(["--ignored", "--exact", &child()])
        .env(DIR, &disk)
        .env(WISH, &wish)
        .spawn()
        .expect("the child starts");
    let status = loop {
        if let Some(status) = child.try_wait().expect("waits") {
            break status;
        }
        if wish.exists() && fs::remove_file(&wish).is_ok() {
            assert!(mount("remount,size=256m"), "the disk does not grow");
        }
        std::thread::sleep(Duration::from_millis(50));
    };
    let unmounted = Command::new("umount").arg(&disk).status().is_ok_and(|s| s.success());
    assert!(status.success() && unmounted);
}

#[test]
fn a_file_broken_under_the_store_is_replaced_and_memory_goes_on() {
    let dir = tempfile::tempdir().expect("a directory");
    filled(dir.path());
    let belly = open(dir.path(), &Clock::manual(start()));
    let path = dir.path().join("belly.db");
    let file = fs::OpenOptions::new().write(true).open(path).expect("opens");
    std::os::unix::fs::FileExt::write_all_at(&file, &[0x5a; 64 << 10], 4_096).expect("written");
    let until = Instant::now() + Duration::from_secs(30);
    while !belly.health().trouble.is_some_and(|t| t.contains("was damaged")) {
        assert!(Instant::now() < until, "not noticed");
        wait(belly.page(crate::belly::Query::default(), None, 100)).ok();
        std::thread::sleep(Duration::from_millis(100));
    }
    assert_eq!(peers(&belly, &7u32.to_be_bytes()), [peer(7)]);
    announce(&belly, b"key", peer(1), &[]).expect("accepted");
    while wait(belly.flush()).is_err() {
        assert!(Instant::now() < until, "the new file is not written");
        std::thread::sleep(Duration::from_millis(100));
    }
    assert_eq!((belly.counts().records, belly.counts().unsaved), (3_001, 3_000));
}
