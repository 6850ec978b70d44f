//! The predecessor's sequence of balanced identities (hydra-booster `idgen/`).
//!
//! For each index two candidate keys are drawn; the one that lies farther from all earlier
//! ones wins. Candidates come from HKDF-SHA256 of the seed under a counter, so that the same
//! seed and index give the same peer id on every machine and in every version.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use hkdf::Hkdf;
use libp2p::PeerId;
use libp2p::identity::{self, Keypair};
use sha2::Sha256;

use super::{MAX_INDEX, Seed};
use crate::wire::Key256;

/// HKDF's `info` (hydra-booster `idgen.go`).
const INFO: &[u8] = b"hydra keys";

/// One identity of the sequence. `Debug` shows the index and the peer id only.
#[derive(Clone)]
pub struct Identity {
    /// Its place in the sequence: the predecessor's id offset plus head number.
    pub index: u32,
    pub keypair: Keypair,
    pub peer_id: PeerId,
    /// The peer id's place in the keyspace.
    pub key: Key256,
}

/// The identities of one seed, in order.
///
/// Or, of [`Sequence::lent`], identities that another hydra lent: each stands by itself.
///
/// Each depends on all before, so the first call for index n makes 2(n+1) keys (some 20 µs
/// each); what was chosen is kept, 40 bytes an index, and later calls make one key. For a
/// far index call it where blocking is allowed.
pub struct Sequence {
    seed: Seed,
    /// Candidates drawn so far.
    drawn: u32,
    /// The counter that won each index; keys are made again from it instead of being kept.
    winners: Vec<u32>,
    /// Places of all winners.
    places: BTreeSet<[u8; 32]>,
    /// What another hydra lent, by our own index; `None` when there is a seed.
    lent: Option<BTreeMap<u32, Keypair>>,
}

/// Why an index has no identity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoIdentity {
    #[error("there is no identity with index {0}; indices go to {MAX_INDEX}")]
    TooLarge(u32),
    #[error("no identity was lent for index {0}, and there is no seed to make it from (identity.idgen)")]
    NotLent(u32),
}

struct Candidate {
    counter: u32,
    keypair: Keypair,
    peer_id: PeerId,
    key: Key256,
}

impl Sequence {
    #[must_use]
    pub fn new(seed: Seed) -> Self {
        Self { seed, drawn: 0, winners: Vec::new(), places: BTreeSet::new(), lent: None }
    }

    /// Identities without a seed: those that were lent, by index.
    #[must_use]
    pub fn lent(keys: impl IntoIterator<Item = (u32, Keypair)>) -> Self {
        Self { lent: Some(keys.into_iter().collect()), ..Self::new(Seed::from_bytes([0; 32])) }
    }

    /// Keeps an identity that was lent; says nothing where there is a seed.
    pub fn lend(&mut self, index: u32, keypair: Keypair) {
        if let Some(lent) = &mut self.lent {
            lent.insert(index, keypair);
        }
    }

    /// Forgets an identity that was lent, and answers it.
    pub fn give_back(&mut self, index: u32) -> Option<Keypair> {
        self.lent.as_mut()?.remove(&index)
    }

    /// Peer ids that were lent, by index.
    #[must_use]
    pub fn borrowed(&self) -> Vec<(u32, PeerId)> {
        let lent = self.lent.iter().flatten();
        lent.map(|(index, key)| (*index, key.public().to_peer_id())).collect()
    }

    /// The identity of an index.
    ///
    /// # Errors
    /// Past [`MAX_INDEX`], which bounds time and memory; and what was not lent.
    pub fn identity(&mut self, index: u32) -> Result<Identity, NoIdentity> {
        if index > MAX_INDEX {
            return Err(NoIdentity::TooLarge(index));
        }
        if let Some(lent) = &self.lent {
            let keypair = lent.get(&index).cloned().ok_or(NoIdentity::NotLent(index))?;
            let peer_id = keypair.public().to_peer_id();
            return Ok(Identity { index, key: Key256::of_peer(&peer_id), keypair, peer_id });
        }
        loop {
            if let Some(counter) = self.winners.get(index as usize) {
                return Ok(candidate(&self.seed, *counter).identity(index));
            }
            let winner = self.choose();
            if self.winners.len() == index as usize + 1 {
                return Ok(winner.identity(index));
            }
        }
    }

