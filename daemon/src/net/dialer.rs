//! Dials of one identity: to allowed addresses, within the ledger, one attempt a peer at a time.

use std::collections::HashMap;
use std::sync::Arc;

use libp2p::swarm::dial_opts::{DialOpts, PeerCondition};
use libp2p::swarm::{ConnectionId, DialError};
use libp2p::{Multiaddr, PeerId, Swarm};

use crate::net::Behaviour;
use crate::net::claims::Word;
use crate::net::ledger::{Entry, Held, Ledger};
use crate::routing::policy::AddressPolicy;
use crate::telemetry::{Drop as Reason, drops};

/// Addresses tried in one dial: the remote host counts each.
const MAX_ADDRS: usize = 2;

/// Why a peer was not dialled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotDialled {
    #[error("no address that may be dialled")]
    NoAddress,
    #[error("its address was dialled too often of late")]
    Politeness,
    #[error("only strangers name its addresses, and those were dialled within the hour")]
    Claimed,
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
    open: HashMap<ConnectionId, Open>,
}

/// A connection that came in, was dialled, or is being dialled.
#[derive(Debug)]
struct Open {
    peer: PeerId,
    tried: Vec<Multiaddr>,
    entries: Vec<Entry>,
}

impl Dialer {
    #[must_use]
    pub fn new(policy: AddressPolicy, ledger: Arc<Ledger>) -> Self {
        Self { policy, ledger, open: HashMap::new() }
    }

    /// Dials a peer at those of its addresses that may be dialled: where it was reached
    /// before, when there is such a place.
    ///
    /// # Errors
    /// Why there was no dial; a dial that fails later is a swarm event.
    pub fn dial(
        &mut self,
        swarm: &mut Swarm<Behaviour>,
        peer: PeerId,
        addrs: impl Iterator<Item = Multiaddr>,
        word: Word<'_>,
    ) -> Result<ConnectionId, NotDialled> {
        let mut allowed: Vec<_> = addrs.filter(|addr| self.policy.dialable(addr)).collect();
        if allowed.is_empty() {
            return Err(NotDialled::NoAddress);
        }
        let reached: Vec<_> =
            allowed.iter().filter(|addr| self.ledger.is_reached(&peer, addr)).cloned().collect();
        if !reached.is_empty() {
            allowed = reached;
        }
        let (mut entries, mut why) = (Vec::new(), NotDialled::Claimed);
        allowed.retain(|addr| {
            if entries.len() == MAX_ADDRS {
                return false;
            }
            match self.ledger.dial(&peer, addr, word) {
                Ok(entry) => entries.push(entry),
                Err(Held::Politeness) => {
                    drops::count(Reason::DialPoliteness);
                    why = NotDialled::Politeness;
                    return false;
                }
                Err(Held::Claimed) => {
                    drops::count(Reason::DialClaimed);
                    return false;
                }
            }
            true
        });
        if allowed.is_empty() {
            return Err(why);
        }
        let opts = DialOpts::peer_id(peer)
            .addresses(allowed.clone())
            .condition(PeerCondition::DisconnectedAndNotDialing)
            .build();
        let id = opts.connection_id();
        match swarm.dial(opts) {
            Ok(()) => {
                self.open.insert(id, Open { peer, tried: allowed, entries });
                Ok(id)
            }
            Err(DialError::Denied { .. }) => Err(NotDialled::Budget),
            Err(_) => Err(NotDialled::Already),
        }
    }

    /// A connection that was dialled is open: its other addresses give their places back.
    pub fn opened(&mut self, id: ConnectionId, at: &Multiaddr) {
        if let Some(open) = self.open.get_mut(&id) {
            self.ledger.reached(&open.peer, at);
            open.tried.clear();
            open.entries.truncate(1);
        }
    }

    /// A connection came in: it counts against what we may open to its address.
    pub fn came(&mut self, id: ConnectionId, peer: PeerId, from: &Multiaddr) {
        let entries = vec![self.ledger.came(from)];
        self.open.insert(id, Open { peer, tried: Vec::new(), entries });
    }

    /// The connection is closed, or could not be made.
    pub fn closed(&mut self, id: ConnectionId) {
        let Some(open) = self.open.remove(&id) else { return };
        for addr in &open.tried {
            self.ledger.missed(&open.peer, addr);
        }
    }
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
