//! The arrays of a shard: entries of 11 bytes in the order of their fingerprints.
//!
//! Linear probing: an entry's slot is its fingerprint scaled to the table, so that the
//! whole table is sorted, a miss ends at the first greater fingerprint, and growing,
//! shrinking or sweeping is one sequential pass of some 100 µs. There are no marks of
//! deletion.

/// No entry here. Greater than every fingerprint, so that it ends each probe.
pub(super) const EMPTY: u32 = u32::MAX;

/// The smallest table.
pub(super) const MIN_SLOTS: usize = 32;

/// 48 bits of a key's hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Print {
    pub(super) high: u32,
    pub(super) low: u16,
}

impl Print {
    pub(super) fn of(hash: u64) -> Self {
        Self::from_whole(hash)
    }

    pub(super) fn whole(self) -> u64 {
        u64::from(self.high) << 16 | u64::from(self.low)
    }

    /// From the 48 bits that [`Self::whole`] gives; what stands above them does not matter.
    pub(super) fn from_whole(whole: u64) -> Self {
        Self { high: ((whole >> 16) as u32).min(EMPTY - 1), low: whole as u16 }
    }
}

#[derive(Clone, Copy)]
pub(super) struct Entry {
    pub(super) print: Print,
    pub(super) provider: u32,
    pub(super) generation: u8,
}

/// The arrays. Their last slot is always empty.
pub(super) struct Table {
    pub(super) high: Box<[u32]>,
    pub(super) low: Box<[u16]>,
    pub(super) provider: Box<[u32]>,
    pub(super) generation: Box<[u8]>,
    /// Slots that fingerprints are scaled to; what follows takes the last cluster's tail.
    pub(super) range: u32,
    pub(super) len: usize,
}

impl Table {
    pub(super) fn new(slots: usize) -> Self {
        Self {
            high: vec![EMPTY; slots].into(),
            low: vec![0; slots].into(),
            provider: vec![0; slots].into(),
            generation: vec![0; slots].into(),
            range: u32::try_from(range(slots)).unwrap_or(u32::MAX),
            len: 0,
        }
    }

    pub(super) fn slots(&self) -> usize {
        self.high.len()
    }

    #[inline]
    pub(super) fn home(&self, high: u32) -> usize {
        ((u64::from(high) * u64::from(self.range)) >> 32) as usize
    }

    /// The slots that hold this fingerprint's upper part, or where it would go.
    #[inline]
    pub(super) fn run(&self, high: u32) -> std::ops::Range<usize> {
        let home = self.home(high);
        let rest = &self.high[home..];
        let begin = home + rest.iter().position(|h| *h >= high).unwrap_or(rest.len());
        let rest = &self.high[begin..];
        begin..begin + rest.iter().position(|h| *h != high).unwrap_or(rest.len())
    }

    pub(super) fn get(&self, at: usize) -> Entry {
        Entry {
            print: Print { high: self.high[at], low: self.low[at] },
            provider: self.provider[at],
            generation: self.generation[at],
        }
    }

    pub(super) fn set(&mut self, at: usize, entry: Entry) {
        self.high[at] = entry.print.high;
        self.low[at] = entry.print.low;
        self.provider[at] = entry.provider;
        self.generation[at] = entry.generation;
    }

    /// `false` when the table must grow first.
    pub(super) fn insert(&mut self, at: usize, entry: Entry) -> bool {
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

    pub(super) fn remove(&mut self, at: usize) -> Entry {
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
    pub(super) fn resized(&self, slots: usize) -> Option<Self> {
        self.merged(slots, &[], 0)
    }

    /// As [`Self::resized`], and on the way entries of one generation that are not in the
    /// table, sorted by fingerprint.
    pub(super) fn merged(&self, slots: usize, fresh: &[(Print, u32)], generation: u8) -> Option<Self> {
        let len = self.len + fresh.len();
        let mut table = Self::new(slots);
        let mut next = 0;
        let mut put = |entry: Entry| {
            let to = table.home(entry.print.high).max(next);
            if to + 1 >= slots {
                return None;
            }
            table.set(to, entry);
            next = to + 1;
            Some(())
        };
        let mut fresh =
            fresh.iter().map(|(print, provider)| Entry { print: *print, provider: *provider, generation });
        let mut first = fresh.next();
        for (at, high) in self.high.iter().enumerate().filter(|(_, high)| **high != EMPTY) {
            while let Some(entry) = first.filter(|entry| entry.print.high < *high) {
                put(entry)?;
                first = fresh.next();
            }
            put(self.get(at))?;
        }
        for entry in first.into_iter().chain(fresh) {
            put(entry)?;
        }
        table.len = len;
        Some(table)
    }

    /// Removes what `keep` does not want, in one pass.
    pub(super) fn retain(&mut self, mut keep: impl FnMut(&Entry) -> bool) {
        let mut next = 0;
        for at in 0..self.slots() {
            if self.high[at] == EMPTY {
                continue;
            }
            let entry = self.get(at);
            self.high[at] = EMPTY;
            if keep(&entry) {
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
pub(super) fn larger(slots: usize) -> usize {
    slots + (1 << (slots / 4).max(1).ilog2())
}

/// Slots that fingerprints are scaled to in a table of so many.
pub(super) fn range(slots: usize) -> usize {
    slots - (slots / 8).min(128)
}