    /// Draws the next index: of two candidates the one that would be the shallower leaf of a
    /// binary trie of all places so far; on a tie the second.
    fn choose(&mut self) -> Candidate {
        let first = self.draw();
        let second = self.draw();
        let winner = if self.depth(&first.key) < self.depth(&second.key) { first } else { second };
        self.winners.push(winner.counter);
        self.places.insert(winner.key.0);
        winner
    }

    /// The next candidate that is not taken already.
    fn draw(&mut self) -> Candidate {
        loop {
            self.drawn = self.drawn.wrapping_add(1);
            let candidate = candidate(&self.seed, self.drawn);
            if !self.places.contains(&candidate.key.0) {
                return candidate;
            }
        }
    }

    /// Depth of a new leaf: one more than the longest prefix it shares with any place, which
    /// is its predecessor's or its successor's in order. 0 in an empty trie.
    fn depth(&self, key: &Key256) -> u32 {
        let before = self.places.range(..key.0).next_back();
        let after = self.places.range(key.0..).next();
        before.into_iter().chain(after).map(|place| key.shared_bits(&Key256(*place)) + 1).max().unwrap_or(0)
    }
}

impl Candidate {
    fn identity(self, index: u32) -> Identity {
        Identity { index, keypair: self.keypair, peer_id: self.peer_id, key: self.key }
    }
}

fn candidate(seed: &Seed, counter: u32) -> Candidate {
    let mut secret = [0; 32];
    Hkdf::<Sha256>::new(Some(&counter.to_le_bytes()), seed.as_bytes())
        .expand(INFO, &mut secret)
        .expect("32 bytes are one block of HKDF-SHA256");
    let secret = identity::ed25519::SecretKey::try_from_bytes(&mut secret)
        .expect("any 32 bytes are an Ed25519 secret");
    let keypair = Keypair::from(identity::ed25519::Keypair::from(secret));
    let peer_id = keypair.public().to_peer_id();
    let key = Key256::of_peer(&peer_id);
    Candidate { counter, keypair, peer_id, key }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Identity({}, {})", self.index, self.peer_id)
    }
}

