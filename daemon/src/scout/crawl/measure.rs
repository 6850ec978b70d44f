//! What the crawl knows of the network's size: lookups of random keys, and servers that
//! answer without having a place in the table.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::StreamExt as _;
use futures::future::BoxFuture;
use libp2p::PeerId;

use crate::routing::table::Seen;
use crate::scout::lookup::{Eyes, Lookup, Nearest};
use crate::scout::size::{Distances, Estimate, by_count};
use crate::wire::Key256;
use crate::wire::bounds::K;

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

type Probe = BoxFuture<'static, Probed>;

/// A lookup of a random key.
struct Probed {
    place: Key256,
    nearest: Nearest,
    /// Made from what a client knows: whom one of our heads would have named to it.
    head_names: Option<HashSet<PeerId>>,
}

/// The last numbers, [`HOPS`] at most.
#[derive(Debug, Default)]
struct Last(VecDeque<f64>);

impl Last {
    fn add(&mut self, number: Option<f64>) {
        let Some(number) = number else { return };
        if self.0.len() == HOPS {
            self.0.pop_front();
        }
        self.0.push_back(number);
    }

    fn mean(&self) -> Option<f64> {
        (!self.0.is_empty()).then(|| self.0.iter().sum::<f64>() / self.0.len() as f64)
    }
}

/// The measures.
pub(super) struct Measure {
    distances: Distances,
    /// Of each of the last lookups from the table: the mean hop of the nearest peers.
    hops: Last,
    /// Of each of the last as a client's: the same, and the same with a head of ours.
    client: Last,
    client_with_head: Last,
    /// The next lookup is as a client's.
    as_client: bool,
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
            hops: Last::default(),
            client: Last::default(),
            client_with_head: Last::default(),
            as_client: false,
            next: now + PROBE_SOON,
            probe: futures::stream::FuturesUnordered::new(),
            refused: HashMap::new(),
            every,
        }
    }

    /// Looks a random key up when that is due: how near its nearest peers are tells how many
    /// there are. Every other one is made as a client's, whose table is no more than Kademlia's.
    pub(super) fn probe(&mut self, eyes: &Arc<Eyes>, now: Instant) {
        if now < self.next || !self.probe.is_empty() {
            return;
        }
        let enough = self.distances.lookups() >= PROBES;
        self.next = now + if enough { PROBE_LATER } else { PROBE_SOON };
        // nobody else chooses the keys, or he would choose the answer
        let (lookup, key) = (Lookup::new(Arc::clone(eyes)), PeerId::random().to_bytes());
        let (as_client, table) = (self.as_client, Arc::clone(&eyes.table));
        self.as_client = !as_client;
        self.probe.push(Box::pin(async move {
            let place = Key256::of(&key);
            if !as_client {
                let nearest = lookup.find_node(&key, PROBE).await;
                return Probed { place, nearest, head_names: None };
            }
            let names = table.snapshot().closest(&place, K).into_iter().map(|entry| entry.peer).collect();
            let client = Key256::of_peer(&PeerId::random());
            let nearest = lookup.find_node_as(&client, &key, PROBE).await;
            Probed { place, nearest, head_names: Some(names) }
        }));
    }

    /// Waits for the lookup under way; pends while there is none.
    pub(super) async fn probed(&mut self) {
        let Some(probed) = self.probe.next().await else { return std::future::pending().await };
        let Probed { place, nearest, head_names } = probed;
        let places: Vec<Key256> = nearest.peers.iter().map(|(peer, _)| Key256::of_peer(peer)).collect();
        self.distances.add(&place, &places, Instant::now());
        match head_names {
            None => self.hops.add(mean_hop(&nearest, None)),
            Some(names) => {
                self.client.add(mean_hop(&nearest, None));
                self.client_with_head.add(mean_hop(&nearest, Some(&names)));
            }
        }
    }

    /// Lookups of random keys that count.
    pub(super) fn lookups(&self) -> usize {
        self.distances.lookups()
    }

    /// Mean number of hops after which lookups of random keys knew the nearest peers: from the
    /// table; as a client's; and as a client's that asks one of our heads first.
    pub(super) fn hops(&self) -> [Option<f64>; 3] {
        [&self.hops, &self.client, &self.client_with_head].map(Last::mean)
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

/// The mean hop at which the nearest peers were asked; `None` when nobody answered. Whom a head
/// named at the first hop is asked at the second at the latest.
fn mean_hop(nearest: &Nearest, head_names: Option<&HashSet<PeerId>>) -> Option<f64> {
    let near = |peer: &PeerId| nearest.peers.iter().any(|(one, _)| one == peer);
    let named = |peer: &PeerId| head_names.is_some_and(|names| names.contains(peer));
    let asked = nearest.report.asked.iter().filter(|asked| near(&asked.peer));
    let hops: Vec<u32> =
        asked.map(|asked| if named(&asked.peer) { asked.hop.min(2) } else { asked.hop }).collect();
    (!hops.is_empty()).then(|| hops.iter().map(|hop| f64::from(*hop)).sum::<f64>() / hops.len() as f64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scout::lookup::{Asked, Ended, Outcome, Report};
    use crate::wire::AddrList;

    #[test]
    fn whom_a_head_names_is_two_hops_away_at_most() {
        let peers: Vec<PeerId> = (0..4).map(|_| PeerId::random()).collect();
        let asked = |(peer, hop): (&PeerId, u32)| Asked {
            peer: *peer,
            hop,
            shared_bits: 0,
            agent: "".into(),
            outcome: Outcome::Answered { closer: 20, providers: 0, value: false },
            took: Duration::ZERO,
        };
        let report = Report {
            place: Key256::of(b"key"),
            started_from: 1,
            asked: peers.iter().zip([1, 3, 4, 9]).map(asked).collect(),
            ended: Ended::Complete,
            took: Duration::ZERO,
            found_at_hop: None,
        };
        // the last is not among the nearest
        let nearest = peers.iter().take(3).map(|peer| (*peer, AddrList::default())).collect();
        let nearest = Nearest { peers: nearest, report };
        assert_eq!(mean_hop(&nearest, None), Some(8.0 / 3.0));
        assert_eq!(mean_hop(&nearest, Some(&peers.iter().copied().take(2).collect())), Some(7.0 / 3.0));
        assert_eq!(mean_hop(&nearest, Some(&peers.into_iter().collect())), Some(5.0 / 3.0));
    }
}
