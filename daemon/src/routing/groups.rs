//! IP groups, as Go peers count them, and how many of each a reply may hold.
//!
//! A Go client since 2025 (kad-dht v0.31, `filterPeersByIPDiversity`) drops *all* peers of
//! a group that has more than three in the closer peers of one reply. It counts a peer in
//! the group of each of its addresses, private ones too: loopback is 127.0.0.0/16 to it.
//! We count public addresses only: on the public network no others leave us, and on
//! private ones, where everybody shares a group, such clients have the filter off.
//! Groups are worked out once for a peer ([`groups_of`]), not for each reply.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};
use std::num::NonZeroU32;

use super::asn;
use crate::wire::AddrList;
use crate::wire::addrs::MAX_ADDRS;
use crate::wire::class::{Class, Host, class, is_public_ip};

/// Most peers of one group in a reply (kad-dht `amino/defaults.go`, `DefaultMaxPeersPerIPGroup`).
pub const GROUP_MAX: u8 = 3;

/// /8 networks that Go takes whole (kbucket `peerdiversity/filter.go`, `legacyClassA`).
const LEGACY_8: [u8; 8] = [12, 17, 19, 38, 48, 53, 56, 73];

/// Addresses that are likely in one hand (kbucket `IPGroupKey`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Group {
    /// One of the eight legacy IPv4 /8 networks, by its first byte.
    V4Slash8(u8),
    /// Any other IPv4 /16, by its first two bytes.
    V4Slash16([u8; 2]),
    /// IPv6 of one autonomous system.
    Asn(NonZeroU32),
    /// All IPv6 that the table does not know.
    AsnUnknown,
}

impl Group {
    /// The group of a public address; private ones have none.
    #[must_use]
    pub fn of(ip: IpAddr) -> Option<Self> {
        is_public_ip(ip).then(|| match ip {
            IpAddr::V4(ip) => match ip.octets() {
                [a, ..] if LEGACY_8.contains(&a) => Self::V4Slash8(a),
                [a, b, ..] => Self::V4Slash16([a, b]),
            },
            IpAddr::V6(ip) => Self::of_v6(ip),
        })
    }

    fn of_v6(ip: Ipv6Addr) -> Self {
        asn::asn(ip).map_or(Self::AsnUnknown, Self::Asn)
    }

    /// A number of at most 34 bits that no other group has.
    fn code(self) -> u64 {
        match self {
            Self::V4Slash8(a) => u64::from(a),
            Self::V4Slash16(ab) => 1 << 32 | u64::from(u16::from_be_bytes(ab)),
            Self::Asn(number) => 2 << 32 | u64::from(number.get()),
            Self::AsnUnknown => 3 << 32,
        }
    }

    fn of_class(class: &Class) -> Option<Self> {
        match class.host {
            Host::Ip(ip) => Self::of(ip),
            Host::Dns | Host::Other => None,
        }
    }
}

impl fmt::Display for Group {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::V4Slash8(a) => write!(f, "{a}.0.0.0/8"),
            Self::V4Slash16([a, b]) => write!(f, "{a}.{b}.0.0/16"),
            Self::Asn(number) => write!(f, "AS{number}"),
            Self::AsnUnknown => f.write_str("AS unknown"),
        }
    }
}

/// The distinct groups of one peer's addresses, each with the addresses that are in it.
/// At most 16, since a peer has at most 16 addresses; nothing on the heap when it has none.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Groups(Box<[(Group, u16)]>);

impl Groups {
    /// The groups, without repeats, in the order of the addresses.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = Group> {
        self.0.iter().map(|(group, _)| *group)
    }

    #[must_use]
    pub fn contains(&self, group: Group) -> bool {
        self.iter().any(|g| g == group)
    }

    /// No address is public.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }
}

/// The groups that a peer with these addresses counts in: each address counts, a relay
/// address by its relay. Costs a table look-up for each IPv6 address: keep it with the peer.
#[must_use]
pub fn groups_of(addrs: &AddrList) -> Groups {
    let mut groups: Vec<(Group, u16)> = Vec::new();
    for (i, raw) in addrs.iter().enumerate() {
        let Some(group) = class(raw).and_then(|class| Group::of_class(&class)) else { continue };
        // An `AddrList` has at most 16 addresses.
        let bit = 1u16.checked_shl(i as u32).unwrap_or(0);
        match groups.iter_mut().find(|(g, _)| *g == group) {
            Some((_, mask)) => *mask |= bit,
            None => groups.push((group, bit)),
        }
    }
    Groups(groups.into_boxed_slice())
}

