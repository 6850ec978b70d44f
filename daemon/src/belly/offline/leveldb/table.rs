//! A LevelDB table: its index, and its entries in the order of keys.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::Path;

use super::block::{self, Entries, Handle};
use super::{Entry, Tally};

const FOOTER: usize = 48;
const MAGIC: [u8; 8] = 0xdb47_7524_8b80_fb57_u64.to_le_bytes();

/// Behind each key: sequence number and kind.
const SUFFIX: usize = 8;

/// A table that is being read.
#[derive(Debug)]
pub(super) struct Table {
    file: File,
    index: Entries,
    block: Option<Entries>,
}

/// Between which keys a table's are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Range {
    pub(super) first: Vec<u8>,
    /// At or after the last.
    pub(super) last: Vec<u8>,
}

impl Table {
    /// Opens a table whose footer and index are whole.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let broken = || io::Error::new(io::ErrorKind::InvalidData, "the footer is not that of a table");
        let file = File::open(path)?;
        let at = file.metadata()?.len().checked_sub(FOOTER as u64).ok_or_else(broken)?;
        let mut footer = [0; FOOTER];
        file.read_exact_at(&mut footer, at)?;
        let mut handles = footer.strip_suffix(&MAGIC).ok_or_else(broken)?;
        let filters = Handle::read(&mut handles);
        let index = filters.and_then(|_| Handle::read(&mut handles)).ok_or_else(broken)?;
        let index = Entries::of(block::load(&file, index)?);
        Ok(Self { file, index, block: None })
    }

    /// Between which keys its are; read to its end by that. A first key that cannot be read is
    /// taken for the least of all.
    pub(super) fn range(mut self) -> Range {
        let mut range = Range { first: Vec::new(), last: Vec::new() };
        let mut begun = false;
        while self.index.advance() {
            if !begun {
                begun = true;
                if let Some(block) = self.load().ok().as_mut()
                    && block.advance()
                {
                    range.first = user_key(&block.key).to_vec();
                }
            }
            range.last = user_key(&self.index.key).to_vec();
        }
        range
    }

    /// The block that the index stands at.
    fn load(&self) -> io::Result<Entries> {
        let handle = Handle::read(&mut self.index.value());
        let handle =
            handle.ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "the index is broken"))?;
        Ok(Entries::of(block::load(&self.file, handle)?))
    }

    /// The next entry; what is broken is passed over and counted.
    pub(super) fn next(&mut self, tally: &mut Tally) -> Option<Entry> {
        loop {
            if let Some(block) = &mut self.block {
                if block.advance() {
                    match Entry::of(&block.key, block.value()) {
                        Some(entry) => return Some(entry),
                        None => tally.blocks += 1,
                    }
                    continue;
                }
                tally.blocks += u64::from(block.broken);
            }
            if !self.index.advance() {
                tally.blocks += u64::from(self.index.broken);
                self.index.broken = false;
                self.block = None;
                return None;
            }
            let handle = Handle::read(&mut self.index.value());
            tally.done += handle.map_or(0, |handle| handle.len as u64);
            self.block = self.load().inspect_err(|_| tally.blocks += 1).ok();
        }
    }
}

fn user_key(key: &[u8]) -> &[u8] {
    key.get(..key.len().saturating_sub(SUFFIX)).unwrap_or_default()
}

impl Entry {
    /// From a table's key and value.
    fn of(key: &[u8], value: &[u8]) -> Option<Self> {
        let (user, suffix) = key.split_last_chunk::<SUFFIX>()?;
        let suffix = u64::from_le_bytes(*suffix);
        let value = match suffix & 0xff {
            0 => None,
            1 => Some(value.to_vec()),
            _ => return None,
        };
        Some(Self { key: user.to_vec(), sequence: suffix >> 8, value })
    }
}
