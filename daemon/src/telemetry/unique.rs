//! How many distinct peers were seen: by connection, by request and by crawl, each hour and
//! in all.
//!
//! Owns the running sketches. A peer is counted with one load where it is known already; the
//! hour turns when it is told to. Keeping them over a restart is the caller's.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU8, Ordering::Relaxed};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use hydra_protocol::sketch::{REGISTERS, Sketch};
use parking_lot::Mutex;

/// Complete hours kept.
pub const HOURS: usize = 24;

/// How a peer came to be seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SeenBy {
    /// It has a connection with a head.
    Connection,
    /// It sent a request to a head.
    Request,
    /// The scout reached it.
    Crawl,
}

impl SeenBy {
    pub const ALL: [Self; 3] = [Self::Connection, Self::Request, Self::Crawl];

    /// Its name in JSON and in the state.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Connection => "connection",
            Self::Request => "request",
            Self::Crawl => "crawl",
        }
    }
}

/// A count: of one hour, or of all time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Counted {
    pub by: SeenBy,
    /// Hours since 1970; none: in all.
    pub hour: Option<u64>,
    pub sketch: Sketch,
}

impl Counted {
    /// When the hour began; none: in all.
    #[must_use]
    pub fn began(&self) -> Option<SystemTime> {
        self.hour.map(|hour| UNIX_EPOCH + Duration::from_secs(hour * 3600))
    }
}

/// The counts of the process.
#[derive(Debug, Default)]
pub struct UniquePeers {
    running: [Running; 3],
    hours: Mutex<Hours>,
}

#[derive(Debug, Default)]
struct Running {
    total: Registers,
    hour: Registers,
}

#[derive(Debug, Default)]
struct Hours {
    /// The hour that is being counted; 0 before the first turn.
    now: u64,
    complete: BTreeMap<(u64, SeenBy), Sketch>,
}

#[derive(Debug)]
struct Registers(Box<[AtomicU8]>);

impl Default for Registers {
    fn default() -> Self {
        Self((0..REGISTERS).map(|_| AtomicU8::new(0)).collect())
    }
}

impl Registers {
    fn raise(&self, register: usize, rank: u8) {
        let Some(old) = self.0.get(register) else { return };
        if old.load(Relaxed) < rank {
            old.fetch_max(rank, Relaxed);
        }
    }

    fn join(&self, sketch: &Sketch) {
        for (register, rank) in sketch.registers().iter().enumerate() {
            self.raise(register, *rank);
        }
    }

    fn sketch(&self, read: impl Fn(&AtomicU8) -> u8) -> Sketch {
        let mut sketch = Sketch::default();
        for (register, rank) in self.0.iter().enumerate() {
            sketch.raise(register, read(rank));
        }
        sketch
    }
}

impl UniquePeers {
    /// A peer is here; `place` is SHA-256 of its id's bytes.
    pub fn seen(&self, by: SeenBy, place: &[u8; 32]) {
        let (register, rank) = Sketch::place(place);
        let running = &self.running[by as usize];
        running.total.raise(register, rank);
        running.hour.raise(register, rank);
    }

    /// Ends the hour that is counted when another has begun. Whether one ended.
    pub fn turn(&self, now: SystemTime) -> bool {
        let hour = now.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs() / 3600;
        let mut hours = self.hours.lock();
        let before = std::mem::replace(&mut hours.now, hour);
        if before == 0 || before == hour {
            return false;
        }
        for by in SeenBy::ALL {
            let ended = self.running[by as usize].hour.sketch(|rank| rank.swap(0, Relaxed));
            hours.keep(before, by, &ended);
        }
        true
    }

    /// Takes in what was kept of an earlier run.
    pub fn restore(&self, counted: &Counted) {
        let running = &self.running[counted.by as usize];
        let mut hours = self.hours.lock();
        match counted.hour {
            None => running.total.join(&counted.sketch),
            Some(hour) if hour == hours.now => running.hour.join(&counted.sketch),
            Some(hour) => hours.keep(hour, counted.by, &counted.sketch),
        }
    }

