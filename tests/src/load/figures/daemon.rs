//! The processes that are measured: `hydrad`, and the echo server.
//!
//! Owns their start, their end and the one question put to the daemon over its control
//! socket: which heads there are. A process ends with its handle.

use std::ffi::OsString;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use hydra_protocol::v1::head_service_client::HeadServiceClient;
use hydra_protocol::v1::{Head, HeadState, ListHeadsRequest};
use tempfile::TempDir;
use tonic::transport::Endpoint;

use super::super::args::Listening;
use super::super::node::Target;
use super::super::server::Server;

/// Longest wait for a process to be ready.
const PATIENCE: Duration = Duration::from_secs(120);
const POLL: Duration = Duration::from_millis(50);
/// Heads a page of the control socket.
const PAGE: u32 = 1000;

/// A command kept on one CPU by `taskset`, when a CPU is named.
pub(super) fn pinned(program: impl Into<OsString>, cpu: Option<u32>) -> Command {
    match cpu {
        Some(cpu) => {
            let mut command = Command::new("taskset");
            command.arg("--cpu-list").arg(cpu.to_string()).arg(program.into());
            command
        }
        None => Command::new(program.into()),
    }
}

/// A process that ends with its handle.
pub(crate) struct Process(pub(crate) Child);

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended by itself; either way it is gone afterwards.
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

/// A running `hydrad` in a data directory of its own.
pub(super) struct Daemon {
    child: Process,
    pub(super) started: Instant,
    pub(super) socket: PathBuf,
    pub(super) dir: TempDir,
}

/// How a daemon is started.
pub(super) struct Setup<'a> {
    pub(super) hydrad: &'a Path,
    pub(super) heads: u32,
    pub(super) bootstrap: &'a [Target],
    /// Base64 of 32 bytes.
    pub(super) seed: Option<&'a str>,
    pub(super) port_begin: u16,
    pub(super) cpu: Option<u32>,
    /// Besides those that every daemon has.
    pub(super) flags: &'a [String],
}

impl Daemon {
    pub(super) fn start(setup: &Setup<'_>) -> Result<Self> {
        let dir =
            tempfile::Builder::new().prefix("hydra-figures-").tempdir().context("make a data directory")?;
        let socket = dir.path().join("control.sock");
        let bootstrap: Vec<_> = setup.bootstrap.iter().map(ToString::to_string).collect();
        let bootstrap = if bootstrap.is_empty() { "none".to_owned() } else { bootstrap.join(",") };
        let log = std::fs::File::create(dir.path().join("stderr.log")).context("make the daemon's log")?;
        let mut command = pinned(setup.hydrad, setup.cpu);
        command
            .arg("--data-dir")
            .arg(dir.path().join("data"))
            .arg("--control-socket")
            .arg(&socket)
            .arg("--observe-socket")
            .arg(dir.path().join("observe.sock"))
            .args(["--heads", &setup.heads.to_string()])
            .args(["--listen", "127.0.0.1"])
            .args(["--port-begin", &setup.port_begin.to_string()])
            .args(["--address-policy", "any"])
            .args(["--bootstrap-peers", &bootstrap])
            .args(["--log-format", "json", "--log-level", "warn"]);
        command.args(setup.flags);
        if let Some(seed) = setup.seed {
            command.args(["--random-seed", seed]);
        }
        let started = Instant::now();
        let child = command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .with_context(|| format!("start {}", setup.hydrad.display()))?;
        Ok(Self { child: Process(child), started, socket, dir })
    }

    pub(super) fn server(&self) -> Server {
        Server(self.child.0.id())
    }

    /// The heads, once all are serving.
    pub(super) async fn serving(&mut self, heads: u32) -> Result<Vec<Head>> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.child.0.try_wait().context("look after the daemon")? {
                bail!("hydrad ended with {status}: {}", self.log());
            }
            let last = match list_heads(&self.socket).await {
                Ok(list) => {
                    let up = list.iter().filter(|head| head.state() == HeadState::Serving).count();
                    if up == heads as usize {
                        return Ok(list);
                    }
                    format!("{up} of {heads} heads serve")
                }
                Err(error) => format!("{error:#}"),
            };
            ensure!(Instant::now() < deadline, "hydrad not ready after {PATIENCE:?}: {last}; {}", self.log());
            tokio::time::sleep(POLL).await;
        }
    }

    /// The end of what the daemon wrote on stderr.
    fn log(&self) -> String {
        let text = std::fs::read_to_string(self.dir.path().join("stderr.log")).unwrap_or_default();
        let lines: Vec<_> = text.lines().collect();
        lines[lines.len().saturating_sub(5)..].join(" | ")
    }
}

/// All heads of the daemon behind a control socket.
pub(crate) async fn list_heads(socket: &Path) -> Result<Vec<Head>> {
    let endpoint = Endpoint::from_shared(format!("unix://{}", socket.display()))?;
    let channel = endpoint.connect().await.with_context(|| format!("connect to {}", socket.display()))?;
    let mut client = HeadServiceClient::new(channel);
    let (mut heads, mut token) = (Vec::new(), String::new());
    loop {
        let request = ListHeadsRequest { page_size: PAGE, page_token: token };
        let page = client.list_heads(request).await.context("list the heads")?.into_inner();
        heads.extend(page.heads);
        token = page.next_page_token;
        if token.is_empty() {
            return Ok(heads);
        }
    }
}

