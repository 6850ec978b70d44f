//! Where light peers live, and how far they may reach from there.

use std::net::Ipv4Addr;

use anyhow::{Context as _, Result, ensure};
use libp2p::Multiaddr;
use libp2p::multiaddr::Protocol;

use crate::load::guard::Reach;

/// The network that public hosts are taken from: each /16 of it is an IP group of its own.
pub const PUBLIC: &str = "45.0.0.0/8";

/// Where light peers listen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hosts {
    /// 127.0.1.0 and up, 127.1.1.0 and up …
    Loopback,
    /// Addresses that look public, spread over so many /16s of [`PUBLIC`], up to 200. Only in a
    /// network namespace that has nothing but loopback, to which [`PUBLIC`] is routed.
    Public { groups: u8 },
}

impl Hosts {
    /// Nothing can leave the machine from here.
    pub(super) fn check(self) -> Result<()> {
        let Self::Public { groups } = self else { return Ok(()) };
        ensure!((1..=200).contains(&groups), "{groups} groups of addresses: not in 1..=200");
        let interfaces = std::fs::read_to_string("/proc/self/net/dev").context("read /proc/self/net/dev")?;
        let mut names = interfaces.lines().skip(2).filter_map(|line| line.split(':').next());
        ensure!(
            names.all(|name| name.trim() == "lo"),
            "public addresses are only for a network namespace that has nothing but loopback"
        );
        Ok(())
    }

    pub(super) fn reach(self) -> Reach {
        match self {
            Self::Loopback => Reach::Loopback,
            Self::Public { .. } => Reach::Any,
        }
    }

    /// Where light peer `n` listens: with `ips` addresses, by tcp and, when asked, QUIC.
    pub(super) fn addresses(self, n: usize, ips: usize, quic: bool) -> Vec<Multiaddr> {
        let hosts = (0..ips).map(|range| Multiaddr::from(self.host(n, range)));
        let transports = |host: Multiaddr| {
            let tcp = host.clone().with(Protocol::Tcp(0));
            let quic = quic.then(|| host.with(Protocol::Udp(0)).with(Protocol::QuicV1));
            [Some(tcp), quic]
        };
        hosts.flat_map(transports).flatten().collect()
    }

    fn host(self, n: usize, range: usize) -> Ipv4Addr {
        let place = |n: usize| ((n / 250 + 1) as u8, (n % 250 + 1) as u8);
        match self {
            Self::Loopback => {
                let (third, fourth) = place(n);
                Ipv4Addr::new(127, range as u8, third, fourth)
            }
            Self::Public { groups } => {
                let groups = usize::from(groups.max(1));
                let (third, fourth) = place(n / groups);
                Ipv4Addr::new(45, ((n + range) % groups + 1) as u8, third, fourth)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{HashMap, HashSet};

    use super::*;

    #[test]
    fn public_hosts_are_all_different_and_spread_over_the_groups() {
        let hosts = Hosts::Public { groups: 40 };
        let all: HashSet<Ipv4Addr> = (0..10_000).map(|n| hosts.host(n, 0)).collect();
        assert_eq!(all.len(), 10_000);
        let mut groups = HashMap::<[u8; 2], usize>::new();
        for host in all {
            *groups.entry([host.octets()[0], host.octets()[1]]).or_default() += 1;
        }
        assert_eq!((groups.len(), groups.values().max()), (40, Some(&250)));
    }

    #[test]
    fn public_hosts_are_refused_where_there_is_more_than_loopback() {
        let interfaces = std::fs::read_to_string("/proc/self/net/dev").expect("a list of interfaces");
        let lone = interfaces.lines().skip(2).all(|line| line.trim_start().starts_with("lo:"));
        assert_eq!(Hosts::Public { groups: 40 }.check().is_ok(), lone);
        assert!(Hosts::Loopback.check().is_ok());
    }
}
