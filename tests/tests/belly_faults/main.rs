//! What the belly promises when the machine loses power or its disk fails.
//!
//! SQLite is the real one, over a VFS that remembers and refuses (`vfs`, `disk`, `image`);
//! the store is the real one, seen through its trait. `HYDRA_LONG_TESTS` makes it long.

mod disk;
mod failing;
mod image;
mod power;
mod promises;
mod vfs;

use std::path::Path;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use hydrad::belly::clock::Clock;
use hydrad::belly::engine::{LogBelly, LogConfig};
use hydrad::belly::{Announcement, Answer, Belly, Refused};
use hydrad::wire::AddrList;
use libp2p::PeerId;
use rand::SeedableRng as _;
use rand::rngs::StdRng;

/// True under `tests/run --long`.
fn long() -> bool {
    std::env::var_os("HYDRA_LONG_TESTS").is_some()
}

/// Repeats the choices of a run that failed; what the store's threads do meanwhile may differ.
const SEED: &str = "HYDRA_TEST_SEED";

fn chance() -> StdRng {
    let seed = std::env::var(SEED).ok().and_then(|seed| seed.parse().ok()).unwrap_or_else(rand::random);
    note(&format!("repeat it with {SEED}={seed}"));
    StdRng::seed_from_u64(seed)
}

/// Where a test is; the test runner shows it when the test fails.
#[expect(clippy::print_stdout, reason = "the test runner takes it")]
fn note(text: &str) {
    println!("{text}");
}

/// On the hour.
fn start() -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(1_800_000_000)
}

fn config(dir: &Path, clock: &Clock) -> LogConfig {
    LogConfig { clock: clock.clone(), loaders: 1, ..LogConfig::new(dir) }
}

fn open(dir: &Path, clock: &Clock) -> LogBelly {
    LogBelly::open(config(dir, clock)).expect("the store opens")
}

/// Waits for an answer on a runtime of its own.
fn wait<T: Unpin>(answer: Answer<T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(answer)
}

/// Waits, at most a minute, until something holds.
#[track_caller]
fn until(what: &str, mut holds: impl FnMut() -> Result<(), String>) {
    let end = Instant::now() + Duration::from_secs(60);
    while let Err(why) = holds() {
        assert!(Instant::now() < end, "not within a minute: {what}: {why}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// The n-th key; every third is none of sha2-256.
fn key(n: u32) -> Vec<u8> {
    if n.is_multiple_of(3) {
        return n.to_be_bytes().repeat(5);
    }
    [&[0x12, 0x20][..], &[5; 28], &n.to_be_bytes()].concat()
}

/// The provider of the n-th key, whenever it is announced.
fn owner(n: u32) -> u32 {
    n / 5
}

fn peer(provider: u32) -> PeerId {
    let mut digest = [7; 32];
    digest[28..].copy_from_slice(&provider.to_be_bytes());
    let hash = libp2p::multihash::Multihash::wrap(0x12, &digest).expect("32 bytes fit");
    PeerId::from_multihash(hash).expect("SHA-256 is a peer id")
}

fn addrs(provider: u32) -> AddrList {
    AddrList::from_raw([&provider.to_be_bytes()[..], b"second"])
}

fn announce(belly: &LogBelly, n: u32) -> Result<(), Refused> {
    let provider = owner(n);
    belly.add_provider(Announcement {
        key: &key(n),
        provider: peer(provider),
        addrs: addrs(provider),
        head: 1,
        near: !n.is_multiple_of(4),
    })
}

/// Why the store is not well, in its words.
fn trouble(belly: &LogBelly) -> String {
    belly.health().trouble.unwrap_or_default()
}
