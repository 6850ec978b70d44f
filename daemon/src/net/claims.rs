//! What an address rests on: where a peer was reached, and what strangers only say.
//!
//! Anybody can name anybody's address. So that no claim becomes a flood, an address at which
//! the named peer was never reached is dialled once an hour in all, whoever names it and
//! however often, and a public host takes a few such dials an hour, whatever ports are
//! named. Where a peer was reached it may be dialled again. Must not dial.

use std::collections::HashMap;
use std::collections::hash_map::RandomState;
use std::hash::BuildHasher as _;
use std::net::IpAddr;
use std::time::{Duration, Instant};

use libp2p::{Multiaddr, PeerId};

use crate::limits::TokenBucket;
use crate::wire::class::{Host, class};

/// An address that only strangers speak of is dialled once in this time.
pub const CLAIM_REST: Duration = Duration::from_secs(3600);

/// Such dials to one public host (IPv4 address, IPv6 /56) in [`CLAIM_REST`] without success:
/// as many as eight identities with tcp and QUIC have addresses.
const MAX_PER_HOST: u8 = 16;

/// Such dials of the process: so many a second, and at once. Those that reach the named peer
/// are given back, so that only false claims use it up.
const CLAIMS_PER_SECOND: f64 = 128.0;
const CLAIMS_AT_ONCE: f64 = 4096.0;

/// Addresses remembered as dialled: more than [`CLAIMS_PER_SECOND`] allows within the hour.
const MAX_DIALLED: usize = 500_000;

/// Peers' addresses remembered as reached.
const MAX_REACHED: usize = 250_000;

/// Misses in a row after which strangers' word for a reached address is a claim again.
const MAX_MISSES: u8 = 2;

/// On whose word an address is dialled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Word<'a> {
    /// The operator's: always.
    Operator,
    /// Ours: where we reached the peer, even when it was missed since. Other addresses of it
    /// are as from a stranger.
    Own,
    /// Somebody's. The peer itself may stand for the hosts it speaks to us from.
    Stranger { from: &'a [IpAddr] },
}

/// The book of claims.
#[derive(Debug)]
pub(super) struct Claims {
    hasher: RandomState,
    began: Instant,
    /// Address → second of the last dial on a claim.
    dialled: HashMap<u64, u32>,
    /// Public host → dials on claims, and the second when the count began.
    hosts: HashMap<IpAddr, (u8, u32)>,
    /// Peer and address → misses in a row.
    reached: HashMap<u64, u8>,
    budget: TokenBucket,
}

impl Default for Claims {
    fn default() -> Self {
        Self {
            hasher: RandomState::new(),
            began: Instant::now(),
            dialled: HashMap::new(),
            hosts: HashMap::new(),
            reached: HashMap::new(),
            budget: TokenBucket::new(CLAIMS_PER_SECOND, CLAIMS_AT_ONCE),
        }
    }
}

impl Claims {
    /// The peer was reached there, and not missed since.
    pub(super) fn is_reached(&self, peer: &PeerId, addr: &Multiaddr) -> bool {
        self.reached.get(&self.place(Some(peer), addr)).is_some_and(|misses| *misses < MAX_MISSES)
    }

    /// Whether the address may be dialled for the peer on this word; a dial on a claim is
    /// noted. `host` is the public host.
    pub(super) fn allows(
        &mut self,
        peer: &PeerId,
        addr: &Multiaddr,
        host: Option<IpAddr>,
        word: Word<'_>,
        now: Instant,
    ) -> bool {
        let misses = self.reached.get(&self.place(Some(peer), addr)).copied();
        let standing = match word {
            Word::Operator => true,
            Word::Own => misses.is_some(),
            Word::Stranger { from } => {
                misses.is_some_and(|misses| misses < MAX_MISSES)
                    || ip(addr).is_some_and(|ip| from.contains(&ip))
            }
        };
        standing || self.claim(self.place(None, addr), host, now)
    }

    fn claim(&mut self, place: u64, host: Option<IpAddr>, now: Instant) -> bool {
        let second = self.second(now);
        let rests = |at: u32| second.saturating_sub(at) < CLAIM_REST.as_secs() as u32;
        if self.dialled.get(&place).is_some_and(|at| rests(*at)) {
            return false;
        }
        let full = |count: &(u8, u32)| rests(count.1) && count.0 >= MAX_PER_HOST;
        if host.and_then(|host| self.hosts.get(&host)).is_some_and(full) {
            return false;
        }
        if self.dialled.len() >= MAX_DIALLED {
            self.dialled.retain(|_, at| rests(*at));
            self.hosts.retain(|_, (_, at)| rests(*at));
        }
        if self.dialled.len() >= MAX_DIALLED || !self.budget.take() {
            return false;
        }
        self.dialled.insert(place, second);
        if let Some(host) = host {
            let count = self.hosts.entry(host).or_insert((0, second));
            *count = if rests(count.1) { (count.0 + 1, count.1) } else { (1, second) };
        }
        true
    }

    /// A connection to the peer was made there.
    pub(super) fn reached(&mut self, peer: &PeerId, addr: &Multiaddr, host: Option<IpAddr>) {
        if self.dialled.remove(&self.place(None, addr)).is_some() {
            self.budget.give_back();
            if let Some(count) = host.and_then(|host| self.hosts.get_mut(&host)) {
                count.0 = count.0.saturating_sub(1);
            }
        }
        if self.reached.len() >= MAX_REACHED {
            self.reached.retain(|_, misses| *misses == 0);
        }
        if self.reached.len() < MAX_REACHED {
            self.reached.insert(self.place(Some(peer), addr), 0);
        }
    }

