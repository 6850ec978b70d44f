//! One inbound stream: requests in order, each answered before the next is read.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use futures::future::AbortHandle;
use futures::{AsyncRead, AsyncWrite, AsyncWriteExt as _};

use crate::dht::Served;
use crate::net::rpc::Server;
use crate::net::rpc::reader::{End, Reader};
use crate::routing::contacts::Contact;
use crate::telemetry::{Drop as Reason, drops};
use crate::wire::Message;
use crate::wire::bounds::{MESSAGE_ARRIVAL, REQUEST, STREAM_IDLE};

/// Where a stream stands, for the connection's clock.
#[derive(Debug)]
pub(super) struct Slot {
    /// Milliseconds of the connection's age when the phase began, shifted by two, and the phase.
    since: AtomicU64,
    pub(super) abort: AbortHandle,
}

const IDLE: u64 = 0;
const ARRIVING: u64 = 1;
const ANSWERING: u64 = 2;
const ENDED: u64 = 3;

impl Slot {
    pub(super) fn new(abort: AbortHandle, contact: &Contact) -> Self {
        let slot = Self { since: AtomicU64::new(0), abort };
        slot.enter(IDLE, contact, Instant::now());
        slot
    }

    fn enter(&self, phase: u64, contact: &Contact, now: Instant) {
        self.since.store((contact.age_at(now).as_millis() as u64) << 2 | phase, Relaxed);
    }

    /// A message's first byte is here.
    fn began(&self, contact: &Contact) {
        if self.since.load(Relaxed) & 3 != ARRIVING {
            self.enter(ARRIVING, contact, Instant::now());
        }
    }

    pub(super) fn ended(&self) -> bool {
        self.since.load(Relaxed) & 3 == ENDED
    }

    /// Idle since this age of the connection, in milliseconds.
    pub(super) fn idle_since(&self) -> Option<u64> {
        let since = self.since.load(Relaxed);
        (since & 3 == IDLE).then_some(since >> 2)
    }

    /// The reason to end the stream at this age of the connection.
    pub(super) fn overdue(&self, age: Duration) -> Option<Reason> {
        let since = self.since.load(Relaxed);
        let (limit, reason) = match since & 3 {
            IDLE => (STREAM_IDLE, Reason::StreamIdle),
            ARRIVING => (MESSAGE_ARRIVAL, Reason::MessageSlow),
            ANSWERING => (REQUEST, Reason::RequestTimeout),
            _ => return None,
        };
        (age.saturating_sub(Duration::from_millis(since >> 2)) >= limit).then_some(reason)
    }
}

/// Serves a stream to its end. Returning before the stream is closed resets it.
pub(super) async fn serve<S>(mut stream: S, server: Arc<Server>, contact: Arc<Contact>, slot: Arc<Slot>)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let counters = &server.local.counters;
    match answer(&mut stream, &server, &contact, &slot).await {
        // closing our side after the peer closed its own; a failure changes nothing any more
        End::Closed => drop(stream.close().await),
        End::Broken => counters.reset(),
        End::Refused(reason) => {
            drops::count(reason);
            counters.reset();
        }
    }
    slot.enter(ENDED, &contact, Instant::now());
}

async fn answer<S>(stream: &mut S, server: &Server, contact: &Contact, slot: &Slot) -> End
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let (counters, requests) = (&server.local.counters, &server.service.requests);
    let mut reader = Reader::default();
    loop {
        let body = match reader.next(stream, || slot.began(contact)).await {
            Ok(body) => body,
            Err(end) => return end,
        };
        let began = Instant::now();
        slot.enter(ANSWERING, contact, began);
        let Ok(request) = Message::read(body) else { return End::Refused(Reason::MessageInvalid) };
        let Some(kind) = request.kind else { return End::Refused(Reason::MessageInvalid) };
        let kind = kind as usize;
        counters.request(kind, body.len());
        let served = server.service.handle(&server.local, contact, request).await;
        match served {
            Served::Reply(frame) => {
                // what a slow reader makes us wait for is not our latency
                requests.answered(kind, began.elapsed());
                let frame = frame.as_ref();
                counters.reply(kind, frame.len());
                // replies to requests that came together go out together
                let sent = match stream.write_all(frame).await {
                    Ok(()) if reader.has_next() => Ok(()),
                    Ok(()) => stream.flush().await,
                    broken => broken,
                };
                if sent.is_err() {
                    return End::Broken;
                }
            }
            Served::Silent => requests.answered(kind, began.elapsed()),
            Served::Reset(reason) => {
                requests.refused(kind);
                return End::Refused(reason);
            }
        }
        let now = Instant::now();
        contact.touch(now);
        slot.enter(IDLE, contact, now);
    }
}
