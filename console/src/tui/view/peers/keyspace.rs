//! *Keyspace*: how many peers live where, our heads among them, and who came and went.

use hydra_protocol::v1::SurveyPeersResponse;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Span;

use super::super::feed;
use super::super::paint::{self, right, span, title};
use super::super::theme::{Meaning, Theme};
use crate::tui::chart::plot::{Shape, plot};
use crate::tui::chart::scale::Scale;
use crate::tui::number::{self, count};
use crate::tui::state::{Hydra, State};

/// Rows besides the plot: title, heads, digits, joins and leaves.
pub(super) const FRAME: u16 = 4;
/// Cells of the labels of the axis, with its tick.
const LABELS: u16 = 4;
/// Parts in which the daemon tells joins and leaves.
const SIXTEENTHS: u32 = 16;
/// Peers that a bin has in the mean, at least.
const FEWEST_IN_A_BIN: u64 = 3;
/// Seconds over which it does.
const TEN_MINUTES: i64 = 600;

pub(super) fn draw(
    buffer: &mut Buffer,
    area: Rect,
    survey: &SurveyPeersResponse,
    state: &State,
    hydra: &Hydra,
    theme: &Theme,
) {
    let room = area.width.saturating_sub(LABELS);
    let dots = dots(survey.bins.len(), usize::from(room) * 2);
    let cells = u16::try_from(dots.div_ceil(2)).unwrap_or(room).min(room);
    let parts = parts(dots, survey.live);
    let values = fold(&survey.bins, parts, dots);
    let scale = top_of(&values);
    let range = state.peers().range();
    let what = match state.peers().zoomed_to() {
        Some(head) => format!("Keyspace {}… around {head}, {} bits", range.digits(0), range.bits),
        None => "Keyspace 0… to f…".to_owned(),
    };
    let what = format!("{what} · {} live peers, {parts} bins", count(survey.live));
    let unit = feed::as_of(state, hydra, &state.survey_ask());
    let flow = flow_window(survey).map_or_else(String::new, |window| format!("+came −went in {window} · "));
    let unit = unit.unwrap_or_else(|| format!("{flow}peers per bin, 0 to {}", number::rate(scale.high)));
    title(buffer, area, theme, &what, &unit);
    let Some(height) = area.height.checked_sub(FRAME).filter(|height| *height > 0) else { return };
    let rows = plot(&values, scale, (cells, height), Shape::Filled, None, theme.is_ascii());
    let style = if state.age().is_some() { theme.style(Meaning::Old) } else { Default::default() };
    for (number, row) in (1..).zip(rows) {
        let label = match number {
            1 => format!("{}┤", right(&number::rate(scale.high), LABELS - 1)),
            _ if number == height => format!("{}┤", right("0", LABELS - 1)),
            _ => right("│", LABELS),
        };
        paint::line(buffer, area, number, vec![span(theme, Meaning::Quiet, label), Span::styled(row, style)]);
    }
    let marks = format!("{}{}", right("└", LABELS), heads(cells, state, hydra, theme));
    paint::line(buffer, area, height + 1, span(theme, Meaning::Head, marks));
    let digits = sixteenths(cells, |part| range.digits(part));
    let digits = format!("{}{digits}", " ".repeat(usize::from(LABELS)));
    paint::line(buffer, area, height + 2, span(theme, Meaning::Quiet, digits));
    let flows = format!("{}{}", " ".repeat(usize::from(LABELS)), flows(survey, cells));
    paint::line(buffer, area, height + 3, Span::styled(flows, style));
}

/// The most dots that fit of which each is a whole number of bins, so that none looks fuller
/// than it is.
fn dots(bins: usize, room: usize) -> usize {
    let whole = (1..=bins.min(room)).rev().find(|dots| bins.is_multiple_of(*dots));
    whole.unwrap_or(0)
}

/// The most bins, each some dots wide, of which a mean one has peers enough to tell a crowd from
/// chance.
fn parts(dots: usize, live: u64) -> usize {
    let enough = |parts: &usize| live >= FEWEST_IN_A_BIN * *parts as u64;
    let divisors = (1..=dots).rev().filter(|parts| dots.is_multiple_of(*parts));
    let wide_enough: Vec<usize> = divisors.filter(|parts| *parts >= SIXTEENTHS as usize).collect();
    wide_enough.iter().copied().find(enough).or_else(|| wide_enough.last().copied()).unwrap_or(dots)
}

