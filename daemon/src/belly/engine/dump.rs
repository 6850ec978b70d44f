//! From the index into a file whose hour is over: its segment.
//!
//! The index is in order, so that a pass over its shards is a sorted stream. A shard is
//! locked for a look at its entries, some 100 µs; nothing is held while it is written,
//! and no more than some MiB is in memory. What is announced meanwhile is no trouble: it
//! is in a later generation, or on a log page behind those that the segment covers, and
//! a start reads these pages too.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::shared::Shared;
use crate::belly::database::Trouble;
use crate::belly::log::{LogWriter, Name};
use crate::belly::segments::{Builder, Header};

/// Entries that are packed at once.
const BATCH: usize = 64 << 10;

/// A purge under way: what it is about to remove must not be taken for what is in force.
pub(super) struct Purging(Arc<Shared>);

impl Purging {
    pub(super) fn begin(shared: &Arc<Shared>) -> Self {
        shared.purging.fetch_add(1, Ordering::AcqRel);
        Self(shared.clone())
    }
}

impl Drop for Purging {
    fn drop(&mut self) {
        self.0.purging.fetch_sub(1, Ordering::AcqRel);
    }
}

/// Writes the segment of a file that takes no more records, when the index has all of it
/// and the file has none. A file that is damaged has its pages only, so that the damage
/// is seen at each start.
pub(super) fn dump(shared: &Shared, name: Name, log: &mut LogWriter) -> Result<(), Trouble> {
    let Some(entry) = shared.catalogue.only_file_of_its_generation(name) else { return Ok(()) };
    let generation = entry.generation;
    let ready = shared.warm() && shared.purging.load(Ordering::Acquire) == 0 && entry.is_sound();
    if !ready || !shared.index.generations.live(generation, shared.clock.secs()) {
        return Ok(());
    }
    // before the first look at the index: what is on a later page may be missed
    let pages = log.last()?;
    // a start reads the pages that are not covered; only when they are many it is worth it
    let covers = |header: Header| {
        header.last_page().saturating_mul(2) > pages && u32::from(header.bits) == shared.index.bits()
    };
    if pages == 0 || entry.segment.is_some_and(covers) || shared.spill.segments.has(generation) {
        return Ok(());
    }
    let in_file = entry.in_file();
    let mut builder = Builder::new(log)?;
    let mut batch = Vec::new();
    for shard in 0..shared.index.shards() {
        if *shared.closed.lock() {
            return Ok(());
        }
        shared.index.of_generation(shard, generation, &mut batch);
        if batch.len() >= BATCH || shard + 1 == shared.index.shards() {
            batch.retain_mut(|(_, provider)| in_file(*provider).map(|number| *provider = number).is_some());
            // others have other numbers in the file
            batch.sort_unstable();
            builder.push(&batch)?;
            batch.clear();
        }
    }
    // What was left out because a later hour has it must be on the disk there before a start
    // trusts this instead of the pages; in memory alone it is not.
    if shared.in_memory_only() > 0 || shared.flush_now().is_err() {
        return Ok(());
    }
    let header = builder.finish(shared.index.bits(), pages.unsigned_abs(), shared.clock.secs())?;
    shared.catalogue.set_segment(name, Some(header));
    Ok(())
}
