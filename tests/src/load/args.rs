//! `hydra-load`'s command line.
//!
//! Owns the flags and turns them into runs. Prints one JSON document on stdout;
//! everything else goes to stderr.

use std::io::Write as _;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use clap::{Args, Parser, Subcommand, ValueEnum as _};
use libp2p::Multiaddr;
use libp2p::swarm::StreamProtocol;
use serde::Serialize;

use super::connections::{Hold, NewConnections, hold, new_connections};
use super::echo::{Echo, EchoConfig, REPLY_BYTES};
use super::figures;
use super::guard::Reach;
use super::network;
use super::node::Target;
use super::run::{Reaching, RunConfig, run};
use super::server::Server;
use super::transport::Security;
use super::workload::Mix;

/// Load generator for DHT servers: N connections of M streams, closed or open loop.
///
/// Prints the result as JSON. With --server-pid it tells what the server spent a request.
#[derive(Debug, Parser)]
#[command(name = "hydra-load", version, args_conflicts_with_subcommands = true)]
pub struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    load: Load,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Measure the figures of docs/performance.md and print them as a table.
    Figures(figures::Figures),
    /// Measure how well a hydra knows a private network of light peers, and print it as JSON.
    Network(network::Network),
}

#[derive(Debug, Args)]
struct Load {
    /// Server address ending in /p2p/<peer id>; connections are spread over all given.
    #[arg(long, value_name = "MULTIADDR")]
    target: Vec<Target>,
    #[arg(long, default_value = "/ipfs/kad/1.0.0")]
    protocol: String,
    #[arg(long, default_value_t = 40)]
    connections: u32,
    /// Streams a connection.
    #[arg(long, default_value_t = 1)]
    streams: u32,
    /// Distinct peer ids; as many as connections unless given.
    #[arg(long)]
    identities: Option<u32>,
    /// What secures tcp; the address decides between tcp and quic.
    #[arg(long, default_value = "noise")]
    transport_security: String,
    /// Requests with weights: add, get-hit, get-miss (get), find, ping, getvalue, putvalue.
    #[arg(long, value_name = "add=45,get=25,…", conflicts_with = "rpc")]
    mix: Option<Mix>,
    /// One kind of request.
    #[arg(long, value_name = "KIND")]
    rpc: Option<Mix>,
    /// Announcements in a row before a PING keeps the loop closed.
    #[arg(long, default_value_t = 64)]
    batch: u32,
    /// Open loop: requests a second over all streams. Without it, closed loop.
    #[arg(long, value_name = "PER_SECOND")]
    rate: Option<f64>,
    /// Seconds measured, or held, or echoed.
    #[arg(long, value_name = "SECONDS", default_value_t = 5.0)]
    duration: f64,
    #[arg(long, value_name = "SECONDS", default_value_t = 0.5)]
    warmup: f64,
    /// End after so many requests, warm-up included.
    #[arg(long)]
    requests: Option<u64>,
    /// Keys announced before the run, for get-hit.
    #[arg(long, default_value_t = 10_000)]
    keys: u64,
    /// Addresses an announcement carries.
    #[arg(long, default_value_t = 5)]
    addresses: u16,
    /// Makes the keys; random unless given.
    #[arg(long)]
    seed: Option<u64>,
    /// Take any reply for an answer (the echo server has one for all).
    #[arg(long)]
    any_reply: bool,
    /// Reads CPU and memory of this process.
    #[arg(long, value_name = "PID")]
    server_pid: Option<u32>,
    /// Measure connect + identify + one FIND_NODE + close, --connections at a time.
    #[arg(long, conflicts_with_all = ["hold", "echo"])]
    new_connections: bool,
    /// Hold so many connections idle for the duration.
    #[arg(long, value_name = "N", conflicts_with = "echo")]
    hold: Option<u32>,
    /// … with one open stream each.
    #[arg(long, requires = "hold")]
    hold_streams: bool,
    /// Be the echo server: answer every frame with a prepared one, for --duration.
    #[arg(long)]
    echo: bool,
    /// As --echo, but announcements get no answer, as from a DHT server.
    #[arg(long, conflicts_with = "echo")]
    echo_silent: bool,
    /// Where the echo server listens.
    #[arg(long, value_name = "MULTIADDR", default_values = ["/ip4/127.0.0.1/tcp/0", "/ip4/127.0.0.1/udp/0/quic-v1"])]
    listen: Vec<Multiaddr>,
    #[arg(long, default_value_t = REPLY_BYTES)]
    reply_bytes: usize,
    /// Also reach addresses of the public internet. Never do this to servers that are not yours.
    #[arg(long)]
    allow_public: bool,
}

