//! From what the operator wrote to the concrete addresses that heads listen on.
//!
//! Heads listen on concrete addresses only: what a wildcard receives cannot be announced,
//! and a reply must leave from the address that was asked.

use std::fmt;
use std::fs;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::str::FromStr;

use super::values::AddressPolicy;

/// Most addresses in the setting, and most that it resolves to.
pub const MAX_LISTEN: usize = 64;

/// One entry of `listen.ips`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ListenIp {
    /// What suits the address policy.
    Auto,
    /// Each IPv4 address of the host (`0.0.0.0`).
    AllV4,
    /// Each IPv6 address of the host (`::`).
    AllV6,
    /// This one.
    Ip(IpAddr),
}

/// The addresses of a host, as far as listening goes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HostAddresses {
    /// On its interfaces: no link-local, temporary or unusable ones.
    pub interfaces: Vec<IpAddr>,
    /// Those that outgoing traffic leaves from, at most one a family.
    pub outgoing: Vec<IpAddr>,
}

impl FromStr for ListenIp {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "auto" {
            return Ok(Self::Auto);
        }
        let ip: IpAddr = text.parse().map_err(|_| "is not an IP address".to_owned())?;
        match ip {
            IpAddr::V4(v4) if v4.is_unspecified() => Ok(Self::AllV4),
            IpAddr::V6(v6) if v6.is_unspecified() => Ok(Self::AllV6),
            _ if ip.is_multicast() || ip == IpAddr::V4(Ipv4Addr::BROADCAST) => {
                Err("is a group, not the address of a host".to_owned())
            }
            IpAddr::V6(v6) if v6.is_unicast_link_local() => {
                Err("is link-local: it means nothing without its interface, and peers cannot dial it"
                    .to_owned())
            }
            IpAddr::V6(v6) if v6.to_ipv4_mapped().is_some() => {
                Err("is an IPv4 address: write it as one".to_owned())
            }
            _ => Ok(Self::Ip(ip)),
        }
    }
}

impl fmt::Display for ListenIp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Auto => f.write_str("auto"),
            Self::AllV4 => f.write_str("0.0.0.0"),
            Self::AllV6 => f.write_str("::"),
            Self::Ip(ip) => write!(f, "{ip}"),
        }
    }
}

/// The concrete addresses, without repeats, in the order written; never empty unless
/// nothing was wanted. Reads `/proc/net` and the routing table, sends nothing.
#[must_use]
pub fn resolve(wanted: &[ListenIp], policy: AddressPolicy) -> Vec<IpAddr> {
    resolve_on(wanted, policy, &HostAddresses::of_this_host())
}

/// [`resolve`] on a host with these addresses.
#[must_use]
pub fn resolve_on(wanted: &[ListenIp], policy: AddressPolicy, host: &HostAddresses) -> Vec<IpAddr> {
    let mut ips: Vec<IpAddr> = Vec::new();
    for want in wanted {
        let mut add = match want {
            ListenIp::Ip(ip) => vec![*ip],
            ListenIp::AllV4 => host.all(true),
            ListenIp::AllV6 => host.all(false),
            ListenIp::Auto => host.auto(policy),
        };
        add.retain(|ip| !ips.contains(ip));
        ips.extend(add);
    }
    ips.truncate(MAX_LISTEN);
    ips
}

/// The addresses of the n-th head: one of each family, in turn.
#[must_use]
pub fn spread(ips: &[IpAddr], n: usize) -> Vec<IpAddr> {
    let pick = |v4: bool| {
        let family: Vec<&IpAddr> = ips.iter().filter(|ip| ip.is_ipv4() == v4).collect();
        if family.is_empty() { None } else { Some(*family[n % family.len()]) }
    };
    pick(true).into_iter().chain(pick(false)).collect()
}

