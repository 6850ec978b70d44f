//! The six answers.

use hydra_protocol::v1::{BellyWarming, DaemonState, Finding, Warning};

use super::Answer;
use crate::tui::number::{self, count};
use crate::tui::state::{Hydra, Level};

/// In the order in which things break.
pub(super) fn six(hydra: &Hydra) -> Vec<Answer> {
    let mut answers = vec![reached(hydra), peers(hydra), presence(hydra), belly(hydra), requests(hydra)];
    answers.extend(prefetch(hydra));
    answers
}

/// Whether strangers can dial the heads; when an earlier step fails, that step.
fn reached(hydra: &Hydra) -> Answer {
    let status = &hydra.status;
    let checks = &status.network;
    let first_cause = checks
        .iter()
        .find(|check| check.finding() == Finding::Fail)
        .or_else(|| checks.iter().find(|check| check.finding() == Finding::Warn));
    if let Some(check) = first_cause {
        let mut parts = vec![format!("{}: {}", check.name, check.text)];
        parts.extend(Some(check.remedy.clone()).filter(|remedy| !remedy.is_empty()));
        return Answer::new("reached", check.finding().into(), parts, check.name.clone());
    }
    if let Some((tcp, quic)) = status.reached_tcp.zip(status.reached_quic) {
        let all = status.heads;
        let good = tcp.max(quic) >= all && all > 0;
        let tried = hydra.heads().flat_map(|head| &head.reach).filter_map(|reach| reach.tried_at);
        let at = tried.map(|at| at.seconds).max();
        let at = at.map_or_else(String::new, |at| format!(" at {}", number::minute(at)));
        let text = format!("tcp {tcp}/{all}, quic {quic}/{all} heads dialled back by strangers{at}");
        let level = if good { Level::Good } else { Level::Busy };
        return Answer::new("reached", level, vec![text], format!("tcp {tcp}/{all} quic {quic}/{all}"));
    }
    let unfinished = checks.iter().find(|check| check.finding() != Finding::Ok);
    if let Some(check) = unfinished {
        let text = format!("{}: {}", check.name, check.text);
        return Answer::new("reached", check.finding().into(), vec![text], check.name.clone());
    }
    let (text, brief) = match checks.first() {
        None => ("not checked yet".to_owned(), "not checked"),
        Some(check) => (format!("not asked of strangers · {} {}", check.name, check.text), "not asked"),
    };
    let level = if checks.is_empty() { Level::Off } else { Level::Good };
    Answer::new("reached", level, vec![text], brief.to_owned())
}

fn peers(hydra: &Hydra) -> Answer {
    let status = &hydra.status;
    let live = count(status.peers_live);
    if status.state() == DaemonState::NoPeers && reached(hydra).level == Level::Broken {
        // One cause, told once: this line follows from the one above.
        let text = format!("{live} live in table: follows from the above");
        return Answer::new("peers", Level::Off, vec![text], format!("{live} live"));
    }
    let level = match status.state() {
        _ if status.peers_live > 0 => Level::Good,
        DaemonState::NoPeers => Level::Broken,
        DaemonState::Starting | DaemonState::Warming => Level::Busy,
        _ => Level::Off,
    };
    let mut parts = vec![format!("{live} live in table")];
    let crawl = newest(hydra, "network.by_crawl");
    parts.extend(crawl.map(|size| format!("crawl {}", servers(size))));
    parts.extend(newest(hydra, "network.by_distance").map(|size| {
        let error = newest(hydra, "network.by_distance_error").filter(|_| size > 0.0);
        let error = error.map_or_else(String::new, |error| format!(" ±{}", number::percent(error / size)));
        format!("by distance {}{error}", servers(size))
    }));
    parts.push(format!("{} connected now", count(status.peers_connected)));
    let brief = match crawl {
        Some(size) => format!("{live} of ~{}", servers(size)),
        None => format!("{live} live"),
    };
    Answer::new("peers", level, parts, brief)
}

fn servers(size: f64) -> String {
    number::rate(size.round())
}

/// The newest measured value of a series that the Overview asks for.
fn newest(hydra: &Hydra, series: &str) -> Option<f64> {
    let values = hydra.feeds.past(&[series], None)?.series.iter().find(|values| values.name == series)?;
    values.values.iter().rev().find(|value| value.is_finite()).map(|value| f64::from(*value))
}

/// Whether those who should list the heads do.
fn presence(hydra: &Hydra) -> Answer {
    let status = &hydra.status;
    let known = status.presence_listed.zip(status.presence_asked).filter(|(_, asked)| *asked > 0);
    let Some((listed, asked)) = known else {
        return Answer::new("presence", Level::Off, vec!["not measured yet".to_owned()], "—".to_owned());
    };
    let level = if 2 * u64::from(listed) >= u64::from(asked) { Level::Good } else { Level::Busy };
    let (listed, asked) = (count(listed.into()), count(asked.into()));
    let mut parts = vec![format!("{listed} of the {asked} peers nearest to our heads list them")];
    if status.state() == DaemonState::NoPeers {
        parts.push("as last measured".to_owned());
    }
    Answer::new("presence", level, parts, format!("{listed}/{asked}"))
}

