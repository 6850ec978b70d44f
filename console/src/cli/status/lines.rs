//! The lines of `status`, as a function of the answer.

use crate::cli::records::reading;
use crate::output::dto::{Check, Door, Drop, Head, HeadsTarget, Status, Warning};
use crate::output::look::{Look, Tone};
use crate::output::text::{latency, ranges};

/// A question of *Is it well?* and its answer.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Line {
    /// The worst of what it tells.
    pub(super) tone: Tone,
    label: String,
    answer: String,
    /// What to do.
    remedy: Option<String>,
    /// What else there is to say, a line each.
    more: Vec<String>,
}

impl Line {
    fn new(tone: Tone, label: &str, answer: impl Into<String>) -> Self {
        Self { tone, label: format!("{label:<10}"), answer: answer.into(), remedy: None, more: Vec::new() }
    }

    /// The line as printed, and the remedy below it.
    pub(super) fn text(&self, look: &Look) -> String {
        let symbol = look.paint(self.tone, self.tone.symbol());
        let mut text = format!("{symbol} {} {}\n", self.label, self.answer);
        for line in self.remedy.iter().chain(&self.more) {
            text += &format!("  {line}\n");
        }
        text
    }
}

/// All lines, the header first.
pub(super) fn lines(status: &Status, heads: &[Head], look: &Look) -> Vec<Line> {
    let mut lines = vec![header(status, look), heads_line(status, heads)];
    lines.extend(reached(status));
    lines.push(peers(status, look));
    lines.extend(presence(status, look));
    lines.extend(status.heads_target.as_ref().map(|target| target_line(target, look)));
    lines.push(belly(status, look));
    lines.push(requests(status, look));
    lines.extend(doors(status, look));
    // What the peers line already says is not said twice.
    let said = |warning: &&Warning| !lines.iter().any(|line| line.answer.ends_with(&warning.text));
    let warnings: Vec<Line> =
        status.warnings.iter().filter(said).map(|warning| warning_line(warning, look)).collect();
    lines.extend(warnings);
    lines
}

fn header(status: &Status, look: &Look) -> Line {
    let (tone, state) = match status.state {
        "serving" => (Tone::Good, "serving"),
        "starting" | "warming" | "draining" => (Tone::Progress, status.state),
        "overloaded" => (Tone::Look, "overloaded"),
        "no_peers" => (Tone::Broken, "no peers"),
        other => (Tone::Off, other),
    };
    let load = if status.load_level == 0 {
        "load 0 normal".to_owned()
    } else {
        format!("load {}", status.load_level)
    };
    let at = status.at.map(|at| {
        let clock = look.clock(at.0);
        if look.terminal { format!(" · {clock} UTC") } else { format!(" · {clock}") }
    });
    Line {
        tone,
        label: format!("{} ", status.name),
        answer: format!(
            "{state} · {load} · up {} · hydrad {}{}",
            look.span(status.uptime_seconds),
            status.version,
            at.unwrap_or_default()
        ),
        remedy: None,
        more: Vec::new(),
    }
}

/// How many serve; of those that do not, which and why.
fn heads_line(status: &Status, heads: &[Head]) -> Line {
    let mut answer = format!("{} of {} serve", status.heads_serving, status.heads);
    if status.heads == 0 {
        let mut line = Line::new(Tone::Off, "heads", "none");
        line.remedy = Some("hydractl heads add 5".to_owned());
        return line;
    }
    let mut tone = if status.heads == status.heads_serving { Tone::Good } else { Tone::Progress };
    for state in Head::STATES.into_iter().filter(|&state| state != "serving") {
        let those: Vec<&Head> = heads.iter().filter(|head| head.state == state).collect();
        let Some(first) = those.first() else { continue };
        let names: Vec<String> = those.iter().map(|head| head.name.clone()).collect();
        answer += &format!(" · {} {state}: {}", those.len(), ranges(&names));
        if let Some(reason) = &first.state_reason {
            answer += &format!(" ({reason})");
        }
        tone = match (state, tone) {
            ("failed", _) => Tone::Broken,
            // Whoever stopped a head knows; it is neither progress nor a fault.
            ("stopped", Tone::Progress) if those.len() == not_serving(heads) => Tone::Off,
            (_, tone) => tone,
        };
    }
    Line::new(tone, "heads", answer)
}

