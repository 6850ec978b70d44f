//! Segments: a start from them is a start from the log.

use std::collections::BTreeSet;
use std::fs;

use bytes::Bytes;
use proptest::prelude::*;

use super::*;
use crate::belly::engine::IndexMode;
use crate::belly::engine::lookup::ENOUGH;
use crate::belly::{Purge, Query};

/// Everything in the index: place, provider, hour, near.
fn index(belly: &LogBelly) -> BTreeSet<(u64, u32, u32, bool)> {
    let index = &belly.shared.index;
    let mut all = BTreeSet::new();
    for (number, rank) in index.generations.numbers() {
        let mut entries = Vec::new();
        (0..index.shards()).for_each(|shard| index.of_generation(shard, number, &mut entries));
        all.extend(entries.into_iter().map(|(place, provider)| (place, provider, rank.hour(), rank.near())));
    }
    all
}

/// A copy of the store as it is at this moment, as a crash would leave it.
fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("made");
    for entry in fs::read_dir(from).expect("readable") {
        let entry = entry.expect("readable");
        if !entry.file_name().to_string_lossy().ends_with("-shm") {
            fs::copy(entry.path(), to.join(entry.file_name())).expect("copied");
        }
    }
}

fn each_log(dir: &Path, sql: &str) {
    for path in files(dir, ".log.db") {
        let db = rusqlite::Connection::open(path).expect("opens");
        db.execute_batch(sql).expect("written");
    }
}

/// Headers of segments and blocks in all files.
fn segments(dir: &Path) -> (i64, i64) {
    let count = |path| {
        let db = rusqlite::Connection::open(path).expect("opens");
        let sql = "SELECT count(*) FILTER (WHERE id = 0), count(*) FILTER (WHERE id > 0) FROM segment";
        db.query_row(sql, [], |r| Ok((r.get::<_, i64>(0)?, r.get::<_, i64>(1)?))).expect("counted")
    };
    files(dir, ".log.db").into_iter().map(count).fold((0, 0), |a, b| (a.0 + b.0, a.1 + b.1))
}

#[derive(Debug, Clone)]
enum Step {
    Announce { key: u8, provider: u8, near: bool },
    Many { key: u8, from: u8 },
    Jump { minutes: u16 },
    PurgeKey { key: u8 },
    PurgeProvider { provider: u8 },
    Seal,
    Restart,
    Crash,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        20 => (0..30u8, 0..6u8, any::<bool>()).prop_map(|(key, provider, near)| Step::Announce { key, provider, near }),
        2 => (0..3u8, 0..60u8).prop_map(|(key, from)| Step::Many { key, from }),
        6 => (1..200u16).prop_map(|minutes| Step::Jump { minutes }),
        1 => (20..40u16).prop_map(|hours| Step::Jump { minutes: hours * 60 }),
        1 => (0..30u8).prop_map(|key| Step::PurgeKey { key }),
        1 => (0..6u8).prop_map(|provider| Step::PurgeProvider { provider }),
        3 => Just(Step::Seal),
        1 => Just(Step::Restart),
        1 => Just(Step::Crash),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]
    #[test]
    fn an_index_from_segments_is_that_from_the_log(steps in prop::collection::vec(step(), 1..60)) {
        let parent = tempfile::tempdir().expect("a directory");
        let mut dir = parent.path().join("0");
        let clock = Clock::manual(start());
        let mut belly = Some(open(&dir, &clock));
        for (n, step) in steps.into_iter().enumerate() {
            let Some(store) = &belly else { unreachable!("reopened below") };
            match step {
                Step::Announce { key, provider, near } => {
                    announce_in(store, &[key], peer(provider.into()), near).expect("accepted");
                }
                Step::Many { key, from } => {
                    for provider in from..from + 30 {
                        announce(store, &[key], peer(provider.into()), &["b"]).expect("accepted");
                    }
                }
                Step::Jump { minutes } => clock.advance(Duration::from_secs(60) * u32::from(minutes)),
                Step::PurgeKey { key } => {
                    wait(store.purge(Purge::Key(Bytes::copy_from_slice(&[key])))).expect("purged");
                    // the log knows times to the minute
                    clock.advance(Duration::from_secs(60));
                }
                Step::PurgeProvider { provider } => {
                    wait(store.purge(Purge::Provider(peer(provider.into())))).expect("purged");
                    clock.advance(Duration::from_secs(60));
                }
                Step::Seal => {
                    wait(store.flush()).expect("flushed");
                    store.seal();
                }
                Step::Restart => {
                    drop(belly.take());
                    belly = Some(open(&dir, &clock));
                }
                Step::Crash => {
                    wait(store.flush()).expect("flushed");
                    let next = parent.path().join(format!("{}", n + 1));
                    copy(&dir, &next);
                    dir = next;
                    drop(belly.take());
                    belly = Some(open(&dir, &clock));
                }
            }
        }
        let Some(store) = &belly else { unreachable!("open") };
        wait(store.flush()).expect("flushed");
        clock.advance(HOUR + Duration::from_secs(61));
        store.seal();
        store.keep();
        let live = index(store);
        let records = store.counts().records;
        drop(belly);
        let (log, segment) = (parent.path().join("log"), parent.path().join("segment"));
        copy(&dir, &log);
        copy(&dir, &segment);
        each_log(&log, "DELETE FROM segment");
        let of_log = open(&log, &clock);
        let of_segment = open(&segment, &clock);
        prop_assert_eq!(index(&of_segment), index(&of_log));
        prop_assert_eq!(index(&of_segment), live);
        prop_assert_eq!((of_segment.counts().records, of_log.counts().records), (records, records));
        prop_assert_eq!((drops(&of_segment), drops(&of_log)), (vec![], vec![]));
        let counted = |belly: &LogBelly| belly.top_providers(100).into_iter().collect::<BTreeSet<_>>();
        prop_assert_eq!(counted(&of_segment), counted(&of_log));
        let listed = list(&of_segment, &Query::default(), 100).len() as u64;
        prop_assert_eq!(listed, records);
    }
}

