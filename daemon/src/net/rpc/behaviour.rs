//! The swarm's side: a handler for each connection, requests to the right one.

use std::collections::{HashMap, VecDeque};
use std::convert::Infallible;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use libp2p::PeerId;
use libp2p::core::transport::PortUse;
use libp2p::core::{Endpoint, Multiaddr};
use libp2p::swarm::{
    CloseConnection, ConnectionDenied, ConnectionId, FromSwarm, NetworkBehaviour, NotifyHandler,
    StreamProtocol, THandler, THandlerInEvent, THandlerOutEvent, ToSwarm,
};

use crate::net::rpc::handler::{Handler, ToHandler};
use crate::net::rpc::{Request, RpcError, Server};
use crate::routing::contacts::{Contact, Contacts, Side};

/// Nothing: what happens on connections is told through [`Contacts`] and replies.
pub type Event = Infallible;

/// DHT requests of one identity, both directions.
pub struct Rpc {
    protocol: StreamProtocol,
    side: Side,
    server: Option<Arc<Server>>,
    serving: bool,
    contacts: Arc<Contacts>,
    /// Open, or about to be.
    connections: HashMap<ConnectionId, Arc<Contact>>,
    by_peer: HashMap<PeerId, Vec<ConnectionId>>,
    actions: VecDeque<ToSwarm<Infallible, ToHandler>>,
    waker: Option<Waker>,
}

impl Rpc {
    /// `server` is absent for the scout, which only asks. Serving begins with [`Rpc::serve`].
    #[must_use]
    pub fn new(
        protocol: StreamProtocol,
        side: Side,
        server: Option<Arc<Server>>,
        contacts: Arc<Contacts>,
    ) -> Self {
        Self {
            protocol,
            side,
            server,
            serving: false,
            contacts,
            connections: HashMap::new(),
            by_peer: HashMap::new(),
            actions: VecDeque::new(),
            waker: None,
        }
    }

    /// Offers the protocol on all connections, or takes it back.
    pub fn serve(&mut self, serving: bool) {
        if self.serving == serving {
            return;
        }
        self.serving = serving;
        let handlers = self.connections.values().map(|contact| ToSwarm::NotifyHandler {
            peer_id: contact.peer,
            handler: NotifyHandler::One(contact.id),
            event: ToHandler::Serve(serving),
        });
        self.actions.extend(handlers);
        self.wake();
    }

    #[must_use]
    pub fn serving(&self) -> bool {
        self.serving
    }

    /// Sends a request over the newest connection to the peer.
    pub fn request(&mut self, peer: PeerId, request: Request) {
        let Some(id) = self.by_peer.get(&peer).and_then(|ids| ids.last().copied()) else {
            return request.fail(RpcError::NotConnected);
        };
        let event = ToHandler::Request(request);
        self.actions.push_back(ToSwarm::NotifyHandler {
            peer_id: peer,
            handler: NotifyHandler::One(id),
            event,
        });
        self.wake();
    }

    /// Closes one connection.
    pub fn close(&mut self, peer: PeerId, id: ConnectionId) {
        let connection = CloseConnection::One(id);
        self.actions.push_back(ToSwarm::CloseConnection { peer_id: peer, connection });
        self.wake();
    }

    #[must_use]
    pub fn is_connected(&self, peer: &PeerId) -> bool {
        self.by_peer.contains_key(peer)
    }

    /// Open connections of this identity.
    pub fn contacts(&self) -> impl Iterator<Item = &Arc<Contact>> {
        self.connections.values()
    }

    fn wake(&mut self) {
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }

    fn handler(&mut self, id: ConnectionId, peer: PeerId, inbound: bool, remote: &Multiaddr) -> Handler {
        let contact = Arc::new(Contact::new(id, peer, self.side, inbound, remote.clone()));
        self.connections.insert(id, Arc::clone(&contact));
        Handler::new(self.protocol.clone(), self.serving, self.server.clone(), contact)
    }

    fn gone(&mut self, id: ConnectionId) {
        let Some(contact) = self.connections.remove(&id) else { return };
        if let Some(ids) = self.by_peer.get_mut(&contact.peer) {
            ids.retain(|other| *other != id);
            if ids.is_empty() {
                self.by_peer.remove(&contact.peer);
            }
        }
        self.contacts.closed(&contact);
    }
}

impl NetworkBehaviour for Rpc {
    type ConnectionHandler = Handler;
    type ToSwarm = Event;

    fn handle_established_inbound_connection(
        &mut self,
        id: ConnectionId,
        peer: PeerId,
        _: &Multiaddr,
        remote: &Multiaddr,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        Ok(self.handler(id, peer, true, remote))
    }

    fn handle_established_outbound_connection(
        &mut self,
        id: ConnectionId,
        peer: PeerId,
        remote: &Multiaddr,
        _: Endpoint,
        _: PortUse,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        Ok(self.handler(id, peer, false, remote))
    }

    fn on_swarm_event(&mut self, event: FromSwarm<'_>) {
        match event {
            FromSwarm::ConnectionEstablished(event) => {
                if let Some(contact) = self.connections.get(&event.connection_id) {
                    self.by_peer.entry(contact.peer).or_default().push(contact.id);
                    self.contacts.opened(Arc::clone(contact));
                }
            }
            FromSwarm::ConnectionClosed(event) => self.gone(event.connection_id),
            // refused by a later behaviour
            FromSwarm::ListenFailure(event) => self.gone(event.connection_id),
            FromSwarm::DialFailure(event) => self.gone(event.connection_id),
            _ => {}
        }
    }

    fn on_connection_handler_event(&mut self, _: PeerId, _: ConnectionId, event: THandlerOutEvent<Self>) {
        match event {}
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<ToSwarm<Self::ToSwarm, THandlerInEvent<Self>>> {
        match self.actions.pop_front() {
            Some(action) => Poll::Ready(action),
            None => {
                self.waker = Some(cx.waker().clone());
                Poll::Pending
            }
        }
    }
}
