//! Who joined the routing table and who left it within the last hour, and at which places.
//!
//! Pure data: it is told of each change and of the time. A peer that only moved to other
//! addresses is none. As many changes are kept as memory is set aside for; whoever asks is told
//! since when all are known.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use crate::routing::coverage::Zone;
use crate::wire::Key256;

/// Changes are known for so long.
pub const KEPT: Duration = Duration::from_secs(3600);

/// Changes kept, 16 bytes each; a network of a million servers has about so many in an hour.
const MAX_CHANGES: usize = 1 << 16;

/// Peers that came to a part of the keyspace, and that went.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Flow {
    pub joined: u64,
    pub left: u64,
}

impl Flow {
    fn count(&mut self, joined: bool) {
        let counter = if joined { &mut self.joined } else { &mut self.left };
        *counter += 1;
    }
}

#[derive(Debug, Clone, Copy)]
struct Change {
    /// The first bits of the peer's place.
    start: u64,
    /// Milliseconds since `began`, and in the lowest bit whether it joined.
    at: u64,
}

/// The changes of the last hour.
#[derive(Debug)]
pub struct Churn {
    began: Instant,
    /// Oldest first.
    changes: VecDeque<Change>,
    /// All changes after this are kept.
    whole_from: Instant,
    total: Flow,
}

impl Churn {
    #[must_use]
    pub fn new(now: Instant) -> Self {
        Self { began: now, changes: VecDeque::new(), whole_from: now, total: Flow::default() }
    }

    /// A peer joined, or left.
    pub fn note(&mut self, peer: &Key256, joined: bool, now: Instant) {
        self.total.count(joined);
        while self.changes.front().is_some_and(|oldest| {
            self.changes.len() == MAX_CHANGES || now.saturating_duration_since(self.at(oldest)) > KEPT
        }) {
            if let Some(oldest) = self.changes.pop_front() {
                self.whole_from = self.at(&oldest);
            }
        }
        let millis = now.saturating_duration_since(self.began).as_millis() as u64;
        self.changes.push_back(Change { start: peer.start(), at: millis << 1 | u64::from(joined) });
    }

    /// Changes of the last `window` within a zone, in so many equal parts of it by ascending key.
    #[must_use]
    pub fn within(&self, zone: &Zone, parts: usize, window: Duration, now: Instant) -> Vec<Flow> {
        let mut flows = vec![Flow::default(); parts];
        let recent = |change: &&Change| now.saturating_duration_since(self.at(change)) <= window;
        for change in self.changes.iter().rev().take_while(recent) {
            if let Some(flow) = zone.part(change.start, parts).and_then(|part| flows.get_mut(part)) {
                flow.count(change.at & 1 == 1);
            }
        }
        flows
    }

    /// How long ago the oldest moment was from which on every change is known; at most [`KEPT`].
    #[must_use]
    pub fn reach(&self, now: Instant) -> Duration {
        now.saturating_duration_since(self.whole_from).min(KEPT)
    }

    /// All changes since the table was made.
    #[must_use]
    pub fn total(&self) -> Flow {
        self.total
    }

    fn at(&self, change: &Change) -> Instant {
        self.began + Duration::from_millis(change.at >> 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn place(first: u8) -> Key256 {
        let mut key = [0; 32];
        key[0] = first;
        Key256(key)
    }

    #[test]
    fn changes_are_counted_by_place_and_by_age() {
        let start = Instant::now();
        let mut churn = Churn::new(start);
        churn.note(&place(0x00), true, start);
        churn.note(&place(0x1f), true, start + 100 * SECOND);
        churn.note(&place(0xff), false, start + 101 * SECOND);
        let now = start + 110 * SECOND;
        let last = churn.within(&Zone::ALL, 16, 10 * SECOND, now);
        assert_eq!(last[1], Flow { joined: 1, left: 0 });
        assert_eq!(last[15], Flow { joined: 0, left: 1 });
        assert_eq!(last[0], Flow::default());
        assert_eq!(churn.within(&Zone::ALL, 1, KEPT, now), [Flow { joined: 2, left: 1 }]);
        let half = Zone { start: place(0), bits: 1 };
        assert_eq!(churn.within(&half, 2, KEPT, now), [Flow { joined: 2, left: 0 }, Flow::default()]);
        assert_eq!((churn.reach(now), churn.total()), (110 * SECOND, Flow { joined: 2, left: 1 }));
    }

    #[test]
    fn what_is_older_than_an_hour_or_more_than_there_is_room_for_is_forgotten_and_that_is_told() {
        let start = Instant::now();
        let mut churn = Churn::new(start);
        churn.note(&place(1), true, start);
        let later = start + 2 * KEPT;
        churn.note(&place(2), true, later);
        assert_eq!((churn.changes.len(), churn.reach(later)), (1, KEPT));
        for n in 0..MAX_CHANGES {
            churn.note(&place(n as u8), n % 2 == 0, later + 10 * SECOND);
        }
        assert_eq!(churn.changes.len(), MAX_CHANGES);
        assert_eq!(churn.reach(later + 10 * SECOND), 10 * SECOND);
        assert_eq!(churn.total(), Flow { joined: 2 + (1 << 15), left: 1 << 15 });
    }
}
