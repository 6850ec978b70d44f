//! From a segment into memory, at the start: merged into the index, or in its place.
//!
//! Must not write.

use std::ops::RangeInclusive;
use std::sync::atomic::Ordering;

use super::IndexMode;
use super::load::{Source, put, read_pages};
use super::pulse::Reason;
use super::shared::Shared;
use crate::belly::database::{self, Trouble};
use crate::belly::log::{LogReader, Name};
use crate::belly::segments::{self, Header};

/// Entries that go into the index together.
const MERGED: usize = 1 << 16;

/// What is done with a segment.
#[derive(Clone, Copy)]
pub(super) enum Way {
    /// It goes into the index.
    Merge,
    /// It answers in the place of the index.
    StayOut,
    /// Its order is not that of the index: the log is read.
    Log,
}

/// Some blocks of a segment; all of its log when the segment is of no use.
pub(super) fn read(
    shared: &Shared,
    source: &Source,
    header: Header,
    log: &LogReader,
    blocks: RangeInclusive<i64>,
) -> Result<(), Trouble> {
    let first = || !source.settled.swap(true, Ordering::AcqRel);
    let way = *source.way.get_or_init(|| way(shared, source.name, &header));
    let whole = match way {
        Way::Merge => read_blocks(shared, source, header, log, blocks)?,
        Way::StayOut if first() => return adopt(shared, source, log, header),
        Way::Log if first() => return read_pages(shared, source, log, 1..=header.last_page()),
        Way::StayOut | Way::Log => true,
    };
    if !whole && first() {
        broken_segment(shared, source);
        return read_pages(shared, source, log, 1..=header.last_page());
    }
    Ok(())
}

/// The newest hours go into the index as long as there is room.
fn way(shared: &Shared, name: Name, header: &Header) -> Way {
    // its shards can be told from those of the index
    let fits = u32::from(header.bits) >= shared.index.bits();
    let alone = shared.catalogue.only_file_of_its_generation(name).is_some();
    let mut merging = shared.loading.merging.lock();
    let out = match shared.index_mode {
        IndexMode::Memory => false,
        IndexMode::Auto => !fits || shared.is_crowded(*merging + header.entries),
        IndexMode::Segments => true,
    };
    match (out && alone, fits) {
        (true, _) => Way::StayOut,
        (false, true) => {
            *merging += header.entries;
            Way::Merge
        }
        (false, false) => Way::Log,
    }
}

fn adopt(shared: &Shared, source: &Source, log: &LogReader, header: Header) -> Result<(), Trouble> {
    let adopted = match shared.catalogue.only_file_of_its_generation(source.name) {
        Some(entry) => shared.adopt_segment(log, source.name, entry, header),
        None => Ok(false),
    };
    match adopted {
        Ok(true) => {
            shared.loading.read(source.name, |share| share.entries(header.entries));
            return Ok(());
        }
        Err(error) if !database::is_damage(&error) => return Err(error.into()),
        _ => broken_segment(shared, source),
    }
    read_pages(shared, source, log, 1..=header.last_page())
}

fn broken_segment(shared: &Shared, source: &Source) {
    shared.pulse.count(Reason::SegmentDamaged);
    shared.catalogue.set_segment(source.name, None);
    tracing::warn!("the segment of {} is broken; its log is read instead", source.name);
}

/// Entries that are in order already; false when a block is broken.
fn read_blocks(
    shared: &Shared,
    source: &Source,
    header: Header,
    log: &LogReader,
    blocks: RangeInclusive<i64>,
) -> Result<bool, Trouble> {
    let index = &shared.index;
    let voided = shared.tombstones.read().of_hour(source.name.hour, |hash| index.place(hash));
    let narrower = u32::from(header.bits).saturating_sub(index.bits());
    let mut unknown = 0;
    let mut batch: Vec<(u64, u32)> = Vec::new();
    let mut merging = 0;
    let merge = |batch: &mut Vec<(u64, u32)>, entries: &mut u64| {
        put(shared, batch, source.generation);
        let left = &mut *shared.loading.merging.lock();
        *left = left.saturating_sub(std::mem::take(entries));
    };
    let whole = segments::read(log, blocks, |_, entries| {
        for (place, number) in entries {
            let Some(provider) = source.numbers.read(*number) else {
                unknown += 1;
                continue;
            };
            let place = segments::widen(*place, narrower);
            if !voided.cover(place, provider) {
                batch.push((place, provider));
            }
        }
        shared.loading.read(source.name, |share| share.entries(entries.len() as u64));
        merging += entries.len() as u64;
        if batch.len() >= MERGED {
            merge(&mut batch, &mut merging);
        }
        !shared.loading.cancelled.load(Ordering::Relaxed)
    })?;
    merge(&mut batch, &mut merging);
    if unknown > 0 {
        shared.pulse.add(Reason::ProviderUnknown, unknown);
        source.numbers.set_unsound();
    }
    Ok(whole)
}
