//! A world of its own: a private DHT of light peers on loopback.
//!
//! Light peers are real DHT servers with small tables and stores: they answer, look up,
//! announce and give traffic. Used by the playground, by whole-system tests and by
//! `hydra-load figures` and `network`. No simulated peer lives in the daemon's crate, and no
//! packet of this one leaves the machine: every node is guarded to loopback
//! ([`crate::load::guard`]), or lives where there is nothing but loopback ([`Hosts`]).
//! In: [`WorldConfig`]. Out: [`World`].

mod answer;
mod hosts;
mod lookup;
mod peer;
pub mod playground;
mod store;
mod table;
#[cfg(test)]
mod tests;
mod traffic;

use std::collections::HashMap;
use std::sync::Arc;

use anyhow::{Context as _, Result, ensure};
use libp2p::swarm::StreamProtocol;
use libp2p::{Multiaddr, PeerId};
use rand::RngExt as _;

pub use self::hosts::{Hosts, PUBLIC};
pub use self::lookup::Walked;
pub use self::peer::LightPeer;
pub use self::table::Known;
pub use self::traffic::{Traffic, TrafficConfig, TrafficCount};
use crate::load::node::Target;

/// Most light peers of a world: each costs two file descriptors and a port.
pub const MOST_PEERS: usize = 12_000;

/// What light peers know of each other at the start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tables {
    /// All of them.
    Full,
    /// The 20 nearest and two of every other distance, as Kademlia tables do.
    Kademlia,
}

/// A world.
#[derive(Clone, Debug)]
pub struct WorldConfig {
    /// Light peers, 1 to [`MOST_PEERS`].
    pub peers: usize,
    /// Addresses each listens on, 1 to 8: they look like different hosts.
    pub ips_per_peer: usize,
    pub hosts: Hosts,
    /// QUIC beside tcp.
    pub quic: bool,
    pub tables: Tables,
    pub protocol: StreamProtocol,
}

impl Default for WorldConfig {
    fn default() -> Self {
        Self {
            peers: 60,
            ips_per_peer: 1,
            hosts: Hosts::Loopback,
            quic: false,
            tables: Tables::Kademlia,
            protocol: StreamProtocol::new("/ipfs/kad/1.0.0"),
        }
    }
}

impl WorldConfig {
    /// Starts the light peer at place `n`.
    async fn light_peer(&self, n: usize) -> Result<Arc<LightPeer>> {
        let listen = self.hosts.addresses(n, self.ips_per_peer, self.quic);
        LightPeer::start(listen, self.hosts.reach(), self.protocol.clone()).await
    }
}

/// A running world; it ends when dropped.
pub struct World {
    config: WorldConfig,
    peers: Vec<Arc<LightPeer>>,
    /// Peers ever started: each listens at a place of its own.
    started: usize,
}

impl World {
    /// Starts the peers and fills their tables.
    ///
    /// # Errors
    /// When an address cannot be listened on.
    pub async fn start(config: WorldConfig) -> Result<Self> {
        ensure!((1..=MOST_PEERS).contains(&config.peers), "{} peers: not in 1..={MOST_PEERS}", config.peers);
        ensure!(
            (1..=8).contains(&config.ips_per_peer),
            "{} addresses a peer: not in 1..=8",
            config.ips_per_peer
        );
        config.hosts.check()?;
        let mut peers = Vec::new();
        let started = config.peers;
        for n in 0..started {
            let peer = config.light_peer(n).await;
            peers.push(peer.with_context(|| format!("start light peer {n}"))?);
        }
        let places: Vec<_> = peers.iter().map(|peer| table::place(&peer.peer().to_bytes())).collect();
        for (me, peer) in peers.iter().enumerate() {
            let kept = match config.tables {
                Tables::Full => (0..peers.len()).collect(),
                Tables::Kademlia => table::kademlia(&places, me),
            };
            for other in kept.into_iter().map(|at| &peers[at]) {
                peer.introduce(other.peer(), other.addresses().to_vec(), other.agent());
            }
            // with thousands of peers this takes long, and whoever waits may give up
            tokio::task::yield_now().await;
        }
        Ok(Self { config, peers, started })
    }

    #[must_use]
    pub fn peers(&self) -> &[Arc<LightPeer>] {
        &self.peers
    }

    /// Ends so many light peers, drawn at random, without a word and starts as many new ones,
    /// which their nearest come to know. Tells who ended.
    ///
    /// # Errors
    /// When a new one cannot listen.
    pub async fn churn(&mut self, peers: usize) -> Result<Vec<PeerId>> {
        let mut gone = Vec::new();
        for _ in 0..peers.min(self.peers.len()) {
            let drawn = rand::rng().random_range(0..self.peers.len());
            gone.push(self.peers.swap_remove(drawn).peer());
        }
        for _ in 0..peers {
            let new = self.config.light_peer(self.started % MOST_PEERS).await?;
            self.started += 1;
            self.peers.push(Arc::clone(&new));
            let places: Vec<_> =
                self.peers.iter().map(|peer| table::place(&peer.peer().to_bytes())).collect();
            for other in table::kademlia(&places, self.peers.len() - 1) {
                let other = &self.peers[other];
                new.introduce(other.peer(), other.addresses().to_vec(), other.agent());
                other.introduce(new.peer(), new.addresses().to_vec(), new.agent());
            }
        }
        Ok(gone)
    }

    /// Ends so many light peers without a word to anybody, and tells who they were. The
    /// others still know them. None that somebody else holds ends.
    pub fn lose(&mut self, peers: usize) -> Vec<PeerId> {
        let left = self.peers.len().saturating_sub(peers);
        self.peers.split_off(left).iter().map(|peer| peer.peer()).collect()
    }

    /// One tcp address of each light peer, for `--bootstrap-peers`.
    #[must_use]
    pub fn bootstrap(&self) -> Vec<Target> {
        let target = |peer: &Arc<LightPeer>| {
            let addr = peer.addresses().first()?.clone();
            Some(Target { peer: peer.peer(), addr })
        };
        self.peers.iter().filter_map(target).collect()
    }

    /// Tells every light peer of a server that is not of this world, such as a head.
    pub fn join(&self, peer: PeerId, addrs: &[Multiaddr], agent: &str) {
        for light in &self.peers {
            light.introduce(peer, addrs.to_vec(), agent);
        }
    }

    /// The DHT servers that the light peers have met and that are not light peers: heads.
    #[must_use]
    pub fn heads(&self) -> Vec<Known> {
        let mut heads = HashMap::new();
        for known in self.peers.iter().flat_map(|peer| peer.known()) {
            if !known.agent.starts_with(peer::AGENT) {
                heads.entry(known.peer).or_insert(known);
            }
        }
        heads.into_values().collect()
    }

    /// Sends traffic to [`Self::heads`] until the handle is dropped.
    #[must_use]
    pub fn traffic(self: &Arc<Self>, config: TrafficConfig) -> Traffic {
        Traffic::start(Arc::downgrade(self), config)
    }
}
