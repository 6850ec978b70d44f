//! *Size of the network, two ways* and *Coverage*: is our picture true, and what would more heads
//! buy.

use hydra_protocol::v1::{Coverage, Network};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::super::paint::{self, left, right, sign, title, top};
use super::super::theme::Theme;
use super::super::{Size, feed};
use crate::tui::number::{clock, count, rate};
use crate::tui::state::feed::Ask;
use crate::tui::state::{Hydra, Level, State};

/// Rows of both.
pub(super) fn rows(size: Size) -> u16 {
    if is_small(size) { 5 } else { 7 }
}

/// Coverage has a row, and no pane of its own.
fn is_small(size: Size) -> bool {
    matches!(size, Size::Narrow | Size::List)
}

pub(super) fn draw(buffer: &mut Buffer, area: Rect, size: Size, state: &State, hydra: &Hydra, theme: &Theme) {
    let network = hydra.feeds.network();
    title(buffer, area, theme, "Size of the network, two ways", "");
    let (_, body) = top(area, 1);
    let nothing = feed::nothing(state, hydra, &Ask::Network, network.is_some());
    let (Some(network), None) = (network, &nothing) else {
        if let Some(nothing) = nothing {
            nothing.draw(buffer, body, theme);
        }
        return;
    };
    let lines = [by_crawl(network), by_distance(network)];
    for (row, (name, number, why)) in (0..).zip(lines) {
        paint::line(buffer, body, row, fields(name, &number, &why));
    }
    paint::line(buffer, body, 2, difference(network, theme));
    let (_, body) = top(body, 3);
    let covered = coverage(&network.coverage.clone().unwrap_or_default());
    if is_small(size) {
        let first = covered.first().cloned().unwrap_or_default();
        let text = format!(" {}{first}", left("coverage", 12));
        paint::line(buffer, body, 0, paint::cut(&text, body.width));
        return;
    }
    let what = match size {
        Size::Full => "Coverage: share of keys with a head in their 20 nearest",
        _ => "Coverage: keys with a head in their 20 nearest",
    };
    title(buffer, body, theme, what, "");
    let (_, body) = top(body, 1);
    for (row, text) in (0..).zip(covered) {
        paint::line(buffer, body, row, format!(" {}", paint::cut(&text, body.width.saturating_sub(1))));
    }
}

fn fields(name: &str, number: &str, why: &str) -> String {
    format!(" {}{}   {why}", left(name, 12), right(number, 7))
}

/// A number of servers; what is not known is a dash.
fn servers(value: Option<f64>) -> String {
    value
        .filter(|value| value.is_finite() && *value >= 0.0)
        .map_or_else(|| "—".to_owned(), |value| count(value.round() as u64))
}

fn by_crawl(network: &Network) -> (&'static str, String, String) {
    let known = count(network.known);
    let why = match (network.crawled_at, network.size_by_crawl) {
        (Some(at), _) => format!("answered of {known} known, {}", clock(at.seconds)),
        (None, Some(_)) => format!("answered of {known} known"),
        (None, None) => format!("{known} known; the crawl goes on"),
    };
    ("by crawl", servers(network.size_by_crawl), why)
}

fn by_distance(network: &Network) -> (&'static str, String, String) {
    let lookups = count(network.lookups_sampled.into());
    let why = match network.size_by_distance_error {
        Some(error) => format!("±{}, from {lookups} lookups in 2 h", servers(Some(error))),
        None => format!("{lookups} lookups in 2 h: too few"),
    };
    ("by distance", servers(network.size_by_distance), why)
}

fn difference(network: &Network, theme: &Theme) -> Line<'static> {
    let Some((one, other)) = network.size_by_crawl.zip(network.size_by_distance) else {
        return Line::from(fields("difference", "—", "needs both"));
    };
    let apart = (one - other).abs() / one.max(other).max(1.0) * 100.0;
    let start = Span::raw(fields("difference", &format!("{apart:.1} %"), ""));
    let (level, words) = match network.sizes_differ {
        false => (Level::Good, " they agree (warning above 25 %)"),
        true => (Level::Look, " one of them is misled: docs/coverage.md"),
    };
    Line::from(vec![start, sign(theme, level), Span::raw(words)])
}

fn percent(ratio: f64) -> String {
    if ratio.is_finite() { format!("{:.1} %", ratio * 100.0) } else { "—".to_owned() }
}

fn coverage(coverage: &Coverage) -> Vec<String> {
    let heads =
        format!("{} head{}", count(coverage.heads.into()), if coverage.heads == 1 { "" } else { "s" });
    let Some(ratio) = coverage.ratio else {
        return vec![format!("— with {heads}: no server of the network is known")];
    };
    let presence = coverage.with_presence_ratio.map_or_else(
        || "who lists them is not measured".to_owned(),
        |ratio| format!("{} counting who lists them", percent(ratio)),
    );
    let mut lines = vec![format!("now {} with {heads} · {presence}", percent(ratio))];
    let with: Vec<String> = coverage
        .with
        .iter()
        .enumerate()
        .map(|(at, with)| {
            let word = if at == 0 { " heads" } else { "" };
            let ratio =
                if with.ratio.is_finite() { rate((with.ratio * 100.0).round()) } else { "—".into() };
            format!("{}{word} ~{ratio} %", count(with.heads.into()))
        })
        .collect();
    if !with.is_empty() {
        lines.push(with.join(" · "));
    }
    lines
}
