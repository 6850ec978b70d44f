//! What one identity runs: the gate first, so that nothing is set up for a refused connection.

use std::time::Duration;

use libp2p::identity::Keypair;
use libp2p::swarm::NetworkBehaviour;
use libp2p::swarm::behaviour::toggle::Toggle;
use libp2p::{PeerId, identify, ping};

use crate::net::gate::Gate;
use crate::net::reachability::Reachability;
use crate::net::rpc::Rpc;
use crate::routing::{AddressPolicy, Contacts};
use crate::wire::AddrList;

/// How often a connected peer is asked again who it is; changes are pushed at once.
const IDENTIFY_INTERVAL: Duration = Duration::from_secs(6 * 3600);

/// How often a connection is pinged: often enough to notice a dead one.
const PING_INTERVAL: Duration = Duration::from_secs(300);

/// A ping unanswered for this long means that the connection is dead.
const PING_TIMEOUT: Duration = Duration::from_secs(30);

/// The protocol family that go-libp2p names in identify.
const IDENTIFY_VERSION: &str = "ipfs/0.1.0";

/// The behaviours of a head or of the scout.
#[derive(NetworkBehaviour)]
pub struct Behaviour {
    pub gate: Gate,
    pub identify: identify::Behaviour,
    pub ping: ping::Behaviour,
    pub rpc: Rpc,
    /// Only where it matters: heads on the public network.
    pub reachability: Toggle<Reachability>,
}

impl Behaviour {
    /// Listen addresses are hidden: what is announced is said by external addresses alone, so
    /// that nothing leaks that the policy forbids.
    #[must_use]
    pub fn new(keypair: &Keypair, gate: Gate, rpc: Rpc) -> Self {
        let identify = identify::Config::new(IDENTIFY_VERSION.to_owned(), keypair.public())
            .with_agent_version(concat!("hydrad/", env!("CARGO_PKG_VERSION")).to_owned())
            .with_interval(IDENTIFY_INTERVAL)
            .with_hide_listen_addrs(true)
            .with_cache_size(0);
        let ping = ping::Config::new().with_interval(PING_INTERVAL).with_timeout(PING_TIMEOUT);
        Self {
            gate,
            identify: identify::Behaviour::new(identify),
            ping: ping::Behaviour::new(ping),
            rpc,
            reachability: None.into(),
        }
    }

    /// The same for an identity that can find out whether strangers can dial it, and help others
    /// to find out.
    #[must_use]
    pub fn with_reachability(mut self, policy: AddressPolicy) -> Self {
        self.reachability = Some(Reachability::new(policy)).into();
        self
    }
}

/// Keeps what a connected peer said of itself; answers those of its addresses that the policy
/// allows.
pub fn identified(
    contacts: &Contacts,
    policy: AddressPolicy,
    peer: &PeerId,
    info: &identify::Info,
) -> AddrList {
    let addrs = policy.admit(peer, info.listen_addrs.iter().map(AsRef::as_ref));
    let protocols = info.protocols.iter().map(AsRef::as_ref).collect::<Vec<&str>>().join("\n");
    contacts.identified(peer, &info.agent_version, &protocols, addrs.clone());
    addrs
}