/// What of a peer may go into the reply.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fit {
    /// All its addresses.
    Whole,
    /// These; the groups of the others are full.
    Part(AddrList),
    /// Nothing: the groups of all its addresses are full. Leave the peer out.
    Nothing,
}

/// Counts the groups of the closer peers of one reply. The asked-for peer goes in first,
/// so that it always fits.
///
/// One number a group, the count in its two lowest bits: each peer of each reply searches
/// them.
#[derive(Debug, Clone, Default)]
pub struct ReplyGroups(Vec<u64>);

/// Bits that count up to [`GROUP_MAX`].
const COUNT_BITS: u32 = 2;
const COUNT: u64 = (1 << COUNT_BITS) - 1;
const _: () = assert!(GROUP_MAX as u64 <= COUNT, "the count has room");

impl ReplyGroups {
    #[must_use]
    pub fn new() -> Self {
        // k peers of two groups each
        Self(Vec::with_capacity(48))
    }

    /// Takes a peer in as far as its groups have room, and counts what was taken. `groups`
    /// is [`groups_of`] of `addrs`. A peer without public addresses always fits.
    pub fn take(&mut self, addrs: &AddrList, groups: &Groups) -> Fit {
        let mut places = [None; MAX_ADDRS];
        let mut full = 0;
        for ((group, bits), place) in groups.0.iter().zip(&mut places) {
            let code = group.code();
            *place = self.0.iter().position(|counted| counted >> COUNT_BITS == code);
            if place.is_some_and(|at| self.0[at] & COUNT >= u64::from(GROUP_MAX)) {
                full |= bits;
            }
        }
        let fit = if full == 0 { Fit::Whole } else { without(addrs, full) };
        if fit != Fit::Nothing {
            for ((group, bits), place) in groups.0.iter().zip(places) {
                match place {
                    _ if bits & full != 0 => {}
                    Some(at) => self.0[at] += 1,
                    None => self.0.push(group.code() << COUNT_BITS | 1),
                }
            }
        }
        fit
    }
}

fn without(addrs: &AddrList, mask: u16) -> Fit {
    let kept = addrs.iter().enumerate().filter(|(i, _)| mask.checked_shr(*i as u32).unwrap_or(0) & 1 == 0);
    let kept = AddrList::from_raw(kept.map(|(_, raw)| raw));
    if kept.is_empty() { Fit::Nothing } else { Fit::Part(kept) }
}

#[cfg(test)]
mod tests {
    use libp2p::Multiaddr;
    use proptest::prelude::*;

    use super::*;

    fn list(addrs: &[&str]) -> AddrList {
        let addrs: Vec<Multiaddr> = addrs.iter().map(|a| a.parse().expect("a multiaddr")).collect();
        addrs.iter().collect()
    }

    fn named(addrs: &[&str]) -> Vec<String> {
        groups_of(&list(addrs)).iter().map(|g| g.to_string()).collect()
    }

    /// kbucket v0.9.0 `peerdiversity/filter_test.go`, `TestIPGroupKey`, and the rest of the list.
    #[test]
    fn groups_are_those_of_kbucket() {
        let cases = [
            ("17.111.0.1", "17.0.0.0/8"),
            ("12.1.2.3", "12.0.0.0/8"),
            ("19.1.2.3", "19.0.0.0/8"),
            ("38.1.2.3", "38.0.0.0/8"),
            ("48.1.2.3", "48.0.0.0/8"),
            ("53.1.2.3", "53.0.0.0/8"),
            ("56.1.2.3", "56.0.0.0/8"),
            ("73.1.2.3", "73.0.0.0/8"),
            ("18.1.2.3", "18.1.0.0/16"),
            ("203.0.200.1", "203.0.0.0/16"),
            ("2a03:2880:f003:c07:face:b00c:0:2", "AS32934"),
            ("2606:4700::1", "AS13335"),
            ("2001:2::1", "AS unknown"),
            ("3fff:ffff::1", "AS unknown"),
            ("64:ff9b::102:304", "AS unknown"),
        ];
        for (ip, group) in cases {
            let ip: IpAddr = ip.parse().expect("an ip");
            assert_eq!(Group::of(ip).map(|g| g.to_string()).as_deref(), Some(group), "{ip}");
        }
        assert_eq!(size_of::<Group>(), 8);
    }

