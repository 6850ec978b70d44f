//! Power cuts: a store lives, its history is cut anywhere, and what the disk has then is
//! opened; after some cuts it lives on from there.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use hydrad::belly::Belly;
use hydrad::belly::clock::Clock;
use hydrad::belly::engine::LogBelly;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom as _;
use rand::{RngExt as _, SeedableRng as _};

use crate::disk::{Disk, Op};
use crate::image::Image;
use crate::promises::Promises;
use crate::{chance, config, long, note, open, start, until, wait};

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);

/// A store, its disk and its clock, and what it has promised.
struct Life {
    disk: Arc<Disk>,
    clock: Clock,
    promises: Promises,
    /// The time, in seconds, from each point of the history on.
    times: Vec<(usize, u32)>,
    rng: StdRng,
    next: u32,
    /// Where the history begins: before it the disk is given what it had.
    begin: usize,
}

impl Life {
    fn advance(&mut self, by: Duration) {
        self.clock.advance(by);
        self.times.push((self.disk.now(), self.clock.secs()));
    }

    fn time_at(&self, cut: usize) -> u32 {
        self.times.iter().rfind(|(at, _)| *at <= cut).map_or(0, |(_, secs)| *secs)
    }

    fn announce(&mut self, belly: &LogBelly, n: u32) {
        self.promises.announce(belly, n, self.disk.now(), self.clock.secs());
    }

    fn flush(&mut self, belly: &LogBelly) {
        wait(belly.flush()).expect("flushed");
        self.promises.flushed(self.disk.now());
    }

    /// Some minutes or hours of traffic.
    fn pass(&mut self, belly: &LogBelly, rounds: u32) {
        let disk = Arc::clone(&self.disk);
        let now = || disk.now();
        for _ in 0..rounds {
            let at = self.clock.secs();
            match self.rng.random_range(0..10) {
                0..=3 => {
                    for _ in 0..self.rng.random_range(1..120) {
                        self.announce(belly, self.next);
                        self.next += 1;
                    }
                }
                4 if self.next > 0 => {
                    for _ in 0..self.rng.random_range(1..60) {
                        let n = self.rng.random_range(0..self.next);
                        self.announce(belly, n);
                    }
                }
                5 | 6 => {
                    let (n, len) = (self.rng.random_range(0..6), self.rng.random_range(1..3_000));
                    let value = vec![self.rng.random(); len];
                    self.promises.put(belly, n, value, now, at);
                }
                7 if self.next > 0 => {
                    let n = self.rng.random_range(0..self.next);
                    self.promises.purge(belly, n, now, at);
                    self.advance(MINUTE); // a tombstone is exact to the minute
                }
                8 => {
                    let minutes = self.rng.random_range(1..15);
                    self.advance(MINUTE * minutes);
                }
                _ => self.flush(belly),
            }
        }
    }

    /// Lives through turns of the hour and an expiry, with files that are sealed and deleted.
    fn live(&mut self, dir: &Path, hours: u32) {
        let belly = open(dir, &self.clock);
        for _ in 0..hours {
            self.pass(&belly, 25);
            self.flush(&belly);
            self.advance(HOUR + MINUTE);
            self.pass(&belly, 6);
            let old = self.clock.secs() / 3600;
            let open = |name: &&String| {
                name.ends_with(".log.db-wal") && hour(name) < old && size(&dir.join(name)) > 0
            };
            until("files whose hour is over are sealed", || {
                let open: Vec<_> = names(dir).iter().filter(open).cloned().collect();
                if open.is_empty() { Ok(()) } else { Err(format!("{open:?} in {:?}", names(dir))) }
            });
        }
        if self.rng.random_bool(0.7) {
            let days = self.rng.random_range(20..52);
            self.advance(HOUR * days);
            self.pass(&belly, 8);
            let oldest = self.clock.secs() / 3600 - 50;
            until("expired files are deleted", || {
                self.disk.look();
                let old: Vec<_> = names(dir).into_iter().filter(|name| hour(name) <= oldest).collect();
                if old.is_empty() { Ok(()) } else { Err(format!("{old:?}")) }
            });
            self.pass(&belly, 8);
        }
        drop(belly);
    }

