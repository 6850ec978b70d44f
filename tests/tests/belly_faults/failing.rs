//! Disks that fail for a while: the store goes on in memory and says so, and goes back to the
//! disk by itself with everything that it answered for.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use hydrad::belly::clock::Clock;
use hydrad::belly::engine::{LogBelly, LogConfig};
use hydrad::belly::{Belly, Query, Refused};
use rand::RngExt as _;

use crate::disk::{Disk, Fault};
use crate::image::Image;
use crate::power::{check_files, names};
use crate::promises::Promises;
use crate::{announce, chance, config, key, long, note, open, owner, peer, start, trouble, until, wait};

/// Records that may wait for the disk, and records that the store may have.
const BACKLOG: u32 = 3_000;
const MOST: u32 = 8_000;

fn small(dir: &Path, clock: &Clock) -> LogBelly {
    let config = LogConfig { max_backlog: BACKLOG.into(), max_records: MOST.into(), ..config(dir, clock) };
    LogBelly::open(config).expect("the store opens")
}

/// Opens what a power cut at this moment would leave.
fn cut_now(disk: &Disk, clock: &Clock, promises: &Promises) {
    let (ops, after) = (disk.ops(), tempfile::tempdir().expect("a directory"));
    Image::after(&ops, rand::random()).write(after.path());
    promises.check(&open(after.path(), clock), ops.len(), clock.secs());
    check_files(after.path());
}

fn flush(belly: &LogBelly) -> Result<(), String> {
    wait(belly.flush()).map_err(|error| error.to_string())
}

fn fails_and_recovers(fault: Fault, words: &str) {
    let dir = tempfile::tempdir().expect("a directory");
    let (clock, disk) = (Clock::manual(start()), Disk::watch(dir.path()));
    let (belly, mut promises) = (small(dir.path(), &clock), Promises::default());
    let (now, at) = (|| disk.now(), clock.secs());
    for n in 0..500 {
        promises.announce(&belly, n, now(), at);
    }
    promises.put(&belly, 1, b"first".to_vec(), now, at);
    flush(&belly).expect("all is well");
    promises.flushed(now());

    disk.fail(fault);
    // more than may wait for the disk: the rest is in memory alone
    let last = 500 + BACKLOG + 1_000;
    promises.announce(&belly, 500, now(), at);
    until(
        "the trouble is told",
        || {
            if trouble(&belly).contains(words) { Ok(()) } else { Err(trouble(&belly)) }
        },
    );
    for n in 501..last {
        assert_eq!(announce(&belly, n), Ok(()), "record {n}");
    }
    assert!(trouble(&belly).contains("records are in memory only"), "{}", trouble(&belly));
    assert!(flush(&belly).is_err_and(|error| error.contains(words)));
    assert_eq!(wait(belly.put_value("k".into(), "v".into())), Err(Refused::Unavailable));
    assert_eq!(belly.counts().unsaved, u64::from(last - 500));
    for n in 0..last {
        let found = wait(belly.providers(&key(n), 9));
        assert_eq!(found.iter().map(|found| found.peer).collect::<Vec<_>>(), [peer(owner(n))], "record {n}");
    }
    let refused = (last..MOST + 500).filter(|n| announce(&belly, *n).is_err()).count();
    assert!(refused >= 500, "only {refused} of what goes beyond the bound was refused");
    assert!(belly.counts().records <= u64::from(MOST));
    cut_now(&disk, &clock, &promises);

    assert!(disk.mend() > 0, "nothing failed");
    until("it goes back to the disk", || match belly.health().trouble {
        Some(trouble) => Err(trouble),
        None => flush(&belly),
    });
    promises.flushed(now());
    promises.put(&belly, 1, b"second".to_vec(), now, at);
    // what waited is on the disk; what was in memory alone comes there when it is announced again
    let most = belly.counts().records as u32;
    for n in 500..last {
        while announce(&belly, n) == Err(Refused::Behind) {
            std::thread::sleep(Duration::from_millis(5));
        }
        promises.announced(n, now(), at);
    }
    flush(&belly).expect("all is well");
    promises.flushed(now());
    for n in last..MOST + 500 {
        promises.announced(n, now(), at);
    }
    assert_eq!(belly.counts().records as u32, most);
    let drops = belly.drops();
    assert!(drops.iter().any(|(reason, n)| *reason == "memory_only" && *n > 0), "{drops:?}");
    cut_now(&disk, &clock, &promises);
    drop(belly);
    promises.check(&open(dir.path(), &clock), disk.now(), clock.secs());
}

#[test]
fn a_disk_that_refuses_writes_is_survived_in_memory_and_gone_back_to() {
    fails_and_recovers(Fault::Write, "disk I/O error");
}

#[test]
fn a_disk_that_does_not_sync_is_not_believed_and_gone_back_to() {
    fails_and_recovers(Fault::Sync, "disk I/O error");
}

#[test]
fn a_full_disk_is_survived_in_memory_and_gone_back_to() {
    fails_and_recovers(Fault::Full, "database or disk is full");
}

