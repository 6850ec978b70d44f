//! hydra-booster's command line and environment, in our words.
//!
//! Owns the table of what it could be told ([`TABLE`]) and Go's way of writing flags. Out come
//! arguments that clap reads and values of our settings, with where they stood; what has no
//! meaning any more is said in one line, and what would be another thing than was asked
//! for is refused. What settings mean and allow is not known here.

mod command_line;
mod go;
mod table;
mod words;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fmt::Write as _;

use clap::{Arg, ArgAction};

pub use command_line::{COMMANDS, spell};
pub use table::{Entry, Kind, TABLE, To};
pub use words::Translated;

use super::error::Problem;
use super::origin::Origin;
use super::readers::shorten;
use super::settings::{SETTINGS, find};
use super::surroundings::Surroundings;

/// The hidden argument that says where Go's flags ended.
pub(super) const STRAY: &str = "after-gos-flags";

/// Flags that only hydra-booster had, as arguments that no help shows.
pub(super) fn arguments() -> impl Iterator<Item = Arg> {
    let own = TABLE.iter().filter_map(|entry| entry.flag).filter(|flag| !is_ours(flag));
    own.chain([STRAY]).map(|flag| {
        Arg::new(flag)
            .long(flag)
            .hide(true)
            .action(ArgAction::Set)
            .allow_hyphen_values(true)
            .value_name("VALUE")
    })
}

/// The names of these arguments.
pub(super) fn flags() -> impl Iterator<Item = &'static str> {
    TABLE.iter().filter_map(|entry| entry.flag).filter(|flag| !is_ours(flag)).chain([STRAY])
}

/// A flag that a setting has under the same name.
fn is_ours(flag: &str) -> bool {
    SETTINGS.iter().any(|setting| setting.flag == flag || setting.flag_alias == Some(flag))
}

/// Read with the settings, under its own name.
fn is_our_variable(name: &str) -> bool {
    SETTINGS.iter().any(|setting| setting.variables.contains(&name))
}

/// What hydra-booster's words say of our settings.
#[derive(Debug, Default)]
pub(super) struct Heard {
    /// Below all that is ours.
    pub(super) fallbacks: Vec<(&'static str, Origin, String)>,
    /// Below our own variables.
    pub(super) by_variables: Vec<(&'static str, Origin, String)>,
    /// Below our own flags.
    pub(super) by_flags: Vec<(&'static str, Origin, String)>,
    pub(super) problems: Vec<Problem>,
    pub(super) warnings: Vec<String>,
}

/// Listens to these flags, where only hydra-booster had them, and to its variables.
///
/// As there, a flag wins over its variable unless it says what is the case anyway.
pub(super) fn listen(flags: &BTreeMap<&'static str, String>, at: &Surroundings) -> Heard {
    let mut heard = Heard::default();
    let in_memory = flags.get("mem").is_some_and(|text| go::truth(text) == Ok(true));
    for entry in TABLE {
        if entry.flag == Some("db") && in_memory {
            continue; // -mem was the stronger
        }
        let flag = entry.flag.and_then(|flag| Some((Origin::Flag(flag), flags.get(flag)?.as_str())));
        let variable = entry.variable.filter(|name| !is_our_variable(name));
        let variable = variable.and_then(|name| Some((Origin::Variable(name), at.variable(name)?)));
        for (place, text) in flag.into_iter().chain(variable) {
            if heard.take(entry, place, text, at) {
                break;
            }
        }
    }
    if let Some(stray) = flags.get(STRAY) {
        heard.warnings.push(format!(
            "\"{}\" is no flag: it and what stands after it is not read, as hydra-booster did not (a truth value needs \
             its =: -mem=false)",
            shorten(stray)
        ));
    }
    heard
}

impl Heard {
    /// Returns whether anything was said by it.
    fn take(&mut self, entry: &'static Entry, place: Origin, text: &str, at: &Surroundings) -> bool {
        let name = name(&place);
        match entry.translate(text) {
            Err(fault) => {
                let text = format!("\"{}\" {fault}", shorten(text));
                self.problems.push(Problem::of(name, text));
            }
            Ok(Translated::Unset) => return false,
            Ok(Translated::Nothing) => {
                self.warnings.push(format!("{name} of hydra-booster has no meaning here. {}", entry.told));
            }
            Ok(Translated::Refused { why, next }) => self.problems.push(Problem::of(name, why).next(next)),
            Ok(Translated::Value(value)) => self.set(entry, place, value, at),
            Ok(Translated::Told { value, said }) => {
                self.warnings.push(format!("{name} of hydra-booster: {said}"));
                self.set(entry, place, value, at);
            }
        }
        true
    }

    fn set(&mut self, entry: &'static Entry, place: Origin, value: String, at: &Surroundings) {
        // a test sees to it that each key is a setting's
        let Some(setting) = entry.key().and_then(find) else { return };
        let layer = (setting.key, place.clone(), value);
        match (entry.to, place) {
            // the unit said where, and lets nothing else be written to
            (To::Fallback("data_dir"), _) if at.variable("STATE_DIRECTORY").is_some() => {}
            (To::Fallback(_), _) => self.fallbacks.push(layer),
            (_, Origin::Flag(_)) => self.by_flags.push(layer),
            _ => self.by_variables.push(layer),
        }
    }
}

impl Entry {
    /// What a text comes to, or why Go would not have taken it.
    pub(super) fn translate(&self, text: &str) -> Result<Translated, String> {
        match self.kind {
            Kind::Bool => go::truth(text).map(|truth| (self.read)(if truth { "true" } else { "false" })),
            Kind::Number => go::number(text).map(|number| (self.read)(&number.to_string())),
            Kind::Text => Ok((self.read)(text)),
        }
    }
}

/// As hydra-booster's documentation writes it.
fn name(place: &Origin) -> String {
    match place {
        Origin::Flag(flag) => format!("-{flag}"),
        Origin::Variable(name) => (*name).to_owned(),
        other => other.to_string(),
    }
}

/// The variables of hydra-booster.
pub(super) fn variables() -> impl Iterator<Item = &'static str> {
    TABLE.iter().filter_map(|entry| entry.variable)
}

/// The table of docs/moving-from-hydra-booster.md, between its marks.
#[must_use]
pub fn markdown() -> String {
    let mut out =
        "| flag | variable | default there | setting here | what became of it |\n|---|---|---|---|---|\n"
            .to_owned();
    let code = |text: &str| if text.is_empty() { String::new() } else { format!("`{text}`") };
    for entry in TABLE {
        let flag = entry.flag.map(|flag| format!("`-{flag}`")).unwrap_or_default();
        let (variable, key) =
            (code(entry.variable.unwrap_or_default()), code(entry.key().unwrap_or_default()));
        let default = code(entry.default);
        let written = writeln!(out, "| {flag} | {variable} | {default} | {key} | {} |", entry.told);
        debug_assert!(written.is_ok(), "a String takes everything");
    }
    out
}
