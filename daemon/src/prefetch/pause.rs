//! Why prefetching does not go on, and until when.
//!
//! Three may hold it, each on its own: the operator, the load, and that there is no source.
//! Ending one pause does not end another.

use std::time::Instant;

/// A pause that an operator asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pause {
    pub reason: String,
    /// `None`: until it is resumed.
    pub until: Option<Instant>,
}

/// The pauses in force.
#[derive(Debug, Default)]
pub(super) struct Pauses {
    by_hand: Option<Pause>,
    by_load: Option<String>,
    no_source: Option<String>,
}

impl Pauses {
    pub(super) fn by_hand(&mut self, pause: Option<Pause>) {
        self.by_hand = pause;
    }

    pub(super) fn by_load(&mut self, reason: Option<String>) {
        self.by_load = reason;
    }

    pub(super) fn no_source(&mut self, reason: Option<String>) {
        self.no_source = reason;
    }

    pub(super) fn paused(&mut self, now: Instant) -> bool {
        if self.by_hand.as_ref().is_some_and(|pause| pause.until.is_some_and(|until| until <= now)) {
            self.by_hand = None;
        }
        self.by_hand.is_some() || self.by_load.is_some() || self.no_source.is_some()
    }

    /// The pause to show: what no operator ends comes first.
    pub(super) fn shown(&mut self, now: Instant) -> Option<Pause> {
        self.paused(now);
        let lasting = self.no_source.as_ref().or(self.by_load.as_ref());
        lasting.map(|reason| Pause { reason: reason.clone(), until: None }).or_else(|| self.by_hand.clone())
    }
}
