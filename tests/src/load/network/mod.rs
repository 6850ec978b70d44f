//! How well a hydra knows its network: measured in a private one, of which all is known.
//!
//! Owns the course of a measurement: a network namespace with nothing but loopback, light
//! peers at addresses that look public, a `hydrad` among them that is told of a few; then what
//! it knows is held against the truth ([`truth`]), also while peers come and go and when half
//! of them cannot be reached ([`faults`]). In: [`Network`]. Out: [`Figures`], of which
//! it judges nothing. The daemon is asked over its control socket only ([`asked`]).

mod asked;
mod faults;
mod truth;

use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, anyhow, ensure};
use clap::Args;
use rustix::process::{Pid, Signal, kill_process};
use serde::{Deserialize, Serialize};
use tokio::signal::unix::{SignalKind, signal};

use self::asked::Asked;
pub use self::faults::{Churn, Partition};
use super::keys::{self, Domain};
use crate::harness::eventually;
use crate::harness::netns::Namespace;
use crate::world::{Hosts, PUBLIC, Tables, World, WorldConfig};

/// Where the daemon listens: an IP group without light peers.
const HYDRA: &str = "45.250.0.1";

/// Light peers that the daemon is told of; it finds the others by itself.
const BOOTSTRAP: usize = 5;

/// Longest wait for what is measured.
const PATIENCE: Duration = Duration::from_secs(1800);

/// Time for announcements to arrive.
const SETTLE: Duration = Duration::from_secs(2);

/// A lookup ends after this many seconds.
const LOOKUP: f64 = 20.0;

/// Measure how well a hydra knows a private network.
#[derive(Clone, Debug, Args)]
pub struct Network {
    /// Light peers; they share one process.
    #[arg(long, default_value_t = 1000)]
    peers: usize,
    /// /16s that their addresses are spread over.
    #[arg(long, default_value_t = 40, value_parser = clap::value_parser!(u8).range(1..=200))]
    groups: u8,
    #[arg(long, default_value_t = 5)]
    heads: u32,
    /// Providers looked up, each announced by one light peer to its 20 nearest.
    #[arg(long, default_value_t = 100)]
    lookups: u32,
    /// Lookups of random keys by the daemon to wait for, before sizes are taken.
    #[arg(long, default_value_t = 40)]
    samples: u32,
    /// Seconds after that in which nothing changes, for the daemon's CPU.
    #[arg(long, default_value_t = 120)]
    calm: u64,
    /// Then: share of the light peers that goes in a minute, as many new ones coming.
    #[arg(long, default_value_t = 0.1)]
    churn: f64,
    /// Minutes of it.
    #[arg(long, default_value_t = 15.0)]
    minutes: f64,
    /// Before that: seconds for which half of the /16s cannot be reached.
    #[arg(long, default_value_t = 0)]
    partition: u64,
    /// Seconds between two measurements of a head's presence.
    #[arg(long, default_value_t = 60)]
    presence: u64,
    /// Set by the measurement itself, inside its network namespace.
    #[arg(long, hide = true)]
    inside: bool,
}

/// What was measured.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Figures {
    pub peers: usize,
    /// From the daemon's start until its first crawl was complete, by its own account.
    pub crawl_seconds: f64,
    /// From its start until 99 % of the light peers stood in its table.
    pub found_99_seconds: f64,
    /// Share of the light peers in its table then.
    pub found_ratio: f64,
    pub size_by_crawl: Option<f64>,
    pub size_by_distance: Option<f64>,
    pub size_by_distance_error: Option<f64>,
    /// As the daemon tells it, and as counting random keys in the whole network gives it.
    pub coverage: f64,
    pub coverage_true: f64,
    pub coverage_with_presence: Option<f64>,
    /// Hops to the nearest servers of random keys: from the daemon's table, and a client's.
    pub lookup_hops: Option<f64>,
    pub client_hops: Option<f64>,
    pub client_hops_with_head: Option<f64>,
    /// As the daemon tells it: heads in the IP group that all of them are in, and of these those
    /// that are let in.
    pub group_heads: u32,
    pub group_admitted: u32,
    /// Lookups that found the provider, and that did so by asking a peer of the table.
    pub lookups: u32,
    pub lookups_found: u32,
    pub lookups_one_hop: u32,
    pub lookup_seconds_median: f64,
    /// CPU of the daemon, all heads and its scout: the first crawl in seconds, then of a core.
    pub crawl_cpu_seconds: f64,
    pub calm_cpu_ratio: Option<f64>,
    /// Resident memory of a daemon that knows nobody, and of this one.
    pub rss_alone_bytes: u64,
    pub rss_bytes: u64,
    pub partition: Option<Partition>,
    pub churn: Option<Churn>,
}

