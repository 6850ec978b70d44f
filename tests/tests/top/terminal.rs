//! A program in a pseudo-terminal: what is on its screen, its keyboard, its size.

use std::io::{Read as _, Write};
use std::num::NonZeroU16;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use hydra_tests::harness::binaries;
use parking_lot::{Mutex, MutexGuard};
use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};
use rustix::process::{Pid, Signal, kill_process};

pub(crate) const SIZE: PtySize = PtySize { rows: 24, cols: 80, pixel_width: 0, pixel_height: 0 };
/// How long anything may take: a debug build on two cores that run other tests beside it.
const PATIENCE: Duration = Duration::from_secs(40);

fn cells(number: u16) -> NonZeroU16 {
    NonZeroU16::new(number).expect("a terminal has cells")
}

/// A program in a terminal of 80×24.
pub(crate) struct Terminal {
    seen: Arc<Mutex<vt100::Parser>>,
    child: Box<dyn Child + Send + Sync>,
    keyboard: Box<dyn Write + Send>,
    master: Box<dyn MasterPty + Send>,
    written: Arc<AtomicU64>,
}

impl Terminal {
    pub(crate) fn run(command: CommandBuilder) -> Self {
        Self::paced(command, None)
    }

    /// On a line that carries at most so many bytes a second.
    pub(crate) fn paced(mut command: CommandBuilder, bytes_per_second: Option<u64>) -> Self {
        command.env("TERM", "xterm-256color");
        command.env("LC_ALL", "C.UTF-8");
        command.env_remove("NO_COLOR");
        let pty = native_pty_system().openpty(SIZE).expect("a pseudo-terminal");
        let child = pty.slave.spawn_command(command).expect("the program starts");
        let seen = Arc::new(Mutex::new(vt100::Parser::new(cells(SIZE.rows), cells(SIZE.cols), 0)));
        let mut output = pty.master.try_clone_reader().expect("its output");
        let parser = Arc::clone(&seen);
        let written = Arc::new(AtomicU64::new(0));
        let count = Arc::clone(&written);
        std::thread::spawn(move || {
            // a tenth of a second's worth at a time
            let mut bytes =
                vec![0; bytes_per_second.map_or(4096, |rate| usize::try_from(rate / 10).unwrap_or(1))];
            while let Ok(read @ 1..) = output.read(&mut bytes) {
                parser.lock().process(&bytes[..read]);
                count.fetch_add(read as u64, Ordering::Relaxed);
                if bytes_per_second.is_some() {
                    std::thread::sleep(Duration::from_millis(100));
                }
            }
        });
        let keyboard = pty.master.take_writer().expect("its keyboard");
        Self { seen, child, keyboard, master: pty.master, written }
    }

    /// `hydractl top` on a socket.
    pub(crate) fn top(socket: &Path) -> Self {
        Self::run(Self::command(socket))
    }

    pub(crate) fn command(socket: &Path) -> CommandBuilder {
        let mut command = CommandBuilder::new(hydractl());
        command.args(["top", "--socket"]);
        command.arg(socket);
        // nobody's own keys
        command.env("XDG_CONFIG_HOME", socket.parent().unwrap_or(socket));
        command
    }

    /// Makes the terminal this large.
    pub(crate) fn resize(&self, columns: u16, rows: u16) {
        self.parser().screen_mut().set_size(cells(rows), cells(columns));
        self.master.resize(PtySize { rows, cols: columns, ..SIZE }).expect("resized");
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.process_id().expect("it runs")
    }

    /// Bytes that it has written to the terminal.
    pub(crate) fn written(&self) -> u64 {
        self.written.load(Ordering::Relaxed)
    }

    pub(crate) fn text(&self) -> String {
        self.parser().screen().contents()
    }

    pub(crate) fn parser(&self) -> MutexGuard<'_, vt100::Parser> {
        self.seen.lock()
    }

    pub(crate) fn wait(&self, what: &str, fits: impl Fn(&vt100::Screen) -> bool) {
        let began = Instant::now();
        while !fits(self.parser().screen()) {
            let late = began.elapsed() > PATIENCE;
            assert!(!late, "never saw {what}:\n{}", self.parser().screen().contents());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Waits for a text, and looks often.
    pub(crate) fn wait_quickly(&self, text: &str) {
        let began = Instant::now();
        while began.elapsed() < PATIENCE && !self.text().contains(text) {
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    pub(crate) fn wait_for(&self, text: &str) {
        self.wait(text, |screen| screen.contents().contains(text));
    }

    pub(crate) fn press(&mut self, keys: &str) {
        self.keyboard.write_all(keys.as_bytes()).expect("typed");
        self.keyboard.flush().expect("typed");
    }

    pub(crate) fn signal(&self, signal: Signal) {
        let id = self.child.process_id().and_then(|id| Pid::from_raw(id.try_into().ok()?)).expect("its id");
        kill_process(id, signal).expect("signalled");
    }

    /// Waits for the end of the program; its exit code.
    pub(crate) fn end(&mut self) -> u32 {
        let began = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().expect("its status") {
                return status.exit_code();
            }
            assert!(began.elapsed() < PATIENCE, "it does not end:\n{}", self.parser().screen().contents());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    pub(crate) fn wait_until_restored(&self) {
        self.wait("the terminal as it was", |screen| {
            !screen.alternate_screen() && !screen.hide_cursor() && !screen.bracketed_paste()
        });
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        // Ended already when the test went well.
        self.child.kill().unwrap_or_default();
    }
}

/// The built console.
pub(crate) fn hydractl() -> PathBuf {
    binaries::hydractl().unwrap_or_else(|missing| panic!("{}", missing.0))
}
