//! Keys and addresses that requests are made of.
//!
//! Owns how a number becomes a key, so that the run that announced a key and the run
//! that asks for it agree.

use std::net::Ipv4Addr;

use bytes::Bytes;
use libp2p::multiaddr::Protocol;
use libp2p::{Multiaddr, PeerId};
use sha2::{Digest as _, Sha256};

use super::message::Peer;

/// Sets of keys that share no key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Domain {
    /// Announced before the run: a GET_PROVIDERS finds a provider.
    Known,
    /// Announced during the run, each once.
    Fresh,
    /// Never announced.
    Missing,
}

/// Key `n` of a domain: a sha2-256 multihash, 34 bytes, as most keys of the public network are.
#[must_use]
pub fn key(seed: u64, domain: Domain, n: u64) -> Bytes {
    let mut input = [0; 17];
    input[..8].copy_from_slice(&seed.to_le_bytes());
    input[8] = domain as u8;
    input[9..].copy_from_slice(&n.to_le_bytes());
    let mut key = [0; 34];
    key[..2].copy_from_slice(&[0x12, 0x20]);
    key[2..].copy_from_slice(&Sha256::digest(input));
    Bytes::copy_from_slice(&key)
}

/// `count` addresses of one peer, alternately tcp and quic. They lie in 127.9.0.0/16, where
/// nothing listens, so that a server that dials its providers reaches nobody.
#[must_use]
pub fn addresses(count: u16) -> Vec<Multiaddr> {
    (0..count)
        .map(|n| {
            let [high, low] = (n / 2 + 1).to_be_bytes();
            let host = Multiaddr::from(Ipv4Addr::new(127, 9, high, low));
            if n % 2 == 0 {
                host.with(Protocol::Tcp(4001))
            } else {
                host.with(Protocol::Udp(4001)).with(Protocol::QuicV1)
            }
        })
        .collect()
}

/// A peer as it stands in a message.
#[must_use]
pub fn peer<'a>(id: &PeerId, addrs: impl IntoIterator<Item = &'a Multiaddr>, connection: i32) -> Peer {
    let addrs = addrs.into_iter().map(|addr| Bytes::copy_from_slice(addr.as_ref())).collect();
    Peer { id: id.to_bytes().into(), addrs, connection }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn keys_differ_by_number_domain_and_seed_and_are_the_same_each_time() {
        let mut seen = HashSet::new();
        for seed in 0..3 {
            for domain in [Domain::Known, Domain::Fresh, Domain::Missing] {
                for n in 0..100 {
                    let key = key(seed, domain, n);
                    assert_eq!(key.len(), 34);
                    assert!(seen.insert(key));
                }
            }
        }
        assert!(seen.contains(&key(2, Domain::Missing, 99)));
    }

    #[test]
    fn announced_addresses_are_distinct_and_on_loopback() {
        let addrs = addresses(600);
        assert_eq!(addrs.iter().collect::<HashSet<_>>().len(), 600);
        assert!(addrs.iter().all(|addr| crate::load::guard::Reach::Loopback.allows(addr)));
    }
}
