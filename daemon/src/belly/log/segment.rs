//! The rows of a segment: the index's entries of the file's generation, in order.
//!
//! Row 0 is the header and is written last: a segment without it is not whole. What is
//! in the rows is `segments/`'s business. A file that was made by an older version has
//! no such table.

use std::ops::RangeInclusive;

use rusqlite::{OptionalExtension, params};

use super::{LogReader, LogWriter};

/// The row of the header; blocks are numbered from 1 on.
pub(in crate::belly) const HEADER_ROW: i64 = 0;

impl LogWriter {
    /// Removes a segment that is there.
    pub(in crate::belly) fn clear_segment(&self) -> rusqlite::Result<()> {
        self.db.execute("DELETE FROM segment", []).map(|_| ())
    }

    /// Writes rows, all or none.
    pub(in crate::belly) fn put_segment(&mut self, rows: &[(i64, Vec<u8>)]) -> rusqlite::Result<()> {
        let tx = self.db.transaction()?;
        {
            let mut insert = tx.prepare_cached("INSERT INTO segment (id, block) VALUES (?1, ?2)")?;
            for (id, block) in rows {
                insert.execute(params![id, block])?;
            }
        }
        tx.commit()
    }
}

impl LogReader {
    /// `None` when there is no such row, or no such table.
    pub(in crate::belly) fn segment_row(&self, id: i64) -> rusqlite::Result<Option<Vec<u8>>> {
        if !self.has_segments {
            return Ok(None);
        }
        let mut select = self.db.prepare_cached("SELECT block FROM segment WHERE id = ?1")?;
        select.query_row([id], |r| r.get(0)).optional()
    }

    /// These rows in order, until `each` has enough or one is broken. Rows that are not
    /// there are passed over.
    pub(in crate::belly) fn segment_rows(
        &self,
        ids: RangeInclusive<i64>,
        mut each: impl FnMut(i64, &[u8]) -> bool,
    ) -> rusqlite::Result<()> {
        if !self.has_segments {
            return Ok(());
        }
        let sql = "SELECT id, block FROM segment WHERE id BETWEEN ?1 AND ?2 ORDER BY id";
        let mut select = self.db.prepare_cached(sql)?;
        let mut rows = select.query(params![ids.start(), ids.end()])?;
        while let Some(row) = rows.next()? {
            if !each(row.get(0)?, row.get_ref(1)?.as_blob()?) {
                break;
            }
        }
        Ok(())
    }
}
