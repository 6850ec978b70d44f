//! From the daemon's types to those of `hydra.v1`.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use hydra_protocol::v1;
use prost_types::Timestamp;

use crate::hydra::target::View;
use crate::hydra::{DaemonState, Finding, HeadState, HeadView, Hydra, Lists, Warming, Warning};
use crate::net::reachability::{Tested, Verdict};
use crate::net::transport::listen_addresses;
use crate::routing::contacts::OpenCounts;
use crate::telemetry::doors::Door;
use crate::telemetry::{Event, Level, Rates, Sample};
use crate::wire::Kind;

pub(super) fn timestamp(time: SystemTime) -> Option<Timestamp> {
    Some(Timestamp::from(time))
}

pub(super) fn rates(rates: &Rates) -> v1::Rates {
    let of = |kind: Kind| rates.requests[kind as usize];
    v1::Rates {
        find_node: of(Kind::FindNode),
        get_providers: of(Kind::GetProviders),
        add_provider: of(Kind::AddProvider),
        get_value: of(Kind::GetValue),
        put_value: of(Kind::PutValue),
        ping: of(Kind::Ping),
        resets: rates.resets,
        bytes_in: rates.bytes_in,
        bytes_out: rates.bytes_out,
        get_providers_found: rates.found,
    }
}

/// Open connections of each head.
pub(super) type Open = std::collections::HashMap<u32, OpenCounts>;

pub(super) fn head(head: &HeadView, open: &Open) -> v1::Head {
    let open = open.get(&head.index).copied().unwrap_or_default();
    let listen =
        head.listen.iter().flat_map(|ip| listen_addresses(*ip, head.port)).map(|addr| addr.to_string());
    let announced: Vec<String> = head.announce.iter().map(ToString::to_string).collect();
    v1::Head {
        name: head.name(),
        index: head.index,
        peer_id: head.peer.to_base58(),
        key: head.key.0.to_vec(),
        state: state(head.state).into(),
        state_reason: head.reason.clone(),
        addresses: if announced.is_empty() { listen.collect() } else { announced },
        listen_ip: head.listen.first().map(ToString::to_string).unwrap_or_default(),
        port: head.port.into(),
        address_group: head.group.clone().unwrap_or_default(),
        connections_in: open.inbound,
        connections_out: open.outbound,
        rates_1m: Some(rates(&head.rates)),
        serving_since: head.serving_since.and_then(timestamp),
        added_at: timestamp(head.added_at),
        presence_listed: head.presence.as_ref().map(|presence| presence.listed() as u32),
        presence_asked: head.presence.as_ref().map(|presence| presence.asked() as u32),
        reach: head.reach.iter().flat_map(|report| &report.tested).map(reach).collect(),
        nearest: Vec::new(),
        buckets: Vec::new(),
    }
}

/// A head with its neighbourhood.
pub(super) fn head_in_detail(hydra: &Hydra, view: &HeadView) -> v1::Head {
    let nearest = view.presence.iter().flat_map(|presence| &presence.nearest);
    let buckets = hydra.buckets(view).into_iter();
    v1::Head {
        nearest: nearest
            .zip(1..)
            .map(|(neighbour, rank)| {
                let (lists_us, reason) = lists(&neighbour.lists);
                v1::Neighbour {
                    rank,
                    peer_id: neighbour.peer.to_base58(),
                    shared_bits: neighbour.shared_bits,
                    lists_us: lists_us.into(),
                    reason,
                }
            })
            .collect(),
        buckets: buckets
            .map(|(bits, known, connected)| v1::Bucket {
                bits,
                known: known as u32,
                connected: connected as u32,
            })
            .collect(),
        ..head(view, &hydra.contacts.open_by_head())
    }
}

fn lists(lists: &Lists) -> (v1::ListsUs, String) {
    match lists {
        Lists::Yes => (v1::ListsUs::Yes, String::new()),
        Lists::GroupFull(group) => (v1::ListsUs::GroupFull, group.to_string()),
        Lists::NoAnswer(why) => (v1::ListsUs::NoAnswer, why.clone()),
        Lists::NotYet => (v1::ListsUs::NotYet, String::new()),
        Lists::NotConnected => (v1::ListsUs::NotConnected, String::new()),
        Lists::NotAsked => (v1::ListsUs::NotAsked, String::new()),
    }
}

