//! Reading the settings again while the daemon runs: what may change does, the rest waits for a
//! restart, and a file that is no good changes nothing.
//!
//! Owns what is in force beside what the files say now. [`SETTINGS`](super::SETTINGS) says which
//! settings are live; whoever changes one of them is called here.

use std::sync::Arc;
use std::time::Duration;

use hydra_protocol::v1::{ReloadSettingsResponse, Setting, SettingChange};
use parking_lot::Mutex;

use super::settings::find;
use super::{Annotated, Config, ConfigErrors, told};
use crate::api::control;
use crate::hydra::Hydra;
use crate::hydra::pending::Pending;
use crate::limits::Machine;
use crate::telemetry::{Level, log};

/// How often it is looked whether the files still say what runs.
const LOOK: Duration = Duration::from_secs(10);

/// What is shown of a secret that is another one.
const OTHER: &str = "(another secret)";

/// The settings of a running daemon.
pub struct Settings {
    hydra: Arc<Hydra>,
    /// In force: as the daemon started, and as reloads changed it since.
    running: Mutex<Config>,
    /// One reload at a time.
    reloading: Mutex<()>,
}

/// A setting of which the files say something else than what runs.
struct Difference {
    key: &'static str,
    live: bool,
    old: String,
    new: String,
}

impl Settings {
    #[must_use]
    pub fn new(config: Config, hydra: Arc<Hydra>) -> Arc<Self> {
        Arc::new(Self { hydra, running: Mutex::new(config), reloading: Mutex::default() })
    }

    /// Reads everything again and applies what is live.
    ///
    /// # Errors
    /// All that is wrong with it; nothing has changed then.
    pub fn reload(&self) -> Result<ReloadSettingsResponse, ConfigErrors> {
        let _one = self.reloading.lock();
        let new = self.read().inspect_err(|errors| {
            let text = format!("the settings were not reloaded, nothing has changed: {}", in_short(errors));
            self.hydra.events.tell(Level::Fail, "hydrad", "CONFIG_INVALID", text);
            self.hydra.set_pending(Pending { wrong: in_short(errors), ..Pending::default() });
        })?;
        let found = differences(&self.running.lock(), &new);
        let changes: Vec<SettingChange> = found.iter().map(|found| self.change(found, &new)).collect();
        let before = self.running.lock().take_over(&new, &changes);
        for warning in new.warnings.iter().filter(|warning| !before.contains(warning)) {
            tracing::warn!("{warning}");
        }
        let text = match changes.as_slice() {
            [] => "settings reloaded: nothing has changed".to_owned(),
            changes => {
                let words: Vec<String> = changes.iter().map(words).collect();
                format!("settings reloaded: {}", words.join("; "))
            }
        };
        self.hydra.events.good("hydrad", text);
        self.look();
        let files = new.files.iter().map(|file| file.display().to_string()).collect();
        Ok(ReloadSettingsResponse { changes, files, warnings: new.warnings })
    }

    /// Looks now and then whether the files say what runs, for as long as the daemon does.
    pub async fn watch(self: Arc<Self>) {
        loop {
            tokio::time::sleep(LOOK).await;
            let settings = Arc::clone(&self);
            // files may be on a slow disk
            if tokio::task::spawn_blocking(move || settings.look()).await.is_err() {
                return;
            }
        }
    }

    /// Notes what the files say now.
    fn look(&self) -> Vec<Difference> {
        let (pending, found) = match self.read() {
            Ok(new) => {
                let found = differences(&self.running.lock(), &new);
                let keys = |live| found.iter().filter(|f| f.live == live).map(|f| f.key).collect();
                (Pending { wrong: String::new(), reload: keys(true), restart: keys(false) }, found)
            }
            Err(errors) => (Pending { wrong: in_short(&errors), ..Pending::default() }, Vec::new()),
        };
        self.hydra.set_pending(pending);
        found
    }

    fn read(&self) -> Result<Config, ConfigErrors> {
        let source = self.running.lock().source.clone();
        Config::of(&source.flags, &source.at)
    }

    /// Applies a difference, if that can be while the daemon runs.
    fn change(&self, found: &Difference, new: &Config) -> SettingChange {
        let applied = match found.live {
            true => self.apply(found.key, new),
            false => Err("needs a restart".to_owned()),
        };
        SettingChange {
            key: found.key.to_owned(),
            old: found.old.clone(),
            new: found.new.clone(),
            applied: applied.is_ok(),
            reason: applied.err().unwrap_or_default(),
        }
    }

    fn apply(&self, key: &str, new: &Config) -> Result<(), String> {
        let (section, _) = key.split_once('.').unwrap_or_default();
        match (section, key) {
            (_, "log.level") => return log::set_level(&new.log.level).map_err(|error| error.to_string()),
            (_, "heads.target") => self.hydra.set_target(new.heads.target),
            ("prefetch", _) => self.hydra.prefetch.set_config(new.prefetch()),
            ("limits", _) => {
                // what is not live stays what it was
                let memory = self.running.lock().limits.max_memory;
                let mut bounds = new.clone();
                bounds.limits.max_memory = memory;
                self.hydra.budget.set_config(bounds.budget(&Machine::read()));
            }
            _ => return Err("needs a restart".to_owned()),
        }
        Ok(())
    }
}

