//! What `x` writes to a file.

use super::dialog::{Dialog, Key};
use super::{Effect, State};

/// A file that is to be written where `top` was started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Export {
    /// Its name without the ending: hydra, page, and the daemon's time.
    pub name: String,
    /// What it holds.
    pub what: What,
}

/// What a file holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    /// The screen, as it would be drawn now.
    Screen {
        /// Pixels; else shapes.
        png: bool,
        /// On a dark ground.
        dark: bool,
    },
    /// These lines.
    Csv(String),
}

impl State {
    /// A key for the question what to export.
    pub(super) fn export_key(&mut self, key: Key) -> Vec<Effect> {
        let screen = |png, dark| Some(What::Screen { png, dark });
        let what = match key {
            Key::Char('s') => screen(false, false),
            Key::Char('S') => screen(false, true),
            Key::Char('p') => screen(true, false),
            Key::Char('P') => screen(true, true),
            Key::Char('c') => self.csv().map(What::Csv),
            Key::Escape | Key::Char('q') => {
                self.dialog = None;
                None
            }
            _ => None,
        };
        let Some(what) = what else { return Vec::new() };
        self.dialog = None;
        vec![Effect::Export(Export { name: self.export_name(), what })]
    }

    pub(super) fn ask_export(&mut self) {
        self.dialog = Some(Dialog::Export { table: self.list().is_some() });
    }

    /// `lerna-overview-20261120-031240`: letters that every file system takes.
    fn export_name(&self) -> String {
        let (name, clock) =
            self.shown().map_or(("hydra", 0), |hydra| (hydra.status.name.as_str(), hydra.clock()));
        let safe = |c: char| if c.is_ascii_alphanumeric() { c } else { '-' };
        let name: String = name.chars().take(40).map(safe).collect();
        let time = jiff::Timestamp::from_second(clock).unwrap_or_default().strftime("%Y%m%d-%H%M%S");
        format!("{name}-{}-{time}", self.page.title().to_lowercase())
    }
}
