//! Providers in words, for lists of millions: their ids and addresses, spelled once for those
//! that come again soon.
//!
//! Comes in: records of the belly. Goes out: what of them is dear to write. Holds a fixed number
//! of providers, the newest at each place.

use std::hash::{BuildHasher as _, RandomState};

use libp2p::PeerId;

use crate::belly::Record;
use crate::wire::AddrList;

/// Providers that are held: some 8 MB at most, with three addresses each.
const PLACES: usize = 1 << 14;

/// The longest id there is, in bytes: a multihash of 64.
const LONGEST: usize = 68;

/// A provider in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Spelled {
    pub(super) peer_id: String,
    pub(super) addresses: Vec<String>,
}

impl Spelled {
    pub(super) fn of(record: &Record) -> Self {
        let addresses = record.addrs.parsed().map(|addr| addr.to_string()).collect();
        Self { peer_id: base58(&record.provider), addresses }
    }
}

/// What a place holds.
struct Held {
    provider: PeerId,
    addrs: AddrList,
    spelled: Spelled,
}

/// The providers spelled last.
pub(super) struct Speller {
    places: Vec<Option<Box<Held>>>,
    hasher: RandomState,
}

impl Speller {
    pub(super) fn new() -> Self {
        Self { places: std::iter::repeat_with(|| None).take(PLACES).collect(), hasher: RandomState::new() }
    }

    /// The provider of a record in words.
    pub(super) fn spell(&mut self, record: &Record) -> Spelled {
        let place = self.hasher.hash_one(record.provider) as usize % PLACES;
        let place = &mut self.places[place];
        if let Some(held) = place
            && held.provider == record.provider
            && held.addrs == record.addrs
        {
            return held.spelled.clone();
        }
        let spelled = Spelled::of(record);
        let (provider, addrs) = (record.provider, record.addrs.clone());
        *place = Some(Box::new(Held { provider, addrs, spelled: spelled.clone() }));
        spelled
    }
}

/// A peer id in base58btc, five digits a division: the general way takes two microseconds, which
/// a list of all records has not.
pub(super) fn base58(peer: &PeerId) -> String {
    const ALPHABET: &[u8; 58] = b"123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";
    /// 58⁵
    const FIVE_DIGITS: u64 = 656_356_768;
    let bytes = peer.to_bytes();
    if bytes.len() > LONGEST {
        return peer.to_base58();
    }
    let mut padded = [0; LONGEST];
    padded[LONGEST - bytes.len()..].copy_from_slice(&bytes);
    let mut limbs = [0_u32; LONGEST / 4];
    for (limb, four) in limbs.iter_mut().zip(padded.chunks_exact(4)) {
        *limb = u32::from_be_bytes([four[0], four[1], four[2], four[3]]);
    }
    // the last digit first
    let (mut digits, mut begin) = (Vec::with_capacity(2 * LONGEST), 0);
    loop {
        while limbs.get(begin) == Some(&0) {
            begin += 1;
        }
        if begin == limbs.len() {
            break;
        }
        let mut rest = 0;
        for limb in &mut limbs[begin..] {
            let value = (rest << 32) | u64::from(*limb);
            (*limb, rest) = ((value / FIVE_DIGITS) as u32, value % FIVE_DIGITS);
        }
        for _ in 0..5 {
            digits.push(ALPHABET[(rest % 58) as usize]);
            rest /= 58;
        }
    }
    while digits.last() == Some(&ALPHABET[0]) {
        digits.pop();
    }
    // each zero byte in front is a digit of its own
    let zeros = bytes.iter().take_while(|&&byte| byte == 0).count();
    digits.extend(std::iter::repeat_n(ALPHABET[0], zeros));
    digits.reverse();
    String::from_utf8(digits).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use libp2p::identity::Keypair;
    use libp2p::multihash::Multihash;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_id_is_spelled_as_everybody_spells_it() {
        for _ in 0..100 {
            let peer = Keypair::generate_ed25519().public().to_peer_id();
            assert_eq!(base58(&peer), peer.to_base58());
        }
    }

    proptest! {
        #[test]
        fn so_is_one_of_any_length(digest in prop::collection::vec(any::<u8>(), 0..=42), zeros in 0_usize..42) {
            let mut digest = digest;
            let zeros = zeros.min(digest.len());
            digest[..zeros].fill(0);
            let hash = Multihash::<64>::wrap(0, &digest).expect("short enough");
            if let Ok(peer) = PeerId::from_multihash(hash) {
                prop_assert_eq!(base58(&peer), peer.to_base58());
            }
        }
    }
}