    /// The peer was not reached there.
    pub(super) fn missed(&mut self, peer: &PeerId, addr: &Multiaddr, now: Instant) {
        let place = self.place(Some(peer), addr);
        let Some(misses) = self.reached.get_mut(&place) else { return };
        *misses = misses.saturating_add(1);
        let (place, second) = (self.place(None, addr), self.second(now));
        if self.dialled.len() < MAX_DIALLED {
            self.dialled.insert(place, second);
        }
    }

    fn second(&self, now: Instant) -> u32 {
        u32::try_from(now.saturating_duration_since(self.began).as_secs()).unwrap_or(u32::MAX)
    }

    /// One number for all spellings of an address: host, port and transport count.
    fn place(&self, peer: Option<&PeerId>, addr: &Multiaddr) -> u64 {
        let class = class(addr.as_ref());
        let place = class.map(|class| (ip(addr), class.port, class.transport as u8));
        self.hasher.hash_one((peer, place))
    }
}

/// The host of an address, an IPv4 one in IPv6 clothes undressed.
pub(super) fn ip(addr: &Multiaddr) -> Option<IpAddr> {
    match class(addr.as_ref())?.host {
        Host::Ip(ip) => Some(ip.to_canonical()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOBODY: Word<'static> = Word::Stranger { from: &[] };

    fn addr(text: &str) -> Multiaddr {
        text.parse().expect("an address")
    }

    fn host(text: &str) -> Option<IpAddr> {
        Some(text.parse().expect("an ip"))
    }

    #[test]
    fn an_address_that_strangers_name_is_dialled_once_an_hour_whoever_is_said_to_be_there() {
        let mut claims = Claims::default();
        let (now, at) = (Instant::now(), addr("/ip4/8.8.8.8/tcp/4001"));
        let tries = |claims: &mut Claims, now| {
            (0..50).filter(|_| claims.allows(&PeerId::random(), &at, host("8.8.8.8"), NOBODY, now)).count()
        };
        assert_eq!(tries(&mut claims, now), 1);
        assert_eq!(tries(&mut claims, now + CLAIM_REST - Duration::from_secs(2)), 0);
        assert_eq!(tries(&mut claims, now + CLAIM_REST + Duration::from_secs(1)), 1);
    }

    #[test]
    fn a_host_is_not_flooded_by_claims_of_many_ports() {
        let mut claims = Claims::default();
        let now = Instant::now();
        let dialled = (1..5000u16).filter(|port| {
            let at = addr(&format!("/ip4/8.8.8.8/tcp/{port}"));
            claims.allows(&PeerId::random(), &at, host("8.8.8.8"), NOBODY, now)
        });
        assert_eq!(dialled.count(), usize::from(MAX_PER_HOST));
    }

    #[test]
    fn where_a_peer_was_reached_it_is_dialled_again_and_only_it() {
        let mut claims = Claims::default();
        let (peer, now, at) = (PeerId::random(), Instant::now(), addr("/ip4/8.8.8.8/tcp/4001"));
        assert!(claims.allows(&peer, &at, host("8.8.8.8"), NOBODY, now));
        claims.reached(&peer, &at, host("8.8.8.8"));
        assert!((0..20).all(|_| claims.allows(&peer, &at, host("8.8.8.8"), NOBODY, now)));
        // another's claim of the place is a claim
        let other = PeerId::random();
        assert!(claims.allows(&other, &at, host("8.8.8.8"), NOBODY, now));
        assert!(!claims.allows(&other, &at, host("8.8.8.8"), NOBODY, now));
        // and when it is missed, strangers are no longer believed, but we look again
        for _ in 0..MAX_MISSES {
            claims.missed(&peer, &at, now);
        }
        assert!(!claims.allows(&peer, &at, host("8.8.8.8"), NOBODY, now));
        assert!(claims.allows(&peer, &at, host("8.8.8.8"), Word::Own, now));
    }

    #[test]
    fn a_peer_stands_for_the_host_it_speaks_from_and_the_operator_for_all() {
        let mut claims = Claims::default();
        let (peer, now, at) = (PeerId::random(), Instant::now(), addr("/ip4/8.8.8.8/tcp/4001"));
        let from = ["8.8.8.8".parse().expect("an ip")];
        for _ in 0..5 {
            assert!(claims.allows(&peer, &at, host("8.8.8.8"), Word::Stranger { from: &from }, now));
            assert!(claims.allows(&peer, &at, host("8.8.8.8"), Word::Operator, now));
        }
        let other = addr("/ip4/9.9.9.9/tcp/4001");
        assert!(claims.allows(&peer, &other, host("9.9.9.9"), Word::Stranger { from: &from }, now));
        assert!(!claims.allows(&peer, &other, host("9.9.9.9"), Word::Stranger { from: &from }, now));
    }

    #[test]
    fn false_claims_are_dialled_at_a_bounded_rate_and_true_ones_are_not_held_up() {
        let mut claims = Claims::default();
        let now = Instant::now();
        let at = |n: u32| addr(&format!("/ip4/10.{}.{}.{}/tcp/1", n >> 16, n >> 8 & 255, n & 255));
        let dialled = (0..20_000).filter(|n| claims.allows(&PeerId::random(), &at(*n), None, NOBODY, now));
        let dialled = dialled.count() as f64;
        assert!((CLAIMS_AT_ONCE..CLAIMS_AT_ONCE + 30.0 * CLAIMS_PER_SECOND).contains(&dialled), "{dialled}");
        let mut claims = Claims::default();
        for n in 0..20_000 {
            let peer = PeerId::random();
            assert!(claims.allows(&peer, &at(n), None, NOBODY, now));
            claims.reached(&peer, &at(n), None);
        }
    }
}
