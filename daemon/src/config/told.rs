//! The settings in force, as the control sockets tell them: the rows of `--print-config`.

use hydra_protocol::v1::{OverriddenSetting, Setting, SettingOrigin, SettingSource};

use super::{Annotated, Config, Origin};
use crate::api::control;

impl Config {
    /// What the control sockets tell; secrets are hidden.
    #[must_use]
    pub fn told(&self) -> control::Told {
        control::Told { metrics: self.metrics().1, settings: self.origins.iter().map(row).collect() }
    }
}

fn row(setting: &Annotated) -> Setting {
    let over = |(origin, value): &(Origin, String)| OverriddenSetting {
        source: Some(source(origin)),
        value: value.clone(),
    };
    Setting {
        key: setting.key.to_owned(),
        value: setting.value.clone(),
        value_json: setting.json.to_string(),
        source: Some(source(&setting.origin)),
        note: setting.note.clone(),
        overrides: setting.overrides.iter().map(over).collect(),
    }
}

fn source(origin: &Origin) -> SettingSource {
    let (kind, name, line) = match origin {
        Origin::Default => (SettingOrigin::Default, String::new(), None),
        Origin::File { path, line } => {
            let line = line.and_then(|line| u32::try_from(line).ok());
            (SettingOrigin::File, path.display().to_string(), line)
        }
        Origin::Variable(name) => (SettingOrigin::Env, (*name).to_owned(), None),
        Origin::Flag(name) => (SettingOrigin::Flag, format!("--{name}"), None),
    };
    SettingSource { origin: kind.into(), name, line }
}
