//! Numbers of any width, one behind the other.

fn low(bits: u32) -> u64 {
    (1 << bits) - 1
}

/// Bits on their way out, the lowest of a byte first.
pub(in crate::belly) struct BitWriter {
    out: Vec<u8>,
    rest: u64,
    len: u32,
}

impl BitWriter {
    pub(in crate::belly) fn after(out: Vec<u8>) -> Self {
        Self { out, rest: 0, len: 0 }
    }

    /// Up to 56 bits; `value` has no more.
    pub(in crate::belly) fn push(&mut self, value: u64, bits: u32) {
        self.rest |= value << self.len;
        self.len += bits;
        let whole = self.len / 8;
        self.out.extend_from_slice(&self.rest.to_le_bytes()[..whole as usize]);
        self.rest >>= whole * 8;
        self.len %= 8;
    }

    pub(in crate::belly) fn zeros_and_one(&mut self, mut zeros: u64) {
        while zeros >= 32 {
            self.push(0, 32);
            zeros -= 32;
        }
        self.push(1 << zeros, zeros as u32 + 1);
    }

    pub(in crate::belly) fn end(mut self) -> Vec<u8> {
        if self.len > 0 {
            self.out.push(self.rest as u8);
        }
        self.out
    }
}

/// Bits on their way in; behind the end there are zeros.
pub(in crate::belly) struct BitReader<'a> {
    bytes: &'a [u8],
    /// In bits.
    at: usize,
}

impl<'a> BitReader<'a> {
    pub(in crate::belly) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    /// More was taken than there is.
    pub(in crate::belly) fn is_past_the_end(&self) -> bool {
        self.at > self.bytes.len() * 8
    }

    /// 57 bits at least.
    #[inline]
    fn peek(&self) -> u64 {
        let rest = self.bytes.get(self.at / 8..).unwrap_or(&[]);
        let word = match rest.first_chunk::<8>() {
            Some(word) => u64::from_le_bytes(*word),
            None => rest.iter().rev().fold(0, |word, byte| word << 8 | u64::from(*byte)),
        };
        word >> (self.at % 8)
    }

    /// The zeros before the next one.
    #[inline]
    pub(in crate::belly) fn zeros(&mut self) -> Option<u64> {
        let mut zeros = 0;
        loop {
            let word = self.peek();
            let here = word.trailing_zeros().min(56);
            zeros += u64::from(here);
            self.at += here as usize;
            if here < 56 {
                self.at += 1;
                return Some(zeros);
            }
            if self.is_past_the_end() {
                return None;
            }
        }
    }

    /// Up to 56 bits.
    #[inline]
    pub(in crate::belly) fn take(&mut self, bits: u32) -> u64 {
        let value = self.peek() & low(bits);
        self.at += bits as usize;
        value
    }
}
