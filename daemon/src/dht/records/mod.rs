//! Value records: which are valid, and which of two is kept.
//!
//! Owns the rules of the namespaces `/ipns/` and `/pk/`, the only two of the public
//! network. Pure functions on bytes from strangers: no storage, no rate limits (the
//! caller has a token bucket before the signature check), no clock of their own.

mod eol;
mod ipns;
mod pk;
pub mod testing;

#[cfg(test)]
mod tests;

use std::time::{Duration, SystemTime};

use libp2p::PeerId;

/// Most bytes of a value record (IPNS spec, "Record Size Limit").
pub const MAX_SIZE: usize = 10 << 10;

const IPNS: &[u8] = b"/ipns/";
const PK: &[u8] = b"/pk/";

/// Why a value record is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Invalid {
    #[error("the key is of neither namespace, /ipns/ nor /pk/")]
    Namespace,
    #[error("the key does not end in a peer id")]
    Name,
    #[error("the record has {0} bytes, more than 10 KiB")]
    Size(usize),
    #[error("the record is not a protobuf message of its kind")]
    Encoding,
    #[error("the record has no V2 signature")]
    NoSignature,
    #[error("the record has no signed data")]
    NoData,
    #[error("the signed data is not DAG-CBOR")]
    Cbor,
    #[error("the signed field {0} is missing or of the wrong kind")]
    Field(&'static str),
    #[error("the public key cannot be read")]
    PublicKey,
    #[error("the public key is neither in the record nor in the name")]
    NoPublicKey,
    #[error("the public key is not that of the name")]
    OtherKey,
    #[error("the signature does not fit the data")]
    Signature,
    #[error("the unsigned field {0} differs from the signed one")]
    Mismatch(&'static str),
    #[error("the validity is of an unknown type")]
    ValidityType,
    #[error("the end of validity is not an RFC 3339 time")]
    Validity,
    #[error("the record has expired")]
    Expired,
    #[error("the time to live is negative")]
    NegativeTtl,
}

/// Which record a key keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Choice {
    /// The new one replaces the old one.
    New,
    /// The old one stays; the new one is refused.
    Old,
    /// They are the same bytes: the old one is refreshed.
    Same,
}

/// Whether a record may be stored under a key.
///
/// # Errors
/// The first rule that it breaks.
pub fn validate(key: &[u8], value: &[u8], now: SystemTime) -> Result<(), Invalid> {
    if value.len() > MAX_SIZE {
        return Err(Invalid::Size(value.len()));
    }
    match namespace(key)? {
        Namespace::Ipns(name) => ipns::validate(&name, value, now),
        Namespace::Pk(name) => pk::validate(&name, value),
    }
}

/// Which of two records to keep; `new` has passed [`validate`], `old` once did.
///
/// An old record that expired or cannot be read does not defend its place.
#[must_use]
pub fn select(key: &[u8], new: &[u8], old: &[u8], now: SystemTime) -> Choice {
    if new == old {
        return Choice::Same;
    }
    match namespace(key) {
        Ok(Namespace::Ipns(_)) => ipns::select(new, old, now),
        // Both are the key of the name, so it does not matter (go-libp2p-record `PublicKeyValidator`).
        Ok(Namespace::Pk(_)) => Choice::New,
        Err(_) => Choice::Old,
    }
}

/// How long a record may be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lifetime {
    /// Fresh without asking again; `None` when the publisher does not say.
    pub ttl: Option<Duration>,
    /// The end of its validity.
    pub until: SystemTime,
}

/// How long an IPNS record may be used; `None` when it does not say so in a form that is known.
#[must_use]
pub fn lifetime(value: &[u8]) -> Option<Lifetime> {
    ipns::lifetime(value)
}

enum Namespace {
    Ipns(PeerId),
    Pk(PeerId),
}

fn namespace(key: &[u8]) -> Result<Namespace, Invalid> {
    let name = |bytes| PeerId::from_bytes(bytes).map_err(|_| Invalid::Name);
    if let Some(rest) = key.strip_prefix(IPNS) {
        name(rest).map(Namespace::Ipns)
    } else if let Some(rest) = key.strip_prefix(PK) {
        name(rest).map(Namespace::Pk)
    } else {
        Err(Invalid::Namespace)
    }
}

/// The DHT key of a peer's IPNS record.
#[must_use]
pub fn ipns_key(name: &PeerId) -> Vec<u8> {
    [IPNS, &name.to_bytes()].concat()
}

/// The DHT key of a peer's public key.
#[must_use]
pub fn pk_key(name: &PeerId) -> Vec<u8> {
    [PK, &name.to_bytes()].concat()
}
