//! What hydra-booster's themes print, on stdout: logey's status line, and where gooey went.
//!
//! The line has its fields in its order, for the scripts that read it. Whoever closes stdout
//! ends it; nothing else depends on it.

use std::io::{self, Write as _};
use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio::task::spawn_blocking;
use tokio::time::{MissedTickBehavior, interval};

use crate::config::UiTheme;
use crate::hydra::Hydra;
use crate::limits::machine::rss_bytes;
use crate::telemetry::unique::SeenBy;

/// As often as hydra-booster looked.
const PAUSE: Duration = Duration::from_secs(5);

/// Prints what the theme prints, as long as the hydra lives.
pub(super) fn show(theme: UiTheme, hydra: &Arc<Hydra>) {
    match theme {
        UiTheme::None => {}
        UiTheme::Logey => {
            tokio::spawn(log(Arc::downgrade(hydra)));
        }
        UiTheme::Gooey => {
            let socket = hydra.config.control_socket.display().to_string();
            let line = format!("the screen is a program of its own now: hydractl --socket {socket} top");
            spawn_blocking(move || print(&line));
        }
    }
}

async fn log(hydra: Weak<Hydra>) {
    let mut ticks = interval(PAUSE);
    // whoever reads slowly gets fewer lines, not all of them at once
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let Some(hydra) = hydra.upgrade() else { return };
        let line = Line::of(&hydra).text();
        drop(hydra);
        if !spawn_blocking(move || print(&line)).await.unwrap_or(false) {
            return;
        }
    }
}

/// False when nobody can read it any more.
fn print(line: &str) -> bool {
    let mut out = io::stdout().lock();
    writeln!(out, "{line}").and_then(|()| out.flush()).is_ok()
}

/// The numbers of logey.
struct Line {
    heads: usize,
    uptime: Duration,
    memory: u64,
    connections: usize,
    unique: u64,
    bootstrapped: usize,
    records: u64,
    table: usize,
}

impl Line {
    fn of(hydra: &Hydra) -> Self {
        Self {
            heads: hydra.heads_total(),
            uptime: hydra.started.elapsed(),
            memory: rss_bytes(),
            connections: hydra.budget.used(),
            unique: hydra.contacts.unique.total(SeenBy::Connection),
            bootstrapped: hydra.heads_serving(),
            records: hydra.belly.counts().records,
            table: hydra.table.others(),
        }
    }

    fn text(&self) -> String {
        let Self { heads, connections, unique, bootstrapped, records, table, .. } = self;
        let (uptime, memory) = (uptime(self.uptime.as_secs()), size(self.memory));
        format!(
            "[NumHeads: {heads}, Uptime: {uptime}, MemoryUsage: {memory}, PeersConnected: {connections}, \
             TotalUniquePeersSeen: {unique}, BootstrapsDone: {bootstrapped}, ProviderRecords: {records}, \
             RoutingTableSize: {table}]"
        )
    }
}

/// Go's `time.Duration` in whole seconds: "5s", "1m0s", "26h0m3s".
fn uptime(seconds: u64) -> String {
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    match (hours, minutes) {
        (0, 0) => format!("{seconds}s"),
        (0, _) => format!("{minutes}m{seconds}s"),
        _ => format!("{hours}h{minutes}m{seconds}s"),
    }
}

/// In thousands, as go-humanize has it: "7.9 MB", "512 MB".
fn size(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["B", "kB", "MB", "GB", "TB"];
    let (mut value, mut unit) = (bytes as f64, 0);
    while value >= 1000.0 && unit + 1 < UNITS.len() {
        (value, unit) = (value / 1000.0, unit + 1);
    }
    let digits = usize::from(value < 10.0 && unit > 0);
    format!("{value:.digits$} {}", UNITS[unit])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_is_that_of_hydra_booster() {
        let line = Line {
            heads: 2,
            uptime: Duration::from_millis(5_400),
            memory: 7_900_000,
            connections: 11,
            unique: 9,
            bootstrapped: 2,
            records: 0,
            table: 9,
        };
        // hydra-booster `ui/ui_test.go` with `testdata/metrics/2heads.txt`
        assert_eq!(
            line.text(),
            "[NumHeads: 2, Uptime: 5s, MemoryUsage: 7.9 MB, PeersConnected: 11, TotalUniquePeersSeen: 9, \
             BootstrapsDone: 2, ProviderRecords: 0, RoutingTableSize: 9]"
        );
    }

    #[test]
    fn times_and_sizes_are_written_as_go_writes_them() {
        assert_eq!([0, 59, 60, 3_600, 93_603].map(uptime), ["0s", "59s", "1m0s", "1h0m0s", "26h0m3s"]);
        assert_eq!(
            [0, 999, 1_000, 12_345_678, 2_500_000_000].map(size),
            ["0 B", "999 B", "1.0 kB", "12 MB", "2.5 GB"]
        );
    }
}
