//! The connection's side: questions and numbers, both ways.

use std::array;
use std::collections::VecDeque;
use std::convert::Infallible;
use std::future::{Ready, ready};
use std::iter::Take;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures::StreamExt as _;
use futures::future::BoxFuture;
use futures::stream::FuturesUnordered;
use libp2p::core::upgrade::{InboundUpgrade, ReadyUpgrade, UpgradeInfo};
use libp2p::swarm::handler::{
    ConnectionEvent, DialUpgradeError, FullyNegotiatedInbound, FullyNegotiatedOutbound, ProtocolsChange,
};
use libp2p::swarm::{ConnectionHandler, ConnectionHandlerEvent, StreamProtocol, SubstreamProtocol};
use libp2p::{Multiaddr, Stream};
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;

use super::probe::{Answer, Nonces, ask, take};
use super::server::{Wanted, bring, serve};
use crate::routing::AddressPolicy;

const DIAL_REQUEST: StreamProtocol = StreamProtocol::new("/libp2p/autonat/2/dial-request");
const DIAL_BACK: StreamProtocol = StreamProtocol::new("/libp2p/autonat/2/dial-back");

/// Time for a question: the server dials meanwhile.
const PATIENCE: Duration = Duration::from_secs(30);

/// Time to bring or to take a number.
const BRINGING: Duration = Duration::from_secs(10);

/// Streams served at a time over one connection.
const MAX_SERVED: usize = 4;

/// Questions that wait for their stream.
const MAX_WAITING: usize = 4;

/// What a connection is told.
#[derive(Debug)]
pub enum ToHandler {
    /// "Can you dial me there?"
    Ask { addr: Multiaddr, nonce: u64 },
    /// Offer to dial others back, or no longer.
    Offer(bool),
}

/// What a connection tells.
#[derive(Debug)]
pub enum Told {
    /// The peer offers to dial back, or no longer.
    Offers(bool),
    Answered(u64, Answer),
    /// The peer wants to be dialled.
    Wanted(Wanted),
    /// The number was brought, or not: the connection was for nothing else.
    Brought,
}

/// The number that a connection was dialled for.
pub(super) struct Errand {
    pub(super) nonce: u64,
    pub(super) done: oneshot::Sender<bool>,
}

/// What is waited for on a stream that we open.
enum Opening {
    Question { addr: Multiaddr, nonce: u64 },
    Errand(Errand),
}

type Served = BoxFuture<'static, Option<Told>>;

/// One connection's questions and numbers.
pub struct Handler {
    nonces: Arc<Nonces>,
    policy: AddressPolicy,
    remote: Multiaddr,
    offers: bool,
    /// Wait for their streams to be asked for, one after the other.
    next: VecDeque<Opening>,
    /// Waits for its stream.
    opening: Option<Opening>,
    ours: FuturesUnordered<Served>,
    theirs: FuturesUnordered<Served>,
    /// Made for the first request: few connections ever have one.
    wanted: Option<(mpsc::Sender<Wanted>, mpsc::Receiver<Wanted>)>,
    told: Vec<Told>,
}

impl Handler {
    pub(super) fn new(nonces: Arc<Nonces>, policy: AddressPolicy, remote: Multiaddr, offers: bool) -> Self {
        Self {
            nonces,
            policy,
            remote,
            offers,
            next: VecDeque::new(),
            opening: None,
            ours: FuturesUnordered::new(),
            theirs: FuturesUnordered::new(),
            wanted: None,
            told: Vec::new(),
        }
    }

    /// Of a connection that was dialled to bring a number.
    pub(super) fn bringing(mut self, errand: Errand) -> Self {
        self.next.push_back(Opening::Errand(errand));
        self
    }

    fn accept(&mut self, mut stream: Stream, protocol: &StreamProtocol) {
        if self.theirs.len() >= MAX_SERVED {
            return;
        }
        stream.ignore_for_keep_alive();
        if *protocol == DIAL_BACK {
            let nonces = Arc::clone(&self.nonces);
            self.theirs.push(Box::pin(async move {
                let taken = timeout(BRINGING, take(stream, &nonces)).await;
                tracing::debug!(?taken, "a number was brought back");
                None
            }));
        } else if self.offers {
            let (wants, _) = self.wanted.get_or_insert_with(|| mpsc::channel(MAX_SERVED));
            let served = serve(stream, self.policy, self.remote.clone(), wants.clone());
            self.theirs.push(Box::pin(async move {
                let served = timeout(PATIENCE, served).await;
                tracing::debug!(?served, "asked to dial back");
                None
            }));
        }
    }

