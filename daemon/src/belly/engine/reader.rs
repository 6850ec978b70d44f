//! The thread that reads: pages of records and values.
//!
//! Owns the connections that only read and the bounded queue before them. The log gives
//! keys and times in the order they were written; the index tells which of its records
//! are in force, and memory who and where their providers are.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::mpsc::Receiver;
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::sync::oneshot;

use super::catalogue::Entry;
use super::pulse::Reason;
use super::purge::{self, Tombstones};
use super::shared::Shared;
use crate::belly::clock::from_millis;
use crate::belly::database::Trouble;
use crate::belly::log::{LogReader, Name, Page as LogPage};
use crate::belly::values::{self, ValuesFile};
use crate::belly::{Cursor, KeyPrefix, Page, Query, Unavailable, Value};
use crate::wire::Key256;

/// Requests that may wait.
pub(super) const QUEUE: usize = 256;
/// Most records a page may have.
const MAX_PAGE: usize = 10_000;
/// Records of the log looked at for one page when most of them are not wanted.
const MAX_SCAN: usize = 50_000;
/// Files held open.
const MAX_OPEN: usize = 4;
/// How long the minutes and heads of one key's records are looked for.
const LOOK: Duration = Duration::from_millis(300);

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
    let mut reader = Reader { shared: shared.clone(), logs: Vec::new(), values: None };
    // The channel ends when the belly is dropped. A receiver that is gone wants no answer.
    for request in requests {
        match request {
            Request::Page(request) => {
                let PageRequest { query, after, limit, reply } = *request;
                if !reply.is_closed() {
                    let page = reader.page(&query, after.as_ref(), limit.clamp(1, MAX_PAGE));
                    reply
                        .send(page.map_err(|e| Unavailable(format!("cannot read the record store: {e}"))))
                        .ok();
                }
            }
            Request::Value { place, reply } => {
                if !reply.is_closed() {
                    let path = values::path(&shared.dir);
                    let value = reader.value(&place).inspect_err(|_| reader.values = None);
                    reply
                        .send(value.map_err(|e| Unavailable(format!("cannot read {}: {e}", path.display()))))
                        .ok();
                }
            }
        }
    }
}

/// Where a list goes on: at this record of this page of this file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Position {
    name: Name,
    page: i64,
    record: u16,
}

impl Position {
    fn write(self) -> Cursor {
        let mut out = vec![u8::from(self.name.near)];
        out.extend_from_slice(&self.name.hour.to_be_bytes());
        out.extend_from_slice(&self.name.nonce.to_be_bytes());
        out.extend_from_slice(&self.page.to_be_bytes());
        out.extend_from_slice(&self.record.to_be_bytes());
        Cursor(out.into())
    }

    fn read(cursor: &Cursor) -> Option<Self> {
        let (near, rest) = cursor.0.split_first()?;
        let (hour, rest) = rest.split_first_chunk()?;
        let (nonce, rest) = rest.split_first_chunk()?;
        let (page, rest) = rest.split_first_chunk()?;
        let name =
            Name { hour: u32::from_be_bytes(*hour), near: *near == 1, nonce: u32::from_be_bytes(*nonce) };
        let record = u16::from_be_bytes(rest.try_into().ok()?);
        Some(Self { name, page: i64::from_be_bytes(*page), record })
    }
}

struct Reader {
    shared: Arc<Shared>,
    /// The least recently used first.
    logs: Vec<(Name, LogReader)>,
    values: Option<ValuesFile>,
}

impl Reader {
    fn value(&mut self, place: &Key256) -> Result<Option<Value>, Trouble> {
        let file = match self.values.take() {
            Some(file) if crate::belly::database::is_there(file.path()) => file,
            _ => ValuesFile::reader(&self.shared.dir)?,
        };
        let found = file.value(place)?;
        self.values = Some(file);
        let now = self.shared.clock.millis();
        Ok(found
            .filter(|(_, received)| values::live(*received, now))
            .map(|(value, received)| Value { value: value.into(), received: from_millis(received) }))
    }

