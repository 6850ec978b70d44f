//! Kubo 0.43 as a DHT client that knows nothing but the heads.

use std::ffi::OsStr;
use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use libp2p::Multiaddr;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::process::Command;

use super::process::Child;
use super::{binaries, netns::Namespace};

/// How long the daemon may take to answer.
const READY_WITHIN: Duration = Duration::from_secs(90);

/// A running Kubo node.
pub struct Kubo<'n> {
    binary: PathBuf,
    dir: Option<TempDir>,
    namespace: Option<&'n Namespace>,
    child: Option<Child>,
}

/// How Kubo asks by itself: the DHT, as a client.
fn dht_client() -> Value {
    json!({"Type": "dhtclient", "DelegatedRouters": []})
}

impl<'n> Kubo<'n> {
    /// Starts a node; `None` when Kubo is not installed (which `counterpart` said).
    pub async fn start(heads: &[Multiaddr]) -> anyhow::Result<Option<Self>> {
        Self::start_in(None, heads).await
    }

    /// The same inside a network namespace.
    pub async fn start_in(
        namespace: Option<&'n Namespace>,
        heads: &[Multiaddr],
    ) -> anyhow::Result<Option<Self>> {
        Self::launch(namespace, heads, &[], dht_client()).await
    }

    /// A node that neither dials nor lets in these ranges, such as `/ip4/127.0.1.0/ipcidr/24`.
    pub async fn start_shunning(heads: &[Multiaddr], ranges: &[&str]) -> anyhow::Result<Option<Self>> {
        Self::launch(None, heads, ranges, dht_client()).await
    }

    /// A node that asks a delegated router for everything and speaks no DHT.
    pub async fn start_delegated(url: &str) -> anyhow::Result<Option<Self>> {
        let method = json!({"RouterName": "hydra"});
        let routing = json!({
            "Type": "custom",
            "Routers": {"hydra": {"Type": "http", "Parameters": {"Endpoint": url}}},
            "Methods": {
                "find-peers": method,
                "find-providers": method,
                "get-ipns": method,
                "provide": method,
                "put-ipns": method,
            },
        });
        Self::launch(None, &[], &[], routing).await
    }

    async fn launch(
        namespace: Option<&'n Namespace>,
        heads: &[Multiaddr],
        shunned: &[&str],
        routing: Value,
    ) -> anyhow::Result<Option<Self>> {
        let Some(binary) = binaries::counterpart("kubo/ipfs") else { return Ok(None) };
        let dir = tempfile::Builder::new().prefix("kubo-").tempdir()?;
        let mut kubo = Self { binary, dir: Some(dir), namespace, child: None };
        // Without `--empty-repo` the repository would hold documents to announce.
        kubo.ipfs(&["init", "--empty-repo", "--profile", "test"]).await?;
        kubo.configure(heads, shunned, routing)?;
        let log = kubo.dir().join("log");
        let mut command = kubo.command();
        command.args(["daemon", "--migrate=false"]);
        let file = fs::File::options().create(true).append(true).open(&log)?;
        command.stdin(std::process::Stdio::null()).stdout(file);
        kubo.child = Some(Child::start(&mut command, "kubo", &log)?);
        kubo.ready().await?;
        Ok(Some(kubo))
    }

    /// Everything that would look for strangers is off; the rest is as users have it.
    fn configure(&self, heads: &[Multiaddr], shunned: &[&str], routing: Value) -> anyhow::Result<()> {
        let path = self.dir().join("repo/config");
        let text = fs::read_to_string(&path).with_context(|| format!("read {}", path.display()))?;
        let mut config: Value = serde_json::from_str(&text)?;
        let heads: Vec<String> = heads.iter().map(ToString::to_string).collect();
        config["Bootstrap"] = json!(heads);
        config["Routing"] = routing;
        config["Ipns"]["DelegatedPublishers"] = json!([]);
        config["DNS"]["Resolvers"] = json!({});
        config["AutoConf"] = json!({"Enabled": false});
        config["AutoTLS"] = json!({"Enabled": false});
        config["Discovery"]["MDNS"]["Enabled"] = json!(false);
        config["Swarm"]["DisableNatPortMap"] = json!(true);
        config["Swarm"]["RelayClient"] = json!({"Enabled": false});
        config["Swarm"]["RelayService"] = json!({"Enabled": false});
        config["Swarm"]["EnableHolePunching"] = json!(false);
        config["Swarm"]["AddrFilters"] = json!(shunned);
        // All nodes of a test share one address, which the default limits take for a stranger.
        config["Swarm"]["ResourceMgr"] = json!({"Enabled": false});
        config["Addresses"]["NoAnnounce"] = json!([]);
        config["Addresses"]["Swarm"] = json!(["/ip4/127.0.0.1/tcp/0", "/ip4/127.0.0.1/udp/0/quic-v1"]);
        config["Addresses"]["API"] = json!(format!("/ip4/127.0.0.1/tcp/{}", free_port()?));
        config["Addresses"]["Gateway"] = json!(format!("/ip4/127.0.0.1/tcp/{}", free_port()?));
        fs::write(&path, serde_json::to_vec_pretty(&config)?)
            .with_context(|| format!("write {}", path.display()))
    }

