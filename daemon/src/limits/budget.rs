//! One connection budget for the process: asked before a handshake costs anything.
//!
//! A permit is held from the first packet to the end of the connection and gives its
//! place back when it is dropped, so nothing can leak by a missed event.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};

use parking_lot::{Mutex, RwLock};

use crate::limits::TokenBucket;
use crate::telemetry::Drop as Reason;

/// Bounds of the process; `config/` fills it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Config {
    /// Connections in all, both directions.
    pub connections: usize,
    /// Inbound connections of one public address (IPv4, or IPv6 /56).
    pub connections_per_ip: usize,
    /// Inbound handshakes a second, over all heads.
    pub handshakes_per_second: f64,
    /// Connections half open at one time.
    pub handshakes_open: usize,
    /// Descriptors in all.
    pub files: u64,
    /// Resident memory above which no connection is taken, in bytes.
    pub memory: u64,
}

/// The budget and what is used of it.
#[derive(Debug)]
pub struct Budget {
    config: RwLock<Config>,
    connections: AtomicUsize,
    opening: AtomicUsize,
    tcp: AtomicUsize,
    by_ip: Mutex<HashMap<IpAddr, usize>>,
    handshakes: TokenBucket,
    /// Descriptors kept free for listeners, the control socket and the store.
    files_reserved: AtomicU64,
    /// Refreshed by the supervisor once a second.
    rss: AtomicU64,
}

/// A place in the budget.
#[derive(Debug)]
pub struct Permit {
    budget: Arc<Budget>,
    ip: Option<IpAddr>,
    tcp: bool,
    opening: bool,
}

impl Budget {
    #[must_use]
    pub fn new(config: Config) -> Arc<Self> {
        let burst = config.handshakes_per_second.max(1.0);
        Arc::new(Self {
            config: RwLock::new(config),
            connections: AtomicUsize::new(0),
            opening: AtomicUsize::new(0),
            tcp: AtomicUsize::new(0),
            by_ip: Mutex::default(),
            handshakes: TokenBucket::new(config.handshakes_per_second, burst),
            files_reserved: AtomicU64::new(0),
            rss: AtomicU64::new(0),
        })
    }

    #[must_use]
    pub fn config(&self) -> Config {
        *self.config.read()
    }

    /// Other bounds from now on. Nothing is closed for them: what is above them is not renewed.
    pub fn set_config(&self, config: Config) {
        self.handshakes.set_rate(config.handshakes_per_second, config.handshakes_per_second.max(1.0));
        *self.config.write() = config;
    }

    /// Connections now, half-open ones included.
    #[must_use]
    pub fn used(&self) -> usize {
        self.connections.load(Relaxed)
    }

    /// Connections that are half open now.
    #[must_use]
    pub fn opening(&self) -> usize {
        self.opening.load(Relaxed)
    }

    /// Descriptors that connections must leave free.
    pub fn reserve_files(&self, files: u64) {
        self.files_reserved.store(files, Relaxed);
    }

    /// Tells the budget how much memory the process holds.
    pub fn set_rss(&self, bytes: u64) {
        self.rss.store(bytes, Relaxed);
    }

    /// A stranger dials us. `ip` counts against the limit per address when it is public:
    /// private networks and labs behind one address are not throttled.
    ///
    /// # Errors
    /// The reason for refusing.
    pub fn inbound(self: &Arc<Self>, ip: Option<IpAddr>, public: bool, tcp: bool) -> Result<Permit, Reason> {
        let config = self.config();
        if self.rss.load(Relaxed) > config.memory {
            return Err(Reason::MemoryLimit);
        }
        if self.opening.load(Relaxed) >= config.handshakes_open {
            return Err(Reason::HandshakeLimit);
        }
        if tcp && self.files_short() {
            return Err(Reason::FileLimit);
        }
        if self.used() >= config.connections {
            return Err(Reason::ConnectionLimit);
        }
        let ip = ip.filter(|_| public).map(site);
        if let Some(ip) = ip {
            let mut by_ip = self.by_ip.lock();
            let held = by_ip.entry(ip).or_default();
            if *held >= config.connections_per_ip {
                return Err(Reason::ConnectionPerIp);
            }
            if !self.handshakes.take() {
                if *held == 0 {
                    by_ip.remove(&ip);
                }
                return Err(Reason::HandshakeRate);
            }
            *held += 1;
        } else if !self.handshakes.take() {
            return Err(Reason::HandshakeRate);
        }
        Ok(self.permit(ip, tcp))
    }

