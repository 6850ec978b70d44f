//! The books that are kept: of the whole hydra at all steps, and of its heads by the minute.
//!
//! Who adds and who reads holds the lock for microseconds; the disk is the keeper's.

use parking_lot::Mutex;

use crate::telemetry::history::book::{Book, Column, Ring, STEPS};
use crate::telemetry::history::series::{Fold, HEAD_SERIES, HEADS, Readings, Series, head_series};

/// The step of the heads' series, in seconds, and how many are kept.
const HEAD_STEPS: [(u32, usize); 1] = [STEPS[2]];

/// What a column is called that no head has.
const FREE: &str = "";

/// A second of a head.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct HeadReading {
    pub index: u32,
    /// Requests a second.
    pub requests: f64,
    pub connections: f64,
    /// `None` before it was measured.
    pub presence: Option<f64>,
}

/// What was asked for is not kept.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoSuchSeries {
    #[error("no series named {0}: hydractl stats list names them")]
    Name(String),
    #[error("a step of {0} s is not kept for these series; there are 1, 10, 60 and 3600, for a head's 60")]
    Step(u32),
}

/// Values at equal steps.
#[derive(Debug, Clone, PartialEq)]
pub struct Stretch {
    /// Unix second at which the first step begins.
    pub begins: i64,
    /// Seconds of a step.
    pub step: u32,
    /// By series, as they were asked for; NaN where nothing was measured.
    pub values: Vec<Vec<f32>>,
    /// Unix seconds of the steps in which the daemon started.
    pub starts: Vec<i64>,
}

/// All that is kept.
#[derive(Debug)]
pub struct Archive {
    pub(super) books: Mutex<Books>,
    pub(super) trouble: Mutex<Option<String>>,
}

/// The books, one a file.
#[derive(Debug)]
pub(super) struct Books {
    pub(super) whole: Book,
    pub(super) heads: Book,
    /// Columns of heads have other names than in the file.
    pub(super) heads_reshaped: bool,
}

impl Default for Archive {
    fn default() -> Self {
        let whole =
            Series::ALL.iter().map(|series| Column { name: series.name().to_owned(), fold: series.fold() });
        let free = || Column { name: FREE.to_owned(), fold: Fold::Mean };
        let heads = (0..HEADS * HEAD_SERIES.len()).map(|_| free()).collect();
        let books = Books {
            whole: Book::new(whole.collect(), &STEPS),
            heads: Book::new(heads, &HEAD_STEPS),
            heads_reshaped: false,
        };
        Self { books: Mutex::new(books), trouble: Mutex::default() }
    }
}

impl Archive {
    /// Adds what was measured in a Unix second.
    pub fn push(&self, second: i64, readings: &Readings, heads: &[HeadReading]) {
        let mut books = self.books.lock();
        books.whole.push(second, &readings.0);
        let mut values = vec![f32::NAN; books.heads.columns.len()];
        for head in heads.iter().take(HEADS) {
            let Some(at) = books.place_of(head.index, heads) else { continue };
            values[at] = head.requests as f32;
            values[at + 1] = head.connections as f32;
            values[at + 2] = head.presence.map_or(f32::NAN, |ratio| ratio as f32);
        }
        books.heads.push(second, &values);
    }

