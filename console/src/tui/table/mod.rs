//! Tables of the screen as data: what a row is, its columns, what each says and sorts by.
//!
//! The same columns are drawn, sorted, filtered, hidden and exported. Nothing here draws, and
//! nothing knows what a person chose: that is `state::list`.

mod heads;
mod lines;
mod peers;
mod popular;
mod prefetch_keys;
mod providers;
mod regions;

use std::cmp::Ordering;

pub use heads::HEADS;
pub use lines::{LINES, Line};
pub use peers::{HEADS_HELD, PEERS, PeerRow, direction_word};
pub use popular::{POPULAR, Popular};
pub use prefetch_keys::PREFETCH_KEYS;
pub use providers::{LEFT, PROVIDERS, Provider};
pub use regions::{Heat, REGIONS, TIMES_USUAL};

/// What a column sorts by.
#[derive(Clone, Debug, PartialEq)]
pub enum Rank {
    /// The largest first.
    Most(f64),
    /// The smallest first.
    Least(f64),
    /// In the order of letters.
    Text(String),
    /// Not known: last.
    Unknown,
}

impl Rank {
    /// The largest first, what is not known last.
    #[must_use]
    pub fn most(value: Option<f64>) -> Self {
        value.map_or(Self::Unknown, Self::Most)
    }

    /// Which comes first.
    #[must_use]
    pub fn compare(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Most(a), Self::Most(b)) => b.total_cmp(a),
            (Self::Least(a), Self::Least(b)) => a.total_cmp(b),
            (Self::Text(a), Self::Text(b)) => a.cmp(b),
            (Self::Unknown, Self::Unknown) => Ordering::Equal,
            (Self::Unknown, _) => Ordering::Greater,
            (_, Self::Unknown) => Ordering::Less,
            (Self::Most(_) | Self::Least(_), Self::Text(_)) => Ordering::Less,
            (Self::Text(_), _) => Ordering::Greater,
            (Self::Most(_), Self::Least(_)) => Ordering::Less,
            (Self::Least(_), Self::Most(_)) => Ordering::Greater,
        }
    }
}

/// A column of a table of `R`.
pub struct Column<R> {
    /// Its title; unique in its table.
    pub title: &'static str,
    /// Its width.
    pub cells: u16,
    /// Numbers stand at the right.
    pub to_right: bool,
    /// What stands in a row.
    pub text: fn(&R) -> String,
    /// What it sorts by.
    pub rank: fn(&R) -> Rank,
}

/// A table of `R`: what is the same for every person.
pub struct Table<R: 'static> {
    /// What a row is, of all others.
    pub id: fn(&R) -> String,
    /// In the order in which they are drawn; the first is what a table is sorted by at first.
    pub columns: &'static [Column<R>],
}

impl<R> Table<R> {
    /// The titles of its columns.
    #[must_use]
    pub fn titles(&self) -> Vec<&'static str> {
        self.columns.iter().map(|column| column.title).collect()
    }
}

/// Bytes in hex digits.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
