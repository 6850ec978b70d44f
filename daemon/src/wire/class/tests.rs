//! The facts against go-multiaddr's tests and the `multiaddr` crate's parser.

use libp2p::multiaddr::Protocol;
use libp2p::{Multiaddr, PeerId};
use proptest::prelude::*;

use super::*;

const ID: &str = "12D3KooWSmYTxN4DR2BYdrkt7myJpMabvpcu8UYd7JbxedybLUPZ";
const OLD_ID: &str = "QmNnooDu7bfjPFoTZYxMNLWUQJyrVwtbZg5gBMjTezGAJN";

fn raw(text: &str) -> Vec<u8> {
    text.parse::<Multiaddr>().expect("a multiaddr").to_vec()
}

fn facts(text: &str) -> Class {
    class(&raw(text)).unwrap_or_else(|| panic!("{text} has a class"))
}

/// go-multiaddr `net/private_test.go`, and each list's edges.
#[test]
fn public_is_what_go_multiaddr_says() {
    let public = [
        "/ip4/1.1.1.1/tcp/80",
        "/dns/node.libp2p.io/udp/1/quic-v1",
        "/dnsaddr/node.libp2p.io/udp/1/quic-v1",
        "/ip6/2400::1/tcp/10",
        "/ip6/64:ff9b::1.1.1.1/tcp/10",
        "/ip6/64:ff9b:1::1/tcp/10",
        "/ip4/192.0.0.64/tcp/1",
        "/ip4/100.128.0.1/tcp/1",
        "/ip4/172.32.0.1/tcp/1",
        "/ip4/223.255.255.255/tcp/1",
        "/ip6/3fff::1/tcp/1",
        "/dns4/notlocalhost/tcp/1",
        "/dns4/mylocal/tcp/1",
        "/ip6zone/eth0/ip6/2400::1/tcp/10",
    ];
    for addr in public {
        assert!(facts(addr).is_public(), "{addr}");
    }
    let private = [
        "/ip4/192.168.1.1/tcp/80",
        "/tcp/80/ip4/1.1.1.1",
        "/dns/node.libp2p.local/udp/1/quic-v1",
        "/dns/localhost/udp/1/quic-v1",
        "/dns/a.localhost/tcp/1",
        "/ip6/2001:db8::42/tcp/10",
        "/ip4/127.0.0.1/tcp/1",
        "/ip4/10.1.2.3/tcp/1",
        "/ip4/100.64.0.1/tcp/1",
        "/ip4/172.31.255.255/tcp/1",
        "/ip4/169.254.1.1/tcp/1",
        "/ip4/0.1.2.3/tcp/1",
        "/ip4/192.0.0.63/tcp/1",
        "/ip4/192.0.2.1/tcp/1",
        "/ip4/192.88.99.1/tcp/1",
        "/ip4/198.19.255.255/tcp/1",
        "/ip4/198.51.100.1/tcp/1",
        "/ip4/203.0.113.1/tcp/1",
        "/ip4/224.0.0.1/tcp/1",
        "/ip4/255.255.255.255/tcp/1",
        "/ip6/::1/tcp/1",
        "/ip6/fc00::1/tcp/1",
        "/ip6/fe80::1/tcp/1",
        "/ip6/ff02::1/tcp/1",
        "/ip6/4000::1/tcp/1",
        "/ip6/::ffff:1.1.1.1/tcp/1",
        "/dns4/x.in-addr.arpa/tcp/1",
        "/dns6/x.ip6.arpa/tcp/1",
        "/dnsaddr/invalid/tcp/1",
        "/dns/host.home.arpa/tcp/1",
        "/dns/test/tcp/1",
        "/memory/1",
        "/unix/tmp%2Fsocket",
    ];
    for addr in private {
        assert!(!facts(addr).is_public(), "{addr}");
    }
}

