//! Which value records there are: their sizes and times, not their bytes.
//!
//! Owns the bounds on values, and lets a look-up of a key without a value be answered
//! without the disk. Only the writer thread changes it.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;

use crate::belly::{Refused, VALUE_VALIDITY};
use crate::wire::Key256;

/// Most bytes of a value record with its key; the validators ask for much less.
pub(in crate::belly) const MAX_VALUE: usize = 64 << 10;

const VALIDITY_MILLIS: u64 = VALUE_VALIDITY.as_secs() * 1000;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::belly) struct Meta {
    pub(in crate::belly) bytes: u64,
    /// Milliseconds since the Unix epoch.
    pub(in crate::belly) received: u64,
}

pub(in crate::belly) fn live(received: u64, now: u64) -> bool {
    now < received.saturating_add(VALIDITY_MILLIS)
}

pub(in crate::belly) struct Values {
    known: Mutex<HashMap<Key256, Meta>>,
    count: AtomicU64,
    bytes: AtomicU64,
    max: u64,
    max_bytes: u64,
}

impl Values {
    pub(in crate::belly) fn new(max: u64, max_bytes: u64) -> Self {
        let known = Mutex::default();
        Self { known, count: AtomicU64::new(0), bytes: AtomicU64::new(0), max, max_bytes }
    }

    pub(in crate::belly) fn count(&self) -> u64 {
        self.count.load(Ordering::Relaxed)
    }

    pub(in crate::belly) fn has(&self, place: &Key256, now: u64) -> bool {
        self.known.lock().get(place).is_some_and(|meta| live(meta.received, now))
    }

    /// Notes a value; returns what it replaces.
    pub(in crate::belly) fn insert(&self, place: Key256, meta: Meta) -> Result<Option<Meta>, Refused> {
        let mut known = self.known.lock();
        let old = known.get(&place).copied();
        let bytes = self.bytes.load(Ordering::Relaxed) - old.map_or(0, |m| m.bytes) + meta.bytes;
        if bytes > self.max_bytes || (old.is_none() && known.len() as u64 >= self.max) {
            return Err(Refused::StoreFull);
        }
        known.insert(place, meta);
        self.recount(&known, bytes);
        Ok(old)
    }

    /// Puts back what was there before an insertion that did not reach the disk.
    pub(in crate::belly) fn restore(&self, place: Key256, old: Option<Meta>) {
        let mut known = self.known.lock();
        let replaced = match old {
            Some(meta) => known.insert(place, meta),
            None => known.remove(&place),
        };
        let bytes = self.bytes.load(Ordering::Relaxed) - replaced.map_or(0, |m| m.bytes);
        self.recount(&known, bytes + old.map_or(0, |m| m.bytes));
    }

    /// Values that expired; they stay until [`Self::restore`]d to nothing.
    pub(in crate::belly) fn expired(&self, now: u64) -> Vec<Key256> {
        let known = self.known.lock();
        known.iter().filter(|(_, meta)| !live(meta.received, now)).map(|(place, _)| *place).collect()
    }

    pub(in crate::belly) fn clear(&self) {
        let mut known = self.known.lock();
        known.clear();
        self.recount(&known, 0);
    }

    fn recount(&self, known: &HashMap<Key256, Meta>, bytes: u64) {
        self.bytes.store(bytes, Ordering::Relaxed);
        self.count.store(known.len() as u64, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_and_bytes_are_bounded_and_a_replacement_frees_what_it_replaces() {
        let values = Values::new(2, 100);
        let (a, b, c) = (Key256::of(b"a"), Key256::of(b"b"), Key256::of(b"c"));
        let meta = |bytes| Meta { bytes, received: 5 };
        assert_eq!(values.insert(a, meta(60)), Ok(None));
        assert_eq!(values.insert(b, meta(50)), Err(Refused::StoreFull));
        assert_eq!(values.insert(a, meta(50)), Ok(Some(meta(60))));
        assert_eq!(values.insert(b, meta(50)), Ok(None));
        assert_eq!(values.insert(c, meta(0)), Err(Refused::StoreFull));
        values.restore(b, None);
        assert_eq!(values.insert(c, meta(50)), Ok(None));
        assert_eq!(values.count(), 2);
        assert_eq!(values.expired(5 + VALIDITY_MILLIS).len(), 2);
        assert!(values.has(&a, 4 + VALIDITY_MILLIS) && !values.has(&a, 5 + VALIDITY_MILLIS));
    }
}
