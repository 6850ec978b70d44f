//! Sets of indices: which identities of a seed this daemon may use.
//!
//! Notation, parts joined by commas (white space around parts is allowed):
//!
//! | part | means |
//! |---|---|
//! | `3` | 3 |
//! | `0..4` | 0, 1, 2, 3, 4: both ends belong to it |
//! | `5..` | 5 and all after it |
//! | `1..:2` | every second from 1 on: 1, 3, 5 … |
//! | `0..8:4` | 0, 4, 8 |
//!
//! An index may stand in one part only, so that a slip does not give two machines' shares to
//! one. Machines of a fleet need no coordination: machine k of n takes `k..:n`.

use std::fmt;
use std::str::FromStr;

/// The last index there is. Bounds the time to reach it (2 keys an index).
pub const MAX_INDEX: u32 = 99_999;

/// Most parts of a set.
pub const MAX_PARTS: usize = 64;

/// A set of indices, in ascending order within each part. Its text form is what was read,
/// without white space.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IndexSet(Vec<Part>);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Part {
    first: u32,
    /// `None`: up to [`MAX_INDEX`].
    last: Option<u32>,
    step: u32,
}

/// Why a text is not a set of indices.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IndexSetError {
    #[error("it names no index")]
    Empty,
    #[error("{0} parts are more than {MAX_PARTS}")]
    TooManyParts(usize),
    #[error("part {part} (\"{text}\") is not an index set; write 3, 0..4, 5.. or 1..:2")]
    Syntax { part: usize, text: String },
    #[error("part {part} names {index}; indices go from 0 to {MAX_INDEX}")]
    TooLarge { part: usize, index: u64 },
    #[error("part {part} ends at {last}, before it begins at {first}")]
    Backwards { part: usize, first: u32, last: u32 },
    #[error("part {part} has a step of 0; the smallest is 1")]
    NoStep { part: usize },
    #[error("index {index} stands in part {one} and in part {other}")]
    Twice { index: u32, one: usize, other: usize },
}

impl IndexSet {
    /// All indices from `first` on: the predecessor's `id-offset`.
    #[must_use]
    pub fn starting_at(first: u32) -> Self {
        Self(vec![Part { first: first.min(MAX_INDEX), last: None, step: 1 }])
    }

    /// How many indices it has when each part has an end; `None` when a part has none.
    #[must_use]
    pub fn size(&self) -> Option<u32> {
        self.0.iter().map(|part| part.last.map(|_| part.count())).sum()
    }

    /// How many indices it can give: all parts, those without an end up to [`MAX_INDEX`].
    #[must_use]
    pub fn capacity(&self) -> u32 {
        self.0.iter().map(Part::count).sum()
    }

    #[must_use]
    pub fn contains(&self, index: u32) -> bool {
        self.0.iter().any(|part| part.contains(index))
    }

    /// All indices, in the order in which heads take them: part by part.
    pub fn iter(&self) -> impl Iterator<Item = u32> + '_ {
        self.0.iter().flat_map(Part::iter)
    }

    /// The next `count` indices that are not `taken`; fewer when the set has no more.
    pub fn free(&self, count: usize, taken: impl Fn(u32) -> bool) -> Vec<u32> {
        self.iter().filter(|index| !taken(*index)).take(count).collect()
    }
}

impl Part {
    fn end(&self) -> u32 {
        self.last.unwrap_or(MAX_INDEX)
    }

    fn count(&self) -> u32 {
        (self.end() - self.first) / self.step + 1
    }

    fn contains(&self, index: u32) -> bool {
        index >= self.first && index <= self.end() && (index - self.first).is_multiple_of(self.step)
    }

    fn iter(&self) -> impl Iterator<Item = u32> + use<> {
        (self.first..=self.end()).step_by(self.step as usize)
    }

    fn parse(text: &str, part: usize) -> Result<Self, IndexSetError> {
        let syntax = || IndexSetError::Syntax { part, text: text.chars().take(40).collect() };
        let number = |text: &str| {
            let digits = !text.is_empty() && text.len() <= 18 && text.bytes().all(|b| b.is_ascii_digit());
            let index: u64 = digits.then(|| text.parse().ok()).flatten().ok_or_else(syntax)?;
            match u32::try_from(index) {
                Ok(small) if small <= MAX_INDEX => Ok(small),
                _ => Err(IndexSetError::TooLarge { part, index }),
            }
        };
        let Some((first, rest)) = text.split_once("..") else {
            let only = number(text)?;
            return Ok(Self { first: only, last: Some(only), step: 1 });
        };
        let (last, step) = match rest.split_once(':') {
            Some((last, step)) => (last, number(step)?),
            None => (rest, 1),
        };
        let first = number(first)?;
        let last = if last.is_empty() { None } else { Some(number(last)?) };
        if step == 0 {
            return Err(IndexSetError::NoStep { part });
        }
        match last {
            Some(last) if last < first => Err(IndexSetError::Backwards { part, first, last }),
            _ => Ok(Self { first, last, step }),
        }
    }
}