    fn log(&mut self, name: Name) -> Result<&LogReader, Trouble> {
        let at = self.logs.iter().position(|(open, _)| *open == name);
        let log = match at {
            Some(at) => self.logs.remove(at),
            None => (name, LogReader::open(&name.path(&self.shared.dir))?),
        };
        if self.logs.len() >= MAX_OPEN {
            self.logs.remove(0);
        }
        self.logs.push(log);
        Ok(&self.logs[self.logs.len() - 1].1)
    }

    fn page(&mut self, query: &Query, after: Option<&Cursor>, limit: usize) -> Result<Page, Trouble> {
        let files = self.shared.catalogue.files();
        self.logs.retain(|(name, _)| files.iter().any(|(n, _)| n == name));
        let tombstones = self.shared.tombstones.read().clone();
        let provider = match &query.provider {
            Some(peer) => match self.shared.providers.number(peer) {
                Some(number) => Some(number),
                None => return Ok(Page::default()),
            },
            None => None,
        };
        let mut walk = Walk { query, provider, tombstones, page: Page::default(), scanned: 0, limit };
        if let Some(key) = &query.key {
            self.of_key(&files, &mut walk, key, after)?;
            return Ok(walk.page);
        }
        let now = self.shared.clock.secs();
        // who holds a cursor that is none of ours begins again
        let mut from = after.and_then(Position::read);
        for (name, entry) in files {
            let start = from.filter(|from| from.name == name);
            if from.is_some_and(|from| name > from.name) {
                continue;
            }
            from = None;
            let generations = &self.shared.index.generations;
            let empty =
                generations.count(entry.generation) == 0 && !self.shared.spill.segments.has(entry.generation);
            if empty || !generations.live(entry.generation, now) {
                continue;
            }
            let next = self.of_file(name, &entry, start, &mut walk)?;
            if let Some(next) = next {
                walk.page.next = Some(next.write());
                break;
            }
        }
        Ok(walk.page)
    }

    /// Pages of one file backwards; tells where to go on when the walk is to rest.
    fn of_file(
        &mut self,
        name: Name,
        entry: &Entry,
        start: Option<Position>,
        walk: &mut Walk<'_>,
    ) -> Result<Option<Position>, Trouble> {
        let shared = self.shared.clone();
        let log = match self.log(name) {
            Ok(log) => log,
            // deleted a moment ago
            Err(_) if !crate::belly::database::is_there(&name.path(&shared.dir)) => return Ok(None),
            Err(trouble) => return Err(trouble),
        };
        let (mut id, mut first) = match start {
            Some(start) => (start.page, usize::from(start.record)),
            None => (log.last()?, 0),
        };
        while id > 0 {
            let bytes = match log.page(id) {
                Err(error) if crate::belly::database::is_damage(&error) => None,
                page => page?,
            };
            let page = bytes.as_deref().and_then(|bytes| LogPage::open(bytes, name.hour));
            if bytes.is_some() && page.is_none() {
                shared.pulse.count(Reason::PageDamaged);
            }
            let mut at = 0;
            let mut rest_at = None;
            if let Some(page) = page {
                page.each(|key, tail| {
                    if at >= first && rest_at.is_none() {
                        if walk.full() {
                            rest_at = Some(at);
                        } else {
                            walk.see(&shared, name, entry, key, tail);
                        }
                    }
                    at += 1;
                });
            }
            if let Some(at) = rest_at {
                return Ok(Some(Position { name, page: id, record: at as u16 }));
            }
            (id, first) = (id - 1, 0);
            if walk.full() {
                return Ok(Some(Position { name, page: id, record: 0 }));
            }
        }
        Ok(None)
    }

