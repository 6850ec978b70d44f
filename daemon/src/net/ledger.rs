//! Politeness: one ledger of our dials by remote address, over all heads and the scout.
//!
//! A Go server accepts 8 connections of an IPv4 address (or IPv6 /56) at a time and, after a
//! burst of 16, 0.2 a second, both directions counted; all our identities of one machine
//! share that: connections that came in from an address count against what we may open to
//! it. Private addresses are not counted. What an address rests on, and how often it
//! is dialled on a stranger's word, stands in [`super::claims`].

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use libp2p::{Multiaddr, PeerId};
use parking_lot::Mutex;

use super::claims::{Claims, Word};
use crate::wire::class::{Host, class};

/// Outbound connections held to one address.
const HELD: u32 = 4;

/// Connections with one address from which on none is opened, whoever opened them: what the
/// remote side lets in.
const SHARED: u32 = 8;

/// Dials at once, and then one in each [`EVERY`].
const BURST: f64 = 4.0;

const EVERY: Duration = Duration::from_secs(10);

/// Addresses remembered; those without a connection go first.
const MAX_KNOWN: usize = 50_000;

/// The ledger of the process.
#[derive(Debug, Default)]
pub struct Ledger {
    remotes: Mutex<HashMap<IpAddr, Remote>>,
    claims: Mutex<Claims>,
}

/// Why the ledger does not let an address be dialled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Held {
    /// The host was dialled too often of late: later.
    Politeness,
    /// Nobody but strangers speaks of the address, and it was dialled within the hour.
    Claimed,
}

#[derive(Debug)]
struct Remote {
    /// Connections we opened, or are opening.
    held: u32,
    /// Connections that came from there.
    came: u32,
    tokens: f64,
    at: Instant,
}

/// A place in the ledger; given back when dropped.
#[derive(Debug)]
pub struct Entry {
    ledger: Arc<Ledger>,
    ip: Option<IpAddr>,
    came: bool,
}

impl Ledger {
    /// Whether we may dial the peer at this address now; the entry is kept with the connection.
    ///
    /// # Errors
    /// Why not.
    pub fn dial(self: &Arc<Self>, peer: &PeerId, addr: &Multiaddr, word: Word<'_>) -> Result<Entry, Held> {
        let (ip, now) = (public_ip(addr), Instant::now());
        if let Some(ip) = ip
            && !self.has_room(ip, now)
        {
            return Err(Held::Politeness);
        }
        if !self.claims.lock().allows(peer, addr, ip, word, now) {
            return Err(Held::Claimed);
        }
        if let Some(ip) = ip
            && !self.take(ip, now)
        {
            return Err(Held::Politeness);
        }
        Ok(Entry { ledger: Arc::clone(self), ip, came: false })
    }

    /// A connection came from this address; the entry is kept with it.
    pub fn came(self: &Arc<Self>, from: &Multiaddr) -> Entry {
        let ip = public_ip(from).filter(|ip| {
            let (mut remotes, now) = (self.remotes.lock(), Instant::now());
            let known = make_room(&mut remotes, ip, now);
            if known {
                remotes.entry(*ip).or_insert_with(|| Remote::new(now)).came += 1;
            }
            known
        });
        Entry { ledger: Arc::clone(self), ip, came: true }
    }

    /// The peer was reached at this address, and answers there as far as we know.
    pub fn is_reached(&self, peer: &PeerId, addr: &Multiaddr) -> bool {
        self.claims.lock().is_reached(peer, addr)
    }

    /// A connection to the peer was made at this address.
    pub fn reached(&self, peer: &PeerId, addr: &Multiaddr) {
        self.claims.lock().reached(peer, addr, public_ip(addr));
    }

    /// A dial of the peer at this address failed.
    pub fn missed(&self, peer: &PeerId, addr: &Multiaddr) {
        self.claims.lock().missed(peer, addr, Instant::now());
    }

    /// Whether [`Self::take`] would give a place: asked first, so that no claim is noted for a
    /// dial that politeness forbids.
    fn has_room(&self, ip: IpAddr, now: Instant) -> bool {
        let remotes = self.remotes.lock();
        remotes.get(&ip).is_none_or(|remote| remote.has_room(now))
    }

    fn take(&self, ip: IpAddr, now: Instant) -> bool {
        let mut remotes = self.remotes.lock();
        if !make_room(&mut remotes, &ip, now) {
            return false;
        }
        let remote = remotes.entry(ip).or_insert_with(|| Remote::new(now));
        remote.tokens = remote.tokens_at(now);
        remote.at = now;
        if !remote.has_room(now) {
            return false;
        }
        remote.tokens -= 1.0;
        remote.held += 1;
        true
    }
}

