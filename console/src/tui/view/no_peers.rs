//! In place of the Overview while there is nobody to talk to: which step of the chain fails
//! first, and what to do. Later steps follow from it.

use hydra_protocol::v1::{Finding, NetworkCheck};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::paint::{self, left, title, top, wrap};
use super::theme::Theme;
use super::warming::finding;
use super::{Size, events, heads};
use crate::tui::number;
use crate::tui::state::{Hydra, State};

pub(super) fn draw(buffer: &mut Buffer, area: Rect, state: &State, hydra: &Hydra, theme: &Theme) {
    let status = &hydra.status;
    let checked = format!("as of {}", number::clock(hydra.clock()));
    title(buffer, area, theme, "Why there are no peers", &checked);
    let (_, mut rest) = top(area, 1);
    let mut say = |line: ratatui::text::Line<'static>| {
        paint::line(buffer, rest, 0, line);
        rest = top(rest, 1).1;
    };
    for check in &status.network {
        for (number, text) in wrap(&check.text, area.width.saturating_sub(15)).iter().enumerate().take(3) {
            match number {
                0 => say(finding(check.finding().into(), &check.name, text, theme)),
                _ => say(format!("   {}{text}", left("", 11)).into()),
            }
        }
    }
    say("".into());
    let (cause, remedy) = first_cause(&status.network);
    for (name, text) in [("First cause", cause), ("Do", remedy)] {
        for (number, text) in wrap(&text, area.width.saturating_sub(16)).iter().enumerate().take(4) {
            say(format!(" {}{text}", left(if number == 0 { name } else { "" }, 14)).into());
        }
    }
    say(format!(" {}by itself, for ever; nothing needs to be restarted", left("hydrad tries", 14)).into());
    say("".into());
    title(buffer, rest, theme, "Why there are no new records", "");
    let (_, below) = top(rest, 1);
    let kept = format!(
        " No peer lists our heads, so nobody sends them records; {} are kept.",
        number::count(status.records)
    );
    paint::line(buffer, below, 0, kept);
    let (_, rest) = top(below, 2);
    let heads_rows = u16::try_from(state.heads().len()).unwrap_or(u16::MAX).saturating_add(2);
    let (block, rest) = top(rest, if rest.height > heads_rows + 3 { heads_rows } else { 0 });
    if block.height > 0 {
        heads::draw(buffer, block, Size::Standard, state, hydra, theme);
    }
    if rest.height > 1 {
        events::draw(buffer, rest, hydra, theme);
    }
}

/// The first check that fails is the cause; what comes after follows.
fn first_cause(checks: &[NetworkCheck]) -> (String, String) {
    let failed = checks.iter().find(|check| check.finding() == Finding::Fail);
    let doubtful = || checks.iter().find(|check| check.finding() == Finding::Warn);
    match failed.or_else(doubtful) {
        Some(check) => {
            let remedy =
                if check.remedy.is_empty() { "hydractl status".to_owned() } else { check.remedy.clone() };
            (format!("{}: {}", check.name, check.text), remedy)
        }
        None => ("not known: no step of the chain has failed yet".to_owned(), "wait a minute".to_owned()),
    }
}