    /// The providers of one key by their numbers; minutes and heads from the log when
    /// they are found soon.
    fn of_key(
        &mut self,
        files: &[(Name, Entry)],
        walk: &mut Walk<'_>,
        key: &Bytes,
        after: Option<&Cursor>,
    ) -> Result<(), Trouble> {
        if walk.query.prefix.is_some_and(|prefix| !inside(prefix, key)) {
            return Ok(());
        }
        let after = after.and_then(|c| Some(u32::from_be_bytes(*c.0.first_chunk()?)));
        let now = self.shared.clock.secs();
        let hash = self.shared.key.hash(key);
        let mut holders = self.shared.index.holders(hash, now);
        self.shared.add_spilled_holders(hash, now, usize::MAX, &mut holders);
        holders.sort_unstable();
        holders.retain(|(number, _)| {
            after.is_none_or(|after| *number > after) && walk.provider.is_none_or(|only| only == *number)
        });
        if holders.len() > walk.limit {
            holders.truncate(walk.limit);
            walk.page.next = holders.last().map(|(n, _)| Cursor(Bytes::copy_from_slice(&n.to_be_bytes())));
        }
        let found = self.minutes(files, key, &holders)?;
        for (number, generation) in holders {
            let hour = self.shared.index.generations.rank(generation).hour();
            let (minute, head) =
                found.get(&number).map_or((0, None), |(minute, head)| (*minute, Some(*head)));
            let announced = purge::time(hour, minute);
            walk.page.records.extend(self.shared.record(key, number, generation, announced, head));
        }
        Ok(())
    }

    fn minutes(
        &mut self,
        files: &[(Name, Entry)],
        key: &[u8],
        holders: &[(u32, u8)],
    ) -> Result<HashMap<u32, (u16, u16)>, Trouble> {
        let until = Instant::now() + LOOK;
        let mut found = HashMap::new();
        for (name, entry) in files {
            let wanted = holders.iter().filter(|(_, generation)| *generation == entry.generation).count();
            if wanted == 0 {
                continue;
            }
            let log = self.log(*name)?;
            for id in (1..=log.last()?).rev() {
                if Instant::now() > until || found.len() == holders.len() {
                    return Ok(found);
                }
                let Ok(Some(bytes)) = log.page(id) else { continue };
                let Some(page) = LogPage::open(&bytes, name.hour) else { continue };
                page.each(|other, tail| {
                    if other == key {
                        let number = entry.number(tail.provider);
                        if let Some(number) = number.filter(|n| holders.contains(&(*n, entry.generation))) {
                            found.entry(number).or_insert((tail.minute, tail.head));
                        }
                    }
                });
            }
        }
        Ok(found)
    }
}

/// One page in the making.
struct Walk<'a> {
    query: &'a Query,
    provider: Option<u32>,
    tombstones: Tombstones,
    page: Page,
    scanned: usize,
    limit: usize,
}

impl Walk<'_> {
    fn full(&self) -> bool {
        self.page.records.len() >= self.limit || self.scanned >= MAX_SCAN
    }

    fn see(&mut self, shared: &Shared, name: Name, entry: &Entry, key: &[u8], tail: crate::belly::log::Tail) {
        self.scanned += 1;
        let number = entry.number(tail.provider);
        let Some(number) = number.filter(|n| self.provider.is_none_or(|only| only == *n)) else { return };
        if self.query.prefix.is_some_and(|prefix| !inside(prefix, key)) {
            return;
        }
        let hash = shared.key.hash(key);
        let announced = purge::time(name.hour, tail.minute);
        if self.tombstones.cover(hash, number, announced)
            || !shared.is_in_force(hash, number, entry.generation, shared.clock.secs())
        {
            return;
        }
        let key = Bytes::copy_from_slice(key);
        self.page.records.extend(shared.record(&key, number, entry.generation, announced, Some(tail.head)));
    }
}

fn inside(prefix: KeyPrefix, key: &[u8]) -> bool {
    Key256::of(key).shared_bits(&prefix.key) >= u32::from(prefix.bits.min(256))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_says_where_to_go_on_and_garbage_is_none() {
        let name = Name { hour: 500_000, near: true, nonce: 7 };
        let position = Position { name, page: 123_456_789, record: 1_023 };
        assert_eq!(Position::read(&position.write()), Some(position));
        assert_eq!(Position::read(&Cursor(Bytes::from_static(b"short"))), None);
        assert_eq!(Position::read(&Cursor(Bytes::from_static(&[1; 40]))), None);
    }
}
