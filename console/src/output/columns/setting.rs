//! Columns of the settings, in the order of their documentation.

use super::{Column, Rank, Row};
use crate::output::dto::Setting;
use crate::output::look::Look;
use crate::output::table::Cell;

impl Row for Setting {
    const SCHEMA: &'static str = "hydra.v1/Setting";

    fn columns() -> &'static [Column<Self>] {
        COLUMNS
    }

    fn name(&self) -> &str {
        &self.key
    }
}

const fn column(
    key: &'static str,
    title: &'static str,
    cell: fn(&Setting, &Look) -> Cell,
) -> Column<Setting> {
    let rank = |_: &Setting| Rank::Number(0.0);
    Column { key, title, exact_title: title, right: false, wide: false, terminal: false, cell, rank }
}

const COLUMNS: &[Column<Setting>] = &[
    column("key", "KEY", |setting, _| setting.key.clone().into()),
    column("value", "VALUE", |setting, _| setting.text.clone().unwrap_or_else(|| "none".to_owned()).into()),
    Column { wide: true, ..column("from", "FROM", |setting, _| from(setting).into()) },
];

/// Where it stands, what is to be said of it, and what it took the place of.
fn from(setting: &Setting) -> String {
    let mut text = setting.source.text(false);
    if let Some(note) = &setting.note {
        text += &format!(" ({note})");
    }
    for over in &setting.overrides {
        text += &format!(", over {} ({})", over.source.text(true), over.value);
    }
    text
}
