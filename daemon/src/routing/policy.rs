//! Which addresses are kept, handed out and dialled.
//!
//! Owns the rule (`--address-policy`) and the order of a peer's addresses in a reply.
//! What an address says is read in `wire/class.rs`. Everything here is a pure function.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use libp2p::{Multiaddr, PeerId};

use crate::wire::AddrList;
use crate::wire::addrs::MAX_ADDRS;
use crate::wire::class::{Class, Host, Transport, class};

/// Most addresses of one peer that are looked at; what comes after is ignored. Go keeps as
/// many of a peer that it is not connected to (go-libp2p `pstoremem`, `maxAddrsPerPeer`).
pub const MAX_CONSIDERED: usize = 64;

/// Which addresses are stored, replied, announced and dialled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum AddressPolicy {
    /// Those that go-multiaddr calls public: what a server of the public network may hand out.
    #[default]
    Public,
    /// Loopback and private ones too: for private networks and tests.
    Any,
}

impl AddressPolicy {
    /// Whether an address may be stored, handed out and announced. Neither policy allows
    /// what nobody can dial: the unspecified address, multicast, broadcast, port 0, and
    /// addresses that begin with no host.
    #[must_use]
    pub fn allows(self, class: &Class) -> bool {
        let reachable = match class.host {
            Host::Ip(ip) => is_unicast(ip),
            Host::Dns => true,
            Host::Other => false,
        };
        reachable && class.port != Some(0) && (self == Self::Any || class.is_public())
    }

    /// Whether we dial an address: allowed, and tcp or quic-v1 to an IP.
    #[must_use]
    pub fn dialable(self, addr: &Multiaddr) -> bool {
        class(addr.as_ref()).is_some_and(|class| {
            matches!(class.host, Host::Ip(_))
                && matches!(class.transport, Transport::Tcp | Transport::QuicV1)
                && self.allows(&class)
        })
    }

    /// What of a peer's addresses is kept, ready for replies: those that this policy
    /// allows, in the order of [`order_for_reply`].
    ///
    /// A trailing `/p2p/<id>` of the peer itself is taken off, and an address that ends in
    /// another peer's id is dropped: Go's address book does both (go-libp2p `pstoremem`,
    /// `addAddrsUnlocked`), it saves 38 bytes an address, and one place announced with and
    /// without the id counts once.
    #[must_use]
    pub fn admit<'a>(self, peer: &PeerId, raw: impl IntoIterator<Item = &'a [u8]>) -> AddrList {
        arrange(raw.into_iter().filter_map(|raw| {
            let class = class(raw)?;
            let (bare, id) = class.split(raw);
            let own = id.is_none_or(|id| PeerId::from_bytes(id).is_ok_and(|id| id == *peer));
            (own && self.allows(&class)).then_some((class.transport, bare))
        }))
    }
}

impl fmt::Display for AddressPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Public => "public",
            Self::Any => "any",
        })
    }
}

/// Not the name of a policy.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("address policy `{0}` is not known: use `public` or `any`")]
pub struct UnknownPolicy(String);

impl FromStr for AddressPolicy {
    type Err = UnknownPolicy;

    fn from_str(name: &str) -> Result<Self, UnknownPolicy> {
        match name {
            "public" => Ok(Self::Public),
            "any" => Ok(Self::Any),
            other => Err(UnknownPolicy(other.to_owned())),
        }
    }
}

/// A peer's addresses in the order in which a reply carries them, within the bounds of an
/// [`AddrList`]: tcp and quic-v1 as they came, then one each of secure websocket,
/// webrtc-direct, webtransport and plain websocket, then those we cannot name, then
/// relays. When there are too many, the last are left out.
#[must_use]
pub fn order_for_reply<'a>(addrs: impl IntoIterator<Item = &'a [u8]>) -> AddrList {
    arrange(addrs.into_iter().filter_map(|raw| Some((class(raw)?.transport, raw))))
}

/// How many of a kind are kept, in the order in which they go out.
const ORDER: [(&[Transport], usize); 7] = [
    (&[Transport::Tcp, Transport::QuicV1], MAX_ADDRS),
    (&[Transport::Wss], 1),
    (&[Transport::WebRtcDirect], 1),
    (&[Transport::WebTransport], 1),
    (&[Transport::Ws], 1),
    (&[Transport::Other], MAX_ADDRS),
    (&[Transport::Relay], MAX_ADDRS),
];

