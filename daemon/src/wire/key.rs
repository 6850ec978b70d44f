//! Places in the keyspace.

use std::fmt;

use libp2p::PeerId;
use sha2::{Digest, Sha256};

/// A place in the 256-bit keyspace: SHA-256 of a DHT key or of a peer id's bytes
/// (libp2p kad-dht spec, "Distance"; kbucket `ConvertKey`, `ConvertPeerID`).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key256(pub [u8; 32]);

impl Key256 {
    /// The place of a DHT key: hashes the raw bytes.
    #[must_use]
    pub fn of(key: &[u8]) -> Self {
        Self(Sha256::digest(key).into())
    }

    /// The place of a peer.
    #[must_use]
    pub fn of_peer(peer: &PeerId) -> Self {
        Self::of(&peer.to_bytes())
    }

    /// XOR distance, most significant byte first, so that arrays compare as distances do.
    #[must_use]
    pub fn distance(&self, other: &Self) -> [u8; 32] {
        let mut out = [0; 32];
        for (o, (a, b)) in out.iter_mut().zip(self.0.iter().zip(&other.0)) {
            *o = a ^ b;
        }
        out
    }

    /// The eight most significant bytes of [`Self::distance`]: orders all but keys that are
    /// alike in their first 64 bits.
    #[must_use]
    pub fn distance_start(&self, other: &Self) -> u64 {
        self.start() ^ other.start()
    }

    /// The eight most significant bytes: keys are in their order but for those alike in them.
    #[must_use]
    pub fn start(&self) -> u64 {
        self.0.first_chunk().map_or(0, |start| u64::from_be_bytes(*start))
    }

    /// Length of the common prefix in bits, 0 to 256.
    #[must_use]
    pub fn shared_bits(&self, other: &Self) -> u32 {
        let mut bits = 0;
        for (a, b) in self.0.iter().zip(&other.0) {
            let zeros = (a ^ b).leading_zeros();
            bits += zeros;
            if zeros < 8 {
                break;
            }
        }
        bits
    }

    /// All 64 hex digits.
    #[must_use]
    pub fn hex(&self) -> String {
        data_encoding::HEXLOWER.encode(&self.0)
    }
}

impl fmt::Debug for Key256 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", data_encoding::HEXLOWER.encode(&self.0[..6]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shared_bits_count_the_common_prefix() {
        let zero = Key256([0; 32]);
        let mut one = [0; 32];
        assert_eq!(zero.shared_bits(&Key256(one)), 256);
        one[1] = 0x10;
        assert_eq!(zero.shared_bits(&Key256(one)), 11);
        one[0] = 0x80;
        assert_eq!(zero.shared_bits(&Key256(one)), 0);
    }
}
