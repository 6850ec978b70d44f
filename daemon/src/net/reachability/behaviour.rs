//! The swarm's side: who offers to dial back, and which questions are under way.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use libp2p::PeerId;
use libp2p::core::transport::PortUse;
use libp2p::core::{Endpoint, Multiaddr};
use libp2p::swarm::dial_opts::{DialOpts, PeerCondition};
use libp2p::swarm::{
    CloseConnection, ConnectionDenied, ConnectionId, DialError, FromSwarm, NetworkBehaviour, NotifyHandler,
    THandler, THandlerInEvent, THandlerOutEvent, ToSwarm,
};

use super::handler::{Errand, Handler, ToHandler, Told};
use super::probe::{Answer, Nonces};
use super::server::Wanted;
use crate::limits::TokenBucket;
use crate::routing::AddressPolicy;

/// Dials for others that one identity makes: so many a second, and at once.
const DIALS_PER_SECOND: f64 = 1.0;
const DIALS_AT_ONCE: f64 = 8.0;

/// Dials for others under way.
const MAX_DIALS: usize = 8;

/// A question ended.
#[derive(Debug)]
pub struct Event {
    pub addr: Multiaddr,
    pub server: PeerId,
    /// `Some(true)`: the head was dialled there. `None`: nothing is known by that.
    pub reached: Option<bool>,
}

/// Asks peers to dial us back, and dials back those that ask.
pub struct Reachability {
    policy: AddressPolicy,
    /// Whether we dial back: an identity that cannot be reached itself does not.
    offers: bool,
    dials: HashMap<ConnectionId, Errand>,
    budget: TokenBucket,
    nonces: Arc<Nonces>,
    /// Open connections whose peer offers it, and where the peer is.
    servers: HashMap<ConnectionId, (PeerId, Multiaddr)>,
    remotes: HashMap<ConnectionId, (PeerId, Multiaddr)>,
    asked: HashMap<u64, (Multiaddr, PeerId, ConnectionId)>,
    actions: VecDeque<ToSwarm<Event, ToHandler>>,
    waker: Option<Waker>,
}

impl Reachability {
    /// Asks only; [`Self::offer`] makes it answer, too.
    #[must_use]
    pub fn new(policy: AddressPolicy) -> Self {
        Self {
            policy,
            offers: false,
            dials: HashMap::new(),
            budget: TokenBucket::new(DIALS_PER_SECOND, DIALS_AT_ONCE),
            nonces: Arc::default(),
            servers: HashMap::new(),
            remotes: HashMap::new(),
            asked: HashMap::new(),
            actions: VecDeque::new(),
            waker: None,
        }
    }

    /// Offers to dial others back, or no longer.
    pub fn offer(&mut self, offers: bool) {
        if std::mem::replace(&mut self.offers, offers) == offers {
            return;
        }
        let told = self.remotes.iter().map(|(id, (peer, _))| ToSwarm::NotifyHandler {
            peer_id: *peer,
            handler: NotifyHandler::One(*id),
            event: ToHandler::Offer(offers),
        });
        self.actions.extend(told);
        self.wake();
    }

    /// Dials a peer that asks for it; what is not dialled is refused by dropping it.
    fn dial(&mut self, peer: PeerId, wanted: Wanted) {
        if !self.offers || self.dials.len() >= MAX_DIALS || !self.budget.take() {
            return;
        }
        let Wanted { addr, nonce, done } = wanted;
        // from another port: the one we listen on may be let in only because it dialled us
        let opts = DialOpts::peer_id(peer)
            .addresses(vec![addr])
            .condition(PeerCondition::Always)
            .allocate_new_port()
            .build();
        self.dials.insert(opts.connection_id(), Errand { nonce, done });
        self.actions.push_back(ToSwarm::Dial { opts });
        self.wake();
    }

    /// Peers that offer to dial back, and where they are.
    pub fn servers(&self) -> impl Iterator<Item = (&PeerId, &Multiaddr)> {
        self.servers.values().map(|(peer, remote)| (peer, remote))
    }

    /// Asks a peer to dial us at the address; the answer is an [`Event`].
    pub fn ask(&mut self, server: PeerId, addr: Multiaddr) {
        let Some(id) = self.servers.iter().find(|(_, (peer, _))| *peer == server).map(|(id, _)| *id) else {
            return self.ended(addr, server, None);
        };
        let nonce = self.nonces.give();
        self.actions.push_back(ToSwarm::NotifyHandler {
            peer_id: server,
            handler: NotifyHandler::One(id),
            event: ToHandler::Ask { addr: addr.clone(), nonce },
        });
        self.asked.insert(nonce, (addr, server, id));
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

    fn handler(&self, remote: &Multiaddr) -> Handler {
        Handler::new(Arc::clone(&self.nonces), self.policy, remote.clone(), self.offers)
    }

    fn gone(&mut self, id: ConnectionId) {
        self.servers.remove(&id);
        self.remotes.remove(&id);
        let lost: Vec<u64> =
            self.asked.iter().filter(|(_, (.., at))| *at == id).map(|(nonce, _)| *nonce).collect();
        for nonce in lost {
            self.answered(nonce, Answer::Nothing);
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
        remote: &Multiaddr,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        Ok(self.handler(remote))
    }

    fn handle_established_outbound_connection(
        &mut self,
        id: ConnectionId,
        _: PeerId,
        remote: &Multiaddr,
        _: Endpoint,
        _: PortUse,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        let handler = self.handler(remote);
        Ok(match self.dials.remove(&id) {
            Some(errand) => handler.bringing(errand),
            None => handler,
        })
    }

    fn on_swarm_event(&mut self, event: FromSwarm<'_>) {
        match event {
            FromSwarm::ConnectionEstablished(event) => {
                let remote = event.endpoint.get_remote_address().clone();
                self.remotes.insert(event.connection_id, (event.peer_id, remote));
            }
            FromSwarm::ConnectionClosed(event) => self.gone(event.connection_id),
            FromSwarm::DialFailure(event) => {
                if let Some(errand) = self.dials.remove(&event.connection_id) {
                    // our own limits say nothing of the address
                    if !matches!(event.error, DialError::Denied { .. }) {
                        errand.done.send(false).ok();
                    }
                }
            }
            // candidates that identify makes of strangers' words are not taken up here
            _ => {}
        }
    }

    fn on_connection_handler_event(&mut self, peer: PeerId, id: ConnectionId, told: THandlerOutEvent<Self>) {
        match told {
            Told::Offers(true) => {
                if let Some(known) = self.remotes.get(&id) {
                    self.servers.insert(id, known.clone());
                }
            }
            Told::Offers(false) => drop(self.servers.remove(&id)),
            Told::Answered(nonce, answer) => self.answered(nonce, answer),
            Told::Wanted(wanted) => self.dial(peer, wanted),
            Told::Brought => {
                let connection = CloseConnection::One(id);
                self.actions.push_back(ToSwarm::CloseConnection { peer_id: peer, connection });
                self.wake();
            }
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
