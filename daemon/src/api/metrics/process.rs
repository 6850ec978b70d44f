//! The process: what it takes of the machine, since when, and which program it is.
//!
//! The `process_*` names are those that all Prometheus clients use.

use std::fmt;
use std::fs;
use std::time::{Duration, UNIX_EPOCH};

use crate::api::metrics::look::Look;
use crate::api::metrics::series::{Page, Series};
use crate::hydra::DaemonState;
use crate::limits::machine::open_files;

const STATE: Series =
    Series::gauge("hydra_daemon_phase", "1 for the state that the daemon is in, 0 for the others.")
        .by(&["state"]);
const BUILD: Series = Series::info("hydra_build", "The program; always 1.").by(&["version", "api"]);
const CPU: Series =
    Series::counter("process_cpu", "Processor time of the process, user and system.").seconds();
const RESIDENT: Series = Series::gauge("process_resident_memory", "Resident memory of the process.").bytes();
const VIRTUAL: Series = Series::gauge("process_virtual_memory", "Virtual memory of the process.").bytes();
const FILES: Series = Series::gauge("process_open_fds", "Open descriptors of the process.");
const FILES_MAX: Series = Series::gauge("process_max_fds", "Descriptors that the process may have open.");
const THREADS: Series = Series::gauge("process_threads", "Threads of the process.");
const START: Series =
    Series::gauge("process_start_time", "When the daemon started, since the Unix epoch.").seconds();

pub(super) const ALL: &[&Series] =
    &[&STATE, &BUILD, &CPU, &RESIDENT, &VIRTUAL, &FILES, &FILES_MAX, &THREADS, &START];

const STATES: [(DaemonState, &str); 5] = [
    (DaemonState::Starting, "starting"),
    (DaemonState::Warming, "warming"),
    (DaemonState::Serving, "serving"),
    (DaemonState::NoPeers, "no_peers"),
    (DaemonState::Draining, "draining"),
];

pub(super) fn write(page: &mut Page<'_>, look: &Look<'_>) -> fmt::Result {
    let state = look.hydra.daemon_state();
    page.put(&STATE, |out| STATES.iter().try_for_each(|(one, name)| out.put(&[name], *one == state)))?;
    page.put(&BUILD, |out| out.put(&[env!("CARGO_PKG_VERSION"), hydra_protocol::API], 1u64))?;
    let used = Used::read();
    page.one(&CPU, used.cpu)?;
    page.one(&RESIDENT, used.resident)?;
    page.one(&VIRTUAL, used.virtual_)?;
    page.one(&FILES, open_files())?;
    page.maybe(&FILES_MAX, rustix::process::getrlimit(rustix::process::Resource::Nofile).current)?;
    page.one(&THREADS, used.threads)?;
    let started = look.hydra.started_at.duration_since(UNIX_EPOCH).unwrap_or_default();
    page.one(&START, started)
}

/// What `/proc` says of this process.
#[derive(Debug, Default, PartialEq)]
struct Used {
    cpu: Duration,
    threads: u64,
    /// In bytes.
    virtual_: u64,
    resident: u64,
}

impl Used {
    fn read() -> Self {
        let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
        Self::of(&stat, rustix::param::clock_ticks_per_second(), rustix::param::page_size() as u64)
    }

    /// Of a line as proc_pid_stat(5) has it; zeros where it does not say.
    fn of(stat: &str, ticks: u64, page: u64) -> Self {
        // the name of the program is in parentheses and may hold anything
        let Some((_, rest)) = stat.rsplit_once(')') else { return Self::default() };
        let fields: Vec<u64> = rest.split_ascii_whitespace().map(|f| f.parse().unwrap_or(0)).collect();
        // the first field here is the third there
        let field = |number: usize| fields.get(number - 3).copied().unwrap_or(0);
        let cpu = (field(14) + field(15)) as f64 / ticks.max(1) as f64;
        Self {
            cpu: Duration::from_secs_f64(cpu),
            threads: field(20),
            virtual_: field(23),
            resident: field(24) * page,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_with_a_strange_name_is_read_like_any_other() {
        let stat = "7 (a) b (c) S 1 7 7 0 -1 4194560 900 0 0 0 250 150 0 0 20 0 9 0 100 4096000 50 18446744073709551615";
        let used = Used::of(stat, 100, 4096);
        assert_eq!(
            used,
            Used { cpu: Duration::from_secs(4), threads: 9, virtual_: 4_096_000, resident: 204_800 }
        );
        assert_eq!(Used::of("", 100, 4096), Used::default());
        assert!(Used::read().resident > 1 << 20);
    }
}
