//! Same truth everywhere: whatever a screen shows, a command prints with the same value and unit.
//! One made-up daemon answers the screens and the commands; each row of the table names a fact,
//! where it stands on a screen, and where a command tells it.

mod common;
mod tui_common;

use std::collections::HashMap;
use std::time::Duration;

use common::{Lerna, Reader};
use hydractl::tui::connection::{Connection, Target, start};
use hydractl::tui::state::{Command, Message, State};
use serde_json::Value;
use tui_common::{keys, screen};

/// Where a fact stands on a screen.
#[derive(Clone, Copy, Debug)]
enum Seen {
    /// The number of this place, from 0, after a text, with its unit behind it.
    After(&'static str, usize),
    /// The cell of the row that begins so in the column of this title, whose unit is the title's.
    Cell(&'static str, &'static str),
}
use Seen::{After, Cell};

/// Keys that open the page; where it stands; its unit; the command; where in its JSON it is:
/// names and `name=value` of a list between slashes, several added by `+`.
type Fact = (&'static str, Seen, &'static str, &'static str, &'static str);

/// What a unit makes of the value that JSON tells in seconds, bytes, ones and shares of 1.
const UNITS: [(&str, f64); 12] = [
    ("", 1.0),
    ("/s", 1.0),
    ("s", 1.0),
    ("M", 1e-6),
    ("GB", 1e-9),
    ("MB/s", 1e-6),
    ("kB/s", 1e-3),
    ("/min", 60.0),
    ("bits", 1.0),
    ("resets/min", 60.0),
    ("ms", 1e3),
    ("%", 100.0),
];

const STATUS: &str = "status";
const HEADS: &str = "heads list";
const HEAD: &str = "heads show head-2";
const NETWORK: &str = "network";
const PREFETCH: &str = "prefetch status";
const BELLY: &str = "records stat";

const FACTS: &[Fact] = &[
    // the header, on every page
    ("", After("● serving", 0), "", STATUS, "heads_serving"),
    ("", After("● serving", 1), "", STATUS, "heads"),
    ("", After("load", 0), "", STATUS, "load_level"),
    // Overview
    ("", After("● reached   tcp", 0), "", STATUS, "reached_tcp"),
    ("", After("● reached   tcp 5/5, quic", 0), "", STATUS, "reached_quic"),
    ("", After("● peers", 0), "", STATUS, "peers_live"),
    ("", After("live in table · crawl", 0), "", NETWORK, "size_by_crawl"),
    ("", After("· by distance", 0), "", NETWORK, "size_by_distance"),
    ("", After("● presence", 0), "", STATUS, "presence_listed"),
    ("", After("of the", 0), "", STATUS, "presence_asked"),
    ("", After("● belly", 0), "M", STATUS, "records"),
    ("", After("M records ·", 0), "GB", STATUS, "belly_bytes"),
    ("", After("M records ·", 1), "GB", STATUS, "belly_limit_bytes"),
    ("", After("commit p99", 0), "ms", STATUS, "commit_p99_seconds"),
    ("", After("● requests", 0), "/s", STATUS, "requests_per_second_1m"),
    ("", After("GET_PROVIDERS p99", 0), "ms", STATUS, "get_providers_p99_seconds_1m"),
    ("", After("p99 0.6 ms,", 0), "%", STATUS, "found_ratio_10m"),
    ("", After("now 212 · found", 0), "%", STATUS, "found_ratio_10m"),
    ("", After("▲ prefetch  queue", 0), "", STATUS, "prefetch/waiting"),
    ("", After("Prefetch queue, keys", 0), "", PREFETCH, "waiting"),
    ("", After("· limit", 0), "", PREFETCH, "waiting_limit"),
    ("", After(" memory ", 0), "GB", STATUS, "rss_bytes"),
    ("", After(" memory ", 1), "GB", STATUS, "memory_limit_bytes"),
    ("", After(" disk ", 0), "GB", STATUS, "belly_bytes"),
    ("", After(" disk ", 1), "GB", STATUS, "belly_limit_bytes"),
    ("", After(" conns ", 0), "", STATUS, "connections_in+connections_out"),
    ("", After(" conns ", 1), "", STATUS, "connections_limit"),
    ("", After(" files ", 0), "", STATUS, "files_open"),
    ("", After(" files ", 1), "", STATUS, "files_limit"),
    (
        "",
        After("ADD_PROVIDER accepted /s, all heads", 0),
        "",
        "stats list",
        "name=requests.add_provider/value",
    ),
    ("", After("GET_PROVIDERS /s, all heads", 0), "", "stats list", "name=requests.get_providers/value"),
    ("", After("Connections, all heads", 0), "", STATUS, "connections_in+connections_out"),
    ("", After("Connections, all heads               now 2,412 · in", 0), "", STATUS, "connections_in"),
    // Heads
    ("2", Cell("head-0", "CONNS"), "", HEADS, "name=head-0/connections_in+name=head-0/connections_out"),
    ("2", Cell("head-2", "CONNS"), "", HEADS, "name=head-2/connections_in+name=head-2/connections_out"),
    ("2", Cell("head-4", "PRES"), "", HEADS, "name=head-4/presence_listed"),
    ("2", Cell("head-0", "REQ/s"), "", HEADS, "name=head-0/requests_per_second_1m"),
    ("2", Cell("head-1", "REQ/s"), "", HEADS, "name=head-1/requests_per_second_1m"),
    ("2", Cell("head-2", "REQ/s"), "", HEADS, "name=head-2/requests_per_second_1m"),
    ("2", Cell("head-3", "REQ/s"), "", HEADS, "name=head-3/requests_per_second_1m"),
    ("2", Cell("head-4", "REQ/s"), "", HEADS, "name=head-4/requests_per_second_1m"),
    ("2", Cell("head-1", "ADD/s"), "", HEADS, "name=head-1/add_provider_per_second_1m"),
    ("2", Cell("head-1", "GET/s"), "", HEADS, "name=head-1/get_providers_per_second_1m"),
    ("2", Cell("head-1", "FIND/s"), "", HEADS, "name=head-1/find_node_per_second_1m"),
    ("2", Cell("head-3", "  IN"), "MB/s", HEADS, "name=head-3/in_bytes_per_second_1m"),
    ("2", Cell("head-3", "  OUT RST/m"), "MB/s", HEADS, "name=head-3/out_bytes_per_second_1m"),
    ("2", Cell("head-2", "RST/m"), "/min", HEADS, "name=head-2/resets_per_second_1m"),
    ("2", Cell(" all", "REQ/s"), "", STATUS, "requests_per_second_1m"),
    ("2", Cell(" all", "CONNS"), "", STATUS, "connections_in+connections_out"),
    ("2", Cell(" all", "  PRES"), "", STATUS, "presence_listed"),
    // Head
    ("2jj<Enter>", After("index", 0), "", HEAD, "index"),
    ("2jj<Enter>", After("nearest peers ·", 0), "", HEAD, "presence_listed"),
    ("2jj<Enter>", After("all  ", 0), "", STATUS, "peers_live"),
    ("2jj<Enter>", After("ADD_PROVIDER ", 0), "", HEAD, "add_provider_per_second_1m"),
    ("2jj<Enter>", After("GET_PROVIDERS ", 0), "", HEAD, "get_providers_per_second_1m"),
    ("2jj<Enter>", After("FIND_NODE ", 0), "", HEAD, "find_node_per_second_1m"),
    ("2jj<Enter>", After("connections  481: in", 0), "", HEAD, "connections_in"),
    ("2jj<Enter>", After("connections  481: in 401, out", 0), "", HEAD, "connections_out"),
    ("2jj<Enter>", After("out 80 ·", 0), "MB/s", HEAD, "in_bytes_per_second_1m"),
    ("2jj<Enter>", After("MB/s in, 0.38 out ·", 0), "resets/min", HEAD, "resets_per_second_1m"),
    ("2jj<Enter>", After("presence  ", 0), "", HEAD, "presence_listed"),
    ("2jj<Enter>", After("presence  ", 1), "", HEAD, "presence_asked"),
    // Peers
    ("3", After("0… to f… ·", 0), "", STATUS, "peers_live"),
    ("3", After("Agents of the", 0), "", STATUS, "peers_live"),
    ("3", After("Live peers in the table", 0), "", NETWORK, "peers_live"),
    ("3", After("tcp  ", 0), "", STATUS, "connections_tcp"),
    ("3", After("quic    ", 0), "", STATUS, "connections_quic"),
    ("3", After(" in    ", 0), "", STATUS, "connections_in"),
    ("3", After(" out     ", 0), "", STATUS, "connections_out"),
    ("3", After("─ Peers 3,486 ·", 0), "", STATUS, "peers_connected"),
    ("3", After("connected · ≈", 0), "", "peers unique", "hour_at=null&seen_by=any/peers"),
    ("3", Cell("▸12D3…vBt7115", "ADD/min"), "", "peers list", "peer_id=…vBt7115/add_provider_per_minute"),
    ("3", Cell("▸12D3…vBt7115", "     RTT"), "ms", "peers list", "peer_id=…vBt7115/rtt_seconds"),
    ("3", Cell(" 12D3…a99P11U", "ADD/min"), "", "peers list", "peer_id=…a99P11U/add_provider_per_minute"),
    ("3", Cell(" 12D3…a99P11U", "     RTT"), "ms", "peers list", "peer_id=…a99P11U/rtt_seconds"),
    ("3", Cell(" 12D3…Vis6135", "ADD/min"), "", "peers list", "peer_id=…Vis6135/add_provider_per_minute"),
    // a peer
    ("3j<Enter>", After("round trip", 0), "ms", "peers show …a99P11U", "rtt_seconds"),
    ("3j<Enter>", After("ADD_PROVIDER", 0), "", "peers show …a99P11U", "add_provider_per_minute"),
    ("3j<Enter>", After("nearest head head-0,", 0), "bits", "peers show …a99P11U", "shared_bits"),
    // Records
    ("4", After("announced ", 0), "M", BELLY, "records"),
    ("4", After("providers ", 0), "", BELLY, "providers"),
    ("4", After("· values", 0), "", BELLY, "values"),
    ("4", After("· prefetched", 0), "", PREFETCH, "records_kept"),
    ("4", After("not on disk yet", 0), "", BELLY, "records_unsaved"),
    ("4", After("(a crash loses ≤", 0), "s", BELLY, "unsaved_max_seconds"),
    ("4", After("far_shed", 0), "", BELLY, "drops/reason=far_shed/count"),
    ("4", After("key_displaced", 0), "", BELLY, "drops/reason=key_displaced/count"),
    ("4", Cell("1  bafk…", "REQUESTS"), "", "records top", "rank=1/requests"),
    ("4", Cell("1  bafk…", "PROVIDERS"), "", "records top", "rank=1/providers"),
    ("4", Cell("2  bafk…", "MISSED"), "%", "records top", "rank=2/missed_ratio"),
    ("4", Cell("3  bafk…", "REQUESTS"), "", "records top", "rank=3/requests"),
    ("4", Cell("3  bafk…", "MISSED"), "%", "records top", "rank=3/missed_ratio"),
    ("4", Cell("d3…", "    REQUESTS  × USUAL"), "", "records top --regions", "prefix_hex=d3/reads"),
    ("4", Cell("64…", "    REQUESTS  × USUAL"), "", "records top --regions", "prefix_hex=64/reads"),
    // Prefetch
    ("5", After("● running ·", 0), "", PREFETCH, "lookups"),
    ("5", After("● running · 24 of", 0), "", PREFETCH, "lookups_limit"),
    ("5", After("lookups ·", 0), "", PREFETCH, "waiting"),
    ("5", After("oldest", 0), "s", PREFETCH, "oldest_waiting_seconds"),
    ("5", After("· keeps", 0), "", PREFETCH, "records_kept"),
    ("5", After("What became of", 0), "", PREFETCH, "misses_10m"),
    ("5", Cell(" found ", "1 min"), "", PREFETCH, "outcomes_1m/found"),
    ("5", Cell(" found ", "10 min   SHARE"), "", PREFETCH, "outcomes_10m/found"),
    ("5", Cell(" not found", "1 min"), "", PREFETCH, "outcomes_1m/not_found"),
    ("5", Cell(" not found", "10 min   SHARE"), "", PREFETCH, "outcomes_10m/not_found"),
    ("5", Cell(" timed out ", "1 min"), "", PREFETCH, "outcomes_1m/timed_out"),
    ("5", Cell(" timed out ", "10 min   SHARE"), "", PREFETCH, "outcomes_10m/timed_out"),
    ("5", Cell(" source failed", "1 min"), "", PREFETCH, "outcomes_1m/source_failed"),
    ("5", Cell(" source failed", "10 min   SHARE"), "", PREFETCH, "outcomes_10m/source_failed"),
    ("5", Cell(" refused <5 min", "1 min"), "", PREFETCH, "outcomes_1m/refused_5m"),
    ("5", Cell(" refused <5 min", "10 min   SHARE"), "", PREFETCH, "outcomes_10m/refused_5m"),
    ("5", Cell(" refused <1 h", "1 min"), "", PREFETCH, "outcomes_1m/refused_1h"),
    ("5", Cell(" refused <1 h", "10 min   SHARE"), "", PREFETCH, "outcomes_10m/refused_1h"),
    ("5", Cell(" queue full ", "1 min"), "", PREFETCH, "outcomes_1m/queue_full"),
    ("5", Cell(" queue full ", "10 min   SHARE"), "", PREFETCH, "outcomes_10m/queue_full"),
    ("5", Cell(" not ours", "1 min"), "", PREFETCH, "outcomes_1m/not_ours"),
    ("5", Cell(" not ours", "10 min   SHARE"), "", PREFETCH, "outcomes_10m/not_ours"),
    ("5", Cell(" joined", "1 min"), "", PREFETCH, "outcomes_1m/joined"),
    ("5", Cell(" joined", "10 min   SHARE"), "", PREFETCH, "outcomes_10m/joined"),
    ("5", Cell(" paused", "1 min"), "", PREFETCH, "outcomes_1m/paused"),
    ("5", Cell(" paused", "10 min   SHARE"), "", PREFETCH, "outcomes_10m/paused"),
    ("5", After("In flight", 0), "", PREFETCH, "lookups"),
    ("5", After("In flight 24, waiting", 0), "", PREFETCH, "waiting"),
    ("5", Cell(" asked ", "          dht"), "", PREFETCH, "sources/name=dht/asked_10m"),
    (
        "5",
        Cell(" asked ", "  routing.example"),
        "",
        PREFETCH,
        "sources/name=https:~~routing.example/asked_10m",
    ),
    ("5", After(" answered: none", 0), "", PREFETCH, "sources/name=dht/none_10m"),
    ("5", After(" answered: none", 1), "", PREFETCH, "sources/name=https:~~routing.example/none_10m"),
    ("5", After(" found by it alone", 0), "", PREFETCH, "sources/name=dht/found_alone_10m"),
    (
        "5",
        After(" found by it alone", 1),
        "",
        PREFETCH,
        "sources/name=https:~~routing.example/found_alone_10m",
    ),
    ("5", After("  failed  ", 1), "", PREFETCH, "sources/name=https:~~routing.example/failed_10m"),
    ("5", After(" p50 ", 0), "s", PREFETCH, "sources/name=dht/latency_p50_seconds"),
    ("5", After(" p50 ", 1), "s", PREFETCH, "sources/name=https:~~routing.example/latency_p50_seconds"),
    ("5", After(" p95 ", 0), "s", PREFETCH, "sources/name=dht/latency_p95_seconds"),
    ("5", After(" p99 ", 0), "s", PREFETCH, "sources/name=dht/latency_p99_seconds"),
    (
        "5",
        After("b5d0fc02c65b…  bafk…4nrslar3ii", 0),
        "s",
        "prefetch queue",
        "key_hex=b5d0fc02c65b…/age_seconds",
    ),
    (
        "5",
        After("b5d0fc02c65b…  bafk…4nrslar3ii", 1),
        "",
        "prefetch queue",
        "key_hex=b5d0fc02c65b…/peers_asked",
    ),
    // Network
    ("6", After("Servers that answered the crawl", 0), "", NETWORK, "size_by_crawl"),
    ("6", After("by crawl", 0), "", NETWORK, "size_by_crawl"),
    ("6", After("answered of", 0), "", NETWORK, "known"),
    ("6", After("by distance", 0), "", NETWORK, "size_by_distance"),
    ("6", After("±", 0), "", NETWORK, "size_by_distance_error"),
    ("6", After("±140, from", 0), "", NETWORK, "lookups_sampled"),
    ("6", After("difference", 0), "%", NETWORK, "difference_ratio"),
    ("6", After("≈", 0), "%", NETWORK, "coverage_ratio"),
    ("6", After("heads ·", 0), "%", NETWORK, "coverage_with_presence_ratio"),
    ("6", After("88 heads ~", 0), "%", NETWORK, "coverage_with/heads=88/coverage_ratio"),
    ("6", After("· 176 ~", 0), "%", NETWORK, "coverage_with/heads=176/coverage_ratio"),
    ("6", After("· 351 ~", 0), "%", NETWORK, "coverage_with/heads=351/coverage_ratio"),
    ("6", Cell(" all   ", "   /s"), "", STATUS, "requests_per_second_1m"),
    ("6", Cell(" ADD_PROVIDER", "   /s"), "", "stats list", "name=requests.add_provider/value"),
    ("6", Cell(" GET_PROVIDERS", "   /s"), "", "stats list", "name=requests.get_providers/value"),
    ("6", Cell(" GET_PROVIDERS", "p99 ms"), "ms", STATUS, "get_providers_p99_seconds_1m"),
    ("6", Cell(" GET_PROVIDERS", "p99.9 ms"), "ms", "stats list", "name=latency.get_providers.p999/value"),
    ("6", After("· heads", 0), "M", "stats list", "name=requests.bytes_in/value"),
    ("6", After("commit p99", 0), "ms", STATUS, "commit_p99_seconds"),
    ("6", After("ms ·", 0), "", STATUS, "records_unsaved"),
];

/// The page to which keys lead, drawn when the daemon has answered all that it asks.
async fn page(socket: std::path::PathBuf, script: &str) -> String {
    let mut connection = start(Target { socket: Some(socket), interval: Duration::from_secs(60) });
    let mut state = State::new(Duration::from_secs(1), true);
    while state.shown().is_none_or(|hydra| hydra.heads().next().is_none()) {
        state.apply(next(&mut connection).await, Duration::ZERO);
    }
    // a page asks more once it knows the first answer: the rows that it opens
    let (mut script, mut answered) = (script, Vec::new());
    loop {
        let (some, rest) = script.split_at(script.chars().next().map_or(0, char::len_utf8));
        let (some, rest) = match script.find('>') {
            Some(end) if some == "<" => script.split_at(end + 1),
            _ => (some, rest),
        };
        keys(&mut state, some);
        let wants = state.wants();
        connection.commands.send(Command::Want(wants.clone())).await.expect("the task lives");
        while wants.iter().any(|ask| !answered.contains(ask)) {
            let message = next(&mut connection).await;
            if let Message::Told { ask, .. } = &message {
                answered.push(ask.clone());
            }
            state.apply(message, Duration::ZERO);
        }
        if rest.is_empty() && state.wants().iter().all(|ask| answered.contains(ask)) {
            return screen(&state, 120, 36);
        }
        script = rest;
    }
}

async fn next(connection: &mut Connection) -> Message {
    let message = tokio::time::timeout(Duration::from_secs(60), connection.messages.recv()).await;
    message.expect("in time").expect("the task lives")
}

/// A number as it is written: its value, half of its last digit, where it begins and ends in
/// characters, and what stands behind it.
#[derive(Debug)]
struct Number {
    value: f64,
    half: f64,
    from: usize,
    to: usize,
    behind: String,
}

/// The numbers of a line; digits of names such as `head-2` and `p99` are none.
fn numbers(line: &str) -> Vec<Number> {
    let letters: Vec<char> = line.chars().collect();
    let mut found = Vec::new();
    let mut at = 0;
    while at < letters.len() {
        let of_name = at > 0 && (letters[at - 1].is_alphanumeric() || "-…".contains(letters[at - 1]));
        if !letters[at].is_ascii_digit() || of_name {
            at += 1;
            continue;
        }
        let part = |c: &char| c.is_ascii_digit() || ",.".contains(*c);
        let length = letters[at..].iter().take_while(|c| part(c)).count();
        let text: String = letters[at..at + length].iter().filter(|c| **c != ',').collect();
        let text = text.trim_end_matches('.');
        let places = text.split_once('.').map_or(0, |(_, after)| after.len());
        // an address is no number
        if let Ok(value) = text.parse() {
            found.push(Number {
                value,
                half: 0.5 * 0.1_f64.powi(i32::try_from(places).expect("few digits")),
                from: at,
                to: at + length,
                behind: letters[at + length..].iter().collect(),
            });
        }
        at += length;
    }
    found
}

/// The number that stands there.
fn seen(picture: &str, seen: Seen, unit: &str) -> Result<Number, String> {
    match seen {
        After(label, place) => {
            let (_, rest) = picture.split_once(label).ok_or_else(|| format!("nowhere {label:?}"))?;
            let mut all = numbers(rest.lines().next().unwrap_or_default());
            if place >= all.len() {
                return Err(format!("no number {place} after {label:?}"));
            }
            let number = all.swap_remove(place);
            // `47.7 / 80.0 GB`: the unit of both stands behind the last
            let behind = number.behind.trim_start_matches(|c: char| " /,.".contains(c) || c.is_ascii_digit());
            match behind.starts_with(unit) || number.behind.starts_with(unit) {
                true => Ok(number),
                false => {
                    Err(format!("{} after {label:?} is not in {unit:?} but {behind:.10?}", number.value))
                }
            }
        }
        Cell(row, title) => {
            let mut lines = picture.lines().skip_while(|line| !line.contains(title));
            let head = lines.next().ok_or_else(|| format!("no column {title:?}"))?;
            let from = head.split(title).next().unwrap_or_default().chars().count();
            let to = from + title.chars().count();
            let line = lines.find(|line| line.contains(row)).ok_or_else(|| format!("no row {row:?}"))?;
            let mut there = numbers(line).into_iter().filter(|number| number.from < to && number.to > from);
            there.next().ok_or_else(|| format!("nothing under {title:?} in {line:?}"))
        }
    }
}

/// What JSON tells at a path, added up.
fn told(json: &Value, path: &str) -> Option<f64> {
    let one = |path: &str| {
        let mut value = json.get("items").unwrap_or(json);
        for step in path.split('/') {
            value = match value.as_array() {
                Some(items) => items.iter().find(|item| step.split('&').all(|term| fits(item, term)))?,
                None => value.get(step)?,
            };
        }
        value.as_f64()
    };
    path.split('+').map(one).sum()
}

/// Whether a field is so, begins or ends so: `peer_id=…vBt7115`.
fn fits(item: &Value, term: &str) -> bool {
    let Some((field, wanted)) = term.split_once('=') else { return false };
    let wanted = wanted.replace('~', "/");
    let is = match &item[field] {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    match (wanted.strip_prefix('…'), wanted.strip_suffix('…')) {
        (Some(end), _) => is.ends_with(end),
        (_, Some(begin)) => is.starts_with(begin),
        _ => is == wanted,
    }
}

/// What a screen and a command say of the same thing, where they differ.
fn compare(&(script, place, unit, line, path): &Fact, picture: &str, json: &Value) -> Result<(), String> {
    let name = format!("{script:?} {place:?} and `{line}` {path}");
    let number = seen(picture, place, unit).map_err(|why| format!("{name}: {why}"))?;
    let factor = UNITS.iter().find(|(name, _)| *name == unit).expect("a unit of the table").1;
    let told = told(json, path).ok_or_else(|| format!("{name}: not told"))? * factor;
    // what is told is rounded where the screen rounds
    if (told - number.value).abs() > number.half * (1.0 + 1e-6) {
        return Err(format!("{name}: shown {} {unit}, told {told}", number.value));
    }
    Ok(())
}

fn json(lerna: &Lerna, line: &str) -> Value {
    let line = format!("{line} -o json");
    let outcome = lerna.run(&line, Reader::Pipe);
    assert_eq!(outcome.code, 0, "{}", outcome.whole(&line));
    serde_json::from_str(&outcome.out).unwrap_or_else(|error| panic!("{line}: {error}: {}", outcome.out))
}

#[test]
fn what_a_screen_shows_a_command_prints() {
    let lerna = Lerna::start();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let (mut pictures, mut answers) = (HashMap::new(), HashMap::new());
    let mut wrong = Vec::new();
    let mut broken = Vec::new();
    for fact in FACTS {
        let (script, _, _, line, _) = fact;
        let picture = pictures
            .entry(*script)
            .or_insert_with(|| runtime.block_on(page(lerna.hydrad.control().to_owned(), script)));
        let answer = answers.entry(*line).or_insert_with(|| json(&lerna, line));
        if let Err(why) = compare(fact, picture, answer) {
            wrong.push(why);
            broken.push(*script);
        }
    }
    broken.dedup();
    let pictures: Vec<&String> = broken.iter().filter_map(|script| pictures.get(script)).collect();
    let pictures = pictures.into_iter().fold(String::new(), |all, one| all + one + "\n");
    assert!(wrong.is_empty(), "{}\n{pictures}", wrong.join("\n"));
}
