//! The pen: text, lines and what stands on every picture.

use plotters::backend::DrawingBackend;
use plotters::coord::Shift;
use plotters::drawing::DrawingArea;
use plotters::element::{PathElement, Text};
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{Color as _, IntoFont as _, RGBColor, TextStyle};

use super::Theme;
use super::canvas::{Drawn, FAMILY};
use super::theme::GREY;

/// Sizes of letters in pixels before scaling.
pub(super) const TEXT: i32 = 15;
pub(super) const TITLE: i32 = 20;

/// Draws text and lines in the scale of the picture.
pub(super) struct Pen<'a, DB: DrawingBackend> {
    pub(super) area: &'a DrawingArea<DB, Shift>,
    pub(super) theme: Theme,
    pub(super) scale: i32,
}

impl<DB: DrawingBackend> Pen<'_, DB> {
    pub(super) fn text(
        &self,
        text: &str,
        at: (i32, i32),
        size: i32,
        side: HPos,
        colour: RGBColor,
    ) -> Drawn<DB> {
        let font = (FAMILY, size * self.scale).into_font();
        let style = TextStyle::from(font).color(&colour).pos(Pos::new(side, VPos::Top));
        self.area.draw(&Text::new(text.to_owned(), at, style))
    }

    pub(super) fn line(&self, points: Vec<(i32, i32)>, colour: RGBColor, width: u32) -> Drawn<DB> {
        let width = width * self.scale.unsigned_abs();
        self.area.draw(&PathElement::new(points, colour.stroke_width(width)))
    }

    /// A straight line of dashes.
    pub(super) fn dashes(&self, from: (i32, i32), to: (i32, i32), colour: RGBColor) -> Drawn<DB> {
        let dash = 4 * self.scale;
        let (long, upright) = ((to.0 - from.0).abs().max((to.1 - from.1).abs()), from.0 == to.0);
        for at in (0..long).step_by(2 * dash as usize) {
            let end = (at + dash).min(long);
            let place = |at: i32| if upright { (from.0, from.1 + at) } else { (from.0 + at, from.1) };
            self.line(vec![place(at), place(end)], colour, 1)?;
        }
        Ok(())
    }

    /// The ground, the title, and the version in the corner.
    pub(super) fn sheet(&self, title: &str, version: &str) -> Drawn<DB> {
        let (width, height) = self.area.dim_in_pixel();
        self.area.fill(&self.theme.ground())?;
        self.text(title, (10 * self.scale, 8 * self.scale), TITLE, HPos::Left, self.theme.text())?;
        let corner = (width as i32 - 10 * self.scale, height as i32 - 16 * self.scale);
        self.text(&format!("hydrad {version}"), corner, TEXT - 2, HPos::Right, GREY)
    }
}
