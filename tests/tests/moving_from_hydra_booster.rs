//! A real hydrad that is started with hydra-booster's command line and environment: it comes up,
//! says what has no meaning any more, and prints what the themes print.

use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use hydra_tests::harness::binaries::hydrad;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};
use tokio::time::timeout;

/// A debug build on a machine that does other things, too.
const PATIENCE: Duration = Duration::from_secs(60);

struct Started {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
    dir: TempDir,
}

/// As a unit of hydra-booster had it, but for the last four: nothing may leave the machine.
fn start(theme: &str) -> anyhow::Result<Started> {
    let dir = tempfile::tempdir()?;
    let mut command = Command::new(hydrad().map_err(|missing| anyhow::anyhow!(missing.0))?);
    command
        .env_clear()
        // apart from other daemons of this machine
        .env("RUNTIME_DIRECTORY", dir.path())
        .env("HYDRA_NHEADS", "2")
        .env("HYDRA_DISABLE_PROV_GC", "true")
        .env("DISABLE_RCMGR", "true")
        .env("HYDRA_CONNMGR_HIGH_WATER", "1800")
        .args(["-name", "alasybil", "-id-offset=30", "-db"])
        .arg(dir.path().join("hydra-belly"))
        .args(["-mem=false", "-disable-prefetch", "-stagger", "1ms", "-bootstrap-conc=32"])
        .arg(format!("-ui-theme={theme}"))
        .args(["-protocol-prefix", "/moving-test", "--bootstrap-peers", "none"])
        .args(["--listen", "127.0.0.1", "--address-policy", "any"]);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).kill_on_drop(true);
    command.stderr(std::fs::File::create(dir.path().join("log"))?);
    let mut child = command.spawn()?;
    let lines = BufReader::new(child.stdout.take().context("its stdout")?).lines();
    Ok(Started { child, lines, dir })
}

impl Started {
    async fn line(&mut self) -> anyhow::Result<String> {
        let line = timeout(PATIENCE, self.lines.next_line()).await;
        let log = std::fs::read_to_string(self.dir.path().join("log")).unwrap_or_default();
        line.ok().transpose()?.flatten().with_context(|| format!("no line on stdout; its log:\n{log}"))
    }

    async fn end(mut self) -> anyhow::Result<String> {
        self.child.kill().await?;
        Ok(std::fs::read_to_string(self.dir.path().join("log"))?)
    }
}

#[tokio::test]
async fn the_old_command_line_starts_it_and_logey_prints_its_line_again_and_again() -> anyhow::Result<()> {
    let mut started = start("logey")?;
    for _ in 0..2 {
        let line = started.line().await?;
        ensure!(line.starts_with("[NumHeads: 2, Uptime: "), "{line}");
        for field in
            [", MemoryUsage: ", ", PeersConnected: ", ", TotalUniquePeersSeen: ", ", BootstrapsDone: "]
        {
            ensure!(line.contains(field), "{line}");
        }
        ensure!(line.contains(", ProviderRecords: 0, RoutingTableSize: ") && line.ends_with(']'), "{line}");
    }
    ensure!(
        started.dir.path().join("hydra-belly.hydrad/state.db").exists(),
        "its state is beside the old records"
    );
    ensure!(!started.dir.path().join("hydra-belly").exists(), "the old records' directory was touched");
    let log = started.end().await?;
    for gone in
        ["HYDRA_DISABLE_PROV_GC", "DISABLE_RCMGR", "HYDRA_CONNMGR_HIGH_WATER", "-stagger", "-bootstrap-conc"]
    {
        ensure!(
            log.matches(&format!(" {gone} of hydra-booster has no meaning here")).count() == 1,
            "{gone}:\n{log}"
        );
    }
    ensure!(log.contains("hydrad import --from"), "{log}");
    Ok(())
}

#[tokio::test]
async fn gooey_says_how_to_start_the_screen_that_took_its_place() -> anyhow::Result<()> {
    let mut started = start("gooey")?;
    let line = started.line().await?;
    let socket = started.dir.path().join("control.sock");
    ensure!(line.contains(&format!("hydractl --socket {} top", socket.display())), "{line}");
    Ok(())
}
