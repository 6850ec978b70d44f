//! The thread that reads: pages and values.
//!
//! Owns the read-only connection and the bounded queue before it. Providers, their
//! addresses and times come from memory; the disk gives keys and their order.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::Receiver;

use bytes::Bytes;
use libp2p::PeerId;
use rusqlite::{Connection, OptionalExtension, params};
use tokio::sync::oneshot;

use super::Shared;
use super::file::is_corrupt;
use super::providers::ProviderId;
use super::values;
use crate::belly::clock::{from_millis, from_secs};
use crate::belly::{Cursor, KeyPrefix, Page, Query, Record, Unavailable, Value};
use crate::wire::Key256;

/// Requests that may wait.
pub(super) const QUEUE: usize = 256;
/// Most records a page may have.
const MAX_PAGE: usize = 10_000;
/// Rows looked at for one page when a condition leaves most of them out.
const MAX_SCAN: usize = 20_000;

pub(super) struct PageRequest {
    pub(super) query: Query,
    pub(super) after: Option<Cursor>,
    pub(super) limit: usize,
    pub(super) reply: oneshot::Sender<Result<Page, Unavailable>>,
}

pub(super) enum Request {
    Page(Box<PageRequest>),
    Value { place: Key256, reply: oneshot::Sender<Result<Option<Value>, Unavailable>> },
}

pub(super) fn run(shared: &Arc<Shared>, requests: &Receiver<Request>) {
    let mut reader = Reader { shared: shared.clone(), db: None, epoch: 0 };
    // The channel ends when the belly is dropped. A receiver that is gone wants no answer.
    for request in requests {
        match request {
            Request::Page(request) => {
                let PageRequest { query, after, limit, reply } = *request;
                if !reply.is_closed() {
                    reply.send(reader.with(|r, db| r.page(db, &query, after.as_ref(), limit))).ok();
                }
            }
            Request::Value { place, reply } => {
                if !reply.is_closed() {
                    reply.send(reader.with(|r, db| r.value(db, &place))).ok();
                }
            }
        }
    }
}

struct Reader {
    shared: Arc<Shared>,
    db: Option<Connection>,
    /// The file that `db` is of.
    epoch: u64,
}

impl Reader {
    fn with<T>(
        &mut self,
        read: impl FnOnce(&Self, &Connection) -> rusqlite::Result<T>,
    ) -> Result<T, Unavailable> {
        let epoch = self.shared.epoch.load(Ordering::Acquire);
        if epoch != self.epoch {
            self.db = None;
            self.epoch = epoch;
        }
        let db = match self.db.take() {
            Some(db) => Ok(db),
            None => self.shared.file.reader(),
        };
        db.and_then(|db| read(self, &db).map(|answer| (db, answer)))
            .map(|(db, answer)| {
                self.db = Some(db);
                answer
            })
            .inspect_err(|e| {
                if is_corrupt(e) {
                    self.shared.damaged.store(epoch + 1, Ordering::Release);
                }
            })
            .map_err(|e| Unavailable(format!("cannot read {}: {e}", self.shared.file.path().display())))
    }

    fn value(&self, db: &Connection, place: &Key256) -> rusqlite::Result<Option<Value>> {
        let found = db
            .prepare_cached("SELECT value, received FROM value_records WHERE place = ?1")?
            .query_row([&place.0[..]], |r| Ok((r.get::<_, Vec<u8>>(0)?, r.get::<_, i64>(1)?)))
            .optional()?;
        let now = self.shared.clock.millis();
        Ok(found
            .map(|(value, received)| (value, received.max(0).unsigned_abs()))
            .filter(|(_, received)| values::live(*received, now))
            .map(|(value, received)| Value { value: value.into(), received: from_millis(received) }))
    }

