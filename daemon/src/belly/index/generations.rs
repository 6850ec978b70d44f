//! The generations that entries of the index name by one byte.
//!
//! Owns for each number: how new it is, until when its records are served, and how many
//! entries name it. Ending a generation is one store here; its entries are swept later
//! and are no longer served meanwhile. Knows no files.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering::Relaxed};

/// Numbers of an entry's byte; 0 is no generation.
pub(in crate::belly) const NUMBERS: usize = 256;

/// What a generation is: of two that name the same record the greater one counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(in crate::belly) struct Rank(u32);

impl Rank {
    /// `hour` is in hours since the Unix epoch; `disk`: its records go to a file.
    pub(in crate::belly) fn new(hour: u32, near: bool, disk: bool) -> Self {
        Self((hour.min(u32::MAX >> 2) << 2) | (u32::from(near) << 1) | u32::from(disk))
    }

    pub(in crate::belly) fn hour(self) -> u32 {
        self.0 >> 2
    }

    pub(in crate::belly) fn near(self) -> bool {
        self.0 & 2 != 0
    }

    /// The records of this generation are in a file, or on their way there.
    pub(in crate::belly) fn disk(self) -> bool {
        self.0 & 1 != 0
    }
}

struct Slot {
    /// 0 when the number is free.
    rank: AtomicU32,
    /// Seconds since the Unix epoch; 0 when it has ended.
    until: AtomicU32,
    count: AtomicU64,
}

pub(in crate::belly) struct Generations(Box<[Slot; NUMBERS]>);

impl Default for Generations {
    fn default() -> Self {
        let slot = || Slot { rank: AtomicU32::new(0), until: AtomicU32::new(0), count: AtomicU64::new(0) };
        Self(Box::new(std::array::from_fn(|_| slot())))
    }
}

impl Generations {
    fn slot(&self, number: u8) -> &Slot {
        &self.0[usize::from(number)]
    }

    /// Takes a free number; `None` when all are in use. One caller at a time.
    pub(in crate::belly) fn begin(&self, rank: Rank, until: u32) -> Option<u8> {
        let number = (1..=u8::MAX).find(|n| self.slot(*n).rank.load(Relaxed) == 0)?;
        self.slot(number).rank.store(rank.0, Relaxed);
        self.slot(number).until.store(until, Relaxed);
        Some(number)
    }

    pub(in crate::belly) fn rank(&self, number: u8) -> Rank {
        Rank(self.slot(number).rank.load(Relaxed))
    }

    /// Its file is gone: its records are in memory only.
    pub(in crate::belly) fn lose_disk(&self, number: u8) {
        self.slot(number).rank.fetch_and(!1, Relaxed);
    }

    pub(in crate::belly) fn live(&self, number: u8, now: u32) -> bool {
        now < self.until(number)
    }

    pub(in crate::belly) fn until(&self, number: u8) -> u32 {
        self.slot(number).until.load(Relaxed)
    }

    /// Nothing of it is served any more.
    pub(in crate::belly) fn end(&self, number: u8) {
        self.slot(number).until.store(0, Relaxed);
    }

    /// The number may be used again: no entry names it.
    pub(in crate::belly) fn free(&self, number: u8) {
        debug_assert_eq!(self.count(number), 0);
        self.end(number);
        self.slot(number).rank.store(0, Relaxed);
    }

    /// Numbers in use.
    pub(in crate::belly) fn numbers(&self) -> impl Iterator<Item = (u8, Rank)> + '_ {
        (1..=u8::MAX).map(|n| (n, self.rank(n))).filter(|(_, rank)| rank.0 != 0)
    }

    /// Entries that name the generation.
    pub(in crate::belly) fn count(&self, number: u8) -> u64 {
        self.slot(number).count.load(Relaxed)
    }

    /// Entries of generations that are served: exact, in constant time.
    pub(in crate::belly) fn total(&self, now: u32) -> u64 {
        (1..=u8::MAX).filter(|n| self.live(*n, now)).map(|n| self.count(n)).sum()
    }

    pub(super) fn gain(&self, number: u8) {
        self.gain_many(number, 1);
    }

    pub(super) fn gain_many(&self, number: u8, entries: u64) {
        self.slot(number).count.fetch_add(entries, Relaxed);
    }

    pub(super) fn lose(&self, number: u8) {
        self.slot(number).count.fetch_sub(1, Relaxed);
    }
}