/// Where the number of heads goes by itself, and why.
fn target_line(target: &HeadsTarget, look: &Look) -> Line {
    let tone = match target.course.as_str() {
        "grow" | "shrink" => Tone::Progress,
        _ if target.wanted.is_none() => Tone::Off,
        _ => Tone::Good,
    };
    let wanted = target.wanted.map_or_else(|| "—".to_owned(), |wanted| look.count(wanted.into()));
    let mut answer = format!("{}: {wanted} heads wanted · {}", target.setting, target.reason);
    if let Some(at) = target.next_at {
        let next = if look.terminal {
            format!("in {}", look.left(Some(at.0)).unwrap_or_default())
        } else {
            format!("at {}", look.clock(at.0))
        };
        answer += &format!(" · the next {next}");
    }
    Line::new(tone, "target", answer)
}

/// Where other programs may ask, and which of that the whole world may.
fn doors(status: &Status, look: &Look) -> Option<Line> {
    let one = |door: &Door| {
        let open = if door.exposed { " (other machines reach it)" } else { "" };
        format!("{} {}{open}", door.name, door.addresses.join(" "))
    };
    let connections: u64 = status.doors.iter().map(|door| u64::from(door.connections)).sum();
    let answer = status.doors.iter().map(one).collect::<Vec<_>>().join(" · ");
    let answer = format!("{answer} · {} connections", look.count(connections));
    (!status.doors.is_empty()).then(|| Line::new(Tone::Good, "doors", answer))
}

fn not_serving(heads: &[Head]) -> usize {
    heads.iter().filter(|head| head.state != "serving").count()
}

/// Whether strangers can dial the heads; why not is the peers' line.
fn reached(status: &Status) -> Option<Line> {
    let (tcp, quic) = status.reached_tcp.zip(status.reached_quic)?;
    let heads = status.heads;
    let tone = if tcp.max(quic) >= heads { Tone::Good } else { Tone::Progress };
    Some(Line::new(
        tone,
        "reached",
        format!("tcp {tcp}/{heads}, quic {quic}/{heads} heads dialled back by peers"),
    ))
}

/// Whether those who should list our heads do.
fn presence(status: &Status, look: &Look) -> Option<Line> {
    let (listed, asked) =
        status.presence_listed.zip(status.presence_asked).filter(|(_, asked)| *asked > 0)?;
    let tone = if 2 * listed >= asked { Tone::Good } else { Tone::Progress };
    let (listed, asked) = (look.count(u64::from(listed)), look.count(u64::from(asked)));
    Some(Line::new(tone, "presence", format!("{listed} of the {asked} peers nearest to our heads list them")))
}

/// The peers, or the first cause of there being none.
fn peers(status: &Status, look: &Look) -> Line {
    if status.peers_live == 0 && status.peers_connected == 0 {
        return no_peers(status, look);
    }
    let failing = first(&status.network, "fail").or_else(|| first(&status.network, "warn"));
    let answer = format!(
        "{} live · {} connected · {} connections, in {} / out {}",
        look.count(status.peers_live),
        look.count(status.peers_connected),
        look.count(status.connections_in + status.connections_out),
        look.count(status.connections_in),
        look.count(status.connections_out)
    );
    let Some(check) = failing else { return Line::new(Tone::Good, "peers", answer) };
    let tone = if check.result == "fail" { Tone::Broken } else { Tone::Look };
    let mut line = Line::new(tone, "peers", format!("{answer} · {}", check.evidence));
    line.remedy.clone_from(&check.remedy);
    line
}