/// Whether the address is known or there is room to know it; those that rest are forgotten.
fn make_room(remotes: &mut HashMap<IpAddr, Remote>, ip: &IpAddr, now: Instant) -> bool {
    if remotes.len() >= MAX_KNOWN && !remotes.contains_key(ip) {
        let rested = EVERY * BURST as u32;
        let in_use = |remote: &Remote| remote.held + remote.came > 0;
        remotes.retain(|_, remote| in_use(remote) || now.saturating_duration_since(remote.at) < rested);
    }
    remotes.len() < MAX_KNOWN || remotes.contains_key(ip)
}

impl Remote {
    fn new(now: Instant) -> Self {
        Self { held: 0, came: 0, tokens: BURST, at: now }
    }

    fn has_room(&self, now: Instant) -> bool {
        self.held < HELD && self.held + self.came < SHARED && self.tokens_at(now) >= 1.0
    }

    fn tokens_at(&self, now: Instant) -> f64 {
        let rested = now.saturating_duration_since(self.at).as_secs_f64() / EVERY.as_secs_f64();
        (self.tokens + rested).min(BURST)
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        let Some(ip) = self.ip else { return };
        if let Some(remote) = self.ledger.remotes.lock().get_mut(&ip) {
            let count = if self.came { &mut remote.came } else { &mut remote.held };
            *count = count.saturating_sub(1);
        }
    }
}

fn public_ip(addr: &Multiaddr) -> Option<IpAddr> {
    let class = class(addr.as_ref()).filter(crate::wire::class::Class::is_public)?;
    match class.host {
        Host::Ip(IpAddr::V6(v6)) => Some(IpAddr::V6((u128::from(v6) & (!0 << 72)).into())),
        Host::Ip(ip) => Some(ip),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_public_address_is_dialled_four_times_and_then_slowly() {
        let ledger = Arc::new(Ledger::default());
        let addr: Multiaddr = "/ip4/8.8.8.8/tcp/4001".parse().expect("an address");
        let peer = PeerId::random();
        let dial = || ledger.dial(&peer, &addr, Word::Operator);
        let held: Vec<_> = (0..10).filter_map(|_| dial().ok()).collect();
        assert_eq!(held.len(), 4);
        drop(held);
        assert_eq!(dial().err(), Some(Held::Politeness), "the burst is used up");
        let ip = "8.8.8.8".parse().expect("an ip");
        let later = Instant::now() + EVERY;
        assert!(ledger.take(ip, later) && !ledger.take(ip, later));
    }

    #[test]
    fn connections_that_came_from_an_address_leave_less_room_for_ours() {
        let ledger = Arc::new(Ledger::default());
        let addr: Multiaddr = "/ip4/8.8.8.8/tcp/4001".parse().expect("an address");
        let peer = PeerId::random();
        let mut came: Vec<_> = (0..6).map(|_| ledger.came(&addr)).collect();
        let ours: Vec<_> = (0..4).filter_map(|_| ledger.dial(&peer, &addr, Word::Operator).ok()).collect();
        assert_eq!(ours.len(), 2, "8 with one address, both directions");
        came.pop();
        assert!(ledger.dial(&peer, &addr, Word::Operator).is_ok());
    }

    #[test]
    fn a_private_address_is_not_counted() {
        let ledger = Arc::new(Ledger::default());
        let addr: Multiaddr = "/ip4/127.0.0.1/tcp/4001".parse().expect("an address");
        let peer = PeerId::random();
        let held: Vec<_> = (0..100).filter_map(|_| ledger.dial(&peer, &addr, Word::Operator).ok()).collect();
        assert_eq!((held.len(), ledger.remotes.lock().len()), (100, 0));
    }

    #[test]
    fn a_dial_that_politeness_forbids_uses_up_no_claim() {
        let ledger = Arc::new(Ledger::default());
        let addr: Multiaddr = "/ip4/8.8.8.8/tcp/4001".parse().expect("an address");
        let stranger = Word::Stranger { from: &[] };
        let busy: Vec<_> =
            (0..4).map(|_| ledger.dial(&PeerId::random(), &addr, Word::Operator).expect("room")).collect();
        let peer = PeerId::random();
        assert_eq!(ledger.dial(&peer, &addr, stranger).err(), Some(Held::Politeness));
        drop(busy);
        ledger.remotes.lock().clear();
        assert!(ledger.dial(&peer, &addr, stranger).is_ok());
        assert_eq!(ledger.dial(&peer, &addr, stranger).err(), Some(Held::Claimed));
    }
}
