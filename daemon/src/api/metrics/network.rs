//! The network: its size, what share of it the heads cover, how the scout gets on, and the
//! chain of conditions that must hold before there are peers.

use std::fmt;

use crate::api::metrics::look::Look;
use crate::api::metrics::series::{Page, Series};
use crate::hydra::Finding;

const SIZE: Series = Series::gauge(
    "hydra_network_size_peers",
    "DHT servers in the network, our heads left out, estimated in two ways; absent until measured.",
)
.by(&["method"]);
const SIZE_ERROR: Series =
    Series::gauge("hydra_network_size_error_peers", "One standard error of hydra_network_size_peers.")
        .by(&["method"]);
const COVERAGE: Series = Series::gauge(
    "hydra_network_coverage",
    "Share of all keys for which a head is among the 20 nearest servers; absent while the table is empty, at \
     most a minute old.",
)
.ratio();
const GONE: Series = Series::gauge(
    "hydra_network_gone_per_minute",
    "Share of the servers that goes in a minute; absent until the first crawl is complete.",
)
.ratio();
const HOPS: Series = Series::gauge(
    "hydra_network_lookup_hops",
    "Mean number of hops of lookups of random keys; 1: all stood in the table. Absent until measured.",
);
const CHECKS: Series =
    Series::counter("hydra_scout_checks", "Servers that the scout checked.").by(&["outcome"]);
const WORK: Series = Series::gauge(
    "hydra_scout_servers",
    "Servers that the scout deals with: checking (now, or soon), waiting (for a first visit or a later try), \
     unwalked (of the table, not yet asked for all they know), lost (went, looked for now and then).",
)
.by(&["stage"]);
const BOOTSTRAP: Series =
    Series::gauge("hydra_bootstrap_peers", "Bootstrap peers: configured, and answered in the last round.")
        .by(&["stage"]);
const FAILING: Series = Series::gauge(
    "hydra_network_failing",
    "1 while a condition of the way to the network does not hold (`hydractl status` says why); absent where it \
     does not apply.",
)
.by(&["check"]);

pub(super) const ALL: &[&Series] =
    &[&SIZE, &SIZE_ERROR, &COVERAGE, &GONE, &HOPS, &CHECKS, &WORK, &BOOTSTRAP, &FAILING];

pub(super) fn write(page: &mut Page<'_>, look: &Look<'_>) -> fmt::Result {
    let sizes = look.hydra.sizes();
    let methods = [("crawl", sizes.by_crawl), ("distance", sizes.by_distance)];
    let known = || methods.iter().filter_map(|(method, size)| Some((method, size.as_ref()?)));
    page.put(&SIZE, |out| known().try_for_each(|(method, size)| out.put(&[method], size.peers)))?;
    page.put(&SIZE_ERROR, |out| known().try_for_each(|(method, size)| out.put(&[method], size.error)))?;
    page.maybe(&COVERAGE, look.dear.coverage)?;
    let (report, crawl) = (&look.scout, &look.scout.crawl);
    page.maybe(&GONE, crawl.complete_after.map(|_| crawl.gone_per_minute))?;
    page.maybe(&HOPS, crawl.hops)?;
    page.put(&CHECKS, |out| {
        out.put(&["answered"], report.answered)?;
        out.put(&["unanswered"], report.unanswered)
    })?;
    page.put(&WORK, |out| {
        out.put(&["checking"], report.checking)?;
        out.put(&["waiting"], crawl.waiting)?;
        out.put(&["unwalked"], crawl.unwalked)?;
        out.put(&["lost"], crawl.lost)
    })?;
    page.put(&BOOTSTRAP, |out| {
        out.put(&["configured"], report.bootstrap.peers)?;
        out.put(&["answered"], report.bootstrap.answered)
    })?;
    page.put(&FAILING, |out| {
        look.hydra.network().iter().try_for_each(|check| {
            out.put(&[check.name], matches!(check.finding, Finding::Warn | Finding::Fail))
        })
    })
}
