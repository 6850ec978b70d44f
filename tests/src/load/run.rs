//! A run of requests: connect, preload, ask for a while, count.
//!
//! Owns the order of these steps and the bounds of a run. Each stream is a
//! [`Worker`]; the server is only read from /proc.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use futures::StreamExt as _;
use futures::stream;
use libp2p::identity::Keypair;
use libp2p::swarm::StreamProtocol;
use rand::SeedableRng as _;
use rand::rngs::SmallRng;
use tokio::task::JoinSet;

use super::guard::Reach;
use super::node::{Connection, Node, NodeConfig, Target};
use super::report::{Report, ServerReport, Tally};
use super::server::{PeakRss, Server};
use super::transport::Security;
use super::worker::{Pace, Plan, Worker};
use super::workload::{Frames, Mix};

/// Handshakes at once while connecting.
const CONNECTING_AT_ONCE: usize = 16;
/// Longest run.
pub const LONGEST: Duration = Duration::from_secs(24 * 3600);
/// Most connections and most streams of a run.
pub const MOST: u32 = 100_000;

/// How to reach the servers.
#[derive(Clone, Debug)]
pub struct Reaching {
    /// Connections are spread over them in turn.
    pub targets: Vec<Target>,
    pub protocol: StreamProtocol,
    pub security: Security,
    pub reach: Reach,
    pub connections: u32,
    /// Distinct peer ids of the client; no more than connections.
    pub identities: u32,
}

/// A run.
#[derive(Clone, Debug)]
pub struct RunConfig {
    pub reaching: Reaching,
    /// Streams a connection.
    pub streams: u32,
    pub mix: Mix,
    pub batch: u32,
    /// Requests a second over all streams; `None` is the closed loop.
    pub rate: Option<f64>,
    pub warmup: Duration,
    pub duration: Duration,
    /// Ends the run when so many were begun.
    pub requests: Option<u64>,
    /// Keys announced before the run, for hits.
    pub keys: u64,
    /// Addresses an announcement carries.
    pub addresses: u16,
    pub seed: u64,
    pub any_reply: bool,
    pub server: Option<Server>,
}

/// A connection with the identity it was made under.
pub(crate) struct Link {
    pub(crate) connection: Connection,
    pub(crate) keypair: Keypair,
    /// Keeps the swarm alive.
    pub(crate) _node: Arc<Node>,
}

/// Makes the identities and opens all connections; each has identified itself.
///
/// # Errors
/// When there is no target, too much is asked for, or a connection fails.
pub(crate) async fn connect(config: &Reaching) -> Result<Vec<Link>> {
    ensure!(!config.targets.is_empty(), "no target: name one with --target /ip4/…/tcp/…/p2p/<peer id>");
    ensure!(
        (1..=MOST).contains(&config.connections),
        "{} connections: not in 1..={MOST}",
        config.connections
    );
    let nodes = identities(config).await?;
    let dials = (0..config.connections as usize).map(|n| {
        let (keypair, node) = &nodes[n % nodes.len()];
        let target = &config.targets[n % config.targets.len()];
        async move {
            let connection = node.connect(target).await?;
            connection.identified().await.with_context(|| format!("connect to {target}"))?;
            anyhow::Ok(Link { connection, keypair: keypair.clone(), _node: Arc::clone(node) })
        }
    });
    let mut links = Vec::new();
    let mut dials = stream::iter(dials).buffer_unordered(CONNECTING_AT_ONCE);
    while let Some(link) = dials.next().await {
        links.push(link?);
    }
    Ok(links)
}

pub(crate) async fn identities(config: &Reaching) -> Result<Vec<(Keypair, Arc<Node>)>> {
    let mut nodes = Vec::new();
    for _ in 0..config.identities.clamp(1, config.connections) {
        let node = NodeConfig::client(config.security, config.protocol.clone(), config.reach);
        nodes.push((node.keypair.clone(), Arc::new(Node::start(node).await?)));
    }
    Ok(nodes)
}

