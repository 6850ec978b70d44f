//! What one light peer keeps for others: provider records and values.
//!
//! Owns their bounds. Keeps no time: a world lives for minutes.

use std::collections::{HashMap, VecDeque};

use bytes::Bytes;

use crate::load::message::{Peer, Record};

/// Most keys with providers, and most values; the oldest key gives way.
const MOST_KEYS: usize = 20_000;
const MOST_PROVIDERS: usize = 100;

#[derive(Debug, Default)]
pub(super) struct Store {
    providers: HashMap<Bytes, Vec<Peer>>,
    order: VecDeque<Bytes>,
    /// With the record's sequence.
    values: HashMap<Bytes, (u64, Record)>,
}

impl Store {
    /// A provider's later announcement replaces its earlier one; the oldest provider of a
    /// full key gives way.
    pub(super) fn announce(&mut self, key: Bytes, provider: Peer) {
        if !self.providers.contains_key(&key) {
            if self.order.len() == MOST_KEYS
                && let Some(oldest) = self.order.pop_front()
            {
                self.providers.remove(&oldest);
            }
            self.order.push_back(key.clone());
        }
        let providers = self.providers.entry(key).or_default();
        providers.retain(|known| known.id != provider.id);
        if providers.len() == MOST_PROVIDERS {
            providers.remove(0);
        }
        providers.push(provider);
    }

    pub(super) fn providers(&self, key: &[u8]) -> Vec<Peer> {
        self.providers.get(key).cloned().unwrap_or_default()
    }

    /// `false` when a newer record is there, or the store is full.
    pub(super) fn put(&mut self, record: Record, sequence: u64) -> bool {
        let takes = match self.values.get(&record.key) {
            Some((there, old)) => sequence > *there || old.value == record.value,
            None => self.values.len() < MOST_KEYS,
        };
        if takes {
            self.values.insert(record.key.clone(), (sequence, record));
        }
        takes
    }

    pub(super) fn value(&self, key: &[u8]) -> Option<Record> {
        self.values.get(key).map(|(_, record)| record.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn provider(id: usize) -> Peer {
        Peer { id: id.to_string().into(), addrs: Vec::new(), connection: 0 }
    }

    #[test]
    fn keys_and_providers_are_bounded_and_the_oldest_give_way() {
        let mut store = Store::default();
        for n in 0..=MOST_KEYS {
            store.announce(n.to_string().into(), provider(1));
        }
        assert!(store.providers(b"0").is_empty());
        assert_eq!(store.providers(b"1").len(), 1);
        for id in 0..=MOST_PROVIDERS {
            store.announce(Bytes::from_static(b"1"), provider(id));
        }
        let left = store.providers(b"1");
        assert_eq!(left.len(), MOST_PROVIDERS);
        assert_eq!(left.iter().filter(|p| **p == provider(MOST_PROVIDERS)).count(), 1);
        assert!(!left.contains(&provider(0)));
    }

    #[test]
    fn an_older_value_does_not_replace_a_newer_one() {
        let record = |value: &'static str| Record {
            key: Bytes::from_static(b"k"),
            value: Bytes::from_static(value.as_bytes()),
            time_received: String::new(),
        };
        let mut store = Store::default();
        assert!(store.put(record("two"), 2));
        assert!(store.put(record("two"), 2));
        assert!(!store.put(record("one"), 1));
        assert_eq!(store.value(b"k"), Some(record("two")));
    }
}
