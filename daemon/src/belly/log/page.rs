//! A page: up to 1,024 records of one generation, checksummed; the format on disk.
//!
//! | bytes | |
//! |---|---|
//! | 0 | kind: 1 records of 40 bytes, 2 records of variable length |
//! | 1 | version of the page's format: 1 |
//! | 2–3 | number of records, as all numbers little-endian |
//! | 4–7 | the generation's hour since the Unix epoch |
//! | 8–15 | XXH64 of bytes 0–7 and 16 onwards |
//! | 16– | records |
//!
//! A record of 40 bytes is the digest of a sha2-256 multihash (32), the provider's
//! number (4), the minute within the hour (2) and the index of the head that accepted
//! it (2). One of variable length is a length (1), a key of 1 to 80 bytes, and the same
//! 8 bytes. The minute may exceed 59 when an hour's file was written late.

use crate::belly::MAX_PROVIDER_KEY;
use crate::belly::sum::xxh64;

/// Most records of a page.
pub(in crate::belly) const MAX_RECORDS: usize = 1024;

/// Bytes of a record with a sha2-256 key.
const FIXED: usize = 40;
const HEADER: usize = 16;
/// Bytes after the key.
const TAIL: usize = 8;
const VERSION: u8 = 1;
const KIND_FIXED: u8 = 1;
const KIND_VARIABLE: u8 = 2;

/// How a sha2-256 multihash begins: code and length.
const SHA2_256: [u8; 2] = [0x12, 0x20];

/// Where, when and through whom a key was announced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::belly) struct Tail {
    /// Its number in the file that the record is in.
    pub(in crate::belly) provider: u32,
    /// Minutes since the generation's hour began.
    pub(in crate::belly) minute: u16,
    pub(in crate::belly) head: u16,
}

impl Tail {
    fn to_bytes(self) -> [u8; TAIL] {
        let mut out = [0; TAIL];
        out[..4].copy_from_slice(&self.provider.to_le_bytes());
        out[4..6].copy_from_slice(&self.minute.to_le_bytes());
        out[6..].copy_from_slice(&self.head.to_le_bytes());
        out
    }

    fn from_bytes(bytes: &[u8; TAIL]) -> Self {
        let [a, b, c, d, e, f, g, h] = *bytes;
        Self {
            provider: u32::from_le_bytes([a, b, c, d]),
            minute: u16::from_le_bytes([e, f]),
            head: u16::from_le_bytes([g, h]),
        }
    }
}

/// Records of one generation that wait for the disk, in the form of their pages.
#[derive(Default)]
pub(in crate::belly) struct Batch {
    fixed: Vec<u8>,
    variable: Vec<u8>,
    records: usize,
}

impl Batch {
    /// `key` has 1 to 80 bytes.
    #[inline]
    pub(in crate::belly) fn push(&mut self, key: &[u8], tail: Tail) {
        if let ([0x12, 0x20, digest @ ..], 34) = (key, key.len()) {
            // one copy of a known length
            let mut record = [0; FIXED];
            record[..32].copy_from_slice(digest);
            record[32..].copy_from_slice(&tail.to_bytes());
            self.fixed.extend_from_slice(&record);
        } else {
            debug_assert!((1..=MAX_PROVIDER_KEY).contains(&key.len()));
            self.variable.push(key.len() as u8);
            self.variable.extend_from_slice(key);
            self.variable.extend_from_slice(&tail.to_bytes());
        }
        self.records += 1;
    }

    pub(in crate::belly) fn len(&self) -> usize {
        self.records
    }

    pub(in crate::belly) fn append(&mut self, later: &mut Self) {
        self.fixed.append(&mut later.fixed);
        self.variable.append(&mut later.variable);
        self.records += std::mem::take(&mut later.records);
    }

    /// Empty, with the memory that it had.
    pub(in crate::belly) fn emptied(mut self) -> Self {
        self.fixed.clear();
        self.variable.clear();
        self.records = 0;
        self
    }

    /// The numbers of the providers, with repeats.
    pub(in crate::belly) fn providers(&self) -> impl Iterator<Item = u32> + '_ {
        let (fixed, _) = self.fixed.as_chunks::<FIXED>();
        let fixed = fixed.iter().map(|record| fixed_parts(record).1.provider);
        fixed.chain(variable_records(&self.variable).map(|(_, tail)| tail.provider))
    }

    /// The pages to write.
    pub(in crate::belly) fn pages(&self, hour: u32) -> impl Iterator<Item = Vec<u8>> + '_ {
        let fixed = self.fixed.chunks(MAX_RECORDS * FIXED);
        let fixed = fixed.map(move |records| seal(KIND_FIXED, records.len() / FIXED, hour, records));
        let mut rest = &self.variable[..];
        let variable = std::iter::from_fn(move || {
            let (mut count, mut len) = (0, 0);
            for (key, _) in variable_records(rest).take(MAX_RECORDS) {
                count += 1;
                len += 1 + key.len() + TAIL;
            }
            let (records, later) = rest.split_at_checked(len).filter(|_| count > 0)?;
            rest = later;
            Some(seal(KIND_VARIABLE, count, hour, records))
        });
        fixed.chain(variable)
    }
}

fn seal(kind: u8, count: usize, hour: u32, records: &[u8]) -> Vec<u8> {
    let mut page = Vec::with_capacity(HEADER + records.len());
    page.extend_from_slice(&[kind, VERSION]);
    page.extend_from_slice(&(count as u16).to_le_bytes());
    page.extend_from_slice(&hour.to_le_bytes());
    page.extend_from_slice(&[0; 8]);
    page.extend_from_slice(records);
    let sum = sum(&page);
    page[8..HEADER].copy_from_slice(&sum.to_le_bytes());
    page
}

