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

    fn compare(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Number(one), Self::Number(other)) => one.total_cmp(other),
            (Self::Text(one), Self::Text(other)) => one.cmp(other),
            _ => Ordering::Equal,
        }
    }
}

/// One column of a list of `R`.
pub struct Column<R: 'static> {
    /// What `--columns` and `--sort-by` call it.
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
    /// The place of a row.
    pub rank: fn(&R) -> Rank,
}

/// A column of words, shown alike everywhere.
const fn words<R>(
    key: &'static str,
    title: &'static str,
    cell: fn(&R, &Look) -> Cell,
    rank: fn(&R) -> Rank,
) -> Column<R> {
    Column { key, title, exact_title: title, right: false, wide: false, terminal: false, cell, rank }
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

/// A column of words in a list that keeps the order it came in.
const fn unranked<R>(key: &'static str, title: &'static str, cell: fn(&R, &Look) -> Cell) -> Column<R> {
    words(key, title, cell, |_| Rank::Number(0.0))
}

/// A thing that lists are made of.
pub trait Row: Serialize + Default + 'static {
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

fn find<R: Row>(key: &str) -> Result<&'static Column<R>, Error> {
    let all = R::columns();
    all.iter().find(|column| column.key.eq_ignore_ascii_case(key)).ok_or_else(|| {
        let keys: Vec<&str> = all.iter().map(|column| column.key).collect();
        Error::new(Kind::Usage, format!("no column {key}")).hint(format!("there are {}", keys.join(", ")))
    })
}

/// Sorts rows by a column; `-key` puts the largest first. Equal rows keep their order.
///
/// # Errors
/// Usage, when there is no such column.
pub fn sort<R: Row>(rows: &mut [R], by: &str) -> Result<(), Error> {
    let (key, descending) = by.strip_prefix('-').map_or((by, false), |key| (key, true));
    let rank = find::<R>(key)?.rank;
    rows.sort_by(|one, other| {
        let order = rank(one).compare(&rank(other));
        if descending { order.reverse() } else { order }
    });
    Ok(())
}
