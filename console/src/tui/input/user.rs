//! The keys that a person chose instead of the usual ones: `top.toml` beside the configuration
//! of other programs.
//!
//! ```toml
//! [keys]
//! freeze = ["Space", "F5"]
//! next-head = ["^n"]
//! ```

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;

use crossterm::event::KeyCode;
use serde::Deserialize;

use super::keys::{Binding, Stroke, TABLE};
use crate::tui::state::Action;

/// What the file may hold.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    keys: BTreeMap<String, Vec<String>>,
}

/// Where the file is looked for: `$XDG_CONFIG_HOME/hydra/top.toml`, else below `~/.config`.
#[must_use]
pub fn path(variable: impl Fn(&str) -> Option<OsString>) -> Option<PathBuf> {
    let set = |name: &str| variable(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let config = set("XDG_CONFIG_HOME").or_else(|| set("HOME").map(|home| home.join(".config")))?;
    Some(config.join("hydra/top.toml"))
}

/// The name of an action in the file: `next-head`, `tab-3`.
#[must_use]
pub fn name(action: Action) -> String {
    if let Action::Tab(number) = action {
        return format!("tab-{}", number + 1);
    }
    let mut name = String::new();
    for letter in format!("{action:?}").chars() {
        if letter.is_ascii_uppercase() && !name.is_empty() {
            name.push('-');
        }
        name.push(letter.to_ascii_lowercase());
    }
    name
}

/// The table with the keys of this file.
///
/// # Errors
/// What is wrong, and what there is instead.
pub fn table(text: &str) -> Result<Vec<Binding>, String> {
    let file: File = toml::from_str(text).map_err(|error| error.to_string().trim_end().to_owned())?;
    let known: Vec<String> = TABLE.iter().map(|row| name(row.action)).collect();
    if let Some(other) = file.keys.keys().find(|action| !known.contains(action)) {
        return Err(format!("no action {other}; there are {}", known.join(", ")));
    }
    let mut chosen: Vec<(Stroke, String)> = Vec::new();
    for (action, keys) in &file.keys {
        for key in keys {
            let stroke = stroke(key).ok_or_else(|| format!("{action}: no key {key:?}; {KEYS}"))?;
            if let Some((_, other)) = chosen.iter().find(|(taken, _)| *taken == stroke) {
                return Err(format!("{key} is for {other} and for {action}"));
            }
            chosen.push((stroke, action.clone()));
        }
    }
    if file.keys.get("quit").is_some_and(Vec::is_empty) {
        return Err("quit: without a key one could not leave".to_owned());
    }
    Ok(TABLE.iter().map(|row| with(row, &file, &chosen)).collect())
}

/// The table for docs/console.md: keys, what they do, and the action's name.
#[must_use]
pub fn markdown() -> String {
    let row = |row: &Binding| {
        let keys: Vec<String> = row.keys.split(' ').map(|key| format!("`{key}`")).collect();
        format!("| {} | {} | `{}` |\n", keys.join(" ").replace('|', "\\|"), row.help, name(row.action))
    };
    let rows: String = TABLE.iter().map(row).collect();
    format!("| key | does | action |\n|---|---|---|\n{rows}")
}

/// The keys that can be named.
const KEYS: &str = "keys are a letter, two equal letters, ^letter, Enter, Esc, Space, Tab, S-Tab, Backspace, \
                    Delete, Insert, Up, Down, Left, Right, Home, End, PgUp, PgDn, F1 to F12";

/// A row with the keys that were chosen for it, and without those that were chosen for others.
fn with(row: &Binding, file: &File, chosen: &[(Stroke, String)]) -> Binding {
    let action = name(row.action);
    let (strokes, keys): (Vec<Stroke>, String) = match file.keys.get(&action) {
        Some(keys) => (keys.iter().filter_map(|key| stroke(key)).collect(), keys.join(" ")),
        None => {
            let taken = |stroke: &Stroke| chosen.iter().any(|(other, _)| other == stroke);
            let left: Vec<Stroke> = row.strokes.iter().copied().filter(|stroke| !taken(stroke)).collect();
            let keys = if left.len() == row.strokes.len() { row.keys } else { "" };
            let keys = if keys.is_empty() {
                left.iter().map(spell).collect::<Vec<_>>().join(" ")
            } else {
                keys.into()
            };
            (left, keys)
        }
    };
    // Read once at the start, and there until the end of the program.
    Binding { strokes: strokes.leak(), keys: keys.leak(), ..*row }
}

/// A key as it is written in the file.
fn stroke(text: &str) -> Option<Stroke> {
    let letters: Vec<char> = text.chars().collect();
    match letters.as_slice() {
        [letter] => return Some(Stroke::Char(*letter)),
        ['^', letter] => return Some(Stroke::Ctrl(letter.to_ascii_lowercase())),
        [first, second] if first == second => return Some(Stroke::Twice(*first)),
        _ => {}
    }
    if let Some(number) = text.strip_prefix('F').and_then(|number| number.parse().ok()) {
        return (1..=12).contains(&number).then_some(Stroke::Code(KeyCode::F(number)));
    }
    if text == "Space" {
        return Some(Stroke::Char(' '));
    }
    CODES.iter().find(|(name, _)| *name == text).map(|(_, code)| Stroke::Code(*code))
}

/// A key as `?` writes it.
fn spell(stroke: &Stroke) -> String {
    match stroke {
        Stroke::Char(' ') => "Space".to_owned(),
        Stroke::Char(letter) => letter.to_string(),
        Stroke::Twice(letter) => format!("{letter}{letter}"),
        Stroke::Ctrl(letter) => format!("^{letter}"),
        Stroke::Code(code) => {
            let named = CODES.iter().find(|(_, other)| other == code).map(|(name, _)| (*name).to_owned());
            named.unwrap_or_else(|| code.to_string())
        }
    }
}

const CODES: [(&str, KeyCode); 16] = [
    ("Enter", KeyCode::Enter),
    ("Esc", KeyCode::Esc),
    ("Tab", KeyCode::Tab),
    ("S-Tab", KeyCode::BackTab),
    ("Backspace", KeyCode::Backspace),
    ("Delete", KeyCode::Delete),
    ("Insert", KeyCode::Insert),
    ("Up", KeyCode::Up),
    ("Down", KeyCode::Down),
    ("Left", KeyCode::Left),
    ("Right", KeyCode::Right),
    ("Home", KeyCode::Home),
    ("End", KeyCode::End),
    ("PgUp", KeyCode::PageUp),
    ("PgDn", KeyCode::PageDown),
    ("F1", KeyCode::F(1)),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn strokes(table: &[Binding], action: Action) -> &'static [Stroke] {
        table.iter().find(|row| row.action == action).expect("a row").strokes
    }

    #[test]
    fn chosen_keys_replace_the_usual_ones_and_are_taken_from_others() {
        let table = table("[keys]\nfreeze = [\"j\", \"F5\"]\nnext-head = [\"^n\"]\n").expect("a table");
        assert_eq!(strokes(&table, Action::Freeze), [Stroke::Char('j'), Stroke::Code(KeyCode::F(5))]);
        assert_eq!(strokes(&table, Action::NextHead), [Stroke::Ctrl('n')]);
        assert_eq!(strokes(&table, Action::Down), [Stroke::Code(KeyCode::Down)], "j is for freeze now");
        let down = table.iter().find(|row| row.action == Action::Down).expect("a row");
        assert_eq!(down.keys, "Down");
    }

    #[test]
    fn mistakes_say_what_there_is() {
        for (text, error) in [
            ("[keys]\nfly = [\"x\"]", "no action fly; there are"),
            ("[keys]\nfreeze = [\"Hyper\"]", "freeze: no key \"Hyper\"; keys are"),
            ("[keys]\nfreeze = [\"x\"]\nhelp = [\"x\"]", "x is for freeze and for help"),
            ("[keys]\nquit = []", "without a key one could not leave"),
            ("[colours]\n", "unknown field"),
        ] {
            let refused = table(text).err().unwrap_or_else(|| panic!("{text} is taken"));
            assert!(refused.contains(error), "{refused}");
        }
    }

    #[test]
    fn actions_have_names_of_their_own() {
        let names: Vec<String> = TABLE.iter().map(|row| name(row.action)).collect();
        assert!(names.iter().enumerate().all(|(at, name)| !names[..at].contains(name)), "{names:?}");
        assert!(
            names.contains(&"tab-1".to_owned()) && names.contains(&"back-or-quit".to_owned()),
            "{names:?}"
        );
    }

    #[test]
    fn the_file_is_where_configuration_is() {
        let at = |variables: &'static [(&str, &str)]| {
            path(|name| variables.iter().find(|(key, _)| *key == name).map(|(_, value)| value.into()))
        };
        assert_eq!(at(&[("XDG_CONFIG_HOME", "/c"), ("HOME", "/h")]), Some("/c/hydra/top.toml".into()));
        assert_eq!(at(&[("HOME", "/h")]), Some("/h/.config/hydra/top.toml".into()));
        assert_eq!(at(&[]), None);
    }
}
