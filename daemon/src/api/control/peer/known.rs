//! What is known of each peer: its connections, its place in the table, or both. Our own heads
//! are not among them.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use hydra_protocol::v1::{Direction, Peer, PeerScope};
use libp2p::PeerId;
use libp2p::multiaddr::Protocol;

use crate::api::control::convert;
use crate::head;
use crate::hydra::{HeadView, Hydra};
use crate::routing::contacts::{Connected, Contact, Side};
use crate::routing::table::Member;
use crate::wire::Key256;
use crate::wire::class::{Host, class};

/// What is known of one peer. One of the two is there.
pub(super) struct Known {
    pub(super) peer: PeerId,
    pub(super) key: Key256,
    pub(super) connected: Option<Arc<Connected>>,
    pub(super) member: Option<Member>,
}

/// Peers of a scope by ascending key.
pub(super) fn peers(hydra: &Hydra, scope: PeerScope) -> Vec<Known> {
    let mut known = gather(hydra.contacts.all(), hydra.table.members(), scope);
    known.sort_unstable_by_key(|known| known.key);
    known
}

/// Joins connections with the members of the table, which are by ascending key; the rest is in
/// no order.
pub(super) fn gather(
    connected: Vec<(PeerId, Arc<Connected>)>,
    members: Vec<Member>,
    scope: PeerScope,
) -> Vec<Known> {
    let starts: Vec<u64> = members.iter().map(|member| member.entry.key.start()).collect();
    let mut members: Vec<Option<Member>> = members.into_iter().map(Some).collect();
    let mut all = Vec::with_capacity(connected.len() + members.len());
    for (peer, connected) in connected {
        let Some(key) = connected.contacts.first().map(|contact| contact.key) else { continue };
        let at = starts.partition_point(|start| *start < key.start());
        let alike = starts[at..].iter().take_while(|start| **start == key.start()).count();
        let place = members[at..at + alike].iter_mut();
        let mut place = place.filter(|member| member.as_ref().is_some_and(|member| member.entry.key == key));
        let member = place.next().and_then(Option::take);
        let with_heads = connected.contacts.iter().any(|contact| contact.side != Side::Scout);
        let wanted = match scope {
            PeerScope::Unspecified => with_heads || member.is_some(),
            PeerScope::Connected => with_heads,
            PeerScope::Known => member.is_some(),
        };
        if wanted {
            all.push(Known { peer, key, connected: Some(connected), member });
        }
    }
    if scope != PeerScope::Connected {
        let rest = members.into_iter().flatten();
        all.extend(rest.map(|member| Known {
            peer: member.entry.peer,
            key: member.entry.key,
            connected: None,
            member: Some(member),
        }));
    }
    all
}

impl Known {
    pub(super) fn contacts(&self) -> &[Arc<Contact>] {
        self.connected.as_ref().map_or(&[], |connected| &connected.contacts)
    }

    /// Heads that it is connected to, by index, each once.
    pub(super) fn heads(&self) -> Vec<u32> {
        let index = |contact: &Arc<Contact>| match contact.side {
            Side::Head(index) => Some(index),
            Side::Scout => None,
        };
        let mut heads: Vec<u32> = self.contacts().iter().filter_map(index).collect();
        heads.sort_unstable();
        heads.dedup();
        heads
    }

    pub(super) fn with_heads(&self) -> bool {
        self.contacts().iter().any(|contact| contact.side != Side::Scout)
    }

    /// As it says of itself; empty when it did not.
    pub(super) fn agent(&self) -> &str {
        let told = self.connected.as_ref().map(|connected| &*connected.identity.agent);
        let kept = || self.member.as_ref().map(|member| &*member.agent);
        told.filter(|agent| !agent.is_empty()).or_else(kept).unwrap_or_default()
    }

    /// Connections come oldest first.
    pub(super) fn oldest(&self) -> Option<&Contact> {
        self.contacts().first().map(|contact| &**contact)
    }

    /// The address that is told first: where it is connected from, or where it was reached.
    pub(super) fn host(&self) -> Option<(IpAddr, u16)> {
        let Some(contact) = self.oldest() else {
            let told = self.member.as_ref()?.entry.addrs.iter().next().and_then(class)?;
            let Host::Ip(ip) = told.host else { return None };
            return Some((ip, told.port.unwrap_or_default()));
        };
        let mut parts = contact.remote.iter();
        let ip = match parts.next()? {
            Protocol::Ip4(ip) => IpAddr::V4(ip),
            Protocol::Ip6(ip) => IpAddr::V6(ip),
            _ => return None,
        };
        match parts.next() {
            Some(Protocol::Tcp(port) | Protocol::Udp(port)) => Some((ip, port)),
            _ => Some((ip, 0)),
        }
    }

    pub(super) fn rtt(&self) -> Option<Duration> {
        let pinged = self.contacts().iter().filter_map(|contact| contact.rtt()).min();
        pinged.or_else(|| self.member.as_ref().and_then(Member::latency))
    }

    /// ADD_PROVIDER messages in the last minute.
    pub(super) fn announced_1m(&self) -> f64 {
        self.contacts().iter().map(|contact| contact.announced_1m()).sum()
    }

    pub(super) fn seen_at(&self) -> Option<SystemTime> {
        let connected = self.connected.as_ref().map(|connected| connected.seen_at());
        connected.or_else(|| self.member.as_ref().map(|member| member.seen_at))
    }

