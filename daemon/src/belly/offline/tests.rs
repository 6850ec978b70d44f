//! Writing out, reading in, copying and checking.

use std::fs;

use libp2p::{Multiaddr, PeerId};

use super::*;
use crate::belly::Announcement;
use crate::wire::AddrList;

fn filled(dir: &Path) -> LogBelly {
    let belly = LogBelly::open(LogConfig::new(dir)).expect("opens");
    let addr: Multiaddr = "/ip4/203.0.113.5/tcp/4001".parse().expect("an address");
    let providers: Vec<PeerId> = (0..3).map(|_| PeerId::random()).collect();
    for n in 0..3_000u32 {
        let key = [&b"\x12\x20"[..], &[7; 28], &n.to_be_bytes()].concat();
        let provider = providers[n as usize % 3];
        let addrs: AddrList = std::iter::once(&addr).collect();
        belly
            .add_provider(Announcement { key: &key, provider, addrs, head: 4, near: n % 2 == 0 })
            .expect("taken");
    }
    futures::executor::block_on(belly.flush()).expect("flushed");
    belly
}

/// Nobody wants to know how far it is.
fn quiet() -> Tell<'static> {
    Box::leak(Box::new(|_, _| {}))
}

fn sorted(path: &Path) -> Vec<String> {
    let mut lines: Vec<String> = fs::read_to_string(path).expect("text").lines().map(Into::into).collect();
    lines.sort();
    lines
}

#[test]
fn what_is_written_out_and_read_in_elsewhere_is_the_same() {
    let dir = tempfile::tempdir().expect("a directory");
    let at = |name: &str| dir.path().join(name);
    drop(filled(&at("a")));
    let write =
        |store: &str, file: &str, format| export(LogConfig::new(at(store)), &at(file), format, quiet());
    assert_eq!(write("a", "a.ndjson", Format::Ndjson).expect("written"), 3_000);
    let first = fs::read_to_string(at("a.ndjson")).expect("text");
    assert_eq!(first.matches("\"near\":true").count(), 1_500);
    assert!(write("a", "a.ndjson", Format::Csv).is_err(), "overwritten");
    write("a", "a.csv", Format::Csv).expect("written");
    assert!(sorted(&at("a.csv")).iter().all(|line| line.split(',').count() == 7));
    for file in ["a.ndjson", "a.csv"] {
        let store = format!("from-{file}");
        let mut told = Vec::new();
        let imported = import(LogConfig::new(at(&store)), &at(file), &mut |done, of| told.push((done, of)))
            .expect("read");
        assert_eq!(imported, Imported { taken: 3_000, ..Imported::default() });
        assert!(told.iter().all(|(done, of)| done <= of), "{told:?}");
        // times, heads, addresses, and what is near
        write(&store, &format!("{file}.again"), Format::Ndjson).expect("written");
        assert_eq!(sorted(&at("a.ndjson")), sorted(&at(&format!("{file}.again"))));
    }
    for (text, fault) in [
        ("\n{\"multihash_hex\":1}\n", "line 2: not a record"),
        (
            "multihash_hex,announced_at\n1220,2026-01-01T00:00:00Z\n",
            "line 2: not a record: no provider_peer_id",
        ),
        (
            "{\"multihash_hex\":\"\",\"provider_peer_id\":\"x\",\"announced_at\":\"x\"}",
            "line 1: multihash_hex: 0 bytes",
        ),
    ] {
        fs::write(at("bad"), text).expect("written");
        let error =
            import(LogConfig::new(at("bad-store")), &at("bad"), quiet()).expect_err("no record").to_string();
        assert!(error.contains(fault), "{error}");
    }
}

#[test]
fn records_whose_time_is_over_are_left_out_and_a_store_in_use_is_named() {
    let dir = tempfile::tempdir().expect("a directory");
    let at = |name: &str| dir.path().join(name);
    drop(filled(&at("a")));
    export(LogConfig::new(at("a")), &at("new"), Format::Ndjson, quiet()).expect("written");
    let year = |text: String| text.replace("\"announced_at\":\"20", "\"announced_at\":\"19");
    fs::write(at("old"), year(fs::read_to_string(at("new")).expect("text"))).expect("written");
    let imported = import(LogConfig::new(at("b")), &at("old"), quiet()).expect("read");
    assert_eq!((imported.taken, imported.expired), (0, 3_000));
    let small = LogConfig { max_records: 1_000, ..LogConfig::new(at("c")) };
    let imported = import(small, &at("new"), quiet()).expect("read");
    let refused: u64 = imported.refused.iter().map(|(_, count)| count).sum();
    assert_eq!((imported.taken + refused, imported.taken), (3_000, 1_000), "{:?}", imported.refused);

    let open = LogBelly::open(LogConfig::new(at("a"))).expect("opens");
    let in_use = |error: OfflineError| {
        assert!(matches!(error, OfflineError::Belly(BellyError::Locked { .. })), "{error}");
        assert!(error.to_string().contains(&at("a").display().to_string()), "{error}");
    };
    in_use(import(LogConfig::new(at("a")), &at("new"), quiet()).expect_err("in use"));
    in_use(export(LogConfig::new(at("a")), &at("x"), Format::Csv, quiet()).expect_err("in use"));
    assert!(!at("x").exists());
    drop(open);
}

