//! Generations that leave the index and are answered from their segments.
//!
//! With `belly.index = segments` each does when it is sealed, with `auto` the oldest when
//! memory is short. What counts of them is exact at that moment. What is announced again
//! afterwards is new to the index and would count twice: therefore all segments are gone
//! through together after each generation that leaves, once an hour, and of records that
//! are in several only the newest counts.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::IndexMode;
use super::catalogue::Entry;
use super::pulse::Reason;
use super::shared::Shared;
use crate::belly::database::Trouble;
use crate::belly::index::{BYTES_PER_ENTRY, PRINT_BITS};
use crate::belly::log::{LogReader, Name};
use crate::belly::segments::{self, Cursor, Header, Spilled, Tally};

/// The index is short of memory from this share of its budget on, in sixteenths.
const SHORT: u64 = 15;

impl Shared {
    /// Entries that the index may have.
    pub(super) fn max_entries(&self) -> u64 {
        match self.index_mode {
            IndexMode::Memory => self.max_records,
            IndexMode::Auto | IndexMode::Segments => {
                let left = self.max_memory.saturating_sub(self.spill.bytes.load(Ordering::Relaxed));
                (left / BYTES_PER_ENTRY).min(self.max_records)
            }
        }
    }

    /// Records, in the index and in segments.
    pub(super) fn records(&self) -> u64 {
        self.index.entries() + self.spill.records.load(Ordering::Relaxed)
    }

    /// So many entries more, and memory is short.
    pub(super) fn is_crowded(&self, more: u64) -> bool {
        self.index.entries() + more > self.max_entries() / 16 * SHORT
    }

    /// What constant-time figures are made of; after each change.
    pub(super) fn note_spilled(&self) {
        let segments = &self.spill.segments;
        self.spill.bytes.store(segments.bytes(), Ordering::Relaxed);
        self.spill.records.store(segments.records(|_| true), Ordering::Relaxed);
    }

    /// A generation without its place in the index; `false` when its segment is broken.
    pub(super) fn adopt_segment(
        &self,
        log: &LogReader,
        name: Name,
        entry: Entry,
        header: Header,
    ) -> rusqlite::Result<bool> {
        let voided = self
            .tombstones
            .read()
            .of_hour(name.hour, |hash| crate::belly::index::place(hash, header.bits.into()));
        let mut tally = Tally::new();
        let generation = entry.generation;
        let in_memory = Box::new(move |number| entry.number(number));
        let spilled = Spilled::open(log, name, generation, header, in_memory, |place, provider| {
            if !voided.cover(place, provider) {
                *tally.entry(provider).or_default() += 1;
            }
        })?;
        let Some(spilled) = spilled else { return Ok(false) };
        spilled.settle(tally, |provider, by| self.providers.change_records(provider, by));
        self.spill.segments.add(Arc::new(spilled));
        self.spill.stale.store(true, Ordering::Release);
        self.note_spilled();
        Ok(true)
    }
}

/// Lets the oldest generation leave the index when it is time; true when one did.
pub(super) fn round(shared: &Shared) -> bool {
    let due = match shared.index_mode {
        IndexMode::Memory => false,
        IndexMode::Auto => shared.is_crowded(0),
        IndexMode::Segments => true,
    };
    let Some((name, entry, header)) = due.then(|| oldest(shared)).flatten() else { return false };
    match spill(shared, name, &entry, header) {
        Ok(true) => return true,
        Ok(false) => {
            shared.pulse.count(Reason::SegmentDamaged);
            tracing::warn!("the segment of {name} is broken; it is made again");
        }
        Err(error) => tracing::warn!("the segment of {name} cannot be read; it is made again: {error}"),
    }
    shared.catalogue.set_segment(name, None);
    false
}

/// Memory is short, and no generation can leave the index.
pub(super) fn is_stuck(shared: &Shared) -> bool {
    shared.index_mode != IndexMode::Memory && shared.is_crowded(0) && oldest(shared).is_none()
}

