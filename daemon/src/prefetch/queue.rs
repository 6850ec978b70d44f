//! The queue: which missed keys wait, which are looked up, and what becomes of each miss.
//!
//! Owns every decision: single flight, bounds (keys, look-ups, an asker's share), order,
//! refusals, the walk budget, pauses. It is told the time and does nothing by itself, so that
//! tests can drive it through any order of events. Misses, outcomes and what it holds always
//! sum up.

use std::cmp::Reverse;
use std::collections::{BTreeSet, HashMap};
use std::hash::{BuildHasher as _, RandomState};
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;

use crate::belly::Provider;
use crate::dht::Miss;
use crate::dht::misses::{Asker, Waiter};
use crate::limits::TokenBucket;
use crate::prefetch::failures::{Failures, REMEMBERED};
use crate::prefetch::interest::Interest;
use crate::prefetch::pause::Pauses;
use crate::prefetch::source::Asked;
use crate::prefetch::{Config, Scope};
use crate::telemetry::{Outcome, Outcomes};

/// Askers of one key that are told what was found; those after them have closer peers only.
const MAX_WAITERS: usize = 32;

/// Keys, in flight or waiting.
pub(super) struct Queue {
    config: Config,
    outcomes: Arc<Outcomes>,
    waiting: HashMap<Bytes, Waiting>,
    /// The waiting keys, the next one first.
    order: BTreeSet<Rank>,
    flying: HashMap<Bytes, Flying>,
    /// Keys that an asker has waiting or in flight.
    held: HashMap<Asker, u32>,
    failures: Failures,
    interest: Interest,
    budget: TokenBucket,
    /// The budget, not the number of look-ups, was what held the queue last.
    short_of_budget: bool,
    pub(super) pauses: Pauses,
    refused: Refused,
    walks: u64,
    hasher: RandomState,
    arrivals: u64,
}

/// What "queue full" was about, since the start.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Refused {
    /// The asker had as many keys waiting as one may.
    pub by_share: u64,
    /// The queue was full because the walk budget was used up.
    pub by_budget: u64,
    /// The queue was full because all look-ups were busy.
    pub by_room: u64,
}

struct Waiting {
    rank: Rank,
    since: Instant,
    asker: Asker,
    joined: u32,
    waiters: Vec<Waiter>,
}

struct Flying {
    since: Instant,
    asker: Asker,
    near: bool,
    asked: Asked,
    joined: u32,
    waiters: Vec<Waiter>,
}

/// Keys that more askers want go first, of those the near ones, of those the oldest.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Rank {
    askers: Reverse<u32>,
    near: Reverse<bool>,
    arrival: u64,
    key: Bytes,
}

/// A key whose look-up begins.
#[derive(Debug)]
pub(super) struct Start {
    pub(super) key: Bytes,
    pub(super) near: bool,
    pub(super) asked: Asked,
}

/// What to do next.
#[derive(Debug)]
pub(super) enum Next {
    /// Look this key up.
    Start(Start),
    /// A key waits, and the walk budget is used up.
    Later,
    /// Nothing to do, or no room to do it.
    Nothing,
}

/// A key that waits or is in flight, as operators see it.
#[derive(Debug, Clone)]
pub struct Held {
    pub key: Bytes,
    pub in_flight: bool,
    /// When it was first asked for, or when its look-up began.
    pub since: Instant,
    pub near: bool,
    /// Later misses of the same key.
    pub joined: u32,
    pub asked_peers: u32,
    pub asked_routers: u32,
}

impl Queue {
    pub(super) fn new(config: Config, outcomes: Arc<Outcomes>, now: Instant) -> Self {
        let rate = f64::from(config.walks_per_second);
        Self {
            config,
            outcomes,
            waiting: HashMap::new(),
            order: BTreeSet::new(),
            flying: HashMap::new(),
            held: HashMap::new(),
            failures: Failures::new(now, REMEMBERED),
            interest: Interest::new(now),
            budget: TokenBucket::new(rate, rate.max(1.0)),
            short_of_budget: false,
            pauses: Pauses::default(),
            refused: Refused::default(),
            walks: 0,
            hasher: RandomState::new(),
            arrivals: 0,
        }
    }

