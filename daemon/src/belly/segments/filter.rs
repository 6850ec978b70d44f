//! A filter: tells in memory that a place is not in a segment.
//!
//! Binary fuse filters of 16 bits (Graf, Lemire 2022), 2.3 bytes a place; one place in
//! 65,536 is said to be there although it is not. They are made in parts, so that making
//! them takes little memory besides.

use xorf::{BinaryFuse16, Filter as _};

/// Places of a part; making it takes some 30 bytes for each.
const PART: usize = 1 << 19;

#[derive(Default)]
pub(super) struct Filter {
    /// The last place of each part.
    ends: Vec<u64>,
    /// `None` for a part that could not be made: all may be in it.
    parts: Vec<Option<BinaryFuse16>>,
}

impl Filter {
    #[inline]
    pub(super) fn may_have(&self, place: u64) -> bool {
        let part = self.parts.get(self.ends.partition_point(|end| *end < place));
        part.is_some_and(|part| part.as_ref().is_none_or(|part| part.contains(&place)))
    }

    pub(super) fn bytes(&self) -> u64 {
        let parts = self.parts.iter().flatten().map(|part| part.len() as u64 * 2);
        parts.sum::<u64>() + self.parts.len() as u64 * 64
    }
}

/// A filter in the making: places come in order.
#[derive(Default)]
pub(super) struct Maker {
    filter: Filter,
    part: Vec<u64>,
}

impl Maker {
    pub(super) fn add(&mut self, place: u64) {
        if self.part.last() == Some(&place) {
            return;
        }
        if self.part.len() >= PART {
            self.close();
        }
        self.part.push(place);
    }

    fn close(&mut self) {
        if let Some(end) = self.part.last() {
            self.filter.ends.push(*end);
            self.filter.parts.push(BinaryFuse16::try_from(&self.part).ok());
            self.part.clear();
        }
    }

    pub(super) fn end(mut self) -> Filter {
        self.close();
        self.filter
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_added_is_there_and_almost_nothing_else() {
        for places in [0u64, 1, 2, 3, 100, 700_000] {
            let mut maker = Maker::default();
            for n in 0..places {
                maker.add(n * 1_000);
                maker.add(n * 1_000);
            }
            let filter = maker.end();
            assert!((0..places).all(|n| filter.may_have(n * 1_000)), "{places}");
            let wrong = (0..places).filter(|n| filter.may_have(n * 1_000 + 1)).count();
            assert!(wrong as u64 <= places / 20_000 + 1, "{wrong} of {places}");
            assert!(!filter.may_have(u64::MAX));
            if places > 10_000 {
                assert!(filter.bytes() < places * 24 / 10, "{} B of {places}", filter.bytes());
            }
        }
    }
}
