//! What became of the scout's own requests, by kind and by what they were for.
//!
//! One histogram and three counters each; whoever asks has the times anyway.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use crate::telemetry::Latency;
use crate::telemetry::latency::Snapshot;
use crate::telemetry::requests::KINDS;

/// What a request is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AskedFor {
    /// Who is there.
    Crawl,
    /// What the belly did not have.
    Prefetch,
    /// Whether servers list our heads.
    Presence,
    /// Operators and clients of the HTTP doors.
    Clients,
}

impl AskedFor {
    pub const ALL: [Self; 4] = [Self::Crawl, Self::Prefetch, Self::Presence, Self::Clients];
}

/// The books since the process began.
#[derive(Debug, Default)]
pub struct Asked {
    books: [[Book; KINDS]; AskedFor::ALL.len()],
}

#[derive(Debug, Default)]
struct Book {
    took: Latency,
    failed: AtomicU64,
    bytes_in: AtomicU64,
    bytes_out: AtomicU64,
}

/// Requests of one kind for one purpose.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AskedTotals {
    /// Number of the kind, as `wire::Kind`.
    pub kind: usize,
    pub asked_for: AskedFor,
    /// Of those that were answered.
    pub took: Snapshot,
    pub failed: u64,
    pub bytes_in: u64,
    pub bytes_out: u64,
}

impl Asked {
    /// A request was answered.
    pub fn answered(&self, kind: usize, asked_for: AskedFor, took: Duration, bytes_in: usize) {
        let Some(book) = self.books[asked_for as usize].get(kind) else { return };
        book.took.record(took);
        book.bytes_in.fetch_add(bytes_in as u64, Relaxed);
    }

    /// A request was not answered, or not well.
    pub fn failed(&self, kind: usize, asked_for: AskedFor) {
        let Some(book) = self.books[asked_for as usize].get(kind) else { return };
        book.failed.fetch_add(1, Relaxed);
    }

    /// Bytes of a request went out.
    pub fn sent(&self, kind: usize, asked_for: AskedFor, bytes_out: usize) {
        let Some(book) = self.books[asked_for as usize].get(kind) else { return };
        book.bytes_out.fetch_add(bytes_out as u64, Relaxed);
    }

    /// Bytes that came in and went out.
    #[must_use]
    pub fn bytes(&self) -> [u64; 2] {
        let sum = |of: fn(&Book) -> &AtomicU64| {
            self.books.iter().flatten().map(|book| of(book).load(Relaxed)).sum()
        };
        [sum(|book| &book.bytes_in), sum(|book| &book.bytes_out)]
    }

    /// Each kind and purpose that occurred, in order.
    #[must_use]
    pub fn totals(&self) -> Vec<AskedTotals> {
        let each = AskedFor::ALL.into_iter().flat_map(|asked_for| {
            (0..).zip(&self.books[asked_for as usize]).map(move |(kind, book)| AskedTotals {
                kind,
                asked_for,
                took: book.took.snapshot(),
                failed: book.failed.load(Relaxed),
                bytes_in: book.bytes_in.load(Relaxed),
                bytes_out: book.bytes_out.load(Relaxed),
            })
        });
        each.filter(|totals| totals.failed > 0 || totals.took.count() > 0).collect()
    }
}

impl AskedTotals {
    /// What was counted after an earlier look.
    #[must_use]
    pub fn since(&self, earlier: &[Self]) -> Self {
        let same = |other: &&Self| other.kind == self.kind && other.asked_for == self.asked_for;
        let Some(earlier) = earlier.iter().find(same) else { return self.clone() };
        Self {
            took: self.took.since(&earlier.took),
            failed: self.failed.saturating_sub(earlier.failed),
            bytes_in: self.bytes_in.saturating_sub(earlier.bytes_in),
            bytes_out: self.bytes_out.saturating_sub(earlier.bytes_out),
            ..*self
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_purpose_has_books_of_its_own_and_a_window_is_a_difference() {
        let asked = Asked::default();
        asked.sent(3, AskedFor::Prefetch, 40);
        asked.answered(3, AskedFor::Prefetch, Duration::from_millis(80), 500);
        asked.failed(4, AskedFor::Crawl);
        asked.failed(KINDS, AskedFor::Crawl);
        let first = asked.totals();
        assert_eq!(first.len(), 2);
        assert_eq!((first[0].asked_for, first[0].kind, first[0].failed), (AskedFor::Crawl, 4, 1));
        assert_eq!((first[1].took.count(), first[1].bytes_in, first[1].bytes_out), (1, 500, 40));
        assert_eq!(asked.bytes(), [500, 40]);
        asked.failed(3, AskedFor::Prefetch);
        let later: Vec<AskedTotals> = asked.totals().iter().map(|totals| totals.since(&first)).collect();
        assert_eq!((later[0].failed, later[1].failed, later[1].took.count()), (0, 1, 0));
        assert_eq!(later[1].since(&[]), later[1]);
    }
}
