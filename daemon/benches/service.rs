//! What a request costs the DHT service itself: no swarm, no stream, one thread.
//!
//! `cargo bench -p hydrad --bench service` prints nanoseconds of this thread and
//! allocations of the process a request.
//! `cargo bench -p hydrad --bench service -- find_node 10` runs what has that in its name,
//! for so many seconds each: for a profiler.
#![allow(clippy::print_stdout)] // its output is its purpose

use std::alloc::{GlobalAlloc, Layout, System};
use std::hint::black_box;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use futures::FutureExt as _;
use hydrad::belly::Belly;
use hydrad::belly::engine::{LogBelly, LogConfig};
use hydrad::dht::{Config, Local, Served, Service};
use hydrad::routing::contacts::{Contact, Contacts, Side};
use hydrad::routing::coverage::Field;
use hydrad::routing::table::{Found, Table};
use hydrad::wire::field::{put_bytes, put_number};
use hydrad::wire::message::encode_peer;
use hydrad::wire::{AddrList, Key256, Kind, Message};
use libp2p::swarm::ConnectionId;
use libp2p::{Multiaddr, PeerId};
use rand::Rng as _;

/// Counts allocations, by the system's allocator.
struct Counting;

static ALLOCATIONS: AtomicU64 = AtomicU64::new(0);

/// Bytes held; wraps below zero, differences count.
static HELD: AtomicU64 = AtomicU64::new(0);

#[global_allocator]
static ALLOCATOR: Counting = Counting;

// SAFETY: each call goes to `System` with what it was given; counting touches no memory of it.
#[expect(unsafe_code, reason = "an allocator cannot be written without")]
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Relaxed);
        HELD.fetch_add(layout.size() as u64, Relaxed);
        // SAFETY: the caller keeps `GlobalAlloc`'s contract, which is also that of `System`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        HELD.fetch_sub(layout.size() as u64, Relaxed);
        // SAFETY: as above; `at` came from `System`.
        unsafe { System.dealloc(at, layout) }
    }

    unsafe fn realloc(&self, at: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Relaxed);
        HELD.fetch_add((size as u64).wrapping_sub(layout.size() as u64), Relaxed);
        // SAFETY: as above; `at` came from `System`.
        unsafe { System.realloc(at, layout, size) }
    }
}

/// Keys asked for in turn, so that caches hold what they would hold under load.
const KEYS: usize = 4096;

/// Most announcements of one run: what the store has room for.
const MAX_ANNOUNCEMENTS: u64 = 2_000_000;

/// What a known peer of 10,000 may take, in bytes: snapshot, books of the table, addresses.
const MAX_PER_PEER: u64 = 1024;

/// How long each case runs, and which.
struct Plan {
    time: Duration,
    only: Option<String>,
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    // Under `cargo test --all-targets` a look that it runs is enough.
    let benched = arguments.iter().any(|a| a == "--bench");
    let seconds: Option<u64> = arguments.iter().find_map(|a| a.parse().ok());
    let time = if benched { Duration::from_secs(seconds.unwrap_or(2)) } else { Duration::from_millis(10) };
    let only = arguments.iter().find(|a| !a.starts_with("--") && a.parse::<u64>().is_err()).cloned();
    let plan = Plan { time, only };
    println!("{:<34} {:>10} {:>12} {:>10}", "", "ns", "allocations", "bytes out");
    for peers in [20, 1_000, 10_000] {
        requests(&plan, peers)?;
    }
    Ok(())
}

fn requests(plan: &Plan, peers: usize) -> Result<(), Box<dyn std::error::Error>> {
    let dir = tempfile::tempdir()?;
    let belly: Arc<dyn Belly> = Arc::new(LogBelly::open(LogConfig::new(dir.path()))?);
    let held = HELD.load(Relaxed);
    let table = Arc::new(table(peers)?);
    let each = HELD.load(Relaxed).wrapping_sub(held) / peers as u64;
    println!("{:<34} {each:>10}", format!("bytes a peer of {peers}"));
    if peers == 10_000 && each > MAX_PER_PEER {
        return Err(format!("a known peer takes {each} bytes, more than {MAX_PER_PEER}").into());
    }
    let service = Service::new(Config::default(), belly, Arc::clone(&table), Arc::new(Contacts::default()));
    let (head, asker) = (Local::new(0, PeerId::random()), contact(PeerId::random())?);
    table.put_own(head.peer, [&"/ip4/9.9.9.9/tcp/3001".parse::<Multiaddr>()?].into_iter().collect());
    let handle = |raw: &[u8]| {
        let Ok(request) = Message::read(raw) else { return 0 };
        match service.handle(&head, &asker, request).now_or_never() {
            Some(Served::Reply(frame)) => frame.as_ref().len(),
            Some(Served::Silent) => 0,
            other => unreachable!("refused or waiting: {other:?}"),
        }
    };
    let keys: Vec<[u8; 34]> = (0..KEYS).map(|_| multihash()).collect();
    let of_kind = |kind| keys.iter().map(|key| request(kind, key)).collect::<Vec<_>>();

    let find = of_kind(Kind::FindNode);
    plan.run(&format!("find_node, {peers} peers"), u64::MAX, |n| handle(&find[n % KEYS]));
    let get = of_kind(Kind::GetProviders);
    plan.run(&format!("get_providers miss, {peers} peers"), u64::MAX, |n| handle(&get[n % KEYS]));
    if peers == 1_000 {
        let provider = |key: &[u8]| add_provider(key, &asker.peer, &addrs(7, 5));
        for key in &keys {
            handle(&provider(key));
        }
        plan.run(&format!("get_providers hit, {peers} peers"), u64::MAX, |n| handle(&get[n % KEYS]));
        let again: Vec<_> = keys.iter().map(|key| provider(key)).collect();
        plan.run("add_provider again, 5 addresses", u64::MAX, |n| handle(&again[n % KEYS]));
        let mut new = provider(&keys[0]);
        let at = new.windows(34).position(|w| w == keys[0]).unwrap_or_default() + 2;
        plan.run("add_provider new, 5 addresses", MAX_ANNOUNCEMENTS, |n| {
            new[at..at + 8].copy_from_slice(&n.to_be_bytes());
            handle(&new)
        });
        let ping = request(Kind::Ping, &[]);
        plan.run("ping", u64::MAX, |_| handle(&ping));
    }
    let places: Vec<Key256> = keys.iter().map(|key| Key256::of(key)).collect();
    let snapshot = Arc::clone(&table.snapshot());
    plan.run(&format!("Snapshot::closest, {peers} peers"), u64::MAX, |n| {
        black_box(snapshot.closest(&places[n % KEYS], 20)).len()
    });
    plan.run(&format!("Snapshot::is_near, {peers} peers"), u64::MAX, |n| {
        usize::from(snapshot.is_near(&places[n % KEYS], 40))
    });
    let field = Field::of(&snapshot);
    plan.run(&format!("Field::coverage, {peers} peers"), 64, |_| usize::from(field.coverage() > 0.0));
    if peers == 1_000 {
        plan.run("Key256::of, 34 bytes", u64::MAX, |n| usize::from(Key256::of(&keys[n % KEYS]).0[0]));
    }
    Ok(())
}

