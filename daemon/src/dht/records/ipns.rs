//! `/ipns/<peer id>`: signed pointers.
//!
//! Validation and selection in the order of the IPNS record spec ("Record
//! Verification") as boxo does it (`ipns/validation.go`, `ipns/record.go`).

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use ipld_core::ipld::Ipld;
use libp2p::PeerId;
use libp2p::identity::PublicKey;
use prost::Message;

use super::eol::Eol;
use super::{Choice, Invalid, Lifetime};

pub(super) const SIGNATURE_PREFIX: &[u8] = b"ipns-signature:";

/// Multihash code of an id that is the key itself.
const IDENTITY: u64 = 0;

/// `IpnsEntry` of the spec. 1 to 6 are copies for readers from before 2021, unsigned.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Entry {
    #[prost(bytes = "vec", optional, tag = "1")]
    pub(super) value: Option<Vec<u8>>,
    #[prost(bytes = "vec", optional, tag = "2")]
    pub(super) signature_v1: Option<Vec<u8>>,
    #[prost(int32, optional, tag = "3")]
    pub(super) validity_type: Option<i32>,
    #[prost(bytes = "vec", optional, tag = "4")]
    pub(super) validity: Option<Vec<u8>>,
    #[prost(uint64, optional, tag = "5")]
    pub(super) sequence: Option<u64>,
    #[prost(uint64, optional, tag = "6")]
    pub(super) ttl: Option<u64>,
    #[prost(bytes = "vec", optional, tag = "7")]
    pub(super) pub_key: Option<Vec<u8>>,
    #[prost(bytes = "vec", optional, tag = "8")]
    pub(super) signature_v2: Option<Vec<u8>>,
    #[prost(bytes = "vec", optional, tag = "9")]
    pub(super) data: Option<Vec<u8>>,
}

/// The signed fields.
struct Signed(BTreeMap<String, Ipld>);

impl Signed {
    fn parse(data: &[u8]) -> Result<Self, Invalid> {
        match serde_ipld_dagcbor::from_slice(data) {
            Ok(Ipld::Map(fields)) => Ok(Self(fields)),
            _ => Err(Invalid::Cbor),
        }
    }

    fn bytes(&self, name: &'static str) -> Result<&[u8], Invalid> {
        match self.0.get(name) {
            Some(Ipld::Bytes(bytes)) => Ok(bytes),
            _ => Err(Invalid::Field(name)),
        }
    }

    /// Go holds these as 64-bit integers with a sign.
    fn int(&self, name: &'static str) -> Result<i64, Invalid> {
        match self.0.get(name) {
            Some(Ipld::Integer(n)) => i64::try_from(*n).map_err(|_| Invalid::Field(name)),
            _ => Err(Invalid::Field(name)),
        }
    }

    fn sequence(&self) -> Result<u64, Invalid> {
        self.int("Sequence").map(i64::cast_unsigned)
    }

    fn eol(&self) -> Result<Eol, Invalid> {
        if self.int("ValidityType")? != 0 {
            return Err(Invalid::ValidityType);
        }
        Eol::parse(self.bytes("Validity")?).ok_or(Invalid::Validity)
    }
}

/// The size was checked by the caller, before anything is parsed.
pub(super) fn validate(name: &PeerId, value: &[u8], now: SystemTime) -> Result<(), Invalid> {
    let entry = Entry::decode(value).map_err(|_| Invalid::Encoding)?;
    let signature = present(entry.signature_v2.as_ref()).ok_or(Invalid::NoSignature)?;
    let data = present(entry.data.as_ref()).ok_or(Invalid::NoData)?;
    let key = public_key(&entry, name)?;
    let signed = Signed::parse(data)?;
    if !key.verify(&[SIGNATURE_PREFIX, data].concat(), signature) {
        return Err(Invalid::Signature);
    }
    if present(entry.signature_v1.as_ref()).or(present(entry.value.as_ref())).is_some() {
        unsigned_copies_match(&entry, &signed)?;
    }
    if !signed.eol()?.is_after(now) {
        return Err(Invalid::Expired);
    }
    // Only a hybrid record must have the field; but it is a count of nanoseconds.
    if signed.int("TTL").is_ok_and(|ttl| ttl < 0) {
        return Err(Invalid::NegativeTtl);
    }
    // Without it the record could never be compared with another.
    signed.sequence().map(|_| ())
}

/// An empty field is no field.
fn present(field: Option<&Vec<u8>>) -> Option<&[u8]> {
    field.map(Vec::as_slice).filter(|bytes| !bytes.is_empty())
}

fn public_key(entry: &Entry, name: &PeerId) -> Result<PublicKey, Invalid> {
    if let Some(bytes) = present(entry.pub_key.as_ref()) {
        let key = PublicKey::try_decode_protobuf(bytes).map_err(|_| Invalid::PublicKey)?;
        return if key.to_peer_id() == *name { Ok(key) } else { Err(Invalid::OtherKey) };
    }
    let hash = name.as_ref();
    if hash.code() != IDENTITY {
        return Err(Invalid::NoPublicKey);
    }
    PublicKey::try_decode_protobuf(hash.digest()).map_err(|_| Invalid::PublicKey)
}

fn unsigned_copies_match(entry: &Entry, signed: &Signed) -> Result<(), Invalid> {
    let check = |same: bool, name| if same { Ok(()) } else { Err(Invalid::Mismatch(name)) };
    let bytes = |field: &Option<Vec<u8>>| field.clone().unwrap_or_default();
    check(bytes(&entry.value) == signed.bytes("Value")?, "value")?;
    check(bytes(&entry.validity) == signed.bytes("Validity")?, "validity")?;
    let validity_type = i64::from(entry.validity_type.unwrap_or_default());
    check(validity_type == signed.int("ValidityType")?, "validityType")?;
    check(entry.sequence.unwrap_or_default() == signed.sequence()?, "sequence")?;
    check(entry.ttl.unwrap_or_default() == signed.int("TTL")?.cast_unsigned(), "ttl")
}

pub(super) fn lifetime(value: &[u8]) -> Option<Lifetime> {
    let entry = Entry::decode(value).ok()?;
    let signed = Signed::parse(entry.data.as_deref()?).ok()?;
    let ttl = signed.int("TTL").ok().and_then(|nanos| u64::try_from(nanos).ok()).filter(|nanos| *nanos > 0);
    Some(Lifetime { ttl: ttl.map(Duration::from_nanos), until: signed.eol().ok()?.time()? })
}

/// What records are compared by.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Rank {
    has_v2: bool,
    sequence: u64,
    eol: Eol,
}

fn rank(value: &[u8]) -> Result<Rank, Invalid> {
    let entry = Entry::decode(value).map_err(|_| Invalid::Encoding)?;
    let signed = Signed::parse(entry.data.as_deref().unwrap_or_default())?;
    let has_v2 = present(entry.signature_v2.as_ref()).is_some();
    Ok(Rank { has_v2, sequence: signed.sequence()?, eol: signed.eol()? })
}

pub(super) fn select(new: &[u8], old: &[u8], now: SystemTime) -> Choice {
    let Ok(new_rank) = rank(new) else { return Choice::Old };
    let Ok(old_rank) = rank(old) else { return Choice::New };
    if !old_rank.eol.is_after(now) {
        return Choice::New;
    }
    match new_rank.cmp(&old_rank).then_with(|| new.cmp(old)) {
        Ordering::Less => Choice::Old,
        Ordering::Equal => Choice::Same,
        Ordering::Greater => Choice::New,
    }
}
