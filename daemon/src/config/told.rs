//! A setting in force, as the control sockets tell it: a row of `--print-config`.

use hydra_protocol::v1::{OverriddenSetting, Setting, SettingOrigin, SettingSource};

use super::{Annotated, Origin};

/// Secrets are hidden already.
pub(super) fn row(setting: &Annotated) -> Setting {
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
        ..Setting::default()
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
