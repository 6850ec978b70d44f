//! `hydractl top` in a terminal, beside a real daemon that dies and comes back.

use std::io::{Read as _, Write};
use std::num::NonZeroU16;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use hydra_tests::harness::binaries;
use parking_lot::{Mutex, MutexGuard};
use portable_pty::{Child, CommandBuilder, PtySize, native_pty_system};

use crate::place::{PATIENCE, Place, fresh_keys};

/// A program in a terminal of 80×24.
struct Terminal {
    seen: Arc<Mutex<vt100::Parser>>,
    child: Box<dyn Child + Send + Sync>,
    keyboard: Box<dyn Write + Send>,
}

impl Terminal {
    fn top(socket: &Path) -> anyhow::Result<Self> {
        let size = PtySize { rows: 24, cols: 80, pixel_width: 0, pixel_height: 0 };
        let cells = |n: u16| NonZeroU16::new(n).context("a terminal has cells");
        let binary = binaries::hydractl().map_err(|missing| anyhow::anyhow!(missing.0))?;
        let mut command = CommandBuilder::new(binary);
        command.args(["top", "--socket"]);
        command.arg(socket);
        command.env("TERM", "xterm-256color");
        command.env("LC_ALL", "C.UTF-8");
        command.env_remove("NO_COLOR");
        let pty = native_pty_system().openpty(size)?;
        let child = pty.slave.spawn_command(command)?;
        let seen = Arc::new(Mutex::new(vt100::Parser::new(cells(size.rows)?, cells(size.cols)?, 0)));
        let (mut output, parser) = (pty.master.try_clone_reader()?, Arc::clone(&seen));
        std::thread::spawn(move || {
            let mut bytes = [0; 4096];
            while let Ok(read @ 1..) = output.read(&mut bytes) {
                parser.lock().process(&bytes[..read]);
            }
        });
        let keyboard = pty.master.take_writer()?;
        Ok(Self { seen, child, keyboard })
    }

    fn parser(&self) -> MutexGuard<'_, vt100::Parser> {
        self.seen.lock()
    }

    async fn wait(&self, what: &str, fits: impl Fn(&vt100::Screen) -> bool) {
        let began = Instant::now();
        while !fits(self.parser().screen()) {
            let late = began.elapsed() > PATIENCE;
            assert!(!late, "never saw {what}:\n{}", self.parser().screen().contents());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    async fn wait_for(&self, text: &str) {
        self.wait(text, |screen| screen.contents().contains(text)).await;
    }

    fn press(&mut self, keys: &str) -> anyhow::Result<()> {
        self.keyboard.write_all(keys.as_bytes())?;
        Ok(self.keyboard.flush()?)
    }

    async fn end(&mut self) -> anyhow::Result<u32> {
        let began = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait()? {
                return Ok(status.exit_code());
            }
            assert!(began.elapsed() < PATIENCE, "it does not end:\n{}", self.parser().screen().contents());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        // ended already when the test went well
        self.child.kill().unwrap_or_default();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn top_shows_a_real_daemon_outlives_it_and_finds_it_again() -> anyhow::Result<()> {
    let place = Place::seeded(3)?.flag("name", "lerna");
    let hydrad = place.serving(3).await?;
    hydrad.announce(0, &fresh_keys(4), "/ip4/127.0.0.1/tcp/4001").await?;
    let mut terminal = Terminal::top(&place.control())?;
    for text in ["lerna", "serving", "3/3 heads", "● live 1 s", "head-2", "q quit"] {
        terminal.wait_for(text).await;
    }
    hydrad.hydractl(&["heads", "add", "2"]).await?.good();
    terminal.wait_for("5/5 heads").await;
    terminal.wait("the alternate screen", vt100::Screen::alternate_screen).await;

    hydrad.kill().await?;
    terminal.wait_for("✖ no daemon for").await;
    terminal.wait_for("hydrad does not answer").await;
    // still there, and says so
    tokio::time::sleep(Duration::from_secs(2)).await;
    terminal.wait_for("✖ no daemon for").await;

    let hydrad = place.serving(5).await?;
    terminal.press("r")?;
    terminal.wait_for("● live 1 s").await;
    terminal.wait_for("5/5 heads").await;
    // in order, too
    hydrad.stop().await?;
    terminal.wait_for("no daemon").await;
    terminal.press("q")?;
    assert_eq!(terminal.end().await?, 0);
    let restored = |screen: &vt100::Screen| !screen.alternate_screen() && !screen.hide_cursor();
    terminal.wait("the terminal as it was", restored).await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn heads_are_added_to_a_real_daemon_and_taken_from_it_by_keys() -> anyhow::Result<()> {
    let place = Place::seeded(2)?;
    let mut hydrad = place.serving(2).await?;
    let mut terminal = Terminal::top(&place.control())?;
    terminal.wait_for("● live 1 s").await;
    terminal.press("a2\r")?;
    terminal.wait_for("2 more: head-2 to head-3").await;
    terminal.press("y")?;
    terminal.wait_for("4/4 heads").await;
    hydrad.serve(4).await?;
    terminal.press("GD")?;
    terminal.wait_for("Type the head's name to remove it: head-3").await;
    terminal.press("head-3\r")?;
    terminal.wait_for("3/3 heads").await;
    hydrad.serve(3).await?;
    terminal.press("q")?;
    assert_eq!(terminal.end().await?, 0);
    Ok(())
}
