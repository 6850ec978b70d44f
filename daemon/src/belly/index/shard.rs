//! A shard: a table of at most some 64 Ki entries of 11 bytes in parallel arrays.
//!
//! Linear probing in the order of the fingerprints: an entry's slot is its fingerprint
//! scaled to the table, so that the whole table is sorted, a miss ends at the first
//! greater fingerprint, and growing, shrinking or sweeping is one sequential pass of
//! some 100 µs. There are no marks of deletion.

use std::collections::HashMap;

use super::hot::List;
use super::{Arrival, Change, Generations, MAX_IN_TABLE, renew};
use crate::belly::Refused;

/// No entry here. Greater than every fingerprint, so that it ends each probe.
const EMPTY: u32 = u32::MAX;

/// The smallest table.
const MIN_SLOTS: usize = 32;

/// 48 bits of a key's hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Print {
    high: u32,
    low: u16,
}

impl Print {
    fn of(hash: u64) -> Self {
        Self { high: ((hash >> 16) as u32).min(EMPTY - 1), low: hash as u16 }
    }

    fn whole(self) -> u64 {
        u64::from(self.high) << 16 | u64::from(self.low)
    }
}

#[derive(Clone, Copy)]
struct Entry {
    print: Print,
    provider: u32,
    generation: u8,
}

/// The arrays. Their last slot is always empty.
struct Table {
    high: Box<[u32]>,
    low: Box<[u16]>,
    provider: Box<[u32]>,
    generation: Box<[u8]>,
    /// Slots that fingerprints are scaled to; what follows takes the last cluster's tail.
    range: u32,
    len: usize,
}

impl Table {
    fn new(slots: usize) -> Self {
        let slack = (slots / 8).min(128);
        Self {
            high: vec![EMPTY; slots].into(),
            low: vec![0; slots].into(),
            provider: vec![0; slots].into(),
            generation: vec![0; slots].into(),
            range: u32::try_from(slots - slack).unwrap_or(u32::MAX),
            len: 0,
        }
    }

    fn slots(&self) -> usize {
        self.high.len()
    }

    #[inline]
    fn home(&self, high: u32) -> usize {
        ((u64::from(high) * u64::from(self.range)) >> 32) as usize
    }

    /// The slots that hold this fingerprint's upper part, or where it would go.
    #[inline]
    fn run(&self, high: u32) -> std::ops::Range<usize> {
        let home = self.home(high);
        let rest = &self.high[home..];
        let begin = home + rest.iter().position(|h| *h >= high).unwrap_or(rest.len());
        let rest = &self.high[begin..];
        begin..begin + rest.iter().position(|h| *h != high).unwrap_or(rest.len())
    }

    fn get(&self, at: usize) -> Entry {
        Entry {
            print: Print { high: self.high[at], low: self.low[at] },
            provider: self.provider[at],
            generation: self.generation[at],
        }
    }

    fn set(&mut self, at: usize, entry: Entry) {
        self.high[at] = entry.print.high;
        self.low[at] = entry.print.low;
        self.provider[at] = entry.provider;
        self.generation[at] = entry.generation;
    }

    /// `false` when the table must grow first.
    fn insert(&mut self, at: usize, entry: Entry) -> bool {
        let Some(empty) = self.high[at..].iter().position(|h| *h == EMPTY).map(|i| at + i) else {
            return false;
        };
        if empty + 1 >= self.slots() {
            return false;
        }
        if empty > at {
            self.high.copy_within(at..empty, at + 1);
            self.low.copy_within(at..empty, at + 1);
            self.provider.copy_within(at..empty, at + 1);
            self.generation.copy_within(at..empty, at + 1);
        }
        self.set(at, entry);
        self.len += 1;
        true
    }

    fn remove(&mut self, at: usize) -> Entry {
        let entry = self.get(at);
        let mut end = at + 1;
        while self.high[end] != EMPTY && self.home(self.high[end]) < end {
            end += 1;
        }
        self.high.copy_within(at + 1..end, at);
        self.low.copy_within(at + 1..end, at);
        self.provider.copy_within(at + 1..end, at);
        self.generation.copy_within(at + 1..end, at);
        self.high[end - 1] = EMPTY;
        self.len -= 1;
        entry
    }