/// The oldest file whose generation is in the index and has a segment in the same order.
fn oldest(shared: &Shared) -> Option<(Name, Entry, Header)> {
    let now = shared.clock.secs();
    let generations = &shared.index.generations;
    let files = shared.catalogue.files().into_iter().rev();
    files.filter_map(|(name, entry)| Some((name, entry.segment?)).map(|(n, h)| (n, entry, h))).find(
        |(name, entry, header)| {
            name.hour < now / 3600
                && entry.generation != 0
                && u32::from(header.bits) == shared.index.bits()
                && generations.live(entry.generation, now)
                && generations.count(entry.generation) > 0
                && !shared.spill.segments.has(entry.generation)
                && shared.catalogue.only_file_of_its_generation(*name).is_some()
        },
    )
}

/// From now on the segment answers; then the index forgets the generation.
fn spill(shared: &Shared, name: Name, entry: &Entry, header: Header) -> Result<bool, Trouble> {
    let log = LogReader::open(&name.path(&shared.dir))?;
    let generation = entry.generation;
    let owner = entry.clone();
    let in_memory = Box::new(move |number| owner.number(number));
    let spilled = Spilled::open(&log, name, generation, header, in_memory, |_, _| {})?;
    let Some(spilled) = spilled.map(Arc::new) else { return Ok(false) };
    shared.spill.segments.add(spilled.clone());
    let mut tally = Tally::new();
    for shard in 0..shared.index.shards() {
        // what came after the segment was made stays
        let keep = |place| !spilled.may_have_place(place);
        shared.index.take(shard, generation, keep, |provider| *tally.entry(provider).or_default() += 1);
    }
    // their providers keep them: what the index lost, the segment has
    spilled.settle(tally, |_, _| {});
    shared.spill.stale.store(true, Ordering::Release);
    shared.note_spilled();
    tracing::debug!("{name} left the index: {} records are answered from its segment", spilled.records());
    Ok(true)
}

/// Counts the records of all segments anew: of one that is in several, the newest counts,
/// and none when the index has it. Goes from shard to shard; stops when the store closes.
pub(super) fn recount(shared: &Shared) -> Result<(), Trouble> {
    let segments = shared.spill.segments.list();
    let now = shared.clock.secs();
    let index = &shared.index;
    // places are compared in the order of the one that tells the fewest shards apart
    let bits = segments.iter().map(|s| u32::from(s.header.bits)).chain([index.bits()]).min().unwrap_or(1);
    let mut cursors = Vec::with_capacity(segments.len());
    for spilled in segments.iter() {
        let tombstones = shared.tombstones.read();
        let voided = tombstones.of_hour(spilled.name.hour, |hash| crate::belly::index::place(hash, bits));
        drop(tombstones);
        let log = LogReader::open(&spilled.name.path(&shared.dir))?;
        cursors.push((Cursor::new(spilled, log), voided, u32::from(spilled.header.bits) - bits));
    }
    let mut tallies: Vec<Tally> = vec![Tally::new(); segments.len()];
    let (mut all, mut distinct) = (Vec::new(), Vec::new());
    for shard in 0..1u64 << bits {
        if *shared.closed.lock() {
            return Ok(());
        }
        all.clear();
        for (n, (cursor, voided, narrower)) in cursors.iter_mut().enumerate() {
            let end = (((shard + 1) << *narrower) << PRINT_BITS).wrapping_sub(1);
            let whole = cursor.until(end, |place, provider| {
                let place = segments::widen(place, *narrower);
                if !voided.cover(place, provider) {
                    all.push((place, provider, n));
                }
            })?;
            if !whole {
                shared.pulse.count(Reason::SegmentDamaged);
            }
        }
        // the segments are sorted by age: the newest of equal ones is the first
        all.sort_unstable();
        all.dedup_by_key(|(place, provider, _)| (*place, *provider));
        distinct.clear();
        distinct.extend(all.iter().map(|(place, provider, _)| (*place, *provider)));
        let mut records = all.iter();
        let mut count = |known: bool| {
            if let Some((_, provider, n)) = records.next().filter(|_| !known)
                && let Some(tally) = tallies.get_mut(*n)
            {
                *tally.entry(*provider).or_default() += 1;
            }
        };
        if bits == index.bits() {
            index.known(&distinct, now, &mut count);
        } else {
            distinct.iter().for_each(|_| count(false));
        }
    }
    for (spilled, tally) in segments.iter().zip(tallies) {
        spilled.settle(tally, |provider, by| shared.providers.change_records(provider, by));
    }
    shared.note_spilled();
    Ok(())
}
