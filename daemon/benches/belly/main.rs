//! What the belly does, beside a plain SQLite table in the same run.
//!
//! `cargo bench -p hydrad --bench belly -- 10000000 --threads 1 --dir /var/tmp`
//! (records, a million when left out; `--no-table` leaves the table out; with
//! `--features rival-stores` fjall, LMDB and redb do what the table does).
#![allow(clippy::print_stdout)] // its output is its purpose

mod machine;
mod plain;
#[cfg(feature = "rival-stores")]
mod rivals;
mod workload;

use std::collections::BTreeMap;
use std::error::Error;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant, SystemTime};

use hydrad::belly::clock::Clock;
use hydrad::belly::engine::{IndexMode, LogBelly, LogConfig};
use hydrad::belly::{Announcement, Answer, Belly, Query, Refused};
use hydrad::wire::AddrList;
use libp2p::PeerId;

use machine::{cpu, cpu_us, evict, proc, status};
use workload::{PROVIDERS, key, mix};

#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

const LOOKUPS: u64 = 1_000_000;
/// Rows of the other stores, and records of a commit to them.
const ROWS: u64 = 3_000_000;
const BATCH: u64 = 10_000;
/// Another store is given up after this time; its rate so far counts.
const PATIENCE: Duration = Duration::from_secs(90);

type Outcome<T = ()> = Result<T, Box<dyn Error>>;

struct Bench {
    records: u64,
    threads: u64,
    peers: Vec<PeerId>,
    addrs: AddrList,
    runtime: tokio::runtime::Runtime,
}

fn main() -> Outcome {
    let args: Vec<String> = std::env::args().collect();
    let after = |name: &str| args.iter().position(|a| a == name).and_then(|at| args.get(at + 1));
    let asked = args.get(1).and_then(|a| a.parse().ok());
    // Under `cargo test --all-targets` a look that it runs is enough.
    let benched = args.iter().any(|a| a == "--bench");
    let bench = Bench {
        records: asked.unwrap_or(if benched { 1_000_000 } else { 2_000 }),
        threads: after("--threads").map_or(Ok(1), |n| n.parse())?,
        peers: (0..PROVIDERS).map(|_| PeerId::random()).collect(),
        addrs: AddrList::from_raw([
            &b"\x04\xcb\x00\x71\x05\x06\x0f\xa1"[..],
            b"\x04\xcb\x00\x71\x05\x91\x02\x0f\xa1\xcd\x03",
            b"\x04\xcb\x00\x71\x05\x91\x02\x0f\xa2\xcd\x03",
            b"\x29\x20\x01\x0d\xb8\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01\x06\x0f\xa1",
            b"\x29\x20\x01\x0d\xb8\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01\x91\x02\x0f\xa1\xcd\x03",
        ]),
        runtime: tokio::runtime::Builder::new_current_thread().enable_all().build()?,
    };
    let parent = after("--dir").map_or_else(std::env::temp_dir, Into::into);
    let dir = tempfile::tempdir_in(parent)?;
    suffices(&bench, dir.path())?;
    println!("{} records, {} threads, in {}", bench.records, bench.threads, dir.path().display());

    let rate = bench.belly(&dir.path().join("belly"))?;
    let rows = bench.records.min(ROWS);
    if !args.iter().any(|a| a == "--no-table") {
        let table = fill(rows, plain::Table::new(&dir.path().join("table.db"))?)?;
        println!("plain table (WITHOUT ROWID, NORMAL, sorted, {BATCH} a commit): {table:.0}/s");
        println!("ratio: {:.1}", rate / table);
    }
    #[cfg(feature = "rival-stores")]
    for (name, rival) in rivals::all(dir.path())? {
        let rival = fill(rows, rival)?;
        println!("{name}, {BATCH} a commit: {rival:.0}/s, ratio {:.1}", rate / rival);
    }
    println!("peak memory: {} MiB", status("VmHWM:") >> 20);
    Ok(())
}