    /// We dial.
    ///
    /// # Errors
    /// The reason for not dialling.
    pub fn outbound(self: &Arc<Self>, tcp: bool) -> Result<Permit, Reason> {
        if tcp && self.files_short() {
            return Err(Reason::FileLimit);
        }
        if self.used() >= self.config().connections {
            return Err(Reason::ConnectionLimit);
        }
        Ok(self.permit(None, tcp))
    }

    fn permit(self: &Arc<Self>, ip: Option<IpAddr>, tcp: bool) -> Permit {
        self.connections.fetch_add(1, Relaxed);
        self.opening.fetch_add(1, Relaxed);
        if tcp {
            self.tcp.fetch_add(1, Relaxed);
        }
        Permit { budget: Arc::clone(self), ip, tcp, opening: true }
    }

    fn files_short(&self) -> bool {
        self.tcp.load(Relaxed) as u64 + self.files_reserved.load(Relaxed) >= self.config().files
    }
}

impl Permit {
    /// The handshake is done.
    pub fn opened(&mut self) {
        if std::mem::take(&mut self.opening) {
            self.budget.opening.fetch_sub(1, Relaxed);
        }
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.opened();
        self.budget.connections.fetch_sub(1, Relaxed);
        if self.tcp {
            self.budget.tcp.fetch_sub(1, Relaxed);
        }
        if let Some(ip) = self.ip {
            let mut by_ip = self.budget.by_ip.lock();
            if let Some(held) = by_ip.get_mut(&ip) {
                *held -= 1;
                if *held == 0 {
                    by_ip.remove(&ip);
                }
            }
        }
    }
}

/// What counts as one address: an IPv4 address, an IPv6 /56 (go-libp2p `conn_limiter.go`).
#[must_use]
pub fn site(ip: IpAddr) -> IpAddr {
    match ip {
        IpAddr::V4(_) => ip,
        IpAddr::V6(v6) => IpAddr::V6((u128::from(v6) & (!0 << 72)).into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn budget() -> Arc<Budget> {
        Budget::new(Config {
            connections: 4,
            connections_per_ip: 2,
            handshakes_per_second: 1000.0,
            handshakes_open: 3,
            files: 1000,
            memory: 1 << 30,
        })
    }

    fn ip(text: &str) -> Option<IpAddr> {
        Some(text.parse().expect("an address"))
    }

    #[test]
    fn a_public_address_has_its_share_and_gets_it_back() {
        let budget = budget();
        let mut first = budget.inbound(ip("8.8.8.8"), true, true).expect("room");
        first.opened();
        let mut second = budget.inbound(ip("8.8.8.8"), true, true).expect("room");
        second.opened();
        assert_eq!(budget.inbound(ip("8.8.8.8"), true, true).err(), Some(Reason::ConnectionPerIp));
        drop(first);
        let third = budget.inbound(ip("8.8.8.8"), true, true);
        assert!(third.is_ok());
        drop((second, third));
        assert_eq!((budget.used(), budget.by_ip.lock().len()), (0, 0));
    }

    #[test]
    fn private_addresses_have_no_share_but_the_whole_is_bounded() {
        let budget = budget();
        let mut held = Vec::new();
        for _ in 0..4 {
            let mut permit = budget.inbound(ip("127.0.0.1"), false, true).expect("room");
            permit.opened();
            held.push(permit);
        }
        assert_eq!(budget.inbound(ip("127.0.0.1"), false, true).err(), Some(Reason::ConnectionLimit));
        assert_eq!(budget.outbound(true).err(), Some(Reason::ConnectionLimit));
    }

    #[test]
    fn half_open_connections_are_bounded() {
        let budget = budget();
        let held: Vec<_> = (0..3).map(|_| budget.inbound(None, false, false).expect("room")).collect();
        assert_eq!(budget.inbound(None, false, false).err(), Some(Reason::HandshakeLimit));
        drop(held);
        assert!(budget.inbound(None, false, false).is_ok());
    }

    #[test]
    fn one_ipv6_site_is_one_address() {
        let budget = budget();
        let _a = budget.inbound(ip("2a00::1"), true, false).expect("room");
        let _b = budget.inbound(ip("2a00:0:0:ff::1"), true, false).expect("room");
        assert_eq!(budget.inbound(ip("2a00::2"), true, false).err(), Some(Reason::ConnectionPerIp));
        assert!(budget.inbound(ip("2a00:0:0:100::1"), true, false).is_ok());
    }

    #[test]
    fn short_memory_refuses_strangers() {
        let budget = budget();
        budget.set_rss(2 << 30);
        assert_eq!(budget.inbound(None, false, true).err(), Some(Reason::MemoryLimit));
    }
}