fn belly(hydra: &Hydra) -> Answer {
    let status = &hydra.status;
    let records = count(status.records);
    let size = if status.belly_limit_bytes > 0 {
        let (used, limit) = number::bytes_of(status.belly_bytes, status.belly_limit_bytes);
        format!("{used}/{limit}")
    } else {
        number::bytes(status.belly_bytes)
    };
    if let Some(warming) = &status.belly_warming {
        let mut parts =
            vec![if warming.day_read { "reading what is older" } else { "reading the last 24 h" }.to_owned()];
        parts.extend(reading(warming));
        return Answer::new("belly", Level::Busy, parts, format!("reading, {records}"));
    }
    if status.records == 0 {
        let since = number::span(status.uptime_seconds);
        let why = match status.heads_serving {
            0 => "0 records: no head serves yet".to_owned(),
            _ => format!("no ADD_PROVIDER yet, {since} after start"),
        };
        let parts = vec![why, "wait: first in 10–30 min, all in 22 h".to_owned()];
        return Answer::new("belly", Level::Off, parts, "0 records".to_owned());
    }
    let mut parts = vec![format!("{records} records"), size.clone()];
    parts.extend(status.commit_p99_seconds.map(|p99| format!("commit p99 {}", number::millis(p99))));
    parts.push(format!("a crash loses ≤ {} s", number::rate(status.unsaved_max_seconds)));
    Answer::new("belly", Level::Good, parts, format!("{records}, {}", size.replace(".0 ", " ")))
}

/// How far the belly is read: what heads wait for, then the rest.
#[must_use]
pub fn reading(warming: &BellyWarming) -> Vec<String> {
    let (read, of, left) = if warming.day_read {
        (warming.records, warming.records_expected, warming.left_seconds)
    } else {
        (warming.day_records, warming.day_records_expected, warming.day_left_seconds)
    };
    let mut parts = vec![format!("{} of ≈ {} records", count(read), count(of))];
    parts.extend(warming.records_per_second.map(|rate| format!("{}/s", number::rate(rate))));
    parts.extend(left.map(|left| format!("{} to go", number::span(left.ceil()))));
    parts
}

fn requests(hydra: &Hydra) -> Answer {
    let status = &hydra.status;
    let all = number::rate_or_none(hydra.requests());
    let level = match (status.heads_serving, status.state()) {
        (0, DaemonState::Starting | DaemonState::Warming) => Level::Busy,
        (0, _) => Level::Off,
        _ if matches!(all.as_str(), "0" | "—") => Level::Off,
        _ => Level::Good,
    };
    let mut parts = vec![format!("{all}/s in")];
    let p99 = status.get_providers_p99_seconds_1m.map(|p99| format!("p99 {}", number::millis(p99)));
    let found = status.found_ratio_10m.map(|ratio| format!("{} found (10 min)", number::percent(ratio)));
    let get: Vec<String> = p99.into_iter().chain(found).collect();
    if status.heads_serving == 0 {
        parts.push("no head serves".to_owned());
    } else if get.is_empty() {
        parts.push("no GET_PROVIDERS in 10 min".to_owned());
    } else {
        parts.push(format!("GET_PROVIDERS {}", get.join(", ")));
    }
    Answer::new("requests", level, parts, format!("{all}/s"))
}

/// How keys are looked up that were asked for and not here.
fn prefetch(hydra: &Hydra) -> Option<Answer> {
    let summary = hydra.status.prefetch.as_ref()?;
    let (waiting, limit) = (count(summary.waiting), count(summary.waiting_limit));
    let keys = format!("{waiting} of {limit} keys wait");
    if !summary.paused_reason.is_empty() {
        let parts = vec![format!("paused: {}", summary.paused_reason), keys];
        return Some(Answer::new("prefetch", Level::Off, parts, "paused".to_owned()));
    }
    let mut parts = vec![format!("queue {waiting} of {limit}")];
    if summary.misses_10m > 0 {
        let found = number::percent(summary.found_10m as f64 / summary.misses_10m as f64);
        parts.push(format!("{found} of {} misses found (10 min)", count(summary.misses_10m)));
    } else {
        parts.push("no misses in 10 min".to_owned());
    }
    parts.push(format!("{} look-ups begun in 1 min", count(summary.walks_1m)));
    let level = if summary.misses_10m > 0 { Level::Good } else { Level::Off };
    Some(Answer::new("prefetch", level, parts, format!("{waiting} wait")))
}

/// `queue 12, but full 03:05:58–03:06:50: source timed out`.
pub(super) fn queue_was_full(answer: &mut Answer, warning: &Warning) {
    let now = answer.parts.first().map_or("queue", |part| part.split(" of ").next().unwrap_or("queue"));
    let clock = |at: Option<prost_types::Timestamp>| at.map(|at| number::clock(at.seconds));
    let when = match (clock(warning.since), clock(warning.until)) {
        (Some(since), Some(until)) => format!(", but full {since}–{until}"),
        (Some(since), None) => format!(", full since {since}"),
        _ => ", full".to_owned(),
    };
    // what comes before the colon is in this line already
    let cause = warning.text.split_once(": ").map_or(warning.text.as_str(), |(_, cause)| cause);
    // which source it was stands in its tab
    let cause = match cause.split_once(' ') {
        Some((url, rest)) if url.starts_with("http") => format!("source {rest}"),
        _ => cause.to_owned(),
    };
    let waiting = now.trim_start_matches("queue ").to_owned();
    let brief = if warning.until.is_some() { "was full" } else { "full" };
    answer.parts = vec![format!("{now}{when}: {cause}"), warning.remedy.clone()];
    answer.parts.retain(|part| !part.is_empty());
    answer.brief = format!("{waiting}, {brief}");
}
