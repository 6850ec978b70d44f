//! A directory that a daemon lives in over several starts, and the running daemon.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::net::{Ipv4Addr, TcpListener, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use hydra_protocol::v1::head_service_client::HeadServiceClient;
use hydra_protocol::v1::status_service_client::StatusServiceClient;
use hydra_protocol::v1::{DaemonState, GetStatusRequest, Head, HeadState, ListHeadsRequest, Status};
use hydra_tests::harness::{Child, binaries, eventually};
use hydra_tests::raw::message::kind;
use hydra_tests::raw::{Message, RawNode, RawStream, Transport};
use libp2p::Multiaddr;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, BufReader, Lines};
use tonic::transport::{Channel, Endpoint};

/// How long anything may take that a daemon does by itself: a debug build on two cores
/// that run other tests beside it.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// The fixture's seed `sha256("hydrad test seed")`.
pub(crate) const SEED: &str = "hjHT+Yq82BHSWwa1wZDAX/O/JkWDX3Y6xTHRIk+XbFY=";

/// The first of so many ports in a row that are free for tcp and udp. The kernel gives none of
/// them to anybody who asks for just any port: they stay free while a daemon is restarted.
pub(crate) fn free_ports(count: u16) -> anyhow::Result<u16> {
    /// Below what the kernel hands out.
    const FROM: u16 = 12_000;
    const TO: u16 = 32_000;
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let free = |port: u16| {
        TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok()
            && UdpSocket::bind((Ipv4Addr::LOCALHOST, port)).is_ok()
    };
    // processes that run side by side begin at different ones
    let start = std::process::id().wrapping_mul(97);
    for _ in 0..1_000 {
        let at = start.wrapping_add(NEXT.fetch_add(u32::from(count), Ordering::Relaxed));
        let begin = FROM + u16::try_from(at % u32::from(TO - FROM - count))?;
        if (begin..begin + count).all(free) {
            return Ok(begin);
        }
    }
    bail!("no {count} free ports in a row between {FROM} and {TO}")
}

/// What to start, and where.
pub(crate) struct Place {
    dir: Arc<TempDir>,
    data: PathBuf,
    flags: BTreeMap<String, String>,
    variables: BTreeMap<String, OsString>,
    wrapper: Vec<OsString>,
}

/// How a start ended that was refused.
pub(crate) struct Refusal {
    pub(crate) code: Option<i32>,
    pub(crate) words: String,
}

impl Place {
    /// A place for a daemon on loopback, with one head, that knows nobody else.
    pub(crate) fn new() -> anyhow::Result<Self> {
        let dir = tempfile::Builder::new().prefix("hydra-life-").tempdir()?;
        let path = |name: &str| dir.path().join(name).display().to_string();
        let flags = [
            ("control-socket", path("control.sock")),
            ("observe-socket", path("observe.sock")),
            ("listen", "127.0.0.1".to_owned()),
            ("port-begin", "0".to_owned()),
            ("address-policy", "any".to_owned()),
            ("bootstrap-peers", "none".to_owned()),
            ("log-format", "json".to_owned()),
            ("heads", "1".to_owned()),
        ];
        let flags = flags.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        let data = dir.path().join("data");
        Ok(Self { dir: Arc::new(dir), data, flags, variables: BTreeMap::new(), wrapper: Vec::new() })
    }

    /// With so many heads from the fixture's seed.
    pub(crate) fn seeded(heads: u32) -> anyhow::Result<Self> {
        Ok(Self::new()?.flag("random-seed", SEED).flag("heads", heads))
    }

    /// Sets a flag, named without its dashes; from the next start on.
    pub(crate) fn set(&mut self, name: &str, value: impl ToString) {
        self.flags.insert(name.to_owned(), value.to_string());
    }

    pub(crate) fn unset(&mut self, name: &str) {
        self.flags.remove(name);
    }

    pub(crate) fn flag(mut self, name: &str, value: impl ToString) -> Self {
        self.set(name, value);
        self
    }

    pub(crate) fn without(mut self, name: &str) -> Self {
        self.unset(name);
        self
    }

    pub(crate) fn variable(mut self, name: &str, value: impl Into<OsString>) -> Self {
        self.variables.insert(name.to_owned(), value.into());
        self
    }

    /// Runs it by another command, such as `ip netns exec`.
    pub(crate) fn under(mut self, words: &[&str]) -> Self {
        self.wrapper = words.iter().map(OsString::from).collect();
        self
    }

    /// Uses another data directory.
    pub(crate) fn data_dir(mut self, path: &Path) -> Self {
        path.clone_into(&mut self.data);
        self
    }

