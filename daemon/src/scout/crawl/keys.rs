//! Keys that share a chosen number of leading bits with a peer's place.
//!
//! A key's place is its SHA-256, so a key for a place must be found by trying. One small
//! table of such keys serves all peers (kbucket does the same, `bucket_prefixmap.go`).

use std::sync::OnceLock;

use rand::RngExt as _;

use crate::wire::Key256;

/// Leading bits that keys are found for. A bucket that shares more holds, in a network of up
/// to 20 · 2¹² peers, only peers that the answer about the peer's own id names too.
pub(super) const BITS: u32 = 12;

/// For each beginning of [`BITS`] bits a number whose key is there.
fn numbers() -> &'static [u32] {
    static NUMBERS: OnceLock<Vec<u32>> = OnceLock::new();
    NUMBERS.get_or_init(|| {
        let mut found = vec![None; 1 << BITS];
        let mut missing = found.len();
        for number in 0.. {
            let slot = &mut found[beginning(&Key256::of(&key(number)))];
            if slot.replace(number).is_none() {
                missing -= 1;
                if missing == 0 {
                    break;
                }
            }
        }
        found.into_iter().flatten().collect()
    })
}

/// The form of a peer id, a SHA-256 multihash: some servers look at it.
fn key(number: u32) -> [u8; 34] {
    let mut key = [0; 34];
    key[0] = 0x12;
    key[1] = 0x20;
    key[2..6].copy_from_slice(&number.to_be_bytes());
    key
}

fn beginning(place: &Key256) -> usize {
    usize::from(u16::from_be_bytes([place.0[0], place.0[1]]) >> (16 - BITS))
}

/// A key that shares exactly `shared` leading bits with a place, `shared` < [`BITS`]; what
/// follows up to [`BITS`] is chance.
pub(super) fn key_beside(place: &Key256, shared: u32) -> [u8; 34] {
    let numbers = numbers();
    let shared = shared.min(BITS - 1);
    let flipped = beginning(place) ^ (1 << (BITS - 1 - shared));
    let free = (1usize << (BITS - 1 - shared)) - 1;
    let wanted = (flipped & !free) | (rand::rng().random_range(0..=free));
    key(numbers.get(wanted).copied().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_shares_as_many_bits_as_it_is_asked_to() {
        for n in 0..40u32 {
            let place = Key256::of(&n.to_be_bytes());
            for shared in 0..BITS {
                let key = key_beside(&place, shared);
                assert_eq!(Key256::of(&key).shared_bits(&place), shared);
            }
        }
    }
}
