//! *Address groups*: how the heads of a group fare with the servers that should list them.

use hydra_protocol::v1::HeadGroup;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::super::paint::{self, left, right, sign, span, title, top};
use super::super::theme::{Meaning, Theme};
use crate::tui::number::count;
use crate::tui::state::{Hydra, Level};

pub(super) fn draw(buffer: &mut Buffer, area: Rect, hydra: &Hydra, theme: &Theme) {
    let Some(network) = hydra.feeds.network().filter(|network| !network.head_groups.is_empty()) else {
        return;
    };
    if area.height < 3 {
        return;
    }
    title(buffer, area, theme, "Address groups", "listed by half of their nearest");
    let (_, body) = top(area, 1);
    let names = format!(" {}{}{}", left("GROUP", 18), right("HEADS", 6), right("LISTED", 9));
    paint::line(buffer, body, 0, span(theme, Meaning::Title, names));
    let (_, body) = top(body, 1);
    for (row, group) in (0..body.height).zip(&network.head_groups) {
        paint::line(buffer, body, row, line(group, theme));
    }
}

fn line(group: &HeadGroup, theme: &Theme) -> Line<'static> {
    let listed = match group.measured {
        0 => "—".to_owned(),
        measured => format!("{}/{}", count(group.admitted.into()), count(measured.into())),
    };
    let mut words = vec![Span::raw(format!(
        " {}{}{}   ",
        left(&group.group, 18),
        right(&count(group.heads.into()), 6),
        right(&listed, 9)
    ))];
    if group.full > 0 {
        words.push(sign(theme, Level::Look));
        words.push(Span::raw(format!(" full at {} of them", count(group.full.into()))));
    }
    Line::from(words)
}