impl Network {
    /// Measures, in a network namespace of its own. `None` from the one outside, whose other
    /// self inside has printed.
    ///
    /// # Errors
    /// When it is not root, and when the world or the daemon fails.
    pub async fn measure(self) -> Result<Option<Figures>> {
        if self.inside {
            // dropped, it ends the daemon
            return tokio::select! {
                figures = self.measure_here() => figures.map(Some),
                stopped = stopped() => Err(stopped.err().unwrap_or_else(|| anyhow!("interrupted"))),
            };
        }
        let namespace = Namespace::new()?.context("the network needs a namespace of its own: run as root")?;
        namespace.own(PUBLIC)?;
        let program = std::env::current_exe().context("find this program")?;
        let mut command = namespace.command(program);
        command.args(std::env::args_os().skip(1)).arg("--inside");
        let mut inside = command.stdin(Stdio::null()).spawn().context("start inside the namespace")?;
        let ended = tokio::select! {
            ended = inside.wait() => ended,
            stopped = stopped() => {
                stopped?;
                if let Some(pid) = inside.id().and_then(|id| Pid::from_raw(i32::try_from(id).ok()?)) {
                    // it may have ended on the same Ctrl-C already
                    kill_process(pid, Signal::TERM).ok();
                }
                inside.wait().await
            }
        };
        ensure!(ended?.success(), "the measurement failed");
        Ok(None)
    }

    async fn measure_here(&self) -> Result<Figures> {
        let mut figures = Figures { peers: self.peers, ..Figures::default() };
        let lone = Asked::start(HYDRA, self.heads, "", self.presence).await?;
        tokio::time::sleep(Duration::from_secs(5)).await;
        figures.rss_alone_bytes = lone.usage()?.rss_bytes;
        drop(lone);
        let began = Instant::now();
        let config = WorldConfig {
            peers: self.peers,
            hosts: Hosts::Public { groups: self.groups },
            tables: Tables::Kademlia,
            ..WorldConfig::default()
        };
        let mut world = World::start(config).await?;
        say(&format!("{} light peers after {:.0?}", self.peers, began.elapsed()));
        let bootstrap: Vec<String> =
            world.bootstrap().into_iter().take(BOOTSTRAP).map(|target| target.to_string()).collect();
        let began = Instant::now();
        let daemon = Asked::start(HYDRA, self.heads, &bootstrap.join(","), self.presence).await?;
        self.crawl(&world, &daemon, began, &mut figures).await?;
        say(&format!("crawled: {figures:?}"));
        self.look_up(&world, &daemon, &mut figures).await?;
        say(&format!("looked up: {figures:?}"));
        self.sizes(&world, &daemon, &mut figures).await?;
        say(&format!("judged: {figures:?}"));
        if self.partition > 0 {
            figures.partition = Some(self.partition(&world, &daemon).await?);
            say(&format!("united again: {:?}", figures.partition));
        }
        if self.churn > 0.0 && self.minutes > 0.0 {
            figures.churn = Some(self.churn(&mut world, &daemon).await?);
        }
        Ok(figures)
    }

    /// The first crawl.
    async fn crawl(
        &self,
        world: &World,
        daemon: &Asked,
        began: Instant,
        figures: &mut Figures,
    ) -> Result<()> {
        eventually(PATIENCE, || async {
            let known = daemon.network().await?.peers_live as usize;
            ensure!(known * 100 >= self.peers * 99, "{known} of {} peers are known", self.peers);
            Ok(())
        })
        .await?;
        figures.found_99_seconds = began.elapsed().as_secs_f64();
        let network = eventually(PATIENCE, || async {
            let network = daemon.network().await?;
            ensure!(network.crawled_at.is_some(), "{network:?}");
            Ok(network)
        })
        .await?;
        figures.crawl_cpu_seconds = daemon.usage()?.cpu_seconds;
        let started = daemon.status().await?.started_at;
        figures.crawl_seconds = asked::seconds(network.crawled_at) - asked::seconds(started);
        let known = daemon.known().await?;
        let found = world.peers().iter().filter(|peer| known.contains(&peer.peer())).count();
        figures.found_ratio = found as f64 / world.peers().len() as f64;
        Ok(())
    }

