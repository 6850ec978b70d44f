//! Draws panels: axes, grid, layers, legend, restarts.

use plotters::backend::DrawingBackend;
use plotters::coord::Shift;
use plotters::drawing::DrawingArea;
use plotters::element::{Polygon, Rectangle};
use plotters::style::text_anchor::HPos;
use plotters::style::{Color as _, RGBColor};

use super::axis::{Axis, times};
use super::canvas::Drawn;
use super::pen::{Pen, TEXT};
use super::{Past, Theme};

/// Sizes in pixels before scaling.
const LEFT: i32 = 76;
const RIGHT: i32 = 76;
const TOP: i32 = 44;
const PANEL_TITLE: i32 = 28;
const AXIS: i32 = 22;
const LEGEND: i32 = 18;
const FOOT: i32 = 18;
const GAP: i32 = 10;

/// Between the strokes of a hatched area.
const HATCH: i32 = 6;

/// One chart of a picture.
pub(super) struct Panel {
    pub(super) title: String,
    pub(super) left: Axis,
    pub(super) right: Option<Axis>,
    pub(super) layers: Vec<Layer>,
    /// Its part of the height.
    pub(super) weight: u32,
    /// Panels stand side by side in so many columns.
    pub(super) columns: u32,
}

/// What a longer column has of its steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fold {
    Mean,
    Most,
}

/// Something drawn over the ones before.
pub(super) struct Layer {
    pub(super) name: String,
    /// Behind the name in the legend: a total, the most.
    pub(super) figure: String,
    pub(super) colour: RGBColor,
    pub(super) shape: Shape,
    pub(super) on_right: bool,
}

pub(super) enum Shape {
    Line {
        values: Vec<f32>,
        fold: Fold,
        dashed: bool,
    },
    /// From one value to another, at each step.
    Area {
        low: Vec<f32>,
        high: Vec<f32>,
        hatched: bool,
    },
    /// From zero up, or down, at each step.
    Bars {
        values: Vec<f32>,
    },
}

/// Where a panel's plot stands.
struct Frame<'a> {
    x: i32,
    y: i32,
    width: i32,
    height: i32,
    scale: i32,
    past: &'a Past,
}

impl Frame<'_> {
    /// The column of pixels of a Unix second.
    fn time(&self, second: i64) -> i32 {
        let length = (self.past.ends - self.past.begins).max(1);
        self.x + (i64::from(self.width) * (second - self.past.begins) / length) as i32
    }

    fn value(&self, axis: &Axis, value: f64) -> i32 {
        self.y + self.height - (axis.place(value) * f64::from(self.height)).round() as i32
    }

    /// Steps that become one column, so that none is thinner than a pixel.
    fn group(&self, steps: usize) -> usize {
        steps.div_ceil(usize::try_from(self.width / self.scale).unwrap_or(1).max(1)).max(1)
    }

    /// Where the middle of a group of steps stands.
    fn at(&self, group: usize, steps: usize) -> i32 {
        let step = i64::from(self.past.step.max(1));
        let middle = (group * steps) as i64 * step + steps as i64 * step / 2;
        self.time((self.past.begins + middle).min(self.past.ends))
    }
}

pub(super) fn draw_all<DB: DrawingBackend>(
    area: &DrawingArea<DB, Shift>,
    title: &str,
    panels: &[Panel],
    past: &Past,
    theme: Theme,
    scale: i32,
) -> Drawn<DB> {
    let (width, height) = area.dim_in_pixel();
    let (width, height) = (width as i32, height as i32);
    let pen = Pen { area, theme, scale };
    pen.sheet(title, &past.version)?;
    let body = height - (TOP + FOOT) * scale;
    let columns = panels.iter().map(|panel| panel.columns.max(1)).max().unwrap_or(1) as usize;
    let weights: Vec<i32> = panels.chunks(columns).map(|row| row[0].weight as i32).collect();
    let all: i32 = weights.iter().sum::<i32>().max(1);
    let mut y = TOP * scale;
    for (row, weight) in panels.chunks(columns).zip(weights) {
        let high = body * weight / all;
        let wide = width / columns as i32;
        for (at, panel) in row.iter().enumerate() {
            let legend = i32::from(!panel.layers.is_empty()) * legend_rows(panel, wide, scale) * LEGEND;
            let frame = Frame {
                x: at as i32 * wide + LEFT * scale,
                y: y + PANEL_TITLE * scale,
                width: (wide - (LEFT + RIGHT) * scale).max(1),
                height: (high - (PANEL_TITLE + AXIS + legend + GAP) * scale).max(1),
                scale,
                past,
            };
            draw_panel(&pen, panel, &frame)?;
        }
        y += high;
    }
    Ok(())
}

