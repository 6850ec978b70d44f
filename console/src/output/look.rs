//! How things look here and now: terminal or not, colour or not, which clock.
//!
//! The one place that decides between short and full ids, relative and absolute times, commas
//! and plain digits. Values in, text out.

use jiff::{Timestamp, Unit};

use super::text;

/// The meanings that have a symbol and a colour.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Tone {
    /// No meaning: the terminal's own colour, no symbol.
    #[default]
    Plain,
    /// Column names and titles.
    Title,
    /// As it should be.
    Good,
    /// Look at it.
    Look,
    /// Broken, for the operator to mend.
    Broken,
    /// In progress.
    Progress,
    /// Off, not known, not tried.
    Off,
}

impl Tone {
    /// The symbol that goes with the colour.
    #[must_use]
    pub const fn symbol(self) -> &'static str {
        match self {
            Self::Plain | Self::Title => " ",
            Self::Good => "●",
            Self::Look => "▲",
            Self::Broken => "✖",
            Self::Progress => "◐",
            Self::Off => "○",
        }
    }

    /// Parameters of the escape sequence; ANSI-16 only.
    const fn sgr(self) -> &'static str {
        match self {
            Self::Plain => "",
            Self::Title => "1",
            Self::Good => "32",
            Self::Look => "33",
            Self::Broken => "31",
            Self::Progress => "36",
            Self::Off => "2",
        }
    }
}

/// How to print for whoever reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Look {
    /// A person at a terminal reads: short ids, commas, relative times.
    pub terminal: bool,
    /// Escape sequences for colour are welcome.
    pub colour: bool,
    /// The locale says UTF-8; otherwise the symbols are ASCII.
    pub utf8: bool,
    /// The moment that ages are counted from.
    pub now: Timestamp,
}

impl Look {
    /// A count.
    #[must_use]
    pub fn count(&self, number: u64) -> String {
        if self.terminal { text::count(number) } else { number.to_string() }
    }

    /// A rate, rounded to whole ones.
    #[must_use]
    pub fn rate(&self, rate: f64) -> String {
        self.count(if rate.is_finite() { rate.round().max(0.0) as u64 } else { 0 })
    }

    /// Bytes.
    #[must_use]
    pub fn size(&self, bytes: u64) -> String {
        if self.terminal { text::size(bytes) } else { format!("{bytes} bytes") }
    }

    /// Bytes of a limit; a limit of 0 is none.
    #[must_use]
    pub fn size_of(&self, bytes: u64, limit: u64) -> String {
        match (limit, self.terminal) {
            (0, _) => self.size(bytes),
            (_, true) => text::size_of(bytes, limit),
            (_, false) => format!("{bytes} of {limit} bytes"),
        }
    }

    /// A peer id.
    #[must_use]
    pub fn id(&self, id: &str) -> String {
        if self.terminal { text::short_id(id) } else { id.to_owned() }
    }

    /// A CID.
    #[must_use]
    pub fn cid(&self, cid: &str) -> String {
        if self.terminal { text::short_cid(cid) } else { cid.to_owned() }
    }

    /// A key in hex: its first `digits` on a terminal.
    #[must_use]
    pub fn key(&self, hex: &str, digits: usize) -> String {
        if self.terminal { hex.chars().take(digits).collect() } else { hex.to_owned() }
    }

    /// How long something took or takes.
    #[must_use]
    pub fn span(&self, seconds: f64) -> String {
        let seconds = if seconds.is_finite() { seconds.max(0.0) as u64 } else { 0 };
        if self.terminal { text::span(seconds) } else { format!("{seconds} s") }
    }

    /// How long ago, or the moment itself.
    #[must_use]
    pub fn age(&self, at: Option<Timestamp>) -> Option<String> {
        let at = at?;
        Some(if self.terminal { text::span(seconds_between(at, self.now)) } else { exact(at) })
    }

    /// How much is left until then, or the moment itself.
    #[must_use]
    pub fn left(&self, at: Option<Timestamp>) -> Option<String> {
        let at = at?;
        Some(if self.terminal { text::span(seconds_between(self.now, at)) } else { exact(at) })
    }

    /// The time of day on a terminal, else the moment with its date.
    #[must_use]
    pub fn clock(&self, at: Timestamp) -> String {
        if self.terminal { at.strftime("%H:%M:%S").to_string() } else { exact(at) }
    }

    /// Text in the colour of its meaning.
    #[must_use]
    pub fn paint(&self, tone: Tone, text: &str) -> String {
        if self.colour && !tone.sgr().is_empty() {
            format!("\x1b[{}m{text}\x1b[0m", tone.sgr())
        } else {
            text.to_owned()
        }
    }

    /// Text as this terminal's character set can show it.
    #[must_use]
    pub fn fold(&self, text: String) -> String {
        if self.utf8 || text.is_ascii() { text } else { text::ascii(&text) }
    }
}

/// RFC 3339 in UTC, whole seconds.
#[must_use]
pub fn exact(at: Timestamp) -> String {
    let whole = if at.subsec_nanosecond() == 0 { at } else { at.round(Unit::Second).unwrap_or(at) };
    whole.to_string()
}

/// Whole seconds from one moment to a later one; 0 when it is not later.
fn seconds_between(from: Timestamp, to: Timestamp) -> u64 {
    u64::try_from(to.as_second().saturating_sub(from.as_second())).unwrap_or(0)
}
