//! What the crawl knows of the network's size: lookups of random keys, and servers that
//! answer without having a place in the table.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::StreamExt as _;
use futures::future::BoxFuture;
use libp2p::PeerId;

use crate::routing::table::Seen;
use crate::scout::lookup::{Eyes, Lookup, Nearest};
use crate::scout::size::{Distances, Estimate, by_count};
use crate::wire::Key256;

/// Between two lookups of random keys, until there are enough to judge by, and then.
const PROBE_SOON: Duration = Duration::from_secs(5);
const PROBE_LATER: Duration = Duration::from_secs(60);

/// Lookups of random keys that are enough.
const PROBES: usize = 30;

/// Time for such a lookup.
const PROBE: Duration = Duration::from_secs(30);

/// Lookups of which the hops are kept.
const HOPS: usize = 60;

/// Servers without a place in the table that are counted.
const MAX_REFUSED: usize = 20_000;

type Probe = BoxFuture<'static, (Key256, Nearest)>;

/// The measures.
pub(super) struct Measure {
    distances: Distances,
    /// Of each of the last lookups: the mean hop of the nearest peers.
    hops: VecDeque<f64>,
    next: Instant,
    probe: futures::stream::FuturesUnordered<Probe>,
    refused: HashMap<PeerId, Instant>,
    /// A server that was refused counts for so long.
    every: Duration,
}

impl Measure {
    pub(super) fn new(every: Duration, now: Instant) -> Self {
        Self {
            distances: Distances::default(),
            hops: VecDeque::with_capacity(HOPS),
            next: now + PROBE_SOON,
            probe: futures::stream::FuturesUnordered::new(),
            refused: HashMap::new(),
            every,
        }
    }

    /// Looks a random key up when that is due: how near its nearest peers are tells how many
    /// there are.
    pub(super) fn probe(&mut self, eyes: &Arc<Eyes>, now: Instant) {
        if now < self.next || !self.probe.is_empty() {
            return;
        }
        let enough = self.distances.lookups() >= PROBES;
        self.next = now + if enough { PROBE_LATER } else { PROBE_SOON };
        // nobody else chooses the keys, or he would choose the answer
        let (lookup, key) = (Lookup::new(Arc::clone(eyes)), PeerId::random().to_bytes());
        self.probe.push(Box::pin(async move {
            let nearest = lookup.find_node(&key, PROBE).await;
            (Key256::of(&key), nearest)
        }));
    }

    /// Waits for the lookup under way; pends while there is none.
    pub(super) async fn probed(&mut self) {
        let Some((place, nearest)) = self.probe.next().await else { return std::future::pending().await };
        let places: Vec<Key256> = nearest.peers.iter().map(|(peer, _)| Key256::of_peer(peer)).collect();
        self.distances.add(&place, &places, Instant::now());
        if let Some(mean) = mean_hop(&nearest) {
            if self.hops.len() == HOPS {
                self.hops.pop_front();
            }
            self.hops.push_back(mean);
        }
    }

    /// Lookups of random keys that count.
    pub(super) fn lookups(&self) -> usize {
        self.distances.lookups()
    }

    /// Mean number of hops after which lookups of random keys knew the nearest peers.
    pub(super) fn hops(&self) -> Option<f64> {
        (!self.hops.is_empty()).then(|| self.hops.iter().sum::<f64>() / self.hops.len() as f64)
    }

    /// A server answered and has no place in the table.
    pub(super) fn refused(&mut self, peer: PeerId, now: Instant) {
        if self.refused.len() < MAX_REFUSED {
            self.refused.insert(peer, now);
        }
    }

    /// The size by count, those without a place included.
    pub(super) fn by_count(&mut self, seen: &Seen, now: Instant) -> Option<Estimate> {
        self.refused.retain(|_, at| now.saturating_duration_since(*at) < self.every);
        by_count(seen).map(|seen| Estimate { peers: seen.peers + self.refused.len() as f64, ..seen })
    }

    pub(super) fn by_distance(&self, now: Instant) -> Option<Estimate> {
        self.distances.estimate(now)
    }
}

/// The mean hop at which the nearest peers were asked; `None` when nobody answered.
fn mean_hop(nearest: &Nearest) -> Option<f64> {
    let near = |peer: &PeerId| nearest.peers.iter().any(|(one, _)| one == peer);
    let hops: Vec<u32> =
        nearest.report.asked.iter().filter(|asked| near(&asked.peer)).map(|asked| asked.hop).collect();
    (!hops.is_empty()).then(|| hops.iter().map(|hop| f64::from(*hop)).sum::<f64>() / hops.len() as f64)
}