impl HostAddresses {
    /// Those of this machine; what cannot be read is missing.
    #[must_use]
    pub fn of_this_host() -> Self {
        let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
        let mut interfaces = from_fib_trie(&read("/proc/net/fib_trie"));
        interfaces.extend(from_if_inet6(&read("/proc/net/if_inet6")));
        // connect() on a UDP socket asks the routing table and sends nothing; the prefixes are
        // those of documentation all the same.
        let v4 = outgoing((Ipv4Addr::UNSPECIFIED, 0).into(), (Ipv4Addr::new(192, 0, 2, 1), 9).into());
        let v6 = outgoing(
            (Ipv6Addr::UNSPECIFIED, 0).into(),
            (Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1), 9).into(),
        );
        Self { interfaces, outgoing: v4.into_iter().chain(v6).collect() }
    }

    /// Each address of a family; loopback only when there is no other.
    fn all(&self, v4: bool) -> Vec<IpAddr> {
        let mut family: Vec<IpAddr> =
            self.interfaces.iter().filter(|ip| ip.is_ipv4() == v4).copied().collect();
        if family.is_empty() {
            family.extend(self.outgoing.iter().filter(|ip| ip.is_ipv4() == v4));
        }
        let (loopback, mut other): (Vec<_>, Vec<_>) = family.into_iter().partition(IpAddr::is_loopback);
        if other.is_empty() {
            other = loopback;
        }
        if other.is_empty() {
            other.push(if v4 { Ipv4Addr::LOCALHOST.into() } else { Ipv6Addr::LOCALHOST.into() });
        }
        other
    }

    /// Public addresses when they count and there are some; else where traffic leaves from;
    /// else whatever there is. Several public ones of a family are all taken: other address
    /// groups are what more heads need.
    fn auto(&self, policy: AddressPolicy) -> Vec<IpAddr> {
        let mut chosen = Vec::new();
        for v4 in [true, false] {
            let of_family = |ip: &&IpAddr| ip.is_ipv4() == v4;
            let public = self.interfaces.iter().filter(of_family).filter(|ip| is_public(**ip));
            let mut family: Vec<IpAddr> = match policy {
                AddressPolicy::Public => public.copied().collect(),
                AddressPolicy::Any => Vec::new(),
            };
            if family.is_empty() {
                family.extend(self.outgoing.iter().filter(of_family).filter(|ip| !ip.is_loopback()));
            }
            chosen.extend(family);
        }
        if chosen.is_empty() {
            chosen.extend(self.interfaces.iter().find(|ip| !ip.is_loopback()));
        }
        if chosen.is_empty() {
            chosen.push(Ipv4Addr::LOCALHOST.into());
        }
        chosen
    }
}

/// The address the kernel would send from.
fn outgoing(from: SocketAddr, to: SocketAddr) -> Option<IpAddr> {
    let socket = UdpSocket::bind(from).ok()?;
    socket.connect(to).ok()?;
    let ip = socket.local_addr().ok()?.ip();
    (!ip.is_unspecified()).then_some(ip)
}

/// The host's own IPv4 addresses: those with a local /32 route. Each stands twice, in the
/// main and in the local table.
fn from_fib_trie(text: &str) -> Vec<IpAddr> {
    let mut found: Vec<IpAddr> = Vec::new();
    let mut candidate = None;
    for line in text.lines().map(str::trim) {
        if let Some(leaf) = line.strip_prefix("|-- ") {
            candidate = leaf.parse::<Ipv4Addr>().ok();
        } else if line.starts_with("/32 host LOCAL")
            && let Some(ip) = candidate.map(IpAddr::V4)
            && !found.contains(&ip)
        {
            found.push(ip);
        }
    }
    found
}

