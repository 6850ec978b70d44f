//! What one connection is doing, and whether that takes too long.
//!
//! Written by the connection's own task, read by the door's sweeper. Times are milliseconds
//! since the door opened; 0 is "not now".

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use tokio_util::sync::CancellationToken;

use super::serve::Bounds;

/// A connection as the sweeper sees it.
#[derive(Debug)]
pub(super) struct Activity {
    opened: Instant,
    /// Requests begun and not wholly answered.
    requests: AtomicU32,
    /// Since when there is none.
    quiet: AtomicU64,
    /// Since when a head is being received.
    head: AtomicU64,
    /// Since when the client takes no bytes.
    blocked: AtomicU64,
    /// More than one request at a time: bytes between requests are no heads.
    multiplexed: AtomicBool,
    /// Parts of answers handed out, by request: since when nobody asked for the next.
    handed: Mutex<HashMap<u32, u64>>,
    next: AtomicU32,
    /// Ask the client to leave.
    pub(super) leave: CancellationToken,
    /// End the connection now.
    pub(super) end: CancellationToken,
}

/// What a connection is too slow with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Late {
    /// Nothing was asked for longer than connections are kept.
    Idle,
    /// A head did not become whole.
    Head,
    /// An answer is not taken.
    Answer,
}

impl Activity {
    pub(super) fn new(opened: Instant) -> Self {
        let activity = Self {
            opened,
            requests: AtomicU32::default(),
            quiet: AtomicU64::default(),
            head: AtomicU64::default(),
            blocked: AtomicU64::default(),
            multiplexed: AtomicBool::default(),
            handed: Mutex::default(),
            next: AtomicU32::default(),
            leave: CancellationToken::new(),
            end: CancellationToken::new(),
        };
        activity.quiet.store(activity.now(), Relaxed);
        activity
    }

    /// Never 0.
    fn now(&self) -> u64 {
        self.opened.elapsed().as_millis() as u64 + 1
    }

    /// Bytes came in.
    pub(super) fn received(&self) {
        if self.requests.load(Relaxed) == 0 && !self.multiplexed.load(Relaxed) && self.head.load(Relaxed) == 0
        {
            self.head.store(self.now(), Relaxed);
        }
    }

    /// The client took bytes, or would not.
    pub(super) fn sent(&self, taken: bool) {
        if taken {
            self.blocked.store(0, Relaxed);
        } else if self.blocked.load(Relaxed) == 0 {
            self.blocked.store(self.now(), Relaxed);
        }
    }

    /// A request's head is whole; returns the request's number.
    pub(super) fn begin(&self, multiplexed: bool) -> u32 {
        if multiplexed {
            self.multiplexed.store(true, Relaxed);
        }
        self.head.store(0, Relaxed);
        self.quiet.store(0, Relaxed);
        self.requests.fetch_add(1, Relaxed);
        self.next.fetch_add(1, Relaxed)
    }

    /// A part of the answer was handed out, or the next is asked for.
    pub(super) fn handed(&self, request: u32, out: bool) {
        let mut handed = self.handed.lock();
        if out {
            handed.insert(request, self.now());
        } else {
            handed.remove(&request);
        }
    }

    /// The request is answered, or given up.
    pub(super) fn finish(&self, request: u32) {
        self.handed.lock().remove(&request);
        if self.requests.fetch_sub(1, Relaxed) == 1 {
            self.quiet.store(self.now(), Relaxed);
        }
    }

    /// Since when nothing is asked; `None` while something is.
    pub(super) fn idle_since(&self) -> Option<u64> {
        let since = self.quiet.load(Relaxed);
        (since > 0 && self.requests.load(Relaxed) == 0).then_some(since)
    }

    /// What takes too long.
    pub(super) fn late(&self, bounds: &Bounds) -> Option<Late> {
        let now = self.now();
        let over =
            |since: u64, bound: Duration| since > 0 && now.saturating_sub(since) > bound.as_millis() as u64;
        let unasked = self.handed.lock().values().copied().min().unwrap_or(0);
        if over(self.blocked.load(Relaxed), bounds.progress) || over(unasked, bounds.progress) {
            return Some(Late::Answer);
        }
        if over(self.head.load(Relaxed), bounds.head_time) {
            return Some(Late::Head);
        }
        over(self.idle_since().unwrap_or(0), bounds.idle).then_some(Late::Idle)
    }
}
