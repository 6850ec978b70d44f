//! What is asked: the mix of requests and how each is written.
//!
//! Owns the names of requests on the command line and the ready-made frames. A frame is
//! made once a worker and only its key is exchanged, to keep the client's CPU small.

use std::str::FromStr;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use libp2p::identity::Keypair;
use rand::{Rng, RngExt as _};

use super::ipns;
use super::keys::{self, Domain};
use super::message::{Kind, Message};

/// A kind of request, with what it should find.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Op {
    /// ADD_PROVIDER of a fresh key; never answered.
    Add,
    /// GET_PROVIDERS of a key that was announced before the run.
    GetHit,
    /// GET_PROVIDERS of a key that nobody has.
    GetMiss,
    /// FIND_NODE of a random place.
    Find,
    Ping,
    /// GET_VALUE of the worker's own IPNS name, put before the run.
    Getvalue,
    /// PUT_VALUE of the worker's own IPNS record.
    Putvalue,
}

const NAMES: [(&str, Op); 8] = [
    ("add", Op::Add),
    ("get", Op::GetMiss),
    ("get-miss", Op::GetMiss),
    ("get-hit", Op::GetHit),
    ("find", Op::Find),
    ("ping", Op::Ping),
    ("getvalue", Op::Getvalue),
    ("putvalue", Op::Putvalue),
];

impl Op {
    #[must_use]
    pub fn kind(self) -> Kind {
        match self {
            Self::Add => Kind::AddProvider,
            Self::GetHit | Self::GetMiss => Kind::GetProviders,
            Self::Find => Kind::FindNode,
            Self::Ping => Kind::Ping,
            Self::Getvalue => Kind::GetValue,
            Self::Putvalue => Kind::PutValue,
        }
    }
}

/// Requests with their weights.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mix {
    parts: Vec<(Op, u32)>,
    total: u32,
}

impl Mix {
    /// The mix of the public network: 45 announcements, 25 reads, 29 look-ups, 1 other.
    #[must_use]
    pub fn real() -> Self {
        let parts = vec![(Op::Add, 45), (Op::GetMiss, 25), (Op::Find, 29), (Op::Ping, 1)];
        Self { parts, total: 100 }
    }

    pub fn pick(&self, rng: &mut impl Rng) -> Op {
        let mut ticket = rng.random_range(0..self.total);
        for (op, weight) in &self.parts {
            if ticket < *weight {
                return *op;
            }
            ticket -= weight;
        }
        self.parts[0].0
    }

    #[must_use]
    pub fn has(&self, op: Op) -> bool {
        self.parts.iter().any(|(part, _)| *part == op)
    }
}

impl FromStr for Mix {
    type Err = anyhow::Error;

    /// "add=45,get=25,find"; a part without a number weighs 1.
    fn from_str(text: &str) -> Result<Self> {
        let mut parts = Vec::new();
        let mut total = 0_u32;
        for part in text.split(',') {
            let (name, weight) = part.trim().split_once('=').unwrap_or((part.trim(), "1"));
            let Some((_, op)) = NAMES.iter().find(|(known, _)| *known == name) else {
                let known = NAMES.map(|(known, _)| known).join(", ");
                bail!("{name:?} is no request; known are {known}");
            };
            let weight: u32 = weight.parse().with_context(|| format!("the weight of {name}: {weight:?}"))?;
            ensure!(
                (1..=1_000_000).contains(&weight),
                "the weight of {name}: {weight} is not in 1..=1000000"
            );
            ensure!(parts.len() < 64, "more than 64 parts in a mix");
            total += weight;
            parts.push((*op, weight));
        }
        Ok(Self { parts, total })
    }
}

/// One worker's ready-made frames.
pub(crate) struct Frames {
    add: Template,
    get: Template,
    find: Template,
    ping: Vec<u8>,
    getvalue: Vec<u8>,
    putvalue: Vec<u8>,
    seed: u64,
    known: u64,
    /// Fresh and missing keys of this worker begin here.
    next: u64,
}

