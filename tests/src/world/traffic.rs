//! Traffic of the real mix from the light peers to the heads.
//!
//! Owns the pace, the mix (45 announcements, 25 reads, 29 look-ups, 1 other) and the
//! popularity of keys (Zipf: a few are wanted by everybody). Bounded: what is more than
//! [`IN_FLIGHT`] waiting is skipped and counted.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use bytes::Bytes;
use rand::rngs::SmallRng;
use rand::{RngExt as _, SeedableRng as _};
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;

use super::World;
use super::peer::LightPeer;
use super::table::Known;
use crate::load::ipns;
use crate::load::keys::{self, Domain};
use crate::load::message::{Kind, Message};

/// Requests under way at once.
const IN_FLIGHT: usize = 64;
/// Shortest time between two looks at the schedule: several requests may fall into one.
const TICK: Duration = Duration::from_millis(10);
/// How often the heads are looked up anew.
const LOOK_FOR_HEADS: Duration = Duration::from_secs(1);
/// Most keys of a traffic.
const MOST_KEYS: u32 = 1_000_000;

/// A traffic.
#[derive(Clone, Debug)]
pub struct TrafficConfig {
    /// Requests a second, over all heads.
    pub per_second: f64,
    /// Distinct keys that are announced and asked for, at most a million.
    pub keys: u32,
    /// Exponent of the popularity: 0 is uniform, 1 is what caches usually see.
    pub zipf: f64,
    pub seed: u64,
}

impl Default for TrafficConfig {
    fn default() -> Self {
        Self { per_second: 200.0, keys: 20_000, zipf: 0.9, seed: 1 }
    }
}

/// What the traffic has done so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TrafficCount {
    pub announced: u64,
    pub answered: u64,
    /// Replies with a provider in them.
    pub found: u64,
    pub failed: u64,
    /// Came due while too many were under way, or no head was known.
    pub skipped: u64,
}

#[derive(Debug, Default)]
struct Counters {
    announced: AtomicU64,
    answered: AtomicU64,
    found: AtomicU64,
    failed: AtomicU64,
    skipped: AtomicU64,
}

/// A running traffic; it ends when dropped.
#[derive(Debug)]
pub struct Traffic {
    counters: Arc<Counters>,
    task: JoinHandle<()>,
}

impl Traffic {
    pub(super) fn start(world: Weak<World>, config: TrafficConfig) -> Self {
        let counters = Arc::new(Counters::default());
        let task = tokio::spawn(send(world, config, Arc::clone(&counters)));
        Self { counters, task }
    }

    #[must_use]
    pub fn count(&self) -> TrafficCount {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let Counters { announced, answered, found, failed, skipped } = &*self.counters;
        TrafficCount {
            announced: read(announced),
            answered: read(answered),
            found: read(found),
            failed: read(failed),
            skipped: read(skipped),
        }
    }
}

impl Drop for Traffic {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn send(world: Weak<World>, config: TrafficConfig, counters: Arc<Counters>) {
    let mut rng = SmallRng::seed_from_u64(config.seed);
    let popularity = Popularity::new(config.keys, config.zipf);
    let in_flight = Arc::new(Semaphore::new(IN_FLIGHT));
    let mut heads: Vec<Known> = Vec::new();
    let mut looked = tokio::time::Instant::now() - LOOK_FOR_HEADS;
    let mut due = 0.0;
    let mut tick = tokio::time::interval(TICK);
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tick.tick().await;
        let Some(world) = world.upgrade() else { return };
        if looked.elapsed() >= LOOK_FOR_HEADS {
            (heads, looked) = (world.heads(), tokio::time::Instant::now());
        }
        due += config.per_second.clamp(0.0, 1e6) * TICK.as_secs_f64();
        while due >= 1.0 {
            due -= 1.0;
            let permit = Arc::clone(&in_flight).try_acquire_owned();
            let (Ok(permit), false) = (permit, heads.is_empty()) else {
                counters.skipped.fetch_add(1, Ordering::Relaxed);
                continue;
            };
            let peer = Arc::clone(&world.peers()[rng.random_range(0..world.peers().len())]);
            let head = heads[rng.random_range(0..heads.len())].clone();
            let message = message(&peer, &mut rng, &popularity, config.seed);
            let counters = Arc::clone(&counters);
            tokio::spawn(async move {
                count(&counters, peer.request(&head, &message).await.ok());
                drop(permit);
            });
        }
    }
}