/// The host's own IPv6 addresses (`addrconf.c`: address, interface, prefix length, scope,
/// flags, name), without link-local, temporary, deprecated and unfinished ones.
fn from_if_inet6(text: &str) -> Vec<IpAddr> {
    const UNSUITED: u8 = 0x01 | 0x08 | 0x20 | 0x40; // temporary, failed, deprecated, tentative
    const LINK: u8 = 0x20;
    let address = |line: &str| {
        let mut fields = line.split_ascii_whitespace();
        let ip = u128::from_str_radix(fields.next()?, 16).ok()?;
        let scope = u8::from_str_radix(fields.nth(2)?, 16).ok()?;
        let flags = u8::from_str_radix(fields.next()?, 16).ok()?;
        (scope != LINK && flags & UNSUITED == 0).then_some(IpAddr::V6(ip.into()))
    };
    text.lines().filter_map(address).collect()
}

/// Whether anyone on the Internet can be at this address (IANA special-purpose registries).
fn is_public(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => {
            let [a, b, c, _] = ip.octets();
            let special = ip.is_private()
                || ip.is_loopback()
                || ip.is_link_local()
                || ip.is_documentation()
                || a == 0
                || (a == 100 && b & 0xc0 == 64)
                || (a == 192 && b == 0 && c == 0)
                || (a == 198 && b & 0xfe == 18)
                || a >= 224;
            !special
        }
        // Global unicast without documentation (2001:db8::/32, 3fff::/20), 6to4 and Teredo.
        IpAddr::V6(ip) => {
            let [a, b, ..] = ip.segments();
            a & 0xe000 == 0x2000
                && !(a == 0x2001 && (b == 0xdb8 || b == 0))
                && !(a == 0x3fff && b < 0x1000)
                && a != 0x2002
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ips(texts: &[&str]) -> Vec<IpAddr> {
        texts.iter().map(|text| text.parse().expect("an address")).collect()
    }

    fn host(interfaces: &[&str], outgoing: &[&str]) -> HostAddresses {
        HostAddresses { interfaces: ips(interfaces), outgoing: ips(outgoing) }
    }

    fn auto(policy: AddressPolicy, host: &HostAddresses) -> Vec<IpAddr> {
        resolve_on(&[ListenIp::Auto], policy, host)
    }

    #[test]
    fn auto_takes_all_public_addresses_and_leaves_bridges_alone() {
        let server = host(
            &["127.0.0.1", "93.184.216.34", "93.184.216.35", "172.17.0.1", "::1", "2a01:4f8::7", "fd00::1"],
            &["93.184.216.34", "2a01:4f8::7"],
        );
        assert_eq!(
            auto(AddressPolicy::Public, &server),
            ips(&["93.184.216.34", "93.184.216.35", "2a01:4f8::7"])
        );
        assert_eq!(auto(AddressPolicy::Any, &server), ips(&["93.184.216.34", "2a01:4f8::7"]));
    }

    #[test]
    fn auto_behind_a_nat_is_where_traffic_leaves_from() {
        let home = host(&["127.0.0.1", "172.17.0.1", "192.168.1.7"], &["192.168.1.7"]);
        assert_eq!(auto(AddressPolicy::Public, &home), ips(&["192.168.1.7"]));
        let islander = host(&["127.0.0.1", "10.9.0.1"], &[]);
        assert_eq!(auto(AddressPolicy::Any, &islander), ips(&["10.9.0.1"]));
        assert_eq!(auto(AddressPolicy::Public, &host(&["127.0.0.1", "::1"], &[])), ips(&["127.0.0.1"]));
        assert_eq!(auto(AddressPolicy::Public, &HostAddresses::default()), ips(&["127.0.0.1"]));
    }

    #[test]
    fn a_wildcard_is_each_address_of_its_family_loopback_aside() {
        let server = host(&["127.0.0.1", "10.0.0.4", "172.17.0.1", "::1", "2a01:4f8::7"], &["10.0.0.4"]);
        let both = [ListenIp::AllV4, ListenIp::AllV6, ListenIp::Ip("10.0.0.4".parse().expect("an address"))];
        assert_eq!(
            resolve_on(&both, AddressPolicy::Public, &server),
            ips(&["10.0.0.4", "172.17.0.1", "2a01:4f8::7"])
        );
        assert_eq!(
            resolve_on(&[ListenIp::AllV6], AddressPolicy::Any, &HostAddresses::default()),
            ips(&["::1"])
        );
    }

    #[test]
    fn entries_that_no_head_can_listen_on_are_refused() {
        assert_eq!("0.0.0.0".parse(), Ok(ListenIp::AllV4));
        assert_eq!("::".parse(), Ok(ListenIp::AllV6));
        for text in
            ["", "localhost", "1.2.3.4:80", "224.0.0.1", "255.255.255.255", "fe80::1", "::ffff:1.2.3.4"]
        {
            text.parse::<ListenIp>().expect_err(text);
        }
    }

    #[test]
    fn heads_take_turns_on_the_addresses_of_each_family() {
        let all = ips(&["192.0.2.1", "192.0.2.2", "2001:db8::1"]);
        assert_eq!(spread(&all, 0), ips(&["192.0.2.1", "2001:db8::1"]));
        assert_eq!(spread(&all, 1), ips(&["192.0.2.2", "2001:db8::1"]));
        assert_eq!(spread(&all, 2), ips(&["192.0.2.1", "2001:db8::1"]));
        assert!(spread(&[], 5).is_empty());
    }

    #[test]
    fn addresses_are_read_from_the_kernels_tables() {
        let trie = "Main:\n  +-- 0.0.0.0/0 3 0 5\n     |-- 0.0.0.0\n        /0 universe UNICAST\n     +-- 10.0.0.0/24 2 0 2\n        |-- 10.0.0.0\n           /24 link UNICAST\n        |-- 10.0.0.4\n           /32 host LOCAL\n        |-- 10.0.0.255\n           /32 link BROADCAST\nLocal:\n        |-- 127.0.0.1\n           /32 host LOCAL\n        |-- 10.0.0.4\n           /32 host LOCAL\n";
        assert_eq!(from_fib_trie(trie), ips(&["10.0.0.4", "127.0.0.1"]));
        let inet6 = "00000000000000000000000000000001 01 80 10 80       lo\n\
                     fe800000000000000042acfffe110002 02 40 20 80     eth0\n\
                     2a0104f8000000000000000000000007 02 40 00 80     eth0\n\
                     2a0104f8000000001234000000000007 02 40 00 01     eth0\n\
                     2a0104f8000000000000000000000008 02 40 00 c0     eth0\n\
                     nonsense\n";
        assert_eq!(from_if_inet6(inet6), ips(&["::1", "2a01:4f8::7"]));
    }

    #[test]
    fn this_host_resolves_to_something_concrete() {
        for policy in [AddressPolicy::Public, AddressPolicy::Any] {
            let found = resolve(&[ListenIp::Auto], policy);
            assert!(!found.is_empty() && found.iter().all(|ip| !ip.is_unspecified()), "{found:?}");
        }
        assert!(HostAddresses::of_this_host().interfaces.iter().all(|ip| !ip.is_unspecified()));
    }

    #[test]
    fn public_is_what_the_registries_leave() {
        for text in ["8.8.8.8", "104.131.131.82", "2a01:4f8::1", "2001:4860:4860::8888"] {
            assert!(is_public(text.parse().expect("an address")), "{text}");
        }
        for text in [
            "10.1.2.3",
            "100.64.0.1",
            "127.0.0.1",
            "169.254.1.1",
            "192.168.0.1",
            "198.18.0.1",
            "203.0.113.7",
            "240.0.0.1",
            "0.1.2.3",
            "::1",
            "fd00::1",
            "fe80::1",
            "2001:db8::1",
            "2002::1",
            "2001::1",
            "3fff::1",
            "ff02::1",
        ] {
            assert!(!is_public(text.parse().expect("an address")), "{text}");
        }
    }
}