/// What the echo server prints once it listens.
#[derive(Debug, Serialize, serde::Deserialize)]
pub struct Listening {
    pub pid: u32,
    pub targets: Vec<String>,
}

impl Cli {
    /// Does what was asked and prints the result.
    ///
    /// # Errors
    /// Whatever went wrong, with what and on what.
    pub async fn execute(self) -> Result<()> {
        match self.command {
            Some(Command::Figures(figures)) => print_text(&figures.measure().await?),
            Some(Command::Network(network)) => match network.measure().await? {
                Some(figures) => print(&figures),
                None => Ok(()),
            },
            None => self.load.execute().await,
        }
    }
}

impl Load {
    async fn execute(self) -> Result<()> {
        let protocol = StreamProtocol::try_from_owned(self.protocol.clone())
            .with_context(|| format!("--protocol {:?}", self.protocol))?;
        let reach = if self.allow_public { Reach::Any } else { Reach::Private };
        if self.echo || self.echo_silent {
            return self.be_echo(protocol, reach).await;
        }
        let security = Security::from_str(&self.transport_security, true).map_err(|_| {
            anyhow::anyhow!("--transport-security {:?}: noise, tls or both", self.transport_security)
        })?;
        for target in &self.target {
            let within = reach.allows(&target.addr);
            ensure!(within, "--target {target} is on the public internet: add --allow-public if it is yours");
        }
        let connections = self.hold.unwrap_or(self.connections);
        let identities = self.identities.unwrap_or(connections);
        let reaching =
            Reaching { targets: self.target.clone(), protocol, security, reach, connections, identities };
        let server = self.server_pid.map(Server);
        let duration = seconds("--duration", self.duration)?;
        let warmup = seconds("--warmup", self.warmup)?;
        let seed = self.seed.unwrap_or_else(rand::random);
        if self.hold.is_some() {
            return print(&hold(&Hold { reaching, with_stream: self.hold_streams, duration, server }).await?);
        }
        if self.new_connections {
            let config = NewConnections { reaching, warmup, duration, requests: self.requests, seed, server };
            return print(&new_connections(&config).await?);
        }
        let config = RunConfig {
            reaching,
            streams: self.streams,
            mix: self.mix.or(self.rpc).unwrap_or_else(Mix::real),
            batch: self.batch,
            rate: self.rate,
            warmup,
            duration,
            requests: self.requests,
            keys: self.keys,
            addresses: self.addresses,
            seed,
            any_reply: self.any_reply,
            server,
        };
        print(&run(&config).await?)
    }

    async fn be_echo(self, protocol: StreamProtocol, reach: Reach) -> Result<()> {
        let echo = Echo::start(EchoConfig {
            listen: self.listen,
            protocol,
            reply_bytes: self.reply_bytes,
            answer_announcements: !self.echo_silent,
            reach,
        })
        .await?;
        let targets = echo.targets().iter().map(ToString::to_string).collect();
        print(&Listening { pid: std::process::id(), targets })?;
        tokio::time::sleep(seconds("--duration", self.duration)?).await;
        Ok(())
    }
}

fn seconds(name: &str, value: f64) -> Result<Duration> {
    ensure!((0.0..=86_400.0).contains(&value), "{name} {value}: not in 0..=86400 seconds");
    Ok(Duration::from_secs_f64(value))
}

/// The one JSON document, on one line.
fn print(value: &impl Serialize) -> Result<()> {
    print_text(&serde_json::to_string(value)?)
}

fn print_text(text: &str) -> Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{text}").and_then(|()| out.flush()).context("write the result to stdout")
}

/// Where `hydra-load figures` writes when told to.
pub(crate) fn write_file(path: &PathBuf, text: &str) -> Result<()> {
    std::fs::write(path, text).with_context(|| format!("write {}", path.display()))
}
