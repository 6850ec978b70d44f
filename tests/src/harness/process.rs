//! A process that ends with the test, and what it uses.

use std::fs;
use std::io;
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use anyhow::Context as _;
use rustix::process::{Pid, Signal, kill_process};
use tokio::process::Command;

/// What a process has used, as /proc tells it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Usage {
    /// User and system time, in seconds since its start.
    pub cpu_seconds: f64,
    /// Resident memory, in bytes.
    pub rss_bytes: u64,
}

impl Usage {
    /// Reads `/proc/PID`.
    pub fn of(pid: u32) -> io::Result<Self> {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
        // The second field, the name, may hold blanks and brackets: count from its end.
        let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or("").split_whitespace().collect();
        let number = |at: usize| fields.get(at).and_then(|text| text.parse::<u64>().ok()).unwrap_or(0);
        let ticks = rustix::param::clock_ticks_per_second() as f64;
        // Fields 14, 15 and 24 of proc_pid_stat(5); the first here is field 3.
        let cpu_seconds = (number(11) + number(12)) as f64 / ticks;
        let rss_bytes = number(21) * rustix::param::page_size() as u64;
        Ok(Self { cpu_seconds, rss_bytes })
    }
}

/// A child whose whole process group is killed when this is dropped.
pub struct Child {
    inner: tokio::process::Child,
    name: String,
    pid: u32,
}

impl Child {
    /// Starts a command with its error output (and its standard output, unless the command
    /// pipes it) appended to `log`.
    pub fn start(command: &mut Command, name: &str, log: &Path) -> anyhow::Result<Self> {
        let file = fs::File::options().create(true).append(true).open(log)?;
        command.stderr(file).kill_on_drop(true).process_group(0);
        let inner = command.spawn().with_context(|| format!("start {name}"))?;
        let pid = inner.id().with_context(|| format!("{name} ended at once"))?;
        Ok(Self { inner, name: name.to_owned(), pid })
    }

    /// A command with its standard output going to `log` too, and no input.
    pub fn quiet(program: impl AsRef<std::ffi::OsStr>, log: &Path) -> io::Result<Command> {
        let file = fs::File::options().create(true).append(true).open(log)?;
        let mut command = Command::new(program);
        command.stdin(Stdio::null()).stdout(file);
        Ok(command)
    }

    /// The process id.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// The child's pipes.
    pub fn inner(&mut self) -> &mut tokio::process::Child {
        &mut self.inner
    }

    /// The exit status, when it has ended.
    pub fn ended(&mut self) -> anyhow::Result<Option<ExitStatus>> {
        self.inner.try_wait().with_context(|| format!("wait for {}", self.name))
    }

    /// What it has used so far.
    pub fn usage(&self) -> anyhow::Result<Usage> {
        Usage::of(self.pid).with_context(|| format!("read what {} uses", self.name))
    }

    /// Asks it to end (SIGTERM) and waits for it.
    pub async fn terminate(&mut self, limit: Duration) -> anyhow::Result<ExitStatus> {
        self.signal(Signal::TERM)?;
        tokio::time::timeout(limit, self.inner.wait())
            .await
            .with_context(|| format!("{} did not end within {limit:?} of SIGTERM", self.name))?
            .with_context(|| format!("wait for {}", self.name))
    }

    /// Kills it (SIGKILL) and waits for it.
    pub async fn kill(&mut self) -> anyhow::Result<()> {
        self.inner.kill().await.with_context(|| format!("kill {}", self.name))
    }

    fn signal(&self, signal: Signal) -> anyhow::Result<()> {
        let pid = i32::try_from(self.pid).ok().and_then(Pid::from_raw).context("no process id")?;
        kill_process(pid, signal).with_context(|| format!("signal {}", self.name))
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        // `kill_on_drop` kills the process itself; its group may hold children of its own.
        // Only while it has not been waited for: afterwards the number may be another's.
        if self.inner.id().is_some()
            && let Some(pid) = i32::try_from(self.pid).ok().and_then(Pid::from_raw)
        {
            rustix::process::kill_process_group(pid, Signal::KILL).ok();
        }
    }
}

/// Keeps directories whatever happens: set it to look at them.
const KEEP: &str = "HYDRA_TEST_KEEP";

/// Lines of a log that are shown when a test fails.
const LAST_WORDS: usize = 60;

/// Parts with the directory of a process that is gone. The end of its log is printed, which
/// the test runner shows when the test failed and swallows otherwise: a test that fails by
/// an error, not by a panic, cannot be told apart from here. After a panic, or with
/// `HYDRA_TEST_KEEP`, the directory stays.
#[allow(clippy::print_stderr)]
pub(super) fn part(dir: Option<tempfile::TempDir>, whose: &str) {
    let Some(dir) = dir else { return };
    let log = fs::read_to_string(dir.path().join("log")).unwrap_or_default();
    let lines: Vec<&str> = log.lines().collect();
    let shown = lines[lines.len().saturating_sub(LAST_WORDS)..].join("\n");
    eprintln!("-- the end of what {whose} wrote:\n{shown}\n--");
    if std::thread::panicking() || std::env::var_os(KEEP).is_some() {
        eprintln!("-- {whose}: its files are kept in {}", dir.keep().display());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_that_worked_has_used_time_and_memory() {
        let mut sum = 0_u64;
        let start = std::time::Instant::now();
        while start.elapsed() < Duration::from_millis(200) {
            sum = std::hint::black_box(sum.wrapping_add(1));
        }
        let usage = Usage::of(std::process::id()).expect("this process is in /proc");
        assert!(usage.cpu_seconds > 0.01 && usage.cpu_seconds < 10_000.0, "{usage:?}");
        assert!(usage.rss_bytes > 1 << 20 && usage.rss_bytes < 1 << 40, "{usage:?}");
    }

    #[tokio::test]
    async fn a_child_that_is_dropped_is_gone_with_its_own_children() -> anyhow::Result<()> {
        let dir = tempfile::tempdir()?;
        let log = dir.path().join("log");
        let mut command = Child::quiet("sh", &log)?;
        // A shell that waits for a sleep whose id it tells.
        command.args(["-c", "sleep 1000 & echo $!; wait"]);
        let child = Child::start(&mut command, "sh", &log)?;
        let inner = super::super::eventually(Duration::from_secs(5), || async {
            Ok(fs::read_to_string(&log)?.trim().parse::<u32>()?)
        })
        .await?;
        let (outer, gone) = (child.pid(), |pid: u32| match fs::read_to_string(format!("/proc/{pid}/stat")) {
            Ok(stat) => stat.contains(") Z "),
            Err(_) => true,
        });
        assert!(!gone(outer) && !gone(inner));
        drop(child);
        super::super::eventually(Duration::from_secs(5), || async {
            anyhow::ensure!(gone(outer) && gone(inner), "still there");
            Ok(())
        })
        .await
    }
}