/// Says what is missing instead of dying of it.
fn suffices(bench: &Bench, dir: &Path) -> Outcome {
    let memory = proc("/proc/meminfo", "MemAvailable:") * 1024;
    let disk = rustix::fs::statvfs(dir)?;
    let disk = disk.f_bavail * disk.f_frsize;
    let (need_memory, need_disk) = (bench.records * 20 + (256 << 20), bench.records * 100 + (256 << 20));
    for (what, have, need) in [("memory", memory, need_memory), ("disk", disk, need_disk)] {
        if have < need {
            return Err(format!(
                "{} records need {} MiB of {what}, there are {}: ask for fewer, or name another --dir",
                bench.records,
                need >> 20,
                have >> 20
            )
            .into());
        }
    }
    Ok(())
}

/// A store that others have: sorted batches of the same records.
trait Rival {
    fn commit(&mut self, batch: &BTreeMap<[u8; 34], u64>) -> Outcome;
}

/// Records a second.
fn fill(rows: u64, mut store: impl Rival) -> Outcome<f64> {
    let (began, mut done) = (Instant::now(), 0);
    while done < rows && began.elapsed() < PATIENCE {
        let to = (done + BATCH).min(rows);
        store.commit(&(done..to).map(|n| (key(n), mix(n) % PROVIDERS as u64)).collect())?;
        done = to;
    }
    Ok(done as f64 / began.elapsed().as_secs_f64())
}

impl Bench {
    fn config(&self, dir: &Path, clock: &Clock) -> LogConfig {
        let max_records = self.records * 2 + 1_000;
        let share = Some(u32::MAX);
        LogConfig {
            max_records,
            max_records_per_provider: share,
            clock: clock.clone(),
            ..LogConfig::new(dir)
        }
    }

    /// What a message brings: whoever read it has it at hand.
    fn message(&self, n: u64) -> ([u8; 34], PeerId, AddrList) {
        (key(n), self.peers[(mix(n) % PROVIDERS as u64) as usize], self.addrs.clone())
    }

    fn add(&self, belly: &LogBelly, n: u64) -> u64 {
        self.hand_over(belly, self.message(n))
    }

    fn hand_over(&self, belly: &LogBelly, (key, provider, addrs): ([u8; 34], PeerId, AddrList)) -> u64 {
        let mut waits = 0;
        loop {
            let addrs = addrs.clone();
            match belly.add_provider(Announcement { key: &key, provider, addrs, head: 0, near: true }) {
                Ok(()) => return waits,
                Err(refused) => assert_eq!(refused, Refused::Behind),
            }
            waits += 1;
            std::thread::sleep(Duration::from_micros(200));
        }
    }

    /// Announces a range, shared by the threads.
    fn announce(&self, belly: &LogBelly, range: std::ops::Range<u64>) -> (f64, u64) {
        let (began, waits) = (Instant::now(), AtomicU64::new(0));
        std::thread::scope(|scope| {
            for thread in 0..self.threads {
                let (range, waits) = (range.clone(), &waits);
                scope.spawn(move || {
                    let mut mine = range.skip(thread as usize).step_by(self.threads as usize).peekable();
                    let mut messages = Vec::with_capacity(64);
                    while mine.peek().is_some() {
                        messages.extend(mine.by_ref().take(64).map(|n| self.message(n)));
                        let waited: u64 =
                            messages.drain(..).map(|message| self.hand_over(belly, message)).sum();
                        waits.fetch_add(waited, Relaxed);
                    }
                });
            }
        });
        (began.elapsed().as_secs_f64(), waits.load(Relaxed))
    }

