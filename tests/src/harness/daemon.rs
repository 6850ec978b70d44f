//! A real `hydrad` on a directory of its own, and `hydractl` beside it.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;
use std::time::{Duration, Instant};

use anyhow::{Context as _, anyhow, bail};
use hydra_protocol::v1::head_service_client::HeadServiceClient;
use hydra_protocol::v1::status_service_client::StatusServiceClient;
use hydra_protocol::v1::{DaemonState, GetStatusRequest, Head, HeadState, ListHeadsRequest, Status};
use libp2p::Multiaddr;
use tempfile::TempDir;
use tonic::transport::{Channel, Endpoint};

use super::binaries;
use super::netns::Namespace;
use super::process::{Child, Usage};
use crate::raw::node::peer_of;

/// How long a daemon may take until all of its heads serve. A debug build on a machine
/// that runs other tests beside it.
const READY_WITHIN: Duration = Duration::from_secs(60);

/// One address of a head, with `/p2p/ID`.
#[derive(Clone, Debug)]
pub struct HeadAddress {
    /// Which head, by its place in the list of heads.
    pub head: usize,
    /// The address.
    pub address: Multiaddr,
}

/// What to start.
#[derive(Clone, Debug)]
pub struct Options {
    heads: u32,
    args: Vec<OsString>,
    listen: String,
    policy: String,
    bootstrap: String,
    namespace: Option<String>,
}

impl Options {
    /// A daemon with that many heads, on loopback, that knows no other peer.
    #[must_use]
    pub fn heads(heads: u32) -> Self {
        Self {
            heads,
            args: Vec::new(),
            listen: "127.0.0.1".to_owned(),
            policy: "any".to_owned(),
            bootstrap: "none".to_owned(),
            namespace: None,
        }
    }

    /// One more argument.
    #[must_use]
    pub fn arg(mut self, arg: impl AsRef<OsStr>) -> Self {
        self.args.push(arg.as_ref().to_owned());
        self
    }

    /// Listen on this address instead of 127.0.0.1.
    #[must_use]
    pub fn listen(mut self, ip: &str) -> Self {
        ip.clone_into(&mut self.listen);
        self
    }

    /// Follow this address policy instead of `any`.
    #[must_use]
    pub fn address_policy(mut self, policy: &str) -> Self {
        policy.clone_into(&mut self.policy);
        self
    }

    /// Start from these peers, joined by commas.
    #[must_use]
    pub fn bootstrap(mut self, peers: &str) -> Self {
        peers.clone_into(&mut self.bootstrap);
        self
    }

    /// Run inside a network namespace, which must live longer than the daemon.
    #[must_use]
    pub fn inside(mut self, namespace: &Namespace) -> Self {
        self.namespace = Some(namespace.name().to_owned());
        self
    }

    /// Starts it and waits until all heads serve.
    pub async fn start(self) -> anyhow::Result<Daemon> {
        let dir = tempfile::Builder::new().prefix("hydrad-").tempdir()?;
        let binary = binaries::hydrad().map_err(|missing| anyhow!(missing.0))?;
        let mut daemon = Daemon { child: None, dir: Some(dir), options: self, binary };
        daemon.spawn()?;
        daemon.ready().await?;
        Ok(daemon)
    }
}

/// A running daemon; killed, and its directory removed, when dropped. The end
/// of its log is shown when the test fails; `HYDRA_TEST_KEEP=1` keeps the directory.
pub struct Daemon {
    child: Option<Child>,
    dir: Option<TempDir>,
    options: Options,
    binary: PathBuf,
}

impl Daemon {
    /// Starts a daemon with that many heads and waits until they serve.
    pub async fn start(heads: u32) -> anyhow::Result<Self> {
        Options::heads(heads).start().await
    }

    fn spawn(&mut self) -> anyhow::Result<()> {
        let mut command = match &self.options.namespace {
            Some(name) => {
                let mut command = Child::quiet("ip", &self.log_path())?;
                command.args(["netns", "exec", name]).arg(&self.binary);
                command
            }
            None => Child::quiet(&self.binary, &self.log_path())?,
        };
        // Nothing from the environment of whoever runs the tests.
        for (name, _) in std::env::vars_os().filter(|(n, _)| n.to_string_lossy().starts_with("HYDRA_")) {
            command.env_remove(name);
        }
        // The weakest that can be said: a test that wants another door says so by a flag.
        command.env("HYDRA_HTTP_LISTEN", "127.0.0.1:0");
        command.env("HYDRA_METRICS_LISTEN", "127.0.0.1:0");
        command
            .arg("--data-dir")
            .arg(self.dir().join("data"))
            .arg("--control-socket")
            .arg(self.control_socket())
            .arg("--observe-socket")
            .arg(self.observe_socket())
            .args(["--listen", &self.options.listen, "--port-begin", "0"])
            .args(["--address-policy", &self.options.policy])
            .args(["--bootstrap-peers", &self.options.bootstrap, "--log-format", "json"])
            .arg("--heads")
            .arg(self.options.heads.to_string())
            .args(&self.options.args);
        self.child = Some(Child::start(&mut command, "hydrad", &self.log_path())?);
        Ok(())
    }

