//! Raw streams of one protocol: a behaviour and a handler that do nothing else.
//!
//! Outbound, [`Streams::open`] negotiates a stream on a named connection and hands it
//! out. Inbound, a [`Service`] is run for each stream on its connection's own task. Owns
//! the bound of inbound streams a connection; reads and writes nothing itself.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::fmt;
use std::future::{Ready, ready};
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use futures::future::BoxFuture;
use futures::stream::{FuturesUnordered, StreamExt as _};
use libp2p::core::Endpoint;
use libp2p::core::transport::PortUse;
use libp2p::core::upgrade::{InboundUpgrade, ReadyUpgrade, UpgradeInfo};
use libp2p::swarm::handler::{
    ConnectionEvent, DialUpgradeError, FullyNegotiatedInbound, FullyNegotiatedOutbound,
};
use libp2p::swarm::{
    ConnectionDenied, ConnectionHandler, ConnectionHandlerEvent, ConnectionId, FromSwarm, NetworkBehaviour,
    NotifyHandler, Stream, StreamProtocol, StreamUpgradeError, SubstreamProtocol, THandler, THandlerInEvent,
    THandlerOutEvent, ToSwarm,
};
use libp2p::{Multiaddr, PeerId};
use tokio::sync::oneshot;

/// Most inbound streams served at once on a connection; Go takes 64 and a few.
const MAX_INBOUND: usize = 64;

/// Serves one inbound stream of a peer until it ends.
pub type Service = Arc<dyn Fn(PeerId, Stream) -> BoxFuture<'static, ()> + Send + Sync>;

/// Why no stream could be opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OpenError {
    /// The other side does not speak the protocol.
    Unsupported,
    /// The negotiation did not end in time.
    Timeout,
    /// The connection ended.
    Closed,
}

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unsupported => "the peer does not speak the protocol",
            Self::Timeout => "the stream was not negotiated in time",
            Self::Closed => "the connection ended",
        })
    }
}

impl std::error::Error for OpenError {}

/// Where a negotiated stream goes. Dropped when the connection is gone.
pub type Opened = oneshot::Sender<Result<Stream, OpenError>>;

/// The behaviour.
pub struct Streams {
    protocol: StreamProtocol,
    service: Option<Service>,
    orders: VecDeque<(PeerId, ConnectionId, Order)>,
    waker: Option<Waker>,
}

/// "Open a stream and put it here."
#[derive(Debug)]
pub struct Order(Opened);

impl Streams {
    /// Offers `protocol` to peers when there is a service for it.
    #[must_use]
    pub fn new(protocol: StreamProtocol, service: Option<Service>) -> Self {
        Self { protocol, service, orders: VecDeque::new(), waker: None }
    }

    /// Opens a stream on a connection. The answer's sender is dropped when there is no
    /// such connection any more.
    pub fn open(&mut self, peer: PeerId, connection: ConnectionId, answer: Opened) {
        self.orders.push_back((peer, connection, Order(answer)));
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }

    fn handler(&self, peer: PeerId) -> Handler {
        Handler {
            peer,
            protocol: self.protocol.clone(),
            service: self.service.clone(),
            orders: VecDeque::new(),
            serving: FuturesUnordered::new(),
            waker: None,
        }
    }
}

impl NetworkBehaviour for Streams {
    type ConnectionHandler = Handler;
    type ToSwarm = Infallible;

    fn handle_established_inbound_connection(
        &mut self,
        _: ConnectionId,
        peer: PeerId,
        _: &Multiaddr,
        _: &Multiaddr,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        Ok(self.handler(peer))
    }

    fn handle_established_outbound_connection(
        &mut self,
        _: ConnectionId,
        peer: PeerId,
        _: &Multiaddr,
        _: Endpoint,
        _: PortUse,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        Ok(self.handler(peer))
    }

