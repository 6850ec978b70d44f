//! How much of some files is read at a start, and how much there is.
//!
//! Owns the estimate only: entries of segments are counted, records of pages are not
//! before they are read.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Records of a page, on the average; for the estimate before the first is read.
const PAGE_RECORDS: u64 = 700;

#[derive(Default)]
pub(super) struct Share {
    /// Records read from pages.
    records: AtomicU64,
    pages: AtomicU64,
    /// Pages there are.
    of_pages: u64,
    /// Entries read from segments.
    entries: AtomicU64,
    /// Entries there are.
    of_entries: u64,
}

impl Share {
    pub(super) fn expect(&mut self, entries: u64, pages: i64) {
        self.of_entries += entries;
        self.of_pages += u64::try_from(pages).unwrap_or_default();
    }

    /// A page was read with so many records.
    pub(super) fn page(&self, records: u64) {
        self.records.fetch_add(records, Relaxed);
        self.pages.fetch_add(1, Relaxed);
    }

    pub(super) fn entries(&self, entries: u64) {
        self.entries.fetch_add(entries, Relaxed);
    }

    /// Records read, and how many there are if all pages are as full as those read.
    pub(super) fn figures(&self) -> (u64, u64) {
        let records = self.records.load(Relaxed);
        let in_pages = match self.pages.load(Relaxed) {
            0 => self.of_pages * PAGE_RECORDS,
            pages => records.saturating_mul(self.of_pages) / pages,
        };
        let read = records + self.entries.load(Relaxed);
        (read, read.max(in_pages + self.of_entries))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_estimate_follows_the_pages_that_were_read() {
        let mut share = Share::default();
        share.expect(1_000, 4);
        assert_eq!(share.figures(), (0, 1_000 + 4 * PAGE_RECORDS));
        share.page(10);
        share.entries(600);
        assert_eq!(share.figures(), (610, 1_040));
        (0..5).for_each(|_| share.page(100));
        assert!(share.figures().1 >= share.figures().0);
    }
}
