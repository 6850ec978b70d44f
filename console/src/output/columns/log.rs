//! Columns of the log's lines, and of what parts log. Both come in the order of time.

use super::{Column, Row, unranked};
use crate::output::dto::{LogLevel, LogLine};
use crate::output::look::Tone;
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

const LINES: &[Column<LogLine>] = &[
    unranked("at", "TIME", |line, look| line.at.map(|at| look.clock(at.0)).into()),
    unranked("level", "LEVEL", |line, _| {
        // as wide as the widest: who follows prints rows before the next are known
        let word = format!("{:<5}", line.level);
        match line.level {
            "error" => Cell::toned(Tone::Broken, word),
            "warn" => Cell::toned(Tone::Look, word),
            "debug" | "trace" => Cell::toned(Tone::Off, word),
            _ => word.into(),
        }
    }),
    unranked("target", "TARGET", |line, _| line.target.clone().into()),
    unranked("text", "WHAT", |line, _| line.text.clone().into()),
];

const LEVELS: &[Column<LogLevel>] = &[
    unranked("target", "TARGET", |part, _| part.target.clone().into()),
    unranked("level", "LEVEL", |part, _| part.level.into()),
    unranked("until", "UNTIL", |part, look| part.until_at.map(|at| look.clock(at.0)).into()),
    unranked("then", "THEN", |part, _| part.then.clone().into()),
];
