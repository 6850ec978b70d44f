//! What is asked and brought: the most-asked keys and the load of the keyspace's regions.
//!
//! Counters of fixed size; nothing here outlives the process.

mod asked;

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use super::{AskedKey, REGIONS, Region};
use crate::wire::Key256;
use asked::Asked;

#[derive(Default)]
struct Load {
    reads: AtomicU64,
    misses: AtomicU64,
    writes: AtomicU64,
}

pub(super) struct Demand {
    asked: Asked,
    regions: Box<[Load; REGIONS]>,
}

impl Default for Demand {
    fn default() -> Self {
        Self { asked: Asked::default(), regions: Box::new(std::array::from_fn(|_| Load::default())) }
    }
}

impl Demand {
    fn region(&self, place: &Key256) -> &Load {
        &self.regions[usize::from(place.0[0])]
    }

    pub(super) fn wrote(&self, key: &[u8]) {
        self.region(&Key256::of(key)).writes.fetch_add(1, Relaxed);
    }

    pub(super) fn read(&self, hash: u64, key: &[u8], missed: bool) {
        let region = self.region(&Key256::of(key));
        region.reads.fetch_add(1, Relaxed);
        region.misses.fetch_add(missed.into(), Relaxed);
        self.asked.note(hash, key, missed);
    }

    pub(super) fn fade(&self) {
        self.asked.fade();
    }

    pub(super) fn most_asked(&self, n: usize) -> Vec<AskedKey> {
        self.asked.top(n)
    }

    pub(super) fn regions(&self) -> Vec<Region> {
        let load = |l: &AtomicU64| l.load(Relaxed);
        let regions = self.regions.iter();
        regions
            .map(|r| Region { reads: load(&r.reads), misses: load(&r.misses), writes: load(&r.writes) })
            .collect()
    }
}
