//! Meanings, and how each looks. No view names a colour or a sign by itself.
//!
//! The terminal's own colours and ANSI-16 only; a colour never stands without its sign or word.

use ratatui::buffer::Buffer;
use ratatui::style::{Color, Modifier, Style};

use crate::tui::state::Level;

/// Which signs the terminal can show.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Symbols {
    /// Signs, blocks and braille.
    #[default]
    Unicode,
    /// ASCII only.
    Ascii,
}

impl Symbols {
    /// What the locale allows: ASCII unless it says UTF-8.
    #[must_use]
    pub fn of_environment(variable: impl Fn(&str) -> Option<String>) -> Self {
        let set = |name: &str| variable(name).filter(|value| !value.is_empty());
        let locale = set("LC_ALL").or_else(|| set("LC_CTYPE")).or_else(|| set("LANG")).unwrap_or_default();
        let locale = locale.to_ascii_lowercase();
        if locale.contains("utf-8") || locale.contains("utf8") { Self::Unicode } else { Self::Ascii }
    }
}

/// Colours, or none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Colours {
    /// The terminal's sixteen.
    #[default]
    Ansi,
    /// Modifiers only.
    Mono,
}

impl Colours {
    /// None when `NO_COLOR` is set to anything or `TERM` is dumb.
    #[must_use]
    pub fn of_environment(variable: impl Fn(&str) -> Option<String>) -> Self {
        let no_color = variable("NO_COLOR").is_some_and(|value| !value.is_empty());
        let dumb = variable("TERM").is_some_and(|term| term == "dumb");
        if no_color || dumb { Self::Mono } else { Self::Ansi }
    }
}

/// What something on the screen means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Meaning {
    /// How good something is.
    Level(Level),
    /// A value that is no longer true.
    Old,
    /// The selected row.
    Selected,
    /// Titles and names of columns.
    Title,
    /// Lines, axes and units.
    Quiet,
    /// The picture stands still.
    Frozen,
    /// One of our heads in a picture.
    Head,
    /// A record that was looked up, not announced.
    Prefetched,
}

/// How meanings look.
#[derive(Clone, Copy, Debug, Default)]
pub struct Theme {
    colours: Colours,
    symbols: Symbols,
}

impl Theme {
    /// A theme.
    #[must_use]
    pub fn new(colours: Colours, symbols: Symbols) -> Self {
        Self { colours, symbols }
    }

    /// The next look: no colours, then the same two in ASCII.
    #[must_use]
    pub fn next(self) -> Self {
        let (colours, symbols) = match (self.colours, self.symbols) {
            (Colours::Ansi, symbols) => (Colours::Mono, symbols),
            (Colours::Mono, Symbols::Unicode) => (Colours::Ansi, Symbols::Ascii),
            (Colours::Mono, Symbols::Ascii) => (Colours::Ansi, Symbols::Unicode),
        };
        Self { colours, symbols }
    }

    /// Only ASCII may be shown.
    #[must_use]
    pub fn is_ascii(&self) -> bool {
        self.symbols == Symbols::Ascii
    }

    /// The look of a meaning.
    #[must_use]
    pub fn style(&self, meaning: Meaning) -> Style {
        let style = Style::new();
        let (colour, mono) = match meaning {
            Meaning::Level(Level::Good) => (style.fg(Color::Green), style),
            Meaning::Level(Level::Look) => (style.fg(Color::Yellow), style.add_modifier(Modifier::BOLD)),
            Meaning::Level(Level::Broken) => (style.fg(Color::Red), style.add_modifier(Modifier::BOLD)),
            Meaning::Level(Level::Busy) => (style.fg(Color::Cyan), style),
            Meaning::Level(Level::Off) | Meaning::Old | Meaning::Quiet => {
                let dim = style.add_modifier(Modifier::DIM);
                (dim, dim)
            }
            Meaning::Selected => {
                let reverse = style.add_modifier(Modifier::REVERSED);
                (reverse, reverse)
            }
            Meaning::Head => (style.fg(Color::Blue), style.add_modifier(Modifier::BOLD)),
            Meaning::Prefetched => (style.fg(Color::Magenta), style.add_modifier(Modifier::UNDERLINED)),
            Meaning::Title | Meaning::Frozen => {
                let bold = style.add_modifier(Modifier::BOLD);
                (bold, bold)
            }
        };
        if self.colours == Colours::Ansi { colour } else { mono }
    }