/// Where a head listens on loopback: tcp first, then quic.
pub(super) fn targets(head: &Head) -> Result<[Target; 2]> {
    let peer = head.peer_id.parse().with_context(|| format!("the peer id of {}", head.name))?;
    let (ip, port) = (&head.listen_ip, head.port);
    let target = |addr: String| anyhow::Ok(Target { peer, addr: addr.parse()? });
    Ok([target(format!("/ip4/{ip}/tcp/{port}"))?, target(format!("/ip4/{ip}/udp/{port}/quic-v1"))?])
}

/// A running echo server in a process of its own.
pub(super) struct EchoProcess {
    child: Process,
    /// tcp, then quic.
    pub(super) targets: [Target; 2],
}

impl EchoProcess {
    pub(super) fn start(silent: bool, cpu: Option<u32>) -> Result<Self> {
        let me = std::env::current_exe().context("find this program")?;
        let child = pinned(me, cpu)
            .args([if silent { "--echo-silent" } else { "--echo" }, "--duration", "86400"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .context("start the echo server")?;
        let mut child = Process(child);
        let stdout = child.0.stdout.take().context("the echo server's output")?;
        let mut line = String::new();
        BufReader::new(stdout).read_line(&mut line).context("read the echo server's output")?;
        let told: Listening =
            serde_json::from_str(&line).with_context(|| format!("the echo server said {line:?}"))?;
        let targets: Vec<Target> = told.targets.iter().map(|t| t.parse()).collect::<Result<_>>()?;
        let find = |quic: bool| targets.iter().find(|t| t.is_quic() == quic).cloned();
        let targets =
            [find(false).context("the echo's tcp address")?, find(true).context("the echo's quic address")?];
        Ok(Self { child, targets })
    }

    pub(super) fn server(&self) -> Server {
        Server(self.child.0.id())
    }
}

#[cfg(test)]
mod tests {
    use hydra_protocol::v1 as api;
    use hydra_protocol::v1::head_service_server::{HeadService, HeadServiceServer};
    use tokio::net::UnixListener;
    use tokio_stream::wrappers::UnixListenerStream;
    use tonic::{Request, Response, Status};

    use super::*;

    /// Has 1,500 heads and gives two pages of them.
    struct Fake;

    type Answer<T> = Result<Response<T>, Status>;

    #[tonic::async_trait]
    impl HeadService for Fake {
        async fn list_heads(&self, request: Request<ListHeadsRequest>) -> Answer<api::ListHeadsResponse> {
            let request = request.into_inner();
            let first = request.page_token.parse().unwrap_or(0);
            let end = (first + request.page_size).min(1_500);
            let head = |index| Head {
                index,
                name: format!("head-{index}"),
                peer_id: libp2p::PeerId::random().to_string(),
                listen_ip: "127.0.0.1".to_owned(),
                port: 4001 + index,
                ..Head::default()
            };
            let next_page_token = if end < 1_500 { end.to_string() } else { String::new() };
            Ok(Response::new(api::ListHeadsResponse {
                heads: (first..end).map(head).collect(),
                next_page_token,
            }))
        }

        async fn get_head(&self, _: Request<api::GetHeadRequest>) -> Answer<api::GetHeadResponse> {
            Err(Status::unimplemented("fake"))
        }

        async fn add_heads(&self, _: Request<api::AddHeadsRequest>) -> Answer<api::AddHeadsResponse> {
            Err(Status::unimplemented("fake"))
        }

        async fn remove_head(&self, _: Request<api::RemoveHeadRequest>) -> Answer<api::RemoveHeadResponse> {
            Err(Status::unimplemented("fake"))
        }

        async fn stop_head(&self, _: Request<api::StopHeadRequest>) -> Answer<api::StopHeadResponse> {
            Err(Status::unimplemented("fake"))
        }

        async fn start_head(&self, _: Request<api::StartHeadRequest>) -> Answer<api::StartHeadResponse> {
            Err(Status::unimplemented("fake"))
        }

        async fn purge_head(&self, _: Request<api::PurgeHeadRequest>) -> Answer<api::PurgeHeadResponse> {
            Err(Status::unimplemented("fake"))
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn all_pages_of_heads_are_read_from_the_control_socket() {
        let dir = tempfile::tempdir().expect("a directory");
        let socket = dir.path().join("control.sock");
        assert!(list_heads(&socket).await.is_err(), "nobody listens yet");
        let incoming = UnixListenerStream::new(UnixListener::bind(&socket).expect("a socket"));
        let service = HeadServiceServer::new(Fake);
        let server = tokio::spawn(tonic::transport::Server::builder().serve_with_incoming(service, incoming));
        let heads = list_heads(&socket).await.expect("the heads");
        assert_eq!(heads.len(), 1_500);
        assert!(heads.iter().zip(0..).all(|(head, index)| head.index == index));
        let [tcp, quic] = targets(&heads[7]).expect("targets");
        assert_eq!(tcp.to_string(), format!("/ip4/127.0.0.1/tcp/4008/p2p/{}", heads[7].peer_id));
        assert!(quic.is_quic());
        server.abort();
    }
}
