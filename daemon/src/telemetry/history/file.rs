//! A book on disk: a head that names its columns, then rows at fixed places, each with its time
//! and a checksum.
//!
//! A row that was torn or belongs to another time is not read; the others are. Nothing is
//! appended, so that a file never grows.

use std::collections::HashMap;
use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt as _, OpenOptionsExt as _};
use std::path::Path;

use crate::telemetry::history::book::{Book, Open};

const MAGIC: &[u8; 8] = b"HYDRHIST";

/// Of this layout.
const VERSION: u32 = 1;

/// A larger head is not one of ours.
const HEAD_MAX: usize = 64 * 1024;

/// Time and seconds of a row, before its values; the checksum stands after them.
const ROW_HEAD: usize = 12;
const SUM: usize = 4;

fn row_bytes(columns: usize) -> usize {
    ROW_HEAD + columns * 4 + SUM
}

/// What stands before the rows: their shape. Two books with the same head have the same places.
pub(super) fn head(book: &Book) -> Vec<u8> {
    let mut body = Vec::new();
    let number = |body: &mut Vec<u8>, number: usize| body.extend((number as u32).to_le_bytes());
    number(&mut body, book.rings.len());
    for ring in &book.rings {
        number(&mut body, ring.step as usize);
        number(&mut body, ring.kept);
    }
    number(&mut body, book.columns.len());
    for column in &book.columns {
        number(&mut body, column.name.len());
        body.extend(column.name.as_bytes());
    }
    let mut head = MAGIC.to_vec();
    head.extend(VERSION.to_le_bytes());
    number(&mut head, body.len());
    head.extend(&body);
    let sum = crc32c::crc32c(&head);
    head.extend(sum.to_le_bytes());
    head
}

/// Rows to write: each with its place in the file.
pub(super) type Rows = Vec<(u64, Vec<u8>)>;

/// Complete rows that are not on disk yet, and the open ones. With `all`, every row.
pub(super) fn rows(book: &mut Book, all: bool) -> Rows {
    let mut rows = Vec::new();
    let columns = book.columns.len();
    let mut begins = head(book).len();
    for ring in &mut book.rings {
        let place = |row: i64| (begins + ring.place(row) * row_bytes(columns)) as u64;
        if let Some(newest) = ring.newest() {
            let oldest = newest - ring.kept as i64 + 1;
            let first = if all { oldest } else { oldest.max(ring.saved.saturating_add(1)) };
            for row in first..=newest {
                let Some(values) = ring.row(row, columns) else { continue };
                if !all || values.iter().any(|value| !value.is_nan()) {
                    rows.push((place(row), encode(row, ring.step, values)));
                }
            }
        }
        if let Some(open) = &ring.open {
            rows.push((place(open.row), encode(open.row, open.seconds, &open.values(&book.columns))));
        }
        ring.saved = ring.newest().unwrap_or(i64::MIN);
        begins += ring.kept * row_bytes(columns);
    }
    rows
}

fn encode(row: i64, seconds: u32, values: &[f32]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(row_bytes(values.len()));
    bytes.extend(row.to_le_bytes());
    bytes.extend(seconds.to_le_bytes());
    values.iter().for_each(|value| bytes.extend(value.to_le_bytes()));
    let sum = crc32c::crc32c(&bytes);
    bytes.extend(sum.to_le_bytes());
    bytes
}

/// Time, seconds and values of a row that is whole.
fn decode(bytes: &[u8]) -> Option<(i64, u32, Vec<f32>)> {
    let (body, sum) = bytes.split_last_chunk::<SUM>()?;
    if crc32c::crc32c(body) != u32::from_le_bytes(*sum) {
        return None;
    }
    let (row, rest) = body.split_first_chunk()?;
    let (seconds, values) = rest.split_first_chunk()?;
    let (values, _) = values.as_chunks::<4>();
    let values = values.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect();
    Some((i64::from_le_bytes(*row), u32::from_le_bytes(*seconds), values))
}

/// Makes the file anew with all that the book holds, whole or not at all.
pub(super) fn create(path: &Path, head: &[u8], rows: &Rows) -> io::Result<File> {
    let beside = path.with_extension("new");
    let file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&beside)?;
    file.write_all_at(head, 0)?;
    write(&file, rows)?;
    std::fs::rename(&beside, path)?;
    Ok(file)
}