impl Plan {
    /// Runs a case for the planned time, but at most so many times.
    fn run(&self, name: &str, most: u64, mut once: impl FnMut(usize) -> usize) {
        if self.only.as_ref().is_some_and(|only| !name.contains(only)) {
            return;
        }
        for n in 0..KEYS.min(most as usize) {
            black_box(once(n));
        }
        let (began, before, ran) = (Instant::now(), ALLOCATIONS.load(Relaxed), on_cpu());
        let (mut done, mut bytes) = (0u64, 0);
        while began.elapsed() < self.time && done < most {
            for _ in 0..64 {
                bytes += once(black_box(KEYS + done as usize));
                done += 1;
            }
        }
        let time = (on_cpu() - ran) as f64 / done as f64;
        // the store's threads allocate too: what they do for a request is counted with it
        let allocations = (ALLOCATIONS.load(Relaxed) - before) as f64 / done as f64;
        println!("{name:<34} {time:>10.0} {allocations:>12.2} {:>10}", bytes as u64 / done);
    }
}

/// Nanoseconds that this thread has run: what other programs on the machine take is not in it.
fn on_cpu() -> u64 {
    let told = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    told.split(' ').next().and_then(|ns| ns.parse().ok()).unwrap_or_default()
}

/// A table of peers with 3 to 5 addresses each, in as many IP groups as there are on the
/// public network: a few per cent of the peers share one.
fn table(peers: usize) -> Result<Table, Box<dyn std::error::Error>> {
    let table = Table::default();
    for n in 0..peers {
        let list = addrs(n as u32, 3 + n % 3);
        let put = table.put(PeerId::random(), Found::at(list));
        put.map_err(hydrad::telemetry::Drop::reason)?;
    }
    Ok(table)
}

/// Addresses as Kubo announces them: tcp and quic-v1 on two networks, and a secure websocket.
/// Both are IPv4, for the second group of most real peers is one of few networks of IPv6, of
/// which a table takes only a share.
fn addrs(n: u32, count: usize) -> AddrList {
    let ip = |n: u32| format!("{}.{}.{}.{}", 20 + n % 80 * 2, n / 80 % 250, n / 20_000 + 1, n % 250 + 1);
    let (one, other) = (ip(n), ip(n + 10_000));
    let list = [
        format!("/ip4/{one}/tcp/4001"),
        format!("/ip4/{one}/udp/4001/quic-v1"),
        format!("/ip4/{other}/udp/4001/quic-v1"),
        format!("/ip4/{other}/tcp/4001"),
        format!("/dns4/{}.libp2p.direct/tcp/4001/tls/ws", "k51qzi5uqu5dl2".repeat(3)),
    ];
    let list: Vec<Multiaddr> = list[..count].iter().filter_map(|text| text.parse().ok()).collect();
    list.iter().collect()
}

fn contact(peer: PeerId) -> Result<Contact, Box<dyn std::error::Error>> {
    let remote = "/ip4/1.2.3.4/tcp/4001".parse()?;
    Ok(Contact::new(ConnectionId::new_unchecked(1), peer, Side::Head(0), true, remote))
}

fn multihash() -> [u8; 34] {
    let mut key = [0; 34];
    rand::rng().fill_bytes(&mut key[2..]);
    key[..2].copy_from_slice(&[0x12, 0x20]);
    key
}

fn request(kind: Kind, key: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    put_number(&mut out, 1, kind as u64);
    put_bytes(&mut out, 2, key);
    out
}

fn add_provider(key: &[u8], peer: &PeerId, addrs: &AddrList) -> Vec<u8> {
    let mut out = request(Kind::AddProvider, key);
    put_bytes(&mut out, 9, &encode_peer(peer, addrs));
    out
}
