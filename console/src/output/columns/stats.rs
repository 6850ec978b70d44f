//! Columns of series and of their values.

use super::{Column, Row, unranked};
use crate::output::dto::{Series, StatsPoint};
use crate::output::look::{Look, exact};
use crate::output::table::Cell;
use crate::output::text;

impl Row for Series {
    const SCHEMA: &'static str = "hydra.v1/Series";

    fn columns() -> &'static [Column<Self>] {
        SERIES
    }

    fn name(&self) -> &str {
        &self.name
    }
}

impl Row for StatsPoint {
    const SCHEMA: &'static str = "hydra.v1/StatsPoint";

    fn columns() -> &'static [Column<Self>] {
        POINTS
    }

    fn name(&self) -> &str {
        &self.series
    }
}

const fn column<R>(
    key: &'static str,
    title: &'static str,
    right: bool,
    wide: bool,
    cell: fn(&R, &Look) -> Cell,
) -> Column<R> {
    Column { right, wide, ..unranked(key, title, cell) }
}

/// A value with its unit for a person, and as it is for a program.
fn value(value: Option<f32>, unit: &str, look: &Look) -> Cell {
    let Some(value) = value else { return Cell::from(None::<String>) };
    if !look.terminal {
        return value.to_string().into();
    }
    let number = f64::from(value);
    match unit {
        // a rate below ten is not rounded away
        "per_second" if number < 10.0 => format!("{}/s", few(number)),
        "per_second" => format!("{}/s", look.rate(number)),
        "bytes" => look.size(number as u64),
        "bytes_per_second" => format!("{}/s", look.size(number as u64)),
        "seconds" => text::latency(number),
        "ratio" => text::percent(number),
        _ if value.fract() == 0.0 => look.count(number as u64),
        _ if number < 10.0 => few(number),
        _ => look.rate(number),
    }
    .into()
}

/// Two digits after the point, where they say something.
fn few(number: f64) -> String {
    let text = format!("{number:.2}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

const SERIES: &[Column<Series>] = &[
    column("series", "SERIES", false, false, |series, _| series.name.clone().into()),
    column("value", "NOW", true, false, |series, look| value(series.value, &series.unit, look)),
    column("unit", "UNIT", false, true, |series, _| series.unit.clone().into()),
    column("fold", "LONGER STEPS", false, true, |series, _| series.fold.clone().into()),
    column("meaning", "WHAT", false, false, |series, _| series.meaning.clone().into()),
];

const POINTS: &[Column<StatsPoint>] = &[
    column("at", "AT (UTC)", false, false, |point, look| match point.at {
        Some(at) if look.terminal => at.0.strftime("%m-%d %H:%M:%S").to_string().into(),
        at => Cell::from(at.map(|at| exact(at.0))),
    }),
    column("series", "SERIES", false, false, |point, _| point.series.clone().into()),
    column("value", "VALUE", true, false, |point, look| value(point.value, &point.unit, look)),
    column("unit", "UNIT", false, true, |point, _| point.unit.clone().into()),
    column("restarted", "", false, false, |point, _| {
        if point.restarted { "restart" } else { "" }.to_owned().into()
    }),
];
