//! The checks that the daemon's answers give. Pure.

use super::{Answers, Found, Part};
use crate::output::dto::{Check, Network, PrefetchStatus, Status, Warning};
use crate::output::text::{commas, latency, size_of};

/// Heads of one IP group that a Go peer lists.
const GROUP_MAX: u32 = 3;

/// Share of a router's answers that may be missing, and how many must have been asked for.
const MISSING_RATIO: f64 = 0.05;
const MISSING_OF: u64 = 20;

/// Warnings that checks of their own tell: code, check, part.
const WARNINGS: &[(&str, &str, Part)] = &[
    ("FILES_NEAR_LIMIT", "files", Part::Host),
    ("CONNECTIONS_NEAR_LIMIT", "conns", Part::Host),
    ("MEMORY_NEAR_LIMIT", "memory", Part::Host),
    ("HEAD_FAILED", "heads", Part::Reach),
    ("NETWORK_SIZES_DIFFER", "size", Part::Network),
    ("BELLY_TROUBLE", "belly", Part::Belly),
    ("PREFETCH_QUEUE_FULL", "queue", Part::Prefetch),
];

/// All of them, in the order in which things break.
pub(super) fn checks(answers: &Answers) -> Vec<Found> {
    let status = &answers.status;
    let mut found = limits(status);
    found.extend(status.network.iter().filter(|check| check.check != "files").map(told));
    found.push(heads(status));
    found.push(size(answers.network.as_ref()));
    found.extend(answers.network.iter().flat_map(groups));
    found.push(belly(status));
    found.push(queue(status));
    found.extend(answers.prefetch.iter().flat_map(sources));
    // what lasts and no check above has told
    for warning in status.warnings.iter().filter(|warning| warning.until_at.is_none()) {
        if let Some((_, name, _)) = WARNINGS.iter().find(|(code, ..)| *code == warning.code) {
            if let Some(row) = found.iter_mut().find(|row| row.check.check == *name) {
                *row = of_warning(warning);
            }
        } else if !found.iter().any(|row| row.check.evidence == warning.text) {
            found.push(of_warning(warning));
        }
    }
    // the parts stand together
    found.sort_by_key(|found| found.part as u8);
    found
}

/// A step that the daemon checks itself.
fn told(check: &Check) -> Found {
    let part = match check.check.as_str() {
        "clock" | "files" => Part::Host,
        "ports" | "reach" | "address" | "inbound" => Part::Reach,
        "presence" => Part::Presence,
        _ => Part::Network,
    };
    let result = match check.result {
        told @ ("ok" | "warn" | "fail") => told,
        // not known yet, or follows from another
        _ => "skip",
    };
    Found { part, check: Check { result, ..check.clone() } }
}

fn of_warning(warning: &Warning) -> Found {
    let known = WARNINGS.iter().find(|(code, ..)| *code == warning.code);
    let lower = warning.code.to_lowercase();
    let (name, part) = known.map_or((lower.as_str(), Part::Host), |(_, name, part)| (*name, *part));
    let result = if warning.severity == "fail" { "fail" } else { "warn" };
    let found = Found::new(part, name, result, &warning.text);
    warning.remedy.iter().fold(found, Found::remedy)
}

/// What runs out.
fn limits(status: &Status) -> Vec<Found> {
    let of = |used: u64, limit: Option<u64>| match limit {
        Some(limit) => format!("{} of {}", commas(used), commas(limit)),
        None => commas(used),
    };
    let a_head = match status.heads {
        0 => String::new(),
        heads => format!("; {} a head", commas(status.files_open / u64::from(heads))),
    };
    let limit = status.files_limit.map_or_else(String::new, |limit| format!(" of {}", commas(limit)));
    let files = format!("{} open{limit}{a_head}", commas(status.files_open));
    let exhausted =
        status.network.iter().find(|check| check.check == "files" && check.result != "ok").map(told);
    let connections = status.connections_in + status.connections_out;
    vec![
        exhausted.unwrap_or_else(|| Found::new(Part::Host, "files", "ok", files)),
        Found::new(Part::Host, "conns", "ok", of(connections, status.connections_limit)),
        Found::new(
            Part::Host,
            "memory",
            "ok",
            size_of(status.rss_bytes, status.memory_limit_bytes.unwrap_or(status.rss_bytes)),
        ),
    ]
}

fn heads(status: &Status) -> Found {
    let text = format!("{} of {} serve", status.heads_serving, status.heads);
    match (status.heads_serving, status.heads) {
        (_, 0) => Found::new(Part::Reach, "heads", "warn", "there are none").remedy("hydractl heads add 5"),
        (serving, heads) if serving == heads => Found::new(Part::Reach, "heads", "ok", text),
        _ => Found::new(Part::Reach, "heads", "skip", format!("{text}; hydractl heads list says why")),
    }
}

fn size(network: Option<&Network>) -> Found {
    let crawl = network.and_then(|network| network.size_by_crawl);
    let distance = network.and_then(|network| network.size_by_distance);
    match (crawl, distance) {
        (Some(crawl), Some(distance)) => {
            let text = format!("{} servers by crawl, {} by distance", commas(crawl), commas(distance));
            Found::new(Part::Network, "size", "ok", text)
        }
        _ => Found::new(Part::Network, "size", "skip", "not measured in both ways yet"),
    }
}

