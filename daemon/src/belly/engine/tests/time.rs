//! Hours that pass, and clocks that are wrong.

use super::*;
use crate::belly::{ADDRS_VALIDITY, PROVIDER_VALIDITY, Query};

/// `start()` is on the hour.
#[test]
fn records_end_48_hours_after_their_hour_addresses_after_24_and_files_an_hour_later() {
    let dir = tempfile::tempdir().expect("a directory");
    let clock = Clock::manual(start());
    let belly = open(dir.path(), &clock);
    announce(&belly, b"key", peer(1), &["a"]).expect("accepted");
    wait(belly.flush()).expect("flushed");
    let second = Duration::from_secs(1);
    clock.advance(ADDRS_VALIDITY - second);
    assert!(wait(belly.addresses_of(&peer(1))).is_some());
    clock.advance(second);
    assert!(wait(belly.addresses_of(&peer(1))).is_none());
    let found = wait(belly.providers(b"key", 9));
    assert!(found.len() == 1 && found[0].addrs.is_empty());
    clock.advance(PROVIDER_VALIDITY - ADDRS_VALIDITY + HOUR - second);
    assert_eq!(peers(&belly, b"key"), [peer(1)]);
    clock.advance(second);
    assert_eq!(peers(&belly, b"key"), []);
    assert_eq!(belly.counts().records, 0);
    belly.keep();
    assert!(list(&belly, &Query::default(), 9).is_empty());
    assert_eq!((belly.shared.index.entries(), belly.books().expired), (0, 1));
    assert_eq!((files(dir.path(), ".log.db").len(), belly.counts().providers), (1, 1));
    clock.advance(HOUR);
    belly.keep();
    assert_eq!((files(dir.path(), ".log.db").len(), belly.counts().providers), (0, 0));
    assert_eq!(belly.books().expired, 1, "expired once");
    assert_eq!(belly.shared.index.generations.numbers().count(), 0);
}

#[test]
fn a_repeated_record_is_written_once_an_hour_and_lives_from_its_last_announcement() {
    let dir = tempfile::tempdir().expect("a directory");
    let clock = Clock::manual(start());
    let belly = open(dir.path(), &clock);
    for _ in 0..4 {
        announce(&belly, b"key", peer(1), &[]).expect("accepted");
        clock.advance(Duration::from_secs(20 * 60));
    }
    wait(belly.flush()).expect("flushed");
    assert_eq!(files(dir.path(), ".log.db").len(), 2);
    drop(belly);
    let belly = open(dir.path(), &clock);
    assert_eq!(belly.counts().records, 1);
    clock.advance(PROVIDER_VALIDITY - Duration::from_secs(20 * 60 + 1));
    assert_eq!(peers(&belly, b"key"), [peer(1)]);
    clock.advance(HOUR + Duration::from_secs(1));
    assert_eq!(peers(&belly, b"key"), []);
}

#[test]
fn a_file_is_continued_within_its_hour_and_sealed_after_it() {
    let dir = tempfile::tempdir().expect("a directory");
    let clock = Clock::manual(start());
    for n in 0..5u32 {
        let belly = open(dir.path(), &clock);
        announce(&belly, &n.to_be_bytes(), peer(n), &["a"]).expect("accepted");
    }
    assert_eq!(files(dir.path(), ".log.db").len(), 1);
    clock.advance(HOUR);
    let belly = open(dir.path(), &clock);
    assert_eq!(belly.counts().records, 5);
    announce(&belly, b"new", peer(9), &["a"]).expect("accepted");
    wait(belly.flush()).expect("flushed");
    assert_eq!(files(dir.path(), ".log.db").len(), 2);
    clock.advance(HOUR + Duration::from_secs(10));
    let until = std::time::Instant::now() + Duration::from_secs(20);
    while !files(dir.path(), ".log.db-wal").is_empty() {
        assert!(std::time::Instant::now() < until, "not sealed");
        std::thread::sleep(Duration::from_millis(50));
    }
    assert_eq!(peers(&belly, b"new"), [peer(9)]);
}