impl control::Settings for Settings {
    fn list(&self) -> Vec<Setting> {
        let found = self.look();
        let running = self.running.lock();
        let row = |setting: &Annotated| {
            let other = found.iter().find(|found| found.key == setting.key);
            Setting {
                live: find(setting.key).is_some_and(|setting| setting.live),
                needs_restart: other.is_some_and(|other| !other.live),
                pending: other.map(|other| other.new.clone()),
                ..told::row(setting)
            }
        };
        running.origins.iter().map(row).collect()
    }

    fn reload(&self) -> Result<ReloadSettingsResponse, String> {
        Self::reload(self).map_err(|errors| {
            let problems: Vec<String> = errors.problems().iter().map(ToString::to_string).collect();
            format!("{}\nnothing has changed", problems.join("\n"))
        })
    }
}

impl Config {
    /// What was applied is in force from now on, and what did not change may stand elsewhere.
    /// Answers the warnings that were told before.
    fn take_over(&mut self, new: &Self, changes: &[SettingChange]) -> Vec<String> {
        for (mine, theirs) in self.origins.iter_mut().zip(&new.origins) {
            let change = changes.iter().find(|change| change.key == mine.key);
            if change.is_none_or(|change| change.applied) {
                *mine = theirs.clone();
            }
        }
        let applied = |key: &str| changes.iter().any(|change| change.key == key && change.applied);
        if applied("log.level") {
            self.log.level.clone_from(&new.log.level);
        }
        if applied("heads.target") {
            self.heads.target = new.heads.target;
        }
        std::mem::replace(&mut self.warnings, new.warnings.clone())
    }
}

/// Settings that differ, in the order of the table.
fn differences(running: &Config, new: &Config) -> Vec<Difference> {
    let differs = |(old, new): (&Annotated, &Annotated)| {
        (old.json != new.json).then(|| Difference {
            key: old.key,
            live: find(old.key).is_some_and(|setting| setting.live),
            old: old.value.clone(),
            new: new.value.clone(),
        })
    };
    let mut found: Vec<Difference> = running.origins.iter().zip(&new.origins).filter_map(differs).collect();
    // two secrets are shown alike
    if running.identity.seed != new.identity.seed && !found.iter().any(|found| found.key == "identity.seed") {
        let (old, new) = ("(secret, 32 bytes)".to_owned(), OTHER.to_owned());
        found.push(Difference { key: "identity.seed", live: false, old, new });
    }
    found
}

/// The first problem, and how many there are.
fn in_short(errors: &ConfigErrors) -> String {
    let first = errors.problems().first().map(ToString::to_string).unwrap_or_default();
    let first = first.lines().next().unwrap_or_default().to_owned();
    match errors.problems().len() {
        0 | 1 => first,
        n => format!("{first} (and {} more)", n - 1),
    }
}

/// "log.level info → debug", "listen.port_begin 0 → 30000 needs a restart".
fn words(change: &SettingChange) -> String {
    let shown = |value: &str| if value.is_empty() { "none".to_owned() } else { value.to_owned() };
    let words = format!("{} {} → {}", change.key, shown(&change.old), shown(&change.new));
    if change.applied { words } else { format!("{words} {}", change.reason) }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::super::{SETTINGS, Surroundings};
    use super::*;

    fn config(args: &[&str]) -> Config {
        let at = Surroundings {
            variables: BTreeMap::from([("HOME".to_owned(), "/nonexistent".to_owned())]),
            root: "/nonexistent".into(),
            system: true,
            hostname: "host".to_owned(),
        };
        Config::load(["hydrad"].iter().chain(args), &at).expect("a good configuration")
    }

    #[test]
    fn what_differs_is_told_with_whether_it_can_change_now() {
        let running = config(&[]);
        let new = config(&["--log-level", "debug", "--port-begin", "30000", "--prefetch-queue", "1000"]);
        let found = differences(&running, &new);
        let told: Vec<_> = found.iter().map(|f| (f.key, f.live, f.old.as_str(), f.new.as_str())).collect();
        assert_eq!(told, [("listen.port_begin", false, "0", "30000"), ("log.level", true, "info", "debug")]);
        assert!(differences(&running, &config(&[])).is_empty());
    }

    #[test]
    fn another_seed_is_noticed_and_not_told() {
        let seeded = |text: &str| config(&["--random-seed", text]);
        let one = "hjHT+Yq82BHSWwa1wZDAX/O/JkWDX3Y6xTHRIk+XbFY=";
        let other = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
        let found = differences(&seeded(one), &seeded(other));
        assert_eq!(found.iter().map(|f| (f.key, f.live)).collect::<Vec<_>>(), [("identity.seed", false)]);
        assert!(!found[0].new.contains("AAAA"));
    }

    #[test]
    fn what_was_applied_is_in_force_and_what_was_not_stays() {
        let mut running = config(&[]);
        let new = config(&["--log-level", "debug", "--port-begin", "30000"]);
        let change =
            |key: &str, applied| SettingChange { key: key.to_owned(), applied, ..Default::default() };
        running.take_over(&new, &[change("log.level", true), change("listen.port_begin", false)]);
        let left = differences(&running, &new);
        assert_eq!(left.iter().map(|found| found.key).collect::<Vec<_>>(), ["listen.port_begin"]);
        assert_eq!(running.log.level, "debug");
    }

    #[test]
    fn whatever_is_live_is_of_a_part_that_can_be_changed() {
        for setting in SETTINGS.iter().filter(|setting| setting.live) {
            let known = ["log.level", "heads.target"].contains(&setting.key);
            assert!(known || ["prefetch", "limits"].contains(&setting.parts().0), "{}", setting.key);
        }
    }
}
