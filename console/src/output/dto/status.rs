//! How the daemon is, and which versions talk.

use hydra_protocol::v1;
use serde::Serialize;

use super::{BellyWarming, Moment, head::requests, known, moment, number};
use crate::output::text::neutral;

/// Answer of `status`.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Status {
    /// Name of the hydra.
    pub name: String,
    /// starting, warming, serving, overloaded, no_peers, draining.
    pub state: &'static str,
    /// 0 is normal.
    pub load_level: u32,
    /// Version of hydrad.
    pub version: String,
    /// The daemon's clock.
    pub at: Option<Moment>,
    /// When it started.
    pub started_at: Option<Moment>,
    /// Since then.
    #[serde(serialize_with = "number::plain")]
    pub uptime_seconds: f64,
    /// Heads there are.
    pub heads: u32,
    /// Heads that offer the DHT.
    pub heads_serving: u32,
    /// What `heads.target` makes of their number; null without a target.
    pub heads_target: Option<HeadsTarget>,
    /// Heads that peers could dial by tcp; null where that is not asked.
    pub reached_tcp: Option<u32>,
    /// The same by quic.
    pub reached_quic: Option<u32>,
    /// Of the servers nearest to our heads: how many list them; null before that was asked.
    pub presence_listed: Option<u32>,
    /// How many of them were asked.
    pub presence_asked: Option<u32>,
    /// Peers in the routing table.
    pub peers_live: u64,
    /// Peers connected now, all heads.
    pub peers_connected: u64,
    /// Connections now, opened by peers.
    pub connections_in: u64,
    /// Connections now, opened by us.
    pub connections_out: u64,
    /// Of all connections those over tcp.
    pub connections_tcp: u64,
    /// Of all connections those over quic.
    pub connections_quic: u64,
    /// Null when there is no limit.
    pub connections_limit: Option<u64>,
    /// Provider records that have not expired.
    pub records: u64,
    /// IPNS records and public keys.
    pub values: u64,
    /// Distinct providers.
    pub providers: u64,
    /// Size of the belly on disk.
    pub belly_bytes: u64,
    /// Null when there is no limit.
    pub belly_limit_bytes: Option<u64>,
    /// How far the belly is read at the start; null when it has all.
    pub belly_warming: Option<BellyWarming>,
    /// Of the last minute's commits; null when there was none.
    #[serde(serialize_with = "number::maybe")]
    pub commit_p99_seconds: Option<f64>,
    /// What a crash loses, at most.
    #[serde(serialize_with = "number::plain")]
    pub unsaved_max_seconds: f64,
    /// Accepted and not on disk yet.
    pub records_unsaved: u64,
    /// All six requests, all heads; null before it was measured.
    #[serde(serialize_with = "number::maybe")]
    pub requests_per_second_1m: Option<f64>,
    /// GET_PROVIDERS; null when none came.
    #[serde(serialize_with = "number::maybe")]
    pub get_providers_p99_seconds_1m: Option<f64>,
    /// GET_PROVIDERS that found a provider, of all; null when none came.
    #[serde(serialize_with = "number::maybe")]
    pub found_ratio_10m: Option<f64>,
    /// Memory in use.
    pub rss_bytes: u64,
    /// Null when there is no limit.
    pub memory_limit_bytes: Option<u64>,
    /// File descriptors in use.
    pub files_open: u64,
    /// Null when there is no limit.
    pub files_limit: Option<u64>,
    /// What is not as it should be.
    pub warnings: Vec<Warning>,
    /// What must hold before there are peers, in order.
    pub network: Vec<Check>,
    /// Things not done, by reason, since the start.
    pub drops: Vec<Drop>,
    /// Doors for other programs that are open.
    pub doors: Vec<Door>,
    /// The control socket.
    pub control_socket: Option<String>,
    /// The data directory.
    pub data_dir: Option<String>,
}

/// Where other programs ask over HTTP.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Door {
    /// http, …: the section of its settings.
    pub name: String,
    /// Where it listens.
    pub addresses: Vec<String>,
    /// Other machines can reach it.
    pub exposed: bool,
    /// Open now.
    pub connections: u32,
    /// Since the start.
    pub answers: u64,
}

/// The number of heads that the daemon steers to by itself.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct HeadsTarget {
    /// As configured.
    pub setting: String,
    /// Heads that it comes to now; null while the network's size is not known.
    pub wanted: Option<u32>,
    /// Most heads that it adds up to.
    pub most: u32,
    /// files, connections, addresses, indices, ports.
    pub bound_by: String,
    /// hold, grow, shrink.
    pub course: String,
    /// Why, or what it waits for.
    pub reason: String,
    /// When the next head may come or go; null while it holds.
    pub next_at: Option<Moment>,
}

impl From<&v1::HeadsTarget> for HeadsTarget {
    fn from(target: &v1::HeadsTarget) -> Self {
        Self {
            setting: neutral(&target.setting),
            wanted: target.wanted,
            most: target.most,
            bound_by: neutral(&target.bound_by),
            course: neutral(&target.course),
            reason: neutral(&target.reason),
            next_at: moment(target.next_at),
        }
    }
}