    #[test]
    fn private_addresses_and_names_have_no_group() {
        for ip in ["192.168.1.1", "127.0.0.1", "203.0.113.5", "10.0.0.1", "::1", "fe80::1", "::ffff:1.1.1.1"]
        {
            assert_eq!(Group::of(ip.parse().expect("an ip")), None, "{ip}");
        }
        assert!(named(&["/dns4/a.example/tcp/1", "/ip4/127.0.0.1/tcp/1"]).is_empty());
    }

    #[test]
    fn a_peer_counts_once_in_the_group_of_each_of_its_addresses() {
        let addrs = [
            "/ip4/1.2.3.4/tcp/1",
            "/ip4/1.2.3.4/udp/1/quic-v1",
            "/ip4/1.2.9.9/tcp/1",
            "/ip6/2606:4700::1/tcp/1",
            "/ip4/5.6.7.8/tcp/1/p2p/12D3KooWSmYTxN4DR2BYdrkt7myJpMabvpcu8UYd7JbxedybLUPZ/p2p-circuit",
        ];
        assert_eq!(named(&addrs), ["1.2.0.0/16", "AS13335", "5.6.0.0/16"]);
    }

    #[test]
    fn the_fourth_of_a_group_leaves_out_that_groups_addresses() {
        let mut reply = ReplyGroups::new();
        for host in 1..=3 {
            let addrs = list(&[&format!("/ip4/1.2.3.{host}/tcp/1")]);
            assert_eq!(reply.take(&addrs, &groups_of(&addrs)), Fit::Whole);
        }
        let both = list(&["/ip4/1.2.3.4/tcp/1", "/ip4/5.6.7.8/tcp/1", "/ip4/1.2.3.4/udp/1/quic-v1"]);
        assert_eq!(reply.take(&both, &groups_of(&both)), Fit::Part(list(&["/ip4/5.6.7.8/tcp/1"])));
        let full = list(&["/ip4/1.2.3.5/tcp/1"]);
        assert_eq!(reply.take(&full, &groups_of(&full)), Fit::Nothing);
    }

    #[test]
    fn a_peer_that_is_left_out_fills_no_group() {
        let mut reply = ReplyGroups::new();
        let full = list(&["/ip4/1.2.3.4/tcp/1"]);
        for _ in 0..10 {
            reply.take(&full, &groups_of(&full));
        }
        let other = list(&["/ip4/1.2.3.4/tcp/1", "/ip4/5.6.7.8/tcp/1"]);
        for _ in 0..3 {
            assert_eq!(reply.take(&other, &groups_of(&other)), Fit::Part(list(&["/ip4/5.6.7.8/tcp/1"])));
        }
        assert_eq!(reply.take(&other, &groups_of(&other)), Fit::Nothing);
    }

    #[test]
    fn loopback_peers_are_never_throttled() {
        let mut reply = ReplyGroups::new();
        for port in 1..=20 {
            let addrs = list(&[&format!("/ip4/127.0.0.1/tcp/{port}")]);
            assert_eq!(reply.take(&addrs, &groups_of(&addrs)), Fit::Whole);
        }
    }

    proptest! {
        /// What Go does with the reply (`filterPeersByIPDiversity`, limit 3) removes nothing.
        #[test]
        fn a_go_client_keeps_every_peer_of_the_reply(
            peers in prop::collection::vec(prop::collection::vec((1u8..4, 0u8..3, 1u8..9), 1..5), 1..30)
        ) {
            let mut reply = ReplyGroups::new();
            let mut sent: Vec<AddrList> = Vec::new();
            for peer in &peers {
                let addrs: Vec<String> = peer.iter().map(|(a, b, c)| format!("/ip4/{a}.{b}.1.{c}/tcp/1")).collect();
                let addrs = list(&addrs.iter().map(String::as_str).collect::<Vec<_>>());
                match reply.take(&addrs, &groups_of(&addrs)) {
                    Fit::Whole => sent.push(addrs),
                    Fit::Part(some) => sent.push(some),
                    Fit::Nothing => {}
                }
            }
            let mut counts = std::collections::HashMap::new();
            for addrs in &sent {
                for group in groups_of(addrs).iter() {
                    *counts.entry(group).or_insert(0) += 1;
                }
            }
            prop_assert!(counts.values().all(|n| *n <= 3), "{:?}", counts);
            // And nobody is left out while one of his groups has room.
            prop_assert!(sent.len() >= peers.len().min(3));
        }
    }
}
