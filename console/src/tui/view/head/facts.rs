//! What else is known of a head: connections, presence and why not, reached, requests.

use std::collections::BTreeMap;

use hydra_protocol::v1::{Head, ListsUs, Neighbour, Rates};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::super::network::transports;
use super::super::paint::{self, left, right, span, title, top, wrap};
use super::super::theme::{Meaning, Theme};
use crate::tui::number::{count, megabytes, minute, rate};
use crate::tui::state::hydra::{connections, requests as all_requests};
use crate::tui::state::{Hydra, Level};

/// Heads of one IP group that a Go peer has in its table.
const LISTED: usize = 3;

/// A name and its text; texts that go on have no name.
pub(super) type Fact = (String, String);

/// Lines of at most so many cells.
pub(super) fn lines(head: &Head, hydra: &Hydra, cells: u16) -> Vec<Fact> {
    let told = hydra.feeds.head(&head.name);
    let nearest = told.map_or(&[][..], |head| head.nearest.as_slice());
    let facts = [
        ("connections", connected(head)),
        ("presence", presence(head, nearest)),
        ("reached", reached(head, hydra)),
    ];
    let lines = facts.into_iter().flat_map(|(name, text)| {
        let texts = wrap(&text, cells.saturating_sub(15));
        texts
            .into_iter()
            .take(2)
            .enumerate()
            .map(move |(row, text)| (if row == 0 { name.to_owned() } else { String::new() }, text))
    });
    lines.collect()
}

pub(super) fn draw(buffer: &mut Buffer, area: Rect, facts: &[Fact], theme: &Theme) {
    for (row, (name, text)) in (0..).zip(facts) {
        let name = span(theme, Meaning::Title, format!(" {}", left(name, 13)));
        paint::line(buffer, area, row, Line::from(vec![name, Span::raw(text.clone())]));
    }
}

fn connected(head: &Head) -> String {
    let mut text = format!(
        "{}: in {}, out {}",
        count(connections(head)),
        count(head.connections_in),
        count(head.connections_out)
    );
    if let Some(rates) = &head.rates_1m {
        text += &format!(
            " · {} MB/s in, {} out · {} resets/min",
            megabytes(Some(rates.bytes_in)),
            megabytes(Some(rates.bytes_out)),
            rate(rates.resets * 60.0)
        );
    }
    text
}

fn presence(head: &Head, nearest: &[Neighbour]) -> String {
    match head.presence_listed.zip(head.presence_asked) {
        Some((listed, asked)) => format!("{listed} of {asked}{}", why_not(nearest)),
        None => "not measured: the head does not serve, or only just".to_owned(),
    }
}

/// ` · why not: 2 refused (group 203.0.0.0/16 full), 1 no answer`.
pub(super) fn why_not(nearest: &[Neighbour]) -> String {
    let mut reasons: BTreeMap<(u8, String), usize> = BTreeMap::new();
    for neighbour in nearest {
        let reason = match neighbour.lists_us() {
            ListsUs::Yes | ListsUs::Unspecified => continue,
            ListsUs::GroupFull if neighbour.reason.is_empty() => (0, "refused (group full)".to_owned()),
            ListsUs::GroupFull => (0, format!("refused (group {} full)", neighbour.reason)),
            ListsUs::NoAnswer => (1, "no answer".to_owned()),
            ListsUs::NotYet => (2, "does not list us yet".to_owned()),
            ListsUs::NotConnected => (3, "not connected".to_owned()),
            ListsUs::NotAsked => (4, "not asked this time".to_owned()),
        };
        *reasons.entry(reason).or_default() += 1;
    }
    let reasons: Vec<String> = reasons.into_iter().map(|((_, reason), n)| format!("{n} {reason}")).collect();
    if reasons.is_empty() { String::new() } else { format!(" · why not: {}", reasons.join(", ")) }
}

fn reached(head: &Head, hydra: &Hydra) -> String {
    let at = head.reach.iter().filter_map(|reach| reach.tried_at).map(|at| at.seconds).max();
    let at = at.map_or_else(String::new, |at| format!(" {}", minute(at)));
    let by = match transports(head) {
        _ if head.reach.is_empty() => {
            "not asked: private network, or reachability = \"assume-public\"".to_owned()
        }
        [Level::Good, Level::Good] => format!("tcp and quic dialled back{at}"),
        [Level::Good, _] => format!("tcp dialled back{at}, quic not"),
        [_, Level::Good] => format!("quic dialled back{at}, tcp not"),
        [Level::Broken, _] | [_, Level::Broken] => format!("strangers tried and did not get through{at}"),
        _ => "nobody has said yet".to_owned(),
    };
    let group = head.address_group.as_str();
    if group.is_empty() {
        return format!("{by} · the address is in no public group");
    }
    let heads = hydra.heads().filter(|other| other.address_group == group).count();
    let full = if heads >= LISTED { ": full" } else { "" };
    let plural = if heads == 1 { "" } else { "s" };
    format!("{by} · address group {group} holds {heads} head{plural}{full}")
}

/// A name, and its rate.
type Kind = (&'static str, fn(&Rates) -> f64);

/// In the order of the other tables of requests.
const KINDS: [Kind; 6] = [
    ("ADD_PROVIDER", |rates| rates.add_provider),
    ("GET_PROVIDERS", |rates| rates.get_providers),
    ("FIND_NODE", |rates| rates.find_node),
    ("GET_VALUE", |rates| rates.get_value),
    ("PUT_VALUE", |rates| rates.put_value),
    ("PING", |rates| rates.ping),
];

/// *Requests in*, of this head.
pub(super) fn requests(buffer: &mut Buffer, area: Rect, head: &Head, theme: &Theme) {
    if area.height < 3 {
        return;
    }
    title(buffer, area, theme, "Requests in, 1 min", "");
    let (_, body) = top(area, 1);
    let Some(rates) = &head.rates_1m else {
        paint::line(buffer, body, 0, span(theme, Meaning::Quiet, " not measured: the head does not serve"));
        return;
    };
    let names = format!(" {}{}", left("RPC", 14), right("/s", 8));
    paint::line(buffer, body, 0, span(theme, Meaning::Title, names));
    let row = |name: &str, value: f64| format!(" {}{}", left(name, 14), right(&rate(value), 8));
    for (number, (name, kind)) in (1..).zip(KINDS) {
        paint::line(buffer, body, number, row(name, kind(rates)));
    }
    paint::line(buffer, body, 7, span(theme, Meaning::Title, row("all", all_requests(rates))));
}
