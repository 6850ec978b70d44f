//! Presence, plain version: a head keeps connections to the servers nearest to it, so that
//! they come to know it.

use std::time::Duration;

use libp2p::Swarm;
use tokio::time::Instant;

use crate::dht::Local;
use crate::head::Shared;
use crate::net::dialer::Dialer;
use crate::net::{Behaviour, Word};
use crate::wire::bounds::K;

/// Between two looks at the table while neighbours are missing.
const SOON: Duration = Duration::from_secs(5);

/// Between two looks when all neighbours are connected.
const LATER: Duration = Duration::from_secs(60);

/// Dials in one step.
const DIALS: usize = 4;

/// A head's dialling of its neighbours.
#[derive(Debug)]
pub(super) struct Presence {
    next: Instant,
    /// Neighbours before this rank were tried in this round.
    rank: usize,
}

impl Presence {
    /// Heads start at different moments, so that a hydra does not dial in bursts.
    pub(super) fn new(index: u32) -> Self {
        let offset = Duration::from_millis(1000 + u64::from(index) * 97 % 5000);
        Self { next: Instant::now() + offset, rank: 0 }
    }

    pub(super) fn next(&self) -> Instant {
        self.next
    }

    /// Dials a few neighbours that are not connected.
    pub(super) fn step(
        &mut self,
        local: &Local,
        shared: &Shared,
        swarm: &mut Swarm<Behaviour>,
        dialer: &mut Dialer,
    ) {
        let table = shared.table.snapshot();
        let neighbours: Vec<_> =
            table.closest(&local.key, 2 * K).into_iter().filter(|e| !e.own).take(K).collect();
        let mut dials = 0;
        while let Some(entry) = neighbours.get(self.rank) {
            if dials == DIALS {
                break;
            }
            self.rank += 1;
            let connected = swarm.is_connected(&entry.peer);
            if !connected && dialer.dial(swarm, entry.peer, entry.addrs.parsed(), Word::Own).is_ok() {
                dials += 1;
            }
        }
        let settled = dials == 0 && !neighbours.is_empty();
        if self.rank >= neighbours.len() {
            self.rank = 0;
        }
        self.next = Instant::now() + if settled { LATER } else { SOON };
    }
}
