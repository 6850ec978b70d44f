//! Above the high-water mark the least used connections are closed.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use libp2p::PeerId;

use crate::hydra::{HeadView, Hydra};
use crate::routing::contacts::{Contact, Side};
use crate::telemetry::{Drop as Reason, drops};
use crate::wire::bounds::K;

/// Closing begins at this share of the limit …
const HIGH: f64 = 0.9;

/// … and ends at this.
const LOW: f64 = 0.8;

/// A connection is left alone so long after it opened.
const GRACE: Duration = Duration::from_secs(60);

/// What a connection is worth to its head.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Worth {
    Stranger,
    Server,
    /// One of the servers nearest to the head.
    Neighbour,
}

impl Hydra {
    /// Closes connections down to the low-water mark when there are too many: strangers first,
    /// then servers of the table, those near to their head last; in each kind the longest unused
    /// first.
    pub(super) fn trim(&self) {
        let limit = self.budget.config().connections as f64;
        let used = self.budget.used() as f64;
        if used < limit * HIGH {
            return;
        }
        let table = self.table.snapshot();
        let near = self.nearest_of_heads();
        let mut open: Vec<(Worth, Duration, Arc<Contact>)> = self
            .contacts
            .all()
            .into_iter()
            .flat_map(|(_, connected)| connected.contacts.clone())
            .filter(|contact| contact.age() > GRACE && contact.side != Side::Scout)
            .map(|contact| {
                let worth = match contact.side {
                    Side::Head(index) if near.contains(&(index, contact.peer)) => Worth::Neighbour,
                    _ if table.get(&contact.key).is_some() => Worth::Server,
                    _ => Worth::Stranger,
                };
                (worth, contact.unused(), contact)
            })
            .collect();
        open.sort_by(|a, b| a.0.cmp(&b.0).then(b.1.cmp(&a.1)));
        let surplus = (used - limit * LOW) as usize;
        for (_, _, contact) in open.into_iter().take(surplus) {
            if let Side::Head(index) = contact.side
                && self.roster.close(index, contact.peer, contact.id)
            {
                drops::count(Reason::ConnectionTrimmed);
            }
        }
    }

    /// Each head with each of the servers nearest to it: they must list it, and whom they are
    /// not connected with they soon forget.
    fn nearest_of_heads(&self) -> HashSet<(u32, PeerId)> {
        let table = self.table.snapshot();
        let of = |head: HeadView| {
            let nearest = table.closest_others(&head.key, K).into_iter();
            nearest.map(move |entry| (head.index, entry.peer)).collect::<Vec<_>>()
        };
        self.heads().into_iter().flat_map(of).collect()
    }
}