/// A store of two sealed hours with 9,000 records; its last hour is over.
fn sealed(dir: &Path) -> Clock {
    let clock = Clock::manual(start());
    let belly = open(dir, &clock);
    for n in 0..9_000u32 {
        if n == 4_000 {
            clock.advance(HOUR);
        }
        announce(&belly, &n.to_be_bytes(), peer(n % 70), &["a"]).expect("accepted");
    }
    wait(belly.flush()).expect("flushed");
    clock.advance(HOUR + Duration::from_secs(61));
    belly.seal();
    clock
}

#[test]
fn a_sealed_file_has_a_segment_and_a_start_reads_no_page_of_it() {
    let dir = tempfile::tempdir().expect("a directory");
    let clock = sealed(dir.path());
    let (headers, blocks) = segments(dir.path());
    assert!(headers == 2 && blocks > 10, "{headers} headers, {blocks} blocks");
    // pages of garbage are not missed
    each_log(dir.path(), "UPDATE pages SET page = x'00'");
    let belly = open(dir.path(), &clock);
    assert_eq!((belly.counts().records, drops(&belly)), (9_000, vec![]));
    assert!((0..9_000u32).all(|n| peers(&belly, &n.to_be_bytes()) == [peer(n % 70)]));
}

#[test]
fn a_segment_that_is_broken_cut_or_of_an_unknown_form_is_not_trusted() {
    for (sql, counted) in [
        ("UPDATE segment SET block = x'0011223344' WHERE id = 3", true),
        ("DELETE FROM segment WHERE id = 2", true),
        ("DELETE FROM segment WHERE id = (SELECT max(id) FROM segment)", true),
        ("DELETE FROM segment WHERE id = 0", false),
        ("UPDATE segment SET block = x'02' || substr(block, 2) WHERE id = 0", false),
        ("DROP TABLE segment; PRAGMA user_version = 1", false),
    ] {
        let dir = tempfile::tempdir().expect("a directory");
        let clock = sealed(dir.path());
        each_log(dir.path(), sql);
        let belly = open(dir.path(), &clock);
        assert_eq!(belly.counts().records, 9_000, "{sql}");
        assert!((0..9_000u32).all(|n| peers(&belly, &n.to_be_bytes()) == [peer(n % 70)]), "{sql}");
        let expected = if counted { vec![("segment_damaged", 2)] } else { vec![] };
        assert_eq!(drops(&belly), expected, "{sql}");
        // and it is made again, also in a file of an older format
        belly.seal();
        assert_eq!(segments(dir.path()).0, 2, "{sql}");
        drop(belly);
        let belly = open(dir.path(), &clock);
        assert_eq!((belly.counts().records, drops(&belly)), (9_000, vec![]), "{sql}");
    }
}