impl fmt::Debug for Sequence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sequence({} identities)", self.winners.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;
    use sha2::Digest;

    #[derive(Deserialize)]
    struct Vectors {
        seeds: Vec<SeedVectors>,
    }

    #[derive(Deserialize)]
    struct SeedVectors {
        name: String,
        seed_hex: String,
        seed_b64: String,
        first16: Vec<Entry>,
        selected: Vec<Entry>,
        count: u32,
        trie_depth_at_2015: u32,
        final_ctr: u32,
        sha256_of_newline_joined_peer_ids_0_999: String,
        sha256_of_newline_joined_peer_ids_0_2014: String,
    }

    #[derive(Deserialize)]
    struct Entry {
        index: u32,
        ctr: u32,
        depths: [u32; 2],
        ed25519_seed_hex: String,
        pub_hex: String,
        priv_b64: String,
        peer_id: String,
        kad_id_hex: String,
    }

    fn vectors() -> Vec<SeedVectors> {
        let text = include_str!("../../../tests/fixtures/idgen-vectors.json");
        let vectors: Vectors = serde_json::from_str(text).expect("the vectors are JSON");
        assert_eq!(vectors.seeds.len(), 4);
        vectors.seeds
    }

    fn hex(bytes: &[u8]) -> String {
        data_encoding::HEXLOWER.encode(bytes)
    }

    /// Checks one entry against the sequence before it drew this index.
    fn check(sequence: &mut Sequence, entry: &Entry, seed: &str) {
        let what = format!("seed {seed}, index {}", entry.index);
        let drawn = sequence.drawn;
        let depths = [1, 2].map(|n| {
            let candidate = candidate(&sequence.seed, drawn + n);
            sequence.depth(&candidate.key)
        });
        assert_eq!(depths, entry.depths, "{what}");
        let identity = sequence.identity(entry.index).expect("in range");
        assert_eq!(sequence.winners[entry.index as usize], entry.ctr, "{what}");
        assert_eq!(identity.index, entry.index);
        assert_eq!(identity.peer_id.to_string(), entry.peer_id, "{what}");
        assert_eq!(identity.key.hex(), entry.kad_id_hex, "{what}");
        let encoded = identity.keypair.to_protobuf_encoding().expect("a key encodes");
        assert_eq!(data_encoding::BASE64.encode(&encoded), entry.priv_b64, "{what}");
        let ed25519 = identity.keypair.try_into_ed25519().expect("an Ed25519 key");
        assert_eq!(hex(ed25519.secret().as_ref()), entry.ed25519_seed_hex, "{what}");
        assert_eq!(hex(&ed25519.public().to_bytes()), entry.pub_hex, "{what}");
    }

    #[test]
    fn every_entry_of_the_predecessors_vectors_comes_out_the_same() {
        for vector in vectors() {
            let (seed, _) = Seed::parse(&vector.seed_b64).expect("a seed");
            assert_eq!(hex(seed.as_bytes()), vector.seed_hex);
            let mut sequence = Sequence::new(seed);
            let mut entries: Vec<_> = vector.first16.iter().chain(&vector.selected).collect();
            entries.sort_by_key(|entry| entry.index);
            assert_eq!(entries.len(), 20);
            let mut ids = Vec::new();
            let mut deepest = 0;
            for index in 0..vector.count {
                if let Some(entry) = entries.iter().find(|entry| entry.index == index) {
                    check(&mut sequence, entry, &vector.name);
                }
                let identity = sequence.identity(index).expect("in range");
                sequence.places.remove(&identity.key.0);
                deepest = deepest.max(sequence.depth(&identity.key));
                sequence.places.insert(identity.key.0);
                ids.push(identity.peer_id.to_string());
            }
            assert_eq!(deepest, vector.trie_depth_at_2015, "{}", vector.name);
            assert_eq!(sequence.drawn, vector.final_ctr, "{}", vector.name);
            let joined = |count: usize| hex(&Sha256::digest(ids[..count].join("\n")));
            assert_eq!(joined(1000), vector.sha256_of_newline_joined_peer_ids_0_999, "{}", vector.name);
            assert_eq!(joined(2015), vector.sha256_of_newline_joined_peer_ids_0_2014, "{}", vector.name);
        }
    }

    #[test]
    fn asking_out_of_order_and_again_gives_the_same_identities() {
        let seed = || Seed::from_bytes([7; 32]);
        let mut in_order = Sequence::new(seed());
        let expected: Vec<_> = (0..40).map(|i| in_order.identity(i).expect("in range").peer_id).collect();
        let mut jumping = Sequence::new(seed());
        for index in [39, 0, 17, 39, 3] {
            assert_eq!(jumping.identity(index).expect("in range").peer_id, expected[index as usize]);
        }
    }

    #[test]
    fn an_index_past_the_bound_is_refused_without_work() {
        let mut sequence = Sequence::new(Seed::from_bytes([0; 32]));
        assert_eq!(sequence.identity(MAX_INDEX + 1).err(), Some(NoIdentity::TooLarge(MAX_INDEX + 1)));
        assert!(sequence.winners.is_empty());
    }

    #[test]
    fn what_was_lent_is_there_and_nothing_else_until_it_is_given_back() {
        let key = Keypair::generate_ed25519();
        let mut sequence = Sequence::lent([(3, key.clone())]);
        assert_eq!(sequence.identity(3).expect("lent").peer_id, key.public().to_peer_id());
        assert_eq!(sequence.identity(0).err(), Some(NoIdentity::NotLent(0)));
        sequence.lend(0, Keypair::generate_ed25519());
        assert_eq!(sequence.borrowed().len(), 2);
        assert!(sequence.give_back(3).is_some() && sequence.give_back(3).is_none());
        sequence.identity(3).expect_err("given back");
        assert!(!format!("{sequence:?}").contains("Keypair"));
    }

    #[test]
    fn debug_shows_no_key_material() {
        let mut sequence = Sequence::new(Seed::from_bytes([9; 32]));
        let identity = sequence.identity(0).expect("in range");
        assert_eq!(format!("{identity:?}"), format!("Identity(0, {})", identity.peer_id));
        assert_eq!(format!("{sequence:?}"), "Sequence(1 identities)");
    }
}
