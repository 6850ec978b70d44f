//! Which hosts are public: the lists of go-multiaddr v0.16.1 `net/private.go`, as they
//! stand there, because what Go holds to be private it drops from our replies.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// (network, prefix length): `privateCIDR4`, then `unroutableCIDR4`.
const NOT_PUBLIC_4: [(Ipv4Addr, u32); 16] = [
    (Ipv4Addr::new(127, 0, 0, 0), 8),
    (Ipv4Addr::new(10, 0, 0, 0), 8),
    (Ipv4Addr::new(100, 64, 0, 0), 10),
    (Ipv4Addr::new(172, 16, 0, 0), 12),
    (Ipv4Addr::new(192, 168, 0, 0), 16),
    (Ipv4Addr::new(169, 254, 0, 0), 16),
    (Ipv4Addr::new(0, 0, 0, 0), 8),
    (Ipv4Addr::new(192, 0, 0, 0), 26),
    (Ipv4Addr::new(192, 0, 2, 0), 24),
    (Ipv4Addr::new(192, 88, 99, 0), 24),
    (Ipv4Addr::new(198, 18, 0, 0), 15),
    (Ipv4Addr::new(198, 51, 100, 0), 24),
    (Ipv4Addr::new(203, 0, 113, 0), 24),
    (Ipv4Addr::new(224, 0, 0, 0), 4),
    (Ipv4Addr::new(240, 0, 0, 0), 4),
    (Ipv4Addr::new(255, 255, 255, 255), 32),
];

/// Global unicast, without the documentation prefix inside it.
const UNICAST_6: (Ipv6Addr, u32) = (Ipv6Addr::new(0x2000, 0, 0, 0, 0, 0, 0, 0), 3);
const DOCUMENTATION_6: (Ipv6Addr, u32) = (Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0), 32);

/// NAT64: RFC 8215 (local use, may lead to private IPv4; Go counts it as public) and RFC 6052.
const NAT64: [(Ipv6Addr, u32); 2] = [
    (Ipv6Addr::new(0x64, 0xff9b, 1, 0, 0, 0, 0, 0), 48),
    (Ipv6Addr::new(0x64, 0xff9b, 0, 0, 0, 0, 0, 0), 96),
];

/// Special-use domains, each with everything below it. Compared byte by byte, as Go does.
const NOT_PUBLIC_NAMES: [&str; 7] =
    [".localhost", ".in-addr.arpa", ".ip6.arpa", ".invalid", ".home.arpa", ".local", ".test"];

/// Whether an IP is globally routable by go-multiaddr's lists. Budgets per address and per
/// group count public ones only.
#[must_use]
pub fn is_public_ip(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => !NOT_PUBLIC_4.iter().any(|net| in_net_4(ip, *net)),
        IpAddr::V6(ip) => {
            (in_net_6(ip, UNICAST_6) && !in_net_6(ip, DOCUMENTATION_6))
                || NAT64.iter().any(|net| in_net_6(ip, *net))
        }
    }
}

/// Whether a DNS name can lead to a public host.
pub(super) fn is_public_name(name: &[u8]) -> bool {
    !NOT_PUBLIC_NAMES
        .iter()
        .any(|domain| name.ends_with(domain.as_bytes()) || name == &domain.as_bytes()[1..])
}

fn in_net_4(ip: Ipv4Addr, (net, bits): (Ipv4Addr, u32)) -> bool {
    (ip.to_bits() ^ net.to_bits()).leading_zeros() >= bits
}

fn in_net_6(ip: Ipv6Addr, (net, bits): (Ipv6Addr, u32)) -> bool {
    (ip.to_bits() ^ net.to_bits()).leading_zeros() >= bits
}