impl Frames {
    /// `worker` makes its fresh keys distinct from all other workers'.
    pub(crate) fn new(keypair: &Keypair, addresses: u16, seed: u64, known: u64, worker: u32) -> Result<Self> {
        let me = keypair.public().to_peer_id();
        let provider = keys::peer(&me, &keys::addresses(addresses), 1);
        let blank = keys::key(0, Domain::Known, 0);
        let name = ipns::key_of(&me);
        let record = ipns::record(keypair, "/ipfs/bafkqaaa", 1, Duration::from_secs(48 * 3600));
        let record = record.context("sign an IPNS record")?;
        Ok(Self {
            add: Template::new(&Message::announce(blank.clone(), provider)),
            get: Template::new(&Message::new(Kind::GetProviders, blank.clone())),
            find: Template::new(&Message::new(Kind::FindNode, blank)),
            ping: Message::new(Kind::Ping, &b""[..]).framed(),
            getvalue: Message::new(Kind::GetValue, name.clone()).framed(),
            putvalue: Message::put(name, record).framed(),
            seed,
            known: known.max(1),
            next: u64::from(worker) << 40,
        })
    }

    pub(crate) fn frame(&mut self, op: Op, rng: &mut impl Rng) -> &[u8] {
        match op {
            Op::Add => {
                self.next += 1;
                self.add.with(&keys::key(self.seed, Domain::Fresh, self.next))
            }
            Op::GetHit => {
                self.get.with(&keys::key(self.seed, Domain::Known, rng.random_range(0..self.known)))
            }
            Op::GetMiss => {
                self.next += 1;
                self.get.with(&keys::key(self.seed, Domain::Missing, self.next))
            }
            Op::Find => {
                self.next += 1;
                self.find.with(&keys::key(self.seed, Domain::Missing, self.next))
            }
            Op::Ping => &self.ping,
            Op::Getvalue => &self.getvalue,
            Op::Putvalue => &self.putvalue,
        }
    }

    /// The announcement of known key `n`.
    pub(crate) fn known(&mut self, n: u64) -> &[u8] {
        self.add.with(&keys::key(self.seed, Domain::Known, n))
    }
}

/// A frame whose key is exchanged in place: all keys have one length.
struct Template {
    bytes: Vec<u8>,
    key_at: usize,
}

impl Template {
    /// The message's key stands behind its kind, which is not 0 and under 128.
    fn new(message: &Message) -> Self {
        let bytes = message.framed();
        let prefix = unsigned_varint::decode::usize(&bytes).map_or(0, |(_, rest)| bytes.len() - rest.len());
        Self { bytes, key_at: prefix + 4 }
    }

    fn with(&mut self, key: &[u8]) -> &[u8] {
        self.bytes[self.key_at..self.key_at + key.len()].copy_from_slice(key);
        &self.bytes
    }
}

#[cfg(test)]
mod tests {
    use prost::Message as _;
    use rand::SeedableRng as _;
    use rand::rngs::SmallRng;

    use super::*;

    #[test]
    fn a_mix_is_read_and_picked_by_weight() {
        let mix: Mix = "add=3, get-hit ,find=6".parse().expect("a mix");
        let mut rng = SmallRng::seed_from_u64(1);
        let mut counts = [0_u32; 3];
        for _ in 0..10_000 {
            match mix.pick(&mut rng) {
                Op::Add => counts[0] += 1,
                Op::GetHit => counts[1] += 1,
                Op::Find => counts[2] += 1,
                other => panic!("{other:?} was not asked for"),
            }
        }
        assert!((2_800..3_200).contains(&counts[0]) && (5_800..6_200).contains(&counts[2]), "{counts:?}");
    }

    #[test]
    fn a_bad_mix_says_what_is_known() {
        for bad in ["", "adds=1", "add=0", "add=x", "add=-1"] {
            assert!(bad.parse::<Mix>().is_err(), "{bad:?}");
        }
        let error = "fnd".parse::<Mix>().expect_err("no such request");
        assert!(error.to_string().contains("find"), "{error}");
    }

    #[test]
    fn a_frame_holds_the_key_it_was_given() {
        let keypair = Keypair::generate_ed25519();
        let mut frames = Frames::new(&keypair, 5, 9, 10, 3).expect("frames");
        let add = Message::decode_length_delimited(frames.known(7)).expect("a message");
        assert_eq!(add.key, keys::key(9, Domain::Known, 7));
        assert_eq!(add.providers[0].addrs.len(), 5);
        assert_eq!(add.providers[0].id, keypair.public().to_peer_id().to_bytes());
        let mut rng = SmallRng::seed_from_u64(1);
        for (op, domain) in
            [(Op::Add, Domain::Fresh), (Op::GetMiss, Domain::Missing), (Op::Find, Domain::Missing)]
        {
            let message = Message::decode_length_delimited(frames.frame(op, &mut rng)).expect("a message");
            assert_eq!(message.kind, op.kind() as i32);
            let next = frames.next;
            assert_eq!(message.key, keys::key(9, domain, next));
        }
    }
}
