//! Presence: a head makes itself known to those who should list it.
//!
//! It keeps connections to the servers nearest to it and to a few in each farther part of the
//! keyspace ([`Wanted`]), dials a few at a time within the ledger, and gives up what it opened
//! and no longer needs. Whether it is listed in the end is measured in `hydra/`.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use libp2p::swarm::ConnectionId;
use libp2p::{PeerId, Swarm};
use tokio::time::Instant;

use crate::dht::Local;
use crate::head::Shared;
use crate::head::wanted::Wanted;
use crate::net::dialer::{Dialer, NotDialled};
use crate::net::{Behaviour, Word};
use crate::routing::contacts::Contact;
use crate::routing::snapshot::{Entry, Snapshot};
use crate::wire::bounds::K;

/// Between two looks at the table while servers are being dialled or too few are known.
const SOON: Duration = Duration::from_secs(5);

/// Between two looks when there is nothing to dial.
const LATER: Duration = Duration::from_secs(30);

/// Dials in one step.
const DIALS: usize = 4;

/// A server that did not keep a connection is dialled again after this, then after twice the
/// time, and so on.
const RETRY: Duration = Duration::from_secs(30);
const RETRY_MAX: Duration = Duration::from_secs(3600);

/// The ledger or the budget had no room: nothing is known of the server by that.
const POSTPONED: Duration = Duration::from_secs(15);

/// A connection that lasted so long was wanted by the other side, too.
const LASTING: Duration = Duration::from_secs(600);

/// A connection that is not needed is closed when it was not used for so long.
const UNUSED: Duration = Duration::from_secs(120);

/// A head's dialling.
#[derive(Debug)]
pub(super) struct Presence {
    /// Servers wanted in each farther part of the keyspace.
    per_bucket: usize,
    next: Instant,
    /// Of wanted servers that were dialled: when they may be dialled again.
    tried: HashMap<PeerId, Tried>,
}

#[derive(Debug, Clone, Copy)]
struct Tried {
    times: u32,
    again: Instant,
}

impl Presence {
    /// Heads start at different moments, so that a hydra does not dial in bursts.
    pub(super) fn new(index: u32, per_bucket: usize) -> Self {
        let offset = Duration::from_millis(1000 + u64::from(index) * 97 % 5000);
        Self { per_bucket, next: Instant::now() + offset, tried: HashMap::new() }
    }

    pub(super) fn next(&self) -> Instant {
        self.next
    }

    /// Dials a few of the wanted servers that are not connected, and closes what is not needed.
    pub(super) fn step(
        &mut self,
        local: &Local,
        shared: &Shared,
        swarm: &mut Swarm<Behaviour>,
        dialer: &mut Dialer,
    ) {
        let table = Arc::clone(&shared.table.snapshot());
        let wanted = Wanted::of(&table, &local.key);
        self.close_surplus(local, &wanted, swarm);
        let missing = self.missing(local, &table, &wanted, swarm);
        let now = Instant::now();
        let mut dials = 0;
        for entry in missing {
            if dials == DIALS {
                break;
            }
            match dialer.dial(swarm, entry.peer, entry.addrs.parsed(), Word::Own) {
                Ok(_) => {
                    dials += 1;
                    self.dialled(entry.peer, now);
                }
                Err(NotDialled::Budget) => break,
                Err(NotDialled::Politeness | NotDialled::Already) => self.postponed(entry.peer, now),
                Err(NotDialled::NoAddress | NotDialled::Claimed) => self.dialled(entry.peer, now),
            }
        }
        let settled = dials == 0 && wanted.near.len() >= K;
        self.next = now + if settled { LATER } else { SOON };
    }

    /// Servers to dial now: near ones first, then farther ones where too few are connected.
    fn missing(
        &mut self,
        local: &Local,
        table: &Snapshot,
        wanted: &Wanted,
        swarm: &Swarm<Behaviour>,
    ) -> Vec<Arc<Entry>> {
        let now = Instant::now();
        let contacts: Vec<&Arc<Contact>> = swarm.behaviour().rpc.contacts().collect();
        let connected: HashSet<&PeerId> = contacts.iter().map(|contact| &contact.peer).collect();
        for contact in contacts.iter().filter(|contact| contact.age() >= LASTING) {
            self.tried.remove(&contact.peer);
        }
        let servers = wanted.near.iter().chain(wanted.buckets.iter().flat_map(|bucket| &bucket.servers));
        let still: HashSet<PeerId> = servers.map(|entry| entry.peer).collect();
        self.tried.retain(|peer, _| still.contains(peer));
        let due = |entry: &&Arc<Entry>| {
            let rests = self.tried.get(&entry.peer).is_some_and(|tried| tried.again > now);
            !rests && !connected.contains(&entry.peer)
        };
        let mut missing: Vec<Arc<Entry>> = wanted.near.iter().filter(due).cloned().collect();
        // a server that dialled us serves as well as one we dialled
        let mut held: HashMap<u32, HashSet<&PeerId>> = HashMap::new();
        for contact in contacts.iter().filter(|contact| table.get(&contact.key).is_some()) {
            held.entry(contact.key.shared_bits(&local.key)).or_default().insert(&contact.peer);
        }
        for bucket in &wanted.buckets {
            let there = held.get(&bucket.bits).map_or(0, HashSet::len);
            let wants = self.per_bucket.saturating_sub(there);
            missing.extend(bucket.servers.iter().filter(due).take(wants).cloned());
        }
        missing
    }

    fn close_surplus(&self, local: &Local, wanted: &Wanted, swarm: &mut Swarm<Behaviour>) {
        let rpc = &mut swarm.behaviour_mut().rpc;
        let mut opened: Vec<&Arc<Contact>> = rpc.contacts().filter(|contact| !contact.inbound).collect();
        // the oldest stay
        opened.sort_by_key(|contact| std::cmp::Reverse(contact.age()));
        let opened = opened.into_iter().map(|c| (&c.peer, &c.key, (c.peer, c.id, c.unused())));
        let surplus = wanted.surplus(&local.key, self.per_bucket, opened);
        let close: Vec<(PeerId, ConnectionId)> = surplus
            .into_iter()
            .filter(|(.., unused)| *unused >= UNUSED)
            .map(|(peer, id, _)| (peer, id))
            .collect();
        for (peer, id) in close {
            rpc.close(peer, id);
        }
    }

    fn dialled(&mut self, peer: PeerId, now: Instant) {
        let tried = self.tried.entry(peer).or_insert(Tried { times: 0, again: now });
        tried.again = now + (RETRY * 2u32.saturating_pow(tried.times.min(8))).min(RETRY_MAX);
        tried.times += 1;
    }

    fn postponed(&mut self, peer: PeerId, now: Instant) {
        self.tried.entry(peer).or_insert(Tried { times: 0, again: now }).again = now + POSTPONED;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_that_keeps_no_connection_is_dialled_ever_more_rarely() {
        let mut presence = Presence::new(0, 2);
        let (peer, now) = (PeerId::random(), Instant::now());
        let mut waits = Vec::new();
        for _ in 0..12 {
            presence.dialled(peer, now);
            waits.push((presence.tried[&peer].again - now).as_secs());
        }
        assert_eq!(waits[..4], [30, 60, 120, 240]);
        assert_eq!(waits.last(), Some(&3600));
        presence.postponed(peer, now);
        assert_eq!(presence.tried[&peer].again - now, POSTPONED);
        presence.dialled(peer, now);
        assert_eq!(presence.tried[&peer].again - now, RETRY_MAX, "what was seen before is not forgotten");
    }
}
