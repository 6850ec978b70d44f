//! *From the network*: what a lookup finds, as it finds it. Nothing of it is stored.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Span;

use super::super::paint::{self, left, right, span, title};
use super::super::theme::{Meaning, Theme};
use crate::output::text::host_port;
use crate::tui::number::{self, count, short_id};
use crate::tui::state::records::Fetch;
use crate::tui::state::{Level, State};

pub(super) fn draw(buffer: &mut Buffer, area: Rect, state: &State, theme: &Theme) {
    let Some(fetch) = state.records().fetched() else { return };
    let number = count(fetch.found.len() as u64);
    let unit = match &fetch.end {
        None => {
            let gone = state.now().saturating_sub(fetch.began);
            format!("◐ looking for {}", number::span(gone.as_secs_f64()))
        }
        Some(Err(_)) => "nothing stored".to_owned(),
        Some(Ok(report)) => {
            let answered = report.asked.iter().filter(|server| server.outcome == "answered").count();
            let asked = report.asked.len();
            let early = if report.ended == "deadline" { " · the time was over" } else { "" };
            format!("{answered} of {asked} peers in {:.2} s{early} · nothing stored", report.took_seconds)
        }
    };
    title(buffer, area, theme, &format!("From the network {number}"), &unit);
    let (_, body) = paint::top(area, 1);
    if let Some(Err(why)) = &fetch.end {
        let sign = theme.symbol(Meaning::Level(Level::Look));
        let sign = span(theme, Meaning::Level(Level::Look), format!(" {sign} "));
        let text = paint::cut(why, body.width.saturating_sub(4));
        paint::line(buffer, body, 0, vec![sign, Span::raw(text)]);
        if fetch.found.is_empty() {
            return;
        }
    } else if fetch.found.is_empty() {
        let text =
            if fetch.end.is_some() { " nobody named a provider" } else { " nobody has named a provider yet" };
        paint::line(buffer, body, 0, span(theme, Meaning::Quiet, text));
        return;
    } else {
        let names = format!(" {}  {}  HOP   AFTER  ADDRESS", left("PEER ID", 12), left("NAMED BY", 12));
        paint::line(buffer, body, 0, span(theme, Meaning::Title, names));
    }
    let (_, body) = paint::top(body, 1);
    let known: Vec<String> = state.providers().into_iter().map(|provider| provider.peer_id).collect();
    // the newest are shown when there is not room for all
    let skip = fetch.found.len().saturating_sub(usize::from(body.height));
    for (row, one) in (0..).zip(fetch.found.iter().skip(skip)) {
        let address = one.addresses.first().map_or_else(|| "—".to_owned(), |address| host_port(address));
        let more = match one.addresses.len() {
            0 | 1 => String::new(),
            number => format!(" +{}", number - 1),
        };
        let here = if known.contains(&one.peer_id) { " · in the belly, too" } else { "" };
        let text = format!(
            " {}  {}  {}  {} s  {address}{more}{here}",
            left(&short_id(&one.peer_id), 12),
            left(&short_id(&one.from_peer_id), 12),
            right(&one.hop.to_string(), 3),
            right(&format!("{:.2}", one.after_seconds), 5),
        );
        paint::line(buffer, body, row, Span::raw(paint::cut(&text, body.width)));
    }
}

/// Rows that it needs.
#[must_use]
pub(super) fn rows(fetch: &Fetch) -> u16 {
    u16::try_from(fetch.found.len()).unwrap_or(u16::MAX).max(1).saturating_add(2)
}
