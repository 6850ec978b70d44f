//! Why prefetching does not go on, and until when.
//!
//! Three may hold it, each on its own: the operator, the load, and the configuration.
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
    off: Option<&'static str>,
}

impl Pauses {
    pub(super) fn by_hand(&mut self, pause: Option<Pause>) {
        self.by_hand = pause;
    }

    /// The load, or the belly's state, forbids look-ups.
    pub(super) fn by_load(&mut self, reason: Option<String>) {
        self.by_load = reason;
    }

    /// Nothing is ever looked up, for this reason.
    pub(super) fn off(&mut self, reason: Option<&'static str>) {
        self.off = reason;
    }

    pub(super) fn paused(&mut self, now: Instant) -> bool {
        if self.by_hand.as_ref().is_some_and(|pause| pause.until.is_some_and(|until| until <= now)) {
            self.by_hand = None;
        }
        self.by_hand.is_some() || self.by_load.is_some() || self.off.is_some()
    }

    /// The pause to show: what no operator ends comes first.
    pub(super) fn shown(&mut self, now: Instant) -> Option<Pause> {
        self.paused(now);
        let lasting = self.off.or(self.by_load.as_deref());
        lasting
            .map(|reason| Pause { reason: reason.to_owned(), until: None })
            .or_else(|| self.by_hand.clone())
    }
}