    /// The sign of a meaning.
    #[must_use]
    pub fn symbol(&self, meaning: Meaning) -> &'static str {
        match meaning {
            Meaning::Level(Level::Good) => "●",
            Meaning::Level(Level::Look) => "▲",
            Meaning::Head if self.is_ascii() => "^",
            Meaning::Head => "▲",
            Meaning::Level(Level::Broken) => "✖",
            Meaning::Level(Level::Busy) => "◐",
            Meaning::Level(Level::Off) => "○",
            Meaning::Old => "~",
            Meaning::Selected => "▸",
            Meaning::Title | Meaning::Quiet => "─",
            Meaning::Frozen => "❚❚",
            // the word says it
            Meaning::Prefetched => "",
        }
    }

    /// Last over every picture: in ASCII, each sign becomes its substitute, and what has none `?`.
    pub(super) fn finish(&self, buffer: &mut Buffer) {
        if !self.is_ascii() {
            return;
        }
        for cell in &mut buffer.content {
            if !cell.symbol().is_ascii() {
                let substitute = ascii_of(cell.symbol());
                cell.set_char(substitute);
            }
        }
    }
}

fn ascii_of(symbol: &str) -> char {
    match symbol {
        "●" => '+',
        "▲" => '!',
        "✖" => 'X',
        "◐" => '%',
        "○" => 'o',
        "▸" => '>',
        "─" | "–" | "—" | "−" => '-',
        "·" | "│" | "┤" | "┊" => '|',
        "≈" => '~',
        "≤" => '<',
        "≥" => '>',
        "±" | "└" | "┌" | "┐" | "┘" => '+',
        "×" => 'x',
        "…" => '.',
        "❚" => '=',
        "→" => '>',
        "↑" => '^',
        "↓" => 'v',
        "▾" => 'v',
        "▴" => '^',
        _ => '?',
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn four_looks_follow_each_other_and_come_round() {
        let first = Theme::default();
        let looks: Vec<(Colours, Symbols)> = std::iter::successors(Some(first), |theme| Some(theme.next()))
            .map(|theme| (theme.colours, theme.symbols))
            .take(5)
            .collect();
        assert!((1..4).all(|at| !looks[..at].contains(&looks[at])), "{looks:?}");
        assert_eq!(looks[0], looks[4]);
    }

    #[test]
    fn the_locale_decides_about_signs() {
        let with = |pairs: &'static [(&str, &str)]| {
            Symbols::of_environment(|name| {
                pairs.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned())
            })
        };
        assert_eq!(with(&[("LANG", "de_AT.UTF-8")]), Symbols::Unicode);
        assert_eq!(with(&[("LANG", "C.utf8"), ("LC_ALL", "")]), Symbols::Unicode);
        assert_eq!(with(&[("LANG", "de_AT.UTF-8"), ("LC_ALL", "C")]), Symbols::Ascii);
        assert_eq!(with(&[]), Symbols::Ascii);
    }

    #[test]
    fn no_color_and_dumb_terminals_are_mono() {
        let with = |key: &'static str, value: &'static str| {
            Colours::of_environment(move |name| (name == key).then(|| value.to_owned()))
        };
        assert_eq!(with("NO_COLOR", "1"), Colours::Mono);
        assert_eq!(with("NO_COLOR", ""), Colours::Ansi);
        assert_eq!(with("TERM", "dumb"), Colours::Mono);
        assert_eq!(with("TERM", "xterm"), Colours::Ansi);
    }
}
