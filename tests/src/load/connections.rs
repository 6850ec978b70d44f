//! Runs about connections themselves: making new ones, and holding many.
//!
//! Owns "connect, identify, one FIND_NODE, close" and the idle hold whose memory is
//! measured. Bounded in count and in time like every run.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use libp2p::swarm::Stream;
use tokio::task::JoinSet;

use super::frame::Framed;
use super::keys::{self, Domain};
use super::message::{Kind, Message};
use super::node::{Node, Target};
use super::report::{HoldReport, Report, Tally};
use super::run::{LONGEST, Reaching, connect, identities, spent};
use super::server::{PeakRss, Server};
use super::workload::Op;

const PATIENCE: Duration = Duration::from_secs(10);
/// Wait after a failure.
const AFTER_FAILURE: Duration = Duration::from_millis(50);
/// Time for a server to settle before its memory is read.
const SETTLE: Duration = Duration::from_secs(3);

/// A run of new connections.
#[derive(Clone, Debug)]
pub struct NewConnections {
    /// `connections` of them are under way at once.
    pub reaching: Reaching,
    pub warmup: Duration,
    pub duration: Duration,
    pub requests: Option<u64>,
    pub seed: u64,
    pub server: Option<Server>,
}

/// Connects, identifies, asks one FIND_NODE and closes, over and over. A request of the
/// report is one such connection.
///
/// # Errors
/// When nothing can be started, or the server's process is gone.
pub async fn new_connections(config: &NewConnections) -> Result<Report> {
    ensure!(!config.reaching.targets.is_empty(), "no target: name one with --target");
    ensure!(config.warmup + config.duration <= LONGEST, "a run of more than {LONGEST:?}");
    let rss_before = config.server.map(Server::rss_bytes).transpose()?;
    let nodes = identities(&config.reaching).await?;
    let measure_from = Instant::now() + config.warmup;
    let until = measure_from + config.duration;
    let left = Arc::new(AtomicU64::new(config.requests.unwrap_or(u64::MAX)));
    let peak = config.server.map(PeakRss::follow);
    let mut set = JoinSet::new();
    for n in 0..config.reaching.connections as usize {
        let node = Arc::clone(&nodes[n % nodes.len()].1);
        let target = config.reaching.targets[n % config.reaching.targets.len()].clone();
        let (left, seed) = (Arc::clone(&left), config.seed);
        set.spawn(async move {
            let mut tally = Tally::default();
            for turn in 0_u64.. {
                let start = Instant::now();
                let take = |left: u64| left.checked_sub(1);
                let taken = left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take).is_ok();
                if start >= until || !taken {
                    break;
                }
                let counts = start >= measure_from;
                if counts {
                    tally.sent(Op::Find);
                }
                let key = keys::key(seed, Domain::Missing, (n as u64) << 40 | turn);
                match once(&node, &target, &Message::new(Kind::FindNode, key).framed()).await {
                    Ok(bytes) if counts => {
                        tally.answered(Op::Find, start.elapsed(), false);
                        tally.reply_bytes += bytes as u64;
                    }
                    Ok(_) => {}
                    Err(kind) => {
                        tally.error(kind);
                        tokio::time::sleep(AFTER_FAILURE).await;
                    }
                }
            }
            tally
        });
    }
    tokio::time::sleep_until(measure_from.into()).await;
    let cpu_before = config.server.map(Server::cpu_seconds).transpose()?;
    let mut tally = Tally::default();
    while let Some(done) = set.join_next().await {
        tally.add(&done.context("a worker ended badly")?);
    }
    let mut report = tally.report(measure_from.elapsed().as_secs_f64());
    if let (Some(server), Some(cpu), Some(rss), Some(peak)) = (config.server, cpu_before, rss_before, peak) {
        report.server = Some(spent(server, cpu, rss, peak.bytes(), report.done)?);
    }
    Ok(report)
}

