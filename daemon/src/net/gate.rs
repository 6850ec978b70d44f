//! The gate: asks the process's budget before a connection costs anything.
//!
//! A permit lives under the connection's id from the first packet until the connection is
//! closed or has failed; nothing else is kept.

use std::collections::HashMap;
use std::convert::Infallible;
use std::net::IpAddr;
use std::sync::Arc;
use std::task::{Context, Poll};

use libp2p::PeerId;
use libp2p::core::transport::PortUse;
use libp2p::core::{Endpoint, Multiaddr};
use libp2p::swarm::{
    ConnectionDenied, ConnectionId, FromSwarm, NetworkBehaviour, THandler, THandlerInEvent, THandlerOutEvent,
    ToSwarm, dummy,
};

use crate::limits::{Budget, Permit};
use crate::telemetry::{Drop as Reason, drops};
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
            }
            FromSwarm::ConnectionClosed(event) => drop(self.permits.remove(&event.connection_id)),
            FromSwarm::ListenFailure(event) => drop(self.permits.remove(&event.connection_id)),
            FromSwarm::DialFailure(event) => drop(self.permits.remove(&event.connection_id)),
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