    fn on_swarm_event(&mut self, _: FromSwarm<'_>) {}

    fn on_connection_handler_event(&mut self, _: PeerId, _: ConnectionId, event: THandlerOutEvent<Self>) {
        match event {}
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<ToSwarm<Self::ToSwarm, THandlerInEvent<Self>>> {
        if let Some((peer_id, connection, event)) = self.orders.pop_front() {
            let handler = NotifyHandler::One(connection);
            return Poll::Ready(ToSwarm::NotifyHandler { peer_id, handler, event });
        }
        self.waker = Some(cx.waker().clone());
        Poll::Pending
    }
}

/// The handler: one a connection.
pub struct Handler {
    peer: PeerId,
    protocol: StreamProtocol,
    service: Option<Service>,
    orders: VecDeque<Order>,
    serving: FuturesUnordered<BoxFuture<'static, ()>>,
    waker: Option<Waker>,
}

impl ConnectionHandler for Handler {
    type FromBehaviour = Order;
    type ToBehaviour = Infallible;
    type InboundProtocol = Offer;
    type OutboundProtocol = ReadyUpgrade<StreamProtocol>;
    type InboundOpenInfo = ();
    type OutboundOpenInfo = Order;

    fn listen_protocol(&self) -> SubstreamProtocol<Offer> {
        SubstreamProtocol::new(Offer(self.service.is_some().then(|| self.protocol.clone())), ())
    }

    fn connection_keep_alive(&self) -> bool {
        true
    }

    fn on_behaviour_event(&mut self, order: Order) {
        self.orders.push_back(order);
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }

    fn on_connection_event(
        &mut self,
        event: ConnectionEvent<'_, Offer, ReadyUpgrade<StreamProtocol>, (), Order>,
    ) {
        match event {
            ConnectionEvent::FullyNegotiatedInbound(FullyNegotiatedInbound { protocol: stream, .. }) => {
                if let Some(service) = self.service.as_ref().filter(|_| self.serving.len() < MAX_INBOUND) {
                    self.serving.push(service(self.peer, stream));
                    if let Some(waker) = self.waker.take() {
                        waker.wake();
                    }
                }
            }
            ConnectionEvent::FullyNegotiatedOutbound(FullyNegotiatedOutbound { protocol: stream, info }) => {
                // Whoever ordered it may have given up: then the stream is dropped here.
                drop(info.0.send(Ok(stream)));
            }
            ConnectionEvent::DialUpgradeError(DialUpgradeError { info, error }) => {
                let error = match error {
                    StreamUpgradeError::Timeout => OpenError::Timeout,
                    StreamUpgradeError::NegotiationFailed => OpenError::Unsupported,
                    StreamUpgradeError::Apply(never) => match never {},
                    StreamUpgradeError::Io(_) => OpenError::Closed,
                };
                drop(info.0.send(Err(error)));
            }
            _ => {}
        }
    }

    fn poll(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<ConnectionHandlerEvent<ReadyUpgrade<StreamProtocol>, Order, Infallible>> {
        if let Some(order) = self.orders.pop_front() {
            let protocol = SubstreamProtocol::new(ReadyUpgrade::new(self.protocol.clone()), order);
            return Poll::Ready(ConnectionHandlerEvent::OutboundSubstreamRequest { protocol });
        }
        while let Poll::Ready(Some(())) = self.serving.poll_next_unpin(cx) {}
        self.waker = Some(cx.waker().clone());
        Poll::Pending
    }
}

/// Takes inbound streams of a protocol, or of none.
#[derive(Clone, Debug)]
pub struct Offer(Option<StreamProtocol>);

impl UpgradeInfo for Offer {
    type Info = StreamProtocol;
    type InfoIter = std::option::IntoIter<StreamProtocol>;

    fn protocol_info(&self) -> Self::InfoIter {
        self.0.clone().into_iter()
    }
}

impl InboundUpgrade<Stream> for Offer {
    type Output = Stream;
    type Error = Infallible;
    type Future = Ready<Result<Stream, Infallible>>;

    fn upgrade_inbound(self, stream: Stream, _: StreamProtocol) -> Self::Future {
        ready(Ok(stream))
    }
}
