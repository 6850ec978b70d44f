//! Columns of values at four steps: a second is added, and becomes part of ten seconds, a minute
//! and an hour. Pure data: no clock, no file.
//!
//! Every step is a ring whose rows stand at multiples of the step in Unix time; a row that was
//! not measured is NaN.

use crate::telemetry::history::series::Fold;

/// Steps in seconds, and how many of each are kept: ten minutes, two hours, two days, a year.
pub const STEPS: [(u32, usize); 4] = [(1, 600), (10, 720), (60, 2880), (3600, 8760)];

/// A column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Column {
    pub(super) name: String,
    pub(super) fold: Fold,
}

/// Columns at several steps.
#[derive(Debug, Clone)]
pub(super) struct Book {
    pub(super) columns: Vec<Column>,
    pub(super) rings: Vec<Ring>,
}

/// Rows of one step.
#[derive(Debug, Clone)]
pub(super) struct Ring {
    pub(super) step: u32,
    pub(super) kept: usize,
    values: Vec<f32>,
    /// Number of the newest complete row: its Unix time by the step.
    newest: Option<i64>,
    pub(super) open: Option<Open>,
    /// Complete rows up to here are on disk.
    pub(super) saved: i64,
}

/// The row that is being measured.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Open {
    pub(super) row: i64,
    /// Seconds measured of it.
    pub(super) seconds: u32,
    /// Sum, or the most so far, and how many seconds had a value.
    folded: Vec<(f64, u32)>,
}

impl Open {
    fn new(row: i64, columns: usize) -> Self {
        Self { row, seconds: 0, folded: vec![(0.0, 0); columns] }
    }

    /// Goes on with a row of which so many seconds were measured before.
    pub(super) fn resumed(row: i64, seconds: u32, values: &[f32], columns: &[Column]) -> Self {
        let folded = values.iter().zip(columns).map(|(value, column)| match column.fold {
            _ if value.is_nan() => (0.0, 0),
            Fold::Mean => (f64::from(*value) * f64::from(seconds), seconds),
            Fold::Most | Fold::Sum => (f64::from(*value), seconds),
        });
        Self { row, seconds, folded: folded.collect() }
    }

    fn add(&mut self, values: &[f32], columns: &[Column]) {
        self.seconds += 1;
        for ((folded, value), column) in self.folded.iter_mut().zip(values).zip(columns) {
            if value.is_nan() {
                continue;
            }
            let value = f64::from(*value);
            folded.0 = match column.fold {
                Fold::Most if folded.1 > 0 => folded.0.max(value),
                Fold::Most => value,
                Fold::Mean | Fold::Sum => folded.0 + value,
            };
            folded.1 += 1;
        }
    }

    /// What the row comes to.
    pub(super) fn values(&self, columns: &[Column]) -> Vec<f32> {
        let value = |((folded, seconds), column): (&(f64, u32), &Column)| match (column.fold, *seconds) {
            (_, 0) => f32::NAN,
            (Fold::Mean, seconds) => (folded / f64::from(seconds)) as f32,
            (Fold::Most | Fold::Sum, _) => *folded as f32,
        };
        self.folded.iter().zip(columns).map(value).collect()
    }
}

impl Book {
    pub(super) fn new(columns: Vec<Column>, steps: &[(u32, usize)]) -> Self {
        let ring = |&(step, kept): &(u32, usize)| Ring {
            step,
            kept,
            values: vec![f32::NAN; kept * columns.len()],
            newest: None,
            open: None,
            saved: i64::MIN,
        };
        Self { rings: steps.iter().map(ring).collect(), columns }
    }

    /// Adds the values of a second, one a column, NaN where nothing was measured.
    pub(super) fn push(&mut self, second: i64, values: &[f32]) {
        for ring in &mut self.rings {
            let row = second.div_euclid(i64::from(ring.step));
            if ring.open.as_ref().is_some_and(|open| open.row < row) {
                ring.close(&self.columns);
            }
            if ring.newest.is_some_and(|newest| newest >= row)
                || ring.open.as_ref().is_some_and(|open| open.row > row)
            {
                ring.rewind(row, self.columns.len());
            }
            ring.open.get_or_insert_with(|| Open::new(row, self.columns.len())).add(values, &self.columns);
        }
    }

    /// Forgets what a column holds and gives it another name.
    pub(super) fn rename(&mut self, column: usize, name: String) {
        let width = self.columns.len();
        self.columns[column].name = name;
        for ring in &mut self.rings {
            ring.values.iter_mut().skip(column).step_by(width).for_each(|value| *value = f32::NAN);
            if let Some(open) = &mut ring.open {
                open.folded[column] = (0.0, 0);
            }
        }
    }

    pub(super) fn position(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|column| column.name == name)
    }

    /// Bytes of memory, what is allocated besides the rings left out.
    pub(super) fn bytes(&self) -> usize {
        self.rings.iter().map(|ring| ring.values.capacity() * size_of::<f32>()).sum()
    }
}

impl Ring {
    /// The newest complete row.
    pub(super) fn newest(&self) -> Option<i64> {
        self.newest
    }

