//! The columns of each kind of list, as data.

mod belly;
mod check;
mod event;
mod head;
mod log;
mod network;
mod peer;
mod prefetch;
mod record;
mod setting;
mod stats;
mod unique;

use std::cmp::Ordering;

use serde::Serialize;

pub use record::Record as RecordRow;

use super::look::Look;
use super::table::Cell;
use crate::error::{Error, Kind};

/// What a row sorts by in a column.
#[derive(Clone, Debug, PartialEq, PartialOrd)]
pub enum Rank {
    /// Not known: after everything that is.
    Number(f64),
    /// By bytes.
    Text(String),
}

impl Rank {
    fn of(number: Option<f64>) -> Self {
        Self::Number(number.unwrap_or(f64::NEG_INFINITY))
    }

    /// The rank of what a pipe is shown: a number when it reads as one.
    fn read(text: String) -> Self {
        match text.parse::<f64>() {
            Ok(number) if !number.is_nan() => Self::Number(number),
            _ if text.is_empty() => Self::of(None),
            _ => Self::Text(text),
        }
    }

    /// Numbers come before words.
    pub(super) fn compare(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Number(one), Self::Number(other)) => one.total_cmp(other),
            (Self::Text(one), Self::Text(other)) => one.cmp(other),
            (Self::Number(_), Self::Text(_)) => Ordering::Less,
            (Self::Text(_), Self::Number(_)) => Ordering::Greater,
        }
    }
}

/// One column of a list of `R`.
pub struct Column<R: 'static> {
    /// What `--columns`, `--sort-by` and `--filter` call it.
    pub key: &'static str,
    /// Title on a terminal.
    pub title: &'static str,
    /// Title elsewhere, where times are moments and not spans.
    pub exact_title: &'static str,
    /// Numbers stand on the right.
    pub right: bool,
    /// Shown only by `-o wide`.
    pub wide: bool,
    /// Left out for a pipe, where another column already tells it in full.
    pub terminal: bool,
    /// The text of a row.
    pub cell: fn(&R, &Look) -> Cell,
    /// The place of a row, where it is not that of the text.
    pub rank: Option<fn(&R) -> Rank>,
}

impl<R: Row> Column<R> {
    /// What a pipe is shown; empty when it is not known.
    pub(super) fn exact(&self, row: &R, look: &Look) -> String {
        let look = Look { terminal: false, colour: false, utf8: true, ..*look };
        let cell = (self.cell)(row, &look);
        if cell.is_unknown() { String::new() } else { cell.text().trim().to_owned() }
    }

    /// The place of a row in this column.
    pub(super) fn rank(&self, row: &R, look: &Look) -> Rank {
        self.rank.map_or_else(|| Rank::read(self.exact(row, look)), |rank| rank(row))
    }

    /// A number to compare this column with, in its unit: 100, 1.5k, 2M, 0.25.
    pub(super) fn number(&self, text: &str) -> Result<f64, String> {
        let ranks_words = self.rank.is_some_and(|rank| matches!(rank(&R::default()), Rank::Text(_)));
        if ranks_words {
            return Err(format!("{} is no number: compare it with = or ~", self.key));
        }
        let (digits, unit) = match text.char_indices().last() {
            Some((at, 'k')) => (&text[..at], 1e3),
            Some((at, 'm')) => (&text[..at], 1e6),
            Some((at, 'g')) => (&text[..at], 1e9),
            _ => (text, 1.0),
        };
        let number = digits.parse::<f64>().ok().filter(|number| number.is_finite());
        number.map(|number| number * unit).ok_or_else(|| format!("{text:?} is no number: 100, 1.5k, 2M"))
    }
}

/// A column of words, shown alike everywhere.
const fn words<R>(
    key: &'static str,
    title: &'static str,
    cell: fn(&R, &Look) -> Cell,
    rank: fn(&R) -> Rank,
) -> Column<R> {
    Column { rank: Some(rank), ..unranked(key, title, cell) }
}

/// The same of figures, which stand at the right.
const fn figure<R>(
    key: &'static str,
    title: &'static str,
    cell: fn(&R, &Look) -> Cell,
    rank: fn(&R) -> Rank,
) -> Column<R> {
    Column { right: true, ..words(key, title, cell, rank) }
}

/// A column of words that are sorted as they read.
const fn unranked<R>(key: &'static str, title: &'static str, cell: fn(&R, &Look) -> Cell) -> Column<R> {
    Column { key, title, exact_title: title, right: false, wide: false, terminal: false, cell, rank: None }
}

/// A thing that lists are made of.
pub trait Row: Serialize + Clone + Default + 'static {
    /// Schema of one; a list is this with `List` behind.
    const SCHEMA: &'static str;

    /// All columns, in order.
    fn columns() -> &'static [Column<Self>];

    /// What `-o name` prints.
    fn name(&self) -> &str;
}

/// The columns that are printed: the chosen ones in the order of choice, else the usual ones.
///
/// # Errors
/// Usage, when there is no such column.
pub fn choose<R: Row>(
    chosen: &[String],
    wide: bool,
    terminal: bool,
) -> Result<Vec<&'static Column<R>>, Error> {
    let all = R::columns();
    if chosen.is_empty() {
        let usual = |column: &&Column<R>| (wide || !column.wide) && (terminal || !column.terminal);
        return Ok(all.iter().filter(usual).collect());
    }
    chosen.iter().map(|key| find::<R>(key)).collect()
}

/// The names of all columns, in order.
pub fn keys<R: Row>() -> impl Iterator<Item = &'static str> {
    R::columns().iter().map(|column| column.key)
}

/// A column by its name.
///
/// # Errors
/// Usage, when there is no such column; it says which there are.
pub(super) fn find<R: Row>(key: &str) -> Result<&'static Column<R>, Error> {
    let all = R::columns();
    all.iter().find(|column| column.key.eq_ignore_ascii_case(key)).ok_or_else(|| {
        let keys: Vec<&str> = keys::<R>().collect();
        Error::new(Kind::Usage, format!("no column {key}")).hint(format!("there are {}", keys.join(", ")))
    })
}