    async fn ready(&mut self) -> anyhow::Result<()> {
        let deadline = Instant::now() + READY_WITHIN;
        loop {
            if let Some(status) = self.child()?.ended()? {
                bail!("hydrad ended before it was ready ({status}):\n{}", self.log_tail());
            }
            let why = match self.status().await {
                Ok(status) if serves(&status, self.options.heads) => return Ok(()),
                Ok(status) => format!("{} of {} heads serve", status.heads_serving, status.heads),
                Err(error) => format!("{error:#}"),
            };
            if Instant::now() > deadline {
                bail!("hydrad is not ready after {READY_WITHIN:?}: {why}\n{}", self.log_tail());
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// The daemon's directory, which holds its sockets, its log and `data`.
    #[must_use]
    pub fn dir(&self) -> &Path {
        self.dir.as_ref().map_or(Path::new(""), TempDir::path)
    }

    /// The control socket.
    #[must_use]
    pub fn control_socket(&self) -> PathBuf {
        self.dir().join("control.sock")
    }

    /// The read-only socket.
    #[must_use]
    pub fn observe_socket(&self) -> PathBuf {
        self.dir().join("observe.sock")
    }

    fn log_path(&self) -> PathBuf {
        self.dir().join("log")
    }

    /// What the daemon has written, its JSON lines and its last words.
    #[must_use]
    pub fn log(&self) -> String {
        fs::read_to_string(self.log_path()).unwrap_or_default()
    }

    fn log_tail(&self) -> String {
        let log = self.log();
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(40)..].join("\n")
    }

    fn child(&mut self) -> anyhow::Result<&mut Child> {
        self.child.as_mut().context("hydrad is not running")
    }

    /// CPU seconds and memory used so far.
    pub fn usage(&self) -> anyhow::Result<Usage> {
        self.child.as_ref().context("hydrad is not running")?.usage()
    }

    /// A connection to the control socket.
    pub async fn channel(&self) -> anyhow::Result<Channel> {
        let socket = self.control_socket();
        let endpoint = Endpoint::from_shared(format!("unix://{}", socket.display()))?;
        Ok(endpoint
            .connect_timeout(Duration::from_secs(5))
            .timeout(Duration::from_secs(10))
            .connect()
            .await?)
    }

    /// How the daemon is.
    pub async fn status(&self) -> anyhow::Result<Status> {
        let mut client = StatusServiceClient::new(self.channel().await?);
        let answer = client.get_status(GetStatusRequest {}).await?.into_inner();
        answer.status.context("an empty status")
    }

    /// All heads, by ascending index.
    pub async fn heads(&self) -> anyhow::Result<Vec<Head>> {
        let mut client = HeadServiceClient::new(self.channel().await?);
        let mut request = ListHeadsRequest { page_size: 1000, page_token: String::new() };
        let mut heads = Vec::new();
        loop {
            let page = client.list_heads(request.clone()).await?.into_inner();
            heads.extend(page.heads);
            if page.next_page_token.is_empty() {
                return Ok(heads);
            }
            request.page_token = page.next_page_token;
        }
    }

    /// The addresses of all serving heads, each with `/p2p/ID`.
    pub async fn addresses(&self) -> anyhow::Result<Vec<HeadAddress>> {
        let mut out = Vec::new();
        let heads = self.heads().await?;
        for (place, head) in heads.iter().filter(|h| h.state() == HeadState::Serving).enumerate() {
            for text in &head.addresses {
                let address: Multiaddr =
                    text.parse().with_context(|| format!("{} has the address {text:?}", head.name))?;
                let address = if peer_of(&address).is_ok() {
                    address
                } else {
                    format!("{text}/p2p/{}", head.peer_id).parse()?
                };
                out.push(HeadAddress { head: place, address });
            }
        }
        anyhow::ensure!(!out.is_empty(), "no serving head has an address");
        Ok(out)
    }

    /// Runs `hydractl --socket` on this daemon.
    pub async fn hydractl(&self, args: &[&str]) -> anyhow::Result<Output> {
        let socket = self.control_socket();
        let mut all = vec![OsStr::new("--socket"), socket.as_os_str()];
        all.extend(args.iter().map(OsStr::new));
        hydractl(&all).await
    }

    /// Ends it with SIGTERM and starts it again on the same directory.
    pub async fn restart(&mut self) -> anyhow::Result<()> {
        self.stop().await?;
        self.start_again().await
    }

    /// Kills it with SIGKILL; [`Daemon::start_again`] brings it back.
    pub async fn kill(&mut self) -> anyhow::Result<()> {
        self.child()?.kill().await?;
        self.child = None;
        Ok(())
    }

    /// Starts it on the same directory, after it was stopped or killed.
    pub async fn start_again(&mut self) -> anyhow::Result<()> {
        self.spawn()?;
        self.ready().await
    }

    /// Ends it with SIGTERM; an exit status other than 0 is an error.
    pub async fn stop(&mut self) -> anyhow::Result<()> {
        let status = self.child()?.terminate(Duration::from_secs(30)).await?;
        self.child = None;
        anyhow::ensure!(status.success(), "hydrad ended with {status}:\n{}", self.log_tail());
        Ok(())
    }
}

fn serves(status: &Status, heads: u32) -> bool {
    // A private hydra knows nobody else, and may say so: what counts is that its heads serve.
    !matches!(status.state(), DaemonState::Starting | DaemonState::Draining) && status.heads_serving >= heads
}

impl Drop for Daemon {
    fn drop(&mut self) {
        self.child = None;
        super::process::part(self.dir.take(), "hydrad");
    }
}

/// Runs `hydractl` with these arguments and no terminal.
pub async fn hydractl(args: &[impl AsRef<OsStr>]) -> anyhow::Result<Output> {
    let binary = binaries::hydractl().map_err(|missing| anyhow!(missing.0))?;
    let mut command = tokio::process::Command::new(binary);
    command.args(args).stdin(std::process::Stdio::null()).env_remove("HYDRA_SOCKET").kill_on_drop(true);
    tokio::time::timeout(Duration::from_secs(60), command.output())
        .await
        .context("hydractl hangs")?
        .map_err(Into::into)
}
