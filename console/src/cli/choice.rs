//! What every list has: `--filter` and `--sort-by`, over its columns.

use clap::Args;
use clap_complete::engine::ArgValueCompleter;

use super::completions;
use crate::error::{Error, Kind};
use crate::output::columns::Row;
use crate::output::select::Selection;

/// Which rows, in which order.
#[derive(Args, Clone, Debug, Default)]
pub(super) struct Choice {
    /// Only rows that fit: COLUMN=WORD, != not, ~ contains, !~ not, > and < for numbers; a text alone is looked
    /// for in all columns. Each of several has to fit
    #[arg(long, value_name = "TEST", add = ArgValueCompleter::new(completions::columns))]
    filter: Vec<String>,
    /// Sort by a column; -COLUMN puts the largest first
    #[arg(long, value_name = "[-]COLUMN", allow_hyphen_values = true,
          add = ArgValueCompleter::new(completions::columns))]
    sort_by: Option<String>,
}

impl Choice {
    /// Whether rows are left out.
    pub(super) const fn filters(&self) -> bool {
        !self.filter.is_empty()
    }

    /// The choice among rows of a kind, of which at most so many.
    ///
    /// # Errors
    /// Usage: a column that is none, or a test that has no meaning.
    pub(super) fn of<R: Row>(&self, limit: Option<u64>) -> Result<Selection<R>, Error> {
        Selection::of(&self.filter, self.sort_by.as_deref(), limit)
    }

    /// The choice among rows that never end.
    ///
    /// # Errors
    /// As [`Choice::of`]; and what has no end cannot be sorted.
    pub(super) fn unsorted<R: Row>(&self) -> Result<Selection<R>, Error> {
        if self.sort_by.is_some() {
            return Err(Error::new(Kind::Usage, "what does not end cannot be sorted")
                .hint("leave --sort-by out, or do not follow"));
        }
        self.of(None)
    }
}
