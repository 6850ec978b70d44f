//! Which files there are, and which generation takes what is announced now.
//!
//! Owns the list of files and the assignment of generation numbers to hours. Touches no
//! file.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use parking_lot::Mutex;

use crate::belly::index::{Generations, Rank};
use crate::belly::log::Name;
use crate::belly::segments::Header;

/// A record of an hour is served so many hours after the hour began: 48 h after its end.
pub(super) const SERVED_HOURS: u32 = 49;
/// … and its file is deleted an hour later.
pub(super) const KEPT_HOURS: u32 = 50;

/// How the numbers of a file's providers are to be read.
#[derive(Debug, Default)]
pub(super) struct Numbers {
    /// Numbers that mean the same in memory, a bit each.
    same: Vec<u64>,
    /// Numbers that mean another one: the file's was taken when it was loaded.
    other: HashMap<u32, u32>,
    /// Something of the file is broken.
    unsound: AtomicBool,
}

impl Numbers {
    pub(super) fn insert(&mut self, in_file: u32, in_memory: u32) {
        if in_file != in_memory {
            self.other.insert(in_file, in_memory);
            return;
        }
        let at = in_file as usize / 64;
        if self.same.len() <= at {
            self.same.resize(at + 1, 0);
        }
        self.same[at] |= 1 << (in_file % 64);
    }

    #[inline]
    pub(super) fn read(&self, in_file: u32) -> Option<u32> {
        if self.is_same(in_file) { Some(in_file) } else { self.other.get(&in_file).copied() }
    }

    #[inline]
    fn is_same(&self, number: u32) -> bool {
        self.same.get(number as usize / 64).is_some_and(|bits| bits & (1 << (number % 64)) != 0)
    }

    /// Something of the file is broken: it is read, and never continued.
    pub(super) fn set_unsound(&self) {
        self.unsound.store(true, Ordering::Release);
    }

    /// The file may be continued: it is whole, and its numbers are those of memory.
    fn plain(&self) -> bool {
        self.other.is_empty() && !self.unsound.load(Ordering::Acquire)
    }
}

/// What is known of a file.
#[derive(Debug, Clone, Default)]
pub(super) struct Entry {
    /// The number that the index has for its records; 0 when they are not served.
    pub(super) generation: u8,
    /// With its write-ahead log.
    pub(super) bytes: u64,
    /// `None` for a file that was made in this run: its numbers are those of memory.
    pub(super) numbers: Option<Arc<Numbers>>,
    /// It takes, or took, records in this run.
    pub(super) written: bool,
    /// Its segment, when that is whole.
    pub(super) segment: Option<Header>,
}

impl Entry {
    /// The number in memory for one of the file.
    #[inline]
    pub(super) fn number(&self, in_file: u32) -> Option<u32> {
        match &self.numbers {
            // a file that is continued has new numbers, and its old ones are the same
            Some(numbers) if !self.written => numbers.read(in_file),
            Some(numbers) => Some(numbers.read(in_file).unwrap_or(in_file)),
            None => Some(in_file),
        }
    }

    /// Nothing of the file was found broken.
    pub(super) fn is_sound(&self) -> bool {
        self.numbers.as_ref().is_none_or(|numbers| !numbers.unsound.load(Ordering::Acquire))
    }

    /// The number in the file for one of memory: the way back from [`Self::number`].
    pub(super) fn in_file(&self) -> impl Fn(u32) -> Option<u32> + use<> {
        let numbers = self.numbers.clone().filter(|_| !self.written);
        let other: HashMap<u32, u32> = numbers
            .iter()
            .flat_map(|numbers| &numbers.other)
            .map(|(file, memory)| (*memory, *file))
            .collect();
        move |number| match &numbers {
            None => Some(number),
            Some(numbers) => {
                other.get(&number).copied().or_else(|| numbers.is_same(number).then_some(number))
            }
        }
    }

    /// It may take records.
    fn open(&self) -> bool {
        self.numbers.as_ref().is_none_or(|numbers| numbers.plain())
    }
}

#[derive(Default)]
pub(super) struct Catalogue {
    files: Mutex<BTreeMap<Name, Entry>>,
    /// The current hour and its generations near and far, on disk and in memory only:
    /// 32 bits and four times 8.
    current: AtomicU64,
}

fn lane(near: bool, disk: bool) -> u32 {
    (u32::from(near) * 2 + u32::from(disk)) * 8
}

