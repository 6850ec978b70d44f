//! From the file into memory, once, at the start.
//!
//! Reads all rows; must not write.

use rusqlite::{Connection, Row as SqlRow};

use super::Shared;
use super::providers::{ProviderId, Row};
use super::records::{Arrival, Records};
use super::values::{self, Meta};
use crate::wire::{AddrList, Key256};

/// Progress is told every so many rows.
const STEP: u64 = 100_000;

/// Fills memory from the file; the number of records that live on is returned.
pub(super) fn load(db: &Connection, shared: &Shared, progress: &mut dyn FnMut(u64)) -> rusqlite::Result<u64> {
    let now = shared.clock.secs();
    let mut skipped = 0u64;
    let mut providers = db.prepare("SELECT id, peer, addrs, heard, seen FROM providers")?;
    let mut rows = providers.query([])?;
    while let Some(row) = rows.next()? {
        if !read_provider(row, now)?.is_some_and(|row| shared.providers.load(row)) {
            skipped += 1;
        }
    }

    let mut values = db.prepare("SELECT place, length(key) + length(value), received FROM value_records")?;
    let mut rows = values.query([])?;
    let now_millis = shared.clock.millis();
    while let Some(row) = rows.next()? {
        let received = row.get::<_, i64>(2)?.max(0).unsigned_abs().min(now_millis);
        let meta = Meta { bytes: row.get::<_, i64>(1)?.unsigned_abs(), received };
        // An expired row is noted too: that is how the sweep finds it.
        if shared.values.insert(Key256(row.get(0)?), meta).is_err() && values::live(received, now_millis) {
            skipped += 1;
        }
    }

    let mut records = db.prepare("SELECT place, provider, announced, head FROM records")?;
    let mut rows = records.query([])?;
    let (mut read, mut loaded) = (0u64, 0u64);
    while let Some(row) = rows.next()? {
        read += 1;
        if read.is_multiple_of(STEP) {
            progress(read);
        }
        // A time from the future was written under a clock that ran ahead.
        let announced = row.get::<_, u32>(2)?.min(now);
        if !Records::lives_from_disk(announced, now) {
            continue;
        }
        let known = ProviderId::from_disk(row.get(1)?).filter(|id| shared.providers.gain_record(*id));
        let Some(provider) = known else {
            skipped += 1;
            continue;
        };
        let arrival = Arrival { place: Key256(row.get(0)?), provider, head: row.get(3)?, now: announced };
        if shared.records.load(arrival) {
            loaded += 1;
        } else {
            shared.providers.lose_record(provider);
            skipped += 1;
        }
    }
    progress(read);
    if skipped > 0 {
        tracing::warn!(
            skipped,
            "rows of the record store were not taken: over its bounds, or without a provider"
        );
    }
    Ok(loaded)
}

fn read_provider(row: &SqlRow<'_>, now: u32) -> rusqlite::Result<Option<Row>> {
    let id = ProviderId::from_disk(row.get(0)?);
    let peer = libp2p::PeerId::from_bytes(row.get_ref(1)?.as_blob()?).ok();
    let addrs = AddrList::from_fields(row.get_ref(2)?.as_blob()?);
    let times = row.get_ref(3)?.as_blob()?.chunks_exact(4);
    let heard = times.filter_map(|t| t.try_into().ok()).map(|t| u32::from_le_bytes(t).min(now)).collect();
    let seen = row.get::<_, u32>(4)?.min(now);
    Ok(id.zip(peer).zip(addrs).map(|((id, peer), addrs)| Row { id, peer, addrs, heard, seen }))
}
