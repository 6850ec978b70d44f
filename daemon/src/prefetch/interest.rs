//! How many distinct askers want a key: a sketch of 64 bits for each of many slots.
//!
//! An asker has one bit, the same for every key, and a key has one slot. Whoever asks for any
//! number of keys therefore adds at most one to what any key is thought to have: keys that
//! many ask for stand out however many keys one asker invents. Keys that are refused count
//! too, so that a key does not lose its askers when the queue is full.

use std::time::{Duration, Instant};

use crate::dht::misses::Asker;

/// Slots; a power of two. Keys that share one lend each other their askers: with the misses
/// of [`AGE`] well below the slots, few do.
const SLOTS: usize = 1 << 16;

/// Askers are forgotten after one to two of these.
const AGE: Duration = Duration::from_secs(60);

/// The sketches of this period and the one before; 1 MiB.
#[derive(Debug)]
pub(super) struct Interest {
    now: Box<[u64]>,
    before: Box<[u64]>,
    since: Instant,
}

impl Interest {
    pub(super) fn new(now: Instant) -> Self {
        let slots = || vec![0; SLOTS].into();
        Self { now: slots(), before: slots(), since: now }
    }

    /// Somebody asks for a key, given by its keyed hash; how many do, about. At least 1.
    pub(super) fn note(&mut self, key: u64, asker: Asker, now: Instant) -> u32 {
        let age = now.saturating_duration_since(self.since);
        if age >= AGE {
            std::mem::swap(&mut self.now, &mut self.before);
            self.now.fill(0);
            if age >= 2 * AGE {
                self.before.fill(0);
            }
            self.since = now;
        }
        let slot = key as usize % SLOTS;
        self.now[slot] |= 1 << (asker.0 % 64);
        askers(self.now[slot] | self.before[slot])
    }
}

/// Linear counting: of 64 bits that `n` askers set at random, (63/64)ⁿ stay zero.
fn askers(bits: u64) -> u32 {
    let zero = f64::from(bits.count_zeros().max(1));
    ((64.0 / zero).ln() * 64.0).round() as u32
}

#[cfg(test)]
mod tests {
    use std::hash::{BuildHasher as _, RandomState};

    use super::*;

    #[test]
    fn askers_are_counted_once_each() {
        let (now, random) = (Instant::now(), RandomState::new());
        let mut interest = Interest::new(now);
        let asker = |n: u64| Asker(random.hash_one(n));
        assert_eq!(interest.note(7, asker(1), now), 1);
        assert_eq!(interest.note(7, asker(1), now), 1);
        for n in 2..=30 {
            interest.note(7, asker(n), now);
        }
        let counted = interest.note(7, asker(30), now);
        assert!((15..60).contains(&counted), "{counted}");
    }

    #[test]
    fn one_asker_of_a_million_keys_counts_as_one() {
        let now = Instant::now();
        let mut interest = Interest::new(now);
        let most = (0..1_000_000).map(|key| interest.note(key, Asker(5), now)).max();
        assert_eq!(most, Some(1));
        assert_eq!(interest.note(1, Asker(6), now), 2);
    }

    #[test]
    fn interest_is_forgotten_after_a_while() {
        let start = Instant::now();
        let mut interest = Interest::new(start);
        interest.note(1, Asker(1), start);
        assert_eq!(interest.note(1, Asker(2), start + AGE), 2);
        assert_eq!(interest.note(1, Asker(3), start + 2 * AGE), 2);
        assert_eq!(interest.note(1, Asker(4), start + 10 * AGE), 1);
    }
}
