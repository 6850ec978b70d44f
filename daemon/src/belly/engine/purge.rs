//! What was purged: in memory, for the loading and for lists.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::Ordering;

use libp2p::PeerId;

use super::shared::Shared;
use crate::belly::values::Tombstone;
use crate::belly::{Purge, Unavailable};

/// Most tombstones: each is looked up for every record that is loaded or listed.
const MAX_TOMBSTONES: usize = 10_000;

/// Until when records are void, in seconds since the Unix epoch.
#[derive(Debug, Clone, Default)]
pub(super) struct Tombstones {
    keys: HashMap<u64, u32>,
    providers: HashMap<u32, u32>,
}

/// When a record was announced, to the minute.
pub(super) fn time(hour: u32, minute: u16) -> u32 {
    hour.saturating_mul(3600).saturating_add(u32::from(minute) * 60)
}

impl Tombstones {
    pub(super) fn is_empty(&self) -> bool {
        self.keys.is_empty() && self.providers.is_empty()
    }

    /// A record that was announced in this minute is void.
    pub(super) fn cover(&self, hash: u64, provider: u32, at: u32) -> bool {
        let covers = |until: Option<&u32>| until.is_some_and(|until| at <= *until);
        covers(self.keys.get(&hash)) || covers(self.providers.get(&provider))
    }
}

/// Purges that are later than all records of an hour, by place in the index: a segment
/// does not say in which minute a record was announced, and earlier purges were done when
/// it was made.
#[derive(Debug, Default)]
pub(super) struct Voided {
    places: HashSet<u64>,
    providers: HashSet<u32>,
}

impl Voided {
    #[inline]
    pub(super) fn cover(&self, place: u64, provider: u32) -> bool {
        (!self.places.is_empty() && self.places.contains(&place))
            || (!self.providers.is_empty() && self.providers.contains(&provider))
    }
}

impl Tombstones {
    pub(super) fn of_hour(&self, hour: u32, place: impl Fn(u64) -> u64) -> Voided {
        let end = time(hour.saturating_add(1), 0);
        let keys = self.keys.iter().filter(|(_, until)| **until >= end);
        let providers = self.providers.iter().filter(|(_, until)| **until >= end);
        Voided {
            places: keys.map(|(hash, _)| place(*hash)).collect(),
            providers: providers.map(|(number, _)| *number).collect(),
        }
    }
}

impl Shared {
    /// Notes a tombstone for loading and listing; what it names may be unknown here.
    pub(super) fn note_tombstone(&self, tombstone: &Tombstone) {
        let mut tombstones = self.tombstones.write();
        if !tombstone.provider {
            tombstones.keys.insert(self.key.hash(&tombstone.what), tombstone.at);
        } else if let Some(number) =
            PeerId::from_bytes(&tombstone.what).ok().and_then(|p| self.providers.number(&p))
        {
            tombstones.providers.insert(number, tombstone.at);
        }
    }

    pub(super) fn forget_tombstones(&self, until: u32) {
        let mut tombstones = self.tombstones.write();
        tombstones.keys.retain(|_, at| *at > until);
        tombstones.providers.retain(|_, at| *at > until);
    }

    pub(super) fn tombstone(&self, what: &Purge) -> Result<Tombstone, Unavailable> {
        if !self.warm() {
            return Err(Unavailable(
                "the record store is still reading; purge again when it is warm".to_owned(),
            ));
        }
        let tombstones = self.tombstones.read();
        if tombstones.keys.len() + tombstones.providers.len() >= MAX_TOMBSTONES {
            return Err(Unavailable(format!("{MAX_TOMBSTONES} purges stand already; each is kept for 50 h")));
        }
        let at = self.clock.secs();
        Ok(match what {
            Purge::Key(key) => Tombstone { what: key.to_vec(), provider: false, at },
            Purge::Provider(peer) => Tombstone { what: peer.to_bytes(), provider: true, at },
        })
    }

    /// When what is to be purged was purged before.
    pub(super) fn purged_until(&self, what: &Purge) -> Option<u32> {
        let tombstones = self.tombstones.read();
        match what {
            Purge::Key(key) => tombstones.keys.get(&self.key.hash(key)).copied(),
            Purge::Provider(peer) => {
                self.providers.number(peer).and_then(|number| tombstones.providers.get(&number).copied())
            }
        }
    }

    /// Takes the records out of the index; those of the log and of segments are void by
    /// their tombstone. `earlier` is when they were purged before. May read files.
    pub(super) fn remove(&self, what: &Purge, earlier: Option<u32>) -> u64 {
        let mut removed = self.remove_spilled(what, earlier);
        let mut gone = |provider| {
            removed += 1;
            self.providers.lose_record(provider);
        };
        match what {
            Purge::Key(key) => self.index.remove_key(self.key.hash(key), &mut gone),
            Purge::Provider(peer) => {
                let Some(number) = self.providers.number(peer) else { return 0 };
                for shard in 0..self.index.shards() {
                    self.index.retain(shard, |provider, _| provider != number, &mut gone);
                }
            }
        }
        removed
    }

    /// What was purged counts no more; before the index forgets it, so that what is in
    /// both is counted once.
    fn remove_spilled(&self, what: &Purge, earlier: Option<u32>) -> u64 {
        let segments = self.spill.segments.list();
        if segments.is_empty() {
            return 0;
        }
        let mut removed = 0;
        match what {
            Purge::Key(key) => {
                let (hash, now) = (self.key.hash(key), self.clock.secs());
                let mut seen: HashSet<u32> =
                    self.index.holders(hash, now).into_iter().map(|(number, _)| number).collect();
                for spilled in segments.iter() {
                    let end = time(spilled.name.hour.saturating_add(1), 0);
                    let void = earlier.is_some_and(|until| end <= until);
                    let live = self.index.generations.live(spilled.generation, now);
                    if void || !live || !spilled.may_have(hash) {
                        continue;
                    }
                    for provider in self.all_providers_in(spilled, hash) {
                        let purged =
                            self.tombstones.read().providers.get(&provider).is_some_and(|at| end <= *at);
                        if !purged && seen.insert(provider) {
                            spilled.forget(provider, 1);
                            self.providers.lose_record(provider);
                            removed += 1;
                        }
                    }
                }
            }
            Purge::Provider(peer) => {
                let Some(number) = self.providers.number(peer) else { return 0 };
                for spilled in segments.iter() {
                    let gone = spilled.forget(number, u32::MAX);
                    self.providers.change_records(number, -i64::from(gone));
                    removed += u64::from(gone);
                }
            }
        }
        self.spill.stale.store(true, Ordering::Release);
        self.note_spilled();
        removed
    }
}