#[test]
fn far_records_have_files_of_their_own_and_go_first() {
    let dir = tempfile::tempdir().expect("a directory");
    let clock = Clock::manual(start());
    let config = LogConfig { max_records: 1_000, ..config(dir.path(), &clock) };
    let belly = LogBelly::open(config).expect("opens");
    let add = |n: u32, near| {
        let key = n.to_be_bytes();
        belly.add_provider(Announcement {
            key: &key,
            provider: peer(n % 50),
            addrs: addrs(&[]),
            head: 0,
            near,
        })
    };
    for n in 0..400 {
        assert_eq!(add(n, false), Ok(()));
    }
    wait(belly.flush()).expect("flushed");
    assert_eq!(files(dir.path(), ".log.db").len(), 1);
    clock.advance(2 * HOUR);
    let mut far = 0;
    for n in 400..1_000 {
        far += u32::from(add(n, n % 10 == 0).is_ok() && n % 10 != 0);
    }
    assert!((490..540).contains(&far), "{far} far ones beside 60 near and 400 old");
    assert!((950..960).contains(&belly.counts().records));
    let mut near = 60;
    for n in 2_000..2_050 {
        near += u64::from(belly.counts().records < 1_000);
        if belly.counts().records == 1_000 {
            break;
        }
        assert_eq!(add(n, true), Ok(()));
    }
    assert_eq!(add(3_000, true), Err(Refused::StoreFull));
    belly.keep();
    assert_eq!(add(3_000, true), Ok(()));
    assert_eq!(belly.counts().records, u64::from(far) + near + 1);
    assert!(drops(&belly).contains(&("far_shed", 400)));
    assert!(drops(&belly).iter().any(|(reason, n)| *reason == "far_full" && *n > 0));
    for n in 2_000..2_040u32 {
        assert_eq!(peers(&belly, &n.to_be_bytes()), [peer(n % 50)]);
    }
    assert_eq!(peers(&belly, &3u32.to_be_bytes()), []);
}

#[test]
fn a_far_record_that_becomes_near_is_near() {
    let dir = tempfile::tempdir().expect("a directory");
    let clock = Clock::manual(start());
    let belly = open(dir.path(), &clock);
    for near in [false, true, false] {
        let announcement = Announcement { key: b"key", provider: peer(1), addrs: addrs(&[]), head: 0, near };
        belly.add_provider(announcement).expect("accepted");
    }
    assert_eq!(belly.counts().records, 1);
    wait(belly.flush()).expect("flushed");
    let (number, generation) = belly.shared.index.holders(belly.shared.key.hash(b"key"), clock.secs())[0];
    assert!(belly.shared.index.generations.rank(generation).near());
    assert_eq!(belly.shared.providers.records(number), 1);
    assert_eq!(list(&belly, &Query::default(), 10).len(), 1);
}

#[test]
fn a_clock_that_is_set_while_the_store_runs_or_rests_neither_revives_nor_loses_a_record() {
    let dir = tempfile::tempdir().expect("a directory");
    let day = 24 * HOUR;
    let clock = Clock::manual(start());
    let belly = open(dir.path(), &clock);
    announce(&belly, b"old", peer(1), &["a"]).expect("accepted");
    clock.advance(40 * HOUR);
    announce(&belly, b"new", peer(1), &["a"]).expect("accepted");
    // forward a day: "old" is 40 hours old, whatever the wall clock says
    clock.set_wall(start() + 40 * HOUR + day);
    belly.keep();
    assert!(belly.health().trouble.is_some_and(|t| t.contains("the clock was set by 1440 min")));
    assert_eq!(belly.counts().records, 2);
    wait(belly.flush()).expect("flushed");
    std::thread::sleep(Duration::from_millis(2_500)); // the writer notes it down
    drop(belly);
    let clock = Clock::manual(start() + 40 * HOUR + day);
    let belly = open(dir.path(), &clock);
    assert_eq!(belly.counts().records, 2);
    let shown = list(&belly, &Query::default(), 9);
    assert_eq!(shown[0].announced, start() + 40 * HOUR + day);
    clock.advance(9 * HOUR);
    assert_eq!((peers(&belly, b"old"), peers(&belly, b"new")), (vec![], vec![peer(1)]));
    drop(belly);
    // a dead clock: 1970; the newest record is not older than its hour
    let clock = Clock::manual(UNIX_EPOCH + day);
    let belly = open(dir.path(), &clock);
    assert!(belly.health().trouble.is_some_and(|t| t.contains("behind the newest records")));
    assert_eq!(peers(&belly, b"new"), [peer(1)]);
    announce(&belly, b"newer", peer(2), &[]).expect("accepted");
    clock.advance(PROVIDER_VALIDITY - Duration::from_secs(1));
    assert_eq!(peers(&belly, b"newer"), [peer(2)]);
}

