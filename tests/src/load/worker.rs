//! One stream's loop: take a turn, ask, read, count.
//!
//! Owns its stream and reopens it after a failure. Announcements have no reply, so a PING
//! behind every batch of them keeps the loop closed and proves them handled.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use libp2p::swarm::Stream;
use rand::rngs::SmallRng;

use super::frame::Framed;
use super::message::{Glance, Kind};
use super::node::Connection;
use super::report::Tally;
use super::streams::OpenError;
use super::workload::{Frames, Mix, Op};

/// Longest wait for a reply; Go clients wait as long.
const REPLY_PATIENCE: Duration = Duration::from_secs(10);
/// Wait after a failure, so that a dead server is not asked in a tight loop.
const AFTER_FAILURE: Duration = Duration::from_millis(20);
/// Failures in a row after which a worker gives up.
const MAX_FAILURES: u32 = 200;

/// What all workers of a run share.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) mix: Mix,
    /// Announcements in a row before a barrier.
    pub(crate) batch: u32,
    /// Nobody asks before this.
    pub(crate) begin: Instant,
    /// What begins before this is not counted.
    pub(crate) measure_from: Instant,
    pub(crate) until: Instant,
    /// Requests that may still begin.
    pub(crate) left: AtomicU64,
    /// Take any reply for an answer: the echo server has only one.
    pub(crate) any_reply: bool,
}

/// When requests begin.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Pace {
    /// As soon as the one before is answered.
    Closed,
    /// At fixed times, whether or not the one before is answered: latency counts from the
    /// intended time, so that a stall shows in each request that it delays.
    Open { next: Instant, every: Duration },
}

pub(crate) struct Worker {
    pub(crate) connection: Connection,
    pub(crate) frames: Frames,
    pub(crate) rng: SmallRng,
    pub(crate) pace: Pace,
    pub(crate) tally: Tally,
    stream: Option<Framed<Stream>>,
    /// Announcements written since the last reply: all, and those that count.
    unproven: (u32, u64),
}

/// Why a request failed.
enum Failure {
    Open(OpenError),
    Io(io::Error),
    Eof,
    Timeout,
    BadReply,
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl Failure {
    fn kind(&self) -> &'static str {
        match self {
            Self::Open(OpenError::Unsupported) => "unsupported",
            Self::Open(OpenError::Timeout) => "open-timeout",
            Self::Open(OpenError::Closed) => "closed",
            Self::Io(error) if error.kind() == io::ErrorKind::UnexpectedEof => "eof",
            Self::Io(error) if error.kind() == io::ErrorKind::InvalidData => "bad-reply",
            Self::Io(_) => "reset",
            Self::Eof => "eof",
            Self::Timeout => "timeout",
            Self::BadReply => "bad-reply",
        }
    }
}

impl Worker {
    pub(crate) fn new(connection: Connection, frames: Frames, rng: SmallRng) -> Self {
        Self {
            connection,
            frames,
            rng,
            pace: Pace::Closed,
            tally: Tally::default(),
            stream: None,
            unproven: (0, 0),
        }
    }

    /// Opens the stream, puts the worker's own IPNS record when the mix reads it, and
    /// announces every `step`-th known key from `first`.
    pub(crate) async fn preload(&mut self, plan: &Plan, first: u64, step: u64, known: u64) -> bool {
        let result = self.try_preload(plan, first, step, known).await;
        self.unproven = (0, 0);
        result.map_err(|failure| self.fail(&failure)).is_ok()
    }

    async fn try_preload(&mut self, plan: &Plan, first: u64, step: u64, known: u64) -> Result<(), Failure> {
        self.ensure_stream().await?;
        if plan.mix.has(Op::Getvalue) {
            self.write(Op::Putvalue).await?;
            self.reply(Op::Putvalue, plan.any_reply).await?;
        }
        if !plan.mix.has(Op::GetHit) {
            return Ok(());
        }
        for (nth, n) in (first..known).step_by(usize::try_from(step).unwrap_or(usize::MAX)).enumerate() {
            let stream = self.stream.as_mut().ok_or(Failure::Eof)?;
            stream.write(self.frames.known(n)).await?;
            if nth % 64 == 63 {
                self.write(Op::Ping).await?;
                self.reply(Op::Ping, plan.any_reply).await?;
            }
        }
        self.write(Op::Ping).await?;
        self.reply(Op::Ping, plan.any_reply).await.map(|_| ())
    }

