//! The six DHT requests: how many, what became of them, how long they took.

use std::fmt;

use crate::api::metrics::look::Look;
use crate::api::metrics::series::{Page, Series};
use crate::telemetry::links::Direction;
use crate::wire::Kind;

const REQUESTS: Series = Series::counter(
    "hydra_dht_requests",
    "DHT requests by kind and outcome: answered (or taken in, where the kind has no answer), refused (the \
     stream was reset).",
)
.by(&["rpc", "outcome"]);
const TIMES: Series = Series::histogram(
    "hydra_dht_request_duration",
    "From the whole request to the finished answer, of requests that were answered.",
)
.by(&["rpc"]);
const FOUND: Series =
    Series::counter("hydra_dht_get_providers_found", "GET_PROVIDERS that were answered with a provider.");
const BYTES: Series =
    Series::counter("hydra_dht_traffic", "Bytes of DHT messages.").bytes().by(&["direction"]);
const RESETS: Series = Series::counter(
    "hydra_dht_stream_resets",
    "DHT streams that were reset by us, or broke; hydra_drops_total has the reasons of ours.",
);

pub(super) const ALL: &[&Series] = &[&REQUESTS, &TIMES, &FOUND, &BYTES, &RESETS];

pub(super) fn write(page: &mut Page<'_>, look: &Look<'_>) -> fmt::Result {
    let books = &look.hydra.service.requests;
    let times = Kind::ALL.map(|kind| (kind, books.times(kind as usize)));
    page.put(&REQUESTS, |out| {
        times.iter().try_for_each(|(kind, times)| {
            out.put(&[kind.name(), "answered"], times.count())?;
            out.put(&[kind.name(), "refused"], books.refusals(*kind as usize))
        })
    })?;
    page.put(&TIMES, |out| times.iter().try_for_each(|(kind, times)| out.times(&[kind.name()], times)))?;
    page.one(&FOUND, look.totals.found)?;
    page.put(&BYTES, |out| {
        out.put(&[Direction::In.name()], look.totals.all_bytes_in())?;
        out.put(&[Direction::Out.name()], look.totals.all_bytes_out())
    })?;
    page.one(&RESETS, look.totals.resets)
}
