//! What was, second by second for ten minutes and hour by hour for a year.
//!
//! Owns the ring that watchers read ([`History`]), the books that are kept ([`Archive`]), which
//! series there are ([`Series`]), and the files beside the state. Comes in: one reading a second.
//! Goes out: values at equal steps, absent where nothing was measured. Must not decide what a
//! reading is, and nobody who reads or adds ever waits for the disk.

use std::time::{SystemTime, UNIX_EPOCH};

mod archive;
mod book;
mod file;
mod keeper;
mod live;
mod series;

pub use archive::{Archive, HeadReading, NoSuchSeries, Stretch};
pub use book::STEPS;
pub use keeper::Keeper;
pub use live::{History, Sample};
pub use series::{Fold, HEAD_SERIES, HEADS, Readings, Series, Unit, head_series};

/// The Unix second of now.
#[must_use]
pub fn unix_now() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |now| now.as_secs() as i64)
}
