//! The providers of one key that has many.
//!
//! A key with more than a few providers would slow all keys beside it in the table, so
//! it has a list of its own. Owns the rule who goes when the list is full.

use super::{Arrival, Change, Generations, MAX_PROVIDERS_PER_KEY};
use crate::belly::Refused;

/// Counters of groups: two groups seldom share one, and if they do they count as one.
const BUCKETS: usize = 1 << 11;

#[derive(Default)]
pub(super) struct List {
    pub(super) provider: Vec<u32>,
    pub(super) generation: Vec<u8>,
    /// A hash of the provider's IP group.
    group: Vec<u16>,
}

impl List {
    pub(super) fn len(&self) -> usize {
        self.provider.len()
    }

    pub(super) fn push(&mut self, provider: u32, generation: u8, group: u16) {
        self.provider.push(provider);
        self.generation.push(generation);
        self.group.push(group);
    }

    pub(super) fn swap_remove(&mut self, at: usize) -> (u32, u8) {
        self.group.swap_remove(at);
        (self.provider.swap_remove(at), self.generation.swap_remove(at))
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (u32, u8)> + '_ {
        self.provider.iter().copied().zip(self.generation.iter().copied())
    }

    pub(super) fn put(
        &mut self,
        generations: &Generations,
        arrival: &Arrival,
        group: u16,
        may_grow: impl FnOnce() -> Result<(), Refused>,
    ) -> Result<Change, Refused> {
        if let Some(at) = self.provider.iter().position(|p| *p == arrival.provider) {
            return Ok(self
                .generation
                .get_mut(at)
                .map_or(Change::Same, |g| super::renew(generations, g, arrival)));
        }
        may_grow()?;
        let mut displaced = None;
        if self.len() >= MAX_PROVIDERS_PER_KEY {
            let dead = self.generation.iter().position(|g| !generations.live(*g, arrival.now));
            let at = match dead {
                Some(at) => at,
                None if arrival.may_displace => self.one_of_the_largest_group(),
                None => return Err(Refused::KeyFull),
            };
            let (provider, generation) = self.swap_remove(at);
            generations.lose(generation);
            displaced = Some(provider);
        }
        self.push(arrival.provider, arrival.generation, group);
        generations.gain(arrival.generation);
        Ok(Change::New { displaced })
    }

    /// Whoever fills a key from one network displaces itself.
    fn one_of_the_largest_group(&self) -> usize {
        let mut counts = [0u16; BUCKETS];
        let bucket = |group: u16| usize::from(group) % BUCKETS;
        for group in &self.group {
            counts[bucket(*group)] += 1;
        }
        let largest = counts.iter().copied().max().unwrap_or_default();
        let mut chosen = rand::random_range(0..usize::from(largest).max(1));
        for (at, group) in self.group.iter().enumerate() {
            if counts[bucket(*group)] == largest {
                if chosen == 0 {
                    return at;
                }
                chosen -= 1;
            }
        }
        0
    }

    /// Removes what `keep` does not want, told with provider and generation.
    pub(super) fn retain(&mut self, mut keep: impl FnMut(u32, u8) -> bool) {
        let mut at = 0;
        while let (Some(provider), Some(generation)) = (self.provider.get(at), self.generation.get(at)) {
            if keep(*provider, *generation) {
                at += 1;
            } else {
                self.swap_remove(at);
            }
        }
    }
}