#[test]
fn what_came_after_its_segment_was_made_is_read_from_the_pages() {
    let dir = tempfile::tempdir().expect("a directory");
    let clock = sealed(dir.path());
    let belly = open(dir.path(), &clock);
    let addrs = addrs(&["b"]);
    for n in 20_000..20_100u32 {
        let announcement = Announcement {
            key: &n.to_be_bytes(),
            provider: peer(n),
            addrs: addrs.clone(),
            head: 0,
            near: true,
        };
        belly.add_at(&announcement, clock.secs() - 2 * 3600).expect("accepted");
    }
    wait(belly.flush()).expect("flushed");
    drop(belly);
    let belly = open(dir.path(), &clock);
    assert_eq!((belly.counts().records, drops(&belly)), (9_100, vec![]));
    assert_eq!(peers(&belly, &20_050u32.to_be_bytes()), [peer(20_050)]);
}

#[test]
fn a_segment_serves_an_index_of_fewer_shards_and_a_larger_one_reads_the_log() {
    let dir = tempfile::tempdir().expect("a directory");
    let clock = sealed(dir.path());
    for (max_records, garbled) in [(100_000, false), (50_000_000, false), (100_000, true)] {
        if garbled {
            each_log(dir.path(), "UPDATE pages SET page = x'00'");
        }
        let config = LogConfig { max_records, ..config(dir.path(), &clock) };
        let belly = LogBelly::open(config).expect("opens");
        assert_eq!((belly.counts().records, drops(&belly)), (9_000, vec![]), "{max_records}");
        assert!((0..9_000u32).all(|n| peers(&belly, &n.to_be_bytes()) == [peer(n % 70)]));
    }
}

fn spilling(dir: &Path, clock: &Clock) -> LogBelly {
    let config = LogConfig { index: IndexMode::Segments, ..config(dir, clock) };
    LogBelly::open(config).expect("opens")
}

type Listed = BTreeSet<(Vec<u8>, PeerId, SystemTime, SystemTime)>;

fn listed(belly: &LogBelly, query: &Query, limit: usize) -> Listed {
    let all = list(belly, query, limit);
    let len = all.len();
    let set: Listed = all.into_iter().map(|r| (r.key.to_vec(), r.provider, r.announced, r.expires)).collect();
    assert_eq!(set.len(), len, "a record came twice");
    set
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]
    #[test]
    fn what_left_the_index_is_as_if_it_had_stayed(steps in prop::collection::vec(step(), 1..60)) {
        let parent = tempfile::tempdir().expect("a directory");
        let clock = Clock::manual(start());
        let dirs = [parent.path().join("memory"), parent.path().join("segments")];
        let open_both = || [open(&dirs[0], &clock), spilling(&dirs[1], &clock)];
        let mut stores = open_both();
        for step in steps {
            match step {
                Step::Announce { key, provider, near } => {
                    for store in &stores {
                        announce_in(store, &[key], peer(provider.into()), near).expect("accepted");
                    }
                }
                Step::Many { key, from } => {
                    for provider in from..from + 30 {
                        for store in &stores {
                            announce(store, &[key], peer(provider.into()), &["b"]).expect("accepted");
                        }
                    }
                }
                Step::Jump { minutes } => clock.advance(Duration::from_secs(60) * u32::from(minutes)),
                Step::PurgeKey { key } => {
                    let purge = || Purge::Key(Bytes::copy_from_slice(&[key]));
                    let removed = stores.each_ref().map(|store| {
                        store.keep();
                        wait(store.purge(purge())).expect("purged")
                    });
                    prop_assert_eq!(removed[0], removed[1]);
                    clock.advance(Duration::from_secs(60));
                }
                Step::PurgeProvider { provider } => {
                    let removed = stores.each_ref().map(|store| {
                        store.keep();
                        wait(store.purge(Purge::Provider(peer(provider.into())))).expect("purged")
                    });
                    prop_assert_eq!(removed[0], removed[1]);
                    clock.advance(Duration::from_secs(60));
                }
                Step::Seal | Step::Crash => {
                    for store in &stores {
                        wait(store.flush()).expect("flushed");
                        store.seal();
                    }
                }
                Step::Restart => {
                    drop(stores);
                    stores = open_both();
                }
            }
            let [memory, segments] = &stores;
            for key in 0..30u8 {
                let (all, found) = (peers(memory, &[key]), peers(segments, &[key]));
                // a key with many is answered from the index alone
                let enough = found.len() >= ENOUGH && found.iter().all(|one| all.contains(one));
                prop_assert!(enough || found == all, "key {}: {} of {}", key, found.len(), all.len());
            }
        }
        clock.advance(HOUR + Duration::from_secs(61));
        for store in &stores {
            wait(store.flush()).expect("flushed");
            store.seal();
            store.keep();
        }
        let [memory, segments] = &stores;
        prop_assert_eq!(memory.counts(), segments.counts());
        let counted = |belly: &LogBelly| belly.top_providers(100).into_iter().collect::<BTreeSet<_>>();
        prop_assert_eq!(counted(memory), counted(segments));
        prop_assert_eq!(listed(memory, &Query::default(), 7), listed(segments, &Query::default(), 7));
        for key in [0u8, 1, 17] {
            let query = Query { key: Some(Bytes::copy_from_slice(&[key])), ..Query::default() };
            prop_assert_eq!(listed(memory, &query, 10), listed(segments, &query, 10));
        }
        prop_assert_eq!(drops(segments), drops(memory));
        // the last of it ends, and nothing stays behind
        clock.advance(50 * HOUR);
        for store in &stores {
            store.keep();
            prop_assert_eq!((store.counts().records, store.top_providers(9)), (0, vec![]));
            prop_assert_eq!(store.footprint().generations, vec![]);
        }
    }
}