    /// Other bounds from now on; keys that wait already stay.
    pub(super) fn set_config(&mut self, config: Config) {
        let rate = f64::from(config.walks_per_second);
        self.budget.set_rate(rate, rate.max(1.0));
        self.config = config;
    }

    pub(super) fn config(&self) -> Config {
        self.config
    }

    /// Takes in a miss: it waits from now on, or its outcome is counted.
    pub(super) fn miss(&mut self, miss: Miss, now: Instant) {
        if let Some(outcome) = self.admit(miss, now) {
            self.outcomes.count(outcome);
        }
    }

    fn admit(&mut self, miss: Miss, now: Instant) -> Option<Outcome> {
        if self.pauses.paused(now) {
            return Some(Outcome::Paused);
        }
        if self.config.scope == Scope::Near && !miss.near {
            return Some(Outcome::NotOurs);
        }
        let hash = self.hasher.hash_one(&miss.key);
        let askers = self.interest.note(hash, miss.asker, now);
        if let Some(flying) = self.flying.get_mut(&miss.key) {
            flying.joined = flying.joined.saturating_add(1);
            join(&mut flying.waiters, miss.waiter);
            return Some(Outcome::Joined);
        }
        if let Some(waiting) = self.waiting.get_mut(&miss.key) {
            waiting.joined = waiting.joined.saturating_add(1);
            join(&mut waiting.waiters, miss.waiter);
            if askers > waiting.rank.askers.0 {
                self.order.remove(&waiting.rank);
                waiting.rank.askers = Reverse(askers);
                self.order.insert(waiting.rank.clone());
            }
            return Some(Outcome::Joined);
        }
        if let Some(refusal) = self.failures.refusal(hash, now) {
            return Some(refusal);
        }
        if self.held.get(&miss.asker).is_some_and(|held| *held >= self.config.keys_per_asker) {
            self.refused.by_share += 1;
            return Some(Outcome::QueueFull);
        }
        self.arrivals += 1;
        let rank = Rank {
            askers: Reverse(askers),
            near: Reverse(miss.near),
            arrival: self.arrivals,
            key: miss.key.clone(),
        };
        if self.waiting.len() >= self.config.keys as usize {
            self.refuse_one();
            // the last that waits makes room for one that goes before it
            if self.order.last().is_none_or(|last| rank > *last) {
                return Some(Outcome::QueueFull);
            }
            self.drop_last();
        }
        *self.held.entry(miss.asker).or_default() += 1;
        self.order.insert(rank.clone());
        let mut waiters = Vec::new();
        join(&mut waiters, miss.waiter);
        self.waiting.insert(miss.key, Waiting { rank, since: now, asker: miss.asker, joined: 0, waiters });
        None
    }

    fn refuse_one(&mut self) {
        if self.short_of_budget {
            self.refused.by_budget += 1;
        } else {
            self.refused.by_room += 1;
        }
    }

    fn drop_last(&mut self) {
        let Some(last) = self.order.pop_last() else { return };
        if let Some(waiting) = self.waiting.remove(&last.key) {
            self.let_go(waiting.asker);
            self.outcomes.count(Outcome::QueueFull);
        }
    }

