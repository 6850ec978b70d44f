//! Our requests over one connection: one stream, kept and reused, one request at a time.

use std::collections::VecDeque;
use std::fmt;
use std::time::{Duration, Instant};

use futures::future::BoxFuture;
use futures::{AsyncWriteExt as _, FutureExt as _};
use libp2p::Stream;
use tokio::sync::oneshot;
use tokio::time::timeout;

use crate::net::dialer::NotDialled;
use crate::net::rpc::reader::{End, Reader};
use crate::wire::Frame;
use crate::wire::bounds::{MAX_OUTBOUND_QUEUE, OUTBOUND_REQUEST};

/// Why a request of ours was not answered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RpcError {
    #[error("not connected")]
    NotConnected,
    #[error(transparent)]
    NotDialled(#[from] NotDialled),
    /// A dial failed; the cause in words.
    #[error("{0}")]
    Unreachable(String),
    #[error("as many requests already wait")]
    Busy,
    #[error("the peer does not serve the protocol")]
    Unsupported,
    #[error("no answer in time")]
    Timeout,
    #[error("the stream was reset")]
    Reset,
    #[error("the answer is no message, or larger than one of its kind may be")]
    BadAnswer,
}

/// What a peer answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answered {
    /// The message; empty for a request that has no reply.
    pub body: Vec<u8>,
    /// From the first byte written to the last one read.
    pub took: Duration,
}

/// A request to a connected peer.
pub struct Request {
    pub frame: Frame,
    /// False for ADD_PROVIDER, which has no reply: an empty body comes back when it is written.
    pub wants_reply: bool,
    /// Largest answer taken, in bytes: a longer one resets the stream.
    pub max_reply: usize,
    pub reply: oneshot::Sender<Result<Answered, RpcError>>,
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request").field("bytes", &self.frame.as_ref().len()).finish_non_exhaustive()
    }
}

impl Request {
    pub(super) fn fail(self, error: RpcError) {
        // the asker may have gone
        drop(self.reply.send(Err(error)));
    }
}

/// A request under way gives back the stream when it can be used again.
type Exchange = BoxFuture<'static, (Option<Stream>, Option<Request>)>;

/// The outbound half of a handler.
#[derive(Default)]
pub(super) struct Outbound {
    queue: VecDeque<Request>,
    idle: Option<Stream>,
    opening: bool,
    running: Option<Exchange>,
}

impl Outbound {
    pub(super) fn push(&mut self, request: Request) {
        if self.queue.len() >= MAX_OUTBOUND_QUEUE {
            request.fail(RpcError::Busy);
        } else {
            self.queue.push_back(request);
        }
    }

    /// Drives requests; says whether a stream is to be opened now.
    pub(super) fn poll(&mut self, cx: &mut std::task::Context<'_>) -> bool {
        loop {
            if let Some(running) = &mut self.running {
                let std::task::Poll::Ready((stream, again)) = running.poll_unpin(cx) else { return false };
                self.running = None;
                self.idle = stream;
                if let Some(request) = again {
                    self.queue.push_front(request);
                }
            }
            while self.queue.front().is_some_and(|request| request.reply.is_closed()) {
                self.queue.pop_front();
            }
            if self.queue.is_empty() || self.opening {
                return false;
            }
            let Some(stream) = self.idle.take() else {
                self.opening = true;
                return true;
            };
            self.start(stream, true);
        }
    }

    pub(super) fn opened(&mut self, mut stream: Stream) {
        self.opening = false;
        stream.ignore_for_keep_alive();
        if self.queue.is_empty() {
            self.idle = Some(stream);
        } else {
            self.start(stream, false);
        }
    }

    pub(super) fn refused(&mut self, error: RpcError) {
        self.opening = false;
        for request in self.queue.drain(..) {
            request.fail(error.clone());
        }
    }

    fn start(&mut self, stream: Stream, reused: bool) {
        if let Some(request) = self.queue.pop_front() {
            self.running = Some(exchange(stream, request, reused).boxed());
        }
    }
}

/// One request. A failure on a stream that was used before is tried again on a new one: the
/// peer may have closed it while it was idle.
async fn exchange(mut stream: Stream, request: Request, reused: bool) -> (Option<Stream>, Option<Request>) {
    let began = Instant::now();
    let asked = timeout(OUTBOUND_REQUEST, ask(&mut stream, &request)).await;
    match asked {
        Ok(Ok(body)) => {
            drop(request.reply.send(Ok(Answered { body, took: began.elapsed() })));
            (Some(stream), None)
        }
        Ok(Err(RpcError::Reset)) if reused => (None, Some(request)),
        Ok(Err(error)) => {
            request.fail(error);
            (None, None)
        }
        Err(_) => {
            request.fail(RpcError::Timeout);
            (None, None)
        }
    }
}

async fn ask(stream: &mut Stream, request: &Request) -> Result<Vec<u8>, RpcError> {
    let reset = |_| RpcError::Reset;
    stream.write_all(request.frame.as_ref()).await.map_err(reset)?;
    stream.flush().await.map_err(reset)?;
    if !request.wants_reply {
        return Ok(Vec::new());
    }
    let mut reader = Reader::limited(request.max_reply);
    match reader.next(stream, || ()).await {
        Ok(body) => Ok(body.to_vec()),
        Err(End::Refused(_)) => Err(RpcError::BadAnswer),
        Err(End::Closed | End::Broken) => Err(RpcError::Reset),
    }
}
