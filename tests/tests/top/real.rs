//! Against a real daemon: started, watched on every page, killed, and started again.

use std::time::Duration;

use hydra_tests::harness::Daemon;

use crate::terminal::Terminal;

/// What each page says when it has everything, by its key.
const PAGES: [(&str, &str); 7] = [
    ("2", "[2 Heads]"),
    ("3", "[3 Peers]"),
    ("4", "[4 Records]"),
    ("5", "[5 Prefetch]"),
    ("6", "[6 Network]"),
    ("7", "[7 Log]"),
    ("1", "[1 Overview]"),
];

#[tokio::test(flavor = "multi_thread")]
async fn top_watches_a_real_daemon_through_its_death_and_return() -> anyhow::Result<()> {
    let mut daemon = Daemon::start(2).await?;
    let mut terminal = Terminal::top(&daemon.control_socket());
    terminal.wait_for("2/2 heads");
    terminal.wait_for("● live 1 s");
    terminal.resize(120, 40);
    // only there is the version
    terminal.wait_for("hydrad 0.");
    for (key, page) in PAGES {
        terminal.press(key);
        terminal.wait_for(page);
        terminal.wait("the answers of the page", |screen| !screen.contents().contains("asking hydrad"));
    }
    for (columns, rows) in [(80, 24), (60, 16), (40, 8), (20, 1), (250, 70), (120, 40)] {
        terminal.resize(columns, rows);
        terminal.wait("the picture of this size", |screen| {
            let text = screen.contents();
            let lines = text.lines().filter(|line| !line.trim().is_empty()).count();
            text.contains("2/2") && lines <= usize::from(rows) && (lines > 1) == (rows > 1)
        });
    }
    daemon.kill().await?;
    terminal.wait_for("✖ no daemon for");
    terminal.wait("the age of what is shown", |screen| screen.contents().contains(" old"));
    terminal.wait("the next try", |screen| screen.contents().contains("try "));
    for (key, page) in PAGES {
        terminal.press(key);
        terminal.wait_for(page);
    }
    daemon.start_again().await?;
    terminal.press("r");
    terminal.wait_for("● live 1 s");
    terminal.wait_for("2/2 heads");
    terminal.press("q");
    assert_eq!(terminal.end(), 0);
    terminal.wait_until_restored();
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_recording_of_a_real_daemon_is_played_without_it() -> anyhow::Result<()> {
    let directory = tempfile::tempdir()?;
    let file = directory.path().join("top.ndjson");
    let daemon = Daemon::start(1).await?;
    let mut command = Terminal::command(&daemon.control_socket());
    command.arg("--record");
    command.arg(&file);
    let mut terminal = Terminal::run(command);
    terminal.wait_for("● live 1 s");
    terminal.press("6");
    terminal.wait_for("[6 Network]");
    tokio::time::sleep(Duration::from_secs(2)).await;
    terminal.press("q");
    assert_eq!(terminal.end(), 0);
    drop(daemon);

    let mut command = Terminal::command(&directory.path().join("nobody.sock"));
    command.arg("--replay");
    command.arg(&file);
    let mut terminal = Terminal::run(command);
    terminal.wait_for("1/1 heads");
    terminal.press("D");
    terminal.press("q");
    assert_eq!(terminal.end(), 0, "nothing can be removed from a recording:\n{}", terminal.text());
    Ok(())
}
