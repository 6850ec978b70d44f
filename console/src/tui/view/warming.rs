//! In place of the Overview while the hydra starts: what is done, what is awaited, what to expect.

use hydra_protocol::v1::HeadState;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::paint::{self, left, sign, title, top, wrap};
use super::theme::Theme;
use super::{Size, events, heads};
use crate::tui::number::{self, count};
use crate::tui::state::well::reading;
use crate::tui::state::{Hydra, Level, State};

struct Step {
    name: String,
    level: Level,
    text: String,
}

fn step(name: &str, level: Level, text: String) -> Step {
    Step { name: name.to_owned(), level, text }
}

fn steps(hydra: &Hydra) -> Vec<Step> {
    let status = &hydra.status;
    let number_in = |state| hydra.heads().filter(|head| head.state() == state).count();
    let (starting, failed) = (number_in(HeadState::Starting), number_in(HeadState::Failed));
    let opened = hydra.heads().count().saturating_sub(starting + failed);
    let heads = format!("{opened} of {} have opened their ports", status.heads);
    let heads = match (failed, starting, status.heads) {
        (_, _, 0) => step("heads", Level::Off, "there are none: hydractl heads add 5".to_owned()),
        (1.., _, _) => {
            let why = hydra.heads().find(|head| head.state() == HeadState::Failed);
            let why = why.map_or(String::new(), |head| format!("{}: {}", head.name, head.state_reason));
            step("heads", Level::Broken, format!("{heads}; {why}"))
        }
        (0, 1.., _) => step("heads", Level::Busy, heads),
        (0, 0, _) => step("heads", Level::Good, heads),
    };
    let mut steps = vec![step("control", Level::Good, "socket answers".to_owned()), heads];
    steps.push(match &status.belly_warming {
        Some(warming) if warming.day_read => {
            let rest = reading(warming).join(" · ");
            step("belly", Level::Good, format!("last 24 h read; the rest behind: {rest}"))
        }
        Some(warming) => {
            let text = format!("last 24 h: {}", reading(warming).join(" · "));
            // the second line stands by itself, as wide as it may be
            step("belly", Level::Busy, format!("{text}\n{WHY}"))
        }
        None => step("belly", Level::Good, format!("{} records", count(status.records))),
    });
    for check in &status.network {
        steps.push(step(&check.name, check.finding().into(), check.text.clone()));
    }
    if let Some((tcp, quic)) = status.reached_tcp.zip(status.reached_quic) {
        let reached = tcp.max(quic);
        let text = format!("{reached} of {} heads dialled back; each needs its own", status.heads);
        let level = if reached >= status.heads { Level::Good } else { Level::Busy };
        steps.push(step("reached", level, text));
    }
    let serving =
        format!("{} of {}: a head serves when what stands above is done", status.heads_serving, status.heads);
    let level = if status.heads_serving > 0 { Level::Good } else { Level::Off };
    steps.push(step("serving", level, serving));
    steps
}

/// Why heads wait for the belly.
const WHY: &str = "heads do not offer the DHT before: half a belly misleads";

pub(super) fn draw(buffer: &mut Buffer, area: Rect, state: &State, hydra: &Hydra, theme: &Theme) {
    let steps = steps(hydra);
    let done = steps.iter().filter(|step| step.level == Level::Good).count();
    title(buffer, area, theme, &format!("Starting: {done} of {} done", steps.len()), "");
    let (_, mut rest) = top(area, 1);
    let old = state.age().is_some();
    for step in &steps {
        let lines: Vec<String> =
            step.text.lines().flat_map(|line| wrap(line, rest.width.saturating_sub(13))).collect();
        for (number, text) in lines.iter().enumerate().take(2) {
            let mark = if number == 0 { super::well::sign(theme, step.level, old) } else { Span::raw(" ") };
            let name = if number == 0 { step.name.as_str() } else { "" };
            let words = Span::raw(format!(" {}{text}", left(name, 10)));
            paint::line(buffer, rest, 0, Line::from(vec![Span::raw(" "), mark, words]));
            rest = top(rest, 1).1;
        }
    }
    let rest = expectations(buffer, rest, hydra, theme);
    let heads_rows = u16::try_from(state.heads().len()).unwrap_or(u16::MAX).saturating_add(2);
    let (block, rest) = top(rest, heads_rows.min(rest.height.saturating_sub(3)));
    if block.height > 2 {
        heads::draw(buffer, block, Size::Standard, state, hydra, theme);
    }
    if rest.height > 1 {
        events::draw(buffer, rest, hydra, theme);
    }
}

/// What comes by itself, so that nobody mends what is not broken.
fn expectations(buffer: &mut Buffer, area: Rect, hydra: &Hydra, theme: &Theme) -> Rect {
    let status = &hydra.status;
    let connections = count(hydra.connections());
    let lines = [
        ("connections", format!("{connections} now; they come as peers learn of the heads")),
        ("peers", format!("{} live in table; the crawl brings more", count(status.peers_live))),
        ("presence", "full in 20–40 min, as peers refresh their tables".to_owned()),
        ("ADD_PROVIDER", "first in 10–30 min, all in 22 h, when each announced once".to_owned()),
        (
            "history",
            format!(
                "charts begin at {}; not measured is blank, not zero",
                number::clock(status.started_at.map_or(0, |at| at.seconds))
            ),
        ),
    ];
    title(buffer, area, theme, "What to expect", "");
    let (_, mut rest) = top(area, 1);
    for (name, text) in lines {
        paint::line(
            buffer,
            rest,
            0,
            format!(" {}{}", left(name, 14), paint::cut(&text, rest.width.saturating_sub(15))),
        );
        rest = top(rest, 1).1;
    }
    rest
}

/// A named finding, as the page of missing peers shows it too.
pub(super) fn finding(level: Level, name: &str, text: &str, theme: &Theme) -> Line<'static> {
    Line::from(vec![Span::raw(" "), sign(theme, level), Span::raw(format!(" {}{text}", left(name, 11)))])
}
