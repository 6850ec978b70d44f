//! The names of the predecessor, `hydrabooster_*`, so that its dashboards and alerts go on.
//!
//! Names, labels and their values are those of hydra-booster 0.7.4. Its counters have no
//! `_total`, which a counter of OpenMetrics must have, so they are of unknown type here. Times
//! are in milliseconds, as there. What it registered and never recorded is not here, nor what
//! only its DynamoDB store recorded, nor sizes of messages and what it sent itself.

use std::fmt;

use crate::api::metrics::look::Look;
use crate::api::metrics::series::{Page, Samples, Series, Unit, buckets};
use crate::hydra::{HeadState, HeadView};
use crate::limits::machine::open_files;
use crate::prefetch::MEMORY_OF_FAILURES;
use crate::telemetry::latency::Snapshot;
use crate::telemetry::links::{self, Direction, Handshake};
use crate::telemetry::{Outcome, SeenBy};
use crate::wire::Kind;

/// Above so many heads one sample without peer id is the sum of all.
const HEADS_MAX: usize = 1_000;

const BY_HEAD: &[&str] = &["name", "peer_id"];
const BY_NAME: &[&str] = &["name"];
const BY_STATUS: &[&str] = &["name", "status"];
const BY_TYPE: &[&str] = &["message_type"];

/// A histogram of milliseconds.
const fn millis(stem: &'static str, help: &'static str) -> Series {
    Series { unit: Unit::None, ..Series::histogram(stem, help) }
}

const HEADS: Series = Series::unknown("hydrabooster_heads", "Heads that were launched.").by(BY_HEAD);
const BOOTSTRAPPED: Series =
    Series::unknown("hydrabooster_bootstrapped_heads", "Heads that serve.").by(BY_HEAD);
const CONNECTED: Series =
    Series::unknown("hydrabooster_connected_peers", "Open connections of each head.").by(BY_HEAD);
const UNIQUE: Series = Series::gauge(
    "hydrabooster_unique_peers_total",
    "Different peers that were connected, since the first start.",
)
.by(BY_NAME);
const TABLE: Series =
    Series::gauge("hydrabooster_routing_table_size", "Servers in the one routing table.").by(BY_NAME);
const IPNS: Series = Series::gauge("hydrabooster_ipns_records", "Value records.").by(BY_NAME);
const PROVIDERS: Series = Series::gauge("hydrabooster_provider_records", "Provider records.").by(BY_NAME);
const PREFETCHES: Series = Series::unknown(
    "hydrabooster_prov_prefetches",
    "GET_PROVIDERS by what became of them: local, succeeded, failed, failed-cached, discarded.",
)
.by(BY_STATUS);
const PREFETCH_TIMES: Series = millis(
    "hydrabooster_prov_prefetch_duration",
    "Look-ups at other places, in milliseconds: succeeded, failed.",
)
.by(BY_STATUS);
const NEGATIVE_TTL: Series = Series::gauge(
    "hydrabooster_prov_prefetch_neg_cache_ttl",
    "Seconds for which a key that nobody provides is remembered.",
)
.by(BY_NAME);
const PENDING: Series =
    Series::gauge("hydrabooster_prov_prefetch_pending", "Keys that wait or are being looked up.").by(BY_NAME);
const PENDING_LIMIT: Series =
    Series::gauge("hydrabooster_prov_prefetch_pending_limit", "Keys that may wait.").by(BY_NAME);
const RECEIVED: Series =
    Series::unknown("hydrabooster_libp2p_io_dht_kad_received_messages", "DHT requests.").by(BY_TYPE);
const ERRORS: Series = Series::unknown(
    "hydrabooster_libp2p_io_dht_kad_received_message_errors",
    "DHT requests that were refused.",
)
.by(BY_TYPE);
const LATENCY: Series = millis(
    "hydrabooster_libp2p_io_dht_kad_inbound_request_latency",
    "Time to answer a DHT request, in milliseconds.",
)
.by(BY_TYPE);
const ALLOWED: Series = Series::unknown(
    "hydrabooster_libp2p_rcmgr_conns_allowed_total",
    "Connections that were opened, by direction and whether they take a descriptor.",
)
.by(&["name", "direction", "uses_fd"]);
const BLOCKED: Series = Series::unknown(
    "hydrabooster_libp2p_rcmgr_conns_blocked_total",
    "Connections that limits refused, by direction.",
)
.by(&["name", "direction"]);
const CONNECTIONS: Series =
    Series::unknown("hydrabooster_rcmgr_connections", "Open connections of all heads.").by(&["dir", "scope"]);
const FDS: Series = Series::unknown("hydrabooster_rcmgr_fds", "Open descriptors.").by(&["scope"]);

pub(super) const ALL: &[&Series] = &[
    &HEADS,
    &BOOTSTRAPPED,
    &CONNECTED,
    &UNIQUE,
    &TABLE,
    &IPNS,
    &PROVIDERS,
    &PREFETCHES,
    &PREFETCH_TIMES,
    &NEGATIVE_TTL,
    &PENDING,
    &PENDING_LIMIT,
    &RECEIVED,
    &ERRORS,
    &LATENCY,
    &ALLOWED,
    &BLOCKED,
    &CONNECTIONS,
    &FDS,
];