#[test]
fn transports_are_told_apart() {
    use Transport::*;
    let hash = "uEiDDq4_xNyDorZBH3TlGazyJdOWSwvo4PUo5YHFMrvDE8g";
    let cases = [
        (Tcp, Some(4001), "/ip4/1.2.3.4/tcp/4001"),
        (Tcp, Some(4001), "/dns4/a.example/tcp/4001/p2p/{ID}"),
        (QuicV1, Some(4001), "/ip6/2400::1/udp/4001/quic-v1"),
        (QuicV1, Some(4001), "/ip4/1.2.3.4/udp/4001/quic-v1/p2p/{OLD_ID}"),
        (Ws, Some(80), "/ip4/1.2.3.4/tcp/80/ws"),
        (Wss, Some(443), "/dns4/a.example/tcp/443/wss/p2p/{ID}"),
        (Wss, Some(443), "/ip4/1.2.3.4/tcp/443/tls/ws"),
        (Wss, Some(443), "/ip4/1.2.3.4/tcp/443/tls/sni/a.libp2p.direct/ws"),
        (WebTransport, Some(1), "/ip4/1.2.3.4/udp/1/quic-v1/webtransport"),
        (
            WebTransport,
            Some(1),
            "/ip4/1.2.3.4/udp/1/quic-v1/webtransport/certhash/{hash}/certhash/{hash}/p2p/{ID}",
        ),
        (WebRtcDirect, Some(1), "/ip4/1.2.3.4/udp/1/webrtc-direct/certhash/{hash}"),
        (Relay, Some(4001), "/ip4/1.2.3.4/tcp/4001/p2p/{ID}/p2p-circuit"),
        (Relay, Some(4001), "/ip4/1.2.3.4/udp/4001/quic-v1/p2p/{ID}/p2p-circuit/p2p/{OLD_ID}"),
        (Relay, Some(1), "/ip4/1.2.3.4/udp/1/webrtc-direct/certhash/{hash}/p2p/{ID}/p2p-circuit/webrtc"),
        (Relay, None, "/p2p/{ID}/p2p-circuit"),
        (Other, None, "/dnsaddr/bootstrap.libp2p.io/p2p/{OLD_ID}"),
        (Other, None, "/ip4/1.2.3.4"),
        (Other, Some(1), "/ip4/1.2.3.4/udp/1/quic"),
        (Other, Some(1), "/ip4/1.2.3.4/udp/1"),
        (Other, Some(1), "/ip4/1.2.3.4/tcp/1/quic-v1"),
        (Other, Some(443), "/dns4/a.example/tcp/443/tls/http"),
        (Other, Some(1), "/ip6zone/eth0/ip6/fe80::1/tcp/1"),
        (Other, Some(1), "/ip4/1.2.3.4/tcp/1/p2p/{ID}/tcp/2"),
        (Other, Some(1), "/tcp/1/ip4/1.2.3.4"),
    ];
    for (transport, port, template) in cases {
        let addr = template.replace("{ID}", ID).replace("{OLD_ID}", OLD_ID).replace("{hash}", hash);
        let class = facts(&addr);
        assert_eq!((class.transport, class.port), (transport, port), "{addr}");
        assert_eq!(class.peer, matches!(addr.rsplit('/').nth(1), Some("p2p")), "{addr}");
    }
}

#[test]
fn a_trailing_peer_id_is_split_off() {
    for id in [ID, OLD_ID] {
        let with = raw(&format!("/ip4/1.2.3.4/tcp/1/p2p/{id}"));
        let (bare, peer) = class(&with).expect("valid").split(&with);
        assert_eq!(bare, raw("/ip4/1.2.3.4/tcp/1"));
        let peer = PeerId::from_bytes(peer.expect("an id")).expect("a peer id");
        assert_eq!(peer.to_string(), id);
    }
    let relay = raw(&format!("/ip4/1.2.3.4/tcp/1/p2p/{ID}/p2p-circuit"));
    assert_eq!(class(&relay).expect("valid").split(&relay), (&relay[..], None));
}

#[test]
fn malformed_addresses_have_no_class() {
    let cases: [(&str, &[u8]); 14] = [
        ("empty", &[]),
        ("cut in the ip", &[4, 1, 2, 3]),
        ("cut in the port", &[4, 1, 2, 3, 4, 6, 0]),
        ("cut in a code", &[4, 1, 2, 3, 4, 0x91]),
        ("a code that is not minimal", &[0x84, 0x00, 1, 2, 3, 4]),
        ("a length that is not minimal", &[53, 0x81, 0x00, b'a']),
        ("an over-long varint", &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01]),
        ("a name longer than the rest", &[53, 9, b'a']),
        ("an empty name", &[53, 0]),
        ("a name with a slash", &[53, 3, b'a', b'/', b'b']),
        ("a name that is not UTF-8", &[53, 1, 0xff]),
        ("a zone and nothing else", &[42, 1, b'a']),
        ("a peer id of five bytes", &[4, 1, 2, 3, 4, 0xa5, 0x03, 5, 0x12, 3, 1, 2, 3]),
        ("an unknown code first", &[0x63, 1, 2]),
    ];
    for (what, bytes) in cases {
        assert_eq!(class(bytes), None, "{what}");
    }
    let mut long = raw("/ip4/1.2.3.4/tcp/1");
    while long.len() <= MAX_ADDR {
        long.extend_from_slice(&raw("/tls"));
    }
    assert_eq!(class(&long), None, "over 1 KiB");
}

