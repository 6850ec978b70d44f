//! Politeness: one ledger of our dials by remote address, over all heads and the scout.
//!
//! A Go server accepts 8 connections of an IPv4 address (or IPv6 /56) at a time and, after a
//! burst of 16, 0.2 a second, both directions counted; all our identities of one machine
//! share that. Private addresses are not counted.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use libp2p::Multiaddr;
use parking_lot::Mutex;

use crate::wire::class::{Host, class};

/// Outbound connections held to one address.
const HELD: u32 = 4;

/// Dials at once, and then one in each [`EVERY`].
const BURST: f64 = 4.0;

const EVERY: Duration = Duration::from_secs(10);

/// Addresses remembered; those without a connection go first.
const MAX_KNOWN: usize = 50_000;

/// The ledger of the process.
#[derive(Debug, Default)]
pub struct Ledger {
    remotes: Mutex<HashMap<IpAddr, Remote>>,
}

#[derive(Debug)]
struct Remote {
    held: u32,
    tokens: f64,
    at: Instant,
}

/// A place in the ledger; given back when dropped.
#[derive(Debug)]
pub struct Entry {
    ledger: Arc<Ledger>,
    ip: Option<IpAddr>,
}

impl Ledger {
    /// Whether we may dial this address now; the entry is kept with the connection.
    pub fn dial(self: &Arc<Self>, addr: &Multiaddr) -> Option<Entry> {
        let ip = public_ip(addr);
        if let Some(ip) = ip {
            self.take(ip, Instant::now()).then_some(())?;
        }
        Some(Entry { ledger: Arc::clone(self), ip })
    }

    fn take(&self, ip: IpAddr, now: Instant) -> bool {
        let mut remotes = self.remotes.lock();
        if remotes.len() >= MAX_KNOWN && !remotes.contains_key(&ip) {
            let rested = EVERY * BURST as u32;
            remotes.retain(|_, remote| remote.held > 0 || now.saturating_duration_since(remote.at) < rested);
            if remotes.len() >= MAX_KNOWN {
                return false;
            }
        }
        let remote = remotes.entry(ip).or_insert(Remote { held: 0, tokens: BURST, at: now });
        let rested = now.saturating_duration_since(remote.at).as_secs_f64() / EVERY.as_secs_f64();
        remote.tokens = (remote.tokens + rested).min(BURST);
        remote.at = now;
        if remote.held >= HELD || remote.tokens < 1.0 {
            return false;
        }
        remote.tokens -= 1.0;
        remote.held += 1;
        true
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        let Some(ip) = self.ip else { return };
        if let Some(remote) = self.ledger.remotes.lock().get_mut(&ip) {
            remote.held = remote.held.saturating_sub(1);
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
        let held: Vec<_> = (0..10).filter_map(|_| ledger.dial(&addr)).collect();
        assert_eq!(held.len(), 4);
        drop(held);
        assert!(ledger.dial(&addr).is_none(), "the burst is used up");
        let ip = "8.8.8.8".parse().expect("an ip");
        let later = Instant::now() + EVERY;
        assert!(ledger.take(ip, later) && !ledger.take(ip, later));
    }

    #[test]
    fn a_private_address_is_not_counted() {
        let ledger = Arc::new(Ledger::default());
        let addr: Multiaddr = "/ip4/127.0.0.1/tcp/4001".parse().expect("an address");
        let held: Vec<_> = (0..100).filter_map(|_| ledger.dial(&addr)).collect();
        assert_eq!((held.len(), ledger.remotes.lock().len()), (100, 0));
    }
}
