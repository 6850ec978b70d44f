//! A page: up to 1,024 records of one generation, checksummed; the format on disk.
//!
//! | bytes | |
//! |---|---|
//! | 0 | kind: 1 records with a sha2-256 key, 2 records of variable length |
//! | 1 | version of the page's format: 2 for kind 1, 1 for kind 2 |
//! | 2–3 | number of records, as all numbers little-endian |
//! | 4–7 | the generation's hour since the Unix epoch |
//! | 8–15 | XXH64 of bytes 0–7 and 16 onwards |
//! | 16– | records |
//!
//! A record of 40 bytes is the digest of a sha2-256 multihash (32), the provider's
//! number (4), the minute within the hour (2) and the index of the head that accepted
//! it (2). So they wait in memory, and stand in pages of kind 1 and version 1. One of
//! variable length is a length (1), a key of 1 to 80 bytes, and the same 8 bytes. The
//! minute may exceed 59 when an hour's file was written late.
//!
//! In version 2 the page has columns: the least provider's number (4), minute (2) and
//! head (2), the bits that each of these takes (1, 1, 1), a zero, the digests, and then
//! for each record how much its provider, minute and head are above the least, in so
//! many bits, the lowest of a byte first. That is 35 bytes a record.

use super::bits::{BitReader, BitWriter};
use crate::belly::MAX_PROVIDER_KEY;
use crate::belly::sum::xxh64;

/// Most records of a page.
pub(in crate::belly) const MAX_RECORDS: usize = 1024;

/// Bytes of a record with a sha2-256 key.
const FIXED: usize = 40;
const HEADER: usize = 16;
/// Bytes after the key.
const TAIL: usize = 8;
/// Records one behind the other.
const ROWS: u8 = 1;
/// Digests, then the rest in bits.
const COLUMNS: u8 = 2;
/// Before the digests of a page of columns.
const LEAST: usize = 12;
const DIGEST: usize = 32;
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
        let fixed = fixed.map(move |records| {
            let (records, _) = records.as_chunks::<FIXED>();
            seal((KIND_FIXED, COLUMNS), records.len(), hour, &columns(records))
        });
        let mut rest = &self.variable[..];
        let variable = std::iter::from_fn(move || {
            let (mut count, mut len) = (0, 0);
            for (key, _) in variable_records(rest).take(MAX_RECORDS) {
                count += 1;
                len += 1 + key.len() + TAIL;
            }
            let (records, later) = rest.split_at_checked(len).filter(|_| count > 0)?;
            rest = later;
            Some(seal((KIND_VARIABLE, ROWS), count, hour, records))
        });
        fixed.chain(variable)
    }
}

/// The records of a page of columns.
fn columns(records: &[[u8; FIXED]]) -> Vec<u8> {
    let mut least = Tail { provider: u32::MAX, minute: u16::MAX, head: u16::MAX };
    let mut most = Tail { provider: 0, minute: 0, head: 0 };
    for (_, tail) in records.iter().map(fixed_parts) {
        least.provider = least.provider.min(tail.provider);
        least.minute = least.minute.min(tail.minute);
        least.head = least.head.min(tail.head);
        most.provider = most.provider.max(tail.provider);
        most.minute = most.minute.max(tail.minute);
        most.head = most.head.max(tail.head);
    }
    let widths = Widths {
        provider: width(most.provider.saturating_sub(least.provider)),
        minute: width(most.minute.saturating_sub(least.minute).into()),
        head: width(most.head.saturating_sub(least.head).into()),
    };
    let mut out = Vec::with_capacity(LEAST + records.len() * FIXED);
    out.extend_from_slice(&least.to_bytes());
    out.extend_from_slice(&[widths.provider as u8, widths.minute as u8, widths.head as u8, 0]);
    for (digest, _) in records.iter().map(fixed_parts) {
        out.extend_from_slice(digest);
    }
    let mut bits = BitWriter::after(out);
    for (_, tail) in records.iter().map(fixed_parts) {
        bits.push((tail.provider - least.provider).into(), widths.provider);
        bits.push((tail.minute - least.minute).into(), widths.minute);
        bits.push((tail.head - least.head).into(), widths.head);
    }
    bits.end()
}

/// Bits of a record's numbers in a page of columns.
#[derive(Clone, Copy)]
struct Widths {
    provider: u32,
    minute: u32,
    head: u32,
}

impl Widths {
    /// Bytes of so many records.
    fn bytes(self, records: usize) -> usize {
        (records * (self.provider + self.minute + self.head) as usize).div_ceil(8)
    }
}

fn width(number: u32) -> u32 {
    u32::BITS - number.leading_zeros()
}

/// A page of columns that is as long as it says.
#[derive(Clone, Copy)]
struct Columns<'a> {
    least: Tail,
    widths: Widths,
    digests: &'a [[u8; DIGEST]],
    bits: &'a [u8],
}

