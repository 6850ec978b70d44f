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
    assert_eq!(export(LogConfig::new(at("a")), &at("a.ndjson"), Format::Ndjson).expect("written"), 3_000);
    assert_eq!(import(LogConfig::new(at("b")), &at("a.ndjson")).expect("read"), (3_000, 0));
    export(LogConfig::new(at("b")), &at("b.ndjson"), Format::Ndjson).expect("written");
    assert_eq!(sorted(&at("a.ndjson")), sorted(&at("b.ndjson")));
    assert!(export(LogConfig::new(at("a")), &at("a.ndjson"), Format::Csv).is_err(), "overwritten");
    export(LogConfig::new(at("a")), &at("a.csv"), Format::Csv).expect("written");
    assert!(sorted(&at("a.csv")).iter().all(|line| line.split(',').count() == 6));
    fs::write(at("bad"), "\n{\"multihash\":1}\n").expect("written");
    let error = import(LogConfig::new(at("b")), &at("bad")).expect_err("no record").to_string();
    assert!(error.contains("line 2: not a record"), "{error}");
}

#[test]
fn a_copy_made_while_the_store_is_open_is_whole_and_a_broken_page_is_found() {
    let dir = tempfile::tempdir().expect("a directory");
    let at = |name: &str| dir.path().join(name);
    let belly = filled(&at("a"));
    assert_eq!(backup(&at("a"), &at("copy")).expect("copied"), 3);
    assert!(backup(&at("a"), &at("copy")).is_err(), "overwritten");
    let whole = check(&at("copy")).expect("readable");
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
    let broken = check(&at("copy")).expect("readable");
    assert_eq!(broken.iter().map(|file| file.damaged).sum::<u64>(), 1);
}