/// Writes rows in their places and onto the disk.
pub(super) fn write(file: &File, rows: &Rows) -> io::Result<()> {
    for (place, bytes) in rows {
        file.write_all_at(bytes, *place)?;
    }
    file.sync_data()
}

/// What a file gave.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Loaded {
    /// Rows read.
    pub(super) rows: usize,
    /// The file has the book's own shape: it can be gone on with.
    pub(super) same_shape: bool,
}

/// Reads into an empty book what a file has of its columns and steps, up to the second `now`.
/// `None`: the file is none of ours, or its head is damaged.
pub(super) fn load(book: &mut Book, bytes: &[u8], now: i64) -> Option<Loaded> {
    let (shape, begins) = Shape::read(bytes)?;
    let same_shape = bytes.get(..begins) == Some(&head(book)[..]);
    let known: HashMap<&str, usize> =
        shape.columns.iter().enumerate().map(|(at, name)| (name.as_str(), at)).collect();
    let taken: Vec<Option<usize>> =
        book.columns.iter().map(|column| known.get(column.name.as_str()).copied()).collect();
    let (mut at, mut count) = (begins, 0);
    let width = row_bytes(shape.columns.len());
    for (step, kept) in shape.rings {
        let stored = bytes.get(at.min(bytes.len())..(at + kept * width).min(bytes.len())).unwrap_or_default();
        at += kept * width;
        let Some(ring) = book.rings.iter_mut().find(|ring| ring.step == step) else { continue };
        let newest = now.div_euclid(i64::from(step));
        let oldest = newest - ring.kept as i64;
        let mut rows: Vec<(i64, u32, Vec<f32>)> = stored
            .chunks_exact(width)
            .enumerate()
            .filter_map(|(place, bytes)| Some((place, decode(bytes)?)))
            .filter(|(place, (row, ..))| row.rem_euclid(kept as i64) as usize == *place)
            .map(|(_, row)| row)
            .filter(|(row, ..)| (oldest..=newest).contains(row))
            .collect();
        rows.sort_by_key(|(row, ..)| *row);
        count += rows.len();
        for (row, seconds, stored) in rows {
            let values: Vec<f32> = taken
                .iter()
                .map(|from| from.and_then(|from| stored.get(from).copied()).unwrap_or(f32::NAN))
                .collect();
            if row == newest && seconds < step {
                ring.open = Some(Open::resumed(row, seconds, &values, &book.columns));
            } else {
                ring.put(row, &values);
            }
        }
        ring.saved = ring.newest().unwrap_or(i64::MIN);
    }
    Some(Loaded { rows: count, same_shape })
}

/// The names of the columns of a file.
pub(super) fn names(bytes: &[u8]) -> Option<Vec<String>> {
    Shape::read(bytes).map(|(shape, _)| shape.columns)
}

struct Shape {
    rings: Vec<(u32, usize)>,
    columns: Vec<String>,
}

impl Shape {
    /// The shape, and where the rows begin.
    fn read(bytes: &[u8]) -> Option<(Self, usize)> {
        let rest = bytes.strip_prefix(MAGIC)?;
        let (version, rest) = take(rest)?;
        let (length, rest) = take(rest)?;
        let length = length as usize;
        let begins = MAGIC.len() + 8 + length + SUM;
        if version != VERSION || length > HEAD_MAX {
            return None;
        }
        let sum = bytes.get(begins - SUM..begins)?;
        if crc32c::crc32c(bytes.get(..begins - SUM)?).to_le_bytes() != *sum {
            return None;
        }
        let (rings, mut body) = take(rest.get(..length)?)?;
        let mut shape = Self { rings: Vec::new(), columns: Vec::new() };
        for _ in 0..rings {
            let (step, rest) = take(body)?;
            let (kept, rest) = take(rest)?;
            shape.rings.push((step, kept as usize));
            body = rest;
        }
        let (columns, mut body) = take(body)?;
        for _ in 0..columns {
            let (length, rest) = take(body)?;
            let (name, rest) = rest.split_at_checked(length as usize)?;
            shape.columns.push(String::from_utf8(name.to_vec()).ok()?);
            body = rest;
        }
        let sound = shape.rings.iter().all(|(step, kept)| *step > 0 && (1..=1 << 20).contains(kept));
        sound.then_some((shape, begins))
    }
}

