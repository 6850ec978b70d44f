//! The figures of docs/performance.md, measured one after the other.
//!
//! Owns what is compared with what: a daemon whose table is filled by a private network,
//! and the echo server, asked alternately in the same run by child processes of this
//! program. Prints a table; decides nothing.

mod cost;
pub(crate) mod daemon;
mod prefetch;
mod size;
mod table;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use clap::{Args, ValueEnum};
use serde::de::DeserializeOwned;

use self::daemon::{Daemon, EchoProcess, Setup};
use super::args::write_file;
use super::connections::ask_once;
use super::guard::Reach;
use super::keys::{self, Domain};
use super::message::{Kind, Message};
use super::node::{Node, NodeConfig, Target};
use super::transport::Security;
use crate::world::{World, WorldConfig};

/// Light peers in the daemon's table: more than the 20 of a reply.
const PEERS: usize = 30;
/// Loopback addresses of a light peer, tcp and quic each: makes a reply of 20 about 3.3 KB.
const IPS_PER_PEER: usize = 5;
const TABLE_PATIENCE: Duration = Duration::from_secs(90);

/// What to measure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Part {
    /// CPU a request, against the echo.
    Requests,
    /// CPU a new connection, against the echo.
    NewConnections,
    /// Memory of heads, and the time until 1,000 answer.
    Heads,
    /// CPU of an idle daemon with 100 heads.
    Idle,
    /// Memory of idle connections and streams.
    Connections,
    /// Wall time of `hydractl status`.
    Status,
    /// A million misses against a daemon that looks nothing up.
    Prefetch,
}

/// Measure the figures of docs/performance.md.
#[derive(Debug, Args)]
pub(crate) struct Figures {
    /// The daemon, built for release.
    #[arg(long, default_value = "target/release/hydrad")]
    hydrad: PathBuf,
    #[arg(long, default_value = "target/release/hydractl")]
    hydractl: PathBuf,
    /// All parts unless named.
    #[arg(long, value_delimiter = ',')]
    only: Vec<Part>,
    /// Pairs of runs a figure.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=100))]
    rounds: u32,
    /// Seconds a run.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=600))]
    seconds: u32,
    /// CPU for the servers; with --client-cpu keeps the two apart.
    #[arg(long)]
    server_cpu: Option<u32>,
    #[arg(long)]
    client_cpu: Option<u32>,
    /// First port of the daemon's heads; a thousand follow.
    #[arg(long, default_value_t = 21_000)]
    port_begin: u16,
    /// Heads of the part "heads".
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    heads: u32,
    /// Distinct keys of the part "prefetch".
    #[arg(long, default_value_t = 1_000_000, value_parser = clap::value_parser!(u64).range(1_000..=100_000_000))]
    misses: u64,
    /// Writes the table here as well.
    #[arg(long)]
    out: Option<PathBuf>,
}

/// Daemon, echo and private network, up and idle.
struct Bench<'a> {
    figures: &'a Figures,
    daemon: Daemon,
    /// Of the first head: tcp, quic.
    head: [Target; 2],
    echo: EchoProcess,
    _world: World,
}

impl Figures {
    /// Measures and returns the table.
    pub(crate) async fn measure(&self) -> Result<String> {
        ensure!(
            self.hydrad.exists(),
            "{} is not there: cargo build --release --workspace",
            self.hydrad.display()
        );
        let wants = |part| self.only.is_empty() || self.only.contains(&part);
        let mut rows = Vec::new();
        if wants(Part::Heads) {
            rows.extend(size::heads(self).await?);
        }
        if wants(Part::Idle) {
            rows.extend(size::idle(self).await?);
        }
        if wants(Part::Prefetch) {
            rows.extend(prefetch::misses(self).await?);
        }
        if [Part::Requests, Part::NewConnections, Part::Connections, Part::Status].into_iter().any(wants) {
            let bench = self.bench().await?;
            if wants(Part::Status) {
                rows.push(size::status(&bench)?);
            }
            if wants(Part::Requests) {
                rows.extend(cost::requests(&bench).await?);
            }
            if wants(Part::NewConnections) {
                rows.extend(cost::new_connections(&bench).await?);
            }
            if wants(Part::Connections) {
                rows.extend(size::connections(&bench).await?);
            }
        }
        let text = table::markdown(&rows);
        if let Some(path) = &self.out {
            write_file(path, &text)?;
        }
        Ok(text)
    }

    fn setup<'a>(&'a self, heads: u32, bootstrap: &'a [Target]) -> Setup<'a> {
        Setup {
            hydrad: &self.hydrad,
            heads,
            bootstrap,
            seed: None,
            port_begin: self.port_begin,
            cpu: self.server_cpu,
            flags: &[],
        }
    }

    async fn bench(&self) -> Result<Bench<'_>> {
        let config =
            WorldConfig { peers: PEERS, ips_per_peer: IPS_PER_PEER, quic: true, ..WorldConfig::default() };
        let world = World::start(config).await.context("start the private network")?;
        let bootstrap = world.bootstrap();
        let mut daemon = Daemon::start(&self.setup(1, &bootstrap))?;
        let heads = daemon.serving(1).await?;
        let head = daemon::targets(heads.first().context("the daemon has no head")?)?;
        wait_for_full_replies(&head[0]).await?;
        let echo = EchoProcess::start(true, self.server_cpu)?;
        Ok(Bench { figures: self, daemon, head, echo, _world: world })
    }

    /// Runs this program as a client and reads its JSON.
    async fn client<T: DeserializeOwned + Send + 'static>(&self, args: Vec<String>) -> Result<T> {
        let me = std::env::current_exe().context("find this program")?;
        let mut command = daemon::pinned(me, self.client_cpu);
        command.args(&args);
        let output =
            tokio::task::spawn_blocking(move || command.output()).await?.context("run the client")?;
        let said = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "hydra-load {}: {}", args.join(" "), said.trim());
        serde_json::from_slice(&output.stdout)
            .with_context(|| format!("read what hydra-load {} said", args.join(" ")))
    }
}

/// Until the head names 20 peers it has not met the private network.
async fn wait_for_full_replies(head: &Target) -> Result<()> {
    let protocol = libp2p::StreamProtocol::new("/ipfs/kad/1.0.0");
    let node = Node::start(NodeConfig::client(Security::Noise, protocol, Reach::Loopback)).await?;
    let deadline = Instant::now() + TABLE_PATIENCE;
    loop {
        let request = Message::new(Kind::FindNode, keys::key(0, Domain::Missing, 0));
        let told = match ask_once(&node, head, &request).await {
            Ok(reply) if reply.closer.len() >= 20 => return Ok(()),
            Ok(reply) => format!("{} peers in its reply", reply.closer.len()),
            Err(error) => format!("{error:#}"),
        };
        ensure!(Instant::now() < deadline, "the head's table is not full after {TABLE_PATIENCE:?}: {told}");
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
}

/// A line of progress for who waits.
#[allow(clippy::print_stderr, reason = "progress of a tool that runs for minutes")]
fn say(text: &str) {
    eprintln!("figures: {text}");
}
