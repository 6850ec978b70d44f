//! The thread that writes: groups of records to disk, and what expired out of memory
//! and file.
//!
//! Owns the one writing connection. When the disk does not take a group it keeps it,
//! says so, and tries again for ever; nobody waits for it meanwhile.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use rusqlite::{Connection, OptionalExtension, TransactionBehavior, params};

use super::Shared;
use super::file::Trouble;
use super::inbox::{GROUP_RECORDS, Group, WaitingRecord, WaitingValue};
use super::providers::{ProviderId, Row};
use super::pulse::Reason;
use super::records::{REWRITE_SECS, Records, VALIDITY_SECS};
use super::values::Meta;
use crate::belly::{Refused, Unavailable};
use crate::wire::Key256;

/// Between two looks at what expired.
const TICK: Duration = Duration::from_secs(1);
/// Memory is looked through once in so many ticks.
const SWEEP_TICKS: usize = 60;
/// Rows of the file that one tick looks at.
const SLICE: i64 = 5_000;
/// Rest between two walks through the file.
const REST: Duration = Duration::from_secs(600);
const FIRST_RETRY: Duration = Duration::from_secs(1);
const LAST_RETRY: Duration = Duration::from_secs(30);

pub(super) struct Writer {
    shared: Arc<Shared>,
    db: Option<Connection>,
    group: Group,
    retry_in: Duration,
    retry_at: Instant,
    tick_at: Instant,
    ticks: usize,
    /// Next memory shard to look through.
    shard: usize,
    /// Where the walk through the file is; it starts after this place.
    walk: Vec<u8>,
    walk_at: Instant,
    /// Providers forgotten in memory, still in the file.
    gone: Vec<ProviderId>,
}

/// What must be undone in memory when a transaction fails, or told when it does not.
#[derive(Default)]
struct Effects {
    rows: Vec<Row>,
    values: Vec<(Key256, Option<Meta>)>,
    refused: Vec<(usize, Refused)>,
}

impl Writer {
    pub(super) fn new(shared: Arc<Shared>, db: Connection) -> Self {
        let now = Instant::now();
        Self {
            shared,
            db: Some(db),
            group: Group::default(),
            retry_in: FIRST_RETRY,
            retry_at: now,
            tick_at: now + TICK,
            ticks: 0,
            shard: 0,
            walk: Vec::new(),
            walk_at: now,
            gone: Vec::new(),
        }
    }

    pub(super) fn run(mut self) {
        loop {
            let closing = self.shared.inbox.closed(); // before the last take, so that it is the last
            let mut until = self.tick_at;
            if self.shared.pulse.troubled() {
                until = until.min(self.retry_at);
            }
            let taken = self.shared.inbox.take(until.saturating_duration_since(Instant::now()));
            self.group.append(taken);
            if std::mem::take(&mut self.group.sweep) {
                self.sweep_all();
            }
            if !self.shared.pulse.troubled() || closing || Instant::now() >= self.retry_at {
                self.write();
            }
            self.refuse_waiting();
            if closing {
                break;
            }
            if Instant::now() >= self.tick_at {
                self.tick();
                self.tick_at = Instant::now() + TICK;
            }
        }
        if let Some(db) = self.db.take()
            && let Err(e) = db.pragma_update(None, "wal_checkpoint", "TRUNCATE")
        {
            tracing::warn!("the record store's log stays beside it: {e}");
        }
        if !self.group.records.is_empty() {
            tracing::error!(records = self.group.records.len(), "records could not be written and are lost");
        }
    }

    /// Writes all that waits, in groups; keeps what the disk does not take.
    fn write(&mut self) {
        let mut retrying = self.shared.pulse.troubled();
        while retrying || self.must_write() {
            if let Err(trouble) = self.write_one() {
                self.stumble(&trouble);
                return;
            }
            retrying = false;
        }
        self.shared.pulse.clear_trouble();
        self.retry_in = FIRST_RETRY;
        for reply in self.group.flushes.drain(..) {
            reply.send(Ok(())).ok(); // who stopped waiting wants no answer
        }
        self.group = Group::default();
    }

    fn must_write(&self) -> bool {
        let Group { records, providers, values, .. } = &self.group;
        !(records.is_empty() && providers.is_empty() && values.is_empty())
    }

    fn write_one(&mut self) -> Result<(), Trouble> {
        let mut db = match self.db.take() {
            Some(db) => db,
            None => self.shared.file.writer()?,
        };
        let began = Instant::now();
        let count = self.group.records.len().min(GROUP_RECORDS);
        let records = self.group.records.get_mut(..count).unwrap_or_default();
        records.sort_unstable_by_key(|r| (r.place, r.provider));
        let mut effects = Effects::default();
        let outcome = commit(&self.shared, &mut db, &self.group, count, &self.gone, &mut effects);
        if let Err(e) = outcome {
            for (place, old) in effects.values.into_iter().rev() {
                self.shared.values.restore(place, old);
            }
            return Err(e.into());
        }
        self.db = Some(db);
        for row in &effects.rows {
            self.shared.providers.saved(row);
        }
        self.gone.clear();
        let written = self.group.records.drain(..count);
        if self.shared.records.unsaved() > 0 {
            written.for_each(|r| self.shared.records.mark_saved(&r.place, r.provider));
        } else {
            drop(written);
        }
        self.group.providers.clear();
        self.shared.inbox.settle(count);
        for (at, value) in self.group.values.drain(..).enumerate() {
            let refused = effects.refused.iter().find(|(i, _)| *i == at).map(|(_, why)| *why);
            if refused.is_some() {
                self.shared.pulse.refuse(Reason::ValuesFull);
            }
            value.reply.send(refused.map_or(Ok(()), Err)).ok(); // who stopped waiting wants no answer
        }
        self.shared.pulse.committed(began.elapsed(), self.shared.file.bytes());
        Ok(())
    }

