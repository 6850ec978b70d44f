//! Blocks of a LevelDB table: where they are, whether they are whole, what is in them.
//!
//! After LevelDB's `doc/table_format.md`. Nothing of a block is believed before its checksum.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;

/// The largest block that is read, packed or not: goleveldb's are 4 KiB and grow with one value.
const MAX_BLOCK: usize = 64 << 20;

/// Behind each block: how it is packed, and its checksum.
const TRAILER: usize = 5;

/// Where a block is in its file, without its trailer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Handle {
    pub(super) at: u64,
    pub(super) len: usize,
}

impl Handle {
    pub(super) fn read(bytes: &mut &[u8]) -> Option<Self> {
        let (at, len) = (varint(bytes)?, usize::try_from(varint(bytes)?).ok()?);
        (len <= MAX_BLOCK).then_some(Self { at, len })
    }

    /// With its trailer.
    pub(super) fn end(self) -> Option<u64> {
        self.at.checked_add((self.len + TRAILER) as u64)
    }
}

/// The block, unpacked; an error when it is not there, or not whole.
pub(super) fn load(file: &File, handle: Handle) -> io::Result<Vec<u8>> {
    let broken = |what: &'static str| io::Error::new(io::ErrorKind::InvalidData, what);
    let size = file.metadata()?.len();
    if handle.end().is_none_or(|end| end > size) {
        return Err(broken("a block is outside of its file"));
    }
    let mut bytes = vec![0; handle.len + TRAILER];
    file.read_exact_at(&mut bytes, handle.at)?;
    let sum = u32::from_le_bytes([
        bytes[handle.len + 1],
        bytes[handle.len + 2],
        bytes[handle.len + 3],
        bytes[handle.len + 4],
    ]);
    bytes.truncate(handle.len + 1);
    if masked(crc32c::crc32c(&bytes)) != sum {
        return Err(broken("the checksum of a block does not fit"));
    }
    match bytes.pop() {
        Some(0) => Ok(bytes),
        Some(1) => {
            let len = snap::raw::decompress_len(&bytes).map_err(|_| broken("a block cannot be unpacked"))?;
            if len > MAX_BLOCK {
                return Err(broken("a block is too large unpacked"));
            }
            snap::raw::Decoder::new().decompress_vec(&bytes).map_err(|_| broken("a block cannot be unpacked"))
        }
        _ => Err(broken("a block is packed in an unknown way")),
    }
}

/// LevelDB stores checksums like this, lest one of data that holds checksums fits by chance.
pub(super) fn masked(sum: u32) -> u32 {
    sum.rotate_right(15).wrapping_add(0xa282_ead8)
}

/// A number of seven bits a byte, the low ones first.
pub(super) fn varint(bytes: &mut &[u8]) -> Option<u64> {
    let (number, rest) = unsigned_varint::decode::u64(bytes).ok()?;
    *bytes = rest;
    Some(number)
}

/// Takes so many bytes off the front.
pub(super) fn take<'a>(bytes: &mut &'a [u8], len: u64) -> Option<&'a [u8]> {
    let (piece, rest) = bytes.split_at_checked(usize::try_from(len).ok()?)?;
    *bytes = rest;
    Some(piece)
}

/// The entries of a block, one after the other; ends early where it makes no sense.
#[derive(Debug)]
pub(super) struct Entries {
    block: Vec<u8>,
    at: usize,
    /// Where the list of restarts begins.
    end: usize,
    pub(super) key: Vec<u8>,
    value: (usize, usize),
    /// It did make no sense.
    pub(super) broken: bool,
}

impl Entries {
    pub(super) fn of(block: Vec<u8>) -> Self {
        let restarts = block.last_chunk::<4>().map(|last| u32::from_le_bytes(*last) as usize);
        let list = restarts.and_then(|count| count.checked_add(1)?.checked_mul(4));
        let end = list.and_then(|list| block.len().checked_sub(list));
        Self { at: 0, end: end.unwrap_or(0), key: Vec::new(), value: (0, 0), broken: end.is_none(), block }
    }

    /// Goes to the next entry; false at the end.
    pub(super) fn advance(&mut self) -> bool {
        if self.at >= self.end {
            return false;
        }
        match self.step() {
            Some(()) => true,
            None => {
                self.broken = true;
                self.at = self.end;
                false
            }
        }
    }

    fn step(&mut self) -> Option<()> {
        let mut rest = self.block.get(self.at..self.end)?;
        let (shared, own, value) = (varint(&mut rest)?, varint(&mut rest)?, varint(&mut rest)?);
        let shared = usize::try_from(shared).ok().filter(|shared| *shared <= self.key.len())?;
        let tail = take(&mut rest, own)?;
        let start = self.end - rest.len();
        take(&mut rest, value)?;
        self.key.truncate(shared);
        self.key.extend_from_slice(tail);
        self.at = self.end - rest.len();
        self.value = (start, self.at);
        Some(())
    }

    pub(super) fn value(&self) -> &[u8] {
        self.block.get(self.value.0..self.value.1).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    proptest::proptest! {
        #[test]
        fn no_block_makes_it_panic(block: Vec<u8>) {
            let mut entries = Entries::of(block);
            let mut count = 0;
            while entries.advance() {
                count += 1;
                proptest::prop_assert!(entries.value().len() < 1 << 16 && count < 1 << 16);
            }
        }
    }

    #[test]
    fn checksums_are_masked_as_leveldb_has_it() {
        // leveldb `util/crc32c_test.cc`: masking changes it, and is not its own inverse
        let sum = crc32c::crc32c(b"foo");
        assert_ne!(masked(sum), sum);
        assert_ne!(masked(masked(sum)), sum);
        assert_eq!(masked(0), 0xa282_ead8);
    }
}
