//! Dials of one identity: to allowed addresses, within the ledger, one attempt a peer at a time.

use std::collections::HashMap;
use std::sync::Arc;

use libp2p::swarm::dial_opts::{DialOpts, PeerCondition};
use libp2p::swarm::{ConnectionId, DialError};
use libp2p::{Multiaddr, PeerId, Swarm};

use crate::net::Behaviour;
use crate::net::ledger::{Entry, Ledger};
use crate::routing::policy::AddressPolicy;

/// Addresses tried in one dial.
const MAX_ADDRS: usize = 4;

/// Why a peer was not dialled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotDialled {
    #[error("no address that may be dialled")]
    NoAddress,
    #[error("its address was dialled too often of late")]
    Politeness,
    #[error("connected or being dialled already")]
    Already,
    #[error("connections are used up")]
    Budget,
}

/// The dialer of a head or of the scout.
#[derive(Debug)]
pub struct Dialer {
    policy: AddressPolicy,
    ledger: Arc<Ledger>,
    /// Outgoing tcp from a shared port leaves from the primary address, QUIC from its own.
    prefer_quic: bool,
    open: HashMap<ConnectionId, Vec<Entry>>,
}

impl Dialer {
    #[must_use]
    pub fn new(policy: AddressPolicy, ledger: Arc<Ledger>, prefer_quic: bool) -> Self {
        Self { policy, ledger, prefer_quic, open: HashMap::new() }
    }

    /// Dials a peer at those of its addresses that may be dialled.
    ///
    /// # Errors
    /// Why there was no dial; a dial that fails later is a swarm event.
    pub fn dial(
        &mut self,
        swarm: &mut Swarm<Behaviour>,
        peer: PeerId,
        addrs: impl Iterator<Item = Multiaddr>,
    ) -> Result<ConnectionId, NotDialled> {
        let mut allowed: Vec<_> = addrs.filter(|addr| self.policy.dialable(addr)).collect();
        if allowed.is_empty() {
            return Err(NotDialled::NoAddress);
        }
        if self.prefer_quic {
            allowed.sort_by_key(|addr| !is_quic(addr));
        }
        let mut entries = Vec::new();
        allowed.retain(|addr| {
            let entry = if entries.len() < MAX_ADDRS { self.ledger.dial(addr) } else { None };
            entry.map(|entry| entries.push(entry)).is_some()
        });
        if allowed.is_empty() {
            return Err(NotDialled::Politeness);
        }
        let opts = DialOpts::peer_id(peer)
            .addresses(allowed)
            .condition(PeerCondition::DisconnectedAndNotDialing)
            .build();
        let id = opts.connection_id();
        match swarm.dial(opts) {
            Ok(()) => {
                self.open.insert(id, entries);
                Ok(id)
            }
            Err(DialError::Denied { .. }) => Err(NotDialled::Budget),
            Err(_) => Err(NotDialled::Already),
        }
    }

    /// The connection is closed, or could not be made.
    pub fn closed(&mut self, id: ConnectionId) {
        self.open.remove(&id);
    }
}

fn is_quic(addr: &Multiaddr) -> bool {
    addr.iter().any(|part| matches!(part, libp2p::multiaddr::Protocol::QuicV1))
}

/// The innermost cause of a failed dial, short enough for a status line.
#[must_use]
pub fn cause(error: &DialError) -> String {
    let text = match error {
        DialError::Transport(tried) => match tried.first() {
            Some((addr, error)) => format!("{}: {}", without_peer(addr), innermost(error)),
            None => "no address".to_owned(),
        },
        DialError::WrongPeerId { obtained, .. } => format!("another peer answered: {obtained}"),
        DialError::Denied { .. } => "our own limits".to_owned(),
        other => innermost(other),
    };
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(200).collect()
}

fn without_peer(addr: &Multiaddr) -> Multiaddr {
    addr.iter().filter(|part| !matches!(part, libp2p::multiaddr::Protocol::P2p(_))).collect()
}

fn innermost(error: &(dyn std::error::Error + 'static)) -> String {
    let mut error = error;
    while let Some(source) = error.source() {
        error = source;
    }
    error.to_string()
}
