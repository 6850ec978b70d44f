//! What `hydractl top` costs, for docs/performance.md. Not a test: it asserts nothing.
//!
//! ```console
//! $ cargo build --release --workspace --bins
//! $ HYDRAD_BIN=$PWD/target/release/hydrad HYDRACTL_BIN=$PWD/target/release/hydractl \
//!   cargo test --workspace --test top figures -- --ignored --nocapture
//! ```
//!
//! With `HYDRA_TOP_SOCKET` the pages are measured on that daemon, such as the playground's, which has
//! traffic.

#![expect(clippy::print_stdout, reason = "a table for whoever measures")]

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use hydra_tests::harness::{Daemon, Usage};
use portable_pty::CommandBuilder;

use crate::terminal::{Terminal, hydractl};

/// How long CPU and bytes are counted.
const WHILE: Duration = Duration::from_secs(30);
/// Keys that are timed.
const KEYS: usize = 200;

fn row(what: &str, reach: &str, got: &str) {
    println!("| {what} | {reach} | {got} |");
}

/// CPU in percent of a core, and bytes a second to the terminal, while nobody touches it.
fn cost(terminal: &Terminal) -> anyhow::Result<String> {
    std::thread::sleep(Duration::from_secs(3));
    let (usage, written, began) = (Usage::of(terminal.pid())?, terminal.written(), Instant::now());
    std::thread::sleep(WHILE);
    let seconds = began.elapsed().as_secs_f64();
    let after = Usage::of(terminal.pid())?;
    let cpu = (after.cpu_seconds - usage.cpu_seconds) / seconds * 100.0;
    let bytes = (terminal.written() - written) as f64 / seconds;
    Ok(format!("{cpu:.2} %, {:.2} kB/s, RSS {:.1} MiB", bytes / 1e3, after.rss_bytes as f64 / 1_048_576.0))
}

/// Median and 99th percentile of the time from a key to the first byte that it draws. The picture
/// is frozen: nothing else draws.
fn keys(terminal: &mut Terminal) -> String {
    let mut times: Vec<Duration> = (0..KEYS)
        .map(|number| {
            std::thread::sleep(Duration::from_millis(60));
            let (before, pressed) = (terminal.written(), Instant::now());
            terminal.press(if number % 2 == 0 { "2" } else { "1" });
            while terminal.written() == before && pressed.elapsed() < Duration::from_secs(2) {
                std::thread::sleep(Duration::from_micros(100));
            }
            pressed.elapsed()
        })
        .collect();
    times.sort();
    let at = |share: f64| times[((times.len() - 1) as f64 * share) as usize].as_secs_f64() * 1e3;
    format!("p50 {:.1} ms, p99 {:.1} ms", at(0.5), at(0.99))
}

/// Median and largest time of a command, exec to exit.
fn exec(words: &[&str], variables: &[(&str, &str)]) -> anyhow::Result<String> {
    let mut times = Vec::new();
    for _ in 0..30 {
        let began = Instant::now();
        let mut command = Command::new(hydractl());
        command.args(words).envs(variables.iter().copied());
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status()?;
        times.push(began.elapsed().as_secs_f64() * 1e3);
    }
    times.sort_by(f64::total_cmp);
    Ok(format!("median {:.1} ms, most {:.1} ms", times[times.len() / 2], times[times.len() - 1]))
}

/// What each page costs, and how soon a key is seen.
fn pages(socket: &Path) -> anyhow::Result<()> {
    let mut terminal = Terminal::top(socket);
    terminal.resize(120, 40);
    terminal.wait_for("● live 1 s");
    row("top, Overview, 120×40, 1 s", "0.3 %, 1.5 kB/s, 20 MiB", &cost(&terminal)?);
    for (key, name) in [("3", "Peers"), ("4", "Records"), ("5", "Prefetch"), ("6", "Network")] {
        terminal.press(key);
        row(&format!("top, {name}, 120×40"), "1 %, 8 kB/s", &cost(&terminal)?);
    }
    terminal.press("1f");
    std::thread::sleep(Duration::from_secs(1));
    row("key to pixel", "p99 20 ms", &keys(&mut terminal));
    terminal.press("q");
    terminal.end();
    Ok(())
}

#[test]
#[ignore = "measures for some minutes; see the head of the file"]
fn what_the_console_costs_on_a_daemon_with_traffic() -> anyhow::Result<()> {
    let Some(socket) = std::env::var_os("HYDRA_TOP_SOCKET").map(PathBuf::from) else { return Ok(()) };
    println!("| figure | reach | got |\n|---|---|---|");
    pages(&socket)
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "measures for some minutes; see the head of the file"]
async fn what_the_console_costs() -> anyhow::Result<()> {
    let mut daemon = Daemon::start(5).await?;
    let socket = daemon.control_socket();
    println!("| figure | reach | got |\n|---|---|---|");

    let mut frames = Vec::new();
    for _ in 0..10 {
        let began = Instant::now();
        let mut terminal = Terminal::top(&socket);
        terminal.wait_quickly("● live 1 s");
        frames.push(began.elapsed().as_secs_f64() * 1e3);
        terminal.press("q");
        terminal.end();
    }
    frames.sort_by(f64::total_cmp);
    row(
        "first full frame from exec, 80×24",
        "100 ms",
        &format!("median {:.0} ms, most {:.0} ms", frames[5], frames[9]),
    );

    pages(&socket)?;

    let mut others = Vec::new();
    for name in ["htop", "btop"] {
        let there = Command::new(name).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
        if there.is_ok() {
            let terminal = Terminal::run(CommandBuilder::new(name));
            terminal.resize(120, 40);
            others.push((name, cost(&terminal)?));
        }
    }
    for (name, cost) in others {
        row(&format!("{name}, 120×40, for comparison"), "", &cost);
    }

    let used =
        |before: Usage, after: Usage| (after.cpu_seconds - before.cpu_seconds) / WHILE.as_secs_f64() * 100.0;
    let before = daemon.usage()?;
    tokio::time::sleep(WHILE).await;
    let alone = used(before, daemon.usage()?);
    let watching: Vec<Terminal> = (0..10).map(|_| Terminal::top(&socket)).collect();
    tokio::time::sleep(Duration::from_secs(5)).await;
    let before = daemon.usage()?;
    tokio::time::sleep(WHILE).await;
    let watched = used(before, daemon.usage()?);
    drop(watching);
    row(
        "hydrad's cost of ten consoles",
        "1 % of a core",
        &format!("{:.2} % (alone {alone:.2} %)", watched - alone),
    );

    row("hydractl --help", "30 ms", &exec(&["--help"], &[])?);
    let words = ["--socket", &socket.display().to_string(), "heads", "show", "head-"];
    let complete = [&["--", "hydractl"][..], &words[..]].concat();
    let index = (complete.len() - 2).to_string();
    let variables = [("COMPLETE", "bash"), ("_CLAP_COMPLETE_INDEX", index.as_str()), ("_CLAP_IFS", "\n")];
    row("completion of a head", "200 ms", &exec(&complete, &variables)?);

    let mut terminal = Terminal::top(&socket);
    terminal.wait_for("● live 1 s");
    daemon.kill().await?;
    terminal.wait_for("no daemon");
    terminal.press("f");
    std::thread::sleep(Duration::from_secs(1));
    row("key to pixel, the daemon gone", "p99 20 ms", &keys(&mut terminal));
    Ok(())
}