/// ✖ when a step is broken, ◐ while there is still hope.
fn no_peers(status: &Status, look: &Look) -> Line {
    let broken = first(&status.network, "fail");
    let unfinished = broken.or_else(|| status.network.iter().find(|check| check.result != "ok"));
    let tone = if broken.is_some() || status.state == "no_peers" { Tone::Broken } else { Tone::Progress };
    let lasting =
        status.warnings.iter().find(|warning| warning.severity == "fail" && warning.until_at.is_none());
    let since = lasting.and_then(|warning| warning.since_at).map(|since| {
        if look.terminal {
            format!(" for {}", look.age(Some(since.0)).unwrap_or_default())
        } else {
            format!(" since {}", look.clock(since.0))
        }
    });
    let reason = unfinished.map_or("the daemon does not say why", |check| check.evidence.as_str());
    Line {
        tone,
        label: String::from("no peers") + &since.unwrap_or_default() + ":",
        answer: reason.to_owned(),
        remedy: unfinished.and_then(|check| check.remedy.clone()),
        more: Vec::new(),
    }
}

fn first<'a>(checks: &'a [Check], result: &str) -> Option<&'a Check> {
    checks.iter().find(|check| check.result == result)
}

fn belly(status: &Status, look: &Look) -> Line {
    let limit = status.belly_limit_bytes.unwrap_or(0);
    let mut parts =
        vec![format!("{} records", look.count(status.records)), look.size_of(status.belly_bytes, limit)];
    if let Some(p99) = status.commit_p99_seconds {
        parts.push(format!("commit p99 {} (1 min)", latency(p99)));
    }
    parts.push(format!("a crash loses ≤ {} s", (status.unsaved_max_seconds * 10.0).round() / 10.0));
    let tone = if status.records == 0 { Tone::Off } else { Tone::Good };
    let mut line = Line::new(tone, "belly", parts.join(" · "));
    if let Some(warming) = &status.belly_warming {
        line = Line::new(Tone::Progress, "belly", reading(warming, look));
        line.remedy = Some(match warming.day_read {
            true => "what is older than a day is read while heads serve".to_owned(),
            false => "heads do not offer the DHT before: half a belly misleads".to_owned(),
        });
    }
    line.more.extend(dropped(status, look));
    line
}

/// What the belly refused or lost, by reason.
fn dropped(status: &Status, look: &Look) -> Option<String> {
    let belly = |drop: &Drop| Some((drop.reason.strip_prefix("belly_")?.to_owned(), drop.count));
    let mut drops: Vec<(String, u64)> = status.drops.iter().filter_map(belly).collect();
    drops.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    let each: Vec<String> =
        drops.iter().map(|(why, count)| format!("{why} {}", look.count(*count))).collect();
    (!each.is_empty()).then(|| format!("refused or lost since the start: {}", each.join(" · ")))
}

fn requests(status: &Status, look: &Look) -> Line {
    let Some(rate) = status.requests_per_second_1m else {
        return Line::new(Tone::Off, "requests", "not measured yet");
    };
    let mut answer = format!("{}/s in", look.rate(rate));
    if let Some(p99) = status.get_providers_p99_seconds_1m {
        answer += &format!(" · GET_PROVIDERS p99 {} (1 min)", latency(p99));
    }
    if let Some(found) = status.found_ratio_10m {
        let separator = if status.get_providers_p99_seconds_1m.is_some() { "," } else { " · GET_PROVIDERS" };
        answer += &format!("{separator} {:.0} % found (10 min)", found * 100.0);
    }
    Line::new(if rate > 0.0 { Tone::Good } else { Tone::Off }, "requests", answer)
}

fn warning_line(warning: &Warning, look: &Look) -> Line {
    let tone = match (warning.severity, warning.until_at) {
        ("fail", None) => Tone::Broken,
        _ => Tone::Look,
    };
    let when = match (warning.since_at, warning.until_at) {
        (Some(since), Some(until)) => format!("{}–{} ", look.clock(since.0), look.clock(until.0)),
        (Some(since), None) => format!("since {} ", look.clock(since.0)),
        _ => String::new(),
    };
    let mut line = Line::new(tone, "warning", format!("{when}{}", warning.text));
    line.remedy.clone_from(&warning.remedy);
    line
}
