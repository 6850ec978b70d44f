//! A database that go-ds-leveldb wrote with hydra-booster's keys (`counterpart leveldb -n 80`), as
//! of the time that it was written: part of it in a table, part in a journal.

use std::fs;
use std::path::PathBuf;

use serde_json::Value as Json;

use super::*;
use crate::belly::Query;
use crate::belly::clock::Clock;

fn fixture() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/fixtures/hydra-booster-belly")
}

fn expected() -> Json {
    serde_json::from_slice(&fs::read(fixture().join("expected.json")).expect("readable")).expect("JSON")
}

/// The database, in a directory that a test may break.
fn copied(to: &Path) -> PathBuf {
    let dir = to.join("hydra-belly");
    fs::create_dir(&dir).expect("made");
    for entry in fs::read_dir(fixture().join("db")).expect("listed") {
        let entry = entry.expect("an entry");
        fs::copy(entry.path(), dir.join(entry.file_name())).expect("copied");
    }
    dir
}

fn store(dir: &Path, name: &str, later: Duration) -> LogConfig {
    let written = UNIX_EPOCH + Duration::from_secs(expected()["written_at"].as_u64().expect("a time"));
    LogConfig { clock: Clock::manual(written + later), ..LogConfig::new(dir.join(name)) }
}

/// Rules that say the same of all.
struct Always {
    valid: bool,
    better: bool,
}

impl Rules for Always {
    fn valid(&self, _key: &[u8], _value: &[u8]) -> bool {
        self.valid
    }

    fn better(&self, _key: &[u8], _new: &[u8], _old: &[u8]) -> bool {
        self.better
    }
}

const ANY: Always = Always { valid: true, better: true };

fn import(config: LogConfig, from: &Path) -> Moved {
    move_in(config, from, &ANY, &mut |done, of| assert!(done <= of, "{done} of {of}")).expect("read")
}

#[test]
fn what_hydra_booster_stored_is_taken_with_its_times_and_each_refusal_has_its_reason() {
    let dir = tempfile::tempdir().expect("a directory");
    let (from, expected) = (copied(dir.path()), expected());
    let config = store(dir.path(), "belly", Duration::ZERO);
    let moved = import(config.clone(), &from);
    let number = |name: &str| expected[name].as_u64().expect("a number");
    assert_eq!((moved.providers, moved.values), (number("provider_records"), number("value_records")));
    assert_eq!((moved.expired, moved.refused.values().sum()), (number("expired"), number("refused")));
    let reasons: Vec<_> = moved.refused.keys().copied().collect();
    assert_eq!(
        reasons,
        [
            "of another program",
            "the key has not 1 to 80 bytes",
            "the name is not base32",
            "the provider is no peer id",
            "the time cannot be read",
            "the value record is of another key",
        ]
    );
    assert_eq!((moved.damaged_blocks, moved.damaged_files), (0, 0));

    let belly = LogBelly::open(config.clone()).expect("opens");
    belly.wait_warm(|_| {});
    assert_eq!(belly.counts().records, moved.providers);
    assert_eq!(belly.counts().values, moved.values);
    let key =
        data_encoding::HEXLOWER.decode(expected["key_hex"].as_str().expect("hex").as_bytes()).expect("hex");
    let page = futures::executor::block_on(belly.page(
        Query { key: Some(key.into()), ..Query::default() },
        None,
        10,
    ))
    .expect("read");
    // the first provider announced again an hour later; nobody knows where they are
    let hours: Vec<u64> = page
        .records
        .iter()
        .map(|record| {
            assert!(record.addrs.is_empty());
            let first = record.provider.to_string() == expected["provider"].as_str().expect("a peer");
            let age = from_millis(config.clock.millis()).duration_since(record.announced).expect("before");
            let wanted = if first { 2 } else { 3 };
            assert!(
                age >= Duration::from_secs(wanted * 3600) && age < Duration::from_secs((wanted + 1) * 3600)
            );
            wanted
        })
        .collect();
    assert_eq!(hours.iter().sum::<u64>(), 5, "{page:?}");
    for name in expected["names"].as_array().expect("names") {
        let name = data_encoding::BASE64.decode(name.as_str().expect("text").as_bytes()).expect("base64");
        let value = futures::executor::block_on(belly.value(&name)).expect("read").expect("there");
        let age = from_millis(config.clock.millis()).duration_since(value.received).expect("before");
        // the fixture tells its time in whole seconds
        assert!([1, 5].contains(&((age.as_secs() + 60) / 3600)), "{age:?}");
    }
    drop(belly);
    // again: nothing comes twice
    import(config.clone(), &from);
    let belly = LogBelly::open(config).expect("opens");
    belly.wait_warm(|_| {});
    assert_eq!(belly.counts().records, moved.providers);
}