fn sum(page: &[u8]) -> u64 {
    let (header, records) = page.split_at_checked(HEADER).unwrap_or((page, &[]));
    let header = header.first_chunk::<8>().copied().unwrap_or_default();
    xxh64(records) ^ xxh64(&header).rotate_left(32)
}

fn fixed_parts(record: &[u8; FIXED]) -> (&[u8; 32], Tail) {
    let (digest, tail) = record.split_at(32);
    let tail = tail.first_chunk::<TAIL>().map(Tail::from_bytes);
    match (digest.first_chunk::<32>(), tail) {
        (Some(digest), Some(tail)) => (digest, tail),
        _ => unreachable!("40 bytes are 32 and 8"),
    }
}

/// Ends where the bytes are not of the form that [`Batch::push`] writes.
fn variable_records(mut rest: &[u8]) -> impl Iterator<Item = (&[u8], Tail)> {
    std::iter::from_fn(move || {
        let (len, tail) = rest.split_first()?;
        let (key, tail) = tail.split_at_checked(usize::from(*len)).filter(|(key, _)| !key.is_empty())?;
        let (parts, tail) = tail.split_first_chunk::<TAIL>()?;
        rest = tail;
        Some((key, Tail::from_bytes(parts)))
    })
}

/// A page that is whole.
#[derive(Clone, Copy)]
pub(in crate::belly) struct Page<'a> {
    kind: u8,
    records: &'a [u8],
}

impl<'a> Page<'a> {
    /// `None` when the bytes are not what was written for this hour.
    pub(in crate::belly) fn open(bytes: &'a [u8], hour: u32) -> Option<Self> {
        let (header, records) = bytes.split_first_chunk::<HEADER>()?;
        let [kind, version, count @ ..] = header;
        let count = usize::from(u16::from_le_bytes(*count.first_chunk()?));
        let written = u32::from_le_bytes(*header[4..].first_chunk()?);
        let whole = *version == VERSION
            && written == hour
            && sum(bytes).to_le_bytes() == header[8..]
            && match *kind {
                KIND_FIXED => records.len() == count * FIXED,
                KIND_VARIABLE => variable_records(records).count() == count,
                _ => false,
            };
        whole.then_some(Self { kind: *kind, records })
    }

    /// The records in the order they came, with their keys.
    pub(in crate::belly) fn each(self, mut each: impl FnMut(&[u8], Tail)) {
        if self.kind == KIND_VARIABLE {
            variable_records(self.records).for_each(|(key, tail)| each(key, tail));
            return;
        }
        let mut key = [0; 34];
        key[..2].copy_from_slice(&SHA2_256);
        let (records, _) = self.records.as_chunks::<FIXED>();
        for record in records {
            let (digest, tail) = fixed_parts(record);
            key[2..].copy_from_slice(digest);
            each(&key, tail);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(pages: &[Vec<u8>], hour: u32) -> Vec<(Vec<u8>, Tail)> {
        let mut out = Vec::new();
        for page in pages {
            Page::open(page, hour).expect("whole").each(|key, tail| out.push((key.to_vec(), tail)));
        }
        out
    }

    proptest! {
        #[test]
        fn what_is_pushed_is_read_and_no_flipped_bit_or_cut_goes_unseen(
            keys in prop::collection::vec(prop::collection::vec(any::<u8>(), 1..=80), 1..40),
            hour: u32, at: usize, bit in 0..8u32, cut: usize,
        ) {
            let mut batch = Batch::default();
            let mut expected = Vec::new();
            for (n, mut key) in keys.into_iter().enumerate() {
                if n % 2 == 0 {
                    key.resize(34, 9);
                    key[..2].copy_from_slice(&SHA2_256);
                }
                let tail = Tail { provider: n as u32 * 77, minute: n as u16, head: 65_535 - n as u16 };
                batch.push(&key, tail);
                expected.push((key, tail));
            }
            let pages: Vec<_> = batch.pages(hour).collect();
            let mut found = read(&pages, hour);
            found.sort_by_key(|(_, tail)| tail.minute);
            prop_assert_eq!(found, expected);
            let mut numbers: Vec<_> = batch.providers().collect();
            numbers.sort_unstable();
            prop_assert!(numbers.iter().enumerate().all(|(n, p)| *p == n as u32 * 77));
            for mut page in pages {
                prop_assert!(Page::open(&page, hour.wrapping_add(1)).is_none());
                prop_assert!(Page::open(&page[..cut % page.len()], hour).is_none());
                let at = at % page.len();
                page[at] ^= 1 << bit;
                prop_assert!(Page::open(&page, hour).is_none());
            }
        }

        #[test]
        fn garbage_is_refused_without_panic(bytes in prop::collection::vec(any::<u8>(), 0..200), hour: u32) {
            prop_assert!(Page::open(&bytes, hour).is_none());
        }
    }

    #[test]
    fn a_page_has_1024_records_at_most_and_40_bytes_each() {
        let mut batch = Batch::default();
        let tail = Tail { provider: 1, minute: 2, head: 3 };
        for n in 0..2_500u32 {
            let mut key = [0; 34];
            key[..2].copy_from_slice(&SHA2_256);
            key[2..6].copy_from_slice(&n.to_be_bytes());
            batch.push(&key, tail);
            batch.push(&n.to_be_bytes(), tail);
        }
        let pages: Vec<_> = batch.pages(7).collect();
        assert_eq!(pages.iter().map(|p| p[0]).collect::<Vec<_>>(), [1, 1, 1, 2, 2, 2]);
        assert_eq!(pages[0].len(), HEADER + 1_024 * 40);
        assert_eq!(read(&pages, 7).len(), 5_000);
    }
}