    /// Where to cut: at answers, around syncs, anywhere.
    fn cut(&mut self, ops: &[Op], answers: &[usize]) -> usize {
        let anywhere = self.rng.random_range(self.begin..=ops.len());
        match self.rng.random_range(0..4) {
            0 => answers.choose(&mut self.rng).copied().unwrap_or(anywhere),
            1 => {
                let sync = |op: &Op| matches!(op, Op::Sync { .. } | Op::SyncDir | Op::Unlink { .. });
                let all = ops.iter().enumerate().skip(self.begin);
                let syncs: Vec<_> = all.filter(|(_, op)| sync(op)).collect();
                let near = syncs.choose(&mut self.rng).map_or(anywhere, |(at, _)| *at);
                (near + self.rng.random_range(0..3)).min(ops.len())
            }
            // the beginning, where files are made
            2 => self.rng.random_range(self.begin..=ops.len().min(self.begin + 60)),
            _ => anywhere,
        }
    }
}

pub(crate) fn names(dir: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(dir).expect("readable");
    entries.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned()).collect()
}

fn size(path: &Path) -> u64 {
    std::fs::metadata(path).map_or(0, |file| file.len())
}

/// Of a generation's file.
fn hour(name: &str) -> u32 {
    name.split('-').next().and_then(|hour| hour.parse().ok()).unwrap_or(u32::MAX)
}

pub(crate) fn check_files(dir: &Path) {
    for name in names(dir).iter().filter(|name| name.ends_with(".db")) {
        let db = rusqlite::Connection::open(dir.join(name)).expect("opens");
        let check: String = db.query_row("PRAGMA quick_check", [], |row| row.get(0)).expect("checked");
        assert_eq!(check, "ok", "{name}");
    }
    for file in hydrad::belly::offline::check(dir, &mut |_, _| {}).expect("readable") {
        assert_eq!((file.damaged, file.fault), (0, None), "{}", file.name);
    }
    let damaged: Vec<_> = names(dir).into_iter().filter(|name| name.contains("damaged")).collect();
    assert!(damaged.is_empty(), "{damaged:?}");
}

#[test]
fn after_a_power_cut_what_was_answered_is_there_with_its_owner_and_nothing_else() {
    let (lives, cuts) = if long() { (20, 100) } else { (2, 30) };
    let mut rng = chance();
    let mut dir = tempfile::tempdir().expect("a directory");
    let (mut clock, mut promises, mut next) = (Clock::manual(start()), Promises::default(), 0);
    for life in 0..lives {
        let disk = Disk::watch(dir.path());
        let times = vec![(0, clock.secs())];
        let begin = disk.now();
        let mut lived =
            Life { disk, clock, promises, times, rng: StdRng::seed_from_u64(rng.random()), next, begin };
        lived.live(dir.path(), 2);
        let ops = lived.disk.ops();
        let mut answers = lived.promises.answers();
        answers.retain(|at| *at >= begin);
        note(&format!("life {life}: {} operations, {} records", ops.len(), lived.promises.len()));
        let mut left = None;
        for n in 0..cuts {
            let (at, chance) = (lived.cut(&ops, &answers), rng.random());
            note(&format!("life {life}, cut {n} at operation {at} of {}", ops.len()));
            let after = tempfile::tempdir().expect("a directory");
            Image::after(&ops[..at], chance).write(after.path());
            let now = lived.time_at(at);
            let time = start() + Duration::from_secs(u64::from(now)) - Duration::from_secs(1_800_000_000);
            let clock = Clock::manual(time);
            let belly = LogBelly::open(config(after.path(), &clock)).expect("the store opens");
            let found = lived.promises.check(&belly, at, now);
            drop(belly);
            check_files(after.path());
            left = Some((after, clock, found));
        }
        next = lived.next;
        (dir, clock, promises) = left.expect("a cut");
    }
}
