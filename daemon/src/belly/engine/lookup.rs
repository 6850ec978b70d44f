//! Look-ups in segments: what left the index is found on disk.
//!
//! The caller asks the filters; when one says yes the look-up goes to one of a few
//! threads that read. Their queue is bounded: when it is full, the answer is what memory
//! has, and that is counted.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError};

use bytes::Bytes;
use parking_lot::Mutex;
use tokio::sync::oneshot;

use super::IndexMode;
use super::pulse::Reason;
use super::purge;
use super::shared::Shared;
use crate::belly::database::Trouble;
use crate::belly::log::{LogReader, Name};
use crate::belly::segments::{Segments, Spilled};
use crate::belly::{Answer, Provider};

/// Threads that read segments for look-ups.
pub(super) const THREADS: usize = 2;
/// Look-ups that may wait for them.
pub(super) const QUEUE: usize = 1_024;
/// With so many providers a key is answered without a further read.
pub(super) const ENOUGH: usize = 64;
/// Files held open.
const MAX_OPEN: usize = 64;

/// The generations that are not in the index, and the ways to their files.
#[derive(Default)]
pub(super) struct Spill {
    pub(super) segments: Segments,
    /// Connections that nobody uses at the moment, the least recently used first.
    idle: Mutex<Vec<(Name, LogReader)>>,
    /// The way to the threads; `None` when they do not run.
    pub(super) requests: Mutex<Option<SyncSender<LookUp>>>,
    /// What counts is to be counted anew.
    pub(super) stale: AtomicBool,
    /// What the segments take in memory, and the records that count in them.
    pub(super) bytes: AtomicU64,
    pub(super) records: AtomicU64,
}

/// A look-up on its way to the disk.
pub(super) struct LookUp {
    key: Bytes,
    limit: usize,
    reply: oneshot::Sender<Vec<Provider>>,
}

/// One of the threads that read.
pub(super) fn run(shared: &Shared, requests: &Mutex<Receiver<LookUp>>) {
    loop {
        // the lock is held while one of them waits; the others wait for the lock
        let request = requests.lock().recv();
        let Ok(LookUp { key, limit, reply }) = request else { return };
        if reply.is_closed() {
            continue;
        }
        let hash = shared.key.hash(&key);
        let now = shared.clock.secs();
        let mut holders = shared.index.holders(hash, now);
        shared.add_spilled_holders(hash, now, ENOUGH, &mut holders);
        shared.demand.read(hash, &key, holders.is_empty());
        reply.send(shared.sample(holders, limit, now)).ok(); // who stopped waiting wants no answer
    }
}

impl Shared {
    /// A segment that may have the key: then its file is to be read.
    #[inline]
    pub(super) fn may_be_spilled(&self, hash: u64, now: u32) -> bool {
        if self.index_mode == IndexMode::Memory || self.spill.segments.is_empty() {
            return false;
        }
        let generations = &self.index.generations;
        let segments = self.spill.segments.list();
        segments.iter().any(|spilled| spilled.may_have(hash) && generations.live(spilled.generation, now))
    }

    /// Providers of a key with what segments know; `holders` are those of memory.
    pub(super) fn look_up(
        self: &Arc<Self>,
        key: &[u8],
        hash: u64,
        holders: Vec<(u32, u8)>,
        limit: usize,
        now: u32,
    ) -> Answer<Vec<Provider>> {
        let (reply, answer) = oneshot::channel();
        let request = LookUp { key: Bytes::copy_from_slice(key), limit, reply };
        let sent = self.spill.requests.lock().as_ref().map(|threads| threads.try_send(request));
        if !matches!(sent, Some(Ok(()))) {
            if matches!(sent, Some(Err(TrySendError::Full(_)))) {
                self.pulse.count(Reason::SegmentsBusy);
            }
            self.demand.read(hash, key, holders.is_empty());
            return Answer::now(self.sample(holders, limit, now));
        }
        let shared = self.clone();
        Answer::later(async move {
            match answer.await {
                Ok(found) => found,
                Err(_) => shared.sample(holders, limit, now),
            }
        })
    }