    /// The key to look up now; it is in flight from then on until [`Self::ended`].
    pub(super) fn next(&mut self, now: Instant) -> Next {
        if self.order.is_empty()
            || self.flying.len() >= self.config.lookups as usize
            || self.pauses.paused(now)
        {
            self.short_of_budget = false;
            return Next::Nothing;
        }
        self.short_of_budget = !self.budget.take_at(now);
        if self.short_of_budget {
            return Next::Later;
        }
        let Some(Rank { key, near, .. }) = self.order.pop_first() else { return Next::Nothing };
        let Some(waiting) = self.waiting.remove(&key) else { return Next::Nothing };
        let asked = Asked::default();
        let flying = Flying {
            since: now,
            asker: waiting.asker,
            near: near.0,
            asked: asked.clone(),
            joined: waiting.joined,
            waiters: waiting.waiters,
        };
        self.flying.insert(key.clone(), flying);
        self.walks += 1;
        Next::Start(Start { key, near: near.0, asked })
    }

    /// Providers of a key in flight are known: those who wait for it are told.
    pub(super) fn found(&mut self, key: &Bytes, providers: &Arc<[Provider]>) {
        let Some(flying) = self.flying.get_mut(key) else { return };
        for waiter in flying.waiters.drain(..) {
            // an asker whose time is up has its answer
            waiter.send(Arc::clone(providers)).ok();
        }
    }

    /// Nothing that comes for this key now comes in time: those who wait are answered.
    pub(super) fn nothing_in_time(&mut self, key: &Bytes) {
        if let Some(flying) = self.flying.get_mut(key) {
            flying.waiters.clear();
        }
    }

    /// A look-up is over.
    pub(super) fn ended(&mut self, key: &Bytes, outcome: Outcome, now: Instant) {
        let Some(flying) = self.flying.remove(key) else { return };
        self.let_go(flying.asker);
        self.outcomes.count(outcome);
        self.failures.note(self.hasher.hash_one(key), flying.asker, outcome, now);
    }

    fn let_go(&mut self, asker: Asker) {
        if let Some(held) = self.held.get_mut(&asker) {
            *held -= 1;
            if *held == 0 {
                self.held.remove(&asker);
            }
        }
    }

    /// Forgets all keys that wait; how many they were.
    pub(super) fn clear(&mut self) -> u64 {
        let cleared = self.waiting.len() as u64;
        for (_, waiting) in std::mem::take(&mut self.waiting) {
            self.let_go(waiting.asker);
        }
        self.order.clear();
        self.outcomes.add(Outcome::Paused, cleared);
        cleared
    }

    pub(super) fn waiting(&self) -> usize {
        self.waiting.len()
    }

    pub(super) fn in_flight(&self) -> usize {
        self.flying.len()
    }

    pub(super) fn oldest_waiting(&self) -> Option<Instant> {
        self.waiting.values().map(|waiting| waiting.since).min()
    }

    pub(super) fn refused(&self) -> Refused {
        self.refused
    }

    /// Look-ups begun since the start.
    pub(super) fn walks(&self) -> u64 {
        self.walks
    }

    /// In flight, the oldest first, then waiting, the next first.
    pub(super) fn held(&self) -> Vec<Held> {
        let mut held: Vec<Held> = self
            .flying
            .iter()
            .map(|(key, flying)| Held {
                key: key.clone(),
                in_flight: true,
                since: flying.since,
                near: flying.near,
                joined: flying.joined,
                asked_peers: flying.asked.peers(),
                asked_routers: flying.asked.routers(),
            })
            .collect();
        held.sort_by_key(|held| held.since);
        let waiting = self.order.iter().filter_map(|rank| Some((rank, self.waiting.get(&rank.key)?)));
        held.extend(waiting.map(|(rank, waiting)| Held {
            key: rank.key.clone(),
            in_flight: false,
            since: waiting.since,
            near: rank.near.0,
            joined: waiting.joined,
            asked_peers: 0,
            asked_routers: 0,
        }));
        held
    }

    /// Keys of all askers together: as many as are held.
    #[cfg(test)]
    pub(super) fn shares(&self) -> impl Iterator<Item = u32> {
        self.held.values().copied()
    }
}

fn join(waiters: &mut Vec<Waiter>, waiter: Option<Waiter>) {
    if waiters.len() < MAX_WAITERS {
        waiters.extend(waiter);
    }
}
