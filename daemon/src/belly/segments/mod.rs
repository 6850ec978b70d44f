//! Segments: the index's entries of one generation, in order, in the generation's file.
//!
//! Owns their form on disk, and what memory keeps of a segment that answers look-ups in
//! the place of the index: a filter and where its blocks begin. Comes in: entries sorted
//! by place and provider. Goes out: entries. It knows no keys, and neither when a segment
//! is written nor who asks it; that is the engine's business.
//!
//! | header (row 0), bytes | |
//! |---|---|
//! | 0 | version of the form: 1 |
//! | 1 | upper bits of the hash that were the shard in a place |
//! | 2–3 | zero |
//! | 4–7 | when it was made, in seconds since the Unix epoch |
//! | 8–15 | number of entries |
//! | 16–23 | number of blocks: rows 1 to this one |
//! | 24–31 | the last log page whose records are in it: 1 to this one |
//! | 32–39 | XXH64 of bytes 0–31 |

mod block;
mod filter;
mod spilled;

use std::ops::RangeInclusive;

pub(super) use block::Entry;
pub(super) use spilled::{Cursor, Segments, Spilled, Tally};

use super::index::PRINT_BITS;
use super::log::{HEADER_ROW, LogReader, LogWriter};
use super::sum::xxh64;
use block::MAX_ENTRIES;

const VERSION: u8 = 1;
/// Rows of one transaction: some 4 MiB.
const ROWS: usize = 1_024;

/// What a segment says of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Header {
    /// Bits of the hash that are the shard.
    pub(super) bits: u8,
    /// When it was made, in seconds since the Unix epoch.
    pub(super) made: u32,
    pub(super) entries: u64,
    pub(super) blocks: u64,
    /// Log pages from the first to this one are in it.
    pub(super) pages: u64,
}

impl Header {
    fn to_bytes(self) -> Vec<u8> {
        let mut out = vec![VERSION, self.bits, 0, 0];
        out.extend_from_slice(&self.made.to_le_bytes());
        for number in [self.entries, self.blocks, self.pages] {
            out.extend_from_slice(&number.to_le_bytes());
        }
        let sum = xxh64(&out);
        out.extend_from_slice(&sum.to_le_bytes());
        out
    }

    /// `None` when it is not what was written, or of a version that is not known.
    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (rest, sum) = bytes.split_last_chunk::<8>()?;
        let known = rest.len() == 32 && rest[0] == VERSION && xxh64(rest) == u64::from_le_bytes(*sum);
        let number = |at: usize| Some(u64::from_le_bytes(*rest.get(at..)?.first_chunk()?));
        known.then_some(())?;
        Some(Self {
            bits: rest[1],
            made: u32::from_le_bytes(*rest[4..].first_chunk()?),
            entries: number(8)?,
            blocks: number(16)?,
            pages: number(24)?,
        })
    }

    /// Of the file; `None` when its segment is not whole, or it has none.
    pub(super) fn of(log: &LogReader) -> rusqlite::Result<Option<Self>> {
        Ok(log.segment_row(HEADER_ROW)?.as_deref().and_then(Self::from_bytes))
    }

    /// The numbers of its blocks.
    pub(super) fn rows(&self) -> RangeInclusive<i64> {
        1..=i64::try_from(self.blocks).unwrap_or(0)
    }

    /// The last log page that it covers.
    pub(super) fn last_page(&self) -> i64 {
        i64::try_from(self.pages).unwrap_or(i64::MAX)
    }
}

/// A segment on its way to its file.
pub(super) struct Builder<'a> {
    log: &'a mut LogWriter,
    waiting: Vec<Entry>,
    rows: Vec<(i64, Vec<u8>)>,
    blocks: u64,
    entries: u64,
}

impl<'a> Builder<'a> {
    /// Removes the segment that the file has.
    pub(super) fn new(log: &'a mut LogWriter) -> rusqlite::Result<Self> {
        log.clear_segment()?;
        Ok(Self { log, waiting: Vec::new(), rows: Vec::new(), blocks: 0, entries: 0 })
    }

    /// Entries that stand behind all that came before.
    pub(super) fn push(&mut self, entries: &[Entry]) -> rusqlite::Result<()> {
        self.waiting.extend_from_slice(entries);
        self.pack(MAX_ENTRIES)
    }

    /// Packs while as many wait as a block may have.
    fn pack(&mut self, least: usize) -> rusqlite::Result<()> {
        let mut from = 0;
        while self.waiting.len() - from >= least {
            let (block, taken) = block::pack(&self.waiting[from..]);
            from += taken;
            self.blocks += 1;
            self.entries += taken as u64;
            self.rows.push((i64::try_from(self.blocks).unwrap_or(i64::MAX), block));
            if self.rows.len() >= ROWS {
                self.log.put_segment(&self.rows)?;
                self.rows.clear();
            }
        }
        self.waiting.drain(..from);
        Ok(())
    }

    /// Writes what waits, and the header.
    pub(super) fn finish(mut self, bits: u32, pages: u64, made: u32) -> rusqlite::Result<Header> {
        self.pack(1)?;
        let bits = u8::try_from(bits).unwrap_or(u8::MAX);
        let header = Header { bits, made, entries: self.entries, blocks: self.blocks, pages };
        self.rows.push((HEADER_ROW, header.to_bytes()));
        self.log.put_segment(&self.rows)?;
        Ok(header)
    }
}

/// A place in an index whose shards are so many bits fewer.
pub(super) fn widen(place: u64, bits: u32) -> u64 {
    const PRINT: u64 = (1 << PRINT_BITS) - 1;
    (place >> PRINT_BITS >> bits) << PRINT_BITS | place & PRINT
}

/// Gives the entries of these blocks, block by block with its number, until `each` has
/// enough. False when a block is missing or is not what was written.
pub(super) fn read(
    log: &LogReader,
    rows: RangeInclusive<i64>,
    mut each: impl FnMut(i64, &[Entry]) -> bool,
) -> rusqlite::Result<bool> {
    let (mut next, end) = (*rows.start(), *rows.end());
    let mut entries = Vec::new();
    let (mut whole, mut enough) = (true, false);
    let outcome = log.segment_rows(rows, |id, bytes| {
        whole = id == next && block::unpack(bytes, &mut entries);
        next += 1;
        enough = whole && !each(id, &entries);
        whole && !enough
    });
    match outcome {
        Err(error) if super::database::is_damage(&error) => Ok(false),
        outcome => outcome.map(|()| whole && (enough || next > end)),
    }
}