    /// Asks until the time or the requests are used up.
    pub(crate) async fn run(mut self, plan: Arc<Plan>) -> Tally {
        let mut failures = 0;
        tokio::time::sleep_until(plan.begin.into()).await;
        while let Some(start) = self.turn(&plan).await {
            let op = plan.mix.pick(&mut self.rng);
            match self.ask(&plan, op, start).await {
                Ok(()) => failures = 0,
                Err(failure) => {
                    self.fail(&failure);
                    failures += 1;
                    if failures == MAX_FAILURES {
                        self.tally.error("gave-up");
                        break;
                    }
                    tokio::time::sleep(AFTER_FAILURE).await;
                }
            }
        }
        if self.unproven.0 > 0
            && let Err(failure) = self.barrier(&plan).await
        {
            self.fail(&failure);
        }
        self.tally
    }

    /// When the next request begins, or was meant to.
    async fn turn(&mut self, plan: &Plan) -> Option<Instant> {
        let now = Instant::now();
        let start = match &mut self.pace {
            Pace::Closed if now >= plan.until => return None,
            Pace::Closed => now,
            Pace::Open { next, every } => {
                let start = *next;
                if start >= plan.until {
                    return None;
                }
                *next += *every;
                if now >= plan.until {
                    // This one and all after it came due while a reply was awaited.
                    let op = plan.mix.pick(&mut self.rng);
                    self.tally.not_sent(op, now - start);
                    return self.turn_late(plan);
                }
                tokio::time::sleep_until(start.into()).await;
                start
            }
        };
        let take = |left: u64| left.checked_sub(1);
        plan.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take).is_ok().then_some(start)
    }

    /// Counts the rest of the schedule as not sent.
    fn turn_late(&mut self, plan: &Plan) -> Option<Instant> {
        let now = Instant::now();
        if let Pace::Open { next, every } = &mut self.pace {
            while *next < plan.until {
                let op = plan.mix.pick(&mut self.rng);
                self.tally.not_sent(op, now.saturating_duration_since(*next));
                *next += *every;
            }
        }
        None
    }

    async fn ask(&mut self, plan: &Plan, op: Op, start: Instant) -> Result<(), Failure> {
        let counts = start >= plan.measure_from;
        self.ensure_stream().await?;
        if counts {
            self.tally.sent(op);
        }
        self.write(op).await?;
        if op == Op::Add {
            self.unproven.0 += 1;
            self.unproven.1 += u64::from(counts);
            if self.unproven.0 >= plan.batch {
                return self.barrier(plan).await;
            }
            if let (Pace::Open { .. }, Some(stream)) = (self.pace, &mut self.stream) {
                stream.flush().await?;
            }
            return Ok(());
        }
        let (glance, bytes) = self.reply(op, plan.any_reply).await?;
        self.prove();
        if counts {
            self.tally.answered(op, start.elapsed(), glance.providers > 0 || glance.has_record);
            self.tally.reply_bytes += bytes as u64;
            self.tally.closer_peers += u64::from(glance.closer);
        }
        Ok(())
    }

    async fn barrier(&mut self, plan: &Plan) -> Result<(), Failure> {
        self.write(Op::Ping).await?;
        self.reply(Op::Ping, plan.any_reply).await?;
        self.tally.barriers += 1;
        self.prove();
        Ok(())
    }

    fn prove(&mut self) {
        self.tally.handled(self.unproven.1);
        self.unproven = (0, 0);
    }

    async fn ensure_stream(&mut self) -> Result<(), Failure> {
        if self.stream.is_none() {
            let stream = self.connection.open().await.map_err(Failure::Open)?;
            self.stream = Some(Framed::new(stream));
        }
        Ok(())
    }

    async fn write(&mut self, op: Op) -> Result<(), Failure> {
        let stream = self.stream.as_mut().ok_or(Failure::Eof)?;
        Ok(stream.write(self.frames.frame(op, &mut self.rng)).await?)
    }

    async fn reply(&mut self, op: Op, any: bool) -> Result<(Glance, usize), Failure> {
        let stream = self.stream.as_mut().ok_or(Failure::Eof)?;
        stream.flush().await?;
        let body = tokio::time::timeout(REPLY_PATIENCE, stream.read()).await;
        let body = body.map_err(|_| Failure::Timeout)??.ok_or(Failure::Eof)?;
        let glance = Glance::at(body).ok_or(Failure::BadReply)?;
        let expected: Kind = op.kind();
        if any || glance.kind == Some(expected) { Ok((glance, body.len())) } else { Err(Failure::BadReply) }
    }

    fn fail(&mut self, failure: &Failure) {
        self.tally.error(failure.kind());
        self.stream = None;
        self.unproven = (0, 0);
    }
}