    /// Says what is wrong and when it will be tried again; replaces a damaged file.
    fn stumble(&mut self, trouble: &Trouble) {
        self.db = None;
        let path = self.shared.file.path().display().to_string();
        if trouble.is_damage() {
            match self.shared.file.move_aside(self.shared.clock.secs()) {
                Ok(aside) => self.start_over(format!(
                    "the record store {path} was damaged ({trouble}) and is now {}; a new one was begun and fills \
                     again as providers announce (22 h)",
                    aside.display()
                )),
                Err(e) => tracing::error!("{e}"),
            }
        }
        self.shared.pulse.set_trouble(format!("records cannot be written to {path}: {trouble}"));
        self.shared.pulse.set_disk_bytes(self.shared.file.bytes());
        self.retry_at = Instant::now() + self.retry_in;
        self.retry_in = (self.retry_in * 2).min(LAST_RETRY);
    }

    /// The file is another one: nothing of what memory has is in it.
    fn start_over(&mut self, notice: String) {
        self.db = None;
        self.shared.records.mark_all_unsaved();
        self.shared.providers.mark_all_unsaved();
        self.shared.values.clear();
        self.shared.epoch.fetch_add(1, Ordering::Release);
        self.shared.pulse.set_notice(notice);
    }

    /// In trouble nobody is left waiting: values are refused, flushes fail.
    fn refuse_waiting(&mut self) {
        for WaitingValue { reply, .. } in self.group.values.drain(..) {
            self.shared.pulse.refuse(Reason::Unwritable);
            reply.send(Err(Refused::Unavailable)).ok(); // who stopped waiting wants no answer
        }
        if self.group.flushes.is_empty() {
            return;
        }
        let why = self.shared.pulse.trouble_text().unwrap_or_else(|| "the store is closing".to_owned());
        for reply in self.group.flushes.drain(..) {
            reply.send(Err(Unavailable(why.clone()))).ok(); // as above
        }
    }

    fn tick(&mut self) {
        self.ticks += 1;
        for _ in 0..Records::shards().div_ceil(SWEEP_TICKS) {
            self.sweep_shard(self.shard);
            self.shard = (self.shard + 1) % Records::shards();
        }
        if self.shared.pulse.troubled() {
            return;
        }
        let epoch = self.shared.epoch.load(Ordering::Acquire);
        if self.shared.damaged.swap(0, Ordering::AcqRel) == epoch + 1 {
            self.stumble(&Trouble::Damage);
            return;
        }
        let mut outcome = Ok(());
        if self.ticks.is_multiple_of(SWEEP_TICKS) {
            self.gone.append(&mut self.shared.providers.sweep(self.shared.clock.secs()));
            outcome = self.forget_on_disk();
        }
        if self.ticks.is_multiple_of(10) && !self.shared.file.is_there() {
            let path = self.shared.file.path().display();
            self.start_over(format!("the record store {path} was deleted; a new one was begun"));
            outcome = self.open();
        }
        if outcome.is_ok() && Instant::now() >= self.walk_at {
            outcome = self.walk_slice(SLICE).map(|_| ());
        }
        if let Err(trouble) = outcome {
            self.stumble(&trouble);
        }
    }

    fn sweep_shard(&self, shard: usize) {
        for provider in self.shared.records.sweep(shard, self.shared.clock.secs()) {
            self.shared.providers.lose_record(provider);
        }
    }

    /// Everything that expired goes, in memory and on disk.
    fn sweep_all(&mut self) {
        for shard in 0..Records::shards() {
            self.sweep_shard(shard);
        }
        self.gone.append(&mut self.shared.providers.sweep(self.shared.clock.secs()));
        let mut outcome = self.forget_on_disk();
        self.walk.clear();
        while outcome.is_ok() {
            match self.walk_slice(SLICE) {
                Ok(true) => {}
                Ok(false) => break,
                Err(e) => outcome = Err(e),
            }
        }
        if let Err(trouble) = outcome {
            self.stumble(&trouble);
        }
    }

    fn open(&mut self) -> Result<(), Trouble> {
        if self.db.is_none() {
            self.db = Some(self.shared.file.writer()?);
        }
        Ok(())
    }