/// Bins next to each other as one, each as wide as fills the dots.
fn fold(bins: &[u32], parts: usize, dots: usize) -> Vec<Option<f64>> {
    let each = bins.len().checked_div(parts).unwrap_or(1).max(1);
    let wide = dots.checked_div(parts).unwrap_or(1).max(1);
    let sum = |bins: &[u32]| Some(bins.iter().copied().map(f64::from).sum());
    bins.chunks(each).flat_map(|bins| std::iter::repeat_n(sum(bins), wide)).collect()
}

/// From 0 to what the fullest has, at least 4: a peer more or less is no mountain.
fn top_of(values: &[Option<f64>]) -> Scale {
    let scale = Scale::from_zero(values);
    Scale { high: scale.high.max(4.0), ..scale }
}

/// `▲0` at the place of each of our heads.
fn heads(cells: u16, state: &State, hydra: &Hydra, theme: &Theme) -> String {
    let sign = theme.symbol(Meaning::Head);
    let mut row = vec![' '; usize::from(cells)];
    for head in hydra.heads() {
        let Some(at) = state.peers().range().part(&head.key, usize::from(cells)) else { continue };
        let after: Vec<char> = format!("{sign}{}", head.index).chars().collect();
        let before: Vec<char> = format!("{}{sign}", head.index).chars().collect();
        // the sign stands at its place; the number beside it where there is room
        let starts =
            [(at, after), ((at + 1).saturating_sub(before.len()), before), (at, sign.chars().collect())];
        let fits = |(from, text): &&(usize, Vec<char>)| {
            row.get(*from..from + text.len()).is_some_and(|cells| cells.iter().all(|cell| *cell == ' '))
        };
        if let Some((from, text)) = starts.iter().find(fits).cloned() {
            row.iter_mut().skip(from).zip(text).for_each(|(cell, c)| *cell = c);
        }
    }
    row.into_iter().collect::<String>().trim_end().to_owned()
}

/// A text at the beginning of each sixteenth; those that would touch are left out.
fn sixteenths(cells: u16, text: impl Fn(u32) -> String) -> String {
    let mut line = String::new();
    for part in 0..SIXTEENTHS {
        let at = usize::from(cells) * part as usize / SIXTEENTHS as usize;
        let length = line.chars().count();
        if part > 0 && length >= at {
            continue;
        }
        line.push_str(&" ".repeat(at - length));
        line.push_str(&text(part));
    }
    line
}

/// Over how long joins and leaves are told.
fn flow_window(survey: &SurveyPeersResponse) -> Option<String> {
    let reach = survey
        .at
        .zip(survey.flows_since)
        .map_or(TEN_MINUTES, |(at, since)| at.seconds.saturating_sub(since.seconds));
    (!survey.flows_10m.is_empty()).then(|| number::window(reach.clamp(1, TEN_MINUTES)))
}

/// Who came and who went, by sixteenth.
fn flows(survey: &SurveyPeersResponse, cells: u16) -> String {
    if survey.flows_10m.is_empty() {
        return String::new();
    }
    sixteenths(cells, |part| {
        let flow = survey.flows_10m.get(part as usize).copied().unwrap_or_default();
        match (flow.joined, flow.left) {
            (0, 0) => "·".to_owned(),
            (joined, left) => format!("+{joined} −{left}"),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dot_is_a_whole_number_of_bins() {
        assert_eq!(
            [dots(928, 232), dots(928, 152), dots(928, 492), dots(928, 0), dots(0, 9)],
            [232, 116, 464, 0, 0]
        );
        assert_eq!(fold(&[1, 2, 3, 4], 2, 2), [Some(3.0), Some(7.0)]);
        assert_eq!(fold(&[1, 2, 3, 4], 2, 4), [Some(3.0), Some(3.0), Some(7.0), Some(7.0)]);
        assert_eq!(fold(&[], 0, 0), []);
        assert_eq!([parts(232, 3_486), parts(232, 109), parts(232, 0), parts(0, 9)], [232, 29, 29, 0]);
    }

    #[test]
    fn texts_of_sixteenths_do_not_touch() {
        assert_eq!(sixteenths(32, |part| format!("{part:x}")), "0 1 2 3 4 5 6 7 8 9 a b c d e f");
        assert_eq!(sixteenths(16, |_| "ab".into()).matches("ab").count(), 6);
        assert_eq!(sixteenths(0, |_| "ab".into()), "ab");
    }
}
