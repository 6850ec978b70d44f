//! Draws a state. Every view is a function of `&State` (or a part of it) and a theme; none keeps
//! or changes anything. This file chooses what fits the size; each pane has a file of its own.

pub mod paint;
pub mod theme;

mod charts;
mod dialog;
mod events;
mod feed;
mod footer;
mod grid;
mod head;
mod header;
mod heads;
mod limits;
mod list;
mod log;
mod narrow;
mod network;
mod no_daemon;
mod no_peers;
mod overload;
mod overview;
mod peers;
mod plot;
mod prefetch;
mod records;
mod strip;
mod table;
mod warming;
mod well;

use hydra_protocol::v1::DaemonState;
use ratatui::Frame;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::state::{Hydra, Link, Page, State};
use paint::top;
use theme::Theme;

/// How much fits: CONSOLE §1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Size {
    /// From 120×36.
    Full,
    /// From 80×24.
    Standard,
    /// From 60×16: one pane.
    Narrow,
    /// From 30×6: a list.
    List,
    /// One line.
    Line,
}

fn size(area: Rect) -> Size {
    match (area.width, area.height) {
        (120.., 36..) => Size::Full,
        (80.., 24..) => Size::Standard,
        (60.., 16..) => Size::Narrow,
        (30.., 6..) => Size::List,
        _ => Size::Line,
    }
}

/// Draws the state over the whole frame.
pub fn draw(frame: &mut Frame<'_>, state: &State, theme: &Theme) {
    let area = frame.area();
    picture(frame.buffer_mut(), area, state, theme);
}

/// Draws the state over an area, and nothing beside it.
pub fn picture(buffer: &mut Buffer, area: Rect, state: &State, theme: &Theme) {
    let size = size(area);
    match size {
        Size::Full | Size::Standard => wide(buffer, area, size, state, theme),
        Size::Narrow => narrow::draw(buffer, area, state, theme),
        Size::List => list::draw(buffer, area, state, theme),
        Size::Line => list::one_line(buffer, area, state, theme),
    }
    if let Some(dialog) = state.dialog() {
        dialog::draw(buffer, area, dialog, state, theme);
    }
    theme.finish(buffer);
}

fn wide(buffer: &mut Buffer, area: Rect, size: Size, state: &State, theme: &Theme) {
    let (head, rest) = top(area, 2);
    let (body, foot) = top(rest, rest.height.saturating_sub(1));
    header::draw(buffer, head, size, state, theme);
    footer::draw(buffer, foot, state, theme);
    let body = match state.link() {
        Link::Down { cause, .. } => no_daemon::draw(buffer, body, cause, theme),
        Link::Connecting | Link::Live { .. } => body,
    };
    let Some(hydra) = state.shown() else {
        no_daemon::nothing_yet(buffer, body, state, theme);
        return;
    };
    match state.page() {
        Page::Overview => match hydra.status.state() {
            DaemonState::Starting | DaemonState::Warming => warming::draw(buffer, body, state, hydra, theme),
            DaemonState::NoPeers => no_peers::draw(buffer, body, state, hydra, theme),
            _ => overview::draw(buffer, body, size, state, hydra, theme),
        },
        _ => page(buffer, body, size, state, hydra, theme),
    }
}

/// The pages besides the Overview; each chooses by `size` what fits.
fn page(buffer: &mut Buffer, body: Rect, size: Size, state: &State, hydra: &Hydra, theme: &Theme) {
    match state.page() {
        Page::Overview => {}
        Page::Heads => heads::page::draw(buffer, body, size, state, hydra, theme),
        Page::Head(name) => head::draw(buffer, body, size, name, state, hydra, theme),
        Page::Prefetch => prefetch::draw(buffer, body, size, state, hydra, theme),
        Page::Network => network::draw(buffer, body, size, state, hydra, theme),
        Page::Records => records::draw(buffer, body, size, state, hydra, theme),
        Page::Log => log::draw(buffer, body, state, hydra, theme),
        Page::Peers => peers::draw(buffer, body, size, state, hydra, theme),
        Page::Peer(id) => peers::peer::draw(buffer, body, id, state, hydra, theme),
    }
}

/// The end of the charts, in Unix seconds: the newest second while values arrive; when they do
/// not, the second that would be the newest.
fn end_of_time(state: &State, hydra: &Hydra) -> Option<i64> {
    let newest = hydra.history.newest()?;
    let silent = state.age().filter(|_| !state.is_frozen()).map_or(0, |age| age.as_secs());
    Some(newest + i64::try_from(silent).unwrap_or(0))
}