    async fn ready(&mut self) -> anyhow::Result<()> {
        let deadline = Instant::now() + READY_WITHIN;
        loop {
            let log = fs::read_to_string(self.dir().join("log")).unwrap_or_default();
            if log.contains("Daemon is ready") {
                return Ok(());
            }
            let ended = self.child.as_mut().map(Child::ended).transpose()?.flatten();
            if ended.is_some() || Instant::now() > deadline {
                bail!("Kubo is not ready ({ended:?}):\n{log}");
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    fn dir(&self) -> &Path {
        self.dir.as_ref().map_or(Path::new(""), TempDir::path)
    }

    fn command(&self) -> Command {
        let mut command = match self.namespace {
            Some(namespace) => namespace.command(&self.binary),
            None => Command::new(&self.binary),
        };
        command
            .env("IPFS_PATH", self.dir().join("repo"))
            // Lifts Kubo's address filters, which refuse loopback (its docs/environment-variables.md).
            .env("TEST_DHT_STUB", "1")
            .env_remove("IPFS_HTTP_ROUTERS")
            .kill_on_drop(true);
        command
    }

    /// Runs `ipfs` with these arguments; gives its standard output as text, trimmed.
    pub async fn ipfs(&self, args: &[impl AsRef<OsStr>]) -> anyhow::Result<String> {
        Ok(String::from_utf8_lossy(&self.ipfs_bytes(args).await?).trim().to_owned())
    }

    /// The same with the output as it is.
    pub async fn ipfs_bytes(&self, args: &[impl AsRef<OsStr>]) -> anyhow::Result<Vec<u8>> {
        let mut command = self.command();
        command.args(args).stdin(std::process::Stdio::null());
        let shown = args.iter().map(|a| a.as_ref().to_string_lossy()).collect::<Vec<_>>().join(" ");
        let output = tokio::time::timeout(Duration::from_secs(90), command.output())
            .await
            .with_context(|| format!("ipfs {shown} hangs"))??;
        let errors = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "ipfs {shown}: {}", errors.trim());
        Ok(output.stdout)
    }

    /// Writes a file into the node's directory, for `ipfs add`.
    pub fn file(&self, name: &str, content: &[u8]) -> anyhow::Result<PathBuf> {
        let path = self.dir().join(name);
        fs::write(&path, content).with_context(|| format!("write {}", path.display()))?;
        Ok(path)
    }

    /// The node's peer id.
    pub async fn peer_id(&self) -> anyhow::Result<String> {
        self.ipfs(&["id", "-f", "<id>"]).await
    }

    /// Waits until that many of the peers in the node's WAN table are known.
    pub async fn table_holds(&self, peers: usize) -> anyhow::Result<()> {
        super::eventually(Duration::from_secs(60), || async {
            let stats = self.ipfs(&["stats", "dht", "wan"]).await?;
            let known = stats.lines().filter(|line| line.contains("12D3Koo")).count();
            ensure!(known >= peers, "Kubo's table holds {known} of {peers} heads:\n{stats}");
            Ok(())
        })
        .await
    }
}

impl Drop for Kubo<'_> {
    fn drop(&mut self) {
        self.child = None;
        super::process::part(self.dir.take(), "kubo");
    }
}

/// A port that was free a moment ago. Kubo takes no "any port" for its API and still
/// writes what it got to a file; the small race shows as a daemon that does not start.
fn free_port() -> anyhow::Result<u16> {
    Ok(TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port())
}