    /// All entries into another size, in order; `None` when the end of it is too crowded.
    fn resized(&self, slots: usize) -> Option<Self> {
        let mut table = Self::new(slots);
        let mut next = 0;
        for (at, high) in self.high.iter().enumerate().filter(|(_, high)| **high != EMPTY) {
            let to = table.home(*high).max(next);
            if to + 1 >= slots {
                return None;
            }
            table.set(to, self.get(at));
            next = to + 1;
        }
        table.len = self.len;
        Some(table)
    }

    /// Removes what `keep` does not want, in one pass.
    fn retain(&mut self, mut keep: impl FnMut(u32, u8) -> bool) {
        let mut next = 0;
        for at in 0..self.slots() {
            if self.high[at] == EMPTY {
                continue;
            }
            let entry = self.get(at);
            self.high[at] = EMPTY;
            if keep(entry.provider, entry.generation) {
                let to = self.home(entry.print.high).max(next);
                self.set(to, entry);
                next = to + 1;
            } else {
                self.len -= 1;
            }
        }
    }
}

/// Sizes are 4, 5, 6 or 7 times a power of two: those that the allocator (jemalloc) has,
/// so that growing by less would only be rounded up by it.
fn larger(slots: usize) -> usize {
    slots + (1 << (slots / 4).max(1).ilog2())
}

pub(super) struct Shard {
    table: Table,
    /// Keys with more than [`MAX_IN_TABLE`] providers, by fingerprint.
    hot: Option<HashMap<u64, List>>,
    /// Entries of `hot`.
    listed: usize,
    /// How full the table gets, in 1/256: differs from shard to shard, so that they do
    /// not all grow at the same time.
    fill: u16,
}

impl Shard {
    pub(super) fn new(number: usize) -> Self {
        // multiples of the golden ratio are spread evenly
        let spread = (number as u32).wrapping_mul(0x9e37_79b9) >> 20;
        Self { table: Table::new(MIN_SLOTS), hot: None, listed: 0, fill: 218 + (spread * 14 / 4096) as u16 }
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.table.len + self.listed
    }

    /// Bytes of the arrays and lists.
    #[cfg(test)]
    pub(super) fn bytes(&self) -> usize {
        self.table.slots() * 11 + self.listed * 10
    }

    fn full(&self) -> bool {
        self.table.len * 256 >= self.table.range as usize * usize::from(self.fill)
    }

    fn list(&self, print: Print) -> Option<&List> {
        self.hot.as_ref()?.get(&print.whole())
    }

    pub(super) fn put(
        &mut self,
        generations: &Generations,
        arrival: &Arrival,
        group_of: &dyn Fn(u32) -> u16,
        may_grow: impl FnOnce() -> Result<(), Refused>,
    ) -> Result<Change, Refused> {
        let print = Print::of(arrival.hash);
        if let Some(list) = self.hot.as_mut().and_then(|hot| hot.get_mut(&print.whole())) {
            let group = group_of(arrival.provider);
            let change = list.put(generations, arrival, group, may_grow)?;
            self.listed += usize::from(matches!(change, Change::New { displaced: None }));
            return Ok(change);
        }
        let mut run = self.table.run(print.high);
        let mut same = 0;
        for at in run.clone() {
            if self.table.low[at] != print.low {
                continue;
            }
            if self.table.provider[at] == arrival.provider {
                return Ok(renew(generations, &mut self.table.generation[at], arrival));
            }
            same += 1;
        }
        may_grow()?;
        if same >= MAX_IN_TABLE {
            self.heat(print, group_of);
            let hot = self.hot.get_or_insert_default();
            let list = hot.entry(print.whole()).or_default();
            let change = list.put(generations, arrival, group_of(arrival.provider), || Ok(()));
            self.listed += 1;
            return change;
        }
        let entry = Entry { print, provider: arrival.provider, generation: arrival.generation };
        if self.full() {
            self.grow();
            run = self.table.run(print.high);
        }
        while !self.table.insert(run.end, entry) {
            self.grow();
            run = self.table.run(print.high);
        }
        generations.gain(arrival.generation);
        Ok(Change::New { displaced: None })
    }

    fn grow(&mut self) {
        let mut slots = larger(self.table.slots());
        loop {
            if let Some(table) = self.table.resized(slots) {
                self.table = table;
                return;
            }
            slots = larger(slots);
        }
    }

    /// Moves a key's entries to a list.
    fn heat(&mut self, print: Print, group_of: &dyn Fn(u32) -> u16) {
        let mut list = List::default();
        let mut at = self.table.run(print.high).start;
        while self.table.high[at] == print.high {
            if self.table.low[at] == print.low {
                let entry = self.table.remove(at);
                list.push(entry.provider, entry.generation, group_of(entry.provider));
            } else {
                at += 1;
            }
        }
        self.listed += list.len();
        self.hot.get_or_insert_default().insert(print.whole(), list);
    }

