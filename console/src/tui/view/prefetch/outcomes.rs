//! *What became of misses*: ten lanes, a scale for each. Each miss has exactly one name, and they
//! sum to the misses.

use hydra_protocol::v1::{Outcomes, Prefetch};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Span;

use super::super::Size;
use super::super::paint::{self, left, right, span, title, top};
use super::super::plot;
use super::super::theme::{Meaning, Theme};
use crate::tui::chart::lane::lane;
use crate::tui::number::{self, count};
use crate::tui::state::past::{self, Fold};
use crate::tui::state::wants::OUTCOMES;
use crate::tui::state::{Hydra, State};

/// Cells of the names.
const NAME: u16 = 15;

/// Names in the order of [`OUTCOMES`], and how many misses of each.
fn named(outcomes: &Outcomes) -> [(&'static str, u64); 10] {
    [
        ("found", outcomes.found),
        ("not found", outcomes.not_found),
        ("timed out", outcomes.timed_out),
        ("source failed", outcomes.source_failed),
        ("refused <5 min", outcomes.refused_5m),
        ("refused <1 h", outcomes.refused_1h),
        ("queue full", outcomes.queue_full),
        ("not ours", outcomes.not_ours),
        ("joined", outcomes.joined),
        ("paused", outcomes.paused),
    ]
}

/// What each outcome means, in a few words.
fn meanings(prefetch: &Prefetch) -> [String; 10] {
    let deadline = prefetch.sources.iter().map(|source| source.deadline_seconds).fold(0.0, f64::max);
    let late = match deadline > 0.0 {
        true => format!("no answer in {} s", number::rate(deadline)),
        false => "no answer in time".to_owned(),
    };
    [
        format!("kept ≤ {}", number::window(prefetch.keep_seconds as i64)),
        "all said none".to_owned(),
        late,
        "could not be asked".to_owned(),
        "tried just now".to_owned(),
        "tried before".to_owned(),
        format!("limit {}", count(prefetch.waiting_limit)),
        "no head is near".to_owned(),
        "same key waits".to_owned(),
        "by hand or load".to_owned(),
    ]
}

/// How a page of a size draws the lanes.
struct Form {
    lanes: usize,
    /// The names of the columns have a row.
    head: bool,
    /// Cells of the numbers.
    numbers: [u16; 3],
    meanings: bool,
}

fn form(size: Size, width: u16) -> Form {
    match size {
        Size::Full => Form { lanes: 60, head: true, numbers: [8, 9, 8], meanings: true },
        Size::Standard => Form { lanes: 30, head: false, numbers: [11, 10, 10], meanings: false },
        _ => {
            let lanes = usize::from(width.saturating_sub(NAME + 25)).min(30);
            Form { lanes, head: false, numbers: [0, 11, 9], meanings: false }
        }
    }
}

pub(super) fn draw(
    buffer: &mut Buffer,
    area: Rect,
    size: Size,
    state: &State,
    hydra: &Hydra,
    prefetch: &Prefetch,
    theme: &Theme,
) {
    let form = form(size, area.width);
    let (minute, ten) = (prefetch.outcomes_1m.unwrap_or_default(), prefetch.outcomes_10m.unwrap_or_default());
    let columns = |series| plot::of_past(&[series], state, hydra, form.lanes, Fold::Mean);
    let any = columns(OUTCOMES[0]);
    let lanes = any.as_ref().map(|columns| {
        let number = columns.values.len();
        format!("{number} × {}", number::window(columns.seconds))
    });
    heading(buffer, area, size, (state, hydra), &ten, lanes, theme);
    let (_, mut rest) = top(area, 1);
    if form.head {
        let (row, below) = top(rest, 1);
        names(buffer, row, &form, any.as_ref().map(|columns| columns.begins), state, theme);
        rest = below;
    }
    let told = named(&minute).into_iter().zip(named(&ten)).zip(OUTCOMES).zip(meanings(prefetch));
    for (number, ((((name, minute), (_, in_ten)), series), meaning)) in (0..).zip(told) {
        let picture =
            columns(series).map_or_else(String::new, |columns| lane(&columns.values, theme.is_ascii()));
        let room = u16::try_from(form.lanes).unwrap_or(0);
        let mut text = format!(" {}{}", left(name, NAME), left(&picture, room));
        let [a, b, c] = form.numbers;
        let per_minute = if form.head { count(minute) } else { format!("{}/min", count(minute)) };
        text += &format!(
            "{}{}{}",
            right(&per_minute, a),
            right(&count(in_ten), b),
            right(&share(in_ten, &ten), c)
        );
        if form.meanings {
            text += &format!(" {meaning}");
        }
        paint::line(buffer, rest, number, Span::raw(text));
    }
}

fn heading(
    buffer: &mut Buffer,
    area: Rect,
    size: Size,
    (state, hydra): (&State, &Hydra),
    ten: &Outcomes,
    lanes: Option<String>,
    theme: &Theme,
) {
    let misses = format!("What became of {} misses, 10 min", count(ten.misses));
    let window = match state.window().seconds() {
        600 if state.window().back() == 0 => String::new(),
        _ => "lanes ".to_owned(),
    };
    let lanes = lanes.map(|lanes| format!("{window}{lanes}"));
    match (size, lanes) {
        (Size::Full, Some(lanes)) => {
            let what = format!("{misses} · {lanes}, a scale for each row");
            title(buffer, area, theme, &what, &of_requests(hydra, ten).unwrap_or_default());
        }
        (_, lanes) => title(buffer, area, theme, &misses, &lanes.unwrap_or_default()),
    }
}

/// `69 % of 127,400 GET_PROVIDERS`, when all seconds of ten minutes are known.
fn of_requests(hydra: &Hydra, ten: &Outcomes) -> Option<String> {
    const SERIES: &[&str] = &["requests.get_providers"];
    let columns = past::columns(hydra.feeds.past(SERIES, None)?, SERIES, (600, 0), 60, Fold::Mean)?;
    let rates: Vec<f64> = columns.values.into_iter().collect::<Option<_>>()?;
    let requests = rates.iter().sum::<f64>() * columns.seconds as f64;
    let rounded = (requests / 100.0).round() * 100.0;
    (rounded > 0.0).then(|| {
        let share = number::percent(ten.misses as f64 / requests);
        format!("{share} of {} GET_PROVIDERS", number::rate(rounded))
    })
}

/// `2.4 %`; of nothing nothing is known.
fn share(number: u64, of: &Outcomes) -> String {
    if of.misses == 0 {
        return "—".to_owned();
    }
    format!("{:.1} %", number as f64 * 100.0 / of.misses as f64)
}

fn names(buffer: &mut Buffer, area: Rect, form: &Form, begins: Option<i64>, state: &State, theme: &Theme) {
    let begins = begins.map_or_else(String::new, |begins| match state.window().seconds() {
        86_400.. => number::day(begins),
        _ => number::clock(begins),
    });
    let now = if state.window().back() == 0 && state.age().is_none() { "now" } else { "" };
    let room = u16::try_from(form.lanes).unwrap_or(0);
    let times = format!("{}{}", left(&begins, room.saturating_sub(3)), right(now, 3));
    let [a, b, c] = form.numbers;
    let text = format!(
        " {}{times}{}{}{}",
        left("OUTCOME", NAME),
        right("1 min", a),
        right("10 min", b),
        right("SHARE", c)
    );
    paint::line(buffer, area, 0, span(theme, Meaning::Title, text));
}

/// Where there is no room for lanes: the outcomes that occurred, the most frequent first.
pub(super) fn draw_list(buffer: &mut Buffer, area: Rect, prefetch: &Prefetch, theme: &Theme) {
    let ten = prefetch.outcomes_10m.unwrap_or_default();
    let words = span(theme, Meaning::Title, format!(" {} misses in 10 min", count(ten.misses)));
    paint::line(buffer, area, 0, words);
    let mut all = named(&ten).to_vec();
    all.retain(|(_, number)| *number > 0);
    all.sort_by_key(|(_, number)| std::cmp::Reverse(*number));
    for (row, (name, number)) in (1..area.height).zip(all) {
        let text =
            format!("   {}{} {}", left(name, NAME), right(&count(number), 9), right(&share(number, &ten), 7));
        paint::line(buffer, area, row, text);
    }
}
