//! `config`: the settings that the daemon runs with, reading them again, and files before it does.

mod validate;

use std::path::PathBuf;

use clap::{Args, Subcommand};
use hydra_protocol::client::Access;
use hydra_protocol::v1::{ListSettingsRequest, ReloadSettingsRequest};

use super::choice::Choice;
use crate::error::{Error, Kind};
use crate::output::dto::{Setting, SettingChange};
use crate::output::{list, text};
use crate::session::Target;
use crate::ui::Ui;

pub(super) use validate::{Checked, check};

#[derive(Clone, Debug, Subcommand)]
pub(super) enum Command {
    /// The settings in force; secrets are hidden
    Show(ShowArguments),
    /// Have hydrad read its files again: what can change while it runs does at once, and for what
    /// needs a restart it says so; a file that is no good changes nothing
    Reload,
    /// Whether a file is a good configuration, by the hydrad beside this program; asks no daemon
    Validate {
        /// The file; without it what hydrad would read
        #[arg(value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
        file: Option<PathBuf>,
    },
}

#[derive(Args, Clone, Debug)]
pub(super) struct ShowArguments {
    /// Only keys that contain one of these
    #[arg(value_name = "KEY")]
    keys: Vec<String>,
    /// Where each value stands, and what it took the place of
    #[arg(long)]
    origin: bool,
    /// Leave out what nobody set
    #[arg(long)]
    changed: bool,
    #[command(flatten)]
    choice: Choice,
}

pub(super) async fn run(command: Command, target: &Target, ui: &mut Ui<'_>) -> Result<(), Error> {
    match command {
        Command::Show(arguments) => show(&arguments, target, ui).await,
        Command::Reload => reload(target, ui).await,
        Command::Validate { file } => validate::run(file.as_deref(), ui).await,
    }
}

async fn show(arguments: &ShowArguments, target: &Target, ui: &mut Ui<'_>) -> Result<(), Error> {
    let selection = arguments.choice.of(None)?;
    let session = target.open(Access::Read).await?;
    let reply = session.call(session.client.config().list_settings(ListSettingsRequest {})).await?;
    let chosen = |setting: &Setting| {
        let named = arguments.keys.iter().any(|key| setting.key.contains(key.as_str()));
        (named || arguments.keys.is_empty()) && !(arguments.changed && setting.source.origin == "default")
    };
    let settings: Vec<Setting> = reply.settings.iter().map(Setting::from).filter(chosen).collect();
    if settings.is_empty() && !arguments.keys.is_empty() {
        return Err(Error::new(Kind::NotFound, format!("no setting {}", arguments.keys.join(", ")))
            .hint("all there are: hydractl config show -o name"));
    }
    if arguments.origin && ui.columns.is_empty() && ui.format.is_text() {
        ui.columns = ["key", "value", "from"].map(String::from).to_vec();
    }
    list::print_selected(ui, &settings, selection).map(drop)
}

async fn reload(target: &Target, ui: &mut Ui<'_>) -> Result<(), Error> {
    let session = target.open(Access::Control).await?;
    let reply = session.call(session.client.config().reload_settings(ReloadSettingsRequest {})).await?;
    let changes: Vec<SettingChange> = reply.changes.iter().map(SettingChange::from).collect();
    list::print(ui, &changes)?;
    for warning in &reply.warnings {
        ui.note(&format!("warning: {}", text::neutral(warning)));
    }
    if changes.is_empty() {
        ui.note("nothing has changed: what runs is what the files, variables and flags say");
    } else if changes.iter().any(|change| change.needs_restart) {
        ui.note("for what needs a restart: sudo systemctl restart hydrad");
    }
    Ok(())
}
