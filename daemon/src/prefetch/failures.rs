//! The memory of look-ups without success: such a key is not looked up again for a while.
//!
//! A key that every source answered with "nobody" is remembered for an hour; one that timed
//! out or whose sources failed for five minutes only, for nobody said that it is not there.
//!
//! Bounded: each asker writes into one part of many, so that one who asks for nothing but
//! keys that do not exist forgets his own failures and no more than a part of the others'.

use std::collections::{HashMap, VecDeque};
use std::hash::{BuildHasherDefault, Hasher};
use std::time::{Duration, Instant};

use crate::dht::misses::Asker;
use crate::telemetry::Outcome;

/// A failure younger than this is refused as "just now".
const RECENT: Duration = Duration::from_secs(5 * 60);

/// How long a "nobody provides it" is remembered.
pub const LONG: Duration = Duration::from_secs(3600);

/// Parts of the memory; an asker writes into one.
const PARTS: usize = 16;

/// Keys that all parts remember together: an hour at 32 look-ups a second, about 5 MiB.
pub(super) const REMEMBERED: usize = 120_000;

/// Keys by a keyed hash of 64 bits, so that nobody can make two collide.
#[derive(Debug)]
pub(super) struct Failures {
    parts: [Part; PARTS],
    began: Instant,
    per_part: usize,
}

#[derive(Debug, Default)]
struct Part {
    keys: HashMap<u64, Failure, BuildHasherDefault<Hashed>>,
    /// Oldest first; an entry whose second is not the key's was failed again since.
    order: VecDeque<(u64, u32)>,
}

#[derive(Debug, Clone, Copy)]
struct Failure {
    /// Seconds since the memory began.
    at: u32,
    /// Every source answered.
    sure: bool,
}

impl Failures {
    pub(super) fn new(began: Instant, remembered: usize) -> Self {
        Self { parts: Default::default(), began, per_part: (remembered / PARTS).max(1) }
    }

    /// The reason for not looking up this key now.
    pub(super) fn refusal(&self, key: u64, now: Instant) -> Option<Outcome> {
        let now = self.secs(now);
        let of = |part: &Part| {
            let failure = part.keys.get(&key)?;
            let age = Duration::from_secs(now.saturating_sub(failure.at).into());
            match age {
                age if age < RECENT => Some(Outcome::Refused5m),
                age if age < LONG && failure.sure => Some(Outcome::Refused1h),
                _ => None,
            }
        };
        self.parts.iter().find_map(of)
    }

    /// Remembers how a look-up that `asker` caused has ended, when it found nothing.
    pub(super) fn note(&mut self, key: u64, asker: Asker, outcome: Outcome, now: Instant) {
        let sure = match outcome {
            Outcome::NotFound => true,
            Outcome::TimedOut | Outcome::SourceFailed => false,
            _ => return,
        };
        let at = self.secs(now);
        let part = &mut self.parts[(asker.0 >> 32) as usize % PARTS];
        part.keys.insert(key, Failure { at, sure });
        part.order.push_back((key, at));
        let oldest = at.saturating_sub(LONG.as_secs() as u32);
        while part.order.len() > self.per_part || part.order.front().is_some_and(|(_, at)| *at < oldest) {
            let Some((key, at)) = part.order.pop_front() else { return };
            if part.keys.get(&key).is_some_and(|failure| failure.at == at) {
                part.keys.remove(&key);
            }
        }
    }

    /// Keys remembered.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.parts.iter().map(|part| part.keys.len().max(part.order.len())).sum()
    }

    fn secs(&self, now: Instant) -> u32 {
        u32::try_from(now.saturating_duration_since(self.began).as_secs()).unwrap_or(u32::MAX)
    }
}

/// The keys are hashes already.
#[derive(Debug, Default)]
struct Hashed(u64);

impl Hasher for Hashed {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    fn asker(n: u64) -> Asker {
        Asker(n << 32)
    }

    #[test]
    fn nobody_is_believed_for_an_hour_and_a_failure_for_five_minutes() {
        let start = Instant::now();
        let mut failures = Failures::new(start, 1600);
        failures.note(1, asker(1), Outcome::NotFound, start);
        failures.note(2, asker(1), Outcome::TimedOut, start);
        failures.note(3, asker(2), Outcome::SourceFailed, start);
        failures.note(4, asker(2), Outcome::Found, start);
        let refused = |minutes| [1, 2, 3, 4].map(|key| failures.refusal(key, start + minutes * MINUTE));
        let recent = Some(Outcome::Refused5m);
        assert_eq!(refused(4), [recent, recent, recent, None]);
        assert_eq!(refused(5), [Some(Outcome::Refused1h), None, None, None]);
        assert_eq!(refused(59), [Some(Outcome::Refused1h), None, None, None]);
        assert_eq!(refused(60), [None; 4]);
    }

    #[test]
    fn one_asker_cannot_fill_it_nor_flush_what_others_asked() {
        let start = Instant::now();
        let mut failures = Failures::new(start, 1600);
        for other in 0..PARTS as u64 {
            failures.note(other, asker(other), Outcome::NotFound, start);
        }
        for key in 1_000..1_000_000 {
            failures.note(key, asker(3), Outcome::NotFound, start);
        }
        assert_eq!(failures.len(), 100 + PARTS - 1);
        let kept = (0..PARTS as u64).filter(|key| failures.refusal(*key, start).is_some()).count();
        assert_eq!(kept, PARTS - 1);
        assert_eq!(failures.refusal(999_999, start), Some(Outcome::Refused5m));
    }

    #[test]
    fn a_key_that_fails_again_is_remembered_from_then_on() {
        let start = Instant::now();
        let mut failures = Failures::new(start, 1600);
        failures.note(1, asker(1), Outcome::TimedOut, start);
        failures.note(1, asker(1), Outcome::NotFound, start + 30 * MINUTE);
        failures.note(2, asker(1), Outcome::NotFound, start + 70 * MINUTE);
        assert_eq!(failures.refusal(1, start + 80 * MINUTE), Some(Outcome::Refused1h));
        failures.note(2, asker(1), Outcome::NotFound, start + 200 * MINUTE);
        assert_eq!(failures.len(), 1);
    }
}
