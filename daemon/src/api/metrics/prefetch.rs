//! Prefetch: what became of the misses, what waits, and what each source did.

use std::fmt;
use std::time::Duration;

use crate::api::metrics::look::Look;
use crate::api::metrics::series::{Page, Series};
use crate::prefetch::State;
use crate::telemetry::Outcome;

const MISSES: Series =
    Series::counter("hydra_prefetch_misses", "GET_PROVIDERS for which the belly had nothing.");
const OUTCOMES: Series = Series::counter(
    "hydra_prefetch_outcomes",
    "Misses by how they ended; these and what waits or is being looked up sum to the misses.",
)
.by(&["outcome"]);
const WAITING: Series = Series::gauge("hydra_prefetch_queue_depth", "Keys that wait to be looked up.");
const WAITING_LIMIT: Series = Series::gauge("hydra_prefetch_queue_limit", "Keys that may wait.");
const OLDEST: Series =
    Series::gauge("hydra_prefetch_oldest_age", "How long the oldest key has waited; 0 when none waits.")
        .seconds();
const LOOKUPS: Series = Series::gauge("hydra_prefetch_lookups", "Keys that are being looked up.");
const LOOKUPS_LIMIT: Series =
    Series::gauge("hydra_prefetch_lookups_limit", "Keys that may be looked up at a time.");
const BUDGET: Series =
    Series::gauge("hydra_prefetch_walks_per_second_limit", "Keys whose look-up may begin in a second.");
const REFUSED: Series = Series::counter(
    "hydra_prefetch_refused",
    "What the outcome queue_full was about: the asker had its share, the walk budget was used up, the queue \
     had no room.",
)
.by(&["cause"]);
const PAUSED: Series = Series::gauge("hydra_prefetch_paused", "1 while nothing is looked up.");
const RECORDS_LIMIT: Series =
    Series::gauge("hydra_prefetch_records_limit", "Prefetched records that may be kept.");
const ATTEMPTS: Series = Series::counter(
    "hydra_prefetch_attempts",
    "Attempts at each source that have ended, by how: found, none (nobody is known), timed_out, failed.",
)
.by(&["source", "outcome"]);
const RECORDS: Series =
    Series::counter("hydra_prefetch_records_found", "Providers that each source gave.").by(&["source"]);
const ALONE: Series = Series::counter(
    "hydra_prefetch_found_alone",
    "Attempts at each source that found what no other source knew.",
)
.by(&["source"]);
const TIMES: Series =
    Series::histogram("hydra_prefetch_attempt_duration", "Attempts at each source, however they ended.")
        .by(&["source"]);

pub(super) const ALL: &[&Series] = &[
    &MISSES,
    &OUTCOMES,
    &WAITING,
    &WAITING_LIMIT,
    &OLDEST,
    &LOOKUPS,
    &LOOKUPS_LIMIT,
    &BUDGET,
    &REFUSED,
    &PAUSED,
    &RECORDS_LIMIT,
    &ATTEMPTS,
    &RECORDS,
    &ALONE,
    &TIMES,
];

pub(super) fn write(page: &mut Page<'_>, look: &Look<'_>) -> fmt::Result {
    let now = &look.prefetch;
    page.one(&MISSES, now.total.misses)?;
    page.put(&OUTCOMES, |out| {
        Outcome::ALL.iter().try_for_each(|outcome| out.put(&[outcome.name()], now.total.of(*outcome)))
    })?;
    page.one(&WAITING, now.waiting)?;
    page.one(&WAITING_LIMIT, now.waiting_limit)?;
    page.one(&OLDEST, now.oldest_waiting.unwrap_or(Duration::ZERO))?;
    page.one(&LOOKUPS, now.lookups)?;
    page.one(&LOOKUPS_LIMIT, now.lookups_limit)?;
    page.one(&BUDGET, now.walks_per_second)?;
    page.put(&REFUSED, |out| {
        out.put(&["share"], now.refused.by_share)?;
        out.put(&["budget"], now.refused.by_budget)?;
        out.put(&["room"], now.refused.by_room)
    })?;
    page.one(&PAUSED, now.state != State::Running)?;
    page.one(&RECORDS_LIMIT, now.records_limit)?;
    page.put(&ATTEMPTS, |out| {
        now.sources.iter().try_for_each(|source| {
            let (name, total) = (source.name.as_str(), &source.total);
            out.put(&[name, "found"], total.found)?;
            out.put(&[name, "none"], total.none)?;
            out.put(&[name, "timed_out"], total.timed_out)?;
            out.put(&[name, "failed"], total.failed)
        })
    })?;
    page.put(&RECORDS, |out| {
        now.sources.iter().try_for_each(|source| out.put(&[&source.name], source.total.records))
    })?;
    page.put(&ALONE, |out| {
        now.sources.iter().try_for_each(|source| out.put(&[&source.name], source.total.found_alone))
    })?;
    page.put(&TIMES, |out| {
        now.sources.iter().try_for_each(|source| out.times(&[&source.name], &source.times))
    })
}
