//! The page of one head: who should list it and does not, whether it is connected into every
//! distance, what it is asked, and whether strangers reach it.

mod buckets;
mod facts;
mod nearest;
mod strip;
mod text;

use hydra_protocol::v1::{Head, HeadState};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::paint::{self, inset, span, split, title, top};
use super::theme::{Meaning, Theme};
use super::{Size, feed};
use crate::tui::number;
use crate::tui::state::feed::Ask;
use crate::tui::state::wants::neighbourhood;
use crate::tui::state::{Hydra, State};

/// Cells of the nearest peers, and between them and the buckets.
const NEAREST: u16 = 66;
const NEAREST_STANDARD: u16 = 44;
const GAP: u16 = 2;

pub(super) fn draw(
    buffer: &mut Buffer,
    area: Rect,
    size: Size,
    name: &str,
    state: &State,
    hydra: &Hydra,
    theme: &Theme,
) {
    let Some(head) = hydra.head(name) else {
        title(buffer, area, theme, &format!("Heads ▸ {name}"), "");
        paint::line(buffer, area, 1, format!(" {name} is gone: it was removed. Esc goes back."));
        return;
    };
    match size {
        Size::Full | Size::Standard => wide(buffer, area, size, head, state, hydra, theme),
        _ => text::draw(buffer, area, head, state, hydra, theme),
    }
    feed::age(buffer, area, state, theme);
}

fn wide(
    buffer: &mut Buffer,
    area: Rect,
    size: Size,
    head: &Head,
    state: &State,
    hydra: &Hydra,
    theme: &Theme,
) {
    let (block, rest) = top(area, 2);
    identity(buffer, block, size, head, state, hydra, theme);
    let facts = facts::lines(head, hydra, area.width);
    let facts_rows = u16::try_from(facts.len()).unwrap_or(4).min(rest.height);
    let (body, below) = top(rest, rest.height - facts_rows);
    facts::draw(buffer, below, &facts, theme);
    let around = neighbourhood(hydra, &head.name);
    let survey = around.as_ref().and_then(|ask| hydra.feeds.around(ask));
    let body = match (size, &around, survey) {
        (Size::Full, Some(ask), Some(survey)) => {
            let (block, rest) = top(body, strip::ROWS);
            strip::draw(buffer, block, head, ask, survey, theme);
            rest
        }
        _ => body,
    };
    let peers = survey.map_or(&[][..], |survey| survey.peers.as_slice());
    let told = hydra.feeds.head(&head.name);
    if let Some(nothing) = feed::nothing(state, hydra, &Ask::Head(head.name.clone()), told.is_some()) {
        title(buffer, body, theme, "20 nearest peers", "");
        nothing.draw(buffer, top(body, 1).1, theme);
        return;
    }
    let Some(told) = told else { return };
    let cells = if size == Size::Full { NEAREST } else { NEAREST_STANDARD };
    let left = Rect { width: cells.min(body.width), ..body };
    nearest::draw(buffer, left, told, peers, state, theme);
    let right = inset(body, cells + GAP);
    let right = buckets::draw(buffer, right, &told.buckets, theme);
    facts::requests(buffer, right, head, theme);
}

/// Who it is, and where.
fn identity(
    buffer: &mut Buffer,
    area: Rect,
    size: Size,
    head: &Head,
    state: &State,
    hydra: &Hydra,
    theme: &Theme,
) {
    let since = match (state.age(), head.state(), &head.serving_since) {
        (Some(_), ..) => format!("as of {}", number::clock(hydra.clock())),
        (None, HeadState::Serving, since @ Some(_)) => {
            format!("serving since {}", number::date(since.as_ref()))
        }
        _ => {
            let (_, word) = crate::tui::state::hydra::state_word(head.state());
            match head.state_reason.as_str() {
                "" => word.to_owned(),
                why => format!("{word}: {why}"),
            }
        }
    };
    let key: String = head.key.iter().take(12).map(|byte| format!("{byte:02x}")).collect();
    let place = format!("key {key}…  index {} of the seed", head.index);
    let addresses = if head.addresses.is_empty() {
        format!("announces nothing; listens on {} port {}", head.listen_ip, head.port)
    } else {
        head.addresses.join("  ")
    };
    if size == Size::Full {
        let start = Line::from(vec![
            span(theme, Meaning::Title, format!("Heads ▸ {}   ", head.name)),
            Span::raw(head.peer_id.clone()),
        ]);
        let room = area.width.saturating_sub(u16::try_from(start.width()).unwrap_or(u16::MAX) + 2);
        split(buffer, area, 0, start, Line::from(paint::cut(&since, room)));
        let room = area.width.saturating_sub(paint::width(&place) + 8);
        paint::line(buffer, area, 1, format!("{place}        {}", paint::cut(&addresses, room)));
        return;
    }
    title(buffer, area, theme, &format!("Heads ▸ {}", head.name), &paint::cut(&since, 45));
    let short =
        format!(" {}  key {}  {addresses}", number::short_id(&head.peer_id), number::short_key(&head.key));
    paint::line(buffer, area, 1, paint::cut(&short, area.width));
}