fn draw_panel<DB: DrawingBackend>(pen: &Pen<'_, DB>, panel: &Panel, frame: &Frame<'_>) -> Drawn<DB> {
    let (scale, theme) = (frame.scale, pen.theme);
    let (below, end) = (frame.y + frame.height, frame.x + frame.width);
    let above = frame.y - 24 * scale;
    pen.text(&panel.left.label, (frame.x - (LEFT - 10) * scale, above), TEXT, HPos::Left, theme.text())?;
    pen.text(&panel.title, ((frame.x + end) / 2, above), TEXT, HPos::Center, theme.text())?;
    for (value, text) in panel.left.ticks() {
        let y = frame.value(&panel.left, value);
        pen.line(vec![(frame.x, y), (end, y)], theme.grid(), 1)?;
        pen.text(&text, (frame.x - 6 * scale, y - 6 * scale), TEXT - 1, HPos::Right, theme.text())?;
    }
    if let Some(right) = &panel.right {
        let side = end + (RIGHT - 10) * scale;
        pen.text(&right.label, (side, above), TEXT, HPos::Right, theme.text())?;
        for (value, text) in right.ticks() {
            let y = frame.value(right, value);
            pen.text(&text, (end + 6 * scale, y - 6 * scale), TEXT - 1, HPos::Left, theme.text())?;
        }
    }
    let most = i64::from((frame.width / scale / 80).max(2));
    for (second, text) in times(frame.past.begins, frame.past.ends, most) {
        let x = frame.time(second);
        pen.line(vec![(x, frame.y), (x, below)], theme.grid(), 1)?;
        pen.text(&text, (x, below + 5 * scale), TEXT - 1, HPos::Center, theme.text())?;
    }
    for layer in &panel.layers {
        let axis = if layer.on_right { panel.right.as_ref().unwrap_or(&panel.left) } else { &panel.left };
        draw_layer(pen, layer, axis, frame)?;
    }
    for start in &frame.past.starts {
        let x = frame.time(*start);
        pen.dashes((x, frame.y), (x, below), theme.text())?;
    }
    pen.line(vec![(frame.x, frame.y), (frame.x, below), (end, below)], theme.text(), 1)?;
    draw_legend(pen, panel, frame)
}

fn draw_layer<DB: DrawingBackend>(
    pen: &Pen<'_, DB>,
    layer: &Layer,
    axis: &Axis,
    frame: &Frame<'_>,
) -> Drawn<DB> {
    match &layer.shape {
        Shape::Line { values, fold, dashed } => {
            let steps = frame.group(values.len());
            let points = columns(values, steps, *fold)
                .into_iter()
                .enumerate()
                .map(|(at, value)| value.map(|value| (frame.at(at, steps), frame.value(axis, value))));
            for run in runs(points) {
                match (run.first(), run.last()) {
                    (Some(first), Some(last)) if *dashed => {
                        pen.dashes(*first, (last.0, first.1), layer.colour)?;
                    }
                    (Some((x, y)), _) if run.len() == 1 => {
                        pen.line(vec![(*x, *y), (x + frame.scale, *y)], layer.colour, 2)?;
                    }
                    _ => pen.line(run, layer.colour, 2)?,
                }
            }
            Ok(())
        }
        Shape::Area { low, high, hatched } => {
            let steps = frame.group(high.len());
            let (low, high) = (columns(low, steps, Fold::Mean), columns(high, steps, Fold::Mean));
            let points = low.into_iter().zip(high).enumerate().map(|(at, (low, high))| {
                let (low, high) = (low?, high?);
                Some((frame.at(at, steps), frame.value(axis, low), frame.value(axis, high)))
            });
            for run in runs(points) {
                if run.iter().all(|(_, low, high)| low == high) {
                    continue;
                }
                if *hatched {
                    let mut next = i32::MIN;
                    for (x, low, high) in run {
                        if x >= next {
                            next = x + HATCH * frame.scale;
                            pen.line(vec![(x, low), (x, high)], layer.colour, 1)?;
                        }
                    }
                    continue;
                }
                let up = run.iter().map(|(x, _, high)| (*x, *high));
                let back = run.iter().rev().map(|(x, low, _)| (*x, *low));
                let colour = layer.colour.filled();
                pen.area.draw(&Polygon::new(up.chain(back).collect::<Vec<_>>(), colour))?;
            }
            Ok(())
        }
        Shape::Bars { values } => {
            let steps = frame.group(values.len());
            let zero = frame.value(axis, 0.0);
            let wide = (frame.at(1, steps) - frame.at(0, steps)).max(frame.scale);
            for (at, value) in columns(values, steps, Fold::Mean).into_iter().enumerate() {
                let Some(end) = value.map(|value| frame.value(axis, value)).filter(|end| *end != zero) else {
                    continue;
                };
                let left = frame.at(at, steps) - wide / 2;
                let (high, low) = (end.min(zero), end.max(zero));
                // a hair between bars that are wide enough for it
                let right = left + wide - i32::from(wide > 3 * frame.scale) * frame.scale;
                pen.area.draw(&Rectangle::new([(left, high), (right, low)], layer.colour.filled()))?;
            }
            Ok(())
        }
    }
}