    fn opened(&mut self, mut stream: Stream) {
        stream.ignore_for_keep_alive();
        match self.opening.take() {
            Some(Opening::Question { addr, nonce }) => self.ours.push(Box::pin(async move {
                let answer = timeout(PATIENCE, ask(stream, addr, nonce)).await;
                let answer = answer.map_or(Answer::Nothing, |said| said.unwrap_or(Answer::Nothing));
                Some(Told::Answered(nonce, answer))
            })),
            Some(Opening::Errand(Errand { nonce, done })) => self.ours.push(Box::pin(async move {
                let brought = timeout(BRINGING, bring(stream, nonce)).await;
                // whoever asked may have gone
                done.send(matches!(brought, Ok(Ok(())))).ok();
                Some(Told::Brought)
            })),
            None => {}
        }
    }

    fn not_opened(&mut self) {
        self.told.extend(self.opening.take().map(|opening| match opening {
            Opening::Question { nonce, .. } => Told::Answered(nonce, Answer::Nothing),
            // dropped, it is answered: not dialled
            Opening::Errand(_) => Told::Brought,
        }));
    }
}

impl ConnectionHandler for Handler {
    type FromBehaviour = ToHandler;
    type ToBehaviour = Told;
    type InboundProtocol = Offer;
    type OutboundProtocol = ReadyUpgrade<StreamProtocol>;
    type InboundOpenInfo = ();
    type OutboundOpenInfo = ();

    fn listen_protocol(&self) -> SubstreamProtocol<Offer> {
        SubstreamProtocol::new(Offer { dials: self.offers }, ())
    }

    fn on_behaviour_event(&mut self, event: ToHandler) {
        match event {
            ToHandler::Offer(offers) => self.offers = offers,
            ToHandler::Ask { nonce, .. } if self.next.len() >= MAX_WAITING => {
                self.told.push(Told::Answered(nonce, Answer::Nothing));
            }
            ToHandler::Ask { addr, nonce } => self.next.push_back(Opening::Question { addr, nonce }),
        }
    }

    fn on_connection_event(&mut self, event: ConnectionEvent<'_, Offer, Self::OutboundProtocol>) {
        match event {
            ConnectionEvent::FullyNegotiatedInbound(FullyNegotiatedInbound { protocol, .. }) => {
                let (stream, name) = protocol;
                self.accept(stream, &name);
            }
            ConnectionEvent::FullyNegotiatedOutbound(FullyNegotiatedOutbound { protocol, .. }) => {
                self.opened(protocol);
            }
            ConnectionEvent::DialUpgradeError(DialUpgradeError { .. }) => self.not_opened(),
            ConnectionEvent::RemoteProtocolsChange(change) => {
                let offers = match change {
                    ProtocolsChange::Added(mut names) => names.any(|n| *n == DIAL_REQUEST).then_some(true),
                    ProtocolsChange::Removed(mut names) => names.any(|n| *n == DIAL_REQUEST).then_some(false),
                };
                self.told.extend(offers.map(Told::Offers));
            }
            _ => {}
        }
    }

    fn poll(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<ConnectionHandlerEvent<Self::OutboundProtocol, (), Told>> {
        while let Poll::Ready(Some(told)) = self.theirs.poll_next_unpin(cx) {
            self.told.extend(told);
        }
        while let Poll::Ready(Some(told)) = self.ours.poll_next_unpin(cx) {
            self.told.extend(told);
        }
        if let Some((_, wanted)) = &mut self.wanted
            && let Poll::Ready(Some(wanted)) = wanted.poll_recv(cx)
        {
            self.told.push(Told::Wanted(wanted));
        }
        if let Some(told) = self.told.pop() {
            return Poll::Ready(ConnectionHandlerEvent::NotifyBehaviour(told));
        }
        if self.opening.is_none()
            && let Some(next) = self.next.pop_front()
        {
            let name = match &next {
                Opening::Question { .. } => DIAL_REQUEST,
                Opening::Errand(_) => DIAL_BACK,
            };
            self.opening = Some(next);
            let protocol = SubstreamProtocol::new(ReadyUpgrade::new(name), ());
            return Poll::Ready(ConnectionHandlerEvent::OutboundSubstreamRequest { protocol });
        }
        Poll::Pending
    }
}

/// What a connection offers: to take a number, and perhaps to dial back.
#[derive(Debug, Clone, Copy)]
pub struct Offer {
    dials: bool,
}

impl UpgradeInfo for Offer {
    type Info = StreamProtocol;
    type InfoIter = Take<array::IntoIter<StreamProtocol, 2>>;

    fn protocol_info(&self) -> Self::InfoIter {
        [DIAL_BACK, DIAL_REQUEST].into_iter().take(1 + usize::from(self.dials))
    }
}

impl InboundUpgrade<Stream> for Offer {
    type Output = (Stream, StreamProtocol);
    type Error = Infallible;
    type Future = Ready<Result<Self::Output, Infallible>>;

    fn upgrade_inbound(self, stream: Stream, name: StreamProtocol) -> Self::Future {
        ready(Ok((stream, name)))
    }
}