    /// The values of a complete row, if it is kept.
    pub(super) fn row(&self, row: i64, columns: usize) -> Option<&[f32]> {
        let newest = self.newest.filter(|newest| (newest - self.kept as i64 + 1..=*newest).contains(&row))?;
        let at = self.place(row.min(newest)) * columns;
        self.values.get(at..at + columns)
    }

    /// Where a row stands in the ring, and in the file.
    pub(super) fn place(&self, row: i64) -> usize {
        row.rem_euclid(self.kept as i64) as usize
    }

    fn close(&mut self, columns: &[Column]) {
        if let Some(open) = self.open.take() {
            self.put(open.row, &open.values(columns));
        }
    }

    /// Puts a complete row after the newest; those between were not measured.
    pub(super) fn put(&mut self, row: i64, values: &[f32]) {
        let width = values.len();
        let kept = self.kept as i64;
        let after = self.newest.map_or(row, |newest| (newest + 1).max(row - kept + 1));
        for missed in after..row {
            let at = self.place(missed) * width;
            self.values[at..at + width].fill(f32::NAN);
        }
        let at = self.place(row) * width;
        self.values[at..at + width].copy_from_slice(values);
        self.newest = Some(row);
    }

    /// The clock was set back: what we know from this row on lies in a future that will not come.
    fn rewind(&mut self, row: i64, columns: usize) {
        self.open = self.open.take().filter(|open| open.row == row);
        if let Some(newest) = self.newest {
            let first = row.max(newest - self.kept as i64 + 1);
            for gone in first..=newest {
                let at = self.place(gone) * columns;
                self.values[at..at + columns].fill(f32::NAN);
            }
            self.newest = Some(newest.min(row - 1));
        }
        self.saved = self.saved.min(row - 1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn columns() -> Vec<Column> {
        [("rate", Fold::Mean), ("worst", Fold::Most), ("starts", Fold::Sum)]
            .map(|(name, fold)| Column { name: name.to_owned(), fold })
            .to_vec()
    }

    fn book() -> Book {
        Book::new(columns(), &[(1, 5), (10, 3)])
    }

    #[test]
    fn a_longer_step_has_the_mean_the_most_and_the_sum_of_its_measured_seconds() {
        let mut book = book();
        for second in 0..10u8 {
            let rate = if second < 5 { f32::NAN } else { f32::from(second) };
            book.push(second.into(), &[rate, f32::from(10 - second), f32::from(u8::from(second == 3))]);
        }
        assert_eq!(book.rings[1].newest(), None, "the ten seconds are not over");
        book.push(10, &[0.0; 3]);
        assert_eq!(book.rings[1].row(0, 3), Some(&[7.0, 10.0, 1.0][..]));
        assert_eq!(book.rings[0].newest(), Some(9));
    }

    #[test]
    fn seconds_that_were_not_measured_are_absent_at_every_step_and_old_rows_give_way() {
        let mut book = book();
        book.push(0, &[1.0; 3]);
        book.push(1, &[1.0; 3]);
        book.push(4, &[2.0; 3]);
        book.push(5, &[2.0; 3]);
        let absent = |row: Option<&[f32]>| row.is_some_and(|row| row.iter().all(|value| value.is_nan()));
        assert!(absent(book.rings[0].row(2, 3)) && absent(book.rings[0].row(3, 3)));
        assert_eq!(book.rings[0].row(4, 3), Some(&[2.0; 3][..]));
        book.push(1_000, &[3.0; 3]);
        book.push(1_001, &[3.0; 3]);
        assert_eq!(book.rings[0].row(995, 3), None, "older than what is kept");
        assert!((996..1_000).all(|row| absent(book.rings[0].row(row, 3))));
        assert_eq!(book.rings[1].row(0, 3), Some(&[1.5, 2.0, 6.0][..]), "until the next is complete");
    }

    #[test]
    fn a_clock_that_was_set_back_forgets_its_future() {
        let mut book = book();
        (0..40).for_each(|second| book.push(second, &[1.0; 3]));
        book.push(20, &[9.0; 3]);
        book.push(21, &[9.0; 3]);
        assert_eq!((book.rings[0].newest(), book.rings[0].row(30, 3)), (Some(20), None));
        assert_eq!(book.rings[0].row(20, 3), Some(&[9.0; 3][..]));
        assert_eq!(book.rings[1].newest(), Some(1));
        book.push(-5, &[1.0; 3]);
        book.push(-4, &[1.0; 3]);
        assert_eq!(book.rings[0].newest(), Some(-5));
    }

    #[test]
    fn a_column_with_another_name_is_empty() {
        let mut book = book();
        (0..3).for_each(|second| book.push(second, &[1.0; 3]));
        book.rename(1, "other".to_owned());
        book.push(3, &[1.0, f32::NAN, 1.0]);
        let row = book.rings[0].row(1, 3).expect("a row");
        assert!(row[0] == 1.0 && row[1].is_nan() && row[2] == 1.0, "{row:?}");
        assert!(book.rings[0].row(2, 3).expect("a row")[1].is_nan(), "the open row, too");
    }
}