#[test]
fn values_that_the_disk_does_not_take_are_refused_for_as_long_as_it_lasts() {
    let dir = tempfile::tempdir().expect("a directory");
    let (clock, disk) = (Clock::manual(start()), Disk::watch(dir.path()));
    let belly = open(dir.path(), &clock);
    disk.fail(Fault::Write);
    assert_eq!(wait(belly.put_value("k".into(), "v".into())), Err(Refused::Unavailable));
    for _ in 0..25 {
        // nothing waits to be written; all the same it is not taken for well
        assert!(trouble(&belly).contains("disk I/O error"), "{:?}", belly.health());
        std::thread::sleep(Duration::from_millis(100));
    }
    assert_eq!(wait(belly.value(b"k")).expect("readable"), None);
    disk.mend();
    until("it is well again", || belly.health().trouble.map_or(Ok(()), Err));
    assert_eq!(wait(belly.put_value("k".into(), "v".into())), Ok(()));
}

#[test]
fn a_disk_that_cannot_be_read_answers_with_words_and_look_ups_go_on() {
    let dir = tempfile::tempdir().expect("a directory");
    let clock = Clock::manual(start());
    let belly = open(dir.path(), &clock);
    (0..500).for_each(|n| announce(&belly, n).expect("accepted"));
    assert_eq!(wait(belly.put_value("k".into(), "v".into())), Ok(()));
    drop(belly);
    let disk = Disk::watch(dir.path());
    let belly = open(dir.path(), &clock);
    disk.fail(Fault::Read);
    let list = || wait(belly.page(Query::default(), None, 100)).map(|page| page.records.len());
    let error = list().expect_err("no list");
    assert!(error.to_string().contains("disk I/O error"), "{error}");
    let error = wait(belly.value(b"k")).expect_err("no value");
    assert!(error.to_string().contains("values.db: disk I/O error"), "{error}");
    for n in 0..500 {
        assert_eq!(wait(belly.providers(&key(n), 9)).len(), 1);
    }
    disk.mend();
    assert_eq!(list().expect("a list"), 100);
    assert_eq!(wait(belly.value(b"k")).expect("readable").map(|found| found.value), Some("v".into()));
}

#[test]
fn one_hour_that_cannot_be_read_does_not_keep_the_others_from_being_served() {
    let dir = tempfile::tempdir().expect("a directory");
    let clock = Clock::manual(start());
    let belly = open(dir.path(), &clock);
    announce(&belly, 1).expect("accepted");
    wait(belly.flush()).expect("flushed");
    clock.advance(Duration::from_secs(3600));
    announce(&belly, 2).expect("accepted");
    drop(belly);
    let disk = Disk::watch(dir.path());
    let mut files = names(dir.path());
    files.retain(|name| name.ends_with(".log.db"));
    files.sort();
    disk.fail_file(Fault::Read, &dir.path().join(&files[0]));
    let belly = open(dir.path(), &clock);
    assert!(trouble(&belly).contains("cannot be read (disk I/O error)"), "{}", trouble(&belly));
    assert_eq!((wait(belly.providers(&key(1), 9)).len(), wait(belly.providers(&key(2), 9)).len()), (0, 1));
    drop(belly);
    disk.mend();
    let belly = open(dir.path(), &clock);
    assert_eq!((belly.counts().records, belly.health().trouble), (2, None));
}

#[test]
fn an_operation_that_fails_once_anywhere_loses_nothing_that_was_answered() {
    let dir = tempfile::tempdir().expect("a directory");
    let (clock, disk) = (Clock::manual(start()), Disk::watch(dir.path()));
    let (belly, mut promises) = (open(dir.path(), &clock), Promises::default());
    let now = {
        let disk = Arc::clone(&disk);
        move || disk.now()
    };
    let (mut rng, mut next, mut failed) = (chance(), 0, 0);
    for round in 0..if long() { 60 } else { 5 } {
        let fault = Fault::ALL[rng.random_range(0..Fault::ALL.len())];
        // sometimes when the files of an hour are made
        if rng.random_bool(0.4) {
            clock.advance(Duration::from_secs(3600));
        }
        let after = rng.random_range(0..40);
        note(&format!("round {round}: {fault:?} fails after {after}, at operation {}", now()));
        disk.fail_later(fault, after, 1);
        for _ in 0..8 {
            let at = clock.secs();
            for _ in 0..rng.random_range(1..60) {
                promises.announce(&belly, next, now(), at);
                next += 1;
            }
            if flush(&belly).is_ok() {
                promises.flushed(now());
            }
            let value = vec![rng.random(); rng.random_range(1..9_000)];
            promises.put(&belly, rng.random_range(0..4), value, &now, at);
        }
        failed += disk.mend();
        until("it is well again", || match belly.health().trouble {
            Some(trouble) => Err(format!("round {round}, {fault:?}: {trouble}")),
            None => flush(&belly),
        });
        promises.flushed(now());
        cut_now(&disk, &clock, &promises);
    }
    assert!(failed > 0, "nothing failed");
}
