//! The trait's promises on a quiet store.

use bytes::Bytes;

use super::*;
use crate::belly::{KeyPrefix, Purge, Query};
use crate::wire::Key256;

#[test]
fn what_was_accepted_is_readable_at_once_with_its_addresses() {
    let dir = tempfile::tempdir().expect("a directory");
    let belly = open(dir.path(), &Clock::manual(start()));
    announce(&belly, b"key", peer(1), &["a", "b"]).expect("accepted");
    let Answer::Now(Some(found)) = belly.providers(b"key", 20) else { panic!("not from memory") };
    assert_eq!(found.len(), 1);
    assert_eq!((found[0].peer, &found[0].addrs), (peer(1), &addrs(&["a", "b"])));
    assert_eq!(wait(belly.addresses_of(&peer(1))), Some(addrs(&["a", "b"])));
    assert!(wait(belly.providers(b"other", 20)).is_empty());
    assert_eq!(wait(belly.addresses_of(&peer(2))), None);
}

#[test]
fn providers_with_addresses_come_first_and_many_are_sampled() {
    let dir = tempfile::tempdir().expect("a directory");
    let belly = open(dir.path(), &Clock::manual(start()));
    for n in 0..100 {
        let list: &[&str] = if n % 10 == 0 { &["addr"] } else { &[] };
        announce(&belly, b"key", peer(n), list).expect("accepted");
    }
    let sample = || wait(belly.providers(b"key", 20));
    let first = sample();
    assert_eq!(first.len(), 20);
    assert!(
        first[..10].iter().all(|p| !p.addrs.is_empty()) && first[10..].iter().all(|p| p.addrs.is_empty())
    );
    assert!((0..20).any(|_| sample() != first), "always the same sample");
}

#[test]
fn a_restart_gives_back_records_addresses_heads_and_values() {
    let dir = tempfile::tempdir().expect("a directory");
    let clock = Clock::manual(start());
    let belly = open(dir.path(), &clock);
    for n in 0..500 {
        announce(&belly, &(n / 2u32).to_be_bytes(), peer(n % 40), &["one"]).expect("accepted");
    }
    announce(&belly, &0u32.to_be_bytes(), peer(0), &["two"]).expect("accepted");
    assert_eq!(wait(belly.put_value(Bytes::from_static(b"/pk/x"), Bytes::from_static(b"v"))), Ok(()));
    let before = (list(&belly, &Query::default(), 77).len(), belly.counts());
    drop(belly);

    let belly = open(dir.path(), &clock);
    assert_eq!(belly.counts(), before.1);
    assert_eq!(belly.counts().unsaved, 0);
    let records = list(&belly, &Query::default(), 77);
    assert_eq!(records.len(), before.0);
    assert!(records.iter().all(|r| r.head == Some(3) && r.announced == start()));
    assert_eq!(wait(belly.addresses_of(&peer(0))), Some(addrs(&["two", "one"])));
    assert_eq!(peers(&belly, &7u32.to_be_bytes()), [peer(14), peer(15)]);
    let value = wait(belly.value(b"/pk/x")).expect("readable").expect("there");
    assert_eq!((&value.value[..], value.received), (&b"v"[..], start()));
}

