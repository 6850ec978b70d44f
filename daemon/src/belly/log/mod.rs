//! The log: what keeps provider records over restarts.
//!
//! Append-only pages in SQLite, one file for each hour and nearness, deleted whole.
//! Knows neither the index nor which of its records are still in force.

mod bits;
mod file;
mod page;
mod segment;

pub(super) use bits::{BitReader, BitWriter};
pub(super) use file::{LogReader, LogWriter, Name};
pub(super) use page::{Batch, Page, Tail};
pub(super) use segment::HEADER_ROW;