    /// Values from a Unix second on, at the step asked for, or at the shortest that reaches back
    /// so far.
    ///
    /// # Errors
    /// When a series does not exist, or not at that step.
    pub fn read(
        &self,
        names: &[String],
        since: i64,
        now: i64,
        step: Option<u32>,
    ) -> Result<Stretch, NoSuchSeries> {
        let books = self.books.lock();
        let columns: Vec<(&Book, usize)> = names
            .iter()
            .map(|name| books.find(name).ok_or_else(|| NoSuchSeries::Name(name.clone())))
            .collect::<Result<_, _>>()?;
        let of_heads = columns.iter().any(|(book, _)| std::ptr::eq(*book, &raw const books.heads));
        let steps = if of_heads { &HEAD_STEPS[..] } else { &STEPS[..] };
        let reaches =
            |(step, kept): &&(u32, usize)| i64::from(*step) * *kept as i64 >= now.saturating_sub(since);
        let (step, kept) = match step {
            Some(asked) => steps.iter().find(|(step, _)| *step == asked).ok_or(NoSuchSeries::Step(asked))?,
            None => steps.iter().find(reaches).unwrap_or(&steps[steps.len() - 1]),
        };
        let seconds = i64::from(*step);
        let newest = books.whole.rings.iter().find(|ring| ring.step == *step).and_then(Ring::newest);
        // what is being measured is not shown
        let now = now.div_euclid(seconds);
        let end = newest.map_or(now, |newest| (newest + 1).min(now));
        let oldest = if newest.is_some() { end - *kept as i64 } else { end };
        let first = since.div_euclid(seconds).clamp(oldest, end);
        let value = |book: &Book, column: usize, row: i64| {
            let ring = book.rings.iter().find(|ring| ring.step == *step);
            ring.and_then(|ring| ring.row(row, book.columns.len())).map_or(f32::NAN, |row| row[column])
        };
        let rows = first..end;
        let starts = rows.clone().filter(|row| value(&books.whole, Series::Starts as usize, *row) > 0.0);
        Ok(Stretch {
            begins: first * seconds,
            step: *step,
            starts: starts.map(|row| row * seconds).collect(),
            values: columns
                .into_iter()
                .map(|(book, column)| rows.clone().map(|row| value(book, column, row)).collect())
                .collect(),
        })
    }

    /// The last ten minutes before the Unix second `now`, second by second from the first that
    /// was measured on.
    #[must_use]
    pub fn seconds(&self, now: i64) -> Vec<(i64, Option<Readings>)> {
        let books = self.books.lock();
        let (ring, width) = (&books.whole.rings[0], books.whole.columns.len());
        let measured = |second: i64| {
            let row = ring.row(second, width).filter(|row| row.iter().any(|value| !value.is_nan()));
            (second, row.map(|row| Readings(row.to_vec())))
        };
        (now - ring.kept as i64..now).map(measured).skip_while(|(_, readings)| readings.is_none()).collect()
    }

    /// Indices of the heads that have series.
    #[must_use]
    pub fn heads(&self) -> Vec<u32> {
        let books = self.books.lock();
        let mut heads: Vec<u32> = books.places().filter_map(|(_, head)| head).collect();
        heads.sort_unstable();
        heads
    }

    /// Why the history is in memory only; `None` while it is kept on disk.
    #[must_use]
    pub fn trouble(&self) -> Option<String> {
        self.trouble.lock().clone()
    }

    /// Bytes of memory.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let books = self.books.lock();
        books.whole.bytes() + books.heads.bytes()
    }
}

impl Books {
    fn find(&self, name: &str) -> Option<(&Book, usize)> {
        let of_heads = || self.heads.position(name).map(|at| (&self.heads, at));
        self.whole.position(name).map(|at| (&self.whole, at)).or_else(of_heads).filter(|_| name != FREE)
    }

    /// First columns of the places for heads, and whose they are.
    fn places(&self) -> impl Iterator<Item = (usize, Option<u32>)> {
        let of = |column: &Column| column.name.strip_prefix("head-")?.split('.').next()?.parse().ok();
        self.heads.columns.iter().enumerate().step_by(HEAD_SERIES.len()).map(move |(at, c)| (at, of(c)))
    }

    /// The first column of a head. One that has none gets a free one, or that of a head which is
    /// gone.
    fn place_of(&mut self, index: u32, present: &[HeadReading]) -> Option<usize> {
        if let Some((at, _)) = self.places().find(|(_, head)| *head == Some(index)) {
            return Some(at);
        }
        let gone = |head: &u32| present.iter().take(HEADS).all(|present| present.index != *head);
        let free = self.places().find(|(_, head)| head.is_none());
        let (at, _) = free.or_else(|| self.places().find(|(_, head)| head.as_ref().is_some_and(gone)))?;
        for (column, (end, ..)) in HEAD_SERIES.iter().enumerate() {
            self.heads.rename(at + column, head_series(index, end));
        }
        self.heads_reshaped = true;
        Some(at)
    }

