//! A network namespace with nothing in it but loopback: whatever runs inside cannot send
//! a packet to anybody else.

use std::ffi::OsStr;
use std::process::{Command as StdCommand, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use anyhow::{Context as _, ensure};
use tokio::process::Command;

/// A namespace that is removed when this is dropped.
pub struct Namespace {
    name: String,
}

impl Namespace {
    /// Makes one; needs root and `ip`. Says so and gives `None` when that is not to be had.
    pub fn new() -> anyhow::Result<Option<Self>> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        if !rustix::process::geteuid().is_root() {
            super::binaries::skip("network namespaces need root");
            return Ok(None);
        }
        let name = format!("hydra-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        ip(&["netns", "add", &name])?;
        let namespace = Self { name };
        ip(&["-n", &namespace.name, "link", "set", "lo", "up"])?;
        Ok(Some(namespace))
    }

    /// Its name, as `ip netns` knows it.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Makes all addresses of a network ("45.0.0.0/8") be of this namespace.
    pub fn own(&self, network: &str) -> anyhow::Result<()> {
        ip(&["-n", &self.name, "route", "add", "local", network, "dev", "lo"])
    }

    /// A command that will run inside; `ip` becomes it, so that its process id is its own.
    #[must_use]
    pub fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.name]).arg(program);
        command
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        // Nothing can be done about a failure here; the name tells whose it was.
        drop(ip(&["netns", "delete", &self.name]));
    }
}

/// Lets nothing of the namespace that this process is in reach a part of what it
/// [owns](Namespace::own), whether it is connected or not.
pub fn cut(network: &str) -> anyhow::Result<()> {
    ip(&["route", "add", "blackhole", network, "table", "local"])
}

/// Ends a [`cut`].
pub fn heal(network: &str) -> anyhow::Result<()> {
    ip(&["route", "del", "blackhole", network, "table", "local"])
}

fn ip(args: &[&str]) -> anyhow::Result<()> {
    let output = StdCommand::new("ip")
        .args(args)
        .stdin(Stdio::null())
        .output()
        .context("run `ip` (package iproute2)")?;
    ensure!(
        output.status.success(),
        "ip {}: {}",
        args.join(" "),
        String::from_utf8_lossy(&output.stderr).trim()
    );
    Ok(())
}
