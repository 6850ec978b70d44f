//! Columns of what was checked, in the order of the checks.

use super::{Column, Row, unranked};
use crate::output::dto::Check;

impl Row for Check {
    const SCHEMA: &'static str = "hydra.v1/Check";

    fn columns() -> &'static [Column<Self>] {
        COLUMNS
    }

    fn name(&self) -> &str {
        &self.check
    }
}

const COLUMNS: &[Column<Check>] = &[
    unranked("result", "RESULT", |check, _| check.result.into()),
    unranked("check", "CHECK", |check, _| check.check.clone().into()),
    unranked("evidence", "EVIDENCE", |check, _| check.evidence.clone().into()),
    unranked("remedy", "REMEDY", |check, _| check.remedy.clone().into()),
];