    /// Takes the columns that heads had in a file.
    pub(super) fn name_heads(&mut self, names: Vec<String>) {
        if names.len() == self.heads.columns.len() {
            for (column, name) in self.heads.columns.iter_mut().zip(names) {
                column.name = name;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn readings(value: f64) -> Readings {
        let mut readings = Readings::default();
        readings.set(Series::AddProvider, value);
        readings
    }

    fn head(index: u32, requests: f64) -> HeadReading {
        HeadReading { index, requests, connections: 1.0, presence: None }
    }

    fn named(name: &str) -> [String; 1] {
        [name.to_owned()]
    }

    #[test]
    fn all_that_is_kept_fits_into_four_mebibytes() {
        use crate::telemetry::history::live::{SECONDS, Sample};
        let archive = Archive::default();
        (0..10).for_each(|second| archive.push(second, &readings(1.0), &[head(0, 1.0)]));
        let live = SECONDS * size_of::<Sample>();
        assert!(archive.bytes() + live <= 4 * 1024 * 1024, "{} + {live}", archive.bytes());
        assert!(HEAD_SERIES.len() <= 6);
    }

    #[test]
    fn the_shortest_step_that_reaches_back_is_read_and_a_start_is_marked() {
        let archive = Archive::default();
        for second in 0..3_000 {
            let mut readings = readings(7.0);
            readings.set(Series::Starts, f64::from(u8::from(second == 2_990)));
            archive.push(second, &readings, &[]);
        }
        let read = |since, step| archive.read(&named("requests.add_provider"), since, 3_000, step);
        let near = read(2_980, None).expect("a series");
        assert_eq!((near.begins, near.step, near.values[0].len()), (2_980, 1, 19));
        assert!(near.values[0].iter().all(|value| *value == 7.0) && near.starts == [2_990]);
        let far = read(0, None).expect("a series");
        assert_eq!((far.begins, far.step, far.values[0].len()), (0, 10, 299));
        assert_eq!(read(0, Some(60)).expect("a series").values[0].len(), 49);
        assert_eq!(read(0, Some(5)), Err(NoSuchSeries::Step(5)));
        assert!(matches!(archive.read(&named(""), 0, 1, None), Err(NoSuchSeries::Name(_))));
        // asked for more than there can be, and for a time to come
        assert_eq!(read(i64::MIN / 4, None).expect("a series").step, 3600);
        assert!(read(9_000, None).expect("a series").values[0].is_empty());
        assert_eq!(read(i64::MIN, None).expect("a series").step, 3600);
    }

    #[test]
    fn before_the_first_second_is_over_there_is_nothing_to_tell() {
        let archive = Archive::default();
        for step in [None, Some(1), Some(3600)] {
            let read =
                archive.read(&named("requests.add_provider"), 0, 1_790_000_000, step).expect("a series");
            assert!(read.values[0].is_empty() && read.starts.is_empty(), "{read:?}");
        }
    }

    #[test]
    fn heads_have_minutes_and_a_new_head_takes_the_place_of_one_that_is_gone() {
        let archive = Archive::default();
        let many: Vec<_> = (0..40).map(|index| head(index, f64::from(index))).collect();
        (0..121).for_each(|second| archive.push(second, &readings(1.0), &many));
        assert_eq!(archive.heads(), (0..HEADS as u32).collect::<Vec<_>>());
        let read = |name: &str| archive.read(&named(name), 0, 121, None);
        assert_eq!(read("head-3.requests").expect("a series").values, [[3.0, 3.0]]);
        assert_eq!(read("head-3.requests").expect("a series").step, 60);
        assert!(read("head-35.requests").is_err());
        (121..241).for_each(|second| archive.push(second, &readings(1.0), &many[1..]));
        assert!(read("head-0.requests").is_err());
        let moved = archive.read(&named(&format!("head-{HEADS}.requests")), 0, 240, None).expect("a series");
        assert!(moved.values[0][..2].iter().all(|value| value.is_nan()), "{moved:?}");
        assert_eq!(moved.values[0][3], HEADS as f32);
    }

    #[test]
    fn the_last_ten_minutes_come_back_with_their_gaps() {
        let archive = Archive::default();
        [100, 101, 104, 105].into_iter().for_each(|second| archive.push(second, &readings(2.0), &[]));
        let seconds = archive.seconds(106);
        let measured: Vec<bool> = seconds.iter().map(|(_, readings)| readings.is_some()).collect();
        // the second of 105 is not complete
        assert_eq!((seconds[0].0, &measured[..]), (100, &[true, true, false, false, true, false][..]));
    }
}