    /// The generation that a record is in.
    pub(super) fn generation(&self, hash: u64, provider: u32) -> Option<u8> {
        let print = Print::of(hash);
        for at in self.table.run(print.high) {
            if self.table.low[at] == print.low && self.table.provider[at] == provider {
                return Some(self.table.generation[at]);
            }
        }
        self.list(print)?.iter().find(|(p, _)| *p == provider).map(|(_, generation)| generation)
    }

    /// All entries of a key, whether served or not.
    #[inline]
    pub(super) fn holders(&self, hash: u64, mut each: impl FnMut(u32, u8)) {
        let print = Print::of(hash);
        for at in self.table.run(print.high) {
            if self.table.low[at] == print.low {
                each(self.table.provider[at], self.table.generation[at]);
            }
        }
        for (provider, generation) in self.list(print).into_iter().flat_map(List::iter) {
            each(provider, generation);
        }
    }

    /// Forgets a key; the entries are told.
    pub(super) fn remove_key(&mut self, generations: &Generations, hash: u64, mut gone: impl FnMut(u32)) {
        let print = Print::of(hash);
        let mut at = self.table.run(print.high).start;
        while self.table.high[at] == print.high {
            if self.table.low[at] == print.low {
                let entry = self.table.remove(at);
                generations.lose(entry.generation);
                gone(entry.provider);
            } else {
                at += 1;
            }
        }
        if let Some(list) = self.hot.as_mut().and_then(|hot| hot.remove(&print.whole())) {
            self.listed -= list.len();
            for (provider, generation) in list.iter() {
                generations.lose(generation);
                gone(provider);
            }
        }
    }

    /// Forgets what `keep` does not want, told with provider and generation; gives back
    /// memory that is no longer needed.
    pub(super) fn retain(
        &mut self,
        generations: &Generations,
        keep: impl Fn(u32, u8) -> bool,
        mut gone: impl FnMut(u32),
    ) {
        let mut wanted = |provider, generation| {
            let kept = keep(provider, generation);
            if !kept {
                generations.lose(generation);
                gone(provider);
            }
            kept
        };
        let before = self.table.len;
        self.table.retain(&mut wanted);
        if let Some(hot) = &mut self.hot {
            hot.values_mut().for_each(|list| list.retain(&mut wanted));
            self.listed = hot.values().map(List::len).sum();
            self.cool();
        }
        let slots = self.table.slots();
        if self.table.len < before && slots > MIN_SLOTS && self.table.len * 2 < slots {
            let mut fits = MIN_SLOTS;
            while fits * 3 / 4 < self.table.len {
                fits = larger(fits);
            }
            if let Some(table) = self.table.resized(fits) {
                self.table = table;
            }
        }
    }

    /// Lists that became short go back into the table.
    fn cool(&mut self) {
        let Some(hot) = &mut self.hot else { return };
        let short = hot.extract_if(|_, list| list.len() <= MAX_IN_TABLE / 2).collect::<Vec<_>>();
        if hot.is_empty() {
            self.hot = None;
        }
        for (whole, list) in short {
            self.listed -= list.len();
            let print = Print { high: (whole >> 16) as u32, low: whole as u16 };
            for (provider, generation) in list.iter() {
                while self.full()
                    || !self
                        .table
                        .insert(self.table.run(print.high).end, Entry { print, provider, generation })
                {
                    self.grow();
                }
            }
        }
    }

    #[cfg(test)]
    pub(super) fn listed(&self) -> usize {
        self.listed
    }

    #[cfg(test)]
    pub(super) fn check(&self) {
        let mut last = 0;
        let mut len = 0;
        for (at, high) in self.table.high.iter().enumerate().filter(|(_, high)| **high != EMPTY) {
            assert!(*high >= last, "out of order");
            let home = self.table.home(*high);
            assert!(home <= at, "before its home");
            assert!(self.table.high[home..at].iter().all(|h| *h != EMPTY), "unreachable");
            last = *high;
            len += 1;
        }
        assert_eq!(len, self.table.len);
        assert_eq!(self.table.high.last(), Some(&EMPTY));
        let listed: usize = self.hot.iter().flat_map(|hot| hot.values()).map(List::len).sum();
        assert_eq!(listed, self.listed);
    }
}