    /// Sizes and coverage against the truth, and what a calm network costs.
    async fn sizes(&self, world: &World, daemon: &Asked, figures: &mut Figures) -> Result<()> {
        let sampled = |network: &hydra_protocol::v1::Network| {
            let enough = network.lookups_sampled >= self.samples && network.size_by_distance.is_some();
            let measured = network.head_groups.iter().all(|group| group.measured == group.heads);
            enough && measured && network.size_by_crawl.is_some()
        };
        let network = eventually(PATIENCE, || async {
            let network = daemon.network().await?;
            ensure!(sampled(&network), "{network:?}");
            Ok(network)
        })
        .await?;
        let coverage = network.coverage.unwrap_or_default();
        let heads = daemon.serving().await?;
        figures.coverage = coverage.ratio.context("a coverage")?;
        figures.coverage_true = truth::coverage(&truth::living(world), &heads);
        figures.coverage_with_presence = coverage.with_presence_ratio;
        (figures.size_by_crawl, figures.size_by_distance) = (network.size_by_crawl, network.size_by_distance);
        figures.size_by_distance_error = network.size_by_distance_error;
        figures.lookup_hops = network.lookup_hops;
        (figures.client_hops, figures.client_hops_with_head) =
            (network.client_hops, network.client_hops_with_head);
        for group in &network.head_groups {
            figures.group_heads += group.heads;
            figures.group_admitted += group.admitted;
        }
        if self.calm > 0 {
            let (before, began) = (daemon.usage()?, Instant::now());
            tokio::time::sleep(Duration::from_secs(self.calm)).await;
            let used = daemon.usage()?.cpu_seconds - before.cpu_seconds;
            figures.calm_cpu_ratio = Some(used / began.elapsed().as_secs_f64());
        }
        figures.rss_bytes = daemon.usage()?.rss_bytes;
        Ok(())
    }

    /// Looks up what light peers announced.
    async fn look_up(&self, world: &World, daemon: &Asked, figures: &mut Figures) -> Result<()> {
        let (mut announced, mut took) = (Vec::new(), Vec::new());
        for n in 0..self.lookups {
            let key = keys::key(5, Domain::Fresh, n.into());
            let provider = &world.peers()[n as usize * 7919 % world.peers().len()];
            provider.provide(&key).await.with_context(|| format!("announce key {n}"))?;
            announced.push((key, provider));
        }
        // an announcement has no answer: the last ones may still be on their way
        tokio::time::sleep(SETTLE).await;
        for (key, provider) in announced {
            let (providers, report) = daemon.look_up(&key, LOOKUP).await?;
            figures.lookups += 1;
            let found = providers.iter().find(|found| found.peer_id == provider.peer().to_string());
            if found.is_none() {
                say(&format!("what {} announced was not found: {report:?}", provider.peer()));
            }
            figures.lookups_found += u32::from(found.is_some());
            figures.lookups_one_hop += u32::from(report.found_at_hop == Some(1) && found.is_some());
            took.extend(found.map(|found| found.after_seconds));
        }
        took.sort_by(f64::total_cmp);
        figures.lookup_seconds_median = took.get(took.len() / 2).copied().unwrap_or_default();
        Ok(())
    }
}

/// Waits for Ctrl-C or SIGTERM.
async fn stopped() -> Result<()> {
    let mut terminate = signal(SignalKind::terminate()).context("wait for SIGTERM")?;
    tokio::select! {
        interrupted = tokio::signal::ctrl_c() => interrupted.context("wait for Ctrl-C"),
        _ = terminate.recv() => Ok(()),
    }
}

/// Tells whoever waits how far it is.
#[allow(clippy::print_stderr)] // stdout is for the figures alone
fn say(text: &str) {
    eprintln!("network: {text}");
}
