//! A stretch of the keyspace in cells: sixteen equal parts, each of 1, 2, 4, 7, 14 or 28 cells, so
//! that no part of what the daemon counted falls into two cells.

use ratatui::layout::Rect;

use super::paint::inset;

/// Cells before the picture.
pub(super) const LABEL: u16 = 8;

/// Cells of a sixteenth, widest first; each divides what the daemon counts.
const WIDTHS: [u16; 6] = [28, 14, 7, 4, 2, 1];

/// Where a strip is drawn on a page of this width.
pub(super) fn area(page: Rect) -> Rect {
    let room = inset(page, LABEL);
    let width = WIDTHS.into_iter().find(|width| width * 16 <= room.width).unwrap_or(0);
    Rect { width: width * 16, ..room }
}

/// Numbers of many parts, in so many cells.
pub(super) fn cells(bins: &[u32], cells: u16) -> Vec<u64> {
    let cells = usize::from(cells);
    if cells == 0 || bins.is_empty() {
        return Vec::new();
    }
    let mut sums = vec![0; cells];
    for (at, count) in bins.iter().enumerate() {
        if let Some(sum) = sums.get_mut(at * cells / bins.len()) {
            *sum += u64::from(*count);
        }
    }
    sums
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parts_of_the_daemon_make_whole_cells_at_every_width() {
        for width in 0..400 {
            let drawn = area(Rect { x: 0, y: 0, width, height: 1 });
            assert!(drawn.width + LABEL <= width || drawn.width == 0);
            assert!(drawn.width == 0 || crate::tui::state::wants::PARTS.is_multiple_of(drawn.width.into()));
        }
        assert_eq!(area(Rect { x: 0, y: 0, width: 120, height: 1 }).width, 112);
        assert_eq!(cells(&[1, 2, 3, 4], 2), [3, 7]);
        assert_eq!(cells(&[], 2), [0; 0]);
    }
}
