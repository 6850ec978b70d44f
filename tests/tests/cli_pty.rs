//! Commands of `hydractl` on a real terminal: what is long is paged, what is watched is drawn in
//! place over a restart of the daemon, and afterwards the terminal is as it was.

use std::io::{Read as _, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use hydra_tests::harness::binaries;
use hydractl::fixture::server::{Mortal, World};
use parking_lot::Mutex;
use portable_pty::{Child, CommandBuilder, PtySize, native_pty_system};

const SIZE: PtySize = PtySize { rows: 24, cols: 100, pixel_width: 0, pixel_height: 0 };
const PATIENCE: Duration = Duration::from_secs(30);

/// The built console.
fn hydractl() -> PathBuf {
    binaries::hydractl().unwrap_or_else(|missing| panic!("{}", missing.0))
}

/// A command line in a terminal, and a shell's word after it that says its exit code.
struct Terminal {
    seen: Arc<Mutex<(vt100::Parser, Vec<u8>)>>,
    child: Box<dyn Child + Send + Sync>,
    keyboard: Box<dyn Write + Send>,
}

impl Terminal {
    fn run(socket: &Path, line: &str, variables: &[(&str, &str)]) -> Self {
        let mut command = CommandBuilder::new("sh");
        let program = hydractl();
        let (program, socket) = (program.display(), socket.display());
        // the shell lives on after an interrupt, as a person's does
        command
            .args(["-c", &format!("trap : INT; {program} --socket {socket} {line}; echo \"ended with $?\"")]);
        command.env("TERM", "xterm-256color");
        command.env("LC_ALL", "C.UTF-8");
        for name in ["NO_COLOR", "PAGER", "HYDRA_PAGER", "LESS"] {
            command.env_remove(name);
        }
        for (name, value) in variables {
            command.env(name, value);
        }
        let pty = native_pty_system().openpty(SIZE).expect("a pseudo-terminal");
        let child = pty.slave.spawn_command(command).expect("the shell starts");
        let cells = |number: u16| number.try_into().expect("a terminal has cells");
        let parser = vt100::Parser::new(cells(SIZE.rows), cells(SIZE.cols), 1_000);
        let seen = Arc::new(Mutex::new((parser, Vec::new())));
        let mut output = pty.master.try_clone_reader().expect("its output");
        let keyboard = pty.master.take_writer().expect("its keyboard");
        let shared = Arc::clone(&seen);
        std::thread::spawn(move || {
            // the terminal lives as long as somebody reads it
            let _master = pty.master;
            let mut bytes = [0; 4096];
            while let Ok(read @ 1..) = output.read(&mut bytes) {
                let mut seen = shared.lock();
                seen.0.process(&bytes[..read]);
                seen.1.extend_from_slice(&bytes[..read]);
            }
        });
        Self { seen, child, keyboard }
    }

    fn screen(&self) -> String {
        self.seen.lock().0.screen().contents()
    }

    /// All that was ever written to it.
    fn written(&self) -> String {
        String::from_utf8_lossy(&self.seen.lock().1).into_owned()
    }

    fn wait_for(&self, text: &str) {
        let began = Instant::now();
        while !self.screen().contains(text) {
            assert!(began.elapsed() < PATIENCE, "never saw {text:?}:\n{}", self.screen());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    fn press(&mut self, keys: &str) {
        self.keyboard.write_all(keys.as_bytes()).expect("typed");
        self.keyboard.flush().expect("typed");
    }

    /// Waits for the exit code; afterwards the cursor is to be seen.
    fn ends_with(mut self, code: u8) -> String {
        self.wait_for(&format!("ended with {code}"));
        assert!(!self.seen.lock().0.screen().hide_cursor(), "the cursor is hidden");
        assert!(!self.seen.lock().0.screen().alternate_screen(), "the other screen is left open");
        self.child.wait().expect("the shell ends");
        self.written()
    }
}

fn scratch() -> (tempfile::TempDir, PathBuf) {
    let directory = tempfile::tempdir().expect("scratch");
    let socket = directory.path().join("control.sock");
    (directory, socket)
}

/// More rows than a screen has.
fn many() -> World {
    World { repeat_records: 1_000, ..World::default() }
}

#[test]
fn a_long_list_goes_through_the_pager_and_a_short_one_does_not() {
    let (directory, socket) = scratch();
    let _daemon = Mortal::start(directory.path(), many()).expect("a made-up daemon");
    let place = directory.path().join("paged");
    let pager = format!("cat > {}", place.display());
    let long = Terminal::run(&socket, "records list", &[("HYDRA_PAGER", &pager), ("PAGER", "false")]);
    assert!(!long.ends_with(0).contains("bafk"), "it was printed beside the pager");
    let paged = std::fs::read_to_string(&place).expect("what was paged");
    assert_eq!(paged.lines().count(), 4_001, "all rows and a title");
    assert!(paged.contains("\x1b[1mKEY"), "as on a terminal");
    std::fs::remove_file(&place).expect("removed");

    let short = Terminal::run(&socket, "heads list", &[("HYDRA_PAGER", &pager)]);
    assert!(short.ends_with(0).contains("head-4"));
    let unpaged = Terminal::run(&socket, "records list --no-pager", &[("HYDRA_PAGER", &pager)]);
    assert!(unpaged.ends_with(0).matches("bafk").count() >= 4_000);
    assert!(!place.exists(), "nothing was paged");
}

#[test]
fn a_pager_that_is_quit_early_ends_quietly() {
    let (directory, socket) = scratch();
    let _daemon = Mortal::start(directory.path(), World { repeat_records: 100_000, ..World::default() })
        .expect("a made-up daemon");
    let quit = Terminal::run(&socket, "records list", &[("PAGER", "head -n 3")]);
    let written = quit.ends_with(0);
    assert!(written.contains("bafk") && !written.contains("error"), "{written}");
    let missing = Terminal::run(&socket, "records list --limit 100", &[("PAGER", "/nowhere/less")]);
    let written = missing.ends_with(0);
    assert!(written.matches("bafk").count() == 100 && !written.contains("error"), "{written}");
}

#[test]
fn less_is_the_pager_when_none_is_named_and_an_interrupt_leaves_it_whole() {
    if std::process::Command::new("less").arg("--version").output().is_err() {
        // a machine without less has no usual pager
        return;
    }
    let (directory, socket) = scratch();
    let _daemon = Mortal::start(directory.path(), many()).expect("a made-up daemon");
    let mut less = Terminal::run(&socket, "records list", &[]);
    less.wait_for("KEY");
    std::thread::sleep(Duration::from_millis(300));
    // an interrupt is the pager's business: it is still there, and reads
    less.press("\x03");
    std::thread::sleep(Duration::from_millis(300));
    assert!(!less.screen().contains("ended with"), "{}", less.screen());
    less.press("q");
    less.wait_for("ended with");
}

#[test]
fn a_watch_is_drawn_in_place_survives_a_restart_and_gives_the_terminal_back() {
    let (directory, socket) = scratch();
    let daemon = Mortal::start(directory.path(), World::default()).expect("a made-up daemon");
    let mut watch = Terminal::run(&socket, "heads list --watch=200ms", &[]);
    watch.wait_for("every 0.2 s");
    watch.wait_for("head-4");
    let title = |watch: &Terminal| watch.screen().lines().next().unwrap_or_default().to_owned();
    assert!(title(&watch).contains("Ctrl-C ends"), "{}", watch.screen());

    drop(daemon);
    watch.wait_for("tries every 0.2 s");
    assert!(watch.screen().contains("head-4"), "what was known stays:\n{}", watch.screen());

    let mut world = World::default();
    world.heads.truncate(2);
    let daemon = Mortal::start(directory.path(), world).expect("a made-up daemon");
    watch.wait_for("Ctrl-C ends");
    let began = Instant::now();
    while watch.screen().contains("head-4") {
        assert!(began.elapsed() < PATIENCE, "rows of before are left:\n{}", watch.screen());
        std::thread::sleep(Duration::from_millis(20));
    }
    assert!(watch.screen().contains("head-1"));
    assert_eq!(watch.screen().matches("Ctrl-C ends").count(), 1, "{}", watch.screen());
    watch.press("\x03");
    let written = watch.ends_with(130);
    assert!(!written.contains("\x1b[2J"), "nothing is cleared before it is drawn: no flicker");
    drop(daemon);
}

#[test]
fn progress_is_shown_on_a_terminal_and_gone_at_the_end() {
    let (directory, socket) = scratch();
    let _daemon = Mortal::start(directory.path(), World { repeat_records: 400_000, ..World::default() })
        .expect("a made-up daemon");
    let file = directory.path().join("records.ndjson");
    let export = Terminal::run(&socket, &format!("records export --to {}", file.display()), &[]);
    let written = export.ends_with(0);
    assert!(written.contains(" of 1,600,000 records"), "{written}");
    assert!(written.contains("\r\x1b[K"), "the line is taken away: {written:?}");
}
