//! The connection's side: streams in, streams out, and the clock that ends the slow ones.

use std::convert::Infallible;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures::future::{AbortHandle, Abortable, BoxFuture};
use futures::stream::FuturesUnordered;
use futures::{FutureExt as _, StreamExt as _};
use libp2p::Stream;
use libp2p::core::upgrade::ReadyUpgrade;
use libp2p::swarm::handler::{
    ConnectionEvent, DialUpgradeError, FullyNegotiatedInbound, FullyNegotiatedOutbound,
};
use libp2p::swarm::{
    ConnectionHandler, ConnectionHandlerEvent, StreamProtocol, StreamUpgradeError, SubstreamProtocol,
};
use tokio::time::{Instant, Sleep, sleep_until};

use crate::net::rpc::Server;
use crate::net::rpc::inbound::{Slot, serve};
use crate::net::rpc::offer::Offer;
use crate::net::rpc::outbound::{Outbound, Request, RpcError};
use crate::routing::contacts::Contact;
use crate::telemetry::{Drop as Reason, drops};
use crate::wire::bounds::{MAX_STREAMS, STREAM_CHECK};

/// Open streams of a withdrawn head are served for this long: what a peer already sent counts
/// for it as stored.
pub(crate) const DRAIN: Duration = Duration::from_secs(2);

/// What the behaviour tells a handler.
#[derive(Debug)]
pub enum ToHandler {
    Request(Request),
    /// Offer the protocol, or take it back.
    Serve(bool),
}

/// DHT requests over one connection.
pub struct Handler {
    protocol: StreamProtocol,
    serving: bool,
    server: Option<Arc<Server>>,
    contact: Arc<Contact>,
    streams: FuturesUnordered<Abortable<BoxFuture<'static, ()>>>,
    slots: Vec<Arc<Slot>>,
    check: Option<Pin<Box<Sleep>>>,
    drained: Option<Instant>,
    outbound: Outbound,
}

impl Handler {
    pub(super) fn new(
        protocol: StreamProtocol,
        serving: bool,
        server: Option<Arc<Server>>,
        contact: Arc<Contact>,
    ) -> Self {
        Self {
            protocol,
            serving,
            server,
            contact,
            streams: FuturesUnordered::new(),
            slots: Vec::new(),
            check: None,
            drained: None,
            outbound: Outbound::default(),
        }
    }

    fn accept(&mut self, mut stream: Stream) {
        let Some(server) = self.server.clone() else { return };
        stream.ignore_for_keep_alive();
        self.slots.retain(|slot| !slot.ended());
        if self.slots.len() >= MAX_STREAMS && !self.make_room() {
            drops::count(Reason::StreamRefused);
            return;
        }
        let (abort, registration) = AbortHandle::new_pair();
        let slot = Arc::new(Slot::new(abort, &self.contact));
        let serving = serve(stream, server, Arc::clone(&self.contact), Arc::clone(&slot)).boxed();
        self.streams.push(Abortable::new(serving, registration));
        self.slots.push(slot);
    }

    /// Ends the stream that has been idle for longest.
    fn make_room(&mut self) -> bool {
        let oldest =
            self.slots.iter().enumerate().filter_map(|(i, slot)| Some((slot.idle_since()?, i))).min();
        let Some((_, i)) = oldest else { return false };
        self.slots.swap_remove(i).abort.abort();
        drops::count(Reason::StreamLimit);
        true
    }

    /// Ends what is overdue; the clock runs while there are streams.
    fn end_overdue(&mut self, cx: &mut Context<'_>) {
        loop {
            if self.slots.is_empty() {
                self.check = None;
                return;
            }
            let check =
                self.check.get_or_insert_with(|| Box::pin(sleep_until(Instant::now() + STREAM_CHECK)));
            if check.poll_unpin(cx).is_pending() {
                return;
            }
            let (age, drained) = (self.contact.age(), self.drained.is_some_and(|at| at <= Instant::now()));
            let counters = self.server.as_ref().map(|server| &server.local.counters);
            self.slots.retain(|slot| {
                let reason = if drained { Some(Reason::RequestWithdrawn) } else { slot.overdue(age) };
                if let Some(reason) = reason.filter(|_| !slot.ended()) {
                    slot.abort.abort();
                    // a stream that nobody used loses nothing
                    if !(drained && slot.idle_since().is_some()) {
                        drops::count(reason);
                    }
                    if let Some(counters) = counters {
                        counters.reset();
                    }
                }
                reason.is_none() && !slot.ended()
            });
            check.as_mut().reset(Instant::now() + STREAM_CHECK);
        }
    }
}

impl ConnectionHandler for Handler {
    type FromBehaviour = ToHandler;
    type ToBehaviour = Infallible;
    type InboundProtocol = Offer;
    type OutboundProtocol = ReadyUpgrade<StreamProtocol>;
    type InboundOpenInfo = ();
    type OutboundOpenInfo = ();

    fn listen_protocol(&self) -> SubstreamProtocol<Offer> {
        let offered = self.serving && self.server.is_some();
        SubstreamProtocol::new(Offer(offered.then(|| self.protocol.clone())), ())
    }

    /// Closing is the supervisor's business alone.
    fn connection_keep_alive(&self) -> bool {
        true
    }

    fn on_behaviour_event(&mut self, event: ToHandler) {
        match event {
            ToHandler::Request(request) => self.outbound.push(request),
            ToHandler::Serve(serving) => {
                self.serving = serving;
                self.drained = (!serving).then(|| Instant::now() + DRAIN);
                self.check = self.drained.map(|at| Box::pin(sleep_until(at)));
            }
        }
    }

    fn on_connection_event(&mut self, event: ConnectionEvent<'_, Offer, ReadyUpgrade<StreamProtocol>>) {
        match event {
            ConnectionEvent::FullyNegotiatedInbound(FullyNegotiatedInbound { protocol, .. }) => {
                self.accept(protocol);
            }
            ConnectionEvent::FullyNegotiatedOutbound(FullyNegotiatedOutbound { protocol, .. }) => {
                self.outbound.opened(protocol);
            }
            ConnectionEvent::DialUpgradeError(DialUpgradeError { error, .. }) => {
                self.outbound.refused(match error {
                    StreamUpgradeError::NegotiationFailed => RpcError::Unsupported,
                    StreamUpgradeError::Timeout => RpcError::Timeout,
                    StreamUpgradeError::Io(_) => RpcError::Reset,
                    StreamUpgradeError::Apply(never) => match never {},
                });
            }
            _ => {}
        }
    }

    fn poll(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<ConnectionHandlerEvent<ReadyUpgrade<StreamProtocol>, (), Infallible>> {
        while let Poll::Ready(Some(_)) = self.streams.poll_next_unpin(cx) {}
        self.end_overdue(cx);
        if self.outbound.poll(cx) {
            let protocol = SubstreamProtocol::new(ReadyUpgrade::new(self.protocol.clone()), ());
            return Poll::Ready(ConnectionHandlerEvent::OutboundSubstreamRequest { protocol });
        }
        Poll::Pending
    }
}

impl fmt::Debug for Handler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handler")
            .field("peer", &self.contact.peer)
            .field("streams", &self.slots.len())
            .finish()
    }
}
