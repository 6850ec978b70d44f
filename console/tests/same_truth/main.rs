//! Same truth everywhere: whatever a screen shows, a command prints with the same value and unit.
//! One made-up daemon answers the screens and the commands; each row of the table names a fact,
//! where it stands on a screen, and where a command tells it.

#[path = "../common/mod.rs"]
mod common;
mod facts;
#[path = "../tui_common/mod.rs"]
mod tui_common;

use std::collections::HashMap;
use std::time::Duration;

use common::{Lerna, Reader};
use facts::FACTS;
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