    fn belly(&self, dir: &Path) -> Outcome<f64> {
        let clock = Clock::manual(SystemTime::now());
        let (memory, cpu) = (status("VmRSS:"), cpu());
        let belly = LogBelly::open(self.config(dir, &clock))?;
        let written = proc("/proc/self/io", "write_bytes:");
        let step = (self.records / 10).max(1);
        let (mut total, mut rates) = (0.0, Vec::new());
        for from in (0..self.records).step_by(step as usize) {
            let to = (from + step).min(self.records);
            let (took, waits) = self.announce(&belly, from..to);
            total += took;
            rates.push((to - from) as f64 / took);
            println!(
                "  upserts up to {to}: {:.0}/s, {waits} waits for the writer",
                (to - from) as f64 / took
            );
        }
        let began = Instant::now();
        self.runtime.block_on(belly.flush())?;
        total += began.elapsed().as_secs_f64();
        let rate = self.records as f64 / total;
        let count = belly.counts().records;
        let per = |bytes: u64| bytes as f64 / count as f64;
        println!("upserts: {rate:.0}/s kept, {:.2} µs CPU each", (cpu_us(cpu)) / self.records as f64);
        println!("  last tenth against first: {:.2}", rates[rates.len() - 1] / rates[0]);
        println!("  memory {:.1} B a record (index)", per(belly.index_bytes()));
        println!("  memory {:.1} B a record (RSS)", per(status("VmRSS:").saturating_sub(memory)));
        println!("  disk {:.1} B a record, written {:.1} B", per(belly.health().disk_bytes), {
            per(proc("/proc/self/io", "write_bytes:") - written)
        });
        println!("  commit p99 {:?}", belly.health().commit_p99);
        println!("  longest that a shard was locked {:?}", belly.footprint().index_longest_pass);

        let (took, _) = self.announce(&belly, 0..self.records.min(1_000_000));
        println!("sent again in the same hour: {:.0}/s", self.records.min(1_000_000) as f64 / took);
        self.look_up(&belly)?;
        self.read(&belly)?;
        drop(belly);

        self.restart("by its log", dir, &clock, count)?;
        self.seal(dir, &clock)?;
        self.restart("by its segment", dir, &clock, count)?;
        self.segments(dir, &clock)?;
        self.expire(dir, &clock)?;
        Ok(rate)
    }

    /// From the disk, not from the page cache.
    fn restart(&self, how: &str, dir: &Path, clock: &Clock, count: u64) -> Outcome {
        for loaders in [1, 2] {
            evict(dir)?;
            let began = Instant::now();
            let belly = LogBelly::open(LogConfig { loaders, ..self.config(dir, clock) })?;
            println!("restart {how}: {:?}, {loaders} threads", began.elapsed());
            assert!(belly.counts().records >= count, "{} of {count}", belly.counts().records);
        }
        Ok(())
    }

    /// The hour ends: the keeper writes the segment.
    fn seal(&self, dir: &Path, clock: &Clock) -> Outcome {
        clock.advance(Duration::from_secs(3_700));
        let belly = LogBelly::open(self.config(dir, clock))?;
        let (before, began) = (belly.health().disk_bytes, Instant::now());
        while !logs(dir).iter().all(|log| has_segment(log)) && began.elapsed() < PATIENCE {
            std::thread::sleep(Duration::from_millis(20));
        }
        let (took, records) = (began.elapsed(), belly.counts().records);
        drop(belly);
        let bytes: u64 = logs(dir).iter().filter_map(|log| Some(log.metadata().ok()?.len())).sum();
        println!(
            "sealed in {took:?}: {:.1} B a record with the segment, {:.1} B without",
            bytes as f64 / records as f64,
            before as f64 / records as f64
        );
        Ok(())
    }

    /// Answers from segments: what they take in memory, and how long they take.
    fn segments(&self, dir: &Path, clock: &Clock) -> Outcome {
        let mut config = self.config(dir, clock);
        config.index = IndexMode::Segments;
        config.max_memory = config.max_records * 16;
        let belly = LogBelly::open(config)?;
        let footprint = belly.footprint();
        println!(
            "segments: {} of {} records, {:.2} B of memory each",
            footprint.segment_records,
            belly.counts().records,
            footprint.segment_bytes as f64 / footprint.segment_records.max(1) as f64
        );
        for (what, offset) in [("hit", 0), ("miss", 1 << 40)] {
            let lookups = (LOOKUPS / 10).min(self.records);
            let (mut times, mut read) = (Vec::with_capacity(lookups as usize), 0);
            for n in 0..lookups {
                let key = key(offset + mix(n) % self.records);
                let began = Instant::now();
                let answer = belly.providers(&key, 20);
                read += u64::from(matches!(answer, Answer::Later(_)));
                let found = self.runtime.block_on(answer);
                times.push(began.elapsed());
                assert_eq!(found.is_empty(), offset != 0);
            }
            times.sort_unstable();
            let at = |permille: usize| times[times.len() * permille / 1000];
            println!(
                "  look-up, {what}: p50 {:?}, p99 {:?}, {:.3} % of them asked the disk",
                at(500),
                at(990),
                read as f64 * 100.0 / lookups as f64
            );
        }
        Ok(())
    }

