//! Lines, blocks and braille as rectangles in a cell.

/// What is drawn instead of written.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Shape {
    /// Eight dots: bit 0 to 7 as in Unicode.
    Braille(u8),
    /// Eighths from the bottom.
    Lower(u8),
    /// Eighths from the left.
    Left(u8),
    /// A light shade.
    Shade,
    /// Strokes from the middle: up, right, down, left.
    Line([bool; 4]),
    /// An upright line of dashes.
    Dashes,
}

impl Shape {
    /// The shape of a sign; `None`: it is written.
    pub(super) fn of(symbol: &str) -> Option<Self> {
        let c = symbol.chars().next()?;
        let eighths = |from: char| u8::try_from(u32::from(c) - u32::from(from)).unwrap_or(0);
        Some(match c {
            '\u{2800}'..='\u{28ff}' => Self::Braille(eighths('\u{2800}')),
            '▁'..='█' => Self::Lower(eighths('▁') + 1),
            '▉'..='▏' => Self::Left(7 - eighths('▉')),
            '░' => Self::Shade,
            '─' => Self::Line([false, true, false, true]),
            '│' => Self::Line([true, false, true, false]),
            '┤' => Self::Line([true, false, true, true]),
            '└' => Self::Line([true, true, false, false]),
            '┌' => Self::Line([false, true, true, false]),
            '┐' => Self::Line([false, false, true, true]),
            '┘' => Self::Line([true, false, false, true]),
            '┊' => Self::Dashes,
            _ => return None,
        })
    }

    pub(super) fn is_shade(self) -> bool {
        self == Self::Shade
    }

    /// Calls with x, y, width and height of each rectangle in a cell of this size.
    pub(super) fn rectangles(self, (width, height): (f64, f64), mut each: impl FnMut([f64; 4])) {
        let (middle, centre) = ((width / 2.0).floor(), (height / 2.0).floor());
        match self {
            Self::Braille(dots) => {
                // bits 0–2 and 6 are the left column, 3–5 and 7 the right one
                const PLACES: [(u8, u8); 8] =
                    [(0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (1, 2), (0, 3), (1, 3)];
                let (step_x, step_y) = (width / 2.0, height / 4.0);
                let dot = 2.4;
                for (bit, (x, y)) in PLACES.into_iter().enumerate() {
                    if dots >> bit & 1 == 1 {
                        let x = f64::from(x) * step_x + (step_x - dot) / 2.0;
                        let y = f64::from(y) * step_y + (step_y - dot) / 2.0;
                        each([x, y, dot, dot]);
                    }
                }
            }
            Self::Lower(eighths) => {
                let tall = height * f64::from(eighths) / 8.0;
                each([0.0, height - tall, width, tall]);
            }
            Self::Left(eighths) => each([0.0, 0.0, width * f64::from(eighths) / 8.0, height]),
            Self::Shade => each([0.0, 0.0, width, height]),
            Self::Line([up, right, down, left]) => {
                let strokes = [
                    (up, [middle, 0.0, 1.0, centre + 1.0]),
                    (right, [middle, centre, width - middle, 1.0]),
                    (down, [middle, centre, 1.0, height - centre]),
                    (left, [0.0, centre, middle + 1.0, 1.0]),
                ];
                strokes.into_iter().filter(|(drawn, _)| *drawn).for_each(|(_, stroke)| each(stroke));
            }
            Self::Dashes => {
                for part in 0..4_u8 {
                    each([middle, height / 4.0 * f64::from(part) + 1.0, 1.0, height / 4.0 - 2.0]);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shape_stays_in_its_cell() {
        for code in (0x2500..=0x259f).chain(0x2800..=0x28ff) {
            let symbol = char::from_u32(code).expect("a character").to_string();
            if let Some(shape) = Shape::of(&symbol) {
                shape.rectangles((9.0, 18.0), |[x, y, width, height]| {
                    assert!(x >= 0.0 && y >= 0.0 && x + width <= 9.0 && y + height <= 18.0, "{symbol}");
                });
            }
        }
    }

    #[test]
    fn blocks_count_in_eighths() {
        assert_eq!(Shape::of("█"), Some(Shape::Lower(8)));
        assert_eq!(Shape::of("▁"), Some(Shape::Lower(1)));
        assert_eq!(Shape::of("▏"), Some(Shape::Left(1)));
        assert_eq!(Shape::of("▉"), Some(Shape::Left(7)));
        assert_eq!(Shape::of("a"), None);
    }
}
