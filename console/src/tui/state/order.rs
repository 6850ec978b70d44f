//! The order of the heads: it changes when it is asked to, never because a value did.

use std::collections::HashMap;

use hydra_protocol::v1::Head;

use super::hydra::{Hydra, connections, requests};

/// What the heads can be sorted by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SortBy {
    /// The index of a head.
    #[default]
    Head,
    /// Its place in the keyspace.
    Key,
    /// Its state.
    State,
    /// Connections, most first.
    Connections,
    /// Requests a second, most first.
    Requests,
    /// ADD_PROVIDER a second, most first.
    Add,
    /// GET_PROVIDERS a second, most first.
    Get,
}

const ALL: [SortBy; 7] = [
    SortBy::Head,
    SortBy::Key,
    SortBy::State,
    SortBy::Connections,
    SortBy::Requests,
    SortBy::Add,
    SortBy::Get,
];

impl SortBy {
    fn value(self, head: &Head) -> f64 {
        let rates = head.rates_1m.unwrap_or_default();
        match self {
            Self::Head => f64::from(head.index),
            Self::Key => {
                let first: [u8; 4] = head.key.first_chunk().copied().unwrap_or_default();
                f64::from(u32::from_be_bytes(first))
            }
            Self::State => f64::from(head.state),
            Self::Connections => -(connections(head) as f64),
            Self::Requests => -requests(&rates),
            Self::Add => -rates.add_provider,
            Self::Get => -rates.get_providers,
        }
    }
}

/// The order that was asked for, and the indices as they stood then.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Order {
    by: SortBy,
    inverted: bool,
    indices: Vec<u32>,
}

impl Order {
    /// What the heads are sorted by.
    #[must_use]
    pub fn by(&self) -> SortBy {
        self.by
    }

    /// Last first.
    #[must_use]
    pub fn is_inverted(&self) -> bool {
        self.inverted
    }

    /// The heads in this order; those that came since are at the end.
    pub(super) fn of<'a>(&self, hydra: &'a Hydra) -> Vec<&'a Head> {
        let places: HashMap<u32, usize> =
            self.indices.iter().enumerate().map(|(at, index)| (*index, at)).collect();
        let place = |head: &Head| places.get(&head.index).copied().unwrap_or(usize::MAX);
        let mut heads: Vec<(usize, &Head)> = hydra.heads().map(|head| (place(head), head)).collect();
        heads.sort_by_key(|(place, head)| (*place, head.index));
        heads.into_iter().map(|(_, head)| head).collect()
    }

    /// Takes in new heads and forgets those that are gone; the others keep their places.
    pub(super) fn keep(&mut self, hydra: &Hydra) {
        if self.by == SortBy::Head {
            self.sort(hydra);
            return;
        }
        self.indices = self.of(hydra).iter().map(|head| head.index).collect();
    }

    pub(super) fn step(&mut self, right: bool, hydra: &Hydra) {
        let at = ALL.iter().position(|by| *by == self.by).unwrap_or(0);
        let next = if right { (at + 1).min(ALL.len() - 1) } else { at.saturating_sub(1) };
        self.by = ALL.get(next).copied().unwrap_or_default();
        self.sort(hydra);
    }

    pub(super) fn invert(&mut self, hydra: &Hydra) {
        self.inverted = !self.inverted;
        self.sort(hydra);
    }

    fn sort(&mut self, hydra: &Hydra) {
        let mut heads: Vec<&Head> = hydra.heads().collect();
        heads.sort_by(|a, b| self.by.value(a).total_cmp(&self.by.value(b)).then(a.index.cmp(&b.index)));
        if self.inverted {
            heads.reverse();
        }
        self.indices = heads.into_iter().map(|head| head.index).collect();
    }
}