impl<'a> Columns<'a> {
    fn open(bytes: &'a [u8], count: usize) -> Option<Self> {
        let (head, rest) = bytes.split_first_chunk::<LEAST>()?;
        let (least, widths) = head.split_first_chunk::<TAIL>()?;
        let [provider, minute, head, _] = widths else { return None };
        let (provider, minute, head) = (u32::from(*provider), u32::from(*minute), u32::from(*head));
        let fits = provider <= u32::BITS && minute <= u16::BITS && head <= u16::BITS;
        let widths = fits.then_some(Widths { provider, minute, head })?;
        let (digests, bits) = rest.split_at_checked(count * DIGEST)?;
        let (digests, _) = digests.as_chunks::<DIGEST>();
        (bits.len() == widths.bytes(count)).then_some(Self {
            least: Tail::from_bytes(least),
            widths,
            digests,
            bits,
        })
    }

    fn each(self, mut each: impl FnMut(&[u8], Tail)) {
        let Self { least, widths, .. } = self;
        let mut key = [0; 34];
        key[..2].copy_from_slice(&SHA2_256);
        let mut bits = BitReader::new(self.bits);
        for digest in self.digests {
            key[2..].copy_from_slice(digest);
            let provider = least.provider.wrapping_add(bits.take(widths.provider) as u32);
            let minute = least.minute.wrapping_add(bits.take(widths.minute) as u16);
            let head = least.head.wrapping_add(bits.take(widths.head) as u16);
            each(&key, Tail { provider, minute, head });
        }
    }
}

fn seal((kind, version): (u8, u8), count: usize, hour: u32, records: &[u8]) -> Vec<u8> {
    let mut page = Vec::with_capacity(HEADER + records.len());
    page.extend_from_slice(&[kind, version]);
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
pub(in crate::belly) struct Page<'a>(Records<'a>);

#[derive(Clone, Copy)]
enum Records<'a> {
    Fixed(&'a [[u8; FIXED]]),
    Columns(Columns<'a>),
    Variable(&'a [u8]),
}

impl<'a> Page<'a> {
    /// `None` when the bytes are not what was written for this hour.
    pub(in crate::belly) fn open(bytes: &'a [u8], hour: u32) -> Option<Self> {
        let (header, records) = bytes.split_first_chunk::<HEADER>()?;
        let [kind, version, count @ ..] = header;
        let count = usize::from(u16::from_le_bytes(*count.first_chunk()?));
        let written = u32::from_le_bytes(*header[4..].first_chunk()?);
        if written != hour || sum(bytes).to_le_bytes() != header[8..] {
            return None;
        }
        let records = match (*kind, *version) {
            (KIND_FIXED, ROWS) => {
                let (rows, rest) = records.as_chunks::<FIXED>();
                (rows.len() == count && rest.is_empty()).then_some(Records::Fixed(rows))
            }
            (KIND_FIXED, COLUMNS) => Columns::open(records, count).map(Records::Columns),
            (KIND_VARIABLE, ROWS) => {
                (variable_records(records).count() == count).then_some(Records::Variable(records))
            }
            _ => None,
        };
        records.map(Self)
    }

    /// The records in the order they came, with their keys.
    pub(in crate::belly) fn each(self, mut each: impl FnMut(&[u8], Tail)) {
        match self.0 {
            Records::Variable(records) => variable_records(records).for_each(|(key, tail)| each(key, tail)),
            Records::Columns(columns) => columns.each(each),
            Records::Fixed(records) => {
                let mut key = [0; 34];
                key[..2].copy_from_slice(&SHA2_256);
                for record in records {
                    let (digest, tail) = fixed_parts(record);
                    key[2..].copy_from_slice(digest);
                    each(&key, tail);
                }
            }
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
    fn a_page_has_1024_records_at_most_and_35_bytes_each() {
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
        assert_eq!(pages[0].len(), HEADER + LEAST + 1_024 * 32);
        assert_eq!(read(&pages, 7).len(), 5_000);
    }

    #[test]
    fn an_hour_of_ten_heads_and_a_hundred_thousand_providers_takes_35_bytes_a_record() {
        let mut batch = Batch::default();
        for n in 0..2_048u32 {
            let mut key = [0; 34];
            key[..2].copy_from_slice(&SHA2_256);
            key[2..6].copy_from_slice(&n.to_be_bytes());
            let tail =
                Tail { provider: n.wrapping_mul(0x9e37_79b9) % 100_000, minute: 7, head: n as u16 % 10 };
            batch.push(&key, tail);
        }
        let bytes: usize = batch.pages(7).map(|page| page.len()).sum();
        assert!(bytes <= 2_048 * 35, "{bytes}");
    }

    /// What the first format wrote is read for as long as its files are kept.
    #[test]
    fn a_page_of_the_first_format_is_read() {
        let tail = Tail { provider: 70_000, minute: 59, head: 3 };
        let record = [&[9; 32][..], &tail.to_bytes()].concat();
        let page = seal((KIND_FIXED, ROWS), 2, 7, &[&record[..], &record].concat());
        let key = [&SHA2_256[..], &[9; 32]].concat();
        assert_eq!(read(&[page], 7), [(key.clone(), tail), (key, tail)]);
        assert!(Page::open(&seal((KIND_FIXED, 3), 0, 7, &[]), 7).is_none());
        assert!(Page::open(&seal((KIND_FIXED, COLUMNS), 9, 7, &record), 7).is_none());
    }
}
