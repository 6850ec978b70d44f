//! A LevelDB journal: what was written last and is in no table yet.
//!
//! After LevelDB's `doc/log_format.md`. What is cut off at its end was never confirmed to whoever
//! wrote it; what is broken before that is passed over and counted.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

use super::block::{masked, take, varint};
use super::{Entry, Tally};

const BLOCK: usize = 32 << 10;
const HEADER: usize = 7;

/// The largest batch that is put together.
const MAX_BATCH: usize = 64 << 20;

/// All entries of a journal, by key and the newest first.
pub(super) fn read(path: &Path, tally: &mut Tally) -> io::Result<Vec<Entry>> {
    let mut file = File::open(path)?;
    let (mut block, mut batch) = (Vec::with_capacity(BLOCK), Vec::new());
    let mut entries = Vec::new();
    let mut begun = false;
    loop {
        block.clear();
        let read = file.by_ref().take(BLOCK as u64).read_to_end(&mut block)?;
        tally.done += read as u64;
        let last = read < BLOCK;
        let mut rest = block.as_slice();
        while rest.len() >= HEADER {
            let Some((kind, data)) = chunk(&mut rest) else {
                // padding is no damage, and neither is what a cut left at the very end
                tally.blocks += u64::from(!last && rest.iter().any(|byte| *byte != 0));
                begun = false;
                break;
            };
            if kind <= 2 {
                batch.clear();
                begun = true;
            }
            if !begun || batch.len() + data.len() > MAX_BATCH {
                tally.blocks += u64::from(begun);
                begun = false;
                continue;
            }
            batch.extend_from_slice(data);
            if kind == 1 || kind == 4 {
                begun = false;
                if unpack(&batch, &mut entries).is_none() {
                    tally.blocks += 1;
                }
            }
        }
        if last {
            break;
        }
    }
    entries.sort_unstable();
    Ok(entries)
}

/// The next piece of a record, with its kind: 1 whole, 2 first, 3 middle, 4 last. None, and
/// `rest` as it was, for padding and for what is broken.
fn chunk<'a>(rest: &mut &'a [u8]) -> Option<(u8, &'a [u8])> {
    let (header, mut behind) = rest.split_first_chunk::<HEADER>()?;
    let [a, b, c, d, low, high, kind] = *header;
    let data = take(&mut behind, u64::from(u16::from_le_bytes([low, high])))?;
    let sum = crc32c::crc32c_append(crc32c::crc32c(&[kind]), data);
    if !(1..=4).contains(&kind) || masked(sum) != u32::from_le_bytes([a, b, c, d]) {
        return None;
    }
    *rest = behind;
    Some((kind, data))
}

/// Adds the entries of a batch; none when it makes no sense.
fn unpack(batch: &[u8], entries: &mut Vec<Entry>) -> Option<()> {
    let (first, rest) = batch.split_first_chunk::<8>()?;
    let (count, mut rest) = rest.split_first_chunk::<4>()?;
    let first = u64::from_le_bytes(*first);
    for nth in 0..u32::from_le_bytes(*count) {
        let (kind, behind) = rest.split_first()?;
        rest = behind;
        let len = varint(&mut rest)?;
        let key = take(&mut rest, len)?.to_vec();
        let value = match kind {
            0 => None,
            1 => {
                let len = varint(&mut rest)?;
                Some(take(&mut rest, len)?.to_vec())
            }
            _ => return None,
        };
        entries.push(Entry { key, sequence: first.saturating_add(u64::from(nth)), value });
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    proptest::proptest! {
        #[test]
        fn no_batch_makes_it_panic(batch: Vec<u8>) {
            let mut entries = Vec::new();
            let whole = unpack(&batch, &mut entries).is_some();
            proptest::prop_assert!(entries.len() <= batch.len() && (!whole || batch.len() >= 12));
        }

        #[test]
        fn no_journal_makes_it_panic(bytes: Vec<u8>) {
            let file = tempfile::NamedTempFile::new().expect("a file");
            std::fs::write(file.path(), &bytes).expect("written");
            let read = read(file.path(), &mut Tally::default()).expect("readable");
            proptest::prop_assert!(read.len() <= bytes.len());
        }
    }
}
