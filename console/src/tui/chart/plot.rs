//! A line and a filled line in braille: two columns and four levels a cell. In ASCII both are
//! columns of `#`.

use super::scale::Scale;

/// Dots of a cell by level from the bottom; left column, right column.
const DOTS: [[u8; 4]; 2] = [[0x40, 0x04, 0x02, 0x01], [0x80, 0x20, 0x10, 0x08]];

/// How values become dots.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// A line: a rate or a level.
    Line,
    /// Filled from the bottom: what can be zero.
    Filled,
}

/// Rows of a chart, top first, `width` cells each: the values stand at the right edge, two a
/// cell. `mark` draws a `┊` in the column of the value with that number, if it is blank.
#[must_use]
pub fn plot(
    values: &[Option<f64>],
    scale: Scale,
    (width, height): (u16, u16),
    shape: Shape,
    mark: Option<usize>,
    ascii: bool,
) -> Vec<String> {
    let (width, height) = (usize::from(width), usize::from(height));
    let space = width * 2;
    let skip = values.len().saturating_sub(space);
    let values = values.get(skip..).unwrap_or_default();
    let before = space - values.len();
    let value_at = |dot: usize| dot.checked_sub(before).and_then(|at| values.get(at)).copied().flatten();
    let marked = mark.and_then(|mark| mark.checked_sub(skip)).map(|mark| (mark + before) / 2);
    let levels = u32::try_from(height * 4).unwrap_or(4);
    let mut cells = vec![vec![0_u8; width]; height];
    let mut last: Option<u32> = None;
    for dot in 0..space {
        let level = value_at(dot).map(|value| scale.level(value, levels));
        if let Some(level) = level {
            let (from, to) = match (shape, last) {
                (Shape::Filled, _) => (0, level),
                (Shape::Line, None) => (level, level),
                // The line goes on from beside the last dot to this one.
                (Shape::Line, Some(last)) if last < level => (last + 1, level),
                (Shape::Line, Some(last)) if last > level => (level, last - 1),
                (Shape::Line, Some(_)) => (level, level),
            };
            for lit in from..=to {
                let (row, part) = (lit as usize / 4, lit as usize % 4);
                if let Some(cell) = cells.get_mut(height - 1 - row).and_then(|row| row.get_mut(dot / 2)) {
                    *cell |= DOTS[dot % 2][part];
                }
            }
        }
        last = level;
    }
    let blank = |column: usize| value_at(column * 2).is_none() && value_at(column * 2 + 1).is_none();
    let draw = |row: usize, column: usize, cell: u8| {
        if marked == Some(column) && blank(column) {
            return if ascii { '|' } else { '┊' };
        }
        match (cell, ascii) {
            (0, false) => ' ',
            (dots, false) => char::from_u32(0x2800 + u32::from(dots)).unwrap_or(' '),
            (_, true) => {
                column_of_signs(&[value_at(column * 2), value_at(column * 2 + 1)], scale, height, row)
            }
        }
    };
    cells
        .iter()
        .enumerate()
        .map(|(row, cells)| cells.iter().enumerate().map(|(column, cell)| draw(row, column, *cell)).collect())
        .collect()
}

/// In ASCII a cell is filled when the mean of its values reaches it.
fn column_of_signs(values: &[Option<f64>; 2], scale: Scale, height: usize, row: usize) -> char {
    let (sum, number) =
        values.iter().flatten().fold((0.0, 0_u8), |(sum, number), value| (sum + value, number + 1));
    if number == 0 {
        return ' ';
    }
    let levels = u32::try_from(height).unwrap_or(1);
    let level = scale.level(sum / f64::from(number), levels) as usize;
    if level >= height - 1 - row { '#' } else { ' ' }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCALE: Scale = Scale { low: 0.0, high: 7.0 };

    fn draw(values: &[Option<f64>], width: u16, shape: Shape, ascii: bool) -> Vec<String> {
        plot(values, SCALE, (width, 2), shape, None, ascii)
    }

    #[test]
    fn a_line_rises_from_the_lower_left_to_the_upper_right() {
        let values: Vec<_> = (0..8).map(|value| Some(f64::from(value))).collect();
        assert_eq!(draw(&values, 4, Shape::Line, false), ["  ⡠⠊", "⡠⠊  "]);
    }

    #[test]
    fn a_filled_line_stands_on_the_bottom() {
        assert_eq!(
            draw(&[Some(7.0), Some(3.0), Some(0.0), Some(0.0)], 2, Shape::Filled, false),
            ["⡇ ", "⣿⣀"]
        );
    }

    #[test]
    fn values_stand_at_the_right_edge_and_gaps_are_blank() {
        assert_eq!(draw(&[Some(0.0), None, None, Some(0.0)], 4, Shape::Line, false), ["    ", "  ⡀⢀"]);
        assert_eq!(draw(&[], 2, Shape::Line, false), ["  ", "  "]);
    }

    #[test]
    fn more_values_than_dots_lose_the_oldest() {
        assert_eq!(draw(&[Some(7.0), Some(0.0), Some(0.0)], 1, Shape::Line, false), [" ", "⣀"]);
    }

    #[test]
    fn a_restart_is_marked_where_nothing_was_measured() {
        let values = [Some(0.0), Some(0.0), None, None, Some(0.0), Some(0.0)];
        assert_eq!(plot(&values, SCALE, (3, 1), Shape::Line, Some(3), false), ["⣀┊⣀"]);
        assert_eq!(plot(&values, SCALE, (3, 1), Shape::Line, Some(0), false), ["⣀ ⣀"]);
    }

    #[test]
    fn in_ascii_a_chart_is_columns_of_signs() {
        let values = [Some(7.0), Some(7.0), None, None, Some(0.0), Some(0.0)];
        assert_eq!(draw(&values, 3, Shape::Line, true), ["#  ", "# #"]);
    }
}
