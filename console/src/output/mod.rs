//! How answers are printed: one set of types, six encoders.
//!
//! Comes in: rows ([`dto`]) from the commands. Goes out: text on stdout. Knows neither the wire
//! nor the connection; the JSON contract is [`dto`], apart from the protocol.

pub mod columns;
pub mod dto;
pub mod export;
pub mod fit;
pub mod list;
pub mod look;
pub mod object;
pub mod select;
pub mod table;
pub mod text;

mod csv;

/// The encoders.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// Text for people: a table, or lines for a single thing.
    #[default]
    Auto,
    /// The same, asked for by name.
    Table,
    /// A table with all its columns.
    Wide,
    /// One JSON document.
    Json,
    /// One JSON object a line, as they come.
    Ndjson,
    /// Comma-separated values with a header; several values in a field are separated by spaces.
    Csv,
    /// Only the names (heads), peer ids (peers) or CIDs (records), one a line.
    Name,
}

impl Format {
    /// Text laid out for people.
    #[must_use]
    pub const fn is_text(self) -> bool {
        matches!(self, Self::Auto | Self::Table | Self::Wide)
    }
}