impl FromStr for IndexSet {
    type Err = IndexSetError;

    fn from_str(text: &str) -> Result<Self, IndexSetError> {
        if text.trim().is_empty() {
            return Err(IndexSetError::Empty);
        }
        let count = text.split(',').count();
        if count > MAX_PARTS {
            return Err(IndexSetError::TooManyParts(count));
        }
        let parts = text
            .split(',')
            .enumerate()
            .map(|(i, part)| Part::parse(part.trim(), i + 1))
            .collect::<Result<Vec<_>, _>>()?;
        // One byte an index: 100 kB for a moment, and each index is looked at once a part.
        let mut owner = vec![0_u8; MAX_INDEX as usize + 1];
        for (number, part) in (1_u8..).zip(&parts) {
            for index in part.iter() {
                let owner = &mut owner[index as usize];
                if *owner != 0 {
                    return Err(IndexSetError::Twice { index, one: (*owner).into(), other: number.into() });
                }
                *owner = number;
            }
        }
        Ok(Self(parts))
    }
}

impl fmt::Display for IndexSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, part) in self.0.iter().enumerate() {
            if i > 0 {
                f.write_str(",")?;
            }
            write!(f, "{}", part.first)?;
            match part.last {
                Some(last) if last == part.first && part.step == 1 => continue,
                Some(last) => write!(f, "..{last}")?,
                None => f.write_str("..")?,
            }
            if part.step != 1 {
                write!(f, ":{}", part.step)?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(text: &str) -> IndexSet {
        text.parse().expect("an index set")
    }

    fn refused(text: &str) -> String {
        text.parse::<IndexSet>().expect_err("not an index set").to_string()
    }

    #[test]
    fn a_range_has_both_ends() {
        assert_eq!(set("0..4").iter().collect::<Vec<_>>(), [0, 1, 2, 3, 4]);
        assert_eq!(set("0..4").size(), Some(5));
        assert_eq!(set("3").iter().collect::<Vec<_>>(), [3]);
        assert_eq!(set("0..8:4").iter().collect::<Vec<_>>(), [0, 4, 8]);
        assert_eq!(set("0..7:4").iter().collect::<Vec<_>>(), [0, 4]);
    }

    #[test]
    fn a_range_without_end_goes_on_by_its_step() {
        let odd = set("1..:2");
        assert_eq!(odd.iter().take(3).collect::<Vec<_>>(), [1, 3, 5]);
        assert_eq!(odd.size(), None);
        assert_eq!(odd.capacity(), 50_000);
        assert!(odd.contains(99_999) && !odd.contains(2));
        assert_eq!(IndexSet::starting_at(100).iter().take(2).collect::<Vec<_>>(), [100, 101]);
    }

    #[test]
    fn parts_are_taken_in_the_order_written() {
        let mixed = set(" 7, 9 ,20..22");
        assert_eq!(mixed.iter().collect::<Vec<_>>(), [7, 9, 20, 21, 22]);
        assert_eq!(mixed.to_string(), "7,9,20..22");
        assert_eq!(mixed.free(3, |index| index == 9), [7, 20, 21]);
        assert_eq!(mixed.free(30, |_| false).len(), 5);
    }

    #[test]
    fn refusals_name_the_part_and_the_bound() {
        assert_eq!(refused(""), "it names no index");
        assert_eq!(refused("1,x"), "part 2 (\"x\") is not an index set; write 3, 0..4, 5.. or 1..:2");
        assert_eq!(refused("1,,2"), "part 2 (\"\") is not an index set; write 3, 0..4, 5.. or 1..:2");
        assert_eq!(refused("0..100000"), "part 1 names 100000; indices go from 0 to 99999");
        assert_eq!(refused("5..3"), "part 1 ends at 3, before it begins at 5");
        assert_eq!(refused("5..:0"), "part 1 has a step of 0; the smallest is 1");
        assert_eq!(refused("0..4,7,4"), "index 4 stands in part 1 and in part 3");
        assert_eq!(refused("0..:2,1001.."), "index 1002 stands in part 1 and in part 2");
        assert_eq!(refused(&["1"; 65].join(",")), "65 parts are more than 64");
    }

    proptest::proptest! {
        #[test]
        fn parsing_never_panics(text in "[0-9.:, -]{0,40}|\\PC*") {
            if let Ok(set) = text.parse::<IndexSet>() {
                assert_eq!(set.to_string().parse::<IndexSet>().as_ref(), Ok(&set));
                assert!(set.iter().all(|index| index <= MAX_INDEX && set.contains(index)));
            }
        }
    }
}
