//! The bounded way from the callers to the writer thread.
//!
//! Owns what waits to be written and the rule when a group closes. Must not touch the
//! disk; the lock is held for a push or a swap.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use parking_lot::{Condvar, Mutex};
use tokio::sync::oneshot;

use super::providers::ProviderId;
use crate::belly::{Refused, Unavailable};
use crate::wire::Key256;

/// A group is committed when it has this many records …
pub(super) const GROUP_RECORDS: usize = 20_000;
/// … or is this old …
pub(super) const GROUP_AGE: Duration = Duration::from_secs(1);
/// … or holds a value whose sender has waited this long.
pub(super) const VALUE_AGE: Duration = Duration::from_millis(20);

/// Values that may wait at once, up to 64 KiB each.
const MAX_WAITING_VALUES: usize = 256;
/// Callers that may wait for a flush at once.
const MAX_WAITING_FLUSHES: usize = 4_096;

/// A record on its way to disk; its time and head are read from memory when written.
pub(super) struct WaitingRecord {
    pub(super) place: Key256,
    pub(super) key: Box<[u8]>,
    pub(super) provider: ProviderId,
}

pub(super) struct WaitingValue {
    pub(super) key: Bytes,
    pub(super) value: Bytes,
    pub(super) reply: oneshot::Sender<Result<(), Refused>>,
}

pub(super) type FlushReply = oneshot::Sender<Result<(), Unavailable>>;

/// What the writer takes out at once.
#[derive(Default)]
pub(super) struct Group {
    pub(super) records: Vec<WaitingRecord>,
    /// Providers whose addresses changed without a record to write.
    pub(super) providers: Vec<ProviderId>,
    pub(super) values: Vec<WaitingValue>,
    pub(super) flushes: Vec<FlushReply>,
    /// Look for expired records everywhere, now.
    pub(super) sweep: bool,
    oldest: Option<Instant>,
    due: Option<Instant>,
}

impl Group {
    fn hurry(&mut self, by: Duration) {
        let now = Instant::now();
        self.oldest.get_or_insert(now);
        let due = now + by;
        self.due = Some(self.due.map_or(due, |d| d.min(due)));
    }

    pub(super) fn is_empty(&self) -> bool {
        self.oldest.is_none()
    }

    /// Puts what came later behind what is here.
    pub(super) fn append(&mut self, mut later: Self) {
        self.records.append(&mut later.records);
        self.providers.append(&mut later.providers);
        self.values.append(&mut later.values);
        self.flushes.append(&mut later.flushes);
        self.sweep |= later.sweep;
        self.oldest = self.oldest.or(later.oldest);
    }
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

    /// Takes a place for one record; the record must follow.
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

    pub(super) fn push(&self, record: Option<WaitingRecord>, provider: Option<ProviderId>) {
        let mut group = self.waiting.lock();
        group.records.extend(record);
        group.providers.extend(provider);
        let first = group.is_empty();
        if first {
            group.hurry(GROUP_AGE);
        }
        let wake = first || group.records.len() == GROUP_RECORDS;
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
        group.hurry(VALUE_AGE);
        drop(group);
        self.wake.notify_one();
        Ok(())
    }

    pub(super) fn push_flush(&self, reply: FlushReply) {
        let mut group = self.waiting.lock();
        if group.flushes.len() >= MAX_WAITING_FLUSHES || self.closed() {
            return; // the dropped sender tells the caller
        }
        group.flushes.push(reply);
        group.hurry(Duration::ZERO);
        drop(group);
        self.wake.notify_one();
    }

    #[cfg(test)]
    pub(super) fn push_sweep(&self, reply: FlushReply) {
        self.waiting.lock().sweep = true;
        self.push_flush(reply);
    }

    pub(super) fn close(&self) {
        self.closed.store(true, Ordering::Release);
        drop(self.waiting.lock()); // the writer waits now, or will see the mark
        self.wake.notify_all();
    }

    pub(super) fn closed(&self) -> bool {
        self.closed.load(Ordering::Acquire)
    }

    /// Waits until a group is due, the time is over or the inbox is closed.
    pub(super) fn take(&self, at_most: Duration) -> Group {
        let until = Instant::now() + at_most;
        let mut group = self.waiting.lock();
        while !self.closed() && group.records.len() < GROUP_RECORDS {
            let now = Instant::now();
            if group.due.is_some_and(|due| due <= now) {
                break;
            }
            if until <= now {
                return Group::default();
            }
            let deadline = group.due.map_or(until, |due| due.min(until));
            self.wake.wait_until(&mut group, deadline);
        }
        std::mem::take(&mut *group)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(n: u8) -> WaitingRecord {
        WaitingRecord { place: Key256::of(&[n]), key: Box::new([n]), provider: ProviderId::new(1) }
    }

    #[test]
    fn a_group_waits_for_company_and_a_flush_closes_it() {
        let inbox = Inbox::new(10);
        inbox.push(Some(record(1)), None);
        assert!(inbox.take(Duration::from_millis(30)).is_empty());
        let (reply, _rx) = oneshot::channel();
        inbox.push_flush(reply);
        let group = inbox.take(Duration::from_secs(5));
        assert_eq!((group.records.len(), group.flushes.len()), (1, 1));
        assert!(inbox.take(Duration::ZERO).is_empty());
    }

    #[test]
    fn a_value_closes_its_group_within_its_age() {
        let inbox = Inbox::new(10);
        let (reply, _rx) = oneshot::channel();
        let value = WaitingValue { key: Bytes::from_static(b"k"), value: Bytes::new(), reply };
        assert!(inbox.push_value(value).is_ok());
        let began = Instant::now();
        assert_eq!(inbox.take(Duration::from_secs(5)).values.len(), 1);
        assert!(began.elapsed() < Duration::from_millis(500));
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
