use bytes::Bytes;

use super::*;
use crate::belly::{ADDRS_VALIDITY, KeyPrefix, PROVIDER_VALIDITY, Query};
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
fn records_end_after_48_hours_addresses_after_24_and_the_sweep_forgets_both() {
    let dir = tempfile::tempdir().expect("a directory");
    let clock = Clock::manual(start());
    let belly = open(dir.path(), &clock);
    announce(&belly, b"key", peer(1), &["a"]).expect("accepted");
    clock.advance(ADDRS_VALIDITY - Duration::from_secs(1));
    assert!(wait(belly.addresses_of(&peer(1))).is_some());
    clock.advance(Duration::from_secs(1));
    assert!(wait(belly.addresses_of(&peer(1))).is_none());
    let found = wait(belly.providers(b"key", 9));
    assert!(found.len() == 1 && found[0].addrs.is_empty());
    clock.advance(PROVIDER_VALIDITY - ADDRS_VALIDITY - Duration::from_secs(1));
    assert_eq!(peers(&belly, b"key"), [peer(1)]);
    clock.advance(Duration::from_secs(1));
    assert_eq!(peers(&belly, b"key"), []);
    assert!(list(&belly, &Query::default(), 9).is_empty());
    wait(belly.sweep()).expect("swept");
    assert_eq!((belly.counts().records, belly.counts().providers), (0, 0));
    clock.advance(HOUR);
    wait(belly.sweep()).expect("swept");
    drop(belly);
    let db = rusqlite::Connection::open(dir.path().join("belly.db")).expect("opens");
    for table in ["records", "providers"] {
        let rows: i64 =
            db.query_row(&format!("SELECT count(*) FROM {table}"), [], |r| r.get(0)).expect("counts");
        assert_eq!(rows, 0, "{table}");
    }
}

#[test]
fn a_repeated_record_lives_48_hours_from_its_last_announcement_even_over_a_restart() {
    let dir = tempfile::tempdir().expect("a directory");
    let clock = Clock::manual(start());
    let belly = open(dir.path(), &clock);
    announce(&belly, b"key", peer(1), &[]).expect("accepted");
    wait(belly.flush()).expect("flushed");
    clock.advance(Duration::from_secs(29 * 60));
    announce(&belly, b"key", peer(1), &[]).expect("accepted");
    drop(belly);
    let belly = open(dir.path(), &clock);
    clock.advance(PROVIDER_VALIDITY - Duration::from_secs(1));
    assert_eq!(peers(&belly, b"key"), [peer(1)]);
    clock.advance(HOUR);
    assert_eq!(peers(&belly, b"key"), []);
}

#[test]
fn pages_are_in_order_of_places_without_gaps_and_conditions_are_joined() {
    let dir = tempfile::tempdir().expect("a directory");
    let belly = open(dir.path(), &Clock::manual(start()));
    for n in 0..1_000u32 {
        announce(&belly, &(n % 300).to_be_bytes(), peer(n % 7), &[]).expect("accepted");
    }
    let all = list(&belly, &Query::default(), 1_000);
    assert_eq!(all.len() as u64, belly.counts().records);
    let places: Vec<_> = all.iter().map(|r| Key256::of(&r.key)).collect();
    assert!(places.is_sorted());
    for limit in [1, 3, 100, all.len()] {
        let again = list(&belly, &Query::default(), limit);
        assert!(again.iter().map(|r| (&r.key, r.provider)).eq(all.iter().map(|r| (&r.key, r.provider))));
    }
    let key = Bytes::copy_from_slice(&9u32.to_be_bytes());
    let prefix = KeyPrefix { key: Key256::of(&key), bits: 3 };
    let mine = |r: &&Record| r.provider == peer(2);
    let inside = |r: &&Record| Key256::of(&r.key).shared_bits(&prefix.key) >= 3;
    let count = |key, prefix, provider| list(&belly, &Query { key, prefix, provider }, 10).len();
    assert_eq!(count(Some(key.clone()), None, None), all.iter().filter(|r| r.key == key).count());
    assert_eq!(count(None, Some(prefix), None), all.iter().filter(inside).count());
    assert_eq!(count(None, None, Some(peer(2))), all.iter().filter(mine).count());
    assert_eq!(count(None, Some(prefix), Some(peer(2))), all.iter().filter(inside).filter(mine).count());
    assert_eq!(count(Some(key), Some(KeyPrefix { key: Key256([0; 32]), bits: 256 }), None), 0);
    assert_eq!(count(None, None, Some(peer(99))), 0);
}

#[test]
fn bounds_refuse_with_a_reason_and_a_counter() {
    let dir = tempfile::tempdir().expect("a directory");
    let clock = Clock::manual(start());
    let belly = SqliteBelly::open(SqliteConfig {
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
    let drops: Vec<_> = belly.drops().into_iter().filter(|(_, n)| *n > 0).collect();
    let expected = [
        ("key_length", 2),
        ("provider_full", 1),
        ("providers_full", 1),
        ("store_full", 1),
        ("value_too_large", 1),
        ("values_full", 1),
    ];
    assert_eq!(drops, expected);
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
    wait(belly.sweep()).expect("swept");
    assert_eq!(belly.counts().values, 0);
}

#[test]
fn more_than_can_be_written_is_refused_as_behind() {
    let dir = tempfile::tempdir().expect("a directory");
    let clock = Clock::manual(start());
    let config = SqliteConfig { max_backlog: 10, ..config(dir.path(), &clock) };
    let belly = SqliteBelly::open(config).expect("opens");
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