    pub(crate) fn dir(&self) -> &Path {
        self.dir.path()
    }

    pub(crate) fn data(&self) -> &Path {
        &self.data
    }

    pub(crate) fn control(&self) -> PathBuf {
        self.dir().join("control.sock")
    }

    pub(crate) fn observe(&self) -> PathBuf {
        self.dir().join("observe.sock")
    }

    /// Starts it and does not wait.
    pub(crate) fn spawn(&self) -> anyhow::Result<Hydrad> {
        let binary = binaries::hydrad().map_err(|missing| anyhow::anyhow!(missing.0))?;
        let log = self.dir().join("log");
        let mut words = self.wrapper.iter().cloned().chain([binary.into_os_string()]);
        let mut command = Child::quiet(words.next().context("no program")?, &log)?;
        command.args(words);
        // nothing from the environment of whoever runs the tests
        for (name, _) in std::env::vars_os() {
            let text = name.to_string_lossy();
            let names = ["NOTIFY_SOCKET", "WATCHDOG_USEC", "STATE_DIRECTORY", "CONFIGURATION_DIRECTORY"];
            if text.starts_with("HYDRA_") || names.contains(&&*text) {
                command.env_remove(&name);
            }
        }
        // the weakest that can be said: tests run side by side, and the default port is one
        command.env("HYDRA_HTTP_LISTEN", "127.0.0.1:0");
        command.env("HYDRA_METRICS_LISTEN", "127.0.0.1:0");
        command.envs(&self.variables).env("XDG_CONFIG_HOME", self.dir()).env("HOME", self.dir());
        command.arg("--data-dir").arg(&self.data);
        for (name, value) in &self.flags {
            command.arg(format!("--{name}={value}"));
        }
        let said = fs::metadata(&log).map_or(0, |found| found.len());
        let child = Child::start(&mut command, "hydrad", &log)?;
        let control = self.flags.get("control-socket").map_or_else(|| self.control(), PathBuf::from);
        Ok(Hydrad { child: Some(child), control, log, said, _dir: Arc::clone(&self.dir) })
    }

    /// Starts it and waits until it is up, whatever its heads do.
    pub(crate) async fn up(&self) -> anyhow::Result<Hydrad> {
        let mut hydrad = self.spawn()?;
        hydrad.status_when("it is up", |status| status.state() != DaemonState::Starting).await?;
        Ok(hydrad)
    }

    /// Starts it and waits until so many heads serve.
    pub(crate) async fn serving(&self, heads: u32) -> anyhow::Result<Hydrad> {
        let mut hydrad = self.spawn()?;
        hydrad.serve(heads).await?;
        Ok(hydrad)
    }

    /// Starts it where it must not come up; how it ended.
    pub(crate) async fn refused(&self) -> anyhow::Result<Refusal> {
        let mut hydrad = self.spawn()?;
        let status = hydrad.ended().await.context("it was to refuse to start")?;
        Ok(Refusal { code: status.code(), words: hydrad.said() })
    }

    /// Runs `hydrad` with a subcommand on this data directory; exit code and both outputs.
    pub(crate) async fn command(&self, words: &[&str]) -> anyhow::Result<Refusal> {
        let binary = binaries::hydrad().map_err(|missing| anyhow::anyhow!(missing.0))?;
        let mut command = tokio::process::Command::new(binary);
        command.args(words).arg("--data-dir").arg(&self.data).env("XDG_CONFIG_HOME", self.dir());
        let output = tokio::time::timeout(PATIENCE, command.output()).await.context("it hangs")??;
        let words = [output.stdout, output.stderr].concat();
        Ok(Refusal { code: output.status.code(), words: String::from_utf8(words)? })
    }
}

/// A daemon; killed when dropped, and the end of what it said shown.
pub(crate) struct Hydrad {
    child: Option<Child>,
    control: PathBuf,
    log: PathBuf,
    /// Bytes of the log that earlier starts wrote.
    said: u64,
    /// The directory stays as long as somebody is in it.
    _dir: Arc<TempDir>,
}

impl Hydrad {
    pub(crate) fn pid(&self) -> u32 {
        self.child.as_ref().map_or(0, Child::pid)
    }

    /// What it has said since its start.
    pub(crate) fn said(&self) -> String {
        let bytes = fs::read(&self.log).unwrap_or_default();
        let from = usize::try_from(self.said).unwrap_or(0).min(bytes.len());
        String::from_utf8_lossy(&bytes[from..]).into_owned()
    }

    fn child(&mut self) -> anyhow::Result<&mut Child> {
        self.child.as_mut().context("hydrad has ended")
    }

