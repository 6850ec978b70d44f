//! Above the Overview while the hydra takes in more than it can do: the cause, what is given up
//! for it, what is kept. Says only what is measured.

use hydra_protocol::v1::{DaemonState, Finding};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::paint::{self, cut, left, span, title};
use super::theme::{Meaning, Theme};
use crate::tui::number::{clock, count, millis, rate, span as for_so_long};
use crate::tui::state::Hydra;

/// A name, and what is said.
type Row = (&'static str, String);

/// What there is to say; nothing while the load is normal.
fn told(hydra: &Hydra) -> Vec<Row> {
    let status = &hydra.status;
    if status.load_level == 0 && status.state() != DaemonState::Overloaded {
        return Vec::new();
    }
    let mut cause = Vec::new();
    cause.extend(status.commit_p99_seconds.map(|p99| format!("commit p99 {}", millis(p99))));
    cause.push(format!("{} records not on disk yet", count(status.records_unsaved)));
    let mut rows = vec![("cause", cause.join(" · "))];
    let mut drops: Vec<_> = status.drops.iter().filter(|drop| drop.count > 0).collect();
    drops.sort_by_key(|drop| std::cmp::Reverse(drop.count));
    let drops: Vec<String> =
        drops.iter().take(4).map(|drop| format!("{} {}", drop.reason, count(drop.count))).collect();
    if !drops.is_empty() {
        rows.push(("dropped", format!("since the start: {}", drops.join(" · "))));
    }
    if let Some(prefetch) = status.prefetch.as_ref().filter(|prefetch| !prefetch.paused_reason.is_empty()) {
        let why = &prefetch.paused_reason;
        rows.push(("stopped", format!("prefetch ({why}): misses are answered with closer peers only")));
    }
    let mut kept = Vec::new();
    kept.extend(status.get_providers_p99_seconds_1m.map(|p99| format!("GET_PROVIDERS p99 {}", millis(p99))));
    kept.extend(hydra.requests().map(|requests| format!("{}/s in", rate(requests))));
    kept.push(format!("{} of {} heads serve", status.heads_serving, status.heads));
    rows.push(("kept", kept.join(" · ")));
    let lasting = status.warnings.iter().filter(|warning| warning.until.is_none());
    let remedies: Vec<&str> =
        lasting.map(|warning| warning.remedy.as_str()).filter(|remedy| !remedy.is_empty()).take(2).collect();
    let remedies = if remedies.is_empty() { vec!["hydractl doctor"] } else { remedies };
    rows.push(("do", remedies.join(" · ")));
    rows
}

/// Rows of the pane with its title.
pub(super) fn rows(hydra: &Hydra) -> u16 {
    match told(hydra).len() {
        0 => 0,
        rows => u16::try_from(rows + 1).unwrap_or(7),
    }
}

pub(super) fn draw(buffer: &mut Buffer, area: Rect, hydra: &Hydra, theme: &Theme) {
    let status = &hydra.status;
    let lasting = status.warnings.iter().filter(|warning| warning.until.is_none());
    let worst = lasting.min_by_key(|warning| warning.severity() != Finding::Fail);
    let what = match worst {
        Some(warning) => {
            let since = warning.since.map_or_else(String::new, |since| {
                let lasts = hydra.clock().saturating_sub(since.seconds) as f64;
                format!(" since {} ({})", clock(since.seconds), for_so_long(lasts))
            });
            format!("Load {}{since}: {}", status.load_level, warning.text)
        }
        None => format!("Load {}: hydrad takes in more than it can do", status.load_level),
    };
    title(buffer, area, theme, &what, "");
    for (row, (name, text)) in (1..area.height).zip(told(hydra)) {
        let name = span(theme, Meaning::Title, format!(" {}", left(name, 10)));
        let text = Span::raw(cut(&text, area.width.saturating_sub(12)));
        paint::line(buffer, area, row, Line::from(vec![name, text]));
    }
}
