//! The bounded way from the callers to the writer thread.
//!
//! Owns what waits to be written and the rule when a group closes. Must not touch the
//! disk; the lock is held for a push or a swap.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use parking_lot::{Condvar, Mutex};
use tokio::sync::oneshot;

use crate::belly::index::Rank;
use crate::belly::log::{Batch, Tail};
use crate::belly::values::Tombstone;
use crate::belly::{Refused, Unavailable};

/// A group is committed when it has this many records …
pub(super) const GROUP_RECORDS: usize = 20_000;
/// … or is this old.
pub(super) const GROUP_AGE: Duration = Duration::from_secs(1);
/// A value is committed when its sender has waited this long. It does not take the
/// records of its second along: they are in another file, and small groups are dear.
pub(super) const VALUE_AGE: Duration = Duration::from_millis(20);

/// Values that may wait at once, up to 64 KiB each.
const MAX_WAITING_VALUES: usize = 256;
/// Callers that may wait for a flush or a purge at once.
const MAX_WAITING_FLUSHES: usize = 4_096;
/// Written batches whose memory is kept for the next, some 1 MiB each.
const MAX_SPARE: usize = 2;
/// Providers that may wait without a record.
const MAX_MOVED: usize = GROUP_RECORDS;

pub(super) struct WaitingValue {
    pub(super) key: Bytes,
    pub(super) value: Bytes,
    /// When it came, in milliseconds since the Unix epoch; none: when it is written.
    pub(super) received: Option<u64>,
    pub(super) reply: oneshot::Sender<Result<(), Refused>>,
}

pub(super) type FlushReply = oneshot::Sender<Result<(), Unavailable>>;

/// What the writer takes out at once.
#[derive(Default)]
pub(super) struct Group {
    /// By generation; there are seldom more than two. The rank tells the generation from
    /// a later one of the same number.
    pub(super) batches: Vec<((u8, Rank), Batch)>,
    records: usize,
    /// Batches that were written, for their memory.
    spare: Vec<Batch>,
    /// Providers whose addresses changed without a record to write.
    pub(super) moved: Vec<u32>,
    pub(super) values: Vec<WaitingValue>,
    pub(super) tombstones: Vec<(Tombstone, FlushReply)>,
    pub(super) flushes: Vec<FlushReply>,
    records_due: Option<Instant>,
    due: Option<Instant>,
}

impl Group {
    fn batch(&mut self, generation: (u8, Rank)) -> &mut Batch {
        let at = self.batches.iter().position(|(g, _)| *g == generation).unwrap_or_else(|| {
            self.batches.push((generation, self.spare.pop().unwrap_or_default()));
            self.batches.len() - 1
        });
        &mut self.batches[at].1
    }

    /// Puts what came later behind what is here.
    pub(super) fn append(&mut self, mut later: Self) {
        if self.batches.is_empty() {
            self.batches.append(&mut later.batches);
        }
        for (generation, batch) in &mut later.batches {
            self.batch(*generation).append(batch);
        }
        self.records += later.records;
        self.moved.append(&mut later.moved);
        if self.moved.len() > MAX_MOVED {
            self.moved.sort_unstable();
            self.moved.dedup();
        }
        self.values.append(&mut later.values);
        self.tombstones.append(&mut later.tombstones);
        self.flushes.append(&mut later.flushes);
    }

    pub(super) fn has_records(&self) -> bool {
        self.records > 0 || !self.moved.is_empty()
    }

    /// The records are written, or nobody wants them any more.
    pub(super) fn settle_batch(&mut self, at: usize) -> Batch {
        let (_, batch) = self.batches.swap_remove(at);
        self.records -= batch.len();
        batch
    }

    #[cfg(test)]
    pub(super) fn records(&self) -> usize {
        self.records
    }
}

fn sooner(due: &mut Option<Instant>, by: Duration) -> bool {
    let at = Instant::now() + by;
    let sooner = due.is_none_or(|due| at < due);
    if sooner {
        *due = Some(at);
    }
    sooner
}

pub(super) struct Inbox {
    waiting: Mutex<Group>,
    wake: Condvar,
    /// Records queued or being written.
    pending: AtomicU64,
    max_pending: u64,
    closed: AtomicBool,
}

impl Inbox {
    pub(super) fn new(max_pending: u64) -> Self {
        Self {
            waiting: Mutex::default(),
            wake: Condvar::new(),
            pending: AtomicU64::new(0),
            max_pending,
            closed: AtomicBool::new(false),
        }
    }

    /// Takes a place for one record; the record must follow, or [`Self::settle`].
    #[inline]
    pub(super) fn reserve(&self) -> bool {
        if self.pending.fetch_add(1, Ordering::Relaxed) >= self.max_pending {
            self.pending.fetch_sub(1, Ordering::Relaxed);
            return false;
        }
        true
    }

    pub(super) fn pending(&self) -> u64 {
        self.pending.load(Ordering::Relaxed)
    }

    /// These many records came to rest.
    pub(super) fn settle(&self, records: usize) {
        self.pending.fetch_sub(records as u64, Ordering::Relaxed);
    }

    /// Records that came to rest, and the memory that they waited in.
    pub(super) fn settle_batch(&self, batch: Batch) {
        self.settle(batch.len());
        let mut group = self.waiting.lock();
        if batch.len() <= 2 * GROUP_RECORDS && group.spare.len() < MAX_SPARE {
            group.spare.push(batch.emptied());
        }
    }

