//! Files: SVG with the font in it, PNG from pixels.

use std::sync::Once;

use data_encoding::BASE64;
use plotters::coord::Shift;
use plotters::drawing::DrawingAreaErrorKind;
use plotters::prelude::{BitMapBackend, DrawingArea, DrawingBackend, IntoDrawingArea as _, SVGBackend};
use plotters::style::{FontStyle, register_font};

/// The characters that pictures are written with (assets/font).
const FONT: &[u8] = include_bytes!("../../../assets/font/DejaVuSans-subset.ttf");

/// Its name, also for viewers that take an installed one.
pub(super) const FAMILY: &str = "DejaVu Sans";

/// Most pixels of a picture.
const PIXELS_MAX: u64 = 64_000_000;

/// Width and height.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size {
    pub width: u32,
    pub height: u32,
}

/// The picture could not be drawn.
#[derive(Debug, thiserror::Error)]
#[error("draw the picture: {0}")]
pub struct Unwritable(String);

impl Unwritable {
    pub(super) fn of(error: impl std::fmt::Display) -> Self {
        Self(error.to_string())
    }
}

/// What drawing on an area gives.
pub(super) type Drawn<DB> = Result<(), DrawingAreaErrorKind<<DB as DrawingBackend>::ErrorType>>;

pub(super) fn svg(
    size: Size,
    draw: impl for<'a> Fn(&DrawingArea<SVGBackend<'a>, Shift>) -> Drawn<SVGBackend<'a>>,
) -> Result<Vec<u8>, Unwritable> {
    know_font();
    let mut text = String::new();
    {
        let area = SVGBackend::with_string(&mut text, (size.width, size.height)).into_drawing_area();
        draw(&area).and_then(|()| area.present()).map_err(Unwritable::of)?;
    }
    let font = format!(
        "<style>@font-face{{font-family:\"{FAMILY}\";src:url(data:font/ttf;base64,{})}}</style>",
        BASE64.encode(FONT)
    );
    // after the opening tag
    if let Some(at) = text.find("<svg").and_then(|from| Some(from + text.get(from..)?.find('>')? + 1)) {
        text.insert_str(at, &font);
    }
    Ok(text.into_bytes())
}

pub(super) fn png(
    size: Size,
    scale: u32,
    draw: impl for<'a> Fn(&DrawingArea<BitMapBackend<'a>, Shift>) -> Drawn<BitMapBackend<'a>>,
) -> Result<Vec<u8>, Unwritable> {
    know_font();
    let (width, height) = (size.width * scale, size.height * scale);
    let mut pixels = sheet((width, height))?;
    {
        let area = BitMapBackend::with_buffer(&mut pixels, (width, height)).into_drawing_area();
        draw(&area).and_then(|()| area.present()).map_err(Unwritable::of)?;
    }
    encode(&pixels, (width, height))
}

/// Room for so many pixels of three bytes, black.
pub(super) fn sheet((width, height): (u32, u32)) -> Result<Vec<u8>, Unwritable> {
    let pixels = u64::from(width) * u64::from(height);
    if pixels == 0 || pixels > PIXELS_MAX {
        return Err(Unwritable(format!(
            "{width}x{height} are {pixels} pixels, at most {PIXELS_MAX} are drawn"
        )));
    }
    Ok(vec![0; 3 * pixels as usize])
}

/// The file of these pixels.
pub(super) fn encode(pixels: &[u8], (width, height): (u32, u32)) -> Result<Vec<u8>, Unwritable> {
    let mut file = Vec::new();
    let mut encoder = png::Encoder::new(&mut file, width, height);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    let mut writer = encoder.write_header().map_err(Unwritable::of)?;
    writer.write_image_data(pixels).map_err(Unwritable::of)?;
    writer.finish().map_err(Unwritable::of)?;
    Ok(file)
}

fn know_font() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        // the file is the one above: a test draws with it
        drop(register_font(FAMILY, FontStyle::Normal, FONT));
    });
}