    pub(crate) async fn ended(&mut self) -> anyhow::Result<ExitStatus> {
        let child = self.child()?;
        let ended = tokio::time::timeout(PATIENCE, child.inner().wait()).await;
        Ok(ended.with_context(|| format!("it runs on after {PATIENCE:?}"))??)
    }

    pub(crate) fn running(&mut self) -> bool {
        self.child().and_then(Child::ended).is_ok_and(|ended| ended.is_none())
    }

    pub(crate) fn signal(&self, signal: Signal) -> anyhow::Result<()> {
        let pid = i32::try_from(self.pid()).ok().and_then(Pid::from_raw).context("no process")?;
        Ok(kill_process(pid, signal)?)
    }

    /// SIGTERM, and an exit code of 0.
    pub(crate) async fn stop(mut self) -> anyhow::Result<String> {
        let status = self.child()?.terminate(PATIENCE).await?;
        ensure!(status.success(), "it ended with {status}:\n{}", self.said());
        Ok(self.said())
    }

    /// SIGKILL.
    pub(crate) async fn kill(mut self) -> anyhow::Result<()> {
        self.child()?.kill().await
    }

    pub(crate) async fn channel(&self) -> anyhow::Result<Channel> {
        connect(&self.control).await
    }

    pub(crate) async fn status(&self) -> anyhow::Result<Status> {
        let mut client = StatusServiceClient::new(self.channel().await?);
        client.get_status(GetStatusRequest {}).await?.into_inner().status.context("an empty status")
    }

    /// Waits for a status.
    pub(crate) async fn status_when(
        &mut self,
        what: &str,
        holds: impl Fn(&Status) -> bool,
    ) -> anyhow::Result<Status> {
        let began = Instant::now();
        loop {
            if let Some(status) = self.child()?.ended()? {
                bail!("hydrad ended ({status}):\n{}", self.said());
            }
            let now = self.status().await;
            match now {
                Ok(status) if holds(&status) => return Ok(status),
                other if began.elapsed() > PATIENCE => bail!("not so that {what}: {other:?}"),
                _ => tokio::time::sleep(Duration::from_millis(50)).await,
            }
        }
    }

    /// Waits until so many heads serve, and no more are there.
    pub(crate) async fn serve(&mut self, heads: u32) -> anyhow::Result<()> {
        let all = |status: &Status| {
            status.heads == heads && status.heads_serving == heads && status.state() != DaemonState::Starting
        };
        self.status_when(&format!("{heads} heads serve"), all).await.map(drop)
    }

    pub(crate) async fn heads(&self) -> anyhow::Result<Vec<Head>> {
        let mut client = HeadServiceClient::new(self.channel().await?);
        let request = ListHeadsRequest { page_size: 1000, page_token: String::new() };
        Ok(client.list_heads(request).await?.into_inner().heads)
    }

    pub(crate) async fn head(&self, index: u32) -> anyhow::Result<Head> {
        let heads = self.heads().await?;
        heads.into_iter().find(|head| head.index == index).with_context(|| format!("no head-{index}"))
    }

    /// Waits for a state of a head.
    pub(crate) async fn head_when(&self, index: u32, state: HeadState) -> anyhow::Result<Head> {
        eventually(PATIENCE, || async {
            let head = self.head(index).await?;
            ensure!(head.state() == state, "{} is {:?}: {}", head.name, head.state(), head.state_reason);
            Ok(head)
        })
        .await
    }

    /// Index and peer id of each head. Not its port: one that was chosen freely may have to be
    /// another after a restart, beside other tests.
    pub(crate) async fn identities(&self) -> anyhow::Result<Vec<(u32, String)>> {
        Ok(self.heads().await?.into_iter().map(|head| (head.index, head.peer_id)).collect())
    }

    /// The ports of the heads, by index.
    pub(crate) async fn ports(&self) -> anyhow::Result<Vec<u16>> {
        let ports = self.heads().await?.into_iter().map(|head| u16::try_from(head.port));
        Ok(ports.collect::<Result<_, _>>()?)
    }

    /// Runs `hydractl`; its exit code and both outputs.
    pub(crate) async fn hydractl(&self, words: &[&str]) -> anyhow::Result<Said> {
        hydractl(&self.control, words).await
    }

    /// `hydractl … -o json`.
    pub(crate) async fn json(&self, words: &[&str]) -> anyhow::Result<Value> {
        let said = self.hydractl(&[words, &["-o", "json"]].concat()).await?;
        serde_json::from_str(&said.out).with_context(|| format!("{words:?}: {said:?}"))
    }

