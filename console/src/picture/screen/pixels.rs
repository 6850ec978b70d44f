//! A screen as pixels.

use ab_glyph::{Font as _, FontRef, PxScale, ScaleFont as _, point};
use plotters::style::RGBColor;
use ratatui::buffer::Buffer;

use super::super::canvas::{self, Unwritable};
use super::{BASELINE, CELL, FONT, LETTER, MARGIN, Theme, rectangles, runs, size};

/// The file of a screen, `scale` pixels for each of its size.
pub(super) fn png(screen: &Buffer, theme: Theme, scale: u32) -> Result<Vec<u8>, Unwritable> {
    let size = size(screen);
    let (width, height) = (size.width * scale, size.height * scale);
    let mut sheet = Sheet { pixels: canvas::sheet((width, height))?, width, height };
    let font = FontRef::try_from_slice(FONT).map_err(Unwritable::of)?;
    sheet.fill([0, 0, width, height], theme.ground());
    runs(screen, theme, |row, column, cells, look, text| {
        let (x, y) = ((MARGIN + column * CELL.0) * scale, (MARGIN + row * CELL.1) * scale);
        if look.ground != theme.ground() {
            sheet.fill([x, y, cells * CELL.0 * scale, CELL.1 * scale], look.ground);
        }
        let mut x = x;
        for letter in text.chars() {
            sheet.letter(&font, letter, (x, y + BASELINE * scale), scale, look.ink);
            x += unicode_width::UnicodeWidthChar::width(letter).unwrap_or(0) as u32 * CELL.0 * scale;
        }
    });
    rectangles(screen, theme, |[x, y, wide, high], ink| {
        let at = |pixel: f64| (pixel * f64::from(scale)).round() as u32;
        let (left, top) = (at(x), at(y));
        // a line that is thinner than a pixel is one
        sheet.fill([left, top, at(x + wide).max(left + 1) - left, at(y + high).max(top + 1) - top], ink);
    });
    canvas::encode(&sheet.pixels, (width, height))
}

/// Pixels of three bytes, row by row.
struct Sheet {
    pixels: Vec<u8>,
    width: u32,
    height: u32,
}

impl Sheet {
    /// Mixes ink into a pixel: 0 none, 1 all. Outside of the sheet nothing happens.
    fn mix(&mut self, (x, y): (u32, u32), ink: RGBColor, share: f32) {
        if x >= self.width || y >= self.height {
            return;
        }
        let at = 3 * (y as usize * self.width as usize + x as usize);
        if let Some(pixel) = self.pixels.get_mut(at..at + 3) {
            for (have, want) in pixel.iter_mut().zip([ink.0, ink.1, ink.2]) {
                let mixed = f32::from(*have) + (f32::from(want) - f32::from(*have)) * share.clamp(0.0, 1.0);
                *have = mixed.round() as u8;
            }
        }
    }

    fn fill(&mut self, [x, y, width, height]: [u32; 4], ink: RGBColor) {
        for row in y..y.saturating_add(height).min(self.height) {
            for column in x..x.saturating_add(width).min(self.width) {
                self.mix((column, row), ink, 1.0);
            }
        }
    }

    /// A letter that stands on a line; one that the font does not have is left out.
    fn letter(&mut self, font: &FontRef<'_>, letter: char, (x, y): (u32, u32), scale: u32, ink: RGBColor) {
        // the library counts from the ascender to the descender, not by the em
        let em = font.height_unscaled() / font.units_per_em().unwrap_or(2048.0);
        let scaled = font.as_scaled(PxScale::from(LETTER * em * scale as f32));
        let mut glyph = scaled.scaled_glyph(letter);
        glyph.position = point(x as f32, y as f32);
        let Some(outline) = font.outline_glyph(glyph) else { return };
        let (left, top) = (outline.px_bounds().min.x, outline.px_bounds().min.y);
        outline.draw(|column, row, share| {
            let (x, y) = (left + column as f32, top + row as f32);
            if x >= 0.0 && y >= 0.0 {
                self.mix((x as u32, y as u32), ink, share);
            }
        });
    }
}
