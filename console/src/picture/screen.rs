//! A screen of cells as a picture: as SVG for pages and reports, as PNG for chats.
//!
//! Letters are written in a font of equal widths; lines, blocks and braille are drawn, so that
//! they join whatever the viewer does with fonts.

mod pixels;
mod shapes;

use std::fmt::Write as _;

use data_encoding::BASE64;
use plotters::style::RGBColor;
use ratatui::buffer::{Buffer, Cell};
use ratatui::style::{Color, Modifier};

use self::shapes::Shape;
use super::canvas::{Size, Unwritable};
use super::{Kind, Theme};

/// Pixels of a cell before scaling.
const CELL: (u32, u32) = (9, 18);
/// Pixels around the screen before scaling.
const MARGIN: u32 = 9;
/// The size at which a letter of the font is as wide as a cell.
const LETTER: f32 = 14.949;
/// Pixels from the top of a cell to the line that letters stand on, before scaling.
const BASELINE: u32 = 14;
/// Letters of equal widths (assets/font).
const FONT: &[u8] = include_bytes!("../../../assets/font/DejaVuSansMono-subset.ttf");
/// Their name.
const FAMILY: &str = "DejaVu Sans Mono";

/// Draws what a screen shows.
///
/// # Errors
/// When a picture of this size cannot be drawn.
pub fn draw(screen: &Buffer, theme: Theme, kind: Kind) -> Result<Vec<u8>, Unwritable> {
    match kind {
        Kind::Svg => Ok(svg(screen, theme).into_bytes()),
        Kind::Png(scale) => pixels::png(screen, theme, scale),
    }
}

/// What a screen shows as lines of text.
#[must_use]
pub fn text(screen: &Buffer) -> String {
    let width = usize::from(screen.area.width.max(1));
    let line = |cells: &[Cell]| {
        let mut text = String::new();
        let mut hidden = 0;
        for cell in cells {
            // a wide character covers the cells after it
            if hidden == 0 {
                text.push_str(cell.symbol());
                hidden = unicode_width::UnicodeWidthStr::width(cell.symbol()).max(1);
            }
            hidden -= 1;
        }
        text.trim_end().to_owned() + "\n"
    };
    screen.content.chunks(width).map(line).collect()
}

/// How a cell looks.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Look {
    ink: RGBColor,
    ground: RGBColor,
    bold: bool,
    underlined: bool,
}

impl Look {
    fn of(cell: &Cell, theme: Theme) -> Self {
        let mut ink = colour(cell.fg, theme).unwrap_or(theme.text());
        let mut ground = colour(cell.bg, theme).unwrap_or(theme.ground());
        if cell.modifier.contains(Modifier::DIM) {
            ink = between(ink, ground);
        }
        if cell.modifier.contains(Modifier::REVERSED) {
            std::mem::swap(&mut ink, &mut ground);
        }
        let has = |modifier| cell.modifier.contains(modifier);
        Self { ink, ground, bold: has(Modifier::BOLD), underlined: has(Modifier::UNDERLINED) }
    }
}

/// The colours of the terminal's sixteen that screens use.
fn colour(colour: Color, theme: Theme) -> Option<RGBColor> {
    let (light, dark) = match colour {
        Color::Green => (RGBColor(0x1a, 0x7f, 0x37), RGBColor(0x57, 0xab, 0x5a)),
        Color::Yellow => (RGBColor(0x9a, 0x67, 0x00), RGBColor(0xc6, 0x90, 0x26)),
        Color::Red => (RGBColor(0xcf, 0x22, 0x2e), RGBColor(0xe5, 0x53, 0x4b)),
        Color::Cyan => (RGBColor(0x1b, 0x7c, 0x83), RGBColor(0x39, 0xc5, 0xcf)),
        Color::Blue => (RGBColor(0x09, 0x69, 0xda), RGBColor(0x53, 0x9b, 0xf5)),
        Color::Magenta => (RGBColor(0x82, 0x50, 0xdf), RGBColor(0xb0, 0x83, 0xf0)),
        _ => return None,
    };
    Some(if theme == Theme::Light { light } else { dark })
}

fn between(a: RGBColor, b: RGBColor) -> RGBColor {
    let mean = |a: u8, b: u8| ((u16::from(a) * 11 + u16::from(b) * 9) / 20) as u8;
    RGBColor(mean(a.0, b.0), mean(a.1, b.1), mean(a.2, b.2))
}

fn size(screen: &Buffer) -> Size {
    Size {
        width: u32::from(screen.area.width) * CELL.0 + 2 * MARGIN,
        height: u32::from(screen.area.height) * CELL.1 + 2 * MARGIN,
    }
}

/// Calls for each run of cells that look the same: row, first column, cells, look, text. What is
/// drawn stands as a blank in the text.
fn runs(screen: &Buffer, theme: Theme, mut each: impl FnMut(u32, u32, u32, Look, &str)) {
    let width = usize::from(screen.area.width.max(1));
    for (row, cells) in (0..).zip(screen.content.chunks(width)) {
        let mut run: Option<(u32, u32, Look, String)> = None;
        for (column, cell) in (0..).zip(cells) {
            let look = Look::of(cell, theme);
            let drawn = Shape::of(cell.symbol()).is_some();
            let text = if drawn { " " } else { cell.symbol() };
            match &mut run {
                Some((_, number, same, all)) if *same == look => {
                    *number += 1;
                    all.push_str(text);
                }
                _ => {
                    if let Some((first, number, look, all)) = run.take() {
                        each(row, first, number, look, &all);
                    }
                    run = Some((column, 1, look, text.to_owned()));
                }
            }
        }
        if let Some((first, number, look, all)) = run {
            each(row, first, number, look, &all);
        }
    }
}

