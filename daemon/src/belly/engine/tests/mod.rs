//! The store as its callers see it.

mod crash;
mod disk;
mod load;
mod model;
mod plain;
mod segments;
mod time;

use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use libp2p::PeerId;

use super::{LogBelly, LogConfig};
use crate::belly::clock::Clock;
use crate::belly::{Announcement, Answer, Belly, Record, Refused};
use crate::wire::AddrList;

const HOUR: Duration = Duration::from_secs(3600);

fn start() -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(1_800_000_000)
}

fn config(dir: &Path, clock: &Clock) -> LogConfig {
    LogConfig { clock: clock.clone(), ..LogConfig::new(dir) }
}

fn open(dir: &Path, clock: &Clock) -> LogBelly {
    LogBelly::open(config(dir, clock)).expect("the store opens")
}

/// A peer that is the same in every run.
fn peer(n: u32) -> PeerId {
    let mut digest = [7; 32];
    digest[28..].copy_from_slice(&n.to_be_bytes());
    let hash = libp2p::multihash::Multihash::wrap(0x12, &digest).expect("32 bytes fit");
    PeerId::from_multihash(hash).expect("SHA-256 is a peer id")
}

fn addrs(list: &[&str]) -> AddrList {
    AddrList::from_raw(list.iter().map(|a| a.as_bytes()))
}

fn announce(belly: &LogBelly, key: &[u8], provider: PeerId, list: &[&str]) -> Result<(), Refused> {
    belly.add_provider(Announcement { key, provider, addrs: addrs(list), head: 3, near: true })
}

/// An announcement that is near or far.
fn announce_in(belly: &LogBelly, key: &[u8], provider: PeerId, near: bool) -> Result<(), Refused> {
    belly.add_provider(Announcement { key, provider, addrs: addrs(&["a"]), head: 3, near })
}

/// Waits for an answer on a runtime of its own.
fn wait<T: Unpin>(answer: Answer<T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(answer)
}

fn peers(belly: &LogBelly, key: &[u8]) -> Vec<PeerId> {
    let mut peers: Vec<_> = wait(belly.providers(key, 10_000)).into_iter().map(|p| p.peer).collect();
    peers.sort_unstable();
    peers
}

/// All records, paged by `limit`.
fn list(belly: &LogBelly, query: &crate::belly::Query, limit: usize) -> Vec<Record> {
    let (mut all, mut after) = (Vec::new(), None);
    for _ in 0..100_000 {
        let page = wait(belly.page(query.clone(), after, limit)).expect("a page");
        assert!(page.records.len() <= limit);
        all.extend(page.records);
        after = page.next;
        if after.is_none() {
            return all;
        }
    }
    panic!("the pages do not end");
}

/// Names of the files in the store's directory that end so.
fn files(dir: &Path, end: &str) -> Vec<std::path::PathBuf> {
    let entries = std::fs::read_dir(dir).expect("readable").map(|e| e.expect("readable").path());
    let mut files: Vec<_> = entries.filter(|path| path.to_string_lossy().ends_with(end)).collect();
    files.sort();
    files
}

fn drops(belly: &LogBelly) -> Vec<(&'static str, u64)> {
    belly.drops().into_iter().filter(|(_, n)| *n > 0).collect()
}
