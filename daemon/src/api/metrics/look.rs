//! What one scrape reads of the hydra: each thing once, and dear things now and then.

use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use crate::belly::{Counts, Footprint, Health};
use crate::hydra::{HeadView, Hydra};
use crate::prefetch;
use crate::routing::coverage::Field;
use crate::scout;
use crate::telemetry::{SeenBy, Totals};

/// Above so many heads no series has the label `head`.
pub const HEADS_MAX: usize = 64;

/// What takes milliseconds on a large network or belly is worked out this often.
const DEAR: Duration = Duration::from_secs(60);

/// One scrape's view of the hydra.
pub(super) struct Look<'a> {
    pub(super) hydra: &'a Hydra,
    pub(super) heads: Vec<HeadView>,
    pub(super) totals: Totals,
    pub(super) counts: Counts,
    pub(super) health: Health,
    pub(super) prefetch: prefetch::Status,
    pub(super) scout: scout::Report,
    pub(super) dear: Arc<Dear>,
    per_head: bool,
}

/// What is not worked out for each scrape.
#[derive(Debug)]
pub(super) struct Dear {
    at: Instant,
    pub(super) coverage: Option<f64>,
    pub(super) footprint: Footprint,
    /// By [`SeenBy::ALL`].
    pub(super) unique: [u64; 3],
    /// In any way, within the last 24 hours.
    pub(super) unique_day: u64,
}

impl Dear {
    fn of(hydra: &Hydra) -> Self {
        let field = Field::of(&hydra.table.snapshot());
        Self {
            at: Instant::now(),
            coverage: (field.others() > 0).then(|| field.coverage()),
            footprint: hydra.belly.footprint(),
            unique: SeenBy::ALL.map(|by| hydra.contacts.unique.total(by)),
            unique_day: hydra.contacts.unique.last_day(),
        }
    }
}

/// The last [`Dear`].
#[derive(Debug, Default)]
pub(super) struct Kept(Mutex<Option<Arc<Dear>>>);

impl Kept {
    fn now(&self, hydra: &Hydra) -> Arc<Dear> {
        let mut kept = self.0.lock();
        let fresh = kept.as_ref().filter(|dear| dear.at.elapsed() < DEAR);
        let dear = fresh.map_or_else(|| Arc::new(Dear::of(hydra)), Arc::clone);
        *kept = Some(Arc::clone(&dear));
        dear
    }
}

impl<'a> Look<'a> {
    pub(super) fn at(hydra: &'a Hydra, kept: &Kept, per_head: bool) -> Self {
        let heads = hydra.heads();
        Self {
            per_head: per_head && heads.len() <= HEADS_MAX,
            heads,
            totals: hydra.totals(),
            counts: hydra.belly.counts(),
            health: hydra.belly.health(),
            prefetch: hydra.prefetch.status(),
            scout: hydra.scout.report(),
            dear: kept.now(hydra),
            hydra,
        }
    }

    /// The heads of which each has series of its own: none when there are too many.
    pub(super) fn each_head(&self) -> impl Iterator<Item = (String, &HeadView)> {
        let heads = if self.per_head { self.heads.as_slice() } else { &[] };
        heads.iter().map(|head| (head.index.to_string(), head))
    }
}
