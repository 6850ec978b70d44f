//! A shard: a table of at most some 64 Ki entries, and lists for the keys with many.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use super::hot::List;
use super::table::{EMPTY, Entry, MIN_SLOTS, Print, SLOT, Table, larger, range};
use super::{Arrival, Change, Generations, MAX_IN_TABLE, renew};
use crate::belly::Refused;

/// So many sorted entries tell how many their shard will have.
const MIN_PART: usize = 256;
/// A table of so many slots is not made larger for entries that have not come yet.
const MAX_SPREAD: usize = 1 << 17;

pub(super) struct Shard {
    table: Table,
    /// Keys with more than [`MAX_IN_TABLE`] providers, by fingerprint.
    hot: Option<HashMap<u64, List>>,
    /// Entries of `hot`.
    listed: usize,
    /// How full the table gets, in 1/256: differs from shard to shard, so that they do
    /// not all grow at the same time.
    fill: u16,
    /// The longest that growing took, while nobody else could use the shard.
    pub(super) longest: Duration,
}

impl Shard {
    pub(super) fn new(number: usize) -> Self {
        // multiples of the golden ratio are spread evenly
        let spread = (number as u32).wrapping_mul(0x9e37_79b9) >> 20;
        Self {
            table: Table::new(MIN_SLOTS),
            hot: None,
            listed: 0,
            fill: 218 + (spread * 14 / 4096) as u16,
            longest: Duration::ZERO,
        }
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.table.len + self.listed
    }