fn count(counters: &Counters, outcome: Option<Option<Message>>) {
    let add = |counter: &AtomicU64| counter.fetch_add(1, Ordering::Relaxed);
    match outcome {
        None => add(&counters.failed),
        Some(None) => add(&counters.announced),
        Some(Some(reply)) => {
            if !reply.providers.is_empty() {
                add(&counters.found);
            }
            add(&counters.answered)
        }
    };
}

fn message(peer: &LightPeer, rng: &mut SmallRng, popularity: &Popularity, seed: u64) -> Message {
    let popular = |rng: &mut SmallRng| keys::key(seed, Domain::Known, popularity.pick(rng.random()));
    match rng.random_range(0..1_000) {
        0..450 => Message::announce(popular(rng), keys::peer(&peer.peer(), peer.addresses(), 1)),
        // Most reads miss on the public network: half of these ask for what nobody has.
        450..575 => Message::new(Kind::GetProviders, popular(rng)),
        575..700 => Message::new(Kind::GetProviders, keys::key(seed, Domain::Missing, rng.random())),
        700..990 => Message::new(Kind::FindNode, keys::key(seed, Domain::Missing, rng.random())),
        990..994 => Message::new(Kind::Ping, Bytes::new()),
        994..997 => Message::new(Kind::GetValue, ipns::key_of(&peer.peer())),
        _ => put(peer),
    }
}

/// The peer's IPNS record. Signed anew with a later sequence each time, so none is refused as old.
fn put(peer: &LightPeer) -> Message {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    let lifetime = Duration::from_secs(48 * 3600);
    match ipns::record(peer.keypair(), "/ipfs/bafkqaaa", now.as_micros() as u64, lifetime) {
        Ok(record) => Message::put(ipns::key_of(&peer.peer()), record),
        Err(_) => Message::new(Kind::Ping, Bytes::new()),
    }
}

/// Zipf by its cumulative sums.
struct Popularity(Vec<f64>);

impl Popularity {
    fn new(keys: u32, exponent: f64) -> Self {
        let mut sum = 0.0;
        let weights = (1..=keys.clamp(1, MOST_KEYS)).map(|rank| {
            sum += f64::from(rank).powf(-exponent);
            sum
        });
        Self(weights.collect())
    }

    /// The key of a number in 0..1.
    fn pick(&self, ticket: f64) -> u64 {
        let total = self.0.last().copied().unwrap_or(1.0);
        let index = self.0.partition_point(|sum| *sum <= ticket * total);
        index.min(self.0.len() - 1) as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_keys_are_the_popular_ones_and_all_can_be_picked() {
        let popularity = Popularity::new(1_000, 1.0);
        let mut rng = SmallRng::seed_from_u64(1);
        let mut counts = vec![0; 1_000];
        for _ in 0..100_000 {
            counts[popularity.pick(rng.random()) as usize] += 1;
        }
        // The harmonic sum of 1,000 is 7.49: the first key has 13.4 % and the tenth 1.3 %.
        assert!((12_500..14_300).contains(&counts[0]), "{}", counts[0]);
        assert!((1_100..1_600).contains(&counts[9]), "{}", counts[9]);
        assert_eq!(popularity.pick(0.999_999_999), 999);
        assert_eq!(Popularity::new(0, 1.0).pick(0.5), 0);
    }
}