#[test]
fn over_restarts_a_clock_that_is_set_back_forward_or_dead_neither_revives_nor_loses_a_record() {
    let (hour, day) = (3600, 24 * 3600);
    // for how long the store rests, and how wrong the wall clock is then, in seconds
    let histories: [&[(i64, i64)]; 5] = [
        &[(0, -hour), (hour, 0)],
        &[(0, day), (0, 0), (hour, day)],
        &[(0, -1_800_000_000 + day), (0, 0)],
        &[(hour, -1_800_000_000), (hour, -1_800_000_000), (hour, 0)],
        &[(0, -hour), (0, day), (hour, -1_800_000_000 + day), (0, 0)],
    ];
    for history in histories {
        let dir = tempfile::tempdir().expect("a directory");
        let belly = open(dir.path(), &Clock::manual(start()));
        announce(&belly, b"first", peer(1), &["a"]).expect("accepted");
        drop(belly);
        let mut passed = 0;
        for (n, (rest, wrong)) in history.iter().enumerate() {
            passed += rest;
            let wall = 1_800_000_000 + passed + wrong;
            let clock = Clock::manual(UNIX_EPOCH + Duration::from_secs(wall.unsigned_abs()));
            let belly = open(dir.path(), &clock);
            let told = format!("{history:?}, start {n}");
            assert_eq!(peers(&belly, b"first"), [peer(1)], "{told}: it is a day old at most");
            for earlier in 0..n as u32 {
                assert_eq!(peers(&belly, &earlier.to_be_bytes()), [peer(1)], "{told}: record {earlier}");
            }
            announce(&belly, &(n as u32).to_be_bytes(), peer(1), &["a"]).expect("accepted");
            wait(belly.flush()).expect("flushed");
            belly.keep();
            assert_eq!(belly.counts().records, n as u64 + 2, "{told}");
            assert_eq!(list(&belly, &Query::default(), 9).len(), n + 2, "{told}");
        }
        // the clock is right, and stays: all end, and nothing comes back
        let clock = Clock::manual(start() + Duration::from_secs(passed.unsigned_abs()) + 3 * 24 * HOUR);
        let belly = open(dir.path(), &clock);
        belly.keep();
        assert_eq!(list(&belly, &Query::default(), 9).len() as u64, belly.counts().records);
        clock.advance(24 * HOUR);
        belly.keep();
        assert_eq!((belly.counts().records, peers(&belly, b"first")), (0, vec![]), "{history:?}");
    }
}

#[test]
fn while_it_is_warming_it_serves_and_takes_and_loses_nothing() {
    let dir = tempfile::tempdir().expect("a directory");
    let clock = Clock::manual(start());
    let belly = open(dir.path(), &clock);
    for n in 0..30_000u32 {
        if n % 10_000 == 0 {
            clock.advance(HOUR);
        }
        while announce(&belly, &n.to_be_bytes(), peer(n % 50), &["a"]) == Err(Refused::Behind) {}
    }
    drop(belly);
    clock.advance(HOUR);
    let belly = LogBelly::open_warming(config(dir.path(), &clock)).expect("opens");
    for n in 20_000..40_000u32 {
        while announce(&belly, &n.to_be_bytes(), peer(n % 50), &["a"]) == Err(Refused::Behind) {}
        assert_eq!(peers(&belly, &n.to_be_bytes()), [peer(n % 50)]);
    }
    let mut last = 0;
    belly.wait_warm(|progress| {
        assert!(progress.records >= last);
        assert!(progress.expected >= progress.records && progress.day_expected >= progress.day_records);
        // all of it is of the last day
        assert!(!progress.day && progress.day_expected > 0, "{progress:?}");
        last = progress.records;
    });
    assert_eq!((belly.warming(), belly.counts().records), (None, 40_000));
    assert_eq!(list(&belly, &Query::default(), 5_000).len(), 40_000);
}

#[test]
fn after_a_leap_of_two_days_records_go_to_a_file_of_their_own_hour() {
    let dir = tempfile::tempdir().expect("a directory");
    let clock = Clock::manual(start());
    let belly = open(dir.path(), &clock);
    announce(&belly, b"old", peer(1), &[]).expect("accepted");
    wait(belly.flush()).expect("flushed");
    // the number of its hour is free before the writer looks at its files again
    clock.advance(49 * HOUR + Duration::from_secs(300));
    belly.keep();
    announce(&belly, b"new", peer(2), &[]).expect("accepted");
    wait(belly.flush()).expect("flushed");
    clock.advance(3 * HOUR);
    belly.keep();
    drop(belly);
    let belly = open(dir.path(), &clock);
    assert_eq!((peers(&belly, b"old"), peers(&belly, b"new")), (vec![], vec![peer(2)]));
}