    fn addresses(&self) -> Vec<String> {
        let remote = self.oldest().map(|contact| contact.remote.clone());
        let told = self.connected.iter().flat_map(|connected| connected.identity.addrs.parsed());
        let in_table = self.member.iter().flat_map(|member| member.entry.addrs.parsed());
        let mut addresses: Vec<String> = Vec::new();
        for address in remote.into_iter().chain(told).chain(in_table) {
            let address = address.to_string();
            if !addresses.contains(&address) {
                addresses.push(address);
            }
        }
        addresses
    }

    fn protocols(&self) -> Vec<String> {
        let told = self.connected.as_ref().map(|connected| &*connected.identity.protocols);
        let kept = || self.member.as_ref().map(|member| &*member.protocols);
        let protocols = told.filter(|protocols| !protocols.is_empty()).or_else(kept);
        protocols.unwrap_or_default().lines().map(str::to_owned).collect()
    }

    /// As lists show it.
    pub(super) fn row(&self, heads: &[HeadView]) -> Peer {
        let nearest = heads.iter().max_by_key(|head| head.key.shared_bits(&self.key));
        let oldest = self.oldest();
        let direction = |contact: &Contact| if contact.inbound { Direction::In } else { Direction::Out };
        Peer {
            peer_id: self.peer.to_base58(),
            key: self.key.0.to_vec(),
            agent: self.agent().to_owned(),
            addresses: self.addresses(),
            connected_heads: self.heads().into_iter().map(head::name).collect(),
            direction: oldest.map_or(Direction::Unspecified, direction).into(),
            transport: oldest.map(transport).unwrap_or_default().to_owned(),
            rtt_seconds: self.rtt().map(|rtt| rtt.as_secs_f64()),
            add_provider_per_minute: self.announced_1m(),
            seen_at: self.seen_at().and_then(convert::timestamp),
            nearest_head: nearest.map(HeadView::name).unwrap_or_default(),
            shared_bits: nearest.map_or(0, |head| head.key.shared_bits(&self.key)),
            in_table: self.member.is_some(),
            protocols: self.protocols(),
        }
    }
}

/// Its name.
fn transport(contact: &Contact) -> &'static str {
    if contact.quic { "quic" } else { "tcp" }
}

#[cfg(test)]
pub(super) mod tests {
    use libp2p::swarm::ConnectionId;

    use super::*;
    use crate::routing::contacts::Identity;
    use crate::routing::table::{Found, Table};
    use crate::wire::AddrList;

    /// A peer that is connected like this to these heads, oldest first.
    pub(in super::super) fn connected(agent: &str, remote: &str, heads: &[u32], inbound: bool) -> Known {
        let peer = PeerId::random();
        let remote: libp2p::Multiaddr = remote.parse().expect("an address");
        let contact = |head: &u32| {
            let id = ConnectionId::new_unchecked(1);
            Arc::new(Contact::new(id, peer, Side::Head(*head), inbound, remote.clone()))
        };
        let identity = Identity { agent: agent.into(), ..Identity::default() };
        let connected = Connected { identity, contacts: heads.iter().map(contact).collect() };
        let key = Key256::of_peer(&peer);
        Known { peer, key, connected: Some(Arc::new(connected)), member: None }
    }

    /// A server of the table that is not connected.
    pub(in super::super) fn member(agent: &str, addr: &str, latency: Option<Duration>) -> Known {
        let table = Table::default();
        let peer = PeerId::random();
        let addr: libp2p::Multiaddr = addr.parse().expect("an address");
        let found = Found { agent: agent.into(), latency, ..Found::at(AddrList::from_iter([&addr])) };
        table.put(peer, found).expect("there is room");
        let member = table.get(&peer).expect("just put");
        Known { peer, key: member.entry.key, connected: None, member: Some(member) }
    }

    #[test]
    fn a_peer_that_is_connected_and_in_the_table_is_one_peer() {
        let (both, only) = (
            connected("a", "/ip4/192.0.2.1/tcp/1", &[2, 0, 2], true),
            member("b", "/ip4/192.0.2.2/tcp/2", None),
        );
        let client = connected("c", "/ip4/192.0.2.3/tcp/3", &[1], true);
        let table = Table::default();
        for peer in [both.peer, only.peer] {
            table.put(peer, Found::at(AddrList::default())).expect("there is room");
        }
        let contacts = || {
            [&both, &client]
                .map(|known| (known.peer, Arc::clone(known.connected.as_ref().expect("is"))))
                .to_vec()
        };
        let found = |scope| {
            let mut all = gather(contacts(), table.members(), scope);
            all.sort_unstable_by_key(|known| known.peer != both.peer);
            all.iter()
                .map(|known| (known.peer, known.connected.is_some(), known.member.is_some()))
                .collect::<Vec<_>>()
        };
        let all = found(PeerScope::Unspecified);
        assert_eq!((all.len(), all[0]), (3, (both.peer, true, true)));
        assert!(all.contains(&(client.peer, true, false)) && all.contains(&(only.peer, false, true)));
        assert_eq!(found(PeerScope::Connected).len(), 2);
        let known = found(PeerScope::Known);
        assert_eq!((known.len(), known[0]), (2, (both.peer, true, true)));
        assert_eq!((both.heads(), both.agent()), (vec![0, 2], "a"));
        assert_eq!(only.host(), Some(([192, 0, 2, 2].into(), 2)));
        assert_eq!(both.host(), Some(([192, 0, 2, 1].into(), 1)));
    }
}