fn take(bytes: &[u8]) -> Option<(u32, &[u8])> {
    let (number, rest) = bytes.split_first_chunk()?;
    Some((u32::from_le_bytes(*number), rest))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telemetry::history::book::Column;
    use crate::telemetry::history::series::Fold;

    const STEPS: [(u32, usize); 2] = [(1, 20), (10, 5)];

    fn book(names: &[&str]) -> Book {
        let column = |name: &&str| Column { name: (*name).to_owned(), fold: Fold::Mean };
        Book::new(names.iter().map(column).collect(), &STEPS)
    }

    fn image(book: &mut Book) -> Vec<u8> {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("history");
        let (head, rows) = (head(book), rows(book, true));
        create(&path, &head, &rows).expect("a file");
        std::fs::read(path).expect("the file")
    }

    fn filled() -> Book {
        let mut book = book(&["a", "b"]);
        (0..35u8).for_each(|second| book.push(second.into(), &[f32::from(second), 1.0]));
        book
    }

    #[test]
    fn a_book_comes_back_and_goes_on_with_its_open_minute() {
        let mut before = filled();
        let bytes = image(&mut before);
        let mut after = book(&["a", "b"]);
        let loaded = load(&mut after, &bytes, 36).expect("a file of ours");
        assert!(loaded.same_shape, "{loaded:?}");
        assert_eq!(after.rings[0].row(30, 2), Some(&[30.0, 1.0][..]));
        assert_eq!(after.rings[1].row(2, 2), before.rings[1].row(2, 2));
        after.push(36, &[36.0, 1.0]);
        after.push(40, &[0.0, 1.0]);
        // 30 to 34 before, 36 after
        assert_eq!(after.rings[1].row(3, 2), Some(&[196.0 / 6.0, 1.0][..]));
        assert!(after.rings[0].row(35, 2).is_some_and(|row| row[0].is_nan()), "a gap");
    }

    #[test]
    fn torn_rows_are_left_out_and_cut_files_give_what_they_have() {
        let bytes = image(&mut filled());
        let whole = load(&mut book(&["a", "b"]), &bytes, 36).expect("a file").rows;
        let begins = head(&book(&["a", "b"])).len();
        for at in begins..bytes.len() {
            let mut torn = bytes.clone();
            torn[at] ^= 0x55;
            let rows = load(&mut book(&["a", "b"]), &torn, 36).expect("the head is whole").rows;
            assert!(rows == whole || rows + 1 == whole, "{at}: {rows} of {whole}");
        }
        for length in 0..bytes.len() {
            let loaded = load(&mut book(&["a", "b"]), &bytes[..length], 36);
            assert_eq!(loaded.is_some(), length >= begins, "{length}");
        }
        for at in 0..begins {
            let mut damaged = bytes.clone();
            damaged[at] ^= 0x55;
            assert_eq!(load(&mut book(&["a", "b"]), &damaged, 36), None, "{at}");
        }
    }

    #[test]
    fn columns_are_found_by_name_and_old_or_future_rows_are_left() {
        let bytes = image(&mut filled());
        let mut other = book(&["new", "a"]);
        let loaded = load(&mut other, &bytes, 36).expect("a file");
        assert!(!loaded.same_shape);
        let row = other.rings[0].row(30, 2).expect("a row");
        assert!(row[0].is_nan() && row[1] == 30.0, "{row:?}");
        assert_eq!(load(&mut book(&["a"]), &bytes, 10_000).expect("a file").rows, 0, "all too old");
        let mut early = book(&["a", "b"]);
        load(&mut early, &bytes, 20).expect("a file");
        assert_eq!(early.rings[0].newest(), Some(20));
    }

    #[test]
    fn only_what_is_new_is_written_again() {
        let mut book = filled();
        rows(&mut book, false);
        assert_eq!(rows(&mut book, false).len(), 2, "the open rows");
        (35..45).for_each(|second| book.push(second, &[1.0, 1.0]));
        // ten seconds and one ten-second row are complete, two are open
        assert_eq!(rows(&mut book, false).len(), 13);
    }
}
