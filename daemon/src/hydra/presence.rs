//! Presence, measured: do the servers nearest to a head list it, and if not, why.
//!
//! Each of the 20 nearest is asked FIND_NODE for the head's id, through the scout and within its
//! politeness. A server that knows the head from a connection may name it without having it in
//! its table, so this is the best a head can hope for, not a promise.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use futures::StreamExt as _;
use libp2p::PeerId;

use crate::hydra::{HeadState, HeadView, Hydra};
use crate::net::RpcError;
use crate::net::dialer::NotDialled;
use crate::routing::contacts::Side;
use crate::routing::groups::{GROUP_MAX, Group, Groups, groups_of};
use crate::telemetry::AskedFor;
use crate::wire::bounds::K;
use crate::wire::{AddrList, Key256};

/// A head that has just begun to serve is not listed anywhere yet.
const FIRST: Duration = Duration::from_secs(30);

/// Servers asked at a time.
const PARALLEL: usize = 5;

/// Between two looks at which head is due.
const TICK: Duration = Duration::from_secs(1);

/// Whether a server lists a head.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Lists {
    Yes,
    /// No: it names as many others of this IP group as Go peers list.
    GroupFull(Group),
    /// It did not answer: why.
    NoAnswer(String),
    /// No, and it is connected to the head.
    NotYet,
    /// No, and it is not connected to the head.
    NotConnected,
    /// It could not be asked politely, this time.
    NotAsked,
}

/// One of the servers nearest to a head.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Neighbour {
    pub peer: PeerId,
    /// Leading bits that it shares with the head.
    pub shared_bits: u32,
    pub lists: Lists,
}

/// The servers nearest to a head, nearest first, as they answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Presence {
    pub at: SystemTime,
    pub nearest: Vec<Neighbour>,
}

impl Presence {
    /// Servers that list the head.
    #[must_use]
    pub fn listed(&self) -> usize {
        self.nearest.iter().filter(|neighbour| neighbour.lists == Lists::Yes).count()
    }

    /// Servers that were asked, answered or not.
    #[must_use]
    pub fn asked(&self) -> usize {
        self.nearest.iter().filter(|neighbour| neighbour.lists != Lists::NotAsked).count()
    }
}

/// Our heads in one IP group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupOfHeads {
    pub group: String,
    pub heads: usize,
    /// Of these, with measured presence.
    pub measured: usize,
    /// Of these, listed by at least half of the servers nearest to them.
    pub admitted: usize,
    /// Of all servers asked: those for which the group was full.
    pub full: usize,
}

impl GroupOfHeads {
    fn new(group: String) -> Self {
        Self { group, heads: 0, measured: 0, admitted: 0, full: 0 }
    }

    fn add(&mut self, presence: Option<&Presence>) {
        self.heads += 1;
        let Some(presence) = presence.filter(|presence| presence.asked() > 0) else { return };
        self.measured += 1;
        self.admitted += usize::from(2 * presence.listed() >= presence.asked());
        let full = |neighbour: &&Neighbour| matches!(neighbour.lists, Lists::GroupFull(_));
        self.full += presence.nearest.iter().filter(full).count();
    }
}

/// What is known of one head.
#[derive(Debug)]
pub(super) struct Measured {
    presence: Arc<Presence>,
    next: Instant,
}

impl Hydra {
    /// What was measured of a head last; `None` before the first time, and when it does not serve.
    pub(super) fn presence_of(&self, index: u32) -> Option<Arc<Presence>> {
        self.presence.lock().get(&index).map(|measured| Arc::clone(&measured.presence))
    }

