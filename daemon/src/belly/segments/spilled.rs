//! Generations that left the index: what memory keeps of their segments.
//!
//! A filter and the first place of each block: 2.4 bytes a record. A place that is not
//! there is known without the disk, one that is there is found by reading one block, or
//! two when it stands at a block's edge.

use std::collections::HashMap;
use std::sync::Arc;

use arc_swap::ArcSwap;
use parking_lot::Mutex;

use super::filter::{Filter, Maker};
use super::{Entry, Header, read};
use crate::belly::index;
use crate::belly::log::{LogReader, Name};

/// Reads the numbers of a file's providers.
pub(in crate::belly) type InMemory = Box<dyn Fn(u32) -> Option<u32> + Send + Sync>;

/// A segment that answers for its generation.
pub(in crate::belly) struct Spilled {
    pub(in crate::belly) name: Name,
    pub(in crate::belly) generation: u8,
    pub(in crate::belly) header: Header,
    in_memory: InMemory,
    filter: Filter,
    /// The first place of each block.
    firsts: Box<[u64]>,
    held: Mutex<Held>,
}

/// What of a segment counts: all but what was announced again since, or purged.
#[derive(Default)]
struct Held {
    records: u64,
    /// By provider, in the order of their numbers.
    by_provider: Box<[(u32, u32)]>,
    /// It serves no more.
    gone: bool,
}

/// Records by their providers.
pub(in crate::belly) type Tally = HashMap<u32, u32>;

impl Spilled {
    /// Reads a segment; `each` is told its entries with the numbers of memory. `None` when
    /// it is broken.
    pub(in crate::belly) fn open(
        log: &LogReader,
        name: Name,
        generation: u8,
        header: Header,
        in_memory: InMemory,
        mut each: impl FnMut(u64, u32),
    ) -> rusqlite::Result<Option<Self>> {
        let (mut filter, mut firsts) = (Maker::default(), Vec::new());
        let whole = read(log, header.rows(), |_, entries| {
            firsts.extend(entries.first().map(|(place, _)| *place));
            for (place, number) in entries {
                filter.add(*place);
                if let Some(provider) = in_memory(*number) {
                    each(*place, provider);
                }
            }
            true
        })?;
        let (filter, firsts, held) = (filter.end(), firsts.into_boxed_slice(), Mutex::default());
        Ok(whole.then_some(Self { name, generation, header, in_memory, filter, firsts, held }))
    }

    fn place(&self, hash: u64) -> u64 {
        index::place(hash, self.header.bits.into())
    }

    /// False when no provider of the key is in it, and nearly always then.
    #[inline]
    pub(in crate::belly) fn may_have(&self, hash: u64) -> bool {
        self.filter.may_have(self.place(hash))
    }

    /// As [`Self::may_have`], for a place in an index of as many bits.
    pub(in crate::belly) fn may_have_place(&self, place: u64) -> bool {
        self.filter.may_have(place)
    }

    /// The providers of a key; `None` when a block is broken.
    pub(in crate::belly) fn providers(
        &self,
        log: &LogReader,
        hash: u64,
    ) -> rusqlite::Result<Option<Vec<u32>>> {
        let place = self.place(hash);
        // the block before the first that begins at the place may have it at its end
        let before = self.firsts.partition_point(|first| *first < place).max(1);
        let mut found = Vec::new();
        let rows = i64::try_from(before).unwrap_or(i64::MAX)..=*self.header.rows().end();
        let whole = read(log, rows, |id, entries| {
            let from = entries.partition_point(|(p, _)| *p < place);
            let same = entries[from..].iter().take_while(|(p, _)| *p == place);
            found.extend(same.filter_map(|(_, number)| (self.in_memory)(*number)));
            // a block that begins behind the place need not be read
            let next = usize::try_from(id).ok().and_then(|next| self.firsts.get(next));
            next.is_some_and(|next| *next <= place)
        })?;
        Ok(whole.then_some(found))
    }

    /// Bytes in memory.
    pub(in crate::belly) fn bytes(&self) -> u64 {
        let held = self.held.lock().by_provider.len() as u64;
        self.filter.bytes() + self.firsts.len() as u64 * 8 + held * 8
    }

    /// Records that count.
    pub(in crate::belly) fn records(&self) -> u64 {
        self.held.lock().records
    }