/// Calls for each rectangle of what is drawn: x, y, width, height in pixels before scaling, ink.
fn rectangles(screen: &Buffer, theme: Theme, mut each: impl FnMut([f64; 4], RGBColor)) {
    let width = usize::from(screen.area.width.max(1));
    for (row, cells) in (0_u32..).zip(screen.content.chunks(width)) {
        for (column, cell) in (0_u32..).zip(cells) {
            let Some(shape) = Shape::of(cell.symbol()) else { continue };
            let look = Look::of(cell, theme);
            let ink = if shape.is_shade() {
                between(between(look.ink, look.ground), look.ground)
            } else {
                look.ink
            };
            let (left, top) = (f64::from(MARGIN + column * CELL.0), f64::from(MARGIN + row * CELL.1));
            shape.rectangles((f64::from(CELL.0), f64::from(CELL.1)), |[x, y, width, height]| {
                each([left + x, top + y, width, height], ink);
            });
        }
    }
}

fn hex(colour: RGBColor) -> String {
    format!("#{:02x}{:02x}{:02x}", colour.0, colour.1, colour.2)
}

fn svg(screen: &Buffer, theme: Theme) -> String {
    let Size { width, height } = size(screen);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" \
         viewBox=\"0 0 {width} {height}\">\n<style>@font-face{{font-family:\"{FAMILY}\";\
         src:url(data:font/ttf;base64,{})}}text{{font:{LETTER}px \"{FAMILY}\",monospace;white-space:pre}}\
         .b{{font-weight:bold}}.u{{text-decoration:underline}}</style>\n\
         <rect width=\"100%\" height=\"100%\" rx=\"6\" fill=\"{}\"/>\n",
        BASE64.encode(FONT),
        hex(theme.ground()),
    );
    let mut letters = String::new();
    runs(screen, theme, |row, column, cells, look, text| {
        let (x, y) = (MARGIN + column * CELL.0, MARGIN + row * CELL.1);
        let wide = cells * CELL.0;
        if look.ground != theme.ground() {
            // writing into a string does not fail
            let (ground, high) = (hex(look.ground), CELL.1);
            writeln!(svg, "<rect x=\"{x}\" y=\"{y}\" width=\"{wide}\" height=\"{high}\" fill=\"{ground}\"/>")
                .unwrap_or_default();
        }
        let before = text.len() - text.trim_start().len();
        let words = text.trim();
        if words.is_empty() {
            return;
        }
        let x = x + before as u32 * CELL.0;
        let class = match (look.bold, look.underlined) {
            (true, true) => " class=\"b u\"",
            (true, false) => " class=\"b\"",
            (false, true) => " class=\"u\"",
            (false, false) => "",
        };
        let (y, ink) = (y + BASELINE, hex(look.ink));
        let wide = unicode_width::UnicodeWidthStr::width(words) as u32 * CELL.0;
        let words = words.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
        writeln!(
            letters,
            "<text x=\"{x}\" y=\"{y}\" textLength=\"{wide}\" fill=\"{ink}\"{class}>{words}</text>"
        )
        .unwrap_or_default();
    });
    let mut paths: Vec<(RGBColor, String)> = Vec::new();
    rectangles(screen, theme, |[x, y, width, height], ink| {
        let path = format!("M{x:.1} {y:.1}h{width:.1}v{height:.1}h-{width:.1}z");
        match paths.iter_mut().find(|(same, _)| *same == ink) {
            Some((_, all)) => all.push_str(&path),
            None => paths.push((ink, path)),
        }
    });
    for (ink, path) in paths {
        writeln!(letters, "<path fill=\"{}\" d=\"{path}\"/>", hex(ink)).unwrap_or_default();
    }
    svg + &letters + "</svg>\n"
}

#[cfg(test)]
mod tests {
    use ratatui::layout::Rect;
    use ratatui::style::Style;

    use super::*;

    fn screen() -> Buffer {
        let mut screen = Buffer::empty(Rect::new(0, 0, 12, 2));
        screen.set_string(0, 0, "● <a> & ⣿█", Style::new().fg(Color::Green));
        screen.set_string(0, 1, "selected", Style::new().add_modifier(Modifier::REVERSED));
        screen
    }

    #[test]
    fn letters_are_written_and_blocks_are_drawn() {
        let svg = svg(&screen(), Theme::Light);
        assert!(svg.contains(">● &lt;a&gt; &amp;</text>"), "{svg}");
        assert!(svg.contains("#1a7f37"), "green on white");
        assert!(svg.contains("<path fill=\"#1a7f37\""), "{svg}");
        assert!(
            svg.contains("width=\"72\" height=\"18\" fill=\"#1f2328\""),
            "the ground of the selected row"
        );
        assert!(!svg.contains('⣿') && !svg.contains('█'));
    }

    #[test]
    fn a_png_has_the_size_of_its_cells() {
        let file = draw(&screen(), Theme::Dark, Kind::Png(2)).expect("a picture");
        assert_eq!(file[16..24], [0, 0, 0, 252, 0, 0, 0, 108]);
    }
}
