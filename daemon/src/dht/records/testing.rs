//! Makes IPNS records, valid ones and broken ones, for tests of this crate and others.
//!
//! The daemon itself never signs one: the names are other people's.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use ipld_core::ipld::Ipld;
use libp2p::identity::{Keypair, SigningError};
use prost::Message;

use super::ipns::{Entry, SIGNATURE_PREFIX};

/// The contents of an IPNS record to sign.
#[derive(Debug, Clone)]
pub struct IpnsRecord {
    pub value: Vec<u8>,
    pub sequence: u64,
    /// RFC 3339.
    pub validity: String,
    pub validity_type: i64,
    /// Nanoseconds.
    pub ttl: i64,
    /// Also the unsigned copies of the fields, as publishers still send them.
    pub hybrid: bool,
}

impl IpnsRecord {
    /// A record that is valid until `eol`.
    #[must_use]
    pub fn new(value: impl Into<Vec<u8>>, sequence: u64, eol: SystemTime) -> Self {
        let validity = jiff::Timestamp::try_from(eol).unwrap_or(jiff::Timestamp::MAX).to_string();
        let ttl = i64::try_from(Duration::from_secs(300).as_nanos()).unwrap_or(i64::MAX);
        Self { value: value.into(), sequence, validity, validity_type: 0, ttl, hybrid: true }
    }

    /// The record's bytes. The public key goes in when the name does not hold it.
    ///
    /// # Errors
    /// The key cannot sign.
    pub fn sign(&self, key: &Keypair) -> Result<Vec<u8>, SigningError> {
        self.entry(key).map(|entry| entry.encode_to_vec())
    }

    pub(super) fn entry(&self, key: &Keypair) -> Result<Entry, SigningError> {
        let fields = BTreeMap::from([
            ("Value".to_owned(), Ipld::Bytes(self.value.clone())),
            ("Validity".to_owned(), Ipld::Bytes(self.validity.clone().into())),
            ("ValidityType".to_owned(), Ipld::Integer(self.validity_type.into())),
            ("Sequence".to_owned(), Ipld::Integer(self.sequence.cast_signed().into())),
            ("TTL".to_owned(), Ipld::Integer(self.ttl.into())),
        ]);
        // A map of strings, bytes and integers always encodes.
        let data = serde_ipld_dagcbor::to_vec(&Ipld::Map(fields)).unwrap_or_default();
        let mut entry = sign_data(data, key)?;
        if self.hybrid {
            entry.value = Some(self.value.clone());
            entry.validity = Some(self.validity.clone().into());
            entry.validity_type = i32::try_from(self.validity_type).ok();
            entry.sequence = Some(self.sequence);
            entry.ttl = Some(self.ttl.cast_unsigned());
            let validity_type = self.validity_type.to_string();
            let v1 = [&self.value[..], self.validity.as_bytes(), validity_type.as_bytes()];
            entry.signature_v1 = Some(key.sign(&v1.concat())?);
        }
        Ok(entry)
    }
}

/// Any bytes as the signed data of a record.
pub(super) fn sign_data(data: Vec<u8>, key: &Keypair) -> Result<Entry, SigningError> {
    let public = key.public();
    let inlined = public.to_peer_id().as_ref().code() == 0;
    Ok(Entry {
        signature_v2: Some(key.sign(&[SIGNATURE_PREFIX, &data].concat())?),
        pub_key: (!inlined).then(|| public.encode_protobuf()),
        data: Some(data),
        ..Entry::default()
    })
}