/// One connection's life; bytes of the reply, or which step failed.
async fn once(node: &Node, target: &Target, request: &[u8]) -> Result<usize, &'static str> {
    let connection = node.connect(target).await.map_err(|_| "connect")?;
    let result = async {
        connection.identified().await.map_err(|_| "identify")?;
        let stream = connection.open().await.map_err(|_| "open")?;
        exchange(stream, request).await.map_err(|_| "exchange")
    };
    let result = result.await;
    connection.close().await;
    result
}

async fn exchange(stream: Stream, request: &[u8]) -> Result<usize> {
    let mut framed = Framed::new(stream);
    framed.write(request).await?;
    framed.flush().await?;
    let body = tokio::time::timeout(PATIENCE, framed.read()).await??;
    Ok(body.context("the stream ended without a reply")?.len())
}

/// Asks a server one thing on a connection of its own, and closes it.
///
/// # Errors
/// When the server cannot be reached or does not answer within ten seconds.
pub async fn ask_once(node: &Node, target: &Target, request: &Message) -> Result<Message> {
    use prost::Message as _;
    let connection = node.connect(target).await?;
    let result = async {
        let mut framed = Framed::new(connection.open().await?);
        framed.write(&request.framed()).await?;
        framed.flush().await?;
        let body = tokio::time::timeout(PATIENCE, framed.read()).await??;
        Ok(Message::decode(body.context("the stream ended without a reply")?)?)
    };
    let result: Result<Message> = result.await;
    connection.close().await;
    result.with_context(|| format!("ask {target}"))
}

/// A hold.
#[derive(Clone, Debug)]
pub struct Hold {
    pub reaching: Reaching,
    /// Opens one stream a connection, on which one PING was answered.
    pub with_stream: bool,
    pub duration: Duration,
    pub server: Option<Server>,
}

/// Opens connections and leaves them idle.
///
/// # Errors
/// When a connection fails, or the server's process is gone.
pub async fn hold(config: &Hold) -> Result<HoldReport> {
    ensure!(config.duration <= LONGEST, "a hold of more than {LONGEST:?}");
    let rss_before = config.server.map(Server::rss_bytes).transpose()?;
    let links = connect(&config.reaching).await?;
    let mut tally = Tally::default();
    let mut streams = Vec::new();
    if config.with_stream {
        let ping = Message::new(Kind::Ping, &b""[..]).framed();
        for link in &links {
            match link.connection.open().await {
                Ok(stream) => {
                    let mut framed = Framed::new(stream);
                    framed.write(&ping).await.context("write on a held stream")?;
                    framed.flush().await.context("write on a held stream")?;
                    let reply = tokio::time::timeout(PATIENCE, framed.read()).await;
                    let answered = matches!(reply, Ok(Ok(Some(_))));
                    if answered { streams.push(framed) } else { tally.error("no-reply") }
                }
                Err(_) => tally.error("open"),
            }
        }
    }
    tokio::time::sleep(SETTLE.min(config.duration)).await;
    let cpu_before = config.server.map(Server::cpu_seconds).transpose()?;
    let peak = config.server.map(PeakRss::follow);
    let start = Instant::now();
    tokio::time::sleep(config.duration).await;
    let alive = links.iter().filter(|link| link.connection.is_open()).count() as u64;
    let report = tally.report(start.elapsed().as_secs_f64());
    let mut held = HoldReport {
        connections: links.len() as u64,
        streams: streams.len() as u64,
        alive_at_end: alive,
        seconds: report.seconds,
        errors: report.errors,
        server: None,
        rss_bytes_per_connection: None,
    };
    if let (Some(server), Some(cpu), Some(rss), Some(peak)) = (config.server, cpu_before, rss_before, peak) {
        let spent = spent(server, cpu, rss, peak.bytes(), 0)?;
        let grown = spent.rss_after_bytes as f64 - spent.rss_before_bytes as f64;
        held.rss_bytes_per_connection = Some(grown / links.len() as f64);
        held.server = Some(spent);
    }
    Ok(held)
}
