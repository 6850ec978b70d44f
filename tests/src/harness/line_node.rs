//! A counterpart that takes JSON commands line by line: the Go and the js client.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, bail};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{ChildStdin, ChildStdout, Command};

use super::process::Child;
use super::{binaries, netns::Namespace};
use crate::raw::Transport;
use libp2p::Multiaddr;

/// Which implementation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sort {
    /// go-libp2p-kad-dht.
    Go,
    /// js-libp2p kad-dht.
    Js,
}

impl Sort {
    fn command(self) -> Option<(&'static str, Vec<PathBuf>, PathBuf)> {
        match self {
            Self::Go => {
                let program = binaries::counterpart("go/counterpart")?;
                Some(("go", vec!["node".into()], program))
            }
            Self::Js => {
                // `npm ci` finished: the lock file was copied last.
                let installed = binaries::counterpart("js/installed-lock.json")?;
                let script = installed.with_file_name("node.mjs");
                Some(("js", vec![script], "node".into()))
            }
        }
    }
}

/// A client node that knows only the heads it is given. It ends with its standard input.
pub struct LineNode {
    stdin: ChildStdin,
    stdout: Lines<BufReader<ChildStdout>>,
    child: Child,
    name: String,
    dir: Option<TempDir>,
}

impl LineNode {
    /// Starts a node; `None` when the counterpart is not installed (which `counterpart` said).
    pub fn start(sort: Sort, transport: Transport, heads: &[Multiaddr]) -> anyhow::Result<Option<Self>> {
        Self::start_in(None, sort, transport, heads)
    }

    /// The same inside a network namespace.
    pub fn start_in(
        namespace: Option<&Namespace>,
        sort: Sort,
        transport: Transport,
        heads: &[Multiaddr],
    ) -> anyhow::Result<Option<Self>> {
        let Some((name, args, program)) = sort.command() else { return Ok(None) };
        let dir = tempfile::Builder::new().prefix("counterpart-").tempdir()?;
        let heads: Vec<String> =
            heads.iter().filter(|head| transport.fits(head)).map(ToString::to_string).collect();
        let mut command = namespace.map_or_else(|| Command::new(&program), |n| n.command(&program));
        command
            .args(args)
            .args(["--heads", &heads.join(","), "--transport", &transport.to_string()])
            .current_dir(dir.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        let mut child = Child::start(&mut command, name, &dir.path().join("log"))?;
        let stdin = child.inner().stdin.take().context("no standard input")?;
        let stdout = BufReader::new(child.inner().stdout.take().context("no standard output")?).lines();
        Ok(Some(Self { stdin, stdout, child, name: name.to_owned(), dir: Some(dir) }))
    }

    /// Sends a command such as `{"cmd": "provide", "cid": …}`; an answer that is not ok is an error.
    pub async fn call(&mut self, command: Value) -> anyhow::Result<Value> {
        self.call_within(Duration::from_secs(30), command).await
    }

    /// The same with a time limit, which the counterpart keeps too.
    pub async fn call_within(&mut self, limit: Duration, mut command: Value) -> anyhow::Result<Value> {
        command["timeout_seconds"] = json!(limit.as_secs_f64());
        let mut line = command.to_string();
        line.push('\n');
        self.stdin.write_all(line.as_bytes()).await.with_context(|| self.last_words())?;
        // The counterpart keeps the limit; the grace is for its answer to arrive.
        let answer = tokio::time::timeout(limit + Duration::from_secs(10), self.stdout.next_line())
            .await
            .with_context(|| format!("{} gave no answer to {command}", self.name))??;
        let Some(answer) = answer else { bail!("{}", self.last_words()) };
        let answer: Value =
            serde_json::from_str(&answer).with_context(|| format!("{} answered {answer:?}", self.name))?;
        if answer["ok"] != json!(true) {
            bail!("{}: {command}: {}", self.name, answer["error"]);
        }
        Ok(answer)
    }

    /// The node's peer id.
    pub async fn peer_id(&mut self) -> anyhow::Result<String> {
        let answer = self.call(json!({"cmd": "id"})).await?;
        Ok(answer["peer_id"].as_str().context("no peer_id")?.to_owned())
    }

    /// Connects to all heads and waits until they stand in the node's routing table.
    pub async fn join(&mut self) -> anyhow::Result<()> {
        self.call_within(Duration::from_secs(60), json!({"cmd": "join"})).await?;
        Ok(())
    }

    fn last_words(&mut self) -> String {
        let log = self.dir.as_ref().map(|d| read(&d.path().join("log"))).unwrap_or_default();
        format!("{} ended ({:?}): {log}", self.name, self.child.ended())
    }
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_default()
}

impl Drop for LineNode {
    fn drop(&mut self) {
        super::process::part(self.dir.take(), &self.name);
    }
}