impl Catalogue {
    /// The generation of records that come in this hour; `None` when all numbers are taken.
    #[inline]
    pub(super) fn current(&self, generations: &Generations, hour: u32, near: bool, disk: bool) -> Option<u8> {
        let current = self.current.load(Ordering::Acquire);
        let number = (current >> lane(near, disk)) as u8;
        if (current >> 32) as u32 == hour && number != 0 {
            return Some(number);
        }
        self.begin(generations, Rank::new(hour, near, disk))
    }

    #[cold]
    fn begin(&self, generations: &Generations, rank: Rank) -> Option<u8> {
        let _one_at_a_time = self.files.lock();
        let until = rank.hour().saturating_add(SERVED_HOURS).saturating_mul(3600);
        let known = generations.numbers().find(|(n, r)| *r == rank && generations.until(*n) == until);
        let number = match known {
            Some((number, _)) => number,
            None => generations.begin(rank, until)?,
        };
        let mut current = self.current.load(Ordering::Acquire);
        if (current >> 32) as u32 != rank.hour() {
            if (current >> 32) as u32 > rank.hour() {
                return Some(number); // a thread that was slow at the turn of the hour
            }
            current = u64::from(rank.hour()) << 32;
        }
        current &= !(0xff << lane(rank.near(), rank.disk()));
        current |= u64::from(number) << lane(rank.near(), rank.disk());
        self.current.store(current, Ordering::Release);
        Some(number)
    }

    /// What comes from now on goes to generations that are looked up anew.
    pub(super) fn renew(&self) {
        let _one_at_a_time = self.files.lock();
        self.current.store(0, Ordering::Release);
    }

    /// A number for the records of a file that is there; files of one hour and nearness
    /// share it.
    pub(super) fn adopt(&self, generations: &Generations, name: Name) -> Option<u8> {
        self.begin(generations, Rank::new(name.hour, name.near, true))
    }

    pub(super) fn insert(&self, name: Name, entry: Entry) {
        self.files.lock().insert(name, entry);
    }

    pub(super) fn remove(&self, name: Name) {
        self.files.lock().remove(&name);
    }

    pub(super) fn set_bytes(&self, name: Name, bytes: u64) {
        if let Some(entry) = self.files.lock().get_mut(&name) {
            entry.bytes = bytes;
        }
    }

    pub(super) fn set_segment(&self, name: Name, segment: Option<Header>) {
        if let Some(entry) = self.files.lock().get_mut(&name) {
            entry.segment = segment;
        }
    }

    /// `None` when the file is not served, or another one has records of its generation.
    pub(super) fn only_file_of_its_generation(&self, name: Name) -> Option<Entry> {
        let files = self.files.lock();
        let entry = files.get(&name).filter(|entry| entry.generation != 0)?;
        let of_it = files.values().filter(|other| other.generation == entry.generation).count();
        (of_it == 1).then(|| entry.clone())
    }

    /// Files in the order of their hours, the newest first, near before far.
    pub(super) fn files(&self) -> Vec<(Name, Entry)> {
        self.files.lock().iter().rev().map(|(name, entry)| (*name, entry.clone())).collect()
    }

    /// The file that takes records of this generation from now on; of several, one that
    /// may be continued.
    pub(super) fn file_of(&self, generation: u8) -> Option<Name> {
        let mut files = self.files.lock();
        let (name, entry) = files.iter_mut().find(|(_, e)| e.generation == generation && e.open())?;
        entry.written = true;
        Some(*name)
    }

    /// False when the file was found broken since, or is gone.
    pub(super) fn may_continue(&self, name: Name) -> bool {
        self.files.lock().get(&name).is_some_and(Entry::open)
    }

    /// The hour of the oldest file; `now` when there is none.
    pub(super) fn oldest_hour(&self, now: u32) -> u32 {
        self.files.lock().first_key_value().map_or(now, |(name, _)| name.hour.min(now))
    }

    pub(super) fn bytes(&self) -> u64 {
        self.files.lock().values().map(|entry| entry.bytes).sum()
    }

    /// These generations are served no more: their files wait for deletion.
    pub(super) fn retire(&self, numbers: &[bool; 256]) {
        for entry in self.files.lock().values_mut() {
            if numbers[usize::from(entry.generation)] {
                entry.generation = 0;
            }
        }
    }
}
