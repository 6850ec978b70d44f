//! Limits and what is used of them, warnings, overload, and everything that was dropped.

use std::fmt;

use crate::api::metrics::look::Look;
use crate::api::metrics::series::{Page, Series};
use crate::hydra::CODES;
use crate::telemetry::{Drop, Level, drops};

const CONNECTIONS: Series = Series::gauge(
    "hydra_connections_used",
    "Connections that count against hydra_connections_limit: open and half open, the scout's included.",
);
const CONNECTIONS_LIMIT: Series =
    Series::gauge("hydra_connections_limit", "Connections of the process at most (limits.max_connections).");
const PER_IP_LIMIT: Series = Series::gauge(
    "hydra_connections_per_ip_limit",
    "Incoming connections of one public address at most (limits.max_connections_per_ip).",
);
const HANDSHAKES_LIMIT: Series = Series::gauge(
    "hydra_handshakes_per_second_limit",
    "Incoming connections that are taken in a second (limits.handshakes_per_second).",
);
const MEMORY_LIMIT: Series =
    Series::gauge("hydra_memory_limit", "Memory that the process keeps within (limits.max_memory).").bytes();
const FILES_LIMIT: Series =
    Series::gauge("hydra_files_limit", "Descriptors that the process keeps within (limits.max_files).");
const OVERLOAD: Series =
    Series::gauge("hydra_overload_level", "0 is normal; this version has no higher level.");
const WARNINGS: Series = Series::gauge(
    "hydra_warning_level",
    "Warnings by code (docs/operations.md): 0 none, 1 worth a look, 2 broken.",
)
.by(&["code"]);
const DROPS: Series =
    Series::counter("hydra_drops", "What was not done, by reason (docs/operations.md).").by(&["reason"]);

pub(super) const ALL: &[&Series] = &[
    &CONNECTIONS,
    &CONNECTIONS_LIMIT,
    &PER_IP_LIMIT,
    &HANDSHAKES_LIMIT,
    &MEMORY_LIMIT,
    &FILES_LIMIT,
    &OVERLOAD,
    &WARNINGS,
    &DROPS,
];

pub(super) fn write(page: &mut Page<'_>, look: &Look<'_>) -> fmt::Result {
    let (budget, limits) = (&look.hydra.budget, look.hydra.budget.config());
    page.one(&CONNECTIONS, budget.used())?;
    page.one(&CONNECTIONS_LIMIT, limits.connections)?;
    page.one(&PER_IP_LIMIT, limits.connections_per_ip)?;
    page.one(&HANDSHAKES_LIMIT, limits.handshakes_per_second)?;
    page.one(&MEMORY_LIMIT, limits.memory)?;
    page.one(&FILES_LIMIT, limits.files)?;
    page.one(&OVERLOAD, 0u64)?;
    page.put(&WARNINGS, |out| {
        let warnings = look.hydra.warnings();
        let lasting = |code: &str| warnings.iter().find(|w| w.code == code && w.until.is_none());
        CODES.iter().try_for_each(|(code, _)| {
            let level: u64 = match lasting(code).map(|warning| warning.severity) {
                None | Some(Level::Good) => 0,
                Some(Level::Warn) => 1,
                Some(Level::Fail) => 2,
            };
            out.put(&[code], level)
        })
    })?;
    page.put(&DROPS, |out| {
        Drop::ALL.iter().try_for_each(|reason| out.put(&[reason.reason()], drops::of(*reason)))
    })
}
