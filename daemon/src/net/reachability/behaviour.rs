//! The swarm's side: who offers to dial back, and which questions are under way.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use libp2p::PeerId;
use libp2p::core::transport::PortUse;
use libp2p::core::{Endpoint, Multiaddr};
use libp2p::swarm::{
    ConnectionDenied, ConnectionId, FromSwarm, NetworkBehaviour, NotifyHandler, THandler, THandlerInEvent,
    THandlerOutEvent, ToSwarm,
};

use super::handler::{Handler, Question, Told};
use super::probe::{Answer, Nonces};

/// A question ended.
#[derive(Debug)]
pub struct Event {
    pub addr: Multiaddr,
    pub server: PeerId,
    /// `Some(true)`: the head was dialled there. `None`: nothing is known by that.
    pub reached: Option<bool>,
}

/// Asks peers to dial us back.
#[derive(Default)]
pub struct Reachability {
    nonces: Arc<Nonces>,
    /// Open connections whose peer offers it, and where the peer is.
    servers: HashMap<ConnectionId, (PeerId, Multiaddr)>,
    remotes: HashMap<ConnectionId, Multiaddr>,
    asked: HashMap<u64, (Multiaddr, PeerId, ConnectionId)>,
    actions: VecDeque<ToSwarm<Event, Question>>,
    waker: Option<Waker>,
}

impl Reachability {
    /// Peers that offer to dial back, and where they are.
    pub fn servers(&self) -> impl Iterator<Item = (&PeerId, &Multiaddr)> {
        self.servers.values().map(|(peer, remote)| (peer, remote))
    }

    /// Asks a peer to dial us at the address; the answer is an [`Event`].
    pub fn ask(&mut self, server: PeerId, addr: Multiaddr) {
        let Some((id, _)) = self.servers.iter().find(|(_, (peer, _))| *peer == server) else {
            return self.ended(addr, server, None);
        };
        let nonce = self.nonces.give();
        self.actions.push_back(ToSwarm::NotifyHandler {
            peer_id: server,
            handler: NotifyHandler::One(*id),
            event: Question { addr: addr.clone(), nonce },
        });
        self.asked.insert(nonce, (addr, server, *id));
        self.wake();
    }

    /// Questions under way.
    #[must_use]
    pub fn open(&self) -> usize {
        self.asked.len()
    }

    fn answered(&mut self, nonce: u64, answer: Answer) {
        let came = self.nonces.end(nonce);
        let Some((addr, server, _)) = self.asked.remove(&nonce) else { return };
        // the number is the proof; a server that claims more than it did has said nothing
        let reached = match (answer, came) {
            (_, true) => Some(true),
            (Answer::NotReached, false) => Some(false),
            _ => None,
        };
        self.ended(addr, server, reached);
    }

    fn ended(&mut self, addr: Multiaddr, server: PeerId, reached: Option<bool>) {
        self.actions.push_back(ToSwarm::GenerateEvent(Event { addr, server, reached }));
        self.wake();
    }

    fn gone(&mut self, id: ConnectionId) {
        self.servers.remove(&id);
        self.remotes.remove(&id);
        let lost: Vec<u64> =
            self.asked.iter().filter(|(_, (.., at))| *at == id).map(|(nonce, _)| *nonce).collect();
        for nonce in lost {
            self.answered(nonce, Answer::NoAnswer);
        }
    }

    fn wake(&mut self) {
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }
}

impl NetworkBehaviour for Reachability {
    type ConnectionHandler = Handler;
    type ToSwarm = Event;

    fn handle_established_inbound_connection(
        &mut self,
        _: ConnectionId,
        _: PeerId,
        _: &Multiaddr,
        _: &Multiaddr,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        Ok(Handler::new(Arc::clone(&self.nonces)))
    }

    fn handle_established_outbound_connection(
        &mut self,
        _: ConnectionId,
        _: PeerId,
        _: &Multiaddr,
        _: Endpoint,
        _: PortUse,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        Ok(Handler::new(Arc::clone(&self.nonces)))
    }

    fn on_swarm_event(&mut self, event: FromSwarm<'_>) {
        match event {
            FromSwarm::ConnectionEstablished(event) => {
                self.remotes.insert(event.connection_id, event.endpoint.get_remote_address().clone());
            }
            FromSwarm::ConnectionClosed(event) => self.gone(event.connection_id),
            // candidates that identify makes of strangers' words are not taken up here
            _ => {}
        }
    }

    fn on_connection_handler_event(&mut self, peer: PeerId, id: ConnectionId, told: THandlerOutEvent<Self>) {
        match told {
            Told::Offers(true) => {
                if let Some(remote) = self.remotes.get(&id) {
                    self.servers.insert(id, (peer, remote.clone()));
                }
            }
            Told::Offers(false) => drop(self.servers.remove(&id)),
            Told::Answered(nonce, answer) => self.answered(nonce, answer),
        }
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<ToSwarm<Event, THandlerInEvent<Self>>> {
        match self.actions.pop_front() {
            Some(action) => Poll::Ready(action),
            None => {
                self.waker = Some(cx.waker().clone());
                Poll::Pending
            }
        }
    }
}
