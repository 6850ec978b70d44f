//! Memory and time figures: heads, idle connections, start, `hydractl status`.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use futures::StreamExt as _;
use futures::stream;
use libp2p::StreamProtocol;

use super::super::connections::ask_once;
use super::super::guard::Reach;
use super::super::message::{Kind, Message};
use super::super::node::{Node, NodeConfig, Target};
use super::super::report::HoldReport;
use super::super::transport::Security;
use super::cost::strings;
use super::daemon::{Daemon, targets};
use super::table::Row;
use super::{Bench, Figures, say};

/// A fixed seed, so that the heads' ids are known before they answer.
const SEED: &str = "aHlkcmEtbG9hZCBmaWd1cmVzOiBub3QgYSBzZWNyZXQ=";
const SETTLE: Duration = Duration::from_secs(5);
const IDLE_HEADS: u32 = 100;
const IDLE_WATCHED: Duration = Duration::from_secs(20);
const HELD: u32 = 1000;
const STATUS_RUNS: u32 = 20;
const KIB: f64 = 1024.0;

/// RSS a head, and the time from exec until all answer.
pub(super) async fn heads(figures: &Figures) -> Result<Vec<Row>> {
    let (mut rss, mut start) = (Vec::new(), Vec::new());
    for round in 0..figures.rounds.min(3) {
        say(&format!("{} heads, round {round}", figures.heads));
        let mut setup = figures.setup(0, &[]);
        setup.seed = Some(SEED);
        let mut none = Daemon::start(&setup)?;
        none.serving(0).await?;
        tokio::time::sleep(SETTLE).await;
        let base = none.server().rss_bytes()? as f64;
        drop(none);
        setup.heads = figures.heads;
        let mut first = Daemon::start(&setup)?;
        let list = first.serving(figures.heads).await?;
        tokio::time::sleep(SETTLE).await;
        rss.push((first.server().rss_bytes()? as f64 - base) / KIB / f64::from(figures.heads));
        let addresses = list.iter().map(|head| Ok(targets(head)?[0].clone())).collect::<Result<Vec<_>>>()?;
        drop(first);
        // The same seed and ports in a fresh directory: dialled from exec on.
        let second = Daemon::start(&setup)?;
        start.push(all_answer(&addresses, second.started).await?);
    }
    let heads = figures.heads;
    Ok(vec![
        Row::new(format!("RSS of an idle head ({heads} heads minus 0)"), "KiB", rss, Some(100.0)),
        Row::new(format!("exec until {heads} heads have answered, the first start"), "s", start, Some(5.0)),
    ])
}

/// Seconds from `since` until each has answered FIND_NODE for its own id.
async fn all_answer(heads: &[Target], since: Instant) -> Result<f64> {
    let config = NodeConfig::client(Security::Noise, StreamProtocol::new("/ipfs/kad/1.0.0"), Reach::Loopback);
    let node = Node::start(config).await?;
    let node = &node;
    let deadline = since + Duration::from_secs(60);
    let waits = heads.iter().map(|head| async move {
        let request = Message::new(Kind::FindNode, head.peer.to_bytes());
        loop {
            match ask_once(node, head, &request).await {
                Ok(_) => return anyhow::Ok(()),
                Err(error) => {
                    ensure!(Instant::now() < deadline, "{head} has not answered after 60 s: {error:#}");
                }
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    });
    let mut waits = stream::iter(waits).buffer_unordered(64);
    while let Some(answered) = waits.next().await {
        answered?;
    }
    Ok(since.elapsed().as_secs_f64())
}

/// CPU share of an idle daemon, in percent of a core.
pub(super) async fn idle(figures: &Figures) -> Result<Vec<Row>> {
    say("an idle daemon");
    let mut daemon = Daemon::start(&figures.setup(IDLE_HEADS, &[]))?;
    daemon.serving(IDLE_HEADS).await?;
    tokio::time::sleep(SETTLE * 2).await;
    let mut share = Vec::new();
    for _ in 0..figures.rounds.min(3) {
        let (before, start) = (daemon.server().cpu_seconds()?, Instant::now());
        tokio::time::sleep(IDLE_WATCHED).await;
        share.push((daemon.server().cpu_seconds()? - before) / start.elapsed().as_secs_f64() * 100.0);
    }
    Ok(vec![Row::new(
        format!("CPU of an idle daemon with {IDLE_HEADS} heads"),
        "% of a core",
        share,
        Some(1.0),
    )])
}

/// Memory of an idle connection, and of one open stream on it.
pub(super) async fn connections(bench: &Bench<'_>) -> Result<Vec<Row>> {
    let mut rows = Vec::new();
    for (index, transport, bound) in [(0, "tcp", 45.0), (1, "quic", 95.0)] {
        let (mut bare, mut stream) = (Vec::new(), Vec::new());
        for _ in 0..bench.figures.rounds.min(3) {
            say(&format!("{HELD} idle connections over {transport}"));
            let without = held(bench, index, false).await?;
            let with = held(bench, index, true).await?;
            bare.push(without);
            stream.push(with - without);
        }
        rows.push(Row::new(format!("idle connection, {transport}"), "KiB", bare, Some(bound)));
        rows.push(Row::new(format!("one open kad stream, {transport}"), "KiB", stream, Some(12.0)));
    }
    Ok(rows)
}

/// KiB a held connection, on a fresh daemon: memory that was used once is not given back
/// at once, and would hide what the next thousand cost.
async fn held(bench: &Bench<'_>, transport: usize, with_stream: bool) -> Result<f64> {
    let mut setup = bench.figures.setup(1, &[]);
    setup.port_begin = bench.figures.port_begin + 2000;
    let mut daemon = Daemon::start(&setup)?;
    let head = &targets(daemon.serving(1).await?.first().context("the daemon has no head")?)?[transport];
    tokio::time::sleep(SETTLE).await;
    let mut args = strings(&["--target", &head.to_string(), "--server-pid", &daemon.server().0.to_string()]);
    args.extend(strings(&["--hold", &HELD.to_string(), "--duration", "5"]));
    if with_stream {
        args.push("--hold-streams".to_owned());
    }
    let report: HoldReport = bench.figures.client(args).await?;
    ensure!(
        report.alive_at_end == u64::from(HELD),
        "only {} of {HELD} connections lasted",
        report.alive_at_end
    );
    ensure!(report.errors.is_empty(), "opening streams: {:?}", report.errors);
    Ok(report.rss_bytes_per_connection.context("the client read no server")? / KIB)
}

/// Wall time of `hydractl status` from exec to exit.
pub(super) fn status(bench: &Bench<'_>) -> Result<Row> {
    let hydractl = &bench.figures.hydractl;
    let mut wall = Vec::new();
    for _ in 0..STATUS_RUNS {
        let start = Instant::now();
        let status = Command::new(hydractl)
            .arg("--socket")
            .arg(&bench.daemon.socket)
            .arg("status")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .with_context(|| format!("run {}", hydractl.display()))?;
        ensure!(status.success(), "hydractl status ended with {status}");
        wall.push(start.elapsed().as_secs_f64() * 1e3);
    }
    Ok(Row::new("`hydractl status`, exec to exit", "ms", wall, Some(50.0)))
}
