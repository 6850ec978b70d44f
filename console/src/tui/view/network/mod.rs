//! *Network*: is our picture of the network true, what would more heads buy, what comes in and
//! goes out, and can strangers reach us.

mod charts;
mod groups;
mod load;
mod reach;
mod requests;
mod size;

pub(super) use reach::transports;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::paint::{inset, top};
use super::theme::Theme;
use super::{Size, feed, plot};
use crate::tui::state::{Hydra, State};

/// Cells of the charts on the left, and between them and the texts.
const CHARTS: u16 = 57;
const GAP: u16 = 2;
/// Rows of the plot of the crawl, and the fewest of the bandwidths.
const CRAWL_PLOT: u16 = 5;
const LEAST_PLOT: u16 = 3;

pub(super) fn draw(buffer: &mut Buffer, area: Rect, size: Size, state: &State, hydra: &Hydra, theme: &Theme) {
    match (size, state.expanded()) {
        (Size::List, _) => size::draw(buffer, area, size, state, hydra, theme),
        (_, Some(pane)) => {
            let chart = [&charts::CRAWL, &charts::BYTES_IN, &charts::BYTES_OUT][pane.min(2)];
            plot::draw(buffer, area, chart, state, hydra, theme);
        }
        (Size::Full, None) => full(buffer, area, state, hydra, theme),
        (_, None) => standard(buffer, area, size, state, hydra, theme),
    }
    feed::age(buffer, area, state, theme);
}

/// Left and right.
fn halves(area: Rect) -> (Rect, Rect) {
    let left = Rect { width: CHARTS.min(area.width), ..area };
    (left, inset(area, CHARTS + GAP))
}

fn full(buffer: &mut Buffer, area: Rect, state: &State, hydra: &Hydra, theme: &Theme) {
    let (block, rest) = top(area, CRAWL_PLOT + plot::FRAME);
    let (left, right) = halves(block);
    plot::draw(buffer, left, &charts::CRAWL, state, hydra, theme);
    size::draw(buffer, right, Size::Full, state, hydra, theme);
    let rest = requests::draw(buffer, rest, Size::Full, state, hydra, theme);
    let (left, right) = halves(rest);
    let (above, below) = top(left, left.height / 2);
    for (block, chart) in [(above, &charts::BYTES_IN), (below, &charts::BYTES_OUT)] {
        if block.height >= LEAST_PLOT + plot::FRAME {
            plot::draw(buffer, block, chart, state, hydra, theme);
        }
    }
    let right = load::draw(buffer, right, hydra, theme);
    let right = reach::draw(buffer, right, hydra, theme);
    groups::draw(buffer, right, hydra, theme);
}

fn standard(buffer: &mut Buffer, area: Rect, size: Size, state: &State, hydra: &Hydra, theme: &Theme) {
    let (block, rest) = top(area, size::rows(size));
    size::draw(buffer, block, size, state, hydra, theme);
    // the table first: which RPC is slow says more than when the network grew
    let table = requests::rows(hydra);
    let chart = rest.height.saturating_sub(table).min(CRAWL_PLOT + plot::FRAME + 6);
    let chart = if size == Size::Standard && chart >= LEAST_PLOT + plot::FRAME { chart } else { 0 };
    let (block, rest) = top(rest, chart);
    plot::draw_if(buffer, block, &charts::CRAWL, state, hydra, theme);
    let rest = requests::draw(buffer, rest, size, state, hydra, theme);
    let rest = reach::draw(buffer, rest, hydra, theme);
    groups::draw(buffer, rest, hydra, theme);
}