#[test]
fn a_copy_made_while_the_store_is_open_is_whole_and_a_broken_page_is_found() {
    let dir = tempfile::tempdir().expect("a directory");
    let at = |name: &str| dir.path().join(name);
    let belly = filled(&at("a"));
    assert_eq!(backup(&at("a"), &at("copy"), quiet()).expect("copied"), 3);
    assert!(backup(&at("a"), &at("copy"), quiet()).is_err(), "overwritten");
    let whole = check(&at("copy"), quiet()).expect("readable");
    assert_eq!(whole.iter().map(|file| file.records).sum::<u64>(), 3_000);
    assert!(whole.iter().all(|file| file.damaged == 0 && file.fault.is_none()));
    assert_eq!(whole.iter().map(|file| file.providers).sum::<u64>(), 6);
    drop(belly);
    let copy = LogBelly::open(LogConfig::new(at("copy"))).expect("opens");
    assert_eq!(copy.counts().records, 3_000);
    drop(copy);
    let path = names(&at("copy")).expect("listed")[0].path(&at("copy"));
    let mut bytes = fs::read(&path).expect("readable");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&path, bytes).expect("written");
    let broken = check(&at("copy"), quiet()).expect("readable");
    assert_eq!(broken.iter().map(|file| file.damaged).sum::<u64>(), 1);
}

#[test]
fn a_cut_file_and_broken_values_are_found() {
    let dir = tempfile::tempdir().expect("a directory");
    let store = dir.path().join("a");
    drop(filled(&store));
    let log = names(&store).expect("listed")[1].path(&store);
    for path in [log, values::path(&store)] {
        let whole = fs::read(&path).expect("readable");
        fs::write(&path, &whole[..whole.len() / 2]).expect("written");
        let found = check(&store, quiet()).expect("readable");
        let broken: Vec<_> =
            found.iter().filter(|file| file.fault.is_some()).map(|file| &file.name).collect();
        let name = path.file_name().expect("a name").to_string_lossy().into_owned();
        assert_eq!(broken, [&name], "{found:?}");
        fs::write(&path, &whole).expect("written");
    }
    assert!(check(&store, quiet()).expect("readable").iter().all(|file| file.fault.is_none()));
}

#[test]
fn copies_made_under_load_are_whole_and_hold_what_was_stored_before() {
    let dir = tempfile::tempdir().expect("a directory");
    let at = |name: &str| dir.path().join(name);
    let belly = filled(&at("a"));
    let done = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let provider = PeerId::random();
            for n in 0..300_000u32 {
                if done.load(std::sync::atomic::Ordering::Relaxed) {
                    return;
                }
                if n % 100 == 0 {
                    std::thread::sleep(Duration::from_millis(1));
                }
                let key = [&b"\x12\x20"[..], &[9; 28], &n.to_be_bytes()].concat();
                let addrs = AddrList::default();
                // one that comes too fast is refused, and tried no more
                belly.add_provider(Announcement { key: &key, provider, addrs, head: 1, near: true }).ok();
            }
        });
        for copy in ["1", "2", "3"] {
            let stored = belly.counts().records;
            futures::executor::block_on(belly.flush()).expect("flushed");
            backup(&at("a"), &at(copy), quiet()).expect("copied");
            let found = check(&at(copy), quiet()).expect("readable");
            assert!(found.iter().all(|file| file.damaged == 0 && file.fault.is_none()), "{found:?}");
            let opened = LogBelly::open(LogConfig::new(at(copy))).expect("opens");
            assert!(opened.counts().records >= stored, "{} of {stored}", opened.counts().records);
            assert_eq!(opened.health().trouble, None);
        }
        done.store(true, std::sync::atomic::Ordering::Relaxed);
    });
}
