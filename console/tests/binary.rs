//! The program as scripts meet it: exit codes, real sockets of every sort, closed pipes,
//! interrupts, millions of rows.

mod common;

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixListener;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use common::Lerna;
use hydractl::fixture::server::World;

/// uid and gid of nobody.
const NOBODY: u32 = 65_534;

fn hydractl(socket: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_hydractl"));
    command.env_clear().env("LC_ALL", "C.UTF-8").arg("--socket").arg(socket);
    command
}

fn run(socket: &Path, words: &[&str]) -> Output {
    hydractl(socket).args(words).stdin(Stdio::null()).output().expect("hydractl runs")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Asserts the exit code and how stderr begins.
fn fails(output: &Output, code: i32, error: &str) {
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{said}");
    assert!(said.starts_with(error), "{said:?} does not begin with {error:?}");
    assert!(output.stdout.is_empty(), "stdout is for data: {}", text(&output.stdout));
}

#[test]
fn no_daemon_is_exit_3_and_says_how_to_start_it() {
    let dir = tempfile::tempdir().expect("scratch");
    let socket = dir.path().join("control.sock");
    let absent = run(&socket, &["status"]);
    fails(
        &absent,
        3,
        &format!("error: hydrad is not running: no socket at {}\n  start it:", socket.display()),
    );
    drop(UnixListener::bind(&socket).expect("bind"));
    let stale = run(&socket, &["heads", "list"]);
    fails(
        &stale,
        3,
        &format!("error: nobody listens on {}: hydrad ended without removing it", socket.display()),
    );
    let file = dir.path().join("file");
    fs::write(&file, "").expect("write");
    fails(&run(&file, &["status"]), 3, &format!("error: {} is not a socket", file.display()));
    let long = dir.path().join("x".repeat(120));
    fails(&run(&long, &["status"]), 2, "error: socket path of ");
}

#[test]
fn who_listens_and_is_not_hydrad_is_told_at_once() {
    let dir = tempfile::tempdir().expect("scratch");
    let socket = dir.path().join("control.sock");
    let listener = UnixListener::bind(&socket).expect("bind");
    let server = std::thread::spawn(move || listener.accept().map(drop));
    let begun = Instant::now();
    fails(&run(&socket, &["status"]), 3, "error: cannot connect to");
    assert!(begun.elapsed() < Duration::from_secs(4));
    server.join().expect("thread").expect("accepted");
}

#[test]
fn a_shut_control_socket_is_exit_4_for_changes_and_read_commands_go_on() {
    let lerna = Lerna::start();
    let socket = lerna.hydrad.control();
    let directory = lerna.directory.path();
    fs::set_permissions(directory, fs::Permissions::from_mode(0o755)).expect("chmod");
    fs::set_permissions(socket, fs::Permissions::from_mode(0o600)).expect("chmod");
    fs::set_permissions(directory.join("observe.sock"), fs::Permissions::from_mode(0o666)).expect("chmod");
    // Root may open everything, so that somebody else has to ask; he needs a program he can reach.
    let program = directory.join("hydractl");
    fs::copy(env!("CARGO_BIN_EXE_hydractl"), &program).expect("copy");
    let as_stranger = |words: &[&str]| {
        let mut command = Command::new(&program);
        command.env_clear().arg("--socket").arg(socket).args(words).stdin(Stdio::null()).current_dir("/");
        if rustix::process::geteuid().is_root() {
            command.uid(NOBODY).gid(NOBODY);
        } else {
            fs::set_permissions(socket, fs::Permissions::from_mode(0o000)).expect("chmod");
        }
        command.output().expect("hydractl runs")
    };
    let denied = as_stranger(&["heads", "add", "1"]);
    fails(&denied, 4, &format!("error: permission denied on {} (0", socket.display()));
    let list = as_stranger(&["heads", "list", "-o", "name"]);
    assert_eq!(text(&list.stdout), "head-0\nhead-1\nhead-2\nhead-3\nhead-4\n", "{}", text(&list.stderr));

    fs::remove_file(directory.join("observe.sock")).expect("remove");
    fails(&as_stranger(&["heads", "list"]), 4, "error: permission denied on");
}

#[test]
fn an_observe_socket_refuses_changes_with_exit_4() {
    let lerna = Lerna::start();
    let observe = lerna.directory.path().join("observe.sock");
    fails(&run(&observe, &["heads", "add"]), 4, "error: this socket only reads");
    assert_eq!(run(&observe, &["status"]).status.code(), Some(0));
}

#[test]
fn another_protocol_is_exit_7_and_names_the_older_end() {
    let lerna = Lerna::with(World { version: ("2.1.0".into(), "hydra.v2".into()), ..World::default() });
    let ours = env!("CARGO_PKG_VERSION");
    let expected = format!(
        "error: hydractl {ours} speaks hydra.v1, hydrad 2.1.0 speaks hydra.v2: hydractl is the older one\n  \
         upgrade hydractl, or use the one beside hydrad\n"
    );
    fails(&run(lerna.hydrad.control(), &["status"]), 7, &expected);
}

#[test]
fn a_daemon_that_does_not_answer_is_exit_6() {
    let lerna = Lerna::with(World { delay: Duration::from_secs(60), ..World::default() });
    let begun = Instant::now();
    let late = run(lerna.hydrad.control(), &["status", "--timeout", "300ms"]);
    fails(&late, 6, "error: no answer from hydrad within 0.3 s");
    assert!(begun.elapsed() < Duration::from_secs(5));
}

#[test]
fn a_daemon_that_dies_during_a_call_is_exit_3() {
    let lerna = Lerna::with(World { delay: Duration::from_secs(60), ..World::default() });
    let child = hydractl(lerna.hydrad.control())
        .arg("status")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("hydractl runs");
    std::thread::sleep(Duration::from_millis(500));
    drop(lerna);
    let ended = child.wait_with_output().expect("it ends");
    fails(&ended, 3, "error: the connection to hydrad ended during the call");
}

#[test]
fn what_is_not_there_is_exit_5_and_what_is_wrong_is_exit_2() {
    let lerna = Lerna::start();
    let run = |words: &[&str]| run(lerna.hydrad.control(), words);
    fails(&run(&["heads", "show", "head-9"]), 5, "error: no head named head-9; there are head-0 to head-4\n");
    fails(&run(&["records", "get", "bafkqaaa"]), 5, "error: no provider of bafkqaaa in the belly\n");
    fails(&run(&["records", "get", "bafybeid4ca2q!"]), 2, "error: not a CID: \"bafybeid4ca2q!\": '!' at");
    fails(&run(&["heads", "rm", "head-4"]), 2, "error: not a terminal");
    fails(&run(&["tails"]), 2, "error: unrecognized subcommand");
    fails(
        &run(&["wait", "heads=7", "--timeout", "300ms"]),
        6,
        "heads 5 of 7 serving after 0.3 s: there are only 5",
    );
}

#[test]
fn a_closed_pipe_ends_well() {
    let lerna = Lerna::with(World { repeat_records: 100_000, ..World::default() });
    let mut child = hydractl(lerna.hydrad.control())
        .args(["records", "list", "-o", "ndjson"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("hydractl runs");
    let mut lines = BufReader::new(child.stdout.take().expect("a pipe"));
    let mut first = String::new();
    lines.read_line(&mut first).expect("a line");
    drop(lines);
    let ended = child.wait_with_output().expect("it ends");
    assert!(first.starts_with("{\"multihash_hex\":"));
    assert_eq!((ended.status.code(), text(&ended.stderr)), (Some(0), String::new()));
}

#[test]
fn a_long_list_streams_in_constant_memory() {
    let lerna = Lerna::with(World { repeat_records: 25_000, ..World::default() });
    let mut child = hydractl(lerna.hydrad.control())
        .args(["records", "list"])
        .stdout(Stdio::piped())
        .spawn()
        .expect("hydractl runs");
    let mut out = child.stdout.take().expect("a pipe");
    let (mut lines, mut peak_kib, mut buffer) = (0, 0, vec![0; 1 << 20]);
    loop {
        let read = out.read(&mut buffer).expect("read");
        if read == 0 {
            break;
        }
        lines += buffer[..read].iter().filter(|&&byte| byte == b'\n').count();
        peak_kib = peak_kib.max(peak_rss_kib(child.id()).unwrap_or(0));
    }
    assert_eq!(child.wait().expect("it ends").code(), Some(0));
    assert_eq!(lines, 100_001, "100,000 rows and a header");
    assert!(peak_kib > 0 && peak_kib < 48 << 10, "{peak_kib} KiB");
}

fn peak_rss_kib(pid: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.split_whitespace().next()?.parse().ok()
}

#[test]
fn an_interrupt_is_exit_130() {
    let dir = tempfile::tempdir().expect("scratch");
    let mut child = hydractl(&dir.path().join("control.sock"))
        .args(["wait", "ready"])
        .stderr(Stdio::null())
        .spawn()
        .expect("hydractl runs");
    std::thread::sleep(Duration::from_millis(500));
    let pid = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(pid, rustix::process::Signal::INT).expect("signal");
    assert_eq!(child.wait().expect("it ends").code(), Some(130));
}

#[test]
fn wait_is_there_before_the_daemon_and_sees_it_come() {
    let lerna = Lerna::start();
    let later = lerna.directory.path().join("later.sock");
    let child =
        hydractl(&later).args(["wait", "--for", "ready"]).stderr(Stdio::piped()).spawn().expect("runs");
    std::thread::sleep(Duration::from_millis(300));
    fs::rename(lerna.hydrad.control(), &later).expect("the socket appears");
    let ended = child.wait_with_output().expect("it ends");
    assert_eq!(ended.status.code(), Some(0), "{}", text(&ended.stderr));
    let late = run(&lerna.directory.path().join("never.sock"), &["wait", "ready", "--timeout", "300ms"]);
    fails(&late, 6, "error: after 0.3 s: hydrad is not running: no socket at");
}

#[test]
fn status_answers_within_50_ms_of_exec() {
    let lerna = Lerna::start();
    // The best of several: the machine may be busy, the program must not be slow.
    let best = (0..10)
        .map(|_| {
            let begun = Instant::now();
            assert_eq!(run(lerna.hydrad.control(), &["status"]).status.code(), Some(0));
            begun.elapsed()
        })
        .min();
    assert!(best < Some(Duration::from_millis(50)), "{best:?}");
}

#[test]
fn help_is_data_and_complete() {
    let output = run(Path::new("/nonexistent"), &["--help"]);
    assert_eq!(output.status.code(), Some(0));
    insta::assert_snapshot!(text(&output.stdout));
}
