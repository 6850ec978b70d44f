//! The rules, one by one, against vectors and made records.

mod garbage;
mod rules;
mod vectors;

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use libp2p::identity::Keypair;
use prost::Message;

use super::ipns::Entry;
use super::testing::{IpnsRecord, sign_data};
use super::{Choice, Invalid, MAX_SIZE, ipns_key, pk_key, select, validate};

const HOUR: Duration = Duration::from_secs(3600);

fn now() -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(1_800_000_000)
}

/// The same key in every run.
fn keypair(n: u8) -> Keypair {
    Keypair::ed25519_from_bytes([n; 32]).expect("32 bytes are a key")
}

fn record(sequence: u64, eol: SystemTime) -> IpnsRecord {
    IpnsRecord::new("/ipfs/bafkqaaa", sequence, eol)
}

fn signed(record: &IpnsRecord, key: &Keypair) -> Vec<u8> {
    record.sign(key).expect("signs")
}

fn check(key: &Keypair, value: &[u8]) -> Result<(), Invalid> {
    validate(&ipns_key(&key.public().to_peer_id()), value, now())
}
