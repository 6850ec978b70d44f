//! *Sources*: is it the DHT or one router. Counters of different sources are never added.

use hydra_protocol::v1::{Prefetch, PrefetchSource, SourceCounts};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::super::paint::{self, cut, left, right, sign, span, title, top};
use super::super::theme::{Meaning, Theme};
use crate::tui::number::{self, count};
use crate::tui::state::Level;

/// Cells of the names of rows, and of the values of a source.
const NAME: u16 = 17;
const VALUE: u16 = 17;

/// Share of the attempts from which on failures are to be looked at.
const MANY: f64 = 0.05;

/// A value of a source, and whether it is to be looked at.
type Value = (String, bool);

fn counts(source: &PrefetchSource) -> SourceCounts {
    source.counts_10m.unwrap_or_default()
}

/// Without what all have before them.
fn short(name: &str) -> &str {
    name.trim_start_matches("https://").trim_start_matches("http://").trim_end_matches('/')
}

fn some(number: u64, source: &PrefetchSource) -> Value {
    let of = counts(source).attempts;
    (count(number), of > 0 && number as f64 >= MANY * of as f64)
}

/// Latencies that reach the deadline are those of attempts that were given up.
fn latency(seconds: Option<f64>, source: &PrefetchSource) -> Value {
    let Some(seconds) = seconds.filter(|seconds| seconds.is_finite()) else {
        return ("—".to_owned(), false);
    };
    let text = if seconds < 1.0 { format!("{seconds:.2} s") } else { format!("{seconds:.1} s") };
    (text, source.deadline_seconds > 0.0 && seconds >= source.deadline_seconds * 0.99)
}

/// A name, and its value of a source.
type Row = (&'static str, fn(&PrefetchSource) -> Value);

const ROWS: [Row; 9] = [
    ("asked", |source| (count(counts(source).attempts), false)),
    ("found", |source| (count(counts(source).found), false)),
    ("answered: none", |source| (count(counts(source).none), false)),
    ("timed out", |source| some(counts(source).timed_out, source)),
    ("failed", |source| some(counts(source).failed, source)),
    ("p50", |source| latency(source.latency_p50_seconds, source)),
    ("p95", |source| latency(source.latency_p95_seconds, source)),
    ("p99", |source| latency(source.latency_p99_seconds, source)),
    ("found by it alone", |source| (count(counts(source).found_alone), false)),
];

/// One column a source.
pub(super) fn draw(buffer: &mut Buffer, area: Rect, prefetch: &Prefetch, theme: &Theme) {
    let sources = &prefetch.sources;
    let inline = sources.iter().filter(|source| source.inline).count();
    let mode = match inline {
        0 => "background".to_owned(),
        all if all == sources.len() => "askers wait".to_owned(),
        some => format!("askers wait for {some}"),
    };
    let deadline = sources.iter().map(|source| source.deadline_seconds).fold(0.0, f64::max);
    title(buffer, area, theme, &format!("Sources, 10 min · {mode}, {} s", number::rate(deadline)), "");
    let (_, body) = top(area, 1);
    if sources.is_empty() {
        paint::line(buffer, body, 0, span(theme, Meaning::Quiet, " no source is set: prefetch.sources"));
        return;
    }
    let fit = usize::from(body.width.saturating_sub(NAME + 1) / VALUE).max(1);
    let shown = sources.iter().take(fit);
    let names: String =
        shown.clone().map(|source| format!("{}  ", right(short(&source.name), VALUE - 2))).collect();
    let head = format!(" {}{names}", left("", NAME));
    paint::line(buffer, body, 0, span(theme, Meaning::Title, head));
    let (_, mut rest) = top(body, 1);
    for (name, value) in ROWS {
        let mut words = vec![Span::raw(format!(" {}", left(name, NAME)))];
        for source in shown.clone() {
            let (text, look) = value(source);
            words.push(Span::raw(right(&text, VALUE - 2)));
            words.push(Span::raw(" "));
            words.push(if look { sign(theme, Level::Look) } else { Span::raw(" ") });
        }
        paint::line(buffer, rest, 0, Line::from(words));
        rest = top(rest, 1).1;
    }
    if sources.len() > fit {
        let more = format!(" and {} more: hydractl prefetch status", sources.len() - fit);
        paint::line(buffer, rest, 0, span(theme, Meaning::Quiet, more));
        rest = top(rest, 1).1;
    }
    for source in sources.iter().filter(|source| !source.trouble.is_empty()) {
        let text = cut(&format!("{}: {}", short(&source.name), source.trouble), rest.width.saturating_sub(3));
        paint::line(
            buffer,
            rest,
            0,
            Line::from(vec![Span::raw(" "), sign(theme, Level::Look), Span::raw(format!(" {text}"))]),
        );
        rest = top(rest, 1).1;
    }
}

/// One row a source.
pub(super) fn draw_rows(buffer: &mut Buffer, area: Rect, prefetch: &Prefetch, theme: &Theme) {
    let asked = prefetch.sources.iter().map(|source| counts(source).attempts).max().unwrap_or(0);
    // a title with nothing below it tells nothing
    let body = if area.height > 1 {
        title(buffer, area, theme, "Sources, 10 min", &format!("{} asked", count(asked)));
        top(area, 1).1
    } else {
        area
    };
    for (row, source) in (0..body.height).zip(&prefetch.sources) {
        let values = [
            ("found", (count(counts(source).found), false), 5),
            ("timed out", some(counts(source).timed_out, source), 5),
            ("failed", some(counts(source).failed, source), 3),
            ("p50", latency(source.latency_p50_seconds, source), 6),
            ("p95", latency(source.latency_p95_seconds, source), 5),
        ];
        let mut words = vec![Span::raw(format!(" {} ", left(short(&source.name), 16)))];
        for (name, (text, look), cells) in values {
            words.push(Span::raw(format!("{name} {}", right(&text, cells))));
            words.push(if look { sign(theme, Level::Look) } else { Span::raw(" ") });
        }
        paint::line(buffer, body, row, Line::from(words));
    }
}
