//! How much room a printed line takes, and lines cut to a terminal.
//!
//! Knows the escape sequences that [`super::look`] paints with and no others: strangers' ones are
//! gone before a line is printed.

use unicode_width::UnicodeWidthChar as _;

/// Takes the colour of a painted text back.
const PLAIN: &str = "\x1b[0m";

/// A part of a line.
enum Part<'a> {
    /// A colour begins or ends: no room.
    Paint(&'a str),
    /// A character and its cells.
    Character(char, usize),
}

/// The parts of a line, in order.
fn parts(line: &str) -> impl Iterator<Item = Part<'_>> {
    let mut rest = line;
    std::iter::from_fn(move || {
        let first = rest.chars().next()?;
        if let Some(end) = rest.strip_prefix("\x1b[").and_then(|paint| paint.find('m')) {
            let (paint, after) = rest.split_at("\x1b[".len() + end + 1);
            rest = after;
            return Some(Part::Paint(paint));
        }
        rest = &rest[first.len_utf8()..];
        Some(Part::Character(first, first.width().unwrap_or(0)))
    })
}

/// Rows that a line takes on a terminal of so many columns; a blank line takes one.
#[must_use]
pub fn rows(line: &str, columns: usize) -> usize {
    let cells: usize = parts(line)
        .map(|part| match part {
            Part::Paint(_) => 0,
            Part::Character(_, cells) => cells,
        })
        .sum();
    cells.div_ceil(columns.max(1)).max(1)
}

/// The line as far as it fits; colour does not leak out of what is cut.
#[must_use]
pub fn cut(line: &str, columns: usize) -> String {
    let mut text = String::with_capacity(line.len());
    let (mut used, mut painted) = (0, false);
    for part in parts(line) {
        match part {
            Part::Paint(paint) => {
                painted = paint != PLAIN;
                text += paint;
            }
            Part::Character(_, cells) if used + cells > columns => break,
            Part::Character(c, cells) => {
                used += cells;
                text.push(c);
            }
        }
    }
    if painted {
        text += PLAIN;
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_line_is_cut_by_cells_and_loses_no_colour() {
        assert_eq!(cut("\x1b[32m●\x1b[0m lerna", 4), "\x1b[32m●\x1b[0m le");
        assert_eq!(cut("\x1b[32mserving\x1b[0m", 3), "\x1b[32mser\x1b[0m");
        assert_eq!(cut("日本語", 3), "日");
        assert_eq!(cut("short", 80), "short");
        assert_eq!((rows("", 80), rows("\x1b[1m12345\x1b[0m", 5), rows("123456", 5)), (1, 1, 2));
    }

    proptest! {
        #[test]
        fn no_line_is_wider_than_it_may(line in ".*", columns in 0_usize..40) {
            let cut = cut(&line, columns);
            prop_assert!(columns == 0 || rows(&cut, columns) == 1, "{cut:?}");
        }
    }
}
