//! The connection's side: a question goes out, a number comes in.

use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures::StreamExt as _;
use futures::future::BoxFuture;
use futures::stream::FuturesUnordered;
use libp2p::core::upgrade::ReadyUpgrade;
use libp2p::swarm::handler::{
    ConnectionEvent, DialUpgradeError, FullyNegotiatedInbound, FullyNegotiatedOutbound, ProtocolsChange,
};
use libp2p::swarm::{ConnectionHandler, ConnectionHandlerEvent, StreamProtocol, SubstreamProtocol};
use libp2p::{Multiaddr, Stream};
use tokio::time::timeout;

use super::probe::{Answer, Nonces, ask, take};

const DIAL_REQUEST: StreamProtocol = StreamProtocol::new("/libp2p/autonat/2/dial-request");
const DIAL_BACK: StreamProtocol = StreamProtocol::new("/libp2p/autonat/2/dial-back");

/// Time for an answer: the server dials meanwhile.
const PATIENCE: Duration = Duration::from_secs(30);

/// Time to take a number.
const TAKING: Duration = Duration::from_secs(10);

/// Numbers taken at a time over one connection.
const MAX_TAKING: usize = 2;

/// "Can you dial me there?"
#[derive(Debug)]
pub struct Question {
    pub(super) addr: Multiaddr,
    pub(super) nonce: u64,
}

/// What a connection tells.
#[derive(Debug)]
pub enum Told {
    /// The peer offers to dial back, or no longer.
    Offers(bool),
    Answered(u64, Answer),
}

/// One connection's questions and numbers.
pub struct Handler {
    nonces: Arc<Nonces>,
    /// Waits for its stream to be asked for, and then for its stream.
    next: Option<Question>,
    opening: Option<Question>,
    asking: FuturesUnordered<BoxFuture<'static, (u64, Answer)>>,
    taking: FuturesUnordered<BoxFuture<'static, ()>>,
    told: Vec<Told>,
}

impl Handler {
    pub(super) fn new(nonces: Arc<Nonces>) -> Self {
        Self {
            nonces,
            next: None,
            opening: None,
            asking: FuturesUnordered::new(),
            taking: FuturesUnordered::new(),
            told: Vec::new(),
        }
    }

    fn take(&mut self, mut stream: Stream) {
        if self.taking.len() >= MAX_TAKING {
            return;
        }
        stream.ignore_for_keep_alive();
        let nonces = Arc::clone(&self.nonces);
        self.taking.push(Box::pin(async move {
            let taken = timeout(TAKING, take(stream, &nonces)).await;
            tracing::debug!(?taken, "a number was brought back");
        }));
    }
}

impl ConnectionHandler for Handler {
    type FromBehaviour = Question;
    type ToBehaviour = Told;
    type InboundProtocol = ReadyUpgrade<StreamProtocol>;
    type OutboundProtocol = ReadyUpgrade<StreamProtocol>;
    type InboundOpenInfo = ();
    type OutboundOpenInfo = ();

    fn listen_protocol(&self) -> SubstreamProtocol<Self::InboundProtocol> {
        SubstreamProtocol::new(ReadyUpgrade::new(DIAL_BACK), ())
    }

    fn on_behaviour_event(&mut self, question: Question) {
        if let Some(lost) = self.next.replace(question) {
            self.told.push(Told::Answered(lost.nonce, Answer::NoAnswer));
        }
    }

    fn on_connection_event(
        &mut self,
        event: ConnectionEvent<'_, Self::InboundProtocol, Self::OutboundProtocol>,
    ) {
        match event {
            ConnectionEvent::FullyNegotiatedInbound(FullyNegotiatedInbound { protocol, .. }) => {
                self.take(protocol);
            }
            ConnectionEvent::FullyNegotiatedOutbound(FullyNegotiatedOutbound { protocol, .. }) => {
                let Some(Question { addr, nonce }) = self.opening.take() else { return };
                let mut stream = protocol;
                stream.ignore_for_keep_alive();
                self.asking.push(Box::pin(async move {
                    let answer = timeout(PATIENCE, ask(stream, addr, nonce)).await;
                    (nonce, answer.map_or(Answer::NoAnswer, |said| said.unwrap_or(Answer::NoAnswer)))
                }));
            }
            ConnectionEvent::DialUpgradeError(DialUpgradeError { .. }) => {
                if let Some(question) = self.opening.take() {
                    self.told.push(Told::Answered(question.nonce, Answer::NoAnswer));
                }
            }
            ConnectionEvent::RemoteProtocolsChange(change) => {
                let offers = match change {
                    ProtocolsChange::Added(mut names) => {
                        names.any(|name| *name == DIAL_REQUEST).then_some(true)
                    }
                    ProtocolsChange::Removed(mut names) => {
                        names.any(|name| *name == DIAL_REQUEST).then_some(false)
                    }
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
        while let Poll::Ready(Some(())) = self.taking.poll_next_unpin(cx) {}
        if let Poll::Ready(Some((nonce, answer))) = self.asking.poll_next_unpin(cx) {
            self.told.push(Told::Answered(nonce, answer));
        }
        if let Some(told) = self.told.pop() {
            return Poll::Ready(ConnectionHandlerEvent::NotifyBehaviour(told));
        }
        if self.opening.is_none()
            && let Some(question) = self.next.take()
        {
            self.opening = Some(question);
            let protocol = SubstreamProtocol::new(ReadyUpgrade::new(DIAL_REQUEST), ());
            return Poll::Ready(ConnectionHandlerEvent::OutboundSubstreamRequest { protocol });
        }
        Poll::Pending
    }
}
