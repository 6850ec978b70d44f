//! *Last events*: what happened at that second. Newest first.

use hydra_protocol::v1::Event;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::paint::{self, left, sign, title};
use super::theme::Theme;
use crate::tui::number;
use crate::tui::state::Hydra;

pub(super) fn draw(buffer: &mut Buffer, area: Rect, hydra: &Hydra, theme: &Theme) {
    let dropped = match hydra.dropped {
        0 => String::new(),
        dropped => format!("this screen was slow: {} updates left out", number::count(dropped)),
    };
    title(buffer, area, theme, "Last events", &dropped);
    let (_, area) = paint::top(area, 1);
    if hydra.events.is_empty() {
        paint::line(buffer, area, 0, paint::span(theme, super::theme::Meaning::Quiet, " none yet"));
    }
    for (row, event) in (0..area.height).zip(hydra.events.iter().rev()) {
        paint::line(buffer, area, row, line(event, area.width, theme));
    }
}

/// One event: time, level, part, text.
pub(super) fn line(event: &Event, cells: u16, theme: &Theme) -> Line<'static> {
    let at = event.at.map_or_else(|| left("—", 8), |at| number::clock(at.seconds));
    let text = paint::cut(&event.text, cells.saturating_sub(22));
    Line::from(vec![
        Span::raw(format!(" {at} ")),
        sign(theme, event.level().into()),
        Span::raw(format!(" {}  {text}", left(&event.part, 8))),
    ])
}
