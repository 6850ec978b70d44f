//! The thread that keeps house: what expired leaves the index and the disk, budgets hold.
//!
//! Holds a shard's lock for one pass over it, and never the writer.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use super::catalogue::{Entry, KEPT_HOURS, SERVED_HOURS};
use super::dump;
use super::pulse::Reason;
use super::shared::Shared;
use super::spill;
use crate::belly::database;
use crate::belly::log::{LogWriter, Name};

const ROUND: Duration = Duration::from_secs(1);
/// Providers and values are looked through once in so many rounds, most-asked keys fade in so many.
const SWEEP_ROUNDS: u32 = 60;
const FADE_ROUNDS: u32 = 3_600;
/// What is in segments is counted once in so many, when a generation left the index.
const RECOUNT_ROUNDS: u32 = 300;
/// Files that could not be sealed are tried again once in so many.
const RETRY_ROUNDS: u32 = 600;
/// So long after its hour a generation is sealed for certain.
const SEALED_SECS: u32 = 60;

pub(super) fn run(shared: &Arc<Shared>) {
    let mut rounds = 0u32;
    let mut tried = HashSet::new();
    while !shared.closing(ROUND) {
        rounds = rounds.wrapping_add(1);
        round(shared);
        seal_one_more(shared, &mut tried);
        if rounds.is_multiple_of(RETRY_ROUNDS) {
            tried.clear();
        }
        if rounds.is_multiple_of(RECOUNT_ROUNDS) {
            recount(shared);
        }
        if rounds.is_multiple_of(SWEEP_ROUNDS) && shared.warm() {
            sweep_providers(shared);
            shared.sweep_values.store(true, Ordering::Relaxed);
        }
        if rounds.is_multiple_of(FADE_ROUNDS) {
            shared.demand.fade();
        }
    }
    seal(shared);
}

/// All that is due now.
pub(super) fn round(shared: &Shared) {
    let _one_at_a_time = shared.keeping.lock();
    seal(shared);
    shared.watch_clock();
    if !shared.warm() || shared.expiry_paused() {
        return;
    }
    let now = shared.clock.secs();
    let stuck = !spill::round(shared) && spill::is_stuck(shared);
    over_budget(shared, stuck);
    sweep(shared, now);
    unlink(shared, now);
}

/// Counts what is in segments anew when that is due.
pub(super) fn recount(shared: &Shared) {
    let due = shared.warm() && shared.spill.stale.swap(false, Ordering::AcqRel);
    if due && let Err(error) = spill::recount(shared) {
        // a file that was deleted meanwhile; the next generation that leaves makes it due again
        tracing::warn!("the records in segments were not counted anew: {error}");
    }
}

pub(super) fn sweep_providers(shared: &Shared) {
    let now = shared.clock.secs();
    shared.providers.sweep(now, shared.catalogue.oldest_hour(now / 3600));
}

/// Gives the files whose hour is over their segment, checkpoints and closes them.
fn seal(shared: &Shared) {
    let sealing: Vec<(Name, LogWriter)> = std::mem::take(&mut *shared.sealing.lock());
    for (name, mut log) in sealing {
        if let Err(error) = dump::dump(shared, name, &mut log) {
            tracing::warn!("the segment of {name} was not written, it is tried again: {error}");
        }
        if let Err(error) = log.seal() {
            tracing::warn!("the write-ahead log of {name} stays beside it: {error}");
        }
        shared.catalogue.set_bytes(name, database::bytes(&name.path(&shared.dir)));
        shared.pulse.set_disk_bytes(shared.disk_bytes());
    }
}

/// A file of an hour that is over, with a write-ahead log beside it or without a segment:
/// what a crash or a stop left, or an older version wrote. One each time.
pub(super) fn seal_one_more(shared: &Shared, tried: &mut HashSet<Name>) {
    if !shared.warm() || !shared.sealing.lock().is_empty() {
        return;
    }
    let hour = shared.clock.secs().saturating_sub(SEALED_SECS) / 3600;
    // one in another order than the index's cannot leave it
    let other_order = |entry: &Entry| {
        entry.segment.is_some_and(|header| u32::from(header.bits) != shared.index.bits())
            && !shared.spill.segments.has(entry.generation)
    };
    let wants_segment = |entry: &Entry| entry.segment.is_none() || other_order(entry);
    let left = shared.catalogue.files().into_iter().find(|(name, entry)| {
        name.hour < hour
            && entry.generation != 0
            && (wants_segment(entry) || database::has_wal(&name.path(&shared.dir)))
            && !tried.contains(name)
    });
    let Some((name, _)) = left else { return };
    tried.insert(name);
    match LogWriter::open(&shared.dir, name) {
        Ok(log) => shared.sealing.lock().push((name, log)),
        Err(error) => tracing::warn!("the write-ahead log of {name} stays beside it: {error}"),
    }
}