fn reach(tested: &Tested) -> v1::Reach {
    v1::Reach {
        address: tested.addr.to_string(),
        reachable: match tested.verdict {
            Verdict::Unknown => v1::Reachable::Unknown,
            Verdict::Reachable => v1::Reachable::Yes,
            Verdict::Unreachable => v1::Reachable::No,
        }
        .into(),
        configured: tested.given,
        failures: tested.failures as u32,
        tried_at: tested.at.and_then(timestamp),
    }
}

fn state(state: HeadState) -> v1::HeadState {
    match state {
        HeadState::Starting => v1::HeadState::Starting,
        HeadState::Warming => v1::HeadState::Warming,
        HeadState::Serving => v1::HeadState::Serving,
        HeadState::Withdrawn => v1::HeadState::Withdrawn,
        HeadState::Stopped => v1::HeadState::Stopped,
        HeadState::Failed => v1::HeadState::Failed,
    }
}

pub(super) fn daemon_state(state: DaemonState) -> v1::DaemonState {
    match state {
        DaemonState::Starting => v1::DaemonState::Starting,
        DaemonState::Warming => v1::DaemonState::Warming,
        DaemonState::Serving => v1::DaemonState::Serving,
        DaemonState::NoPeers => v1::DaemonState::NoPeers,
        DaemonState::Draining => v1::DaemonState::Draining,
    }
}

pub(super) fn finding(finding: Finding) -> v1::Finding {
    match finding {
        Finding::Ok => v1::Finding::Ok,
        Finding::Warn => v1::Finding::Warn,
        Finding::Fail => v1::Finding::Fail,
        Finding::InProgress => v1::Finding::InProgress,
        Finding::Unknown => v1::Finding::Unknown,
    }
}

fn level(level: Level) -> v1::Finding {
    match level {
        Level::Good => v1::Finding::Ok,
        Level::Warn => v1::Finding::Warn,
        Level::Fail => v1::Finding::Fail,
    }
}

pub(super) fn warming(warming: &Warming) -> v1::BellyWarming {
    let progress = &warming.progress;
    v1::BellyWarming {
        records: progress.records,
        records_expected: progress.expected,
        day_records: progress.day_records,
        day_records_expected: progress.day_expected,
        day_read: progress.day,
        records_per_second: warming.per_second,
        day_left_seconds: warming.day_left().map(|left| left.as_secs_f64()),
        left_seconds: warming.all_left().map(|left| left.as_secs_f64()),
    }
}

pub(super) fn target(view: &View) -> v1::HeadsTarget {
    let decision = &view.decision;
    v1::HeadsTarget {
        setting: view.target.to_string(),
        wanted: decision.wanted,
        most: view.most.heads,
        bound_by: view.most.by.to_owned(),
        course: decision.course.word().to_owned(),
        reason: decision.reason.clone(),
        next_at: decision.next_at.and_then(|at| timestamp(UNIX_EPOCH + Duration::from_secs(at))),
    }
}

pub(super) fn warning(warning: &Warning) -> v1::Warning {
    v1::Warning {
        code: warning.code.to_owned(),
        since: timestamp(warning.since),
        until: warning.until.and_then(timestamp),
        text: warning.text.clone(),
        severity: level(warning.severity).into(),
        remedy: warning.remedy.clone(),
    }
}

pub(super) fn event(event: &Event) -> v1::Event {
    v1::Event {
        at: timestamp(event.at),
        level: level(event.level).into(),
        part: event.part.clone(),
        code: event.code.to_owned(),
        text: event.text.clone(),
        fields: event.fields.iter().map(|&(name, number)| (name.to_owned(), number)).collect(),
    }
}

pub(super) fn sample(sample: &Sample) -> v1::Sample {
    v1::Sample {
        at: timestamp(sample.at),
        rates: Some(rates(&sample.rates)),
        connections_in: sample.connections_in,
        connections_out: sample.connections_out,
        peers_live: sample.peers_live,
        records: sample.records,
        rss_bytes: sample.rss_bytes,
        gap: sample.gap,
    }
}

pub(super) fn door(door: &Door) -> v1::Door {
    v1::Door {
        name: door.name.to_owned(),
        addresses: door.addrs.iter().map(ToString::to_string).collect(),
        exposed: door.exposed(),
        connections: door.open_connections() as u32,
        answers: door.answers().iter().sum(),
    }
}