    /// Measures the presence of every head that serves, in turn, until the process ends.
    pub(super) async fn measure_presence(self: Arc<Self>) {
        let mut tick = tokio::time::interval(TICK);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tick.tick().await;
            let heads = self.heads();
            let serves = |index: u32| heads.iter().any(|h| h.index == index && h.state == HeadState::Serving);
            self.presence.lock().retain(|index, _| serves(*index));
            let due = heads.iter().filter(|head| self.is_due(head));
            // those never measured come first, then those measured longest ago
            let Some(head) = due.min_by_key(|head| self.presence.lock().get(&head.index).map(|m| m.next))
            else {
                continue;
            };
            let presence = Arc::new(self.measure(head).await);
            let next = Instant::now() + self.config.measure_every;
            self.presence.lock().insert(head.index, Measured { presence, next });
        }
    }

    fn is_due(&self, head: &HeadView) -> bool {
        let settled = head.serving_since.is_some_and(|since| {
            since.elapsed().is_ok_and(|time| time >= FIRST.min(self.config.measure_every))
        });
        let rests = self.presence.lock().get(&head.index).is_some_and(|m| m.next > Instant::now());
        head.state == HeadState::Serving && settled && !rests
    }

    async fn measure(&self, head: &HeadView) -> Presence {
        let table = Arc::clone(&self.table.snapshot());
        let nearest = table.closest_others(&head.key, K).into_iter();
        let groups = groups_of(&head.announce.iter().collect());
        let lookup = self.scout.lookup(AskedFor::Presence);
        let asking = nearest.map(|entry| {
            let (lookup, groups) = (&lookup, &groups);
            async move {
                let named = lookup.closer(entry.peer, entry.addrs.clone(), &head.peer.to_bytes()).await;
                let lists = judge(named, &head.peer, groups, self.is_connected(head.index, &entry.peer));
                Neighbour { peer: entry.peer, shared_bits: entry.key.shared_bits(&head.key), lists }
            }
        });
        let nearest = futures::stream::iter(asking.collect::<Vec<_>>()).buffered(PARALLEL).collect().await;
        Presence { at: SystemTime::now(), nearest }
    }

    fn is_connected(&self, index: u32, peer: &PeerId) -> bool {
        let connected = self.contacts.get(peer).unwrap_or_default();
        connected.contacts.iter().any(|contact| contact.side == Side::Head(index))
    }

    /// Over all heads: neighbours that list theirs, and neighbours asked.
    #[must_use]
    pub fn presence_in_all(&self) -> Option<(usize, usize)> {
        let measured = self.presence.lock();
        let all = measured.values().map(|m| (m.presence.listed(), m.presence.asked()));
        all.reduce(|(listed, asked), (l, a)| (listed + l, asked + a))
    }

    /// The share of the nearest that list each head, by the head's place; a head that was not
    /// measured yet is listed nowhere, as far as is known. `None` while none was measured.
    #[must_use]
    pub fn listed_shares(&self) -> Option<HashMap<Key256, f64>> {
        let heads = self.heads();
        let share = |head: &HeadView| {
            let presence = self.presence_of(head.index).filter(|presence| presence.asked() > 0)?;
            Some((head.key, presence.listed() as f64 / presence.asked() as f64))
        };
        let shares: HashMap<Key256, f64> = heads.iter().filter_map(share).collect();
        (!shares.is_empty()).then_some(shares)
    }

    /// The IP groups that our serving heads are in, and how many of them are let in there.
    #[must_use]
    pub fn groups(&self) -> Vec<GroupOfHeads> {
        let mut groups: BTreeMap<String, GroupOfHeads> = BTreeMap::new();
        for head in self.heads().into_iter().filter(|head| head.state == HeadState::Serving) {
            let Some(name) = head.group else { continue };
            let group = groups.entry(name.clone()).or_insert_with(|| GroupOfHeads::new(name));
            group.add(self.presence_of(head.index).as_deref());
        }
        groups.into_values().collect()
    }

    /// In each distance from a head: servers known, and of them those connected with it.
    #[must_use]
    pub fn buckets(&self, head: &HeadView) -> Vec<(u32, usize, usize)> {
        let table = Arc::clone(&self.table.snapshot());
        let mut counts = BTreeMap::<u32, (usize, usize)>::new();
        for entry in table.iter().filter(|entry| !entry.own) {
            counts.entry(entry.key.shared_bits(&head.key)).or_default().0 += 1;
        }
        for (peer, connected) in self.contacts.all() {
            let key = Key256::of_peer(&peer);
            let with_it = connected.contacts.iter().any(|contact| contact.side == Side::Head(head.index));
            if let Some(count) = counts.get_mut(&key.shared_bits(&head.key))
                && with_it
                && table.get(&key).is_some_and(|entry| !entry.own)
            {
                count.1 += 1;
            }
        }
        counts.into_iter().map(|(bits, (known, connected))| (bits, known, connected)).collect()
    }
}