    /// Deletes the rows of forgotten providers and expired values.
    fn forget_on_disk(&mut self) -> Result<(), Trouble> {
        let values = self.shared.values.expired(self.shared.clock.millis());
        if self.gone.is_empty() && values.is_empty() {
            return Ok(());
        }
        self.open()?;
        let Some(db) = &mut self.db else { return Ok(()) };
        let tx = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
        forget_providers(&tx, &self.shared, &self.gone)?;
        for place in &values {
            tx.prepare_cached("DELETE FROM value_records WHERE place = ?1")?.execute([&place.0[..]])?;
        }
        tx.commit()?;
        self.gone.clear();
        for place in values {
            self.shared.values.restore(place, None);
        }
        Ok(())
    }

    /// Deletes expired records among the next `rows` rows; false at the end of the file.
    fn walk_slice(&mut self, rows: i64) -> Result<bool, Trouble> {
        self.open()?;
        let Some(db) = &self.db else { return Ok(false) };
        let end: Option<Vec<u8>> = db
            .prepare_cached("SELECT place FROM records WHERE place > ?1 ORDER BY place LIMIT 1 OFFSET ?2")?
            .query_row(params![self.walk, rows], |r| r.get(0))
            .optional()?;
        let horizon = i64::from(self.shared.clock.secs()) - i64::from(VALIDITY_SECS + REWRITE_SECS);
        let upper: &[u8] = end.as_deref().unwrap_or(&[0xff; 33]);
        let expired: i64 = db
            .prepare_cached(
                "SELECT count(*) FROM records WHERE place > ?1 AND place <= ?2 AND announced <= ?3",
            )?
            .query_row(params![self.walk, upper, horizon], |r| r.get(0))?;
        if expired > 0 {
            db.prepare_cached("DELETE FROM records WHERE place > ?1 AND place <= ?2 AND announced <= ?3")?
                .execute(params![self.walk, upper, horizon])?;
        }
        let more = end.is_some();
        if !more {
            self.walk_at = Instant::now() + REST;
        }
        self.walk = end.unwrap_or_default();
        Ok(more)
    }
}

fn commit(
    shared: &Shared,
    db: &mut Connection,
    group: &Group,
    count: usize,
    gone: &[ProviderId],
    effects: &mut Effects,
) -> rusqlite::Result<()> {
    let tx = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let records: &[WaitingRecord] = group.records.get(..count).unwrap_or_default();
    forget_providers(&tx, shared, gone)?;
    let mut done = HashSet::new();
    let mut provider = tx.prepare_cached(
        "INSERT INTO providers (id, peer, addrs, heard, seen) VALUES (?1, ?2, ?3, ?4, ?5)
         ON CONFLICT (id) DO UPDATE SET peer = ?2, addrs = ?3, heard = ?4, seen = ?5",
    )?;
    for id in group.providers.iter().copied().chain(records.iter().map(|r| r.provider)) {
        if !done.insert(id) {
            continue;
        }
        if let Some(row) = shared.providers.row_to_save(id) {
            let heard: Vec<u8> = row.heard.iter().flat_map(|t| t.to_le_bytes()).collect();
            provider.execute(params![
                id.get(),
                row.peer.to_bytes(),
                row.addrs.as_fields(),
                heard,
                row.seen
            ])?;
            effects.rows.push(row);
        }
    }
    let now = shared.clock.secs();
    let mut record = tx.prepare_cached(
        "INSERT INTO records (place, provider, key, announced, head) VALUES (?1, ?2, ?3, ?4, ?5)
         ON CONFLICT (place, provider) DO UPDATE SET announced = ?4, head = ?5",
    )?;
    for waiting in records {
        // What memory says now: it may have been announced again, or have expired, while it waited.
        if let Some(seen) = shared.records.get(&waiting.place, waiting.provider, now) {
            let provider = waiting.provider.get();
            record.execute(params![
                &waiting.place.0[..],
                provider,
                &waiting.key[..],
                seen.announced,
                seen.head
            ])?;
        }
    }
    let received = shared.clock.millis();
    let mut value = tx.prepare_cached(
        "INSERT INTO value_records (place, key, value, received) VALUES (?1, ?2, ?3, ?4)
         ON CONFLICT (place) DO UPDATE SET value = ?3, received = ?4",
    )?;
    for (at, waiting) in group.values.iter().enumerate() {
        let place = Key256::of(&waiting.key);
        let bytes = (waiting.key.len() + waiting.value.len()) as u64;
        match shared.values.insert(place, Meta { bytes, received }) {
            Ok(old) => effects.values.push((place, old)),
            Err(why) => {
                effects.refused.push((at, why));
                continue;
            }
        }
        let millis = i64::try_from(received).unwrap_or(i64::MAX);
        value.execute(params![&place.0[..], &waiting.key[..], &waiting.value[..], millis])?;
    }
    drop((provider, record, value));
    tx.commit()
}

fn forget_providers(db: &Connection, shared: &Shared, gone: &[ProviderId]) -> rusqlite::Result<()> {
    let mut delete = db.prepare_cached("DELETE FROM providers WHERE id = ?1")?;
    for id in gone {
        if shared.providers.get(*id, 0).is_none() {
            delete.execute([id.get()])?;
        }
    }
    Ok(())
}
