//! Columns of the settings, in the order of their documentation.

use super::{Column, Row, unranked};
use crate::output::dto::{Setting, SettingChange};

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

impl Row for SettingChange {
    const SCHEMA: &'static str = "hydra.v1/SettingChange";

    fn columns() -> &'static [Column<Self>] {
        CHANGES
    }

    fn name(&self) -> &str {
        &self.key
    }
}

const CHANGES: &[Column<SettingChange>] = &[
    unranked("key", "KEY", |change, _| change.key.clone().into()),
    unranked("old", "OLD", |change, _| or_none(change.old.as_ref()).into()),
    unranked("new", "NEW", |change, _| or_none(change.new.as_ref()).into()),
    unranked("state", "STATE", |change, _| {
        change.reason.clone().unwrap_or_else(|| "applied".to_owned()).into()
    }),
];

fn or_none(value: Option<&String>) -> String {
    value.cloned().unwrap_or_else(|| "none".to_owned())
}

/// Where it stands, what is to be said of it, what it took the place of, and what comes.
fn from(setting: &Setting) -> String {
    let mut text = setting.source.text(false);
    if let Some(note) = &setting.note {
        text += &format!(" ({note})");
    }
    for over in &setting.overrides {
        text += &format!(", over {} ({})", over.source.text(true), over.value);
    }
    if let Some(pending) = &setting.pending {
        let by = if setting.needs_restart { "a restart" } else { "hydractl config reload" };
        text += &format!("; {pending} by {by}");
    }
    text
}
