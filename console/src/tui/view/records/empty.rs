//! In place of the panes while the belly has nothing: whether that is to be expected, and what
//! would be wrong.

use hydra_protocol::v1::DaemonState;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Span;

use super::super::paint::{self, left, span, title};
use super::super::theme::{Meaning, Theme};
use crate::tui::number::{self, count, rate};
use crate::tui::state::{Hydra, Level, State};

/// Until then an empty belly is nothing to mend.
const PATIENCE_SECONDS: f64 = 3_600.0;

/// There is no record, and none is still being read.
pub(super) fn is_empty(hydra: &Hydra) -> bool {
    let status = &hydra.status;
    let asked = hydra.feeds.belly().is_none_or(|belly| belly.records == 0 && belly.warming.is_none());
    status.records == 0 && status.belly_warming.is_none() && asked
}

pub(super) fn draw(buffer: &mut Buffer, area: Rect, state: &State, hydra: &Hydra, theme: &Theme) {
    let up = hydra.status.uptime_seconds;
    let expected = up < PATIENCE_SECONDS && hydra.status.state() != DaemonState::NoPeers;
    let verdict = if expected { ". That is expected for a first start" } else { "" };
    let what = format!("The belly is empty: 0 records after {}{verdict}", number::span(up));
    let unit = state.age().map_or_else(String::new, |_| format!("~ as of {}", number::clock(hydra.clock())));
    title(buffer, area, theme, &what, &unit);
    let (_, body) = paint::top(area, 1);
    let mut row = 0;
    for (name, level, text) in rows(hydra) {
        for (number, part) in paint::wrap(&text, body.width.saturating_sub(17)).into_iter().enumerate() {
            let name = if number == 0 { name } else { "" };
            let name = span(theme, Meaning::Title, format!(" {}", left(name, 15)));
            let part = match level {
                _ if state.age().is_some() => span(theme, Meaning::Old, part),
                Some(level) => span(theme, Meaning::Level(level), part),
                None => Span::raw(part),
            };
            paint::line(buffer, body, row, vec![name, part]);
            row += 1;
        }
    }
}

fn rows(hydra: &Hydra) -> Vec<(&'static str, Option<Level>, String)> {
    let status = &hydra.status;
    let presence = match (status.presence_listed, status.presence_asked) {
        (Some(listed), Some(asked)) => {
            format!("{listed} of the {asked} peers nearest to our heads list them; records follow presence")
        }
        _ => "not asked yet; records follow presence: peers must list our heads first".to_owned(),
    };
    let (fine, wrong) = findings(hydra);
    let mut rows = vec![
        ("presence", None, format!("{presence}, full 20–40 min after start")),
        ("received", None, received(hydra)),
        (
            "first record",
            None,
            "usually after 10–30 min; near its full size after 22 h, when every provider has announced once"
                .to_owned(),
        ),
    ];
    if !fine.is_empty() {
        rows.push(("not wrong", None, fine.join(" · ")));
    }
    if !wrong.is_empty() {
        rows.push(("wrong", Some(Level::Look), wrong.join(" · ")));
    }
    rows.push((
        "would be wrong",
        None,
        "presence below 20 of 100 after 60 min: then `hydractl doctor --only presence` (address groups, ports)"
            .to_owned(),
    ));
    rows
}

fn received(hydra: &Hydra) -> String {
    let rates = hydra.status.rates_1m.as_ref();
    let taken = match hydra.feeds.regions() {
        Some(regions) => {
            let all = regions.iter().map(|region| region.writes).fold(0, u64::saturating_add);
            format!("ADD_PROVIDER {} so far", count(all))
        }
        None => format!("ADD_PROVIDER {}/s", number::rate_or_none(rates.map(|rates| rates.add_provider))),
    };
    let find = match rates.map(|rates| rates.find_node) {
        Some(find) if find > 0.0 => {
            format!("FIND_NODE {}/s (1 min: peers are looking at us: good)", rate(find))
        }
        Some(_) => "FIND_NODE 0/s (1 min: nobody looks at us yet)".to_owned(),
        None => "FIND_NODE — (not measured yet)".to_owned(),
    };
    format!("{taken} · {find}")
}

/// What could be the cause: what is as it should be, and what is not.
fn findings(hydra: &Hydra) -> (Vec<String>, Vec<String>) {
    let status = &hydra.status;
    let heads = status.heads;
    let mut fine = Vec::new();
    let mut wrong = Vec::new();
    let mut say = |good: bool, text: String| if good { fine.push(text) } else { wrong.push(text) };
    if let (Some(tcp), Some(quic)) = (status.reached_tcp, status.reached_quic) {
        say(tcp == heads && quic == heads, format!("reached tcp {tcp}/{heads}, quic {quic}/{heads}"));
    }
    say(heads > 0, format!("{heads} heads"));
    say(status.peers_live > 0, format!("{} peers in the table", count(status.peers_live)));
    if let Some(belly) = hydra.feeds.belly() {
        let trouble = belly.trouble.as_str();
        say(
            trouble.is_empty(),
            if trouble.is_empty() { "disk writable".to_owned() } else { trouble.to_owned() },
        );
    }
    say(status.load_level == 0, format!("load {}", status.load_level));
    (fine, wrong)
}