#[test]
fn an_unknown_code_after_a_host_is_kept_as_other() {
    let mut addr = raw("/ip4/1.2.3.4/tcp/1");
    addr.extend_from_slice(&[0x63, 1, 2, 3]);
    let class = class(&addr).expect("kept");
    assert_eq!((class.transport, class.port, class.peer), (Transport::Other, Some(1), false));
    assert!(class.is_public());
}

fn protocol() -> impl Strategy<Value = Protocol<'static>> {
    prop_oneof![
        any::<[u8; 4]>().prop_map(|ip| Protocol::Ip4(ip.into())),
        any::<[u8; 16]>().prop_map(|ip| Protocol::Ip6(ip.into())),
        "[a-z.]{1,20}".prop_map(|name| Protocol::Dns4(name.into())),
        "[a-z.]{1,20}".prop_map(|name| Protocol::Dnsaddr(name.into())),
        "[a-z.]{1,20}".prop_map(|name| Protocol::Sni(name.into())),
        "[a-z0-9]{1,8}".prop_map(|zone| Protocol::Ip6zone(zone.into())),
        any::<u16>().prop_map(Protocol::Tcp),
        any::<u16>().prop_map(Protocol::Udp),
        any::<u64>().prop_map(Protocol::Memory),
        Just(Protocol::QuicV1),
        Just(Protocol::Quic),
        Just(Protocol::Tls),
        Just(Protocol::Noise),
        Just(Protocol::Ws("/".into())),
        Just(Protocol::Wss("/".into())),
        Just(Protocol::WebTransport),
        Just(Protocol::WebRTCDirect),
        Just(Protocol::WebRTC),
        Just(Protocol::P2pCircuit),
        Just(Protocol::Http),
        Just(Protocol::P2p(ID.parse().expect("an id"))),
        Just(Protocol::P2p(OLD_ID.parse().expect("an id"))),
    ]
}

fn host() -> impl Strategy<Value = Protocol<'static>> {
    protocol().prop_filter("not a lone zone", |p| !matches!(p, Protocol::Ip6zone(_)))
}

proptest! {
    #[test]
    fn what_the_multiaddr_crate_builds_has_the_same_facts(first in host(), rest in prop::collection::vec(protocol(), 0..8)) {
        let addr: Multiaddr = std::iter::once(first.clone()).chain(rest).collect();
        let class = class(addr.as_ref()).expect("valid");
        let expected = match first {
            Protocol::Ip4(ip) => Host::Ip(ip.into()),
            Protocol::Ip6(ip) => Host::Ip(ip.into()),
            Protocol::Dns4(_) | Protocol::Dnsaddr(_) => Host::Dns,
            _ => Host::Other,
        };
        prop_assert_eq!(class.host, expected);
        let port = addr.iter().find_map(|p| match p { Protocol::Tcp(port) | Protocol::Udp(port) => Some(port), _ => None });
        prop_assert_eq!(class.port, port);
        prop_assert_eq!(class.transport == Transport::Relay, addr.iter().any(|p| p == Protocol::P2pCircuit));
        let last = match addr.iter().last() { Some(Protocol::P2p(id)) => Some(id.to_bytes()), _ => None };
        prop_assert_eq!(class.split(addr.as_ref()).1, last.as_deref());
    }

    #[test]
    fn what_is_understood_to_the_end_parses_elsewhere(bytes in garbage()) {
        if let Some(class) = class(&bytes) && !class.opaque {
            prop_assert!(Multiaddr::try_from(bytes).is_ok());
        }
    }

    #[test]
    fn what_is_cut_short_never_panics_and_never_gains_a_public_host(first in host(), rest in prop::collection::vec(protocol(), 0..4), cut in 0usize..60) {
        let addr: Multiaddr = std::iter::once(first).chain(rest).collect();
        let whole = class(addr.as_ref()).expect("valid");
        let raw = addr.to_vec();
        if let Some(part) = class(&raw[..cut.min(raw.len())]) {
            prop_assert_eq!(part.host, whole.host);
            prop_assert_eq!(part.is_public(), whole.is_public());
        }
    }
}

/// Bytes that often begin like an address.
fn garbage() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        prop::collection::vec(any::<u8>(), 0..12),
        protocol().prop_map(|p| Multiaddr::empty().with(p).to_vec()),
    ];
    prop::collection::vec(piece, 0..6).prop_map(|pieces| pieces.concat())
}