fn arrange<'a>(addrs: impl Iterator<Item = (Transport, &'a [u8])>) -> AddrList {
    let mut considered: [(Transport, &[u8]); MAX_CONSIDERED] = [(Transport::Other, &[]); MAX_CONSIDERED];
    let mut len = 0;
    for (slot, addr) in considered.iter_mut().zip(addrs) {
        *slot = addr;
        len += 1;
    }
    let considered = &considered[..len];
    AddrList::from_raw(ORDER.iter().flat_map(|(kinds, most)| {
        considered.iter().filter(|(kind, _)| kinds.contains(kind)).map(|(_, raw)| *raw).take(*most)
    }))
}

fn is_unicast(ip: IpAddr) -> bool {
    // An IPv4 address in IPv6 clothes is judged as the IPv4 address it leads to.
    match ip.to_canonical() {
        IpAddr::V4(ip) => !ip.is_unspecified() && !ip.is_multicast() && !ip.is_broadcast(),
        IpAddr::V6(ip) => !ip.is_unspecified() && !ip.is_multicast(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::wire::addrs::MAX_ADDRS_BYTES;

    const ME: &str = "12D3KooWSmYTxN4DR2BYdrkt7myJpMabvpcu8UYd7JbxedybLUPZ";
    const OTHER: &str = "QmNnooDu7bfjPFoTZYxMNLWUQJyrVwtbZg5gBMjTezGAJN";

    fn admitted(policy: AddressPolicy, addrs: &[&str]) -> Vec<String> {
        let raw: Vec<Vec<u8>> = addrs.iter().map(|a| multiaddr(a).to_vec()).collect();
        let me = ME.parse().expect("an id");
        policy.admit(&me, raw.iter().map(Vec::as_slice)).parsed().map(|a| a.to_string()).collect()
    }

    fn multiaddr(text: &str) -> Multiaddr {
        text.parse().expect("a multiaddr")
    }

    #[test]
    fn public_keeps_what_strangers_can_reach_and_any_keeps_private_ones_too() {
        let addrs = [
            "/ip4/1.2.3.4/tcp/1",
            "/ip4/127.0.0.1/tcp/1",
            "/ip4/10.0.0.1/udp/1/quic-v1",
            "/ip6/fe80::1/tcp/1",
            "/dns4/a.example/tcp/443/wss",
            "/dns4/a.local/tcp/443/wss",
        ];
        assert_eq!(admitted(AddressPolicy::Public, &addrs), [addrs[0], addrs[4]]);
        assert_eq!(
            admitted(AddressPolicy::Any, &addrs),
            [addrs[0], addrs[1], addrs[2], addrs[3], addrs[4]],
            "one secure websocket"
        );
    }

    #[test]
    fn no_policy_keeps_what_nobody_can_dial() {
        let addrs = [
            "/ip4/0.0.0.0/tcp/1",
            "/ip6/::/tcp/1",
            "/ip4/224.0.0.1/tcp/1",
            "/ip6/ff02::1/tcp/1",
            "/ip4/255.255.255.255/tcp/1",
            "/ip6/::ffff:0.0.0.0/tcp/1",
            "/ip4/1.2.3.4/tcp/0",
            "/ip4/1.2.3.4/udp/0/quic-v1",
            "/unix/tmp%2Fsocket",
            "/memory/7",
        ];
        assert!(admitted(AddressPolicy::Any, &addrs).is_empty());
        assert!(admitted(AddressPolicy::Public, &addrs).is_empty());
    }

    #[test]
    fn the_peers_own_id_is_taken_off_and_another_peers_address_is_dropped() {
        let addrs = [
            &format!("/ip4/1.2.3.4/tcp/1/p2p/{ME}"),
            "/ip4/1.2.3.4/tcp/1",
            &format!("/ip4/1.2.3.4/tcp/2/p2p/{OTHER}"),
            &format!("/ip4/1.2.3.4/tcp/3/p2p/{OTHER}/p2p-circuit/p2p/{ME}"),
        ];
        let kept = ["/ip4/1.2.3.4/tcp/1", &format!("/ip4/1.2.3.4/tcp/3/p2p/{OTHER}/p2p-circuit")];
        assert_eq!(admitted(AddressPolicy::Public, &addrs), kept);
    }

    #[test]
    fn tcp_and_quic_come_first_then_one_of_each_kind_then_relays() {
        let relay = &format!("/ip4/1.2.3.4/tcp/3/p2p/{OTHER}/p2p-circuit");
        let addrs = [
            relay,
            "/ip4/1.2.3.4/udp/1/quic-v1/webtransport",
            "/ip6/2400::1/udp/1/quic-v1/webtransport",
            "/dns4/a.example/tcp/443/tls/http",
            "/ip4/1.2.3.4/udp/1/webrtc-direct",
            "/ip4/1.2.3.4/tcp/4/ws",
            "/dns4/a.example/tcp/443/wss",
            "/ip4/1.2.3.4/udp/1/quic-v1",
            "/ip4/1.2.3.4/tcp/1",
        ];
        let expected = [addrs[7], addrs[8], addrs[6], addrs[4], addrs[1], addrs[5], addrs[3], relay];
        assert_eq!(admitted(AddressPolicy::Public, &addrs), expected);
    }

    #[test]
    fn malformed_addresses_are_dropped_and_hostile_lengths_end() {
        let good = multiaddr("/ip4/1.2.3.4/tcp/1").to_vec();
        let me = ME.parse().expect("an id");
        let hostile = std::iter::repeat_n(&[0xffu8; 9][..], 100_000).chain([&good[..]]);
        assert_eq!(AddressPolicy::Public.admit(&me, hostile).len(), 1);
        let many: Vec<Vec<u8>> =
            (1..20_000u16).map(|p| multiaddr(&format!("/ip4/1.2.3.4/tcp/{p}")).to_vec()).collect();
        assert_eq!(AddressPolicy::Public.admit(&me, many.iter().map(Vec::as_slice)).len(), MAX_ADDRS);
    }

    #[test]
    fn only_tcp_and_quic_to_an_allowed_ip_are_dialled() {
        let public = AddressPolicy::Public;
        assert!(public.dialable(&multiaddr("/ip4/1.2.3.4/tcp/1")));
        assert!(public.dialable(&multiaddr(&format!("/ip6/2400::1/udp/1/quic-v1/p2p/{OTHER}"))));
        for addr in [
            "/ip4/127.0.0.1/tcp/1",
            "/ip4/1.2.3.4/tcp/0",
            "/dns4/a.example/tcp/1",
            "/ip4/1.2.3.4/tcp/1/ws",
            "/ip4/1.2.3.4/udp/1/quic-v1/webtransport",
            "/ip4/1.2.3.4",
            &format!("/ip4/1.2.3.4/tcp/1/p2p/{OTHER}/p2p-circuit"),
        ] {
            assert!(!public.dialable(&multiaddr(addr)), "{addr}");
        }
        assert!(AddressPolicy::Any.dialable(&multiaddr("/ip4/127.0.0.1/tcp/1")));
    }

    #[test]
    fn a_policy_is_named_in_one_way() {
        for policy in [AddressPolicy::Public, AddressPolicy::Any] {
            assert_eq!(policy.to_string().parse(), Ok(policy));
        }
        let error = "all".parse::<AddressPolicy>().expect_err("no such policy");
        assert_eq!(error.to_string(), "address policy `all` is not known: use `public` or `any`");
    }

    proptest! {
        #[test]
        fn any_bytes_are_admitted_within_the_bounds_and_a_second_pass_changes_nothing(
            addrs in prop::collection::vec(
                prop_oneof![
                    prop::collection::vec(any::<u8>(), 0..40),
                    (any::<[u8; 4]>(), any::<u16>()).prop_map(|(ip, port)| {
                        [&[4u8][..], &ip, &[6], &port.to_be_bytes()].concat()
                    }),
                ],
                0..80
            )
        ) {
            let me = ME.parse().expect("an id");
            let list = AddressPolicy::Public.admit(&me, addrs.iter().map(Vec::as_slice));
            prop_assert!(list.len() <= MAX_ADDRS && list.as_fields().len() <= MAX_ADDRS_BYTES);
            prop_assert!(list.iter().all(|raw| class(raw).is_some_and(|c| AddressPolicy::Public.allows(&c))));
            prop_assert_eq!(AddressPolicy::Public.admit(&me, list.iter()), list.clone());
            prop_assert_eq!(order_for_reply(list.iter()), list);
        }
    }
}
