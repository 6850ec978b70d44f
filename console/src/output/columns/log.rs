//! Columns of the log's lines, and of what parts log. Both come in the order of time.

use super::{Column, Rank, Row};
use crate::output::dto::{LogLevel, LogLine};
use crate::output::look::{Look, Tone};
use crate::output::table::Cell;

impl Row for LogLine {
    const SCHEMA: &'static str = "hydra.v1/LogLine";

    fn columns() -> &'static [Column<Self>] {
        LINES
    }

    fn name(&self) -> &str {
        &self.text
    }
}

impl Row for LogLevel {
    const SCHEMA: &'static str = "hydra.v1/LogLevel";

    fn columns() -> &'static [Column<Self>] {
        LEVELS
    }

    fn name(&self) -> &str {
        &self.target
    }
}

const fn column<R>(key: &'static str, title: &'static str, cell: fn(&R, &Look) -> Cell) -> Column<R> {
    let rank = |_: &R| Rank::Number(0.0);
    Column { key, title, exact_title: title, right: false, wide: false, terminal: false, cell, rank }
}

const LINES: &[Column<LogLine>] = &[
    column("at", "TIME", |line, look| line.at.map(|at| look.clock(at.0)).into()),
    column("level", "LEVEL", |line, _| {
        // as wide as the widest: who follows prints rows before the next are known
        let word = format!("{:<5}", line.level);
        match line.level {
            "error" => Cell::toned(Tone::Broken, word),
            "warn" => Cell::toned(Tone::Look, word),
            "debug" | "trace" => Cell::toned(Tone::Off, word),
            _ => word.into(),
        }
    }),
    column("target", "TARGET", |line, _| line.target.clone().into()),
    column("text", "WHAT", |line, _| line.text.clone().into()),
];

const LEVELS: &[Column<LogLevel>] = &[
    column("target", "TARGET", |part, _| part.target.clone().into()),
    column("level", "LEVEL", |part, _| part.level.into()),
    column("until", "UNTIL", |part, look| part.until_at.map(|at| look.clock(at.0)).into()),
    column("then", "THEN", |part, _| part.then.clone().into()),
];