#[test]
fn pages_list_each_record_once_and_conditions_are_joined() {
    let dir = tempfile::tempdir().expect("a directory");
    let clock = Clock::manual(start());
    let belly = open(dir.path(), &clock);
    for n in 0..1_000u32 {
        if n % 250 == 249 {
            clock.advance(HOUR);
        }
        announce(&belly, &(n % 300).to_be_bytes(), peer(n % 7), &[]).expect("accepted");
    }
    let all = list(&belly, &Query::default(), 1_000);
    assert_eq!(all.len() as u64, belly.counts().records);
    assert!(all.is_sorted_by(|a, b| a.announced >= b.announced), "not the newest first");
    let footprint = belly.footprint();
    assert_eq!(footprint.generations.iter().map(|one| one.records).sum::<u64>(), belly.counts().records);
    assert!(footprint.generations.is_sorted_by(|a, b| a.hour >= b.hour) && footprint.index_bytes > 0);
    assert_eq!(belly.providers_of(&9u32.to_be_bytes()), peers(&belly, &9u32.to_be_bytes()).len());
    let of_2 = all.iter().filter(|record| record.provider == peer(2)).count();
    assert_eq!((belly.records_of(&peer(2)) as usize, belly.records_of(&peer(99))), (of_2, 0));
    for limit in [1, 3, 100, all.len()] {
        let again = list(&belly, &Query::default(), limit);
        assert!(again.iter().map(|r| (&r.key, r.provider)).eq(all.iter().map(|r| (&r.key, r.provider))));
    }
    let key = Bytes::copy_from_slice(&9u32.to_be_bytes());
    let prefix = KeyPrefix { key: Key256::of(&key), bits: 3 };
    let mine = |r: &&Record| r.provider == peer(2);
    let inside = |r: &&Record| Key256::of(&r.key).shared_bits(&prefix.key) >= 3;
    let count =
        |key, prefix, provider| list(&belly, &Query { key, prefix, provider, prefetched: None }, 10).len();
    assert_eq!(count(Some(key.clone()), None, None), all.iter().filter(|r| r.key == key).count());
    assert_eq!(count(None, Some(prefix), None), all.iter().filter(inside).count());
    assert_eq!(count(None, None, Some(peer(2))), all.iter().filter(mine).count());
    assert_eq!(count(None, Some(prefix), Some(peer(2))), all.iter().filter(inside).filter(mine).count());
    assert_eq!(count(Some(key.clone()), Some(KeyPrefix { key: Key256([0; 32]), bits: 256 }), None), 0);
    assert_eq!(count(None, None, Some(peer(99))), 0);
    let of_key = list(&belly, &Query { key: Some(key.clone()), ..Query::default() }, 1);
    let mut expected: Vec<_> =
        all.iter().filter(|r| r.key == key).map(|r| (r.provider, r.announced, r.head)).collect();
    let mut found: Vec<_> = of_key.iter().map(|r| (r.provider, r.announced, r.head)).collect();
    expected.sort_unstable();
    found.sort_unstable();
    assert_eq!(found, expected);
}