#[test]
fn a_check_reads_segments_and_finds_a_broken_block() {
    let dir = tempfile::tempdir().expect("a directory");
    sealed(dir.path());
    let check = || crate::belly::offline::check(dir.path(), &mut |_, _| ()).expect("readable");
    let sum = |of: fn(&crate::belly::offline::Checked) -> u64| check().iter().map(of).sum::<u64>();
    assert_eq!((sum(|file| file.segment), sum(|file| file.damaged)), (9_000, 0));
    each_log(dir.path(), "UPDATE segment SET block = x'0011' WHERE id = 1");
    assert_eq!(sum(|file| file.damaged), 2);
}

#[test]
fn a_miss_is_known_from_memory_and_a_hit_is_read_by_another_thread() {
    let dir = tempfile::tempdir().expect("a directory");
    let clock = sealed(dir.path());
    let belly = spilling(dir.path(), &clock);
    let stats = belly.footprint();
    assert_eq!((stats.index_entries, stats.segment_records, belly.counts().records), (0, 9_000, 9_000));
    assert!(stats.segment_bytes < 9_000 * 4, "{stats:?}");
    let mut from_memory = 0;
    for n in 20_000..40_000u32 {
        let found = belly.providers(&n.to_be_bytes(), 20);
        from_memory += u32::from(matches!(found, Answer::Now(_)));
        assert_eq!(wait(found), []);
    }
    assert!(from_memory > 19_980, "{from_memory} of 20000");
    for n in 0..9_000u32 {
        let found = belly.providers(&n.to_be_bytes(), 20);
        assert!(matches!(found, Answer::Later(_)), "read by the caller");
        assert_eq!(wait(found).iter().map(|p| p.peer).collect::<Vec<_>>(), [peer(n % 70)]);
    }
    let demand = belly.regions();
    assert_eq!(demand.iter().map(|r| r.reads).sum::<u64>(), 29_000);
    assert_eq!(demand.iter().map(|r| r.misses).sum::<u64>(), 20_000);
    // a provider that announces again is in both, and counts once
    assert_eq!(announce(&belly, &7u32.to_be_bytes(), peer(7), &["a"]), Ok(()));
    assert_eq!(peers(&belly, &7u32.to_be_bytes()), [peer(7)]);
    belly.shared.spill.stale.store(true, std::sync::atomic::Ordering::Release);
    belly.keep();
    assert_eq!(belly.counts().records, 9_000);
}

