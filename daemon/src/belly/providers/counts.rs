//! How many records each provider has, by number.
//!
//! Apart from all else that is known of it, so that counting takes no lock and the
//! greatest are found by reading four bytes a provider.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

const CHUNK: usize = 1 << 16;
const CHUNKS: usize = 1 << 7;

/// Numbers are below this.
pub(super) const NUMBERS: u32 = (CHUNK * CHUNKS) as u32;

pub(super) struct Counts(Box<[OnceLock<Box<[AtomicU32]>>]>);

impl Default for Counts {
    fn default() -> Self {
        Self((0..CHUNKS).map(|_| OnceLock::new()).collect())
    }
}

impl Counts {
    fn of(&self, number: u32) -> Option<&AtomicU32> {
        let number = number as usize;
        let chunk = self.0.get(number / CHUNK)?;
        chunk.get_or_init(|| (0..CHUNK).map(|_| AtomicU32::new(0)).collect()).get(number % CHUNK)
    }

    pub(super) fn get(&self, number: u32) -> u32 {
        self.of(number).map_or(0, |count| count.load(Relaxed))
    }

    pub(super) fn gain(&self, number: u32) {
        if let Some(count) = self.of(number) {
            count.fetch_add(1, Relaxed);
        }
    }

    /// More of them, or fewer.
    pub(super) fn change(&self, number: u32, by: i64) {
        if let Some(count) = self.of(number) {
            // two's complement: what is too much above is taken away below
            count.fetch_add(by as u32, Relaxed);
        }
    }

    pub(super) fn lose(&self, number: u32) {
        if let Some(count) = self.of(number) {
            count.fetch_sub(1, Relaxed);
        }
    }

    /// The numbers with the most records, most first.
    pub(super) fn top(&self, n: usize) -> Vec<(u32, u32)> {
        let mut heap = BinaryHeap::with_capacity(n + 1);
        for (chunk, counts) in self.0.iter().enumerate().filter_map(|(i, c)| Some((i, c.get()?))) {
            for (at, count) in counts.iter().enumerate() {
                let count = count.load(Relaxed);
                if count == 0
                    || (heap.len() == n && heap.peek().is_some_and(|Reverse((least, _))| *least >= count))
                {
                    continue;
                }
                heap.push(Reverse((count, (chunk * CHUNK + at) as u32)));
                if heap.len() > n {
                    heap.pop();
                }
            }
        }
        heap.into_sorted_vec().into_iter().map(|Reverse((count, number))| (number, count)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_greatest_come_first() {
        let counts = Counts::default();
        for number in [5, 70_000, 70_000, 9, 9, 9, NUMBERS - 1, NUMBERS] {
            counts.gain(number);
        }
        counts.lose(9);
        assert_eq!((counts.get(9), counts.get(NUMBERS), counts.get(1)), (2, 0, 0));
        let mut top = counts.top(2);
        top.sort_unstable();
        assert_eq!(top, [(9, 2), (70_000, 2)]);
        assert_eq!(counts.top(10).len(), 4);
        assert!(counts.top(0).is_empty());
    }
}