#[test]
fn a_list_that_is_read_while_records_are_renewed_has_none_twice() {
    let dir = tempfile::tempdir().expect("a directory");
    let clock = Clock::manual(start());
    let belly = open(dir.path(), &clock);
    for n in 0..600u32 {
        announce(&belly, &n.to_be_bytes(), peer(n % 7), &[]).expect("accepted");
    }
    clock.advance(HOUR);
    let (mut seen, mut after) = (std::collections::BTreeSet::new(), None);
    for round in 0.. {
        let page = wait(belly.page(Query::default(), after, 50)).expect("a page");
        for record in page.records {
            assert!(seen.insert((record.key, record.provider)), "twice");
        }
        for n in round * 60..round * 60 + 60 {
            announce(&belly, &(n % 600u32).to_be_bytes(), peer(n % 600 % 7), &[]).expect("accepted");
        }
        wait(belly.flush()).expect("flushed");
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    assert!(seen.len() >= 300);
}

#[test]
fn keys_of_every_kind_have_equal_rights() {
    let dir = tempfile::tempdir().expect("a directory");
    let clock = Clock::manual(start());
    let belly = open(dir.path(), &clock);
    let keys: Vec<Vec<u8>> = (1..=80usize)
        .map(|len| (0..len).map(|i| (i * 7 + len) as u8).collect())
        .chain([[&[0x12, 0x20][..], &[9; 32]].concat(), [&[0x1e, 0x20][..], &[9; 32]].concat()])
        .collect();
    for key in &keys {
        announce(&belly, key, peer(1), &["a"]).expect("accepted");
    }
    drop(belly);
    let belly = open(dir.path(), &clock);
    for key in &keys {
        assert_eq!(peers(&belly, key), [peer(1)]);
    }
    let mut listed: Vec<_> = list(&belly, &Query::default(), 9).into_iter().map(|r| r.key.to_vec()).collect();
    let mut keys = keys;
    keys.sort();
    listed.sort();
    assert_eq!(listed, keys);
}

#[test]
fn what_is_popular_missing_and_hot_is_seen() {
    let dir = tempfile::tempdir().expect("a directory");
    let belly = open(dir.path(), &Clock::manual(start()));
    for n in 0..90u32 {
        announce(&belly, &n.to_be_bytes(), peer(n % 10 / 9), &[]).expect("accepted");
    }
    assert_eq!(belly.top_providers(5), [(peer(0), 81), (peer(1), 9)]);
    assert_eq!(belly.top_providers(1).len(), 1);
    for _ in 0..30 {
        peers(&belly, b"missing");
        peers(&belly, &1u32.to_be_bytes());
    }
    peers(&belly, b"missing");
    let asked = belly.most_asked(2);
    assert_eq!((&asked[0].key[..], asked[0].asked, asked[0].missed), (&b"missing"[..], 31, 31));
    assert_eq!((asked[1].asked, asked[1].missed), (30, 0));
    let regions = belly.regions();
    let sum = |f: fn(&crate::belly::Region) -> u64| regions.iter().map(f).sum::<u64>();
    assert_eq!((regions.len(), sum(|r| r.reads), sum(|r| r.misses), sum(|r| r.writes)), (256, 61, 31, 90));
    assert!(regions[usize::from(Key256::of(b"missing").0[0])].misses >= 31);
}

#[test]
fn a_purge_is_honoured_by_a_restart_and_what_comes_after_it_stays() {
    let dir = tempfile::tempdir().expect("a directory");
    let clock = Clock::manual(start());
    let belly = open(dir.path(), &clock);
    for n in 0..200u32 {
        announce(&belly, &(n / 4).to_be_bytes(), peer(n % 4), &[]).expect("accepted");
    }
    let key = Bytes::copy_from_slice(&7u32.to_be_bytes());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let purge = |belly: &LogBelly, what| runtime.block_on(belly.purge(what)).expect("purged");
    assert_eq!(purge(&belly, Purge::Key(key.clone())), 4);
    assert_eq!(purge(&belly, Purge::Provider(peer(2))), 49);
    assert_eq!(purge(&belly, Purge::Provider(peer(99))), 0);
    let check = |belly: &LogBelly, more: u64| {
        assert_eq!(belly.counts().records, 147 + more);
        assert_eq!(list(belly, &Query::default(), 10).len() as u64, 147 + more);
        assert!(peers(belly, &8u32.to_be_bytes()).iter().all(|p| *p != peer(2)));
    };
    check(&belly, 0);
    clock.advance(Duration::from_secs(61));
    announce(&belly, &key, peer(2), &[]).expect("accepted");
    check(&belly, 1);
    drop(belly);
    let belly = open(dir.path(), &clock);
    check(&belly, 1);
    assert_eq!(peers(&belly, &key), [peer(2)]);
}

#[test]
fn what_is_announced_in_the_minute_of_its_purge_survives_a_restart_and_what_was_purged_again_does_not() {
    let dir = tempfile::tempdir().expect("a directory");
    let clock = Clock::manual(start());
    let belly = open(dir.path(), &clock);
    let (once, twice) = (Bytes::from_static(b"purged once"), Bytes::from_static(b"purged twice"));
    let purge = |what| wait(belly.purge(what)).expect("purged");
    for key in [&once, &twice] {
        announce(&belly, key, peer(1), &[]).expect("accepted");
        assert_eq!(purge(Purge::Key(key.clone())), 1);
        announce(&belly, key, peer(1), &[]).expect("accepted");
    }
    assert_eq!(purge(Purge::Key(twice.clone())), 1);
    drop(belly);
    let belly = open(dir.path(), &clock);
    assert_eq!((peers(&belly, &once), peers(&belly, &twice)), (vec![peer(1)], vec![]));
    let listed = list(&belly, &Query::default(), 9);
    assert!(listed.iter().all(|record| record.announced <= clock.wall()), "{listed:?}");
}

#[test]
fn bounds_refuse_with_a_reason_and_a_counter() {
    let dir = tempfile::tempdir().expect("a directory");
    let clock = Clock::manual(start());
    let belly = LogBelly::open(LogConfig {
        max_records: 3,
        max_records_per_provider: Some(2),
        max_providers: 2,
        max_values: 1,
        ..config(dir.path(), &clock)
    })
    .expect("opens");
    assert_eq!(announce(&belly, b"", peer(1), &[]), Err(Refused::KeyLength(0)));
    assert_eq!(announce(&belly, &[0; 81], peer(1), &[]), Err(Refused::KeyLength(81)));
    assert_eq!(announce(&belly, &[0; 80], peer(1), &[]), Ok(()));
    assert_eq!(announce(&belly, b"b", peer(1), &[]), Ok(()));
    assert_eq!(announce(&belly, b"c", peer(1), &[]), Err(Refused::ProviderFull));
    assert_eq!(announce(&belly, b"b", peer(1), &[]), Ok(()));
    assert_eq!(announce(&belly, b"c", peer(2), &[]), Ok(()));
    assert_eq!(announce(&belly, b"d", peer(2), &[]), Err(Refused::StoreFull));
    assert_eq!(announce(&belly, b"c", peer(3), &[]), Err(Refused::StoreFull));
    let put = |key: &'static [u8], len| wait(belly.put_value(Bytes::from_static(key), vec![0; len].into()));
    assert_eq!(put(b"k", 65_536), Err(Refused::ValueTooLarge(65_537)));
    assert_eq!((put(b"k", 65_535), put(b"k", 9), put(b"l", 9)), (Ok(()), Ok(()), Err(Refused::StoreFull)));
    let found = drops(&belly);
    let expected = [
        ("key_length", 2),
        ("provider_full", 1),
        ("providers_full", 1),
        ("store_full", 1),
        ("value_too_large", 1),
        ("values_full", 1),
    ];
    assert_eq!(found, expected);
    assert_eq!((belly.counts().records, belly.counts().values), (3, 1));
}

#[test]
fn a_value_is_replaced_expires_and_is_swept() {
    let dir = tempfile::tempdir().expect("a directory");
    let clock = Clock::manual(start());
    let belly = open(dir.path(), &clock);
    let key = Bytes::from_static(b"/ipns/x");
    for text in ["one", "two"] {
        clock.advance(HOUR);
        assert_eq!(wait(belly.put_value(key.clone(), text.into())), Ok(()));
    }
    let value = wait(belly.value(&key)).expect("readable").expect("there");
    assert_eq!((&value.value[..], value.received), (&b"two"[..], start() + 2 * HOUR));
    clock.advance(48 * HOUR);
    assert_eq!(wait(belly.value(&key)).expect("readable"), None);
    belly.keep();
    let until = std::time::Instant::now() + Duration::from_secs(20);
    while belly.counts().values > 0 {
        assert!(std::time::Instant::now() < until, "not swept");
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn more_than_can_be_written_is_refused_as_behind() {
    let dir = tempfile::tempdir().expect("a directory");
    let clock = Clock::manual(start());
    let config = LogConfig { max_backlog: 10, ..config(dir.path(), &clock) };
    let belly = LogBelly::open(config).expect("opens");
    let outcomes: Vec<_> = (0..50u32).map(|n| announce(&belly, &n.to_be_bytes(), peer(1), &[])).collect();
    assert!(outcomes.contains(&Err(Refused::Behind)));
    let accepted = outcomes.iter().filter(|o| o.is_ok()).count() as u64;
    assert_eq!(belly.counts().records, accepted);
    wait(belly.flush()).expect("flushed");
    assert_eq!(belly.counts().unsaved, 0);
    assert_eq!(announce(&belly, b"next", peer(1), &[]), Ok(()));
}

#[test]
fn dropping_the_store_ends_answers_that_wait() {
    let dir = tempfile::tempdir().expect("a directory");
    let belly = open(dir.path(), &Clock::manual(start()));
    let page = belly.page(Query::default(), None, 10);
    drop(belly);
    assert!(wait(page).is_err());
}
