//! The keys asked for most, by the space-saving algorithm (Metwally et al. 2005).
//!
//! A fixed number of counters: a key that has none takes over the least one with its
//! count, so a count may be too great, by at most `error`, and never too small.

use std::collections::HashMap;

use parking_lot::Mutex;

use crate::belly::AskedKey;

/// Apart, so that readers seldom wait for each other.
const SHARDS: usize = 16;
const COUNTERS: usize = 128;

struct Counter {
    hash: u64,
    key: Box<[u8]>,
    asked: u64,
    missed: u64,
    error: u64,
}

#[derive(Default)]
struct Shard {
    at: HashMap<u64, usize>,
    counters: Vec<Counter>,
}

#[derive(Default)]
pub(super) struct Asked([Mutex<Shard>; SHARDS]);

impl Asked {
    /// `hash` is the key's in the index.
    pub(super) fn note(&self, hash: u64, key: &[u8], missed: bool) {
        let mut shard = self.0[hash as usize % SHARDS].lock();
        let Shard { at, counters } = &mut *shard;
        if let Some(counter) = at.get(&hash).and_then(|i| counters.get_mut(*i)) {
            counter.asked += 1;
            counter.missed += u64::from(missed);
            return;
        }
        let mut counter = Counter { hash, key: key.into(), asked: 1, missed: missed.into(), error: 0 };
        if counters.len() < COUNTERS {
            at.insert(hash, counters.len());
            counters.push(counter);
            return;
        }
        let least = counters.iter().enumerate().min_by_key(|(_, c)| c.asked).map(|(i, _)| i);
        if let Some((i, slot)) = least.and_then(|i| Some((i, counters.get_mut(i)?))) {
            counter.asked += slot.asked;
            counter.error = slot.asked;
            at.remove(&slot.hash);
            at.insert(hash, i);
            *slot = counter;
        }
    }

    /// Half of all is forgotten, so that what was asked long ago fades.
    pub(super) fn fade(&self) {
        for shard in &self.0 {
            for counter in &mut shard.lock().counters {
                counter.asked /= 2;
                counter.missed /= 2;
                counter.error /= 2;
            }
        }
    }

    pub(super) fn top(&self, n: usize) -> Vec<AskedKey> {
        let mut all = Vec::new();
        for shard in &self.0 {
            all.extend(shard.lock().counters.iter().filter(|c| c.asked > 0).map(|c| AskedKey {
                key: c.key.to_vec().into(),
                asked: c.asked,
                missed: c.missed,
                error: c.error,
            }));
        }
        all.sort_unstable_by(|a, b| b.asked.cmp(&a.asked).then_with(|| a.key.cmp(&b.key)));
        all.truncate(n);
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_asked_often_is_found_among_many_that_are_asked_once() {
        let asked = Asked::default();
        for n in 0..200_000u64 {
            let hash = n.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 8;
            asked.note(hash, &n.to_be_bytes(), false);
            if n % 100 == 0 {
                asked.note(7, b"popular", n % 400 == 0);
            }
        }
        let top = asked.top(1);
        assert_eq!(&top[0].key[..], b"popular");
        let AskedKey { asked: count, missed, error, .. } = top[0];
        assert!(count - error <= 2_000 && count >= 2_000, "{count} ± {error}");
        assert!((400..=500).contains(&missed), "{missed}");
        assert!(asked.top(usize::MAX).len() <= SHARDS * COUNTERS);
        asked.fade();
        assert_eq!(asked.top(1)[0].asked, count / 2);
    }
}