/// Groups that earn nothing by another head.
fn groups(network: &Network) -> Vec<Found> {
    let full = network.head_groups.iter().filter(|group| group.heads >= GROUP_MAX);
    let one = |(group, heads): (&str, u32)| {
        let more = if heads == GROUP_MAX { "no fourth".to_owned() } else { format!("{GROUP_MAX} of them") };
        // a whole network of an operator (AS64500) is one, too
        let next = group.rsplit_once('/').map_or("network".to_owned(), |(_, bits)| format!("/{bits}"));
        let text = format!("{group} holds {heads} heads, Go peers list {more}");
        Found::new(Part::Presence, "groups", "warn", text)
            .remedy(format!("put the next head on another {next}"))
    };
    let warned: Vec<Found> = full.map(|group| (group.group.as_str(), group.heads)).map(one).collect();
    if !warned.is_empty() || network.head_groups.is_empty() {
        return warned;
    }
    let text = format!("no address group holds {GROUP_MAX} heads or more");
    vec![Found::new(Part::Presence, "groups", "ok", text)]
}

fn belly(status: &Status) -> Found {
    if let Some(warming) = &status.belly_warming {
        let text = format!("being read: {} records so far", commas(warming.records));
        return Found::new(Part::Belly, "belly", "skip", text);
    }
    let room = size_of(status.belly_bytes, status.belly_limit_bytes.unwrap_or(status.belly_bytes));
    let mut text = format!("{} records, {room}", commas(status.records));
    if let Some(p99) = status.commit_p99_seconds {
        text += &format!(", commit p99 {} (1 min)", latency(p99));
    }
    Found::new(Part::Belly, "belly", "ok", text)
}

fn queue(status: &Status) -> Found {
    let Some(summary) = &status.prefetch else {
        return Found::new(Part::Prefetch, "queue", "skip", "this hydrad does not tell");
    };
    if let Some(reason) = &summary.paused_reason {
        return Found::new(Part::Prefetch, "queue", "skip", format!("paused: {reason}"));
    }
    let text = format!("{} of {} keys wait", commas(summary.waiting), commas(summary.waiting_limit));
    Found::new(Part::Prefetch, "queue", "ok", text)
}

/// Routers that fail, or one line that none does. Of the DHT itself some never answer.
fn sources(prefetch: &PrefetchStatus) -> Vec<Found> {
    let mut found = Vec::new();
    for source in &prefetch.sources {
        let missing = source.timed_out_10m + source.failed_10m;
        let many =
            source.asked_10m >= MISSING_OF && missing as f64 >= source.asked_10m as f64 * MISSING_RATIO;
        let (name, asked) = (&source.name, commas(source.asked_10m));
        let text = match &source.trouble {
            Some(trouble) => format!("{name}: {trouble}"),
            None if source.name == "dht" || !many => continue,
            None if source.timed_out_10m >= source.failed_10m => {
                format!("{name} timed out {} of {asked} (10 min)", commas(source.timed_out_10m))
            }
            None => format!("{name} failed {} of {asked} (10 min)", commas(source.failed_10m)),
        };
        let remedy = "check it, or remove it from prefetch.routers";
        found.push(Found::new(Part::Prefetch, "source", "warn", text).remedy(remedy));
    }
    if found.is_empty() && !prefetch.sources.is_empty() {
        let names: Vec<&str> = prefetch.sources.iter().map(|source| source.name.as_str()).collect();
        found.push(Found::new(Part::Prefetch, "source", "ok", names.join(", ")));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture;
    use hydra_protocol::v1;

    fn answers(status: &v1::Status) -> Answers {
        Answers {
            status: Status::from(status),
            network: Some(Network::from(&fixture::network())),
            prefetch: Some(PrefetchStatus::from(&fixture::prefetch())),
        }
    }

    fn found(status: &v1::Status, name: &str) -> Check {
        let all = checks(&answers(status));
        all.into_iter().map(|found| found.check).find(|check| check.check == name).expect("a check")
    }

    #[test]
    fn a_warning_that_lasts_takes_the_place_of_its_check_and_one_that_ended_does_not() {
        let mut status = fixture::status();
        assert_eq!(found(&status, "queue").result, "ok", "it ended");
        status.warnings[0].until = None;
        let queue = found(&status, "queue");
        assert_eq!((queue.result, queue.evidence), ("warn", status.warnings[0].text.clone()));
        status.warnings[0].code = "DISK_ON_FIRE".to_owned();
        status.warnings[0].severity = v1::Finding::Fail.into();
        assert_eq!(found(&status, "disk_on_fire").result, "fail", "also one that this console does not know");
    }

    #[test]
    fn what_the_daemon_checked_is_told_once() {
        let status = fixture::status_without_peers();
        let all = checks(&answers(&status));
        let text = "0 of 5 bootstrap peers answered, last: no route to host";
        assert_eq!(all.iter().filter(|found| found.check.evidence == text).count(), 1);
        assert_eq!(found(&status, "outbound").result, "fail");
        assert_eq!(found(&status, "table").result, "skip", "it follows");
    }

    #[test]
    fn the_third_head_of_a_group_is_the_last_that_is_listed() {
        let mut network = Network::from(&fixture::network());
        network.head_groups[0].heads = 3;
        let warned = &groups(&network)[0].check;
        assert_eq!(warned.evidence, "203.0.0.0/16 holds 3 heads, Go peers list no fourth");
        assert_eq!(warned.remedy.as_deref(), Some("put the next head on another /16"));
        network.head_groups[0].heads = 2;
        assert_eq!(groups(&network)[0].check.result, "ok");
    }
}
