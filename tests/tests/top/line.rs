//! On a line that carries a kilobyte a second: neither the console nor the daemon minds.

use std::time::{Duration, Instant};

use hydra_tests::harness::{Daemon, Usage};

use crate::terminal::Terminal;

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_line_slows_nobody_and_costs_no_memory() -> anyhow::Result<()> {
    let daemon = Daemon::start(1).await?;
    let mut command = Terminal::command(&daemon.control_socket());
    command.args(["--interval", "250ms"]);
    let mut terminal = Terminal::paced(command, Some(1_000));
    terminal.wait_for("1/1");
    let before = Usage::of(terminal.pid())?.rss_bytes;
    let (began, written) = (Instant::now(), terminal.written());
    let mut slowest = Duration::ZERO;
    while began.elapsed() < Duration::from_secs(15) {
        // a daemon that waited for the console would not answer others
        let asked = Instant::now();
        daemon.status().await?;
        slowest = slowest.max(asked.elapsed());
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert!(terminal.written() > written, "the screen goes on");
    assert!(slowest < Duration::from_secs(5), "the daemon waited {slowest:?} for a console");
    let after = Usage::of(terminal.pid())?.rss_bytes;
    assert!(after < before + (8 << 20), "{before} bytes became {after}");
    terminal.press("q");
    assert_eq!(terminal.end(), 0);
    Ok(())
}