/// Something that is not as it should be.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Warning {
    /// Stable, upper case.
    pub code: String,
    /// When it began.
    pub since_at: Option<Moment>,
    /// When it ended; null while it lasts.
    pub until_at: Option<Moment>,
    /// warn, fail.
    pub severity: &'static str,
    /// For people.
    pub text: String,
    /// What to do.
    pub remedy: Option<String>,
}

/// One step of what must hold before there are peers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Check {
    /// ports, files, clock, outbound, table, reach, address, inbound, presence.
    pub check: String,
    /// ok, warn, fail, in_progress, unknown.
    pub result: &'static str,
    /// What was seen.
    pub evidence: String,
    /// What to do.
    pub remedy: Option<String>,
}

/// A counter of things not done.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Drop {
    /// Why.
    pub reason: String,
    /// How often since the daemon's start.
    pub count: u64,
}

/// Answer of `version`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Version {
    /// This program.
    pub hydractl: String,
    /// The protocol it speaks.
    pub api: String,
    /// The daemon; null when it could not be asked.
    pub hydrad: Option<String>,
    /// The socket it was asked on.
    pub socket: Option<String>,
}

/// The word of a finding.
#[must_use]
pub fn finding(finding: v1::Finding) -> &'static str {
    match finding {
        v1::Finding::Unspecified | v1::Finding::Unknown => "unknown",
        v1::Finding::Ok => "ok",
        v1::Finding::Warn => "warn",
        v1::Finding::Fail => "fail",
        v1::Finding::InProgress => "in_progress",
    }
}

fn state(state: v1::DaemonState) -> &'static str {
    match state {
        v1::DaemonState::Unspecified => "unknown",
        v1::DaemonState::Starting => "starting",
        v1::DaemonState::Warming => "warming",
        v1::DaemonState::Serving => "serving",
        v1::DaemonState::Overloaded => "overloaded",
        v1::DaemonState::NoPeers => "no_peers",
        v1::DaemonState::Draining => "draining",
    }
}

/// 0 on the wire is "no limit".
fn limit(limit: u64) -> Option<u64> {
    (limit > 0).then_some(limit)
}

impl From<&v1::Status> for Status {
    fn from(status: &v1::Status) -> Self {
        Self {
            name: neutral(&status.name),
            state: state(status.state()),
            load_level: status.load_level,
            version: neutral(&status.version),
            at: moment(status.at),
            started_at: moment(status.started_at),
            uptime_seconds: status.uptime_seconds,
            heads: status.heads,
            heads_serving: status.heads_serving,
            heads_target: status.heads_target.as_ref().map(HeadsTarget::from),
            reached_tcp: status.reached_tcp,
            reached_quic: status.reached_quic,
            presence_listed: status.presence_listed,
            presence_asked: status.presence_asked,
            peers_live: status.peers_live,
            peers_connected: status.peers_connected,
            connections_in: status.connections_in,
            connections_out: status.connections_out,
            connections_tcp: status.connections_tcp,
            connections_quic: status.connections_quic,
            connections_limit: limit(status.connections_limit),
            records: status.records,
            values: status.values,
            providers: status.providers,
            belly_bytes: status.belly_bytes,
            belly_limit_bytes: limit(status.belly_limit_bytes),
            belly_warming: status.belly_warming.as_ref().map(BellyWarming::from),
            commit_p99_seconds: status.commit_p99_seconds,
            unsaved_max_seconds: status.unsaved_max_seconds,
            records_unsaved: status.records_unsaved,
            requests_per_second_1m: status.rates_1m.as_ref().map(requests),
            get_providers_p99_seconds_1m: status.get_providers_p99_seconds_1m,
            found_ratio_10m: status.found_ratio_10m,
            rss_bytes: status.rss_bytes,
            memory_limit_bytes: limit(status.memory_limit_bytes),
            files_open: status.files_open,
            files_limit: limit(status.files_limit),
            warnings: status.warnings.iter().map(Warning::from).collect(),
            network: status.network.iter().map(Check::from).collect(),
            drops: status
                .drops
                .iter()
                .map(|drop| Drop { reason: neutral(&drop.reason), count: drop.count })
                .collect(),
            doors: status.doors.iter().map(Door::from).collect(),
            control_socket: known(&status.control_socket),
            data_dir: known(&status.data_dir),
        }
    }
}

impl From<&v1::Door> for Door {
    fn from(door: &v1::Door) -> Self {
        Self {
            name: neutral(&door.name),
            addresses: door.addresses.iter().map(|address| neutral(address)).collect(),
            exposed: door.exposed,
            connections: door.connections,
            answers: door.answers,
        }
    }
}

impl From<&v1::Warning> for Warning {
    fn from(warning: &v1::Warning) -> Self {
        Self {
            code: neutral(&warning.code),
            since_at: moment(warning.since),
            until_at: moment(warning.until),
            severity: finding(warning.severity()),
            text: neutral(&warning.text),
            remedy: known(&warning.remedy),
        }
    }
}

impl From<&v1::NetworkCheck> for Check {
    fn from(check: &v1::NetworkCheck) -> Self {
        Self {
            check: neutral(&check.name),
            result: finding(check.finding()),
            evidence: neutral(&check.text),
            remedy: known(&check.remedy),
        }
    }
}
