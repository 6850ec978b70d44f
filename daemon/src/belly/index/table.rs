//! The table of a shard: entries of 11 bytes in the order of their fingerprints.
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

/// An entry as it lies in memory, without gaps: fingerprint (4 and 2 bytes), generation,
/// provider. In one array, because each array is a cache line to wait for.
type Slot = [u8; SLOT];

/// Bytes of an entry.
pub(super) const SLOT: usize = 11;
const VACANT: Slot = [0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0, 0, 0];

#[inline(always)]
fn high(slot: &Slot) -> u32 {
    let [a, b, c, d, ..] = *slot;
    u32::from_le_bytes([a, b, c, d])
}

/// The entries. The last slot is always empty.
pub(super) struct Table {
    slots: Box<[Slot]>,
    /// Slots that fingerprints are scaled to; what follows takes the last cluster's tail.
    pub(super) range: u32,
    pub(super) len: usize,
}

impl Table {
    pub(super) fn new(slots: usize) -> Self {
        Self {
            slots: vec![VACANT; slots].into(),
            range: u32::try_from(range(slots)).unwrap_or(u32::MAX),
            len: 0,
        }
    }

    pub(super) fn slots(&self) -> usize {
        self.slots.len()
    }

    #[inline]
    pub(super) fn home(&self, high: u32) -> usize {
        ((u64::from(high) * u64::from(self.range)) >> 32) as usize
    }

    /// The slots that hold this fingerprint's upper part, or where it would go.
    #[inline]
    pub(super) fn run(&self, wanted: u32) -> std::ops::Range<usize> {
        let home = self.home(wanted);
        let rest = &self.slots[home..];
        let begin = home + rest.iter().position(|s| high(s) >= wanted).unwrap_or(rest.len());
        let rest = &self.slots[begin..];
        begin..begin + rest.iter().position(|s| high(s) != wanted).unwrap_or(rest.len())
    }

    #[inline]
    pub(super) fn high(&self, at: usize) -> u32 {
        high(&self.slots[at])
    }

    #[inline]
    pub(super) fn get(&self, at: usize) -> Entry {
        let [a, b, c, d, e, f, generation, provider @ ..] = self.slots[at];
        Entry {
            print: Print { high: u32::from_le_bytes([a, b, c, d]), low: u16::from_le_bytes([e, f]) },
            provider: u32::from_le_bytes(provider),
            generation,
        }
    }

    #[inline]
    pub(super) fn set(&mut self, at: usize, entry: Entry) {
        let ([a, b, c, d], [e, f]) = (entry.print.high.to_le_bytes(), entry.print.low.to_le_bytes());
        let [g, h, i, j] = entry.provider.to_le_bytes();
        self.slots[at] = [a, b, c, d, e, f, entry.generation, g, h, i, j];
    }

    #[inline]
    pub(super) fn generation_mut(&mut self, at: usize) -> &mut u8 {
        &mut self.slots[at][6]
    }

    /// `false` when the table must grow first.
    pub(super) fn insert(&mut self, at: usize, entry: Entry) -> bool {
        let Some(empty) = self.slots[at..].iter().position(|s| high(s) == EMPTY).map(|i| at + i) else {
            return false;
        };
        if empty + 1 >= self.slots() {
            return false;
        }
        if empty > at {
            self.slots.copy_within(at..empty, at + 1);
        }
        self.set(at, entry);
        self.len += 1;
        true
    }

    pub(super) fn remove(&mut self, at: usize) -> Entry {
        let entry = self.get(at);
        let mut end = at + 1;
        while self.high(end) != EMPTY && self.home(self.high(end)) < end {
            end += 1;
        }
        self.slots.copy_within(at + 1..end, at);
        self.slots[end - 1] = VACANT;
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
        for at in (0..self.slots()).filter(|at| self.high(*at) != EMPTY) {
            while let Some(entry) = first.filter(|entry| entry.print.high < self.high(at)) {
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
            if self.high(at) == EMPTY {
                continue;
            }
            let entry = self.get(at);
            self.slots[at] = VACANT;
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

/// The next size. The allocator (jemalloc) has sizes of 4, 5, 6 and 7 times a power of two,
/// and growing by less would only be rounded up by it.
pub(super) fn larger(slots: usize) -> usize {
    let bytes = (slots + 1) * SLOT;
    let step = 1 << (bytes / 4).max(1).ilog2();
    bytes.next_multiple_of(step) / SLOT
}

/// Slots that fingerprints are scaled to in a table of so many.
pub(super) fn range(slots: usize) -> usize {
    slots - (slots / 8).min(128)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_grow_by_a_quarter_at_most_and_waste_less_than_an_entry() {
        let mut slots = MIN_SLOTS;
        while slots < 1 << 20 {
            let next = larger(slots);
            assert!(next > slots && next <= slots + slots / 4 + 2, "{slots} to {next}");
            let class = (next * SLOT).next_multiple_of(1 << (next * SLOT / 4).ilog2());
            assert!(class - next * SLOT < SLOT, "{next}");
            slots = next;
        }
    }
}
