//! From 60×16: one pane. Everything in a word or two, charts as sparklines.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::heads::{first_visible, state_cell};
use super::paint::{self, cut, left, split, top};
use super::theme::{Meaning, Theme};
use super::{charts, events, footer, header, heads as heads_view, plot, well};
use crate::tui::chart::spark::spark;
use crate::tui::number::{self, count, rate_or_none, short_key};
use crate::tui::state::hydra::{connections, requests_of};
use crate::tui::state::well::{Answer, answers};
use crate::tui::state::{Hydra, Level, Link, Page, State};

/// Columns of the sparklines.
const COLUMNS: usize = 40;
/// Sparklines.
const SPARKS: u16 = 3;

pub(super) fn draw(buffer: &mut Buffer, area: Rect, state: &State, theme: &Theme) {
    let (head_row, rest) = top(area, 1);
    let (body, foot) = top(rest, rest.height.saturating_sub(1));
    first_row(buffer, head_row, state, theme);
    footer::draw(buffer, foot, state, theme);
    let mut body = body;
    if let Link::Down { cause, .. } = state.link() {
        for text in paint::wrap(&cause.what, body.width.saturating_sub(2)).iter().take(2) {
            paint::line(buffer, body, 0, Span::raw(format!(" {text}")));
            body = top(body, 1).1;
        }
    }
    let Some(hydra) = state.shown() else { return };
    match state.page() {
        Page::Overview => match state.expanded() {
            Some(pane) => super::overview::expanded(buffer, body, pane, state, hydra, theme),
            None => overview(buffer, body, state, hydra, theme),
        },
        _ => super::page(buffer, body, super::Size::Narrow, state, hydra, theme),
    }
}

fn first_row(buffer: &mut Buffer, area: Rect, state: &State, theme: &Theme) {
    let mut right = Vec::new();
    let mut left = header::one_line(state, theme);
    match (state.shown(), state.link()) {
        (Some(hydra), Link::Down { .. }) => {
            let name = cut(&hydra.status.name, 20);
            left = Line::from(
                [vec![Span::raw(format!("{name} "))], header::condition(state, theme, " ")].concat(),
            );
            right = header::link(state, theme);
        }
        (Some(hydra), _) => {
            if !state.is_frozen() {
                right.push(Span::raw(format!(
                    "{} {} ",
                    number::clock(hydra.clock()),
                    number::zone(hydra.clock())
                )));
            }
            right.extend(header::link(state, theme));
        }
        (None, _) => {}
    }
    split(buffer, area, 0, left, right);
}

fn overview(buffer: &mut Buffer, area: Rect, state: &State, hydra: &Hydra, theme: &Theme) {
    let answers = answers(hydra);
    let mut rest = answers_in_two_columns(buffer, area, &answers, state, theme);
    // Two columns have no room for a reason: the first that is not well gets a row.
    let bad = answers.iter().find(|answer| answer.level == Level::Broken);
    let bad = bad.or_else(|| answers.iter().find(|answer| answer.level == Level::Look));
    if let Some(bad) = bad {
        let text = Span::raw(format!(" {}", well::text(bad, rest.width.saturating_sub(3))));
        let sign = well::sign(theme, bad.level, state.age().is_some());
        paint::line(buffer, rest, 0, Line::from(vec![Span::raw(" "), sign, text]));
        rest = top(rest, 1).1;
    }
    let heads = state.heads();
    let charts_rows = SPARKS + 1;
    if heads.is_empty() {
        paint::line(buffer, rest, 0, heads_view::nobody(state, theme));
    }
    let heads_rows = u16::try_from(heads.len())
        .unwrap_or(u16::MAX)
        .min(rest.height.saturating_sub(charts_rows).max(1))
        .max(1);
    let (block, rest) = top(rest, heads_rows);
    let first = first_visible(&heads, state.selected(), usize::from(block.height));
    for (row, head) in (0..block.height).zip(heads.iter().skip(first)) {
        let old = state.age().is_some();
        let selected = state.marked() == Some(head.name.as_str());
        let marker = if selected { theme.symbol(Meaning::Selected) } else { " " };
        let mut spans = vec![Span::raw(format!("{marker}{} {} ", left(&head.name, 7), short_key(&head.key)))];
        spans.extend(state_cell(head, 10, old, theme));
        spans.push(Span::raw(format!(
            " {} conns {} {} req/s",
            count(connections(head)),
            heads_view::presence(head),
            rate_or_none(requests_of(head))
        )));
        paint::line(buffer, block, row, Line::from(spans));
        if selected && let Some(cells) = paint::row(block, row) {
            buffer.set_style(cells, theme.style(Meaning::Selected));
        }
    }
    let (block, rest) = top(rest, charts_rows);
    sparks(buffer, block, state, hydra, theme);
    for (row, event) in (0..rest.height).zip(hydra.events.iter().rev()) {
        paint::line(buffer, rest, row, events::line(event, rest.width, theme));
    }
}

fn answers_in_two_columns(
    buffer: &mut Buffer,
    area: Rect,
    answers: &[Answer],
    state: &State,
    theme: &Theme,
) -> Rect {
    let rows = u16::try_from(answers.len().div_ceil(2)).unwrap_or(0);
    let (block, rest) = top(area, rows);
    // the first has the longer words
    let half = (block.width / 2).saturating_add(2).min(block.width);
    let mut answers: Vec<&Answer> = answers.iter().collect();
    if let [_, _, presence, belly, ..] = answers.as_mut_slice() {
        std::mem::swap(presence, belly);
    }
    for (place, answer) in (0_u16..).zip(answers) {
        let (column, row) = (place / rows.max(1), place % rows.max(1));
        let cells = paint::inset(block, column * half);
        let cells = Rect { width: cells.width.min(half), ..cells };
        let brief = cut(&answer.brief, cells.width.saturating_sub(13));
        let words = vec![
            Span::raw(" "),
            well::sign(theme, answer.level, state.age().is_some()),
            Span::raw(format!(" {}{brief}", left(&answer.name, 9))),
        ];
        paint::line(buffer, cells, row, Line::from(words));
    }
    rest
}

fn sparks(buffer: &mut Buffer, area: Rect, state: &State, hydra: &Hydra, theme: &Theme) {
    let old = state.age().is_some();
    let mut seconds = None;
    for (row, chart) in (0..).zip(charts::of_overview(hydra).iter().take(usize::from(SPARKS))) {
        let Some(mut columns) = plot::columns(chart, state, hydra, COLUMNS) else { continue };
        columns.values.drain(..columns.values.len().saturating_sub(COLUMNS));
        seconds = Some(columns.seconds);
        let last = || columns.values.iter().rev().find_map(|value| *value);
        let newest = match chart.live {
            Some(live) => hydra.history.last().map(live),
            None => (chart.now)(hydra).or_else(last),
        };
        let newest = newest.map_or_else(|| "—".to_owned(), chart.label);
        let picture = spark(&columns.values, theme.is_ascii());
        let text = format!(" {}{} {newest}", left(chart.short, 7), left(&picture, COLUMNS as u16));
        let style = if old { theme.style(Meaning::Old) } else { Default::default() };
        paint::line(buffer, area, row, Span::styled(text, style));
    }
    let Some(seconds) = seconds else { return };
    let length = number::window(seconds * i64::try_from(COLUMNS).unwrap_or(40));
    let caption = format!(" last {length}, {COLUMNS} × {seconds} s · zero at the bottom");
    let last = area.height.saturating_sub(1);
    paint::line(buffer, area, last, paint::span(theme, Meaning::Quiet, caption));
}