/// One value for so many steps; none where nothing was measured.
fn columns(values: &[f32], steps: usize, fold: Fold) -> Vec<Option<f64>> {
    let column = |values: &[f32]| {
        let measured: Vec<f64> = values.iter().filter(|v| !v.is_nan()).map(|v| f64::from(*v)).collect();
        match fold {
            _ if measured.is_empty() => None,
            Fold::Mean => Some(measured.iter().sum::<f64>() / measured.len() as f64),
            Fold::Most => measured.into_iter().reduce(f64::max),
        }
    };
    values.chunks(steps).map(column).collect()
}

/// Unbroken runs of what is there.
fn runs<T>(points: impl Iterator<Item = Option<T>>) -> Vec<Vec<T>> {
    let mut runs = vec![Vec::new()];
    for point in points {
        match (point, runs.last_mut()) {
            (Some(point), Some(run)) => run.push(point),
            (None, Some(run)) if !run.is_empty() => runs.push(Vec::new()),
            _ => {}
        }
    }
    runs.retain(|run| !run.is_empty());
    runs
}

/// Pixels that an entry takes.
fn entry(layer: &Layer, scale: i32) -> i32 {
    let letters = layer.name.chars().count() + layer.figure.chars().count() + 1;
    (letters as i32 * 8 + 30) * scale
}

fn legend_rows(panel: &Panel, width: i32, scale: i32) -> i32 {
    let room = width - (LEFT + RIGHT) * scale;
    let (mut rows, mut used) = (1, 0);
    for layer in &panel.layers {
        let wide = entry(layer, scale);
        if used > 0 && used + wide > room {
            rows += 1;
            used = 0;
        }
        used += wide;
    }
    rows
}

fn draw_legend<DB: DrawingBackend>(pen: &Pen<'_, DB>, panel: &Panel, frame: &Frame<'_>) -> Drawn<DB> {
    let scale = frame.scale;
    let (mut x, mut y) = (0, frame.y + frame.height + AXIS * scale);
    for layer in &panel.layers {
        let wide = entry(layer, scale);
        if x > 0 && x + wide > frame.width {
            (x, y) = (0, y + LEGEND * scale);
        }
        let left = frame.x + x;
        let box_of = [(left, y + 3 * scale), (left + 12 * scale, y + 11 * scale)];
        match &layer.shape {
            Shape::Area { hatched: false, .. } | Shape::Bars { .. } => {
                pen.area.draw(&Rectangle::new(box_of, layer.colour.filled()))?;
            }
            Shape::Area { .. } => pen.area.draw(&Rectangle::new(box_of, layer.colour.stroke_width(1)))?,
            Shape::Line { .. } => {
                pen.line(vec![(left, y + 7 * scale), (left + 12 * scale, y + 7 * scale)], layer.colour, 2)?;
            }
        }
        let text = format!("{} {}", layer.name, layer.figure);
        pen.text(text.trim_end(), (left + 17 * scale, y), TEXT - 1, HPos::Left, pen.theme.text())?;
        x += wide;
    }
    Ok(())
}