    /// These count from now on; `change` is told by how much each provider's differ.
    pub(in crate::belly) fn settle(&self, tally: Tally, mut change: impl FnMut(u32, i64)) {
        let mut by_provider: Box<[(u32, u32)]> = tally.into_iter().collect();
        by_provider.sort_unstable();
        let mut held = self.held.lock();
        if held.gone {
            return;
        }
        let old = std::mem::replace(&mut held.by_provider, by_provider);
        held.records = held.by_provider.iter().map(|(_, n)| u64::from(*n)).sum();
        // never less than there are meanwhile
        held.by_provider.iter().for_each(|(provider, n)| change(*provider, i64::from(*n)));
        old.iter().for_each(|(provider, n)| change(*provider, -i64::from(*n)));
    }

    /// At most so many records of a provider count no more; tells how many.
    pub(in crate::belly) fn forget(&self, provider: u32, at_most: u32) -> u32 {
        let held = &mut *self.held.lock();
        let Ok(at) = held.by_provider.binary_search_by_key(&provider, |(number, _)| *number) else {
            return 0;
        };
        let Some((_, count)) = held.by_provider.get_mut(at) else { return 0 };
        let gone = at_most.min(*count);
        *count -= gone;
        held.records -= u64::from(gone);
        gone
    }
}

/// The segments that answer, the newest hour first.
#[derive(Default)]
pub(in crate::belly) struct Segments {
    all: ArcSwap<Vec<Arc<Spilled>>>,
    /// One change at a time.
    changing: Mutex<()>,
}

impl Segments {
    #[inline]
    pub(in crate::belly) fn list(&self) -> Arc<Vec<Arc<Spilled>>> {
        self.all.load_full()
    }

    #[inline]
    pub(in crate::belly) fn is_empty(&self) -> bool {
        self.all.load().is_empty()
    }

    pub(in crate::belly) fn has(&self, generation: u8) -> bool {
        self.all.load().iter().any(|spilled| spilled.generation == generation)
    }

    pub(in crate::belly) fn add(&self, spilled: Arc<Spilled>) {
        let _one_at_a_time = self.changing.lock();
        let mut all = self.all.load().to_vec();
        all.push(spilled);
        all.sort_by_key(|spilled| std::cmp::Reverse(spilled.name));
        self.all.store(Arc::new(all));
    }

    /// It answers no more; `lost` is told how many records each provider had in it.
    /// Returns how many that were.
    pub(in crate::belly) fn remove(&self, generation: u8, mut lost: impl FnMut(u32, u32)) -> u64 {
        let _one_at_a_time = self.changing.lock();
        let (gone, left): (Vec<_>, Vec<_>) =
            self.all.load().iter().cloned().partition(|spilled| spilled.generation == generation);
        self.all.store(Arc::new(left));
        let mut records = 0;
        for spilled in gone {
            let mut held = spilled.held.lock();
            held.gone = true;
            records += std::mem::take(&mut held.records);
            std::mem::take(&mut held.by_provider).iter().for_each(|(provider, n)| lost(*provider, *n));
        }
        records
    }

    /// Records of generations that are served.
    pub(in crate::belly) fn records(&self, live: impl Fn(u8) -> bool) -> u64 {
        self.all.load().iter().filter(|s| live(s.generation)).map(|s| s.records()).sum()
    }

    /// Bytes in memory.
    pub(in crate::belly) fn bytes(&self) -> u64 {
        self.all.load().iter().map(|spilled| spilled.bytes()).sum()
    }
}

/// Goes through a segment from one shard to the next.
pub(in crate::belly) struct Cursor<'a> {
    spilled: &'a Spilled,
    log: LogReader,
    /// Of the block that is open, and where it goes on.
    entries: Vec<Entry>,
    at: usize,
    block: i64,
}

impl<'a> Cursor<'a> {
    pub(in crate::belly) fn new(spilled: &'a Spilled, log: LogReader) -> Self {
        Self { spilled, log, entries: Vec::new(), at: 0, block: 0 }
    }

    /// The entries up to this place that were not yet given; false when a block is broken.
    pub(in crate::belly) fn until(
        &mut self,
        end: u64,
        mut each: impl FnMut(u64, u32),
    ) -> rusqlite::Result<bool> {
        loop {
            while let Some((place, number)) = self.entries.get(self.at).filter(|(place, _)| *place <= end) {
                if let Some(provider) = (self.spilled.in_memory)(*number) {
                    each(*place, provider);
                }
                self.at += 1;
            }
            let next = usize::try_from(self.block).ok().and_then(|next| self.spilled.firsts.get(next));
            if self.at < self.entries.len() || next.is_none_or(|next| *next > end) {
                return Ok(true);
            }
            self.block += 1;
            self.at = 0;
            let entries = &mut self.entries;
            let take = |_, some: &[Entry]| {
                some.clone_into(entries);
                true
            };
            if !read(&self.log, self.block..=self.block, take)? {
                return Ok(false);
            }
        }
    }
}
