//! The records: the same in each run, scattered over the keyspace.

/// Distinct providers; a quarter of the records repeats a key under another of them.
pub(crate) const PROVIDERS: usize = 20_000;

/// A sha2-256 multihash; three keys for four records.
pub(crate) fn key(n: u64) -> [u8; 34] {
    let mut key = [0; 34];
    key[..2].copy_from_slice(&[0x12, 0x20]);
    let shared = if n % 4 == 3 { n - 1 } else { n };
    for (at, part) in key[2..].chunks_mut(8).enumerate() {
        part.copy_from_slice(&mix(shared ^ ((at as u64) << 56)).to_be_bytes());
    }
    key
}

/// SplitMix64: scattered, the same in each run.
pub(crate) fn mix(n: u64) -> u64 {
    let mut z = n.wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}