    /// Adds the holders of a key that segments know, the newest first, until there are so
    /// many. Reads files.
    pub(super) fn add_spilled_holders(
        &self,
        hash: u64,
        now: u32,
        enough: usize,
        holders: &mut Vec<(u32, u8)>,
    ) {
        for spilled in self.spill.segments.list().iter() {
            if holders.len() >= enough {
                return;
            }
            if !self.index.generations.live(spilled.generation, now) || !spilled.may_have(hash) {
                continue;
            }
            for provider in self.providers_in(spilled, hash) {
                if !holders.iter().any(|(known, _)| *known == provider) {
                    holders.push((provider, spilled.generation));
                }
            }
        }
    }

    /// The record is in this generation and in no later one. Reads files.
    pub(super) fn is_in_force(&self, hash: u64, provider: u32, generation: u8, now: u32) -> bool {
        let generations = &self.index.generations;
        let rank = generations.rank(generation);
        let in_memory = self.index.generation(hash, provider).filter(|g| generations.live(*g, now));
        if self.spill.segments.is_empty() {
            return in_memory == Some(generation);
        }
        if in_memory.is_some_and(|other| generations.rank(other) > rank) {
            return false;
        }
        let mut here = in_memory == Some(generation);
        for spilled in self.spill.segments.list().iter() {
            let other = generations.rank(spilled.generation);
            let matters = other > rank || (other == rank && !here);
            if !matters || !generations.live(spilled.generation, now) || !spilled.may_have(hash) {
                continue;
            }
            if self.providers_in(spilled, hash).contains(&provider) {
                if other > rank {
                    return false;
                }
                here = true;
            }
        }
        here
    }

    /// The providers of a key in one segment but for those that were purged since; none
    /// when it cannot be read, which is counted.
    fn providers_in(&self, spilled: &Spilled, hash: u64) -> Vec<u32> {
        let mut found = self.all_providers_in(spilled, hash);
        let tombstones = self.tombstones.read();
        if !tombstones.is_empty() {
            let end = purge::time(spilled.name.hour.saturating_add(1), 0);
            found.retain(|provider| !tombstones.cover(hash, *provider, end));
        }
        found
    }

    /// As [`Self::providers_in`], with those that were purged.
    pub(super) fn all_providers_in(&self, spilled: &Spilled, hash: u64) -> Vec<u32> {
        match self.with_log(spilled.name, |log| spilled.providers(log, hash)) {
            Ok(Some(found)) => found,
            Ok(None) => {
                self.pulse.count(Reason::SegmentDamaged);
                Vec::new()
            }
            Err(_) => {
                self.pulse.count(Reason::SegmentUnread);
                Vec::new()
            }
        }
    }

    /// Reads a file by a connection that is open, or a new one.
    fn with_log<T>(
        &self,
        name: Name,
        read: impl FnOnce(&LogReader) -> rusqlite::Result<T>,
    ) -> Result<T, Trouble> {
        let idle = &self.spill.idle;
        let open = {
            let mut idle = idle.lock();
            let at = idle.iter().rposition(|(open, _)| *open == name);
            at.map(|at| idle.remove(at).1)
        };
        let log = match open {
            Some(log) => log,
            None => LogReader::open(&name.path(&self.dir))?,
        };
        let outcome = read(&log)?; // after an error the connection is not used again
        let mut idle = idle.lock();
        if idle.len() >= MAX_OPEN {
            idle.remove(0);
        }
        idle.push((name, log));
        Ok(outcome)
    }

    /// A generation answers no more from its segment; tells how many records that were.
    pub(super) fn drop_segment(&self, generation: u8) -> u64 {
        let lost = |provider, n: u32| self.providers.change_records(provider, -i64::from(n));
        let gone: Vec<Name> = {
            let all = self.spill.segments.list();
            all.iter().filter(|s| s.generation == generation).map(|s| s.name).collect()
        };
        let records = self.spill.segments.remove(generation, lost);
        self.spill.idle.lock().retain(|(name, _)| !gone.contains(name));
        self.note_spilled();
        records
    }
}
