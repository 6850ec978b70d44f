//! What became of the requests for providers that found nothing: one name for each.
//!
//! Owns the ten names and their counters. A miss is counted when it happens and its outcome
//! when it is known: the outcomes and what waits or is in flight always sum to the misses.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

macro_rules! outcomes {
    ($($name:ident $key:literal $words:literal $doc:literal,)*) => {
        /// How a miss ended.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Outcome { $(#[doc = $doc] $name,)* }

        impl Outcome {
            /// Every outcome, in the order in which they are shown.
            pub const ALL: [Self; 10] = [$(Self::$name,)*];

            /// Its name in JSON and metrics.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self { $(Self::$name => $key,)* }
            }

            /// Its name on screens.
            #[must_use]
            pub fn words(self) -> &'static str {
                match self { $(Self::$name => $words,)* }
            }

            /// What it means.
            #[must_use]
            pub fn meaning(self) -> &'static str {
                match self { $(Self::$name => $doc,)* }
            }
        }
    };
}

outcomes! {
    Found "found" "found" "A source knew a provider; it is kept for at most an hour.",
    NotFound "not_found" "not found" "Every source answered, and none knew a provider.",
    TimedOut "timed_out" "timed out" "No source knew a provider in time, and at least one did not answer in time.",
    SourceFailed "source_failed" "source failed" "No source knew a provider, and at least one could not be asked.",
    Refused5m "refused_5m" "refused <5 min" "The same key was looked up without success in the last 5 minutes.",
    Refused1h "refused_1h" "refused <1 h" "No source knew a provider of the same key within the last hour.",
    QueueFull "queue_full" "queue full" "As many keys waited already, of all askers or of this one.",
    NotOurs "not_ours" "not ours" "No head is near the key, and only near keys are looked up.",
    Joined "joined" "joined" "The same key was waiting or being looked up already.",
    Paused "paused" "paused" "Prefetching was paused, or the key was cleared from the queue by hand.",
}

/// The counters of one hydra, since its start.
#[derive(Debug, Default)]
pub struct Outcomes {
    misses: AtomicU64,
    counts: [AtomicU64; Outcome::ALL.len()],
}

impl Outcomes {
    /// A GET_PROVIDERS for which the belly had nothing.
    pub fn miss(&self) {
        self.misses.fetch_add(1, Relaxed);
    }

    /// A miss has ended.
    pub fn count(&self, outcome: Outcome) {
        self.add(outcome, 1);
    }

    /// Several misses have ended alike.
    pub fn add(&self, outcome: Outcome, n: u64) {
        self.counts[outcome as usize].fetch_add(n, Relaxed);
    }

    #[must_use]
    pub fn totals(&self) -> OutcomeTotals {
        OutcomeTotals {
            counts: std::array::from_fn(|i| self.counts[i].load(Relaxed)),
            misses: self.misses.load(Relaxed),
        }
    }
}

/// The counters at one moment; the difference of two is a window.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct OutcomeTotals {
    pub misses: u64,
    counts: [u64; Outcome::ALL.len()],
}

impl OutcomeTotals {
    #[must_use]
    pub fn of(&self, outcome: Outcome) -> u64 {
        self.counts[outcome as usize]
    }

    /// Misses that have ended.
    #[must_use]
    pub fn ended(&self) -> u64 {
        self.counts.iter().sum()
    }

    #[must_use]
    pub fn since(&self, earlier: &Self) -> Self {
        Self {
            misses: self.misses.saturating_sub(earlier.misses),
            counts: std::array::from_fn(|i| self.counts[i].saturating_sub(earlier.counts[i])),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_outcome_has_a_counter_and_names_of_its_own() {
        let outcomes = Outcomes::default();
        for (n, outcome) in (1..).zip(Outcome::ALL) {
            outcomes.add(outcome, n);
        }
        let totals = outcomes.totals();
        for (n, outcome) in (1..).zip(Outcome::ALL) {
            assert_eq!(totals.of(outcome), n, "{}", outcome.name());
        }
        assert_eq!(totals.ended(), 55);
        let mut names: Vec<_> = Outcome::ALL.iter().flat_map(|o| [o.name(), o.meaning()]).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), 20);
    }
}
