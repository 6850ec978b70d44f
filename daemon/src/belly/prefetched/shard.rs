//! A part of the cache: keys by name and by age.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use libp2p::PeerId;

use super::super::Provider;
use super::{Limits, MAX_OF_KEY};

/// What a key costs besides its bytes, and what a record costs besides its addresses.
const KEY_BYTES: u64 = 160;
const RECORD_BYTES: u64 = 160;

#[derive(Debug, Default)]
pub(super) struct Shard {
    keys: HashMap<Arc<[u8]>, Kept>,
    /// By arrival: the oldest first. All live equally long, so this is also who expires first.
    order: BTreeMap<u64, Arc<[u8]>>,
    arrivals: u64,
    records: u64,
    bytes: u64,
}

/// What is known of one key.
#[derive(Debug)]
pub(super) struct Kept {
    pub(super) found: Vec<Found>,
    pub(super) near: bool,
    /// Of the first look-up that found something, in milliseconds of the clock.
    pub(super) since: u64,
    /// The end of all its records.
    pub(super) until: u64,
    arrival: u64,
}

#[derive(Debug)]
pub(super) struct Found {
    pub(super) provider: Provider,
    pub(super) source: Arc<str>,
}

impl Shard {
    pub(super) fn keep(
        &mut self,
        (key, near): (&[u8], bool),
        providers: &[Provider],
        source: &Arc<str>,
        now: u64,
        limits: Limits,
    ) {
        self.expire(now);
        if !self.keys.contains_key(key) {
            let key: Arc<[u8]> = key.into();
            self.arrivals += 1;
            self.bytes += KEY_BYTES + key.len() as u64;
            self.order.insert(self.arrivals, Arc::clone(&key));
            let until = now + limits.life.as_millis() as u64;
            self.keys
                .insert(key, Kept { found: Vec::new(), near, since: now, until, arrival: self.arrivals });
        }
        if let Some(kept) = self.keys.get_mut(key) {
            for provider in providers {
                let known = kept.found.iter().any(|found| found.provider.peer == provider.peer);
                if known || kept.found.len() == MAX_OF_KEY {
                    continue;
                }
                self.records += 1;
                self.bytes += cost(provider);
                kept.found.push(Found { provider: provider.clone(), source: Arc::clone(source) });
            }
        }
        while self.records > limits.records || self.bytes > limits.bytes {
            let Some((_, oldest)) = self.order.first_key_value() else { break };
            let oldest = Arc::clone(oldest);
            self.remove_key(&oldest);
        }
    }

    pub(super) fn has(&self, key: &[u8]) -> bool {
        self.keys.contains_key(key)
    }

    pub(super) fn get(&self, key: &[u8], now: u64) -> Option<&Kept> {
        self.keys.get(key).filter(|kept| kept.until > now)
    }

    pub(super) fn remove(&mut self, key: &[u8], provider: &PeerId) {
        let Some(kept) = self.keys.get_mut(key) else { return };
        let Some(at) = kept.found.iter().position(|found| found.provider.peer == *provider) else { return };
        let gone = kept.found.remove(at);
        self.records -= 1;
        self.bytes -= cost(&gone.provider);
        if kept.found.is_empty() {
            self.remove_key(key);
        }
    }

    /// How many records the key had.
    pub(super) fn remove_key(&mut self, key: &[u8]) -> u64 {
        let Some((key, kept)) = self.keys.remove_entry(key) else { return 0 };
        self.order.remove(&kept.arrival);
        let records = kept.found.len() as u64;
        self.records -= records;
        self.bytes -= KEY_BYTES + key.len() as u64;
        self.bytes -= kept.found.iter().map(|found| cost(&found.provider)).sum::<u64>();
        records
    }

    pub(super) fn remove_provider(&mut self, provider: &PeerId) -> u64 {
        let before = self.records;
        let provides = |kept: &Kept| kept.found.iter().any(|found| found.provider.peer == *provider);
        let keys: Vec<_> =
            self.keys.iter().filter(|(_, kept)| provides(kept)).map(|(key, _)| Arc::clone(key)).collect();
        for key in keys {
            self.remove(&key, provider);
        }
        before - self.records
    }

    pub(super) fn expire(&mut self, now: u64) {
        while let Some((_, key)) = self.order.first_key_value() {
            if self.get(key, now).is_some() {
                return;
            }
            let key = Arc::clone(key);
            self.remove_key(&key);
        }
    }

    pub(super) fn records(&self) -> u64 {
        self.records
    }

    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Keys that arrived as this number or later.
    pub(super) fn from(&self, arrival: u64, now: u64) -> impl Iterator<Item = (u64, &[u8], &Kept)> {
        self.order
            .range(arrival..)
            .filter_map(move |(arrival, key)| Some((*arrival, &**key, self.get(key, now)?)))
    }
}

fn cost(provider: &Provider) -> u64 {
    RECORD_BYTES + provider.addrs.as_fields().len() as u64
}