    #[inline]
    pub(super) fn push(&self, generation: (u8, Rank), key: &[u8], tail: Tail) {
        let mut group = self.waiting.lock();
        group.batch(generation).push(key, tail);
        group.records += 1;
        self.records_came(group);
    }

    pub(super) fn push_moved(&self, provider: u32) {
        let mut group = self.waiting.lock();
        if group.moved.len() < MAX_MOVED {
            group.moved.push(provider);
        }
        self.records_came(group);
    }

    fn records_came(&self, mut group: parking_lot::MutexGuard<'_, Group>) {
        let first = group.records_due.is_none();
        if first {
            sooner(&mut group.records_due, GROUP_AGE);
        }
        let wake = first || group.records == GROUP_RECORDS;
        drop(group);
        if wake {
            self.wake.notify_one();
        }
    }

    /// Hands a value over; gives it back when too many wait.
    pub(super) fn push_value(&self, value: WaitingValue) -> Result<(), WaitingValue> {
        let mut group = self.waiting.lock();
        if group.values.len() >= MAX_WAITING_VALUES || self.closed() {
            return Err(value);
        }
        group.values.push(value);
        self.hurry(group, VALUE_AGE);
        Ok(())
    }

    pub(super) fn push_flush(&self, reply: FlushReply) {
        let mut group = self.waiting.lock();
        if group.flushes.len() >= MAX_WAITING_FLUSHES || self.closed() {
            return; // the dropped sender tells the caller
        }
        group.flushes.push(reply);
        group.records_due = Some(Instant::now());
        self.hurry(group, Duration::ZERO);
    }

    pub(super) fn push_tombstone(&self, tombstone: Tombstone, reply: FlushReply) {
        let mut group = self.waiting.lock();
        if group.tombstones.len() >= MAX_WAITING_FLUSHES || self.closed() {
            return; // the dropped sender tells the caller
        }
        group.tombstones.push((tombstone, reply));
        self.hurry(group, Duration::ZERO);
    }

    fn hurry(&self, mut group: parking_lot::MutexGuard<'_, Group>, by: Duration) {
        let sooner = sooner(&mut group.due, by);
        drop(group);
        if sooner {
            self.wake.notify_one();
        }
    }

    pub(super) fn close(&self) {
        self.closed.store(true, Ordering::Release);
        drop(self.waiting.lock()); // the writer waits now, or will see the mark
        self.wake.notify_all();
    }

    pub(super) fn closed(&self) -> bool {
        self.closed.load(Ordering::Acquire)
    }

    /// Waits until something is due, the time is over or the inbox is closed.
    pub(super) fn take(&self, at_most: Duration) -> Group {
        let until = Instant::now() + at_most;
        let mut group = self.waiting.lock();
        loop {
            let now = Instant::now();
            let is_due = |due: Option<Instant>| due.is_some_and(|due| due <= now);
            if self.closed() || group.records >= GROUP_RECORDS || is_due(group.records_due) {
                let spare = std::mem::take(&mut group.spare);
                return std::mem::replace(&mut *group, Group { spare, ..Group::default() });
            }
            if is_due(group.due) {
                // values and tombstones go alone; the records wait for company
                group.due = None;
                return Group {
                    values: std::mem::take(&mut group.values),
                    tombstones: std::mem::take(&mut group.tombstones),
                    ..Group::default()
                };
            }
            if until <= now {
                return Group::default();
            }
            let deadline = [group.due, group.records_due, Some(until)].into_iter().flatten().min();
            self.wake.wait_until(&mut group, deadline.unwrap_or(until));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TAIL: Tail = Tail { provider: 1, minute: 0, head: 0 };

    #[test]
    fn a_group_waits_for_company_and_a_flush_closes_it() {
        let inbox = Inbox::new(10);
        inbox.push((1, Rank::new(1, true, true)), b"a", TAIL);
        inbox.push((1, Rank::new(2, true, true)), b"b", TAIL);
        assert!(!inbox.take(Duration::from_millis(30)).has_records());
        let (reply, _rx) = oneshot::channel();
        inbox.push_flush(reply);
        let group = inbox.take(Duration::from_secs(5));
        assert_eq!((group.records(), group.batches.len(), group.flushes.len()), (2, 2, 1));
        assert!(!inbox.take(Duration::ZERO).has_records());
    }

    #[test]
    fn a_value_goes_within_its_age_and_alone() {
        let inbox = Inbox::new(10);
        let (reply, _rx) = oneshot::channel();
        inbox.push((1, Rank::new(1, true, true)), b"a", TAIL);
        let value =
            WaitingValue { key: Bytes::from_static(b"k"), value: Bytes::new(), received: None, reply };
        assert!(inbox.push_value(value).is_ok());
        let began = Instant::now();
        let group = inbox.take(Duration::from_secs(5));
        assert!(began.elapsed() < Duration::from_millis(500));
        assert_eq!((group.values.len(), group.records()), (1, 0));
        assert_eq!(inbox.take(Duration::from_secs(5)).records(), 1);
    }

    #[test]
    fn no_more_may_wait_than_the_bound() {
        let inbox = Inbox::new(2);
        assert!(inbox.reserve() && inbox.reserve());
        assert!(!inbox.reserve());
        inbox.settle(1);
        assert!(inbox.reserve());
    }
}
