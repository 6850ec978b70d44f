//! What is true of the private network, told without any of the daemon's code.

use libp2p::PeerId;
use rand::rngs::SmallRng;
use rand::{RngExt as _, SeedableRng as _};
use sha2::{Digest as _, Sha256};

use crate::world::World;

/// A record is kept by so many servers.
const K: usize = 20;

/// Random keys that the coverage is counted with: one standard error is half a point at most.
const KEYS: u32 = 10_000;

/// The light peers that live.
pub(super) fn living(world: &World) -> Vec<PeerId> {
    world.peers().iter().map(|peer| peer.peer()).collect()
}

/// The first half of a place: enough to order servers by.
fn place(bytes: &[u8]) -> u128 {
    let digest: [u8; 32] = Sha256::digest(bytes).into();
    let (half, _) = digest.split_at(16);
    half.iter().fold(0, |place, byte| place << 8 | u128::from(*byte))
}

/// The share of random keys with one of the heads among the 20 nearest servers: every server
/// is held against every key.
pub(super) fn coverage(servers: &[PeerId], heads: &[PeerId]) -> f64 {
    let place_of = |peer: &PeerId| place(&peer.to_bytes());
    let servers: Vec<u128> = servers.iter().map(place_of).collect();
    let heads: Vec<u128> = heads.iter().map(place_of).collect();
    let mut rng = SmallRng::seed_from_u64(1);
    let mut covered = 0u32;
    for _ in 0..KEYS {
        let key: u128 = rng.random();
        let nearest = heads.iter().map(|head| head ^ key).min().unwrap_or(u128::MAX);
        let nearer = servers.iter().filter(|server| *server ^ key < nearest).count();
        covered += u32::from(!heads.is_empty() && nearer < K);
    }
    f64::from(covered) / f64::from(KEYS)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peers(n: usize) -> Vec<PeerId> {
        (0..n).map(|_| PeerId::random()).collect()
    }

    #[test]
    fn heads_among_fewer_than_twenty_cover_all_and_none_cover_nothing() {
        assert!((coverage(&peers(19), &peers(1)) - 1.0).abs() < f64::EPSILON);
        assert!(coverage(&peers(100), &[]).abs() < f64::EPSILON);
    }

    #[test]
    fn one_head_of_a_thousand_is_among_the_nearest_of_about_a_fiftieth_of_the_keys() {
        let mean = (0..10).map(|_| coverage(&peers(999), &peers(1))).sum::<f64>() / 10.0;
        assert!((0.01..0.035).contains(&mean), "{mean}");
    }
}