/// Runs and reports.
///
/// # Errors
/// When connecting or preloading fails, or the server's process is gone.
pub async fn run(config: &RunConfig) -> Result<Report> {
    let streams = u64::from(config.reaching.connections) * u64::from(config.streams);
    ensure!((1..=u64::from(MOST)).contains(&streams), "{streams} streams: not in 1..={MOST}");
    ensure!(config.warmup + config.duration <= LONGEST, "a run of more than {LONGEST:?}");
    let rss_before = config.server.map(Server::rss_bytes).transpose()?;
    let links = connect(&config.reaching).await?;
    let mut workers = Vec::new();
    for n in 0..streams {
        let link = &links[n as usize % links.len()];
        let worker = u32::try_from(n)?;
        let frames = Frames::new(&link.keypair, config.addresses, config.seed, config.keys, worker)?;
        let rng = SmallRng::seed_from_u64(config.seed ^ n.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        workers.push(Worker::new(link.connection.clone(), frames, rng));
    }
    let workers = preload(workers, config).await?;

    let begin = Instant::now() + Duration::from_millis(10);
    let measure_from = begin + config.warmup;
    let plan = Arc::new(plan(config, begin));
    let peak = config.server.map(PeakRss::follow);
    let mut set = JoinSet::new();
    for (n, mut worker) in workers.into_iter().enumerate() {
        if let Some(rate) = config.rate {
            ensure!(rate > 0.0 && rate <= 1e8, "--rate {rate}: not in 0..=100000000");
            let next = begin + Duration::from_secs_f64(n as f64 / rate);
            worker.pace = Pace::Open { next, every: Duration::from_secs_f64(streams as f64 / rate) };
        }
        set.spawn(worker.run(Arc::clone(&plan)));
    }
    tokio::time::sleep_until(measure_from.into()).await;
    let cpu_before = config.server.map(Server::cpu_seconds).transpose()?;
    let mut tally = Tally::default();
    while let Some(done) = set.join_next().await {
        tally.add(&done.context("a worker ended badly")?);
    }
    let seconds = measure_from.elapsed().as_secs_f64();
    let mut report = tally.report(seconds);
    if let (Some(server), Some(cpu), Some(rss), Some(peak)) = (config.server, cpu_before, rss_before, peak) {
        report.server = Some(spent(server, cpu, rss, peak.bytes(), report.done)?);
    }
    Ok(report)
}

fn plan(config: &RunConfig, begin: Instant) -> Plan {
    let measure_from = begin + config.warmup;
    Plan {
        begin,
        mix: config.mix.clone(),
        batch: config.batch.max(1),
        measure_from,
        until: measure_from + config.duration,
        left: AtomicU64::new(config.requests.unwrap_or(u64::MAX)),
        any_reply: config.any_reply,
    }
}

pub(crate) fn spent(
    server: Server,
    cpu_before: f64,
    rss_before: u64,
    peak: u64,
    done: u64,
) -> Result<ServerReport> {
    let cpu_seconds = server.cpu_seconds()? - cpu_before;
    let rss_after_bytes = server.rss_bytes()?;
    Ok(ServerReport {
        pid: server.0,
        cpu_seconds,
        cpu_us_per_request: if done == 0 { 0.0 } else { cpu_seconds * 1e6 / done as f64 },
        rss_before_bytes: rss_before,
        rss_after_bytes,
        rss_peak_bytes: peak.max(rss_after_bytes),
    })
}

/// Every worker opens its stream and announces its share of the known keys.
async fn preload(workers: Vec<Worker>, config: &RunConfig) -> Result<Vec<Worker>> {
    let plan = Arc::new(plan(config, Instant::now()));
    let (step, known) = (workers.len() as u64, config.keys.max(1));
    let mut set = JoinSet::new();
    for (n, mut worker) in workers.into_iter().enumerate() {
        let plan = Arc::clone(&plan);
        set.spawn(async move {
            let loaded = worker.preload(&plan, n as u64, step, known).await;
            (n, worker, loaded)
        });
    }
    let mut loaded = Vec::new();
    while let Some(done) = set.join_next().await {
        let (n, worker, ok) = done.context("a worker ended badly")?;
        if !ok {
            let why: Vec<_> = worker.tally.errors.keys().copied().collect();
            bail!("prepare stream {n}: {}; is --protocol right and the server ready?", why.join(", "));
        }
        loaded.push((n, worker));
    }
    loaded.sort_by_key(|(n, _)| *n);
    Ok(loaded.into_iter().map(|(_, worker)| worker).collect())
}