/// What an answer says of the head.
fn judge(
    named: Result<Vec<(PeerId, AddrList)>, RpcError>,
    head: &PeerId,
    groups: &Groups,
    connected: bool,
) -> Lists {
    let named = match named {
        Ok(named) => named,
        Err(RpcError::Busy | RpcError::NotDialled(NotDialled::Politeness | NotDialled::Budget)) => {
            return Lists::NotAsked;
        }
        Err(error) => return Lists::NoAnswer(error.to_string()),
    };
    if named.iter().any(|(peer, _)| peer == head) {
        return Lists::Yes;
    }
    let of = |group: Group| named.iter().filter(|(_, addrs)| groups_of(addrs).contains(group)).count();
    if let Some(full) = groups.iter().find(|group| of(*group) >= usize::from(GROUP_MAX)) {
        return Lists::GroupFull(full);
    }
    if connected { Lists::NotYet } else { Lists::NotConnected }
}

#[cfg(test)]
mod tests {
    use libp2p::Multiaddr;

    use super::*;

    fn at(text: &str) -> AddrList {
        let addr: Multiaddr = text.parse().expect("an address");
        [&addr].into_iter().collect()
    }

    #[test]
    fn every_server_that_does_not_list_a_head_has_one_reason() {
        let (head, groups) = (PeerId::random(), groups_of(&at("/ip4/8.8.1.1/tcp/1")));
        let judge = |named, connected| judge(named, &head, &groups, connected);
        let others =
            |n: usize| (0..n).map(|_| (PeerId::random(), at("/ip4/8.8.2.2/tcp/1"))).collect::<Vec<_>>();
        let mut with_it = others(3);
        with_it.push((head, AddrList::default()));
        assert_eq!(judge(Ok(with_it), false), Lists::Yes);
        assert_eq!(judge(Ok(others(3)), true), Lists::GroupFull(Group::V4Slash16([8, 8])));
        assert_eq!(judge(Ok(others(2)), true), Lists::NotYet);
        assert_eq!(judge(Ok(others(2)), false), Lists::NotConnected);
        let gone = RpcError::Timeout;
        assert_eq!(judge(Err(gone.clone()), true), Lists::NoAnswer(gone.to_string()));
        assert_eq!(judge(Err(NotDialled::Politeness.into()), false), Lists::NotAsked);
    }

    #[test]
    fn a_head_is_admitted_to_its_group_when_half_of_those_asked_list_it() {
        let presence = |lists: Vec<Lists>| Presence {
            at: SystemTime::now(),
            nearest: lists
                .into_iter()
                .map(|lists| Neighbour { peer: PeerId::random(), shared_bits: 7, lists })
                .collect(),
        };
        let full = || Lists::GroupFull(Group::V4Slash16([8, 8]));
        let mut group = GroupOfHeads::new("8.8.0.0/16".to_owned());
        group.add(Some(&presence(vec![Lists::Yes, full()])));
        group.add(Some(&presence(vec![Lists::Yes, full(), full()])));
        group.add(Some(&presence(vec![Lists::NotAsked])));
        group.add(None);
        assert_eq!((group.heads, group.measured, group.admitted, group.full), (4, 2, 1, 3));
    }

    #[test]
    fn who_could_not_be_asked_is_not_counted() {
        let neighbour = |lists| Neighbour { peer: PeerId::random(), shared_bits: 7, lists };
        let nearest = vec![neighbour(Lists::Yes), neighbour(Lists::NotAsked), neighbour(Lists::NotYet)];
        let presence = Presence { at: SystemTime::now(), nearest };
        assert_eq!((presence.listed(), presence.asked()), (1, 2));
    }
}
