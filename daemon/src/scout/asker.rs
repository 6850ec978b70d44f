//! Asking a peer: the handle that lookups and the crawl hold, and what the task is told.
//!
//! A question holds a place until it is answered, so that what is under way is bounded. One
//! that nobody waits for any more is given up.

use std::sync::Arc;
use std::time::Duration;

use libp2p::PeerId;
use tokio::sync::{Semaphore, mpsc, oneshot};
use tokio::time::{sleep, timeout};

use crate::net::{Answered, RpcError};
use crate::telemetry::{Asked, AskedFor};
use crate::wire::bounds::{MAX_MESSAGE, MAX_PEER_RECORD};
use crate::wire::message::{Frame, Kind};
use crate::wire::{AddrList, Reply};

/// Questions of all lookups under way at one time; and of the crawl, which has bounds of its own.
const MAX_OPEN: usize = 1024;

/// A question is sent again when its connection was being closed, after this time.
const TRIES: usize = 2;
const CLOSING: Duration = Duration::from_millis(100);

/// Questions on their way to the task.
pub(super) const CALLS: usize = 64;

/// Closer peers that a good answer has at most: k, and the one that was asked for.
const MAX_CLOSER: usize = 21;

/// Largest answer that consists of closer peers alone.
const MAX_CLOSER_REPLY: usize = MAX_CLOSER * MAX_PEER_RECORD + 1024;

/// A record and its key beside the closer peers.
const MAX_VALUE_REPLY: usize = MAX_CLOSER_REPLY + (32 << 10);

/// Whose word the addresses of a question are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Source {
    /// The operator's configuration.
    Operator,
    /// The table, or what was known in an earlier run.
    Own,
    /// Another peer's answer, or the peer itself.
    Stranger,
}

/// A question for a peer.
#[derive(Debug)]
pub(super) struct Call {
    pub(super) peer: PeerId,
    pub(super) addrs: AddrList,
    pub(super) source: Source,
    pub(super) frame: Frame,
    pub(super) wants_reply: bool,
    pub(super) max_reply: usize,
    pub(super) reply: oneshot::Sender<Result<Answered, RpcError>>,
}

/// What is asked.
#[derive(Debug, Clone)]
pub(super) struct Question {
    pub(super) kind: Kind,
    pub(super) frame: Frame,
}

impl Question {
    /// FIND_NODE, GET_PROVIDERS or GET_VALUE for a key.
    pub(super) fn about(kind: Kind, key: &[u8]) -> Self {
        Self { kind, frame: Reply::new(kind, key, 0).into_frame() }
    }

    fn max_reply(&self) -> usize {
        match self.kind {
            Kind::GetProviders => MAX_MESSAGE,
            Kind::GetValue | Kind::PutValue => MAX_VALUE_REPLY,
            _ => MAX_CLOSER_REPLY,
        }
    }
}

/// Asks peers.
#[derive(Debug, Clone)]
pub(super) struct Asker {
    calls: mpsc::Sender<Call>,
    open: Arc<Semaphore>,
    asked: Arc<Asked>,
    asks_for: AskedFor,
}

impl Asker {
    pub(super) fn new(asked: Arc<Asked>, asks_for: AskedFor) -> (Self, mpsc::Receiver<Call>) {
        let (calls, task) = mpsc::channel(CALLS);
        (Self { calls, open: Arc::new(Semaphore::new(MAX_OPEN)), asked, asks_for }, task)
    }

    /// Asks one peer, which is dialled when it is not connected. Dropped, the question is
    /// given up.
    pub(super) async fn ask(
        &self,
        peer: PeerId,
        addrs: AddrList,
        source: Source,
        question: &Question,
        patience: Duration,
    ) -> Result<Answered, RpcError> {
        // waiting for a place says nothing of the peer
        let place = timeout(patience, self.open.acquire()).await;
        let Ok(Ok(_place)) = place else { return Err(RpcError::Busy) };
        let asked = async {
            for _ in 0..TRIES {
                let (reply, answer) = oneshot::channel();
                let call = Call {
                    peer,
                    addrs: addrs.clone(),
                    source,
                    frame: question.frame.clone(),
                    wants_reply: question.kind != Kind::AddProvider,
                    max_reply: question.max_reply(),
                    reply,
                };
                self.calls.send(call).await.map_err(|_| RpcError::NotConnected)?;
                // dropped: the connection was closing for want of use just then
                if let Ok(answer) = answer.await {
                    return answer;
                }
                sleep(CLOSING).await;
            }
            Err(RpcError::NotConnected)
        };
        let answer = timeout(patience, asked).await.unwrap_or(Err(RpcError::Timeout));
        self.count(question, &answer);
        answer
    }

    fn count(&self, question: &Question, answer: &Result<Answered, RpcError>) {
        let kind = question.kind as usize;
        match answer {
            Ok(answered) => self.asked.answered(kind, self.asks_for, answered.took, answered.body.len()),
            // for reasons of ours it was not asked at all
            Err(RpcError::Busy | RpcError::NotDialled(_)) => return,
            Err(_) => self.asked.failed(kind, self.asks_for),
        }
        if !matches!(answer, Err(RpcError::Unreachable(_) | RpcError::NotConnected)) {
            self.asked.sent(kind, self.asks_for, question.frame.as_ref().len());
        }
    }

    /// The same, asking for something else.
    pub(super) fn asking_for(&self, asks_for: AskedFor) -> Self {
        Self { asks_for, ..self.clone() }
    }

    /// The same with places of its own: who asks through the one does not keep the other
    /// from asking.
    pub(super) fn apart(&self) -> Self {
        Self { open: Arc::new(Semaphore::new(MAX_OPEN)), ..self.clone() }
    }
}
