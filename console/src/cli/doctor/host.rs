//! The checks of this machine: the socket, what a daemon would find here, and where it is not.

use std::fs;

use hydra_protocol::client::{SocketAccess, socket_access};
use jiff::Timestamp;

use super::{Found, Part};
use crate::cli::config::{Checked, check};
use crate::output::look::{Look, exact};
use crate::output::text::{commas, neutral, size_of};
use crate::session::Session;

/// No clock of a machine that runs this says an earlier time (2026-01-01).
const BUILT: i64 = 1_767_225_600;

/// Files that the system must allow: a head takes about 300.
const FILES: u64 = 4_096;

/// Free space below which records are about to be refused.
const DISK_LOW: (u64, f64) = (1_000_000_000, 0.01);

/// The socket that was opened, and who speaks on both ends.
pub(super) fn way_to(session: &Session) -> Vec<Found> {
    let path = session.client.socket();
    let mut socket = neutral(&path.to_string_lossy());
    if let Ok(SocketAccess { mode, owner, group, in_group }) = socket_access(path) {
        socket += &format!(" {mode:04o} {owner}:{group}");
        if in_group {
            socket += &format!("; you are in group {group}");
        }
    }
    let socket = match session.client.is_read_only() {
        true => Found::new(Part::Host, "socket", "ok", format!("{socket}; it only reads")),
        false => Found::new(Part::Host, "socket", "ok", socket),
    };
    let (ours, theirs) = (env!("CARGO_PKG_VERSION"), neutral(session.client.daemon_version()));
    let text = format!("hydractl {ours}, hydrad {theirs}");
    let version = match ours == theirs {
        true => Found::new(Part::Host, "version", "ok", text),
        false => Found::new(Part::Host, "version", "warn", text).remedy("use the hydractl beside hydrad"),
    };
    vec![socket, version]
}

/// Room where the daemon writes.
pub(super) fn data_dir(directory: Option<&str>) -> Option<Found> {
    let directory = directory?;
    let found = |result, text| Found::new(Part::Host, "disk", result, text);
    let Ok(system) = rustix::fs::statvfs(directory) else {
        return Some(found("skip", format!("this account cannot look at {directory}")));
    };
    let (free, all) = (system.f_bavail * system.f_frsize, system.f_blocks * system.f_frsize);
    let text = format!("{} free in {directory}", size_of(free, all));
    let result = match free {
        0 => "fail",
        low if low < DISK_LOW.0 || (low as f64) < all as f64 * DISK_LOW.1 => "warn",
        _ => return Some(found("ok", text)),
    };
    Some(found(result, text).remedy("free space, or lower belly.max_disk"))
}

/// Whether heads could be reached by IPv6 as well.
pub(super) fn ipv6() -> Found {
    let table = fs::read_to_string("/proc/net/if_inet6").unwrap_or_default();
    match global_interface(&table) {
        Some(interface) => Found::new(Part::Host, "ipv6", "ok", format!("a global address on {interface}")),
        None => Found::new(Part::Host, "ipv6", "skip", "no global IPv6 address on this host"),
    }
}

/// proc(5): address, index, prefix, scope, flags, name; scope 0 is global.
fn global_interface(table: &str) -> Option<String> {
    let lines = table.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
    // addresses of one site (fc00::/7) have that scope, too
    let global = |fields: &Vec<&str>| {
        fields.get(3) == Some(&"00") && fields.first().is_some_and(|address| address.starts_with(['2', '3']))
    };
    lines.into_iter().find(global).and_then(|fields| fields.get(5).map(|name| neutral(name)))
}

/// What would keep a daemon from starting here.
pub(super) async fn without_daemon(look: &Look) -> Vec<Found> {
    vec![files(), config().await, clock(look.now), ipv6()]
}

/// The limit of this login; a service has its own.
fn files() -> Found {
    let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile);
    let word = |limit: Option<u64>| limit.map_or_else(|| "any number".to_owned(), commas);
    let text = format!(
        "{} may be open here, up to {} when asked for; as a service LimitNOFILE= says",
        word(limit.current),
        word(limit.maximum)
    );
    match limit.maximum.is_none_or(|most| most >= FILES) {
        true => Found::new(Part::Host, "files", "ok", text),
        false => Found::new(Part::Host, "files", "warn", text).remedy("ulimit -Hn 65536, as root"),
    }
}

async fn config() -> Found {
    let found = |result, text: String| Found::new(Part::Host, "config", result, text.replace('\n', "; "));
    match check(None).await {
        Checked::Good(read) => found("ok", read),
        Checked::Wrong(lines) => {
            let text = lines.first().map_or("", |line| line.strip_prefix("error: ").unwrap_or(line));
            found("fail", text.to_owned()).remedy("hydractl config validate")
        }
        Checked::Unasked(why) => found("skip", why),
    }
}

fn clock(now: Timestamp) -> Found {
    let text = exact(now);
    match now.as_second() >= BUILT {
        true => Found::new(Part::Host, "clock", "ok", text),
        false => Found::new(Part::Host, "clock", "fail", format!("{text}: records would expire at once"))
            .remedy("timedatectl set-ntp true"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_global_address_is_one() {
        let local = "00000000000000000000000000000001 01 80 10 80       lo\n\
                     fe80000000000000021122fffe334455 02 40 20 80     eth0\n\
                     fd000000000000000000000000000001 03 40 00 80     eth1\n";
        assert_eq!(global_interface(local), None);
        let global = format!("{local}20010db8000000000000000000000001 04 40 00 80     eth2\n");
        assert_eq!(global_interface(&global).as_deref(), Some("eth2"));
    }

    #[test]
    fn a_clock_from_before_this_was_built_fails() {
        assert_eq!(clock(crate::fixture::now()).check.result, "ok");
        assert_eq!(clock(Timestamp::UNIX_EPOCH).check.result, "fail");
    }
}
