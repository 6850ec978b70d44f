//! Columns of what happened. Events come in the order of time and are not sorted.

use jiff::tz::TimeZone;

use super::{Column, Row, unranked};
use crate::output::dto::Event;
use crate::output::look::{Look, Tone};
use crate::output::table::Cell;

impl Row for Event {
    const SCHEMA: &'static str = "hydra.v1/Event";

    fn columns() -> &'static [Column<Self>] {
        COLUMNS
    }

    fn name(&self) -> &str {
        self.code.as_deref().unwrap_or(&self.text)
    }
}

const COLUMNS: &[Column<Event>] = &[
    unranked("at", "TIME", |event, look| event.at.map(|at| when(at.0, look)).into()),
    unranked("level", "LEVEL", |event, _| match event.level {
        "error" => Cell::toned(Tone::Broken, "error"),
        "warn" => Cell::toned(Tone::Look, "warn"),
        level => level.into(),
    }),
    // room for most parts: who follows prints rows before the next are known
    unranked("part", "PART", |event, _| format!("{:<8}", event.part).into()),
    Column { wide: true, ..unranked("code", "CODE", |event, _| event.code.clone().into()) },
    unranked("text", "WHAT", |event, _| event.text.clone().into()),
];

/// The time of day is enough for what is not older than one.
fn when(at: jiff::Timestamp, look: &Look) -> String {
    let day = look.now.as_second().saturating_sub(at.as_second()).abs() < 86_400;
    if look.terminal && !day {
        return at.to_zoned(TimeZone::UTC).strftime("%m-%d %H:%M:%S").to_string();
    }
    look.clock(at)
}
