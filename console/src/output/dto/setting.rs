//! A setting of the daemon and where its value stands.

use hydra_protocol::v1::{self, SettingOrigin};
use serde::Serialize;
use serde_json::Value;

use super::known;
use crate::output::text::{neutral, neutral_owned};

/// A setting as it is in force.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Setting {
    /// As in the file: section.name.
    pub key: String,
    /// With its type; secrets are hidden.
    pub value: Value,
    /// Where it stands.
    #[serde(flatten)]
    pub source: Source,
    /// Such as "trailing newline trimmed".
    pub note: Option<String>,
    /// What it took the place of, the strongest first.
    pub overrides: Vec<Overridden>,
    /// `config reload` changes it; any other needs a restart.
    pub live: bool,
    /// It stands otherwise by now, and only a restart brings that.
    pub needs_restart: bool,
    /// How it stands by now, for people; null while that is what runs.
    pub pending: Option<String>,
    /// For people; null is none.
    #[serde(skip)]
    pub text: Option<String>,
}

/// What a reload made of a setting.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct SettingChange {
    /// As in the file: section.name.
    pub key: String,
    /// For people; null is none. Secrets are hidden.
    pub old: Option<String>,
    /// The same.
    pub new: Option<String>,
    /// It is in force now.
    pub applied: bool,
    /// It stands otherwise now, and only a restart brings that.
    pub needs_restart: bool,
    /// Why it is not in force; null when it is.
    pub reason: Option<String>,
}

impl From<&v1::SettingChange> for SettingChange {
    fn from(change: &v1::SettingChange) -> Self {
        Self {
            key: neutral(&change.key),
            old: known(&change.old),
            new: known(&change.new),
            applied: change.applied,
            needs_restart: !change.applied,
            reason: known(&change.reason),
        }
    }
}

/// Where a value stands.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Source {
    /// default, file, env, flag.
    pub origin: &'static str,
    /// The file; null elsewhere.
    pub path: Option<String>,
    /// Counts from 1; null when the file is the value, and elsewhere.
    pub line: Option<u32>,
    /// The environment variable; null elsewhere.
    pub variable: Option<String>,
    /// The flag with its dashes; null elsewhere.
    pub flag: Option<String>,
}

/// A value that is not in force.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Overridden {
    /// Where it stands.
    #[serde(flatten)]
    pub source: Source,
    /// As written; secrets are hidden.
    pub value: String,
}

impl Source {
    /// As the column FROM has it; `brief` names a file without its directory.
    #[must_use]
    pub fn text(&self, brief: bool) -> String {
        if let Some(path) = &self.path {
            let path = path.rsplit('/').next().filter(|_| brief).unwrap_or(path);
            return self.line.map_or_else(|| path.to_owned(), |line| format!("{path}:{line}"));
        }
        match (&self.variable, &self.flag) {
            (Some(variable), _) => format!("env {variable}"),
            (None, Some(flag)) => format!("flag {flag}"),
            (None, None) => self.origin.to_owned(),
        }
    }
}

impl From<&v1::SettingSource> for Source {
    fn from(source: &v1::SettingSource) -> Self {
        let name = || known(&source.name);
        let none = Self::default();
        match source.origin() {
            SettingOrigin::Unspecified => Self { origin: "unknown", ..none },
            SettingOrigin::Default => Self { origin: "default", ..none },
            SettingOrigin::File => Self { origin: "file", path: name(), line: source.line, ..none },
            SettingOrigin::Env => Self { origin: "env", variable: name(), ..none },
            SettingOrigin::Flag => Self { origin: "flag", flag: name(), ..none },
        }
    }
}

/// The value with its texts neutralised.
fn harmless(value: Value) -> Value {
    match value {
        Value::String(text) => Value::String(neutral_owned(text)),
        Value::Array(values) => Value::Array(values.into_iter().map(harmless).collect()),
        // names of fields are the daemon's own
        Value::Object(fields) => {
            Value::Object(fields.into_iter().map(|(name, value)| (name, harmless(value))).collect())
        }
        other => other,
    }
}

impl From<&v1::Setting> for Setting {
    fn from(setting: &v1::Setting) -> Self {
        let source = |source: Option<&v1::SettingSource>| source.map(Source::from).unwrap_or_default();
        let over = |over: &v1::OverriddenSetting| Overridden {
            source: source(over.source.as_ref()),
            value: neutral(&over.value),
        };
        Self {
            key: neutral(&setting.key),
            // what is no JSON is told as it is
            value: harmless(
                serde_json::from_str(&setting.value_json)
                    .unwrap_or_else(|_| Value::String(setting.value_json.clone())),
            ),
            source: source(setting.source.as_ref()),
            note: known(&setting.note),
            overrides: setting.overrides.iter().map(over).collect(),
            live: setting.live,
            needs_restart: setting.needs_restart,
            pending: setting.pending.as_deref().map(neutral),
            text: known(&setting.value),
        }
    }
}
