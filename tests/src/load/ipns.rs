//! IPNS records: making one, and checking one (ipfs/specs `ipns/ipns-record.md`).
//!
//! Owns the V2 signature, the DAG-CBOR document behind it, and "which is newer". An
//! implementation apart from the daemon's, so that the two check each other.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use libp2p::PeerId;
use libp2p::identity::{Keypair, PublicKey, SigningError};
use prost::Message as _;

const SIGNED_PREFIX: &[u8] = b"ipns-signature:";
const NAMESPACE: &[u8] = b"/ipns/";
/// Longest record, in bytes.
const MAX_RECORD: usize = 10 << 10;

/// `IpnsEntry`.
#[derive(Clone, PartialEq, Eq, prost::Message)]
struct Entry {
    #[prost(bytes = "bytes", tag = "1")]
    value: Bytes,
    #[prost(bytes = "bytes", tag = "2")]
    signature_v1: Bytes,
    #[prost(int32, tag = "3")]
    validity_type: i32,
    #[prost(bytes = "bytes", tag = "4")]
    validity: Bytes,
    #[prost(uint64, tag = "5")]
    sequence: u64,
    #[prost(uint64, tag = "6")]
    ttl: u64,
    #[prost(bytes = "bytes", tag = "7")]
    public_key: Bytes,
    #[prost(bytes = "bytes", tag = "8")]
    signature_v2: Bytes,
    #[prost(bytes = "bytes", tag = "9")]
    data: Bytes,
}

/// The DHT key of a peer's name.
#[must_use]
pub fn key_of(peer: &PeerId) -> Bytes {
    [NAMESPACE, &peer.to_bytes()].concat().into()
}

/// A signed V2 record that ends `lifetime` from now.
///
/// # Errors
/// When the key cannot sign.
pub fn record(
    keypair: &Keypair,
    value: &str,
    sequence: u64,
    lifetime: Duration,
) -> Result<Bytes, SigningError> {
    let ttl = Duration::from_secs(3600).as_nanos() as u64;
    let validity = rfc3339(SystemTime::now() + lifetime);
    let data = document(value.as_bytes(), validity.as_bytes(), sequence, ttl);
    let signature = keypair.sign(&[SIGNED_PREFIX, &data].concat())?;
    let entry = Entry { signature_v2: signature.into(), data: data.into(), ..Entry::default() };
    Ok(entry.encode_to_vec().into())
}

/// The sequence of a record that is signed by the owner of `key`; `None` when it is not,
/// or `key` is no IPNS name. A light peer keeps no clock: expiry is left to the reader.
#[must_use]
pub fn sequence_if_signed(key: &[u8], record: &[u8]) -> Option<u64> {
    let name = PeerId::from_bytes(key.strip_prefix(NAMESPACE)?).ok()?;
    if record.len() > MAX_RECORD {
        return None;
    }
    let entry = Entry::decode(record).ok()?;
    let inlined = name.as_ref().digest();
    let public = if entry.public_key.is_empty() { inlined } else { &entry.public_key[..] };
    let public = PublicKey::try_decode_protobuf(public).ok()?;
    let signed = [SIGNED_PREFIX, &entry.data].concat();
    if public.to_peer_id() != name || !public.verify(&signed, &entry.signature_v2) {
        return None;
    }
    sequence_of(&entry.data)
}

/// The five fields in DAG-CBOR's order: by length of the name, then by its bytes.
fn document(value: &[u8], validity: &[u8], sequence: u64, ttl: u64) -> Vec<u8> {
    let mut out = Vec::with_capacity(128);
    head(&mut out, 5, 5);
    for (name, field) in [
        ("TTL", Field::Number(ttl)),
        ("Value", Field::Bytes(value)),
        ("Sequence", Field::Number(sequence)),
        ("Validity", Field::Bytes(validity)),
        ("ValidityType", Field::Number(0)),
    ] {
        head(&mut out, 3, name.len() as u64);
        out.extend_from_slice(name.as_bytes());
        match field {
            Field::Number(n) => head(&mut out, 0, n),
            Field::Bytes(bytes) => {
                head(&mut out, 2, bytes.len() as u64);
                out.extend_from_slice(bytes);
            }
        }
    }
    out
}

