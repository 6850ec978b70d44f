//! The 256 equal parts of the keyspace, by how much more than usual they are asked for.

use super::{Column, Rank, Table};
use crate::tui::number::count;
use crate::tui::state::heat::ALL;

/// A part of the keyspace beside what is usual.
#[derive(Clone, Debug, PartialEq)]
pub struct Heat {
    /// First byte of the keys in it.
    pub prefix: u32,
    /// GET_PROVIDERS since the daemon's start.
    pub reads: u64,
    /// Of what is usual; `None` when there is nothing to compare with.
    pub times_usual: Option<f64>,
    /// The nearest of our heads.
    pub head: Option<String>,
    /// Leading bits of the first byte that the head's key shares.
    pub bits: u32,
}

impl Heat {
    fn digits(&self) -> String {
        format!("{:02x}", self.prefix & 0xff)
    }

    fn nearest(&self) -> String {
        match (&self.head, self.bits) {
            (None, _) => "—".to_owned(),
            (Some(head), ALL) => format!("{head}, in it"),
            (Some(head), 1) => format!("{head}, 1 bit"),
            (Some(head), bits) => format!("{head}, {bits} bits"),
        }
    }
}

/// The column that parts are sorted by at first: the hottest come first.
pub const TIMES_USUAL: usize = 2;

/// One row a part.
pub const REGIONS: Table<Heat> = Table {
    id: Heat::digits,
    columns: &[
        Column {
            title: "KEYS",
            cells: 4,
            to_right: false,
            text: |one| format!("{}…", one.digits()),
            rank: |one| Rank::Least(f64::from(one.prefix)),
        },
        Column {
            title: "REQUESTS",
            cells: 10,
            to_right: true,
            text: |one| count(one.reads),
            rank: |one| Rank::Most(one.reads as f64),
        },
        Column {
            title: "× USUAL",
            cells: 7,
            to_right: true,
            text: |one| one.times_usual.map_or_else(|| "—".to_owned(), |times| format!("{times:.1}")),
            rank: |one| Rank::most(one.times_usual),
        },
        Column {
            title: "NEAREST HEAD",
            cells: 15,
            to_right: false,
            text: Heat::nearest,
            rank: |one| Rank::Least(f64::from(ALL.saturating_sub(one.bits))),
        },
    ],
};
