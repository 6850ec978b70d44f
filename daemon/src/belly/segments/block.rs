//! A block: some hundred entries of a segment in order, packed and checksummed; the
//! format on disk.
//!
//! | bytes | |
//! |---|---|
//! | 0–7 | XXH64 of all that follows |
//! | 8–9 | number of entries, as all numbers little-endian |
//! | 10 | k: low bits of a gap that are written as they are |
//! | 11 | w: bits of a provider's number |
//! | 12–19 | the first entry's place |
//! | 20– | the entries as bits, the lowest of a byte first |
//!
//! An entry is the gap between its place and that of the entry before (but for the first
//! entry), as a Rice code: the gap's upper part in zeros and a one, then its `k` low
//! bits; and its provider's number in `w` bits. Gaps of hashes are spread geometrically:
//! Rice codes are then within 3 % of the least that is possible.

use crate::belly::log::{BitReader, BitWriter};
use crate::belly::sum::xxh64;

/// Most bytes of a block: a row of it fills one page of SQLite, and not the next.
const MAX_BYTES: usize = 4_048;
/// Most entries of a block.
pub(super) const MAX_ENTRIES: usize = 2_048;
const HEADER: usize = 20;
/// Most bits of `k`: with those before them they can be read at once.
const MAX_K: u32 = 56;

/// A place (see `Index::place`) and a provider's number in the file.
pub(in crate::belly) type Entry = (u64, u32);

/// Packs as many of the entries as a block holds; tells how many. They are sorted, and
/// there is one at least.
pub(super) fn pack(entries: &[Entry]) -> (Vec<u8>, usize) {
    let entries = &entries[..entries.len().min(MAX_ENTRIES)];
    let (Some((first, _)), Some((last, _))) = (entries.first(), entries.last()) else {
        return (Vec::new(), 0);
    };
    let mean = (last - first) / entries.len() as u64;
    let k = (mean - mean / 4).max(1).ilog2().min(MAX_K);
    let (taken, w) = fitting(entries, k);
    let mut out = BitWriter::after([0; HEADER].to_vec());
    let mut before = *first;
    for (n, (place, provider)) in entries[..taken].iter().enumerate() {
        if n > 0 {
            let gap = place - before;
            out.zeros_and_one(gap >> k);
            out.push(gap & ((1 << k) - 1), k);
        }
        out.push(u64::from(*provider), w);
        before = *place;
    }
    let mut block = out.end();
    block[8..10].copy_from_slice(&(taken as u16).to_le_bytes());
    (block[10], block[11]) = (k as u8, w as u8);
    block[12..HEADER].copy_from_slice(&first.to_le_bytes());
    let sum = xxh64(&block[8..]);
    block[..8].copy_from_slice(&sum.to_le_bytes());
    (block, taken)
}

/// How many entries fit, and the bits that the greatest of their providers takes.
fn fitting(entries: &[Entry], k: u32) -> (usize, u32) {
    let room = (MAX_BYTES - HEADER) as u64 * 8;
    let (mut gaps, mut width) = (0, 0);
    let mut before = entries.first().map_or(0, |(place, _)| *place);
    for (n, (place, provider)) in entries.iter().enumerate() {
        gaps += ((place - before) >> k) + 1 + u64::from(k);
        before = *place;
        let wider = width.max(u32::BITS - provider.leading_zeros());
        // the first always fits: its gap is none
        if n > 0 && gaps + (n as u64 + 1) * u64::from(wider) > room {
            return (n, width);
        }
        width = wider;
    }
    (entries.len(), width)
}

/// Puts the entries of a block into `into`, which is emptied first; false when the block
/// is not what was written.
pub(super) fn unpack(block: &[u8], into: &mut Vec<Entry>) -> bool {
    into.clear();
    read(block, into).is_some()
}

fn read(block: &[u8], into: &mut Vec<Entry>) -> Option<()> {
    let (sum, rest) = block.split_first_chunk::<8>()?;
    if xxh64(rest) != u64::from_le_bytes(*sum) {
        return None;
    }
    let count = usize::from(u16::from_le_bytes(*rest.first_chunk()?));
    let (k, w) = (u32::from(*rest.get(2)?), u32::from(*rest.get(3)?));
    let mut place = u64::from_le_bytes(*rest.get(4..)?.first_chunk()?);
    if k > MAX_K || w > u32::BITS || count > MAX_ENTRIES {
        return None;
    }
    let mut bits = BitReader::new(block.get(HEADER..)?);
    into.reserve(count);
    for n in 0..count {
        if n > 0 {
            let high = bits.zeros()?;
            place = place.checked_add(high.checked_shl(k)? | bits.take(k))?;
        }
        into.push((place, bits.take(w) as u32));
    }
    (!bits.is_past_the_end()).then_some(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn packed(mut entries: &[Entry]) -> Vec<Vec<u8>> {
        let mut blocks = Vec::new();
        while !entries.is_empty() {
            let (block, taken) = pack(entries);
            assert!(taken > 0 && block.len() <= MAX_BYTES, "{taken} in {} B", block.len());
            entries = &entries[taken..];
            blocks.push(block);
        }
        blocks
    }

    fn unpacked(blocks: &[Vec<u8>]) -> Vec<Entry> {
        let (mut all, mut some) = (Vec::new(), Vec::new());
        for block in blocks {
            assert!(unpack(block, &mut some));
            all.extend_from_slice(&some);
        }
        all
    }

    #[test]
    fn hashes_of_a_large_hour_take_less_than_seven_bytes_each() {
        let mut entries: Vec<Entry> = (0..300_000u64)
            .map(|n| {
                let hash = crate::belly::index::SipKey([3; 16]).hash(&n.to_le_bytes());
                // the part of a generation of two million in the first shards of 2,048
                (hash >> 8, (n * 7 % 100_000) as u32)
            })
            .collect();
        entries.sort_unstable();
        let blocks = packed(&entries);
        assert_eq!(unpacked(&blocks), entries);
        let bytes: usize = blocks.iter().map(Vec::len).sum();
        assert!(bytes < entries.len() * 75 / 10, "{} B", bytes as f64 / entries.len() as f64);
    }

    proptest! {
        #[test]
        fn what_is_packed_is_unpacked_and_no_flipped_bit_or_cut_goes_unseen(
            entries in prop_oneof![
                prop::collection::vec((any::<u64>(), any::<u32>()), 1..50),
                prop::collection::vec((0..400u64, 0..9u32), 1..3_000),
                prop::collection::vec((prop_oneof![0..9u64, u64::MAX - 9..=u64::MAX], any::<u32>()), 1..50),
            ],
            at: usize, bit in 0..8u32, cut: usize,
        ) {
            let mut entries = entries;
            entries.sort_unstable();
            let blocks = packed(&entries);
            prop_assert_eq!(unpacked(&blocks), entries);
            for mut block in blocks {
                let mut out = Vec::new();
                prop_assert!(!unpack(&block[..cut % block.len()], &mut out));
                let at = at % block.len();
                block[at] ^= 1 << bit;
                prop_assert!(!unpack(&block, &mut out));
            }
        }

        #[test]
        fn garbage_with_a_right_checksum_is_refused_without_panic(
            rest in prop::collection::vec(any::<u8>(), 0..200)
        ) {
            let block = [&xxh64(&rest).to_le_bytes()[..], &rest].concat();
            unpack(&block, &mut Vec::new());
        }
    }
}