    /// Bytes of the arrays and lists.
    pub(super) fn bytes(&self) -> usize {
        self.table.slots() * SLOT + self.listed * 10
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
            let entry = self.table.get(at);
            if entry.print.low != print.low {
                continue;
            }
            if entry.provider == arrival.provider {
                return Ok(renew(generations, self.table.generation_mut(at), arrival));
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

    /// Many arrivals of one generation, sorted by place and provider (see
    /// [`super::Index::place`]), at most `room` new ones; `taken` is told the provider of
    /// each that is new. Returns their number.
    ///
    /// What is new goes in by one pass over the table when it has to grow for it anyway.
    pub(super) fn put_sorted(
        &mut self,
        generations: &Generations,
        run: &[(u64, u32)],
        (generation, now): (u8, u32),
        room: u64,
        group_of: &dyn Fn(u32) -> u16,
        mut taken: impl FnMut(u32),
    ) -> u64 {
        let mut fresh = Vec::with_capacity(run.len());
        let mut listed = 0;
        for key in run.chunk_by(|a, b| a.0 == b.0) {
            let before = fresh.len();
            let left = room.saturating_sub(listed + before as u64);
            if self.sift(generations, key, (generation, now), left, &mut fresh) {
                continue;
            }
            // the key has a list of its own, or needs one
            fresh.truncate(before);
            let mut new = 0;
            for (hash, provider) in key {
                let arrival =
                    Arrival { hash: *hash, provider: *provider, generation, now, may_displace: false };
                let may_grow = || if new < left { Ok(()) } else { Err(Refused::StoreFull) };
                if self.put(generations, &arrival, group_of, may_grow) == Ok(Change::New { displaced: None })
                {
                    new += 1;
                    taken(*provider);
                }
            }
            listed += new;
        }
        fresh.iter().for_each(|(_, provider)| taken(*provider));
        generations.gain_many(generation, fresh.len() as u64);
        self.merge(&fresh, generation);
        fresh.len() as u64 + listed
    }

    /// Renews those of a key's arrivals that are there and adds those that are not to
    /// `fresh`; false when they are more than one key may have in the table.
    fn sift(
        &mut self,
        generations: &Generations,
        key: &[(u64, u32)],
        (generation, now): (u8, u32),
        room: u64,
        fresh: &mut Vec<(Print, u32)>,
    ) -> bool {
        let Some((place, _)) = key.first() else { return true };
        let print = Print::from_whole(*place);
        if self.list(print).is_some() {
            return false;
        }
        let run = self.table.run(print.high);
        let known = run.clone().filter(|at| self.table.get(*at).print == print).count();
        let before = fresh.len();
        for (hash, provider) in key {
            let is_it = |at: &usize| {
                let entry = self.table.get(*at);
                entry.print == print && entry.provider == *provider
            };
            if let Some(at) = run.clone().find(is_it) {
                let arrival =
                    Arrival { hash: *hash, provider: *provider, generation, now, may_displace: false };
                renew(generations, self.table.generation_mut(at), &arrival);
            } else if fresh.last() != Some(&(print, *provider)) && ((fresh.len() - before) as u64) < room {
                fresh.push((print, *provider));
            }
        }
        known + fresh.len() - before <= MAX_IN_TABLE
    }

    /// Puts entries in that are not there, sorted by fingerprint.
    fn merge(&mut self, fresh: &[(Print, u32)], generation: u8) {
        let len = self.table.len + fresh.len();
        // Sorted entries fill one part of the table first: they need as much room there as if
        // the others were here already, or each would be looked for through all of its part.
        let part = match fresh {
            [first, .., last] if fresh.len() >= MIN_PART => u64::from(last.0.high - first.0.high),
            _ => u64::from(u32::MAX),
        };
        let fits = |range: usize| {
            let room = (range as u64 * part) >> 32;
            len * 256 < range * usize::from(self.fill)
                && (fresh.len() as u64 * 256 < room * u64::from(self.fill) || range >= MAX_SPREAD)
        };
        if fits(self.table.range as usize) {
            for (print, provider) in fresh {
                let entry = Entry { print: *print, provider: *provider, generation };
                while !self.table.insert(self.table.run(print.high).end, entry) {
                    self.grow();
                }
            }
            return;
        }
        let mut slots = self.table.slots();
        loop {
            slots = larger(slots);
            if fits(range(slots))
                && let Some(table) = self.table.merged(slots, fresh, generation)
            {
                self.table = table;
                return;
            }
        }
    }

    /// Entries of one generation with their fingerprints, in no order.
    pub(super) fn of_generation(&self, generation: u8, mut each: impl FnMut(u64, u32)) {
        let entries = (0..self.table.slots()).map(|at| self.table.get(at));
        for entry in entries.filter(|e| e.generation == generation && e.print.high != EMPTY) {
            each(entry.print.whole(), entry.provider);
        }
        for (whole, list) in self.hot.iter().flatten() {
            list.iter().filter(|(_, g)| *g == generation).for_each(|(provider, _)| each(*whole, provider));
        }
    }

    fn grow(&mut self) {
        let began = Instant::now();
        let mut slots = larger(self.table.slots());
        loop {
            if let Some(table) = self.table.resized(slots) {
                self.table = table;
                break;
            }
            slots = larger(slots);
        }
        self.longest = self.longest.max(began.elapsed());
    }

    /// Moves a key's entries to a list.
    fn heat(&mut self, print: Print, group_of: &dyn Fn(u32) -> u16) {
        let mut list = List::default();
        let mut at = self.table.run(print.high).start;
        while self.table.high(at) == print.high {
            if self.table.get(at).print.low == print.low {
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
            let entry = self.table.get(at);
            if entry.print.low == print.low && entry.provider == provider {
                return Some(entry.generation);
            }
        }
        self.list(print)?.iter().find(|(p, _)| *p == provider).map(|(_, generation)| generation)
    }

    /// All entries of a key, whether served or not.
    #[inline]
    pub(super) fn holders(&self, hash: u64, mut each: impl FnMut(u32, u8)) {
        let print = Print::of(hash);
        for at in self.table.run(print.high) {
            let entry = self.table.get(at);
            if entry.print.low == print.low {
                each(entry.provider, entry.generation);
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
        while self.table.high(at) == print.high {
            if self.table.get(at).print.low == print.low {
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

    /// Forgets what `keep` does not want, told with fingerprint, provider and generation;
    /// gives back memory that is no longer needed.
    pub(super) fn retain(
        &mut self,
        generations: &Generations,
        keep: impl Fn(u64, u32, u8) -> bool,
        mut gone: impl FnMut(u32),
    ) {
        let mut wanted = |print, provider, generation| {
            let kept = keep(print, provider, generation);
            if !kept {
                generations.lose(generation);
                gone(provider);
            }
            kept
        };
        let (began, before) = (Instant::now(), self.table.len);
        self.table.retain(|entry| wanted(entry.print.whole(), entry.provider, entry.generation));
        if let Some(hot) = &mut self.hot {
            for (print, list) in hot.iter_mut() {
                list.retain(|provider, generation| wanted(*print, provider, generation));
            }
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
        self.longest = self.longest.max(began.elapsed());
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

    /// How far from its home the furthest entry is.
    #[cfg(test)]
    pub(super) fn furthest(&self) -> usize {
        let entries = (0..self.table.slots()).map(|at| (at, self.table.high(at)));
        entries
            .filter(|(_, high)| *high != EMPTY)
            .map(|(at, high)| at - self.table.home(high))
            .max()
            .unwrap_or(0)
    }

    #[cfg(test)]
    pub(super) fn check(&self) {
        let mut last = 0;
        let mut len = 0;
        let slots = || (0..self.table.slots()).map(|at| (at, self.table.high(at)));
        for (at, high) in slots().filter(|(_, high)| *high != EMPTY) {
            assert!(high >= last, "out of order");
            let home = self.table.home(high);
            assert!(home <= at, "before its home");
            assert!((home..at).all(|at| self.table.high(at) != EMPTY), "unreachable");
            last = high;
            len += 1;
        }
        assert_eq!(len, self.table.len);
        assert_eq!(self.table.high(self.table.slots() - 1), EMPTY);
        let listed: usize = self.hot.iter().flat_map(|hot| hot.values()).map(List::len).sum();
        assert_eq!(listed, self.listed);
    }
}
