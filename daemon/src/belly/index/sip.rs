//! SipHash-1-3: where a key stands in the index.
//!
//! Keyed by a secret of this store, so that nobody outside can aim keys at one shard or
//! at the fingerprint of another key. The algorithm is that of the reference (Aumasson,
//! Bernstein 2012) with one compression and three finalisation rounds, as in `std`.

/// The store's secret.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(in crate::belly) struct SipKey(pub(in crate::belly) [u8; 16]);

struct State([u64; 4]);

impl State {
    #[inline(always)]
    fn round(&mut self) {
        let [a, b, c, d] = &mut self.0;
        *a = a.wrapping_add(*b);
        *c = c.wrapping_add(*d);
        *b = b.rotate_left(13) ^ *a;
        *d = d.rotate_left(16) ^ *c;
        *a = a.rotate_left(32);
        *c = c.wrapping_add(*b);
        *a = a.wrapping_add(*d);
        *b = b.rotate_left(17) ^ *c;
        *d = d.rotate_left(21) ^ *a;
        *c = c.rotate_left(32);
    }

    #[inline(always)]
    fn absorb(&mut self, word: u64) {
        self.0[3] ^= word;
        self.round();
        self.0[0] ^= word;
    }
}

impl SipKey {
    #[inline]
    pub(in crate::belly) fn hash(&self, bytes: &[u8]) -> u64 {
        let key = u128::from_le_bytes(self.0);
        let (k0, k1) = (key as u64, (key >> 64) as u64);
        let mut state = State([
            k0 ^ 0x736f_6d65_7073_6575,
            k1 ^ 0x646f_7261_6e64_6f6d,
            k0 ^ 0x6c79_6765_6e65_7261,
            k1 ^ 0x7465_6462_7974_6573,
        ]);
        let (words, rest) = bytes.as_chunks::<8>();
        for word in words {
            state.absorb(u64::from_le_bytes(*word));
        }
        let mut last = (bytes.len() as u64) << 56;
        for (i, byte) in rest.iter().enumerate() {
            last |= u64::from(*byte) << (8 * i);
        }
        state.absorb(last);
        state.0[2] ^= 0xff;
        state.round();
        state.round();
        state.round();
        state.0[0] ^ state.0[1] ^ state.0[2] ^ state.0[3]
    }
}

#[cfg(test)]
mod tests {
    use std::hash::{DefaultHasher, Hasher};

    use super::*;

    #[test]
    fn it_is_the_function_that_std_uses() {
        for len in 0..80u8 {
            let bytes: Vec<u8> = (0..len).map(|b| b.wrapping_mul(37)).collect();
            let mut std = DefaultHasher::new();
            std.write(&bytes);
            assert_eq!(SipKey([0; 16]).hash(&bytes), std.finish(), "{len} bytes");
        }
        assert_ne!(SipKey([1; 16]).hash(b"key"), SipKey([2; 16]).hash(b"key"));
    }
}
