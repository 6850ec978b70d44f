//! The playground: a daemon in a world of its own, to look at.
//!
//! Starts a [`World`], a `hydrad` that knows nothing else, and traffic; says what to
//! type; ends all on Ctrl-C. Owns the daemon's flags, which keep it on loopback.

use std::ffi::OsString;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use clap::Parser;
use rustix::process::{Pid, Signal, kill_process};

use super::{Traffic, TrafficConfig, World, WorldConfig};
use crate::load::figures::daemon::{Process, list_heads};
use crate::load::node::Target;

/// Bootstrap peers the daemon is told of; it finds the others by itself.
const BOOTSTRAP: usize = 8;
const READY_PATIENCE: Duration = Duration::from_secs(60);
/// Time for a daemon to drain before it is killed.
const STOP_PATIENCE: Duration = Duration::from_secs(15);
const NEWS_EVERY: Duration = Duration::from_secs(30);

/// A hydra in a private network on this machine, with traffic; nothing leaves the machine.
#[derive(Debug, Parser)]
#[command(name = "playground", version)]
pub struct Playground {
    /// Light peers around the daemon.
    #[arg(long, default_value_t = 60)]
    peers: usize,
    #[arg(long, default_value_t = 5)]
    heads: u32,
    /// Requests a second over all heads.
    #[arg(long, default_value_t = 200.0)]
    rate: f64,
    /// QUIC beside tcp.
    #[arg(long)]
    quic: bool,
    /// Keep the daemon's data here; without it a temporary directory goes with the playground.
    #[arg(long)]
    data_dir: Option<PathBuf>,
    /// Another daemon than the one in this program.
    #[arg(long)]
    hydrad: Option<PathBuf>,
    /// End after so many seconds instead of on Ctrl-C.
    #[arg(long, value_name = "SECONDS")]
    duration: Option<u64>,
}

/// As its first argument this makes the playground's program be hydrad.
pub const BE_HYDRAD: &str = "be-hydrad";

impl Playground {
    /// Runs until Ctrl-C or the duration's end.
    ///
    /// # Errors
    /// When the world or the daemon does not start, or the daemon ends by itself.
    pub async fn run(self) -> Result<()> {
        let world = WorldConfig { peers: self.peers, quic: self.quic, ..WorldConfig::default() };
        let world = Arc::new(World::start(world).await.context("start the light peers")?);
        say(&format!("{} light peers on 127.0.1.1 and up", self.peers))?;
        let temporary =
            tempfile::Builder::new().prefix("hydra-").tempdir().context("make a data directory")?;
        let dir = self.data_dir.clone().unwrap_or_else(|| temporary.path().to_owned());
        let bootstrap: Vec<_> = world.bootstrap().into_iter().take(BOOTSTRAP).collect();
        let mut daemon = self.start_daemon(&dir, &bootstrap)?;
        let result = self.play(&world, &mut daemon).await;
        say("stopping")?;
        daemon.stop().await.and(result)
    }

    /// Starts the daemon as a process of its own: a binary that was named, or this program,
    /// which holds the same daemon ([`BE_HYDRAD`]).
    fn start_daemon(&self, dir: &Path, bootstrap: &[Target]) -> Result<Daemon> {
        let (hydrad, role) = match &self.hydrad {
            Some(path) => (path.clone(), None),
            None => (std::env::current_exe().context("find this program")?, Some(BE_HYDRAD)),
        };
        let found = hydrad.exists();
        ensure!(found, "{} is not there: build it with cargo build --release --bin hydrad", hydrad.display());
        let socket = dir.join("control.sock");
        let child = Command::new(&hydrad)
            .args(role)
            .args(daemon_args(dir, &socket, self.heads, bootstrap))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .with_context(|| format!("start {}", hydrad.display()))?;
        Ok(Daemon { process: Process(child), socket })
    }