    fn page(
        &self,
        db: &Connection,
        query: &Query,
        after: Option<&Cursor>,
        limit: usize,
    ) -> rusqlite::Result<Page> {
        let now = self.shared.clock.secs();
        let limit = limit.clamp(1, MAX_PAGE);
        let only = match &query.provider {
            Some(peer) => match self.shared.providers.id(peer) {
                Some(id) => Some(id),
                None => return Ok(Page::default()),
            },
            None => None,
        };
        let Some((mut from, to)) = range(query) else { return Ok(Page::default()) };
        let mut from_provider = -1i64;
        if let Some(cursor) = after.and_then(Position::read).filter(|c| c.place >= from) {
            // A provider that was forgotten meanwhile: its key starts over, nothing is skipped.
            from = cursor.place;
            from_provider = self.shared.providers.id(&cursor.provider).map_or(-1, |id| id.get().into());
        }
        let mut statement = db.prepare_cached(
            "SELECT place, provider, key FROM records
             WHERE (place, provider) > (?1, ?2) AND place <= ?3 ORDER BY place, provider",
        )?;
        let mut rows = statement.query(params![&from.0[..], from_provider, &to.0[..]])?;
        let mut page = Page::default();
        let mut scanned = 0;
        while let Some(row) = rows.next()? {
            scanned += 1;
            let id = ProviderId::from_disk(row.get(1)?);
            let wanted = id.filter(|id| only.is_none_or(|only| only == *id));
            let last_look = scanned >= MAX_SCAN;
            if wanted.is_none() && !last_look {
                continue;
            }
            let place = Key256(row.get(0)?);
            let key = Bytes::copy_from_slice(row.get_ref(2)?.as_blob()?);
            if let Some(record) = wanted.and_then(|id| self.record(&place, &key, id, now)) {
                page.records.push(record);
            }
            if page.records.len() == limit || last_look {
                let provider = id.and_then(|id| self.shared.providers.get(id, now)).map(|p| p.peer);
                page.next = Some(Position { place, provider: provider.unwrap_or_else(nobody) }.write());
                break;
            }
        }
        if page.next.is_some() && rows.next()?.is_none() {
            page.next = None;
        }
        Ok(page)
    }

    /// What memory says of a row; nothing when the record expired.
    fn record(&self, place: &Key256, key: &Bytes, id: ProviderId, now: u32) -> Option<Record> {
        let seen = self.shared.records.get(place, id, now)?;
        let provider = self.shared.providers.get(id, now)?;
        Some(Record {
            key: key.clone(),
            provider: provider.peer,
            head: Some(seen.head),
            announced: from_secs(seen.announced),
            expires: from_secs(seen.expires),
            addrs: provider.addrs,
            addrs_expire: self.shared.providers.addrs_expire(id, now).map(from_secs),
        })
    }
}

struct Position {
    place: Key256,
    provider: PeerId,
}

impl Position {
    fn write(&self) -> Cursor {
        let mut out = self.place.0.to_vec();
        out.extend_from_slice(&self.provider.to_bytes());
        Cursor(out.into())
    }

    fn read(cursor: &Cursor) -> Option<Self> {
        let (place, provider) = cursor.0.split_first_chunk::<32>()?;
        Some(Self { place: Key256(*place), provider: PeerId::from_bytes(provider).ok()? })
    }
}

/// An id that no provider has: a cursor with it starts over at its key.
fn nobody() -> PeerId {
    PeerId::from_multihash(libp2p::multihash::Multihash::default()).unwrap_or_else(|_| PeerId::random())
}

/// The places that a query allows, both ends included.
fn range(query: &Query) -> Option<(Key256, Key256)> {
    let (mut from, mut to) = query.prefix.map_or((Key256([0; 32]), Key256([0xff; 32])), bounds);
    if let Some(key) = &query.key {
        let place = Key256::of(key);
        if place < from || place > to {
            return None;
        }
        (from, to) = (place, place);
    }
    Some((from, to))
}

fn bounds(prefix: KeyPrefix) -> (Key256, Key256) {
    let mut from = prefix.key.0;
    let mut to = prefix.key.0;
    for (i, (low, high)) in from.iter_mut().zip(&mut to).enumerate() {
        let bits = usize::from(prefix.bits).saturating_sub(i * 8).min(8);
        let free = 0xffu8.checked_shr(u32::try_from(bits).unwrap_or(8)).unwrap_or(0);
        *low &= !free;
        *high |= free;
    }
    (Key256(from), Key256(to))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_spans_all_places_that_start_with_it() {
        let key = Key256::of(b"x");
        for bits in [0u16, 1, 7, 8, 9, 255, 256, 999] {
            let (from, to) = bounds(KeyPrefix { key, bits });
            assert!(from <= key && key <= to);
            assert_eq!(from.shared_bits(&to), u32::from(bits.min(256)));
        }
    }
}