#[test]
fn two_days_later_all_of_it_is_over() {
    let dir = tempfile::tempdir().expect("a directory");
    let moved = import(store(dir.path(), "belly", Duration::from_secs(48 * 3600)), &fixture().join("db"));
    assert_eq!((moved.providers, moved.values), (0, 0));
    assert!(moved.expired > 150, "{moved:?}");
}

#[test]
fn value_records_obey_the_rules_that_are_given() {
    let dir = tempfile::tempdir().expect("a directory");
    let config = store(dir.path(), "belly", Duration::ZERO);
    let no = Always { valid: false, ..ANY };
    let moved = move_in(config.clone(), &fixture().join("db"), &no, &mut |_, _| {}).expect("read");
    assert_eq!((moved.values, moved.refused["the value record is not valid, or no longer"]), (0, 2));
    import(config.clone(), &fixture().join("db"));
    let worse = Always { better: false, ..ANY };
    let moved = move_in(config, &fixture().join("db"), &worse, &mut |_, _| {}).expect("read");
    assert_eq!((moved.values, moved.refused["a value record as new is there"]), (0, 2));
}

#[test]
fn a_database_in_use_and_a_directory_that_is_none_are_named() {
    let dir = tempfile::tempdir().expect("a directory");
    let from = copied(dir.path());
    let refused = |from: &Path| {
        let config = store(dir.path(), "belly", Duration::ZERO);
        move_in(config, from, &ANY, &mut |_, _| {}).expect_err("refused").to_string()
    };
    let held = fs::File::open(from.join("LOCK")).expect("opened");
    rustix::fs::flock(&held, rustix::fs::FlockOperation::LockExclusive).expect("locked");
    assert!(refused(&from).contains("is in use: stop hydra-booster first"));
    drop(held);
    assert!(refused(dir.path()).contains("is no LevelDB"));
    assert!(refused(&dir.path().join("nowhere")).contains("nowhere: No such file"));
    assert!(!dir.path().join("belly").exists(), "a store was made for nothing");
}

#[test]
fn wherever_a_byte_is_wrong_the_rest_is_taken_and_no_file_changes() {
    let dir = tempfile::tempdir().expect("a directory");
    let from = copied(dir.path());
    let whole = import(store(dir.path(), "whole", Duration::ZERO), &from);
    let (mut least, mut hurt) = (u64::MAX, 0);
    for name in ["000002.ldb", "000003.log"] {
        let path = from.join(name);
        let bytes = fs::read(&path).expect("readable");
        for at in (0..bytes.len()).step_by(bytes.len() / 12) {
            let mut broken = bytes.clone();
            broken[at] ^= 0x55;
            fs::write(&path, &broken).expect("written");
            let config = store(dir.path(), &format!("{name}-{at}"), Duration::ZERO);
            let moved = import(config, &from);
            // the two that were deleted come back with the loss of the journal that says so
            assert!(moved.providers <= whole.providers + 2, "{name} at {at}: {moved:?}");
            least = least.min(moved.providers);
            hurt += u64::from(moved.damaged_blocks + moved.damaged_files > 0);
            assert!(fs::read(&path).expect("readable") == broken, "{name} was written to");
        }
        fs::write(&path, &bytes).expect("written");
    }
    assert!(hurt >= 12 && least < whole.providers, "{hurt} times, {least} records at least");
    assert_eq!(fs::read_dir(&from).expect("listed").count(), 5, "a file was made");
}

#[test]
fn a_record_as_it_was_reported_is_read() {
    // hydra-booster issue 134
    let name = b"/providers/CIQA3J2WKKA57UENKRIJLB236L74NFIZSDZMMM4ZJP53CO2LLJFF3JQ/\
                 CIQFVBUR6S5EJ3GQ3TP7XXVEFDXTMA2Q6SIRPC7FKX3JEQODCRMQK7Y";
    let value = data_encoding::BASE64.decode(b"wMPj0q3H7Zct").expect("base64");
    let Ok(Entry::Provider { key, provider, announced }) = Entry::read(name, &value) else {
        panic!("not read");
    };
    assert_eq!(provider.to_string(), "QmUS2R8YEjwdFpiCjEnoUfHknhTDW7kzt99eDqYyVpCtMc");
    assert_eq!(announced, UNIX_EPOCH + Duration::from_nanos(1_628_010_709_749_887_200));
    assert_eq!(key.get(..2), Some(&b"\x12\x20"[..]));
}

proptest::proptest! {
    #[test]
    fn no_entry_makes_it_panic(name in "/?(providers/)?[A-Z2-7/]{0,80}|\\PC{0,20}", value: Vec<u8>) {
        drop(Entry::read(name.as_bytes(), &value));
    }
}
