//! Above the high-water mark the least used connections are closed.

use std::sync::Arc;
use std::time::Duration;

use crate::hydra::Hydra;
use crate::routing::contacts::{Contact, Side};
use crate::telemetry::{Drop as Reason, drops};

/// Closing begins at this share of the limit …
const HIGH: f64 = 0.9;

/// … and ends at this.
const LOW: f64 = 0.8;

/// A connection is left alone so long after it opened.
const GRACE: Duration = Duration::from_secs(60);

impl Hydra {
    /// Closes connections down to the low-water mark when there are too many. Those of servers
    /// in the table and those used of late go last.
    pub(super) fn trim(&self) {
        let limit = self.budget.config().connections as f64;
        let used = self.budget.used() as f64;
        if used < limit * HIGH {
            return;
        }
        let table = self.table.snapshot();
        let mut open: Vec<(bool, Duration, Arc<Contact>)> = self
            .contacts
            .all()
            .into_iter()
            .flat_map(|(_, connected)| connected.contacts)
            .filter(|contact| contact.age() > GRACE && contact.side != Side::Scout)
            .map(|contact| (table.get(&contact.key).is_some(), contact.unused(), contact))
            .collect();
        // strangers before servers, the longest unused first
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
}