enum Field<'a> {
    Number(u64),
    Bytes(&'a [u8]),
}

/// A CBOR head in its shortest form.
fn head(out: &mut Vec<u8>, major: u8, n: u64) {
    let major = major << 5;
    match n {
        0..24 => out.push(major | n as u8),
        24..0x100 => out.extend_from_slice(&[major | 24, n as u8]),
        0x100..0x1_0000 => {
            out.push(major | 25);
            out.extend_from_slice(&(n as u16).to_be_bytes());
        }
        0x1_0000..0x1_0000_0000 => {
            out.push(major | 26);
            out.extend_from_slice(&(n as u32).to_be_bytes());
        }
        _ => {
            out.push(major | 27);
            out.extend_from_slice(&n.to_be_bytes());
        }
    }
}

/// `Sequence` of a document: numbers, byte strings and text in one flat map.
fn sequence_of(mut data: &[u8]) -> Option<u64> {
    let (5, fields) = read_head(&mut data)? else { return None };
    for _ in 0..fields.min(32) {
        let (3, len) = read_head(&mut data)? else { return None };
        let (name, rest) = data.split_at_checked(usize::try_from(len).ok()?)?;
        data = rest;
        match read_head(&mut data)? {
            (0, n) if name == b"Sequence" => return Some(n),
            (0, _) => {}
            (2 | 3, len) => data = data.get(usize::try_from(len).ok()?..)?,
            _ => return None,
        }
    }
    None
}

fn read_head(data: &mut &[u8]) -> Option<(u8, u64)> {
    let (&first, rest) = data.split_first()?;
    let width = match first & 0x1f {
        n @ 0..24 => {
            *data = rest;
            return Some((first >> 5, u64::from(n)));
        }
        n @ 24..28 => 1 << (n - 24),
        _ => return None,
    };
    let (number, rest) = rest.split_at_checked(width)?;
    *data = rest;
    Some((first >> 5, number.iter().fold(0, |n, byte| n << 8 | u64::from(*byte))))
}

/// UTC, whole seconds. Civil date from days after Howard Hinnant's algorithm.
fn rfc3339(time: SystemTime) -> String {
    let seconds = time.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let (days, rest) = (seconds / 86_400, seconds % 86_400);
    let shifted = days + 719_468;
    let era = shifted / 146_097;
    let day_of_era = shifted % 146_097;
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    let (hour, minute, second) = (rest / 3600, rest / 60 % 60, rest % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.000000000Z")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_its_owners_and_nobody_elses() {
        let owner = Keypair::generate_ed25519();
        let key = key_of(&owner.public().to_peer_id());
        let bytes = record(&owner, "/ipfs/bafkqaaa", 70_000, Duration::from_secs(60)).expect("signed");
        assert_eq!(sequence_if_signed(&key, &bytes), Some(70_000));
        let other = key_of(&Keypair::generate_ed25519().public().to_peer_id());
        assert_eq!(sequence_if_signed(&other, &bytes), None);
        let mut forged = bytes.to_vec();
        let last = forged.len() - 1;
        forged[last] ^= 1;
        assert_eq!(sequence_if_signed(&key, &forged), None);
        assert_eq!(sequence_if_signed(b"/pk/x", &bytes), None);
    }

    #[test]
    fn dates_are_told_as_the_calendar_does() {
        for (seconds, text) in [
            (0, "1970-01-01T00:00:00.000000000Z"),
            (951_782_400, "2000-02-29T00:00:00.000000000Z"),
            (1_767_225_599, "2025-12-31T23:59:59.000000000Z"),
            (4_107_542_400, "2100-03-01T00:00:00.000000000Z"),
        ] {
            assert_eq!(rfc3339(UNIX_EPOCH + Duration::from_secs(seconds)), text);
        }
    }

    #[test]
    fn numbers_are_written_in_their_shortest_form() {
        for (n, bytes) in
            [(0, &[0][..]), (23, &[23]), (24, &[24, 24]), (256, &[25, 1, 0]), (65_536, &[26, 0, 1, 0, 0])]
        {
            let mut out = Vec::new();
            head(&mut out, 0, n);
            assert_eq!(out, bytes);
            assert_eq!(read_head(&mut &out[..]), Some((0, n)));
        }
    }
}
