//! The gate: asks the process's budget before a connection costs anything.
//!
//! A permit lives under the connection's id from the first packet until the connection is
//! closed or has failed; nothing else is kept.

use std::collections::HashMap;
use std::convert::Infallible;
use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::task::{Context, Poll};

use libp2p::PeerId;
use libp2p::core::transport::PortUse;
use libp2p::core::{Endpoint, Multiaddr};
use libp2p::swarm::{
    ConnectionDenied, ConnectionId, DialError, FromSwarm, ListenError, NetworkBehaviour, THandler,
    THandlerInEvent, THandlerOutEvent, ToSwarm, dummy,
};

use crate::limits::{Budget, Permit};
use crate::telemetry::links::{DialFailure, Direction, Handshake};
use crate::telemetry::{Drop as Reason, drops, links};
use crate::wire::class::{Host, Transport, class};

/// The budget refused the connection.
#[derive(Debug, thiserror::Error)]
#[error("refused: {0}")]
pub struct Refused(pub &'static str);

/// One identity's door to the budget of the process.
#[derive(Debug)]
pub struct Gate {
    budget: Arc<Budget>,
    permits: HashMap<ConnectionId, Permit>,
}

impl Gate {
    #[must_use]
    pub fn new(budget: Arc<Budget>) -> Self {
        Self { budget, permits: HashMap::new() }
    }

    fn keep(&mut self, id: ConnectionId, permit: Result<Permit, Reason>) -> Result<(), ConnectionDenied> {
        match permit {
            Ok(permit) => {
                self.permits.insert(id, permit);
                Ok(())
            }
            Err(reason) => {
                drops::count(reason);
                Err(ConnectionDenied::new(Refused(reason.reason())))
            }
        }
    }
}

/// IP, whether it is public, whether the connection takes a descriptor.
fn facts(remote: &Multiaddr) -> (Option<IpAddr>, bool, bool) {
    let Some(class) = class(remote.as_ref()) else { return (None, false, true) };
    let ip = match class.host {
        Host::Ip(ip) => Some(ip),
        _ => None,
    };
    (ip, class.is_public(), class.transport != Transport::QuicV1)
}

/// Counts a dial that came to nothing; one that was not needed is none.
fn dial_failed(error: &DialError) {
    match error {
        DialError::DialPeerConditionFalse(_) | DialError::Aborted => {}
        DialError::Denied { .. } => links::ended(Direction::Out, Handshake::Refused),
        error => {
            links::ended(Direction::Out, Handshake::Failed);
            links::failed(failure(error));
        }
    }
}

/// The reason of a dial that failed.
fn failure(error: &DialError) -> DialFailure {
    match error {
        DialError::NoAddresses => DialFailure::NoAddress,
        DialError::WrongPeerId { .. } | DialError::LocalPeerId { .. } => DialFailure::OtherPeer,
        DialError::Transport(tried) => tried.first().map_or(DialFailure::NoAddress, |(_, e)| innermost(e)),
        _ => DialFailure::Handshake,
    }
}

/// What the transport's errors are about: I/O errors by their kind, and what the layers say in words.
fn innermost(error: &(dyn std::error::Error + 'static)) -> DialFailure {
    let mut cause = Some(error);
    while let Some(error) = cause {
        let io = error.downcast_ref::<io::Error>();
        if let Some(io) = io {
            match io.kind() {
                io::ErrorKind::TimedOut => return DialFailure::Timeout,
                io::ErrorKind::ConnectionRefused => return DialFailure::Refused,
                io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable => {
                    return DialFailure::Unreachable;
                }
                io::ErrorKind::ConnectionReset | io::ErrorKind::UnexpectedEof => return DialFailure::Reset,
                _ => {}
            }
        }
        let text = error.to_string().to_lowercase();
        if text.contains("timed out") || text.contains("timeout") {
            return DialFailure::Timeout;
        }
        // an I/O error that holds another passes over it when asked for its source
        let held = io.and_then(io::Error::get_ref).map(|held| held as &(dyn std::error::Error + 'static));
        cause = held.or_else(|| error.source());
    }
    DialFailure::Handshake
}

impl NetworkBehaviour for Gate {
    type ConnectionHandler = dummy::ConnectionHandler;
    type ToSwarm = Infallible;

    fn handle_pending_inbound_connection(
        &mut self,
        id: ConnectionId,
        _: &Multiaddr,
        remote: &Multiaddr,
    ) -> Result<(), ConnectionDenied> {
        let (ip, public, tcp) = facts(remote);
        let permit = self.budget.inbound(ip, public, tcp);
        self.keep(id, permit)
    }

    fn handle_established_inbound_connection(
        &mut self,
        _: ConnectionId,
        _: PeerId,
        _: &Multiaddr,
        _: &Multiaddr,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        Ok(dummy::ConnectionHandler)
    }

    fn handle_pending_outbound_connection(
        &mut self,
        id: ConnectionId,
        _: Option<PeerId>,
        _: &[Multiaddr],
        _: Endpoint,
    ) -> Result<Vec<Multiaddr>, ConnectionDenied> {
        let permit = self.budget.outbound(true);
        self.keep(id, permit).map(|()| Vec::new())
    }

    fn handle_established_outbound_connection(
        &mut self,
        _: ConnectionId,
        _: PeerId,
        _: &Multiaddr,
        _: Endpoint,
        _: PortUse,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        Ok(dummy::ConnectionHandler)
    }

    fn on_swarm_event(&mut self, event: FromSwarm<'_>) {
        match event {
            FromSwarm::ConnectionEstablished(event) => {
                if let Some(permit) = self.permits.get_mut(&event.connection_id) {
                    permit.opened();
                }
                let came = event.endpoint.is_listener();
                let (_, _, tcp) = facts(event.endpoint.get_remote_address());
                links::opened(if came { Direction::In } else { Direction::Out }, !tcp);
            }
            FromSwarm::ConnectionClosed(event) => drop(self.permits.remove(&event.connection_id)),
            FromSwarm::ListenFailure(event) => {
                self.permits.remove(&event.connection_id);
                let refused = matches!(event.error, ListenError::Denied { .. });
                links::ended(Direction::In, if refused { Handshake::Refused } else { Handshake::Failed });
            }
            FromSwarm::DialFailure(event) => {
                self.permits.remove(&event.connection_id);
                dial_failed(event.error);
            }
            _ => {}
        }
    }

    fn on_connection_handler_event(&mut self, _: PeerId, _: ConnectionId, event: THandlerOutEvent<Self>) {
        match event {}
    }

    fn poll(&mut self, _: &mut Context<'_>) -> Poll<ToSwarm<Self::ToSwarm, THandlerInEvent<Self>>> {
        Poll::Pending
    }
}

#[cfg(test)]
mod tests {
    use libp2p::TransportError;

    use super::*;

    fn dialled(error: io::Error) -> DialError {
        DialError::Transport(vec![(Multiaddr::empty(), TransportError::Other(error))])
    }

    #[test]
    fn a_failed_dial_has_the_reason_that_its_innermost_error_tells() {
        let of = |kind: io::ErrorKind| failure(&dialled(kind.into()));
        assert_eq!(of(io::ErrorKind::ConnectionRefused), DialFailure::Refused);
        assert_eq!(of(io::ErrorKind::TimedOut), DialFailure::Timeout);
        assert_eq!(of(io::ErrorKind::NetworkUnreachable), DialFailure::Unreachable);
        assert_eq!(of(io::ErrorKind::ConnectionReset), DialFailure::Reset);
        let within = io::Error::other(io::Error::from(io::ErrorKind::HostUnreachable));
        assert_eq!(failure(&dialled(within)), DialFailure::Unreachable);
        assert_eq!(
            failure(&dialled(io::Error::other("Handshake with the remote timed out."))),
            DialFailure::Timeout
        );
        assert_eq!(failure(&dialled(io::Error::other("bad noise"))), DialFailure::Handshake);
        assert_eq!(failure(&DialError::NoAddresses), DialFailure::NoAddress);
    }
}