    /// `hydractl … -o ndjson`, whose lines are read while it runs.
    pub(crate) fn follow(&self, words: &[&str]) -> anyhow::Result<Followed> {
        let program = binaries::hydractl().map_err(|missing| anyhow::anyhow!(missing.0))?;
        let mut command = tokio::process::Command::new(program);
        command.arg("--socket").arg(&self.control).args(words).args(["-o", "ndjson"]);
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).kill_on_drop(true).spawn()?;
        let lines = BufReader::new(child.stdout.take().context("stdout")?).lines();
        Ok(Followed { _child: child, lines })
    }

    /// A node connected to a head, with an open stream.
    pub(crate) async fn stream(&self, index: u32) -> anyhow::Result<(RawNode, RawStream)> {
        let node = RawNode::new(Transport::TcpNoise)?;
        let id = node.dial(&self.address(index).await?).await?;
        let stream = node.open(id).await?;
        Ok((node, stream))
    }

    /// The tcp address of a head, with its id.
    pub(crate) async fn address(&self, index: u32) -> anyhow::Result<Multiaddr> {
        let head = self.head(index).await?;
        Ok(format!("/ip4/{}/tcp/{}/p2p/{}", head.listen_ip, head.port, head.peer_id).parse()?)
    }

    /// Announces keys through a head, from an address; the provider's id.
    pub(crate) async fn announce(
        &self,
        index: u32,
        keys: &[Vec<u8>],
        at: &str,
    ) -> anyhow::Result<libp2p::PeerId> {
        let (node, mut stream) = self.stream(index).await?;
        for key in keys {
            stream.send(&Message::add_provider(key.clone(), node.id(), &[at.parse()?])).await?;
        }
        // Order holds on a stream: when this is answered the announcements have been taken.
        ping(&mut stream).await?;
        Ok(node.id())
    }
}

impl Drop for Hydrad {
    #[allow(clippy::print_stderr)]
    fn drop(&mut self) {
        let said = self.said();
        let lines: Vec<&str> = said.lines().collect();
        let tail = lines[lines.len().saturating_sub(40)..].join("\n");
        // shown by the test runner when the test fails
        eprintln!("-- the end of what hydrad {} wrote:\n{tail}\n--", self.pid());
    }
}

/// What a program said, and how it ended.
/// A `hydractl` that goes on telling; it ends with this.
pub(crate) struct Followed {
    _child: tokio::process::Child,
    lines: Lines<BufReader<tokio::process::ChildStdout>>,
}

impl Followed {
    /// The first object of which this holds.
    pub(crate) async fn until(&mut self, holds: impl Fn(&Value) -> bool) -> anyhow::Result<Value> {
        let told = tokio::time::timeout(PATIENCE, async {
            while let Some(line) = self.lines.next_line().await? {
                let told = serde_json::from_str(&line)?;
                if holds(&told) {
                    return Ok(told);
                }
            }
            bail!("what is followed ended")
        });
        told.await.context("nothing of what is followed fits")?
    }
}

#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Said {
    #[track_caller]
    pub(crate) fn good(&self) -> &str {
        assert_eq!(self.code, Some(0), "{self:?}");
        &self.out
    }
}

/// Runs `hydractl` on a socket.
pub(crate) async fn hydractl(socket: &Path, words: &[&str]) -> anyhow::Result<Said> {
    let socket = socket.display().to_string();
    let output = hydra_tests::harness::hydractl(&[&["--socket", &socket], words].concat()).await?;
    let text = |bytes| String::from_utf8(bytes).context("no UTF-8");
    Ok(Said { code: output.status.code(), out: text(output.stdout)?, err: text(output.stderr)? })
}

/// A connection to a socket.
pub(crate) async fn connect(socket: &Path) -> anyhow::Result<Channel> {
    let endpoint = Endpoint::from_shared(format!("unix://{}", socket.display()))?;
    let endpoint = endpoint.connect_timeout(Duration::from_secs(5)).timeout(PATIENCE);
    Ok(endpoint.connect().await?)
}

/// One exchange on a stream.
pub(crate) async fn ping(stream: &mut RawStream) -> anyhow::Result<()> {
    let answer = stream.ask(&Message::new(kind::PING, *b"")).await?;
    ensure!(answer.kind == kind::PING, "a PING is answered with {answer:?}");
    Ok(())
}

/// Multihashes that no other test uses.
pub(crate) fn fresh_keys(count: usize) -> Vec<Vec<u8>> {
    use sha2::Digest as _;
    let fresh = || sha2::Sha256::digest(libp2p::PeerId::random().to_bytes());
    (0..count).map(|_| [&[0x12, 0x20][..], &fresh()].concat()).collect()
}

/// True under `tests/run --long`.
pub(crate) fn long() -> bool {
    std::env::var_os("HYDRA_LONG_TESTS").is_some()
}
