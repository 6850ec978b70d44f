//! IPNS records written by hand after the specification, right or wrong as a test wants.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use libp2p::identity::{Keypair, SigningError};
use prost::Message as _;

/// The protobuf of an IPNS record (specs.ipfs.tech, "IPNS Record").
#[derive(Clone, PartialEq, prost::Message)]
pub struct Entry {
    /// Legacy copy of the value.
    #[prost(bytes = "vec", optional, tag = "1")]
    pub value: Option<Vec<u8>>,
    /// Legacy signature; never verified.
    #[prost(bytes = "vec", optional, tag = "2")]
    pub signature_v1: Option<Vec<u8>>,
    /// 0: end of life.
    #[prost(int32, optional, tag = "3")]
    pub validity_type: Option<i32>,
    /// RFC 3339 with nanoseconds.
    #[prost(bytes = "vec", optional, tag = "4")]
    pub validity: Option<Vec<u8>>,
    /// Sequence number.
    #[prost(uint64, optional, tag = "5")]
    pub sequence: Option<u64>,
    /// Nanoseconds.
    #[prost(uint64, optional, tag = "6")]
    pub ttl: Option<u64>,
    /// Protobuf of the public key, when the name does not contain it.
    #[prost(bytes = "vec", optional, tag = "7")]
    pub pub_key: Option<Vec<u8>>,
    /// Over `"ipns-signature:"` and `data`.
    #[prost(bytes = "vec", optional, tag = "8")]
    pub signature_v2: Option<Vec<u8>>,
    /// The signed DAG-CBOR document.
    #[prost(bytes = "vec", optional, tag = "9")]
    pub data: Option<Vec<u8>>,
}

/// What a record says.
#[derive(Clone, Debug)]
pub struct Says {
    /// A path such as `/ipfs/CID`.
    pub value: String,
    /// Higher wins.
    pub sequence: u64,
    /// RFC 3339, UTC.
    pub validity: String,
    /// Nanoseconds.
    pub ttl: u64,
}

impl Says {
    /// A value that holds for a day from now.
    #[must_use]
    pub fn new(value: &str, sequence: u64) -> Self {
        Self { value: value.to_owned(), sequence, validity: String::new(), ttl: 60_000_000_000 }
            .valid_for(Duration::from_secs(24 * 3600))
    }

    /// The same, valid for so long from now, in whole seconds.
    #[must_use]
    pub fn valid_for(mut self, time: Duration) -> Self {
        self.validity = rfc3339(SystemTime::now() + time);
        self
    }

    /// The same, expired an hour ago.
    #[must_use]
    pub fn expired(mut self) -> Self {
        self.validity = rfc3339(SystemTime::now() - Duration::from_secs(3600));
        self
    }

    /// A valid record with V2 and the legacy fields, as Kubo writes it.
    pub fn sign(&self, keys: &Keypair) -> Result<Entry, SigningError> {
        let mut entry = self.sign_v2(keys)?;
        let mut signed = self.value.clone().into_bytes();
        signed.extend_from_slice(self.validity.as_bytes());
        signed.push(0);
        entry.signature_v1 = Some(keys.sign(&signed)?);
        entry.value = Some(self.value.clone().into_bytes());
        entry.validity_type = Some(0);
        entry.validity = Some(self.validity.clone().into_bytes());
        entry.sequence = Some(self.sequence);
        entry.ttl = Some(self.ttl);
        Ok(entry)
    }

    /// A valid record with nothing but the V2 fields.
    pub fn sign_v2(&self, keys: &Keypair) -> Result<Entry, SigningError> {
        let data = self.cbor();
        let mut signed = b"ipns-signature:".to_vec();
        signed.extend_from_slice(&data);
        Ok(Entry { signature_v2: Some(keys.sign(&signed)?), data: Some(data), ..Entry::default() })
    }

    /// Canonical DAG-CBOR: map keys by length, then by bytes.
    fn cbor(&self) -> Vec<u8> {
        let mut out = vec![0xa5];
        text(&mut out, "TTL");
        head(&mut out, 0, self.ttl);
        text(&mut out, "Value");
        bytes(&mut out, self.value.as_bytes());
        text(&mut out, "Sequence");
        head(&mut out, 0, self.sequence);
        text(&mut out, "Validity");
        bytes(&mut out, self.validity.as_bytes());
        text(&mut out, "ValidityType");
        head(&mut out, 0, 0);
        out
    }
}

/// The DHT key of a name: `/ipns/` and the binary peer id.
#[must_use]
pub fn key(keys: &Keypair) -> Vec<u8> {
    let mut key = b"/ipns/".to_vec();
    key.extend_from_slice(&keys.public().to_peer_id().to_bytes());
    key
}

impl Entry {
    /// The record's bytes.
    #[must_use]
    pub fn bytes(&self) -> Vec<u8> {
        self.encode_to_vec()
    }
}

fn head(out: &mut Vec<u8>, major: u8, value: u64) {
    let major = major << 5;
    match value {
        0..=23 => out.push(major | value as u8),
        24..=0xff => out.extend([major | 24, value as u8]),
        0x100..=0xffff => {
            out.push(major | 25);
            out.extend((value as u16).to_be_bytes());
        }
        0x1_0000..=0xffff_ffff => {
            out.push(major | 26);
            out.extend((value as u32).to_be_bytes());
        }
        _ => {
            out.push(major | 27);
            out.extend(value.to_be_bytes());
        }
    }
}

fn text(out: &mut Vec<u8>, value: &str) {
    head(out, 3, value.len() as u64);
    out.extend_from_slice(value.as_bytes());
}

fn bytes(out: &mut Vec<u8>, value: &[u8]) {
    head(out, 2, value.len() as u64);
    out.extend_from_slice(value);
}

/// `2026-01-02T03:04:05.000000000Z`, the form of the reference implementations.
fn rfc3339(at: SystemTime) -> String {
    let seconds = at.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let (days, rest) = (seconds / 86_400, seconds % 86_400);
    // Days to a civil date, after Howard Hinnant's "chrono-Compatible Low-Level Date Algorithms".
    let z = days + 719_468;
    let era = z / 146_097;
    let doe = z % 146_097;
    let yoe = (doe - doe / 1460 + doe / 36_524 - doe / 146_096) / 365;
    let doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    let mp = (5 * doy + 2) / 153;
    let day = doy - (153 * mp + 2) / 5 + 1;
    let month = if mp < 10 { mp + 3 } else { mp - 9 };
    let year = yoe + era * 400 + u64::from(month <= 2);
    let (hour, minute, second) = (rest / 3600, rest / 60 % 60, rest % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.000000000Z")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_known_second_is_written_as_its_date() {
        let at = UNIX_EPOCH + Duration::from_secs(1_709_210_096);
        assert_eq!(rfc3339(at), "2024-02-29T12:34:56.000000000Z");
    }
}
