//! Columns of the settings, in the order of their documentation.

use super::{Column, Row, unranked};
use crate::output::dto::Setting;

impl Row for Setting {
    const SCHEMA: &'static str = "hydra.v1/Setting";

    fn columns() -> &'static [Column<Self>] {
        COLUMNS
    }

    fn name(&self) -> &str {
        &self.key
    }
}

const COLUMNS: &[Column<Setting>] = &[
    unranked("key", "KEY", |setting, _| setting.key.clone().into()),
    unranked("value", "VALUE", |setting, _| setting.text.clone().unwrap_or_else(|| "none".to_owned()).into()),
    Column { wide: true, ..unranked("from", "FROM", |setting, _| from(setting).into()) },
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
