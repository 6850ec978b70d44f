//! Columns of what was checked, in the order of the checks.

use super::{Column, Rank, Row};
use crate::output::dto::Check;
use crate::output::look::Look;
use crate::output::table::Cell;

impl Row for Check {
    const SCHEMA: &'static str = "hydra.v1/Check";

    fn columns() -> &'static [Column<Self>] {
        COLUMNS
    }

    fn name(&self) -> &str {
        &self.check
    }
}

const fn column(key: &'static str, title: &'static str, cell: fn(&Check, &Look) -> Cell) -> Column<Check> {
    let rank = |_: &Check| Rank::Number(0.0);
    Column { key, title, exact_title: title, right: false, wide: false, terminal: false, cell, rank }
}

const COLUMNS: &[Column<Check>] = &[
    column("result", "RESULT", |check, _| check.result.into()),
    column("check", "CHECK", |check, _| check.check.clone().into()),
    column("evidence", "EVIDENCE", |check, _| check.evidence.clone().into()),
    column("remedy", "REMEDY", |check, _| check.remedy.clone().into()),
];