    /// All counts: in total, then by hour, the newest first. The newest hour is not over.
    #[must_use]
    pub fn counts(&self) -> Vec<Counted> {
        let read = |rank: &AtomicU8| rank.load(Relaxed);
        let of = |by: SeenBy| &self.running[by as usize];
        let mut counts: Vec<Counted> =
            SeenBy::ALL.map(|by| Counted { by, hour: None, sketch: of(by).total.sketch(read) }).into();
        let hours = self.hours.lock();
        counts.extend(SeenBy::ALL.map(|by| Counted {
            by,
            hour: Some(hours.now),
            sketch: of(by).hour.sketch(read),
        }));
        counts.extend(hours.complete.iter().rev().map(|((hour, by), sketch)| Counted {
            by: *by,
            hour: Some(*hour),
            sketch: sketch.clone(),
        }));
        counts
    }

    /// Distinct peers seen in this way, in all.
    #[must_use]
    pub fn total(&self, by: SeenBy) -> u64 {
        self.running[by as usize].total.sketch(|rank| rank.load(Relaxed)).estimate()
    }

    /// Distinct peers seen in any way within the last 24 hours and this one.
    #[must_use]
    pub fn last_day(&self) -> u64 {
        let mut all = Sketch::default();
        for counted in self.counts().iter().filter(|counted| counted.hour.is_some()) {
            all.merge(&counted.sketch);
        }
        all.estimate()
    }
}

impl Hours {
    /// Keeps a complete hour; those that are too old leave.
    fn keep(&mut self, hour: u64, by: SeenBy, sketch: &Sketch) {
        self.complete.entry((hour, by)).or_default().merge(sketch);
        let oldest = self.now.saturating_sub(HOURS as u64);
        self.complete.retain(|(hour, _), _| *hour >= oldest);
        // a clock that jumps to and fro makes no more hours than this
        while self.complete.len() > HOURS * SeenBy::ALL.len() {
            self.complete.pop_first();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_secs(3600);

    fn place(n: u32) -> [u8; 32] {
        let mut place = [0; 32];
        let mixed = u64::from(n).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        place[8..16]
            .copy_from_slice(&(mixed ^ (mixed >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9).to_be_bytes());
        place
    }

    fn estimate(unique: &UniquePeers, by: SeenBy, hour: Option<u64>) -> Option<u64> {
        let counts = unique.counts();
        counts.iter().find(|c| c.by == by && c.hour == hour).map(|c| c.sketch.estimate())
    }

    #[test]
    fn an_hour_ends_and_the_total_goes_on() {
        let unique = UniquePeers::default();
        let start = UNIX_EPOCH + 500_000 * HOUR;
        assert!(!unique.turn(start));
        for n in 0..100 {
            unique.seen(SeenBy::Connection, &place(n));
            unique.seen(SeenBy::Connection, &place(n));
        }
        unique.seen(SeenBy::Crawl, &place(7));
        assert!(!unique.turn(start + HOUR / 2) && unique.turn(start + HOUR));
        unique.seen(SeenBy::Connection, &place(5));
        unique.seen(SeenBy::Connection, &place(1_000));
        let by = SeenBy::Connection;
        let counted = [None, Some(500_000), Some(500_001)].map(|hour| estimate(&unique, by, hour));
        // two of a hundred may share a register
        let near = |got: Option<u64>, exact: u64| got.is_some_and(|got| got.abs_diff(exact) <= 2);
        assert!(near(counted[0], 101) && near(counted[1], 100) && counted[2] == Some(2), "{counted:?}");
        assert_eq!(estimate(&unique, SeenBy::Crawl, None), Some(1));
        assert!(near(Some(unique.last_day()), 101));
    }

    #[test]
    fn hours_are_kept_for_a_day_also_when_the_clock_jumps() {
        let unique = UniquePeers::default();
        for hour in (500_000..500_100).chain(1_000..1_100) {
            unique.turn(UNIX_EPOCH + hour * HOUR);
            unique.seen(SeenBy::Request, &place(hour));
            assert!(unique.counts().len() <= 3 * (HOURS + 2));
        }
        assert!(unique.counts().len() > 3 * HOURS);
    }

    #[test]
    fn what_was_kept_joins_what_is_counted() {
        let (before, after) = (UniquePeers::default(), UniquePeers::default());
        let start = UNIX_EPOCH + 500_000 * HOUR;
        for unique in [&before, &after] {
            unique.turn(start);
        }
        for n in 0..50 {
            before.seen(SeenBy::Request, &place(n));
            after.seen(SeenBy::Request, &place(n + 25));
        }
        for counted in before.counts() {
            after.restore(&counted);
        }
        for hour in [None, Some(500_000)] {
            let united = estimate(&after, SeenBy::Request, hour).expect("counted");
            assert!(united.abs_diff(75) <= 2, "{united}");
        }
    }
}