/// Generations that ended leave the index; their numbers are free then.
fn sweep(shared: &Shared, now: u32) {
    let generations = &shared.index.generations;
    let dead: Vec<u8> =
        generations.numbers().map(|(n, _)| n).filter(|n| !generations.live(*n, now)).collect();
    if dead.is_empty() {
        return;
    }
    let mut marks = [false; 256];
    for number in &dead {
        // one that was ended before was dropped to make room, and counted then
        let in_time = generations.until(*number) > 0;
        let mut expired = if in_time { generations.count(*number) } else { 0 };
        generations.end(*number);
        if shared.spill.segments.has(*number) {
            expired += shared.drop_segment(*number);
        }
        shared.pulse.expired(expired);
        marks[usize::from(*number)] = true;
    }
    if dead.iter().any(|number| generations.count(*number) > 0) {
        for shard in 0..shared.index.shards() {
            let keep = |_, generation: u8| !marks[usize::from(generation)];
            shared.index.retain(shard, keep, |provider| shared.providers.lose_record(provider));
        }
    }
    shared.catalogue.retire(&marks);
    for number in dead {
        // an entry that came in between is swept in the next round
        if generations.count(number) == 0 {
            generations.free(number);
        }
    }
}

/// Files an hour out of service, and those that had to go earlier.
fn unlink(shared: &Shared, now: u32) {
    for (name, entry) in shared.catalogue.files() {
        let shed = entry.generation == 0 && name.hour.saturating_add(SERVED_HOURS) > now / 3600;
        // whatever generation it had: one that was begun late, after a leap of the clock, too
        let old = name.hour.saturating_add(KEPT_HOURS) <= now / 3600;
        if !(shed || old) {
            continue;
        }
        match database::unlink(&name.path(&shared.dir)) {
            Ok(()) => shared.catalogue.remove(name),
            Err(error) => shared.pulse.set_notice(format!(
                "the record store's {name} is out of service and cannot be deleted: {error}; it is tried again"
            )),
        }
    }
    shared.pulse.set_disk_bytes(shared.disk_bytes());
}

/// Far generations make room, the oldest first; also when memory is short and there is
/// nothing left that could leave it.
fn over_budget(shared: &Shared, stuck: bool) {
    let began = Instant::now();
    let max = shared.max_records;
    let crowded = shared.records() >= max.saturating_sub(max / 50) && max > 50;
    if (crowded || stuck || shared.catalogue.bytes() > shared.max_disk) && shared.shed_far() {
        tracing::warn!("far records of an hour were dropped to make room, in {:?}", began.elapsed());
        return;
    }
    let hour = shared.clock.secs() / 3600;
    if shared.disk_bytes() >= shared.max_disk && shared.disk_told.swap(hour, Ordering::Relaxed) != hour {
        shared.pulse.set_notice(format!(
            "the record store has the {} MiB of disk that it may have: no new records are taken; raise \
             belly.max_disk, or wait for the oldest hour to end",
            shared.max_disk >> 20
        ));
    }
}

impl Shared {
    /// Drops the oldest hour of far records; false when there is none but the current one.
    pub(super) fn shed_far(&self) -> bool {
        let now = self.clock.secs();
        let generations = &self.index.generations;
        let far = generations.numbers().filter(|(number, rank)| {
            !rank.near()
                && rank.hour() < now.saturating_sub(SEALED_SECS) / 3600
                && generations.live(*number, now)
                && rank.disk()
        });
        let Some((number, rank)) = far.min_by_key(|(_, rank)| rank.hour()) else { return false };
        self.pulse.add(Reason::FarShed, generations.count(number) + self.drop_segment(number));
        generations.end(number);
        for (name, entry) in self.catalogue.files() {
            if entry.generation == number && name.hour == rank.hour() {
                // the file goes at once: its room is wanted
                database::unlink(&name.path(&self.dir)).ok();
                self.catalogue.remove(name);
            }
        }
        true
    }
}
