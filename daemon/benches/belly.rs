//! What the plain store does: announcements accepted and kept, look-ups, pages, memory.
//!
//! `cargo bench -p hydrad --bench belly -- 1000000` (records; a million when left out).
#![allow(clippy::print_stdout)] // its output is its purpose

use std::time::{Duration, Instant};

use hydrad::belly::sqlite::{SqliteBelly, SqliteConfig};
use hydrad::belly::{Announcement, Answer, Belly, Query, Refused};
use hydrad::wire::AddrList;
use libp2p::PeerId;

/// Distinct providers; a quarter of the records repeats a key under another of them.
const PROVIDERS: usize = 20_000;
const LOOKUPS: u32 = 200_000;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let benched = std::env::args().any(|a| a == "--bench");
    let asked = std::env::args().find_map(|a| a.parse().ok());
    // Under `cargo test --all-targets` a look that it runs is enough.
    let records: u32 = asked.unwrap_or(if benched { 1_000_000 } else { 1_000 });
    let dir = tempfile::tempdir()?;
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    let config = SqliteConfig { max_records: u64::from(records) * 2, ..SqliteConfig::new(dir.path()) };
    let peers: Vec<PeerId> = (0..PROVIDERS).map(|_| PeerId::random()).collect();
    let addrs = AddrList::from_raw([
        &b"\x04\xcb\x00\x71\x05\x06\x0f\xa1"[..],
        b"\x04\xcb\x00\x71\x05\x91\x02\x0f\xa1",
    ]);

    let before = rss();
    let belly = SqliteBelly::open(config.clone())?;
    for (what, again) in [("announce", false), ("announce again, same half hour", true)] {
        let began = Instant::now();
        let mut behind = 0u64;
        for n in 0..records {
            let provider = peers[(mix(n) % PROVIDERS as u64) as usize];
            while let Err(refused) = belly.add_provider(Announcement {
                key: &key(n),
                provider,
                addrs: addrs.clone(),
                head: 0,
                near: true,
            }) {
                assert_eq!(refused, Refused::Behind);
                behind += 1;
                std::thread::sleep(Duration::from_millis(1));
            }
        }
        let accepted = began.elapsed();
        runtime.block_on(belly.flush())?;
        let kept = began.elapsed();
        let (accepted, kept) = (rate(records, accepted), rate(records, kept));
        println!("{what}: {accepted:.0}/s accepted, {kept:.0}/s kept, {behind} waits for the writer");
        if !again {
            let count = belly.counts().records;
            let health = belly.health();
            println!(
                "  memory {} B a record, disk {} B a record",
                (rss() - before) / count,
                health.disk_bytes / count
            );
            println!("  commit p99 {:?}", health.commit_p99);
        }
    }

    for (what, offset) in [("hit", 0), ("miss", 1 << 31)] {
        let mut times: Vec<u64> = Vec::with_capacity(LOOKUPS as usize);
        for n in 0..LOOKUPS {
            let key = key((mix(n) % u64::from(records)) as u32 + offset);
            let began = Instant::now();
            let Answer::Now(Some(found)) = belly.providers(&key, 20) else {
                return Err("not from memory".into());
            };
            times.push(u64::try_from(began.elapsed().as_nanos())?);
            assert_eq!(found.is_empty(), offset != 0);
        }
        times.sort_unstable();
        println!(
            "look-up, {what}: p50 {} ns, p99 {} ns",
            times[times.len() / 2],
            times[times.len() * 99 / 100]
        );
    }

    let (mut after, mut pages, mut listed) = (None, 0u32, 0usize);
    let began = Instant::now();
    loop {
        let page = runtime.block_on(belly.page(Query::default(), after, 100))?;
        (pages, listed, after) = (pages + 1, listed + page.records.len(), page.next);
        if after.is_none() {
            break;
        }
    }
    println!("pages of 100: {:?} each, {listed} records", began.elapsed() / pages);
    drop(belly);

    let began = Instant::now();
    let belly = SqliteBelly::open(config)?;
    println!("restart: {:?} for {} records", began.elapsed(), belly.counts().records);
    Ok(())
}

/// A sha2-256 multihash; three keys for four records.
fn key(n: u32) -> [u8; 34] {
    let mut key = [0; 34];
    key[..2].copy_from_slice(&[0x12, 0x20]);
    let shared = if n % 4 == 3 { n - 1 } else { n };
    key[2..10].copy_from_slice(&mix(shared).to_be_bytes());
    key
}

/// SplitMix64: scattered, the same in each run.
fn mix(n: u32) -> u64 {
    let mut z = u64::from(n).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

fn rate(n: u32, time: Duration) -> f64 {
    f64::from(n) / time.as_secs_f64()
}

/// Resident bytes of this process.
fn rss() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|l| l.strip_prefix("VmRSS:"));
    line.and_then(|l| l.trim().trim_end_matches(" kB").parse::<u64>().ok()).unwrap_or_default() * 1024
}