#[test]
fn with_auto_the_oldest_hours_leave_when_memory_is_short_also_after_a_start() {
    let dir = tempfile::tempdir().expect("a directory");
    let clock = Clock::manual(start());
    let auto = || {
        let base = config(dir.path(), &clock);
        let config =
            LogConfig { index: IndexMode::Auto, max_memory: 10_000 * 15, max_records: 50_000, ..base };
        LogBelly::open(config).expect("opens")
    };
    let mut belly = auto();
    for n in 0..16_000u32 {
        if n % 2_000 == 1_999 {
            wait(belly.flush()).expect("flushed");
            clock.advance(HOUR + Duration::from_secs(61));
            belly.seal();
        }
        if n % 200 == 0 {
            belly.keep(); // as each second
        }
        assert_eq!(announce(&belly, &n.to_be_bytes(), peer(n % 70), &["a"]), Ok(()));
    }
    for _ in 0..2 {
        let stats = belly.footprint();
        assert!(stats.index_entries <= 10_000 && stats.segment_records >= 5_000, "{}", stats.index_entries);
        assert!(stats.index_entries * 15 + stats.segment_bytes <= 10_000 * 15, "{stats:?}");
        assert_eq!(belly.counts().records, 16_000);
        assert!((0..16_000u32).all(|n| peers(&belly, &n.to_be_bytes()) == [peer(n % 70)]));
        // the newest are answered from memory
        assert!(matches!(belly.providers(&15_999u32.to_be_bytes(), 9), Answer::Now(_)));
        assert_eq!(list(&belly, &Query::default(), 5_000).len(), 16_000);
        assert_eq!(drops(&belly), vec![]);
        drop(belly);
        belly = auto();
    }
}

#[test]
fn a_look_up_that_cannot_be_read_or_has_to_wait_too_long_is_counted_and_answered_from_memory() {
    let dir = tempfile::tempdir().expect("a directory");
    let clock = sealed(dir.path());
    let belly = spilling(dir.path(), &clock);
    announce(&belly, &7u32.to_be_bytes(), peer(99), &["a"]).expect("accepted");
    let (full, _nobody_reads) = std::sync::mpsc::sync_channel(1);
    let threads = belly.shared.spill.requests.lock().replace(full);
    let waits = belly.providers(&7u32.to_be_bytes(), 9);
    assert!(matches!(waits, Answer::Later(_)));
    assert_eq!(peers(&belly, &7u32.to_be_bytes()), [peer(99)]);
    assert_eq!(drops(&belly), [("segments_busy", 1)]);
    *belly.shared.spill.requests.lock() = threads;
    drop(_nobody_reads);
    assert_eq!(wait(waits).len(), 1);
    assert_eq!(peers(&belly, &7u32.to_be_bytes()).len(), 2);
    each_log(dir.path(), "UPDATE segment SET block = x'0011' WHERE id > 0");
    assert_eq!(peers(&belly, &7u32.to_be_bytes()), [peer(99)]);
    assert!(drops(&belly).iter().any(|(reason, _)| *reason == "segment_damaged"));
}

#[test]
fn a_deleted_file_takes_its_segment_along_and_that_is_counted() {
    let dir = tempfile::tempdir().expect("a directory");
    let clock = sealed(dir.path());
    let belly = spilling(dir.path(), &clock);
    let path = files(dir.path(), ".log.db")[0].clone();
    fs::remove_file(&path).expect("deleted");
    belly.shared.lost_file(&path);
    assert_eq!((belly.counts().records, belly.footprint().segment_records), (5_000, 5_000));
    assert_eq!(drops(&belly), [("segment_lost", 4_000)]);
    assert_eq!(peers(&belly, &1u32.to_be_bytes()), []);
    assert_eq!(belly.top_providers(70).iter().map(|(_, n)| *n).sum::<u32>(), 5_000);
}

#[test]
fn a_record_takes_less_than_44_bytes_of_disk_with_its_part_of_the_segment() {
    let dir = tempfile::tempdir().expect("a directory");
    let clock = Clock::manual(start());
    let belly = open(dir.path(), &clock);
    let records = 100_000u32;
    for n in 0..records {
        let key = [&b"\x12\x20"[..], &[5; 28], &n.to_be_bytes()].concat();
        while announce(&belly, &key, peer(n.wrapping_mul(0x9e37_79b9) % 1_000), &["a"])
            == Err(Refused::Behind)
        {}
        if n % 1_500 == 0 {
            // as large as the groups of one head on the public network
            wait(belly.flush()).expect("flushed");
        }
    }
    wait(belly.flush()).expect("flushed");
    clock.advance(HOUR + Duration::from_secs(61));
    belly.seal();
    drop(belly);
    let bytes: u64 =
        files(dir.path(), ".log.db").iter().map(|path| fs::metadata(path).expect("there").len()).sum();
    let each = bytes as f64 / f64::from(records);
    assert_eq!(segments(dir.path()).0, 1);
    assert!(each < 44.0, "{each:.1} B");
}
