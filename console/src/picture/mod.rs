//! Pictures for reports: charts of what was, as SVG or PNG.
//!
//! Comes in: series of values ([`Past`]). Goes out: the bytes of a file. Knows neither the wire nor
//! the clock: the same values give the same bytes.

mod axis;
mod canvas;
mod charts;
mod keyspace;
mod panel;
mod pen;
pub mod screen;
mod theme;

use std::collections::HashMap;

pub use canvas::{Size, Unwritable};
pub use charts::Chart;
pub use keyspace::{HeadAt, Keyspace};
pub use theme::Theme;

/// Values at equal steps, as the daemon kept them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Past {
    /// Name of the hydra.
    pub hydra: String,
    /// Version of the daemon.
    pub version: String,
    /// Unix second at which the first step begins, and the one after the last ends.
    pub begins: i64,
    pub ends: i64,
    /// Seconds of a step.
    pub step: u32,
    /// By name; NaN: not measured.
    pub series: HashMap<String, Vec<f32>>,
    /// Unix seconds at which the daemon started.
    pub starts: Vec<i64>,
}

impl Past {
    /// The values of a series; nothing where it is not kept.
    fn values(&self, name: &str) -> &[f32] {
        self.series.get(name).map_or(&[], Vec::as_slice)
    }
}

/// The kinds of files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// With the font in it.
    Svg,
    /// So many pixels for each of the size.
    Png(u32),
}

/// Draws a chart.
///
/// # Errors
/// When a picture of this size cannot be drawn.
pub fn draw(chart: &Chart, past: &Past, theme: Theme, size: Size, kind: Kind) -> Result<Vec<u8>, Unwritable> {
    let panels = chart.panels(past, theme);
    let title = chart.title(past);
    match kind {
        Kind::Svg => canvas::svg(size, |area| panel::draw_all(area, &title, &panels, past, theme, 1)),
        Kind::Png(scale) => {
            canvas::png(size, scale, |area| panel::draw_all(area, &title, &panels, past, theme, scale as i32))
        }
    }
}

/// Draws the ring of keys.
///
/// # Errors
/// When a picture of this size cannot be drawn.
pub fn draw_keyspace(keys: &Keyspace, theme: Theme, size: Size, kind: Kind) -> Result<Vec<u8>, Unwritable> {
    match kind {
        Kind::Svg => canvas::svg(size, |area| keyspace::draw(area, keys, theme, 1)),
        Kind::Png(scale) => canvas::png(size, scale, |area| keyspace::draw(area, keys, theme, scale as i32)),
    }
}