    async fn play(&self, world: &Arc<World>, daemon: &mut Daemon) -> Result<()> {
        tokio::select! {
            ready = daemon.ready(self.heads) => ready?,
            interrupted = tokio::signal::ctrl_c() => return interrupted.context("wait for Ctrl-C"),
        }
        let socket = daemon.socket.display();
        say(&format!("{} heads are up; control socket {socket}", self.heads))?;
        say(&format!("look at them:  hydractl --socket {socket} top"))?;
        say(&format!("or ask:        hydractl --socket {socket} status"))?;
        say("Ctrl-C ends it all")?;
        let traffic = world.traffic(TrafficConfig { per_second: self.rate, ..TrafficConfig::default() });
        let end = self.duration.map(|seconds| Instant::now() + Duration::from_secs(seconds));
        let mut news = Instant::now() + NEWS_EVERY;
        loop {
            tokio::select! {
                interrupted = tokio::signal::ctrl_c() => return interrupted.context("wait for Ctrl-C"),
                () = tokio::time::sleep(Duration::from_millis(200)) => {}
            }
            if let Some(status) = daemon.process.0.try_wait().context("look after the daemon")? {
                bail!("hydrad ended by itself with {status}");
            }
            if end.is_some_and(|end| Instant::now() >= end) {
                return tell(&traffic);
            }
            if Instant::now() >= news {
                news += NEWS_EVERY;
                tell(&traffic)?;
            }
        }
    }
}

fn tell(traffic: &Traffic) -> Result<()> {
    let count = traffic.count();
    say(&format!(
        "traffic so far: {} announced, {} answered ({} with providers), {} failed, {} skipped",
        count.announced, count.answered, count.found, count.failed, count.skipped
    ))
}

/// The daemon's flags. Every address in them is loopback, and it is told of no other peers.
fn daemon_args(dir: &Path, socket: &Path, heads: u32, bootstrap: &[Target]) -> Vec<OsString> {
    let bootstrap: Vec<_> = bootstrap.iter().map(ToString::to_string).collect();
    let flags: [(&str, OsString); 9] = [
        ("--data-dir", dir.join("data").into()),
        ("--control-socket", socket.into()),
        ("--observe-socket", dir.join("observe.sock").into()),
        ("--name", "playground".into()),
        ("--heads", heads.to_string().into()),
        ("--listen", "127.0.0.1".into()),
        ("--port-begin", "0".into()),
        ("--address-policy", "any".into()),
        ("--bootstrap-peers", bootstrap.join(",").into()),
    ];
    flags.into_iter().flat_map(|(flag, value)| [flag.into(), value]).collect()
}

struct Daemon {
    process: Process,
    socket: PathBuf,
}

impl Daemon {
    async fn ready(&mut self, heads: u32) -> Result<()> {
        let deadline = Instant::now() + READY_PATIENCE;
        loop {
            if let Some(status) = self.process.0.try_wait().context("look after the daemon")? {
                bail!("hydrad ended with {status}; what it said stands above");
            }
            match list_heads(&self.socket).await {
                Ok(list) if list.len() >= heads as usize => return Ok(()),
                last => ensure!(
                    Instant::now() < deadline,
                    "hydrad has no {heads} heads after {READY_PATIENCE:?}: {:?}",
                    last.map(|list| list.len())
                ),
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// Asks the daemon to end and waits; kills it when it takes too long.
    async fn stop(mut self) -> Result<()> {
        if let Some(pid) = i32::try_from(self.process.0.id()).ok().and_then(Pid::from_raw) {
            // It may have ended on the same Ctrl-C already.
            kill_process(pid, Signal::TERM).ok();
        }
        let deadline = Instant::now() + STOP_PATIENCE;
        while self.process.0.try_wait().context("wait for the daemon's end")?.is_none() {
            ensure!(Instant::now() < deadline, "hydrad did not end within {STOP_PATIENCE:?} and was killed");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Ok(())
    }
}

fn say(text: &str) -> Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "playground: {text}").and_then(|()| out.flush()).context("write to stdout")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_daemon_is_told_of_nothing_outside_loopback() {
        let target: Target =
            "/ip4/127.0.1.1/tcp/4001/p2p/12D3KooWDpJ7As7BWAwRMfu1VU2WCqNjvq387JEYKDBj4kx6nXTN"
                .parse()
                .expect("a target");
        let args = daemon_args(Path::new("/d"), Path::new("/d/s"), 5, &[target.clone(), target]);
        let args: Vec<_> = args.iter().map(|arg| arg.to_str().expect("text")).collect();
        let value = |flag| args.iter().position(|arg| *arg == flag).map(|at| args[at + 1]).expect(flag);
        assert_eq!(value("--listen"), "127.0.0.1");
        let told: Vec<Target> =
            value("--bootstrap-peers").split(',').map(|t| t.parse().expect("a target")).collect();
        assert_eq!(told.len(), 2);
        assert!(told.iter().all(|t| crate::load::guard::Reach::Loopback.allows(&t.addr)));
        assert!(!args.contains(&"--announce"), "an announced address could be anywhere");
    }
}