fn name(direction: Direction) -> &'static str {
    match direction {
        Direction::In => "inbound",
        Direction::Out => "outbound",
    }
}

pub(super) fn write(page: &mut Page<'_>, look: &Look<'_>) -> fmt::Result {
    heads(page, look)?;
    let (hydra, counts, me) = (look.hydra, &look.counts, look.hydra.config.name.as_str());
    page.put(&UNIQUE, |out| out.put(&[me], look.dear.unique[SeenBy::Connection as usize]))?;
    page.put(&TABLE, |out| out.put(&[me], hydra.table.others()))?;
    page.put(&IPNS, |out| out.put(&[me], counts.values))?;
    page.put(&PROVIDERS, |out| out.put(&[me], counts.records))?;
    prefetch(page, look)?;
    requests(page, look)?;
    page.put(&ALLOWED, |out| {
        Direction::ALL.iter().try_for_each(|direction| {
            let quic = links::quic(*direction);
            let all = links::handshakes(*direction, Handshake::Opened);
            out.put(&[me, name(*direction), "true"], all.saturating_sub(quic))?;
            out.put(&[me, name(*direction), "false"], quic)
        })
    })?;
    page.put(&BLOCKED, |out| {
        Direction::ALL.iter().try_for_each(|direction| {
            out.put(&[me, name(*direction)], links::handshakes(*direction, Handshake::Refused))
        })
    })?;
    let open = hydra.contacts.open();
    page.put(&CONNECTIONS, |out| {
        out.put(&[name(Direction::In), "system"], open.inbound)?;
        out.put(&[name(Direction::Out), "system"], open.outbound)
    })?;
    page.put(&FDS, |out| out.put(&["system"], open_files()))
}

fn heads(page: &mut Page<'_>, look: &Look<'_>) -> fmt::Result {
    let me = look.hydra.config.name.as_str();
    let open = look.hydra.contacts.open_by_head();
    let each = |out: &mut Samples<'_>, count: &dyn Fn(&HeadView) -> u64| {
        if look.heads.len() > HEADS_MAX {
            return out.put(&[me, ""], look.heads.iter().map(count).sum::<u64>());
        }
        look.heads.iter().try_for_each(|head| out.put(&[me, &head.peer.to_base58()], count(head)))
    };
    page.put(&HEADS, |out| each(out, &|_| 1))?;
    page.put(&BOOTSTRAPPED, |out| each(out, &|head| (head.state == HeadState::Serving).into()))?;
    page.put(&CONNECTED, |out| {
        each(out, &|head| open.get(&head.index).map_or(0, |open| open.inbound + open.outbound))
    })
}

fn prefetch(page: &mut Page<'_>, look: &Look<'_>) -> fmt::Result {
    let (me, now) = (look.hydra.config.name.as_str(), &look.prefetch);
    let sum = |outcomes: &[Outcome]| outcomes.iter().map(|outcome| now.total.of(*outcome)).sum::<u64>();
    page.put(&PREFETCHES, |out| {
        out.put(&[me, "local"], look.totals.found)?;
        out.put(&[me, "succeeded"], sum(&[Outcome::Found]))?;
        out.put(&[me, "failed"], sum(&[Outcome::NotFound, Outcome::TimedOut, Outcome::SourceFailed]))?;
        out.put(&[me, "failed-cached"], sum(&[Outcome::Refused5m, Outcome::Refused1h]))?;
        out.put(&[me, "discarded"], sum(&[Outcome::QueueFull]))
    })?;
    let (mut found, mut all) = (Snapshot::default(), Snapshot::default());
    for source in &now.sources {
        found.add(&source.times_found);
        all.add(&source.times);
    }
    page.put(&PREFETCH_TIMES, |out| {
        in_millis(out, &[me, "succeeded"], &found)?;
        in_millis(out, &[me, "failed"], &all.since(&found))
    })?;
    page.put(&NEGATIVE_TTL, |out| out.put(&[me], MEMORY_OF_FAILURES.as_secs()))?;
    page.put(&PENDING, |out| out.put(&[me], now.waiting + now.lookups))?;
    page.put(&PENDING_LIMIT, |out| out.put(&[me], now.waiting_limit))
}

fn requests(page: &mut Page<'_>, look: &Look<'_>) -> fmt::Result {
    let books = &look.hydra.service.requests;
    page.put(&RECEIVED, |out| {
        Kind::ALL.iter().try_for_each(|kind| out.put(&[kind.name()], look.totals.requests[*kind as usize]))
    })?;
    page.put(&ERRORS, |out| {
        Kind::ALL.iter().try_for_each(|kind| out.put(&[kind.name()], books.refusals(*kind as usize)))
    })?;
    page.put(&LATENCY, |out| {
        Kind::ALL.iter().try_for_each(|kind| in_millis(out, &[kind.name()], &books.times(*kind as usize)))
    })
}

fn in_millis(out: &mut Samples<'_>, labels: &[&str], times: &Snapshot) -> fmt::Result {
    out.histogram(labels, times.sum().as_secs_f64() * 1e3, &buckets(times, 1e3))
}