    /// Hits and misses while 100,000 upserts a second come.
    fn look_up(&self, belly: &LogBelly) -> Outcome {
        let stop = AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let began = Instant::now();
                for n in 0.. {
                    if stop.load(Relaxed) {
                        break;
                    }
                    self.add(belly, self.records + n % (self.records / 4).max(1));
                    let ahead = Duration::from_micros(n * 10).saturating_sub(began.elapsed());
                    if ahead > Duration::from_millis(1) {
                        std::thread::sleep(ahead);
                    }
                }
            });
            let reads = proc("/proc/self/io", "read_bytes:");
            for (what, offset) in [("hit", 0), ("miss", 1 << 40)] {
                let mut times: Vec<u64> = Vec::with_capacity(LOOKUPS as usize);
                for n in 0..LOOKUPS.min(self.records * 4) {
                    let key = key(offset + mix(n) % self.records);
                    let began = Instant::now();
                    let Answer::Now(Some(found)) = belly.providers(&key, 20) else { continue };
                    times.push(u64::try_from(began.elapsed().as_nanos()).unwrap_or(u64::MAX));
                    assert_eq!(found.is_empty(), offset != 0);
                }
                times.sort_unstable();
                let at = |permille: usize| times[times.len() * permille / 1000];
                println!("look-up, {what}: p50 {} ns, p99 {} ns, p99.9 {} ns", at(500), at(990), at(999));
            }
            println!("  bytes read meanwhile: {}", proc("/proc/self/io", "read_bytes:") - reads);
            stop.store(true, Relaxed);
        });
        Ok(())
    }

    fn read(&self, belly: &LogBelly) -> Outcome {
        let (mut after, mut listed, mut times) = (None, 0usize, Vec::new());
        for _ in 0..2_000 {
            let began = Instant::now();
            let page = self.runtime.block_on(belly.page(Query::default(), after, 100))?;
            times.push(began.elapsed());
            (listed, after) = (listed + page.records.len(), page.next);
            if after.is_none() {
                break;
            }
        }
        times.sort_unstable();
        println!(
            "pages of 100: p50 {:?}, max {:?}, {listed} records",
            times[times.len() / 2],
            times[times.len() - 1]
        );
        let began = Instant::now();
        let records = belly.counts().records;
        println!("count: {:?} for {records}", began.elapsed());
        let began = Instant::now();
        let top = belly.top_providers(10);
        println!(
            "top 10 providers: {:?}, the first has {}",
            began.elapsed(),
            top.first().map_or(0, |(_, n)| *n)
        );
        Ok(())
    }

    /// The hour of all records ends while others come.
    fn expire(&self, dir: &Path, clock: &Clock) -> Outcome {
        let belly = LogBelly::open(self.config(dir, clock))?;
        let old = logs(dir);
        clock.advance(Duration::from_secs(51 * 3600));
        let (began, mut worst, mut n) = (Instant::now(), Duration::ZERO, 0);
        while old.iter().any(|path| path.exists()) && began.elapsed() < Duration::from_secs(60) {
            let one = Instant::now();
            for _ in 0..100 {
                self.add(&belly, self.records * 3 + n);
                n += 1;
            }
            worst = worst.max(one.elapsed());
        }
        println!(
            "expiry of all: {:?} (up to 1 s of it waiting), worst 100 upserts meanwhile {worst:?}",
            began.elapsed()
        );
        Ok(())
    }
}

fn logs(dir: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(dir).into_iter().flatten().flatten().map(|entry| entry.path());
    entries.filter(|path| path.to_string_lossy().ends_with(".log.db")).collect()
}

fn has_segment(log: &Path) -> bool {
    let count = rusqlite::Connection::open(log).and_then(|db| {
        db.busy_timeout(Duration::from_secs(5))?;
        db.query_row("SELECT count(*) FROM segment WHERE id = 0", [], |row| row.get::<_, i64>(0))
    });
    count.is_ok_and(|headers| headers == 1)
}
