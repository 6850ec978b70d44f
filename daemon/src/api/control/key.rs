//! Keys of records: how an operator types them, and how they are shown.

use cid::Cid;
use cid::multihash::Multihash;
use data_encoding::{BASE32_NOPAD, HEXLOWER_PERMISSIVE};

use crate::belly::KeyPrefix;
use crate::wire::Key256;

/// Raw bytes: the codec of a CID that stands for a bare multihash.
const RAW: u8 = 0x55;

/// The first byte of a CID of this version.
const CID_V1: u8 = 1;

/// Multibase's mark of base32.
const BASE32: char = 'b';

/// CIDv1 with the raw codec; empty for a key that is no multihash.
pub(super) fn cid_raw(key: &[u8]) -> String {
    if Multihash::<64>::from_bytes(key).is_err() {
        return String::new();
    }
    // what `Cid` writes, in one go: lists of all records spell millions
    let mut cid = Vec::with_capacity(2 + key.len());
    cid.extend([CID_V1, RAW]);
    cid.extend_from_slice(key);
    let mut text = String::with_capacity(1 + cid.len() * 8 / 5 + 1);
    text.push(BASE32);
    BASE32_NOPAD.encode_append(&cid, &mut text);
    text.make_ascii_lowercase();
    text
}

/// The DHT key behind what an operator types: a CID, or a multihash in hex or base58btc.
pub(super) fn parse(text: &str) -> Result<Vec<u8>, String> {
    const LONGEST: usize = 256;
    let text = text.trim();
    if text.len() > LONGEST {
        return Err(format!("not a CID: {} characters", text.len()));
    }
    if let Ok(cid) = Cid::try_from(text) {
        return Ok(cid.hash().to_bytes());
    }
    let whole = |bytes: Vec<u8>| Multihash::<64>::from_bytes(&bytes).ok().map(|_| bytes);
    let hex = HEXLOWER_PERMISSIVE.decode(text.as_bytes()).ok().and_then(whole);
    // 'z' is multibase's mark of base58btc
    let base58 = || cid::multibase::decode(format!("z{text}")).ok().and_then(|(_, bytes)| whole(bytes));
    hex.or_else(base58)
        .ok_or_else(|| format!("not a CID: {text:?}\n  give a CID, or a multihash in hex or base58"))
}

/// The beginning of a place in the keyspace, as hex digits.
pub(super) fn prefix(hex: &str) -> Option<KeyPrefix> {
    if hex.is_empty() || hex.len() > 64 || !hex.is_ascii() {
        return None;
    }
    let padded = format!("{hex:0<64}");
    let bytes = HEXLOWER_PERMISSIVE.decode(padded.as_bytes()).ok()?;
    Some(KeyPrefix { key: Key256(bytes.try_into().ok()?), bits: 4 * hex.len() as u16 })
}

/// The place that an operator means: by its first hex digits, or of a key.
pub(super) fn place(text: &str) -> Result<Key256, String> {
    match prefix(text.trim()) {
        Some(prefix) => Ok(prefix.key),
        None => parse(text).map(|key| Key256::of(&key)),
    }
}

#[cfg(test)]
mod tests {
    use libp2p::PeerId;

    use super::*;

    const CID: &str = "bafkreid4ca2qy2cyg3fseshha4ubpgkkmlmjppkdq4paa5hbm3spmtkkem";

    #[test]
    fn a_key_may_be_typed_as_cid_hex_or_base58() {
        let hash = parse(CID).expect("a CID");
        assert_eq!(hash.len(), 34);
        assert_eq!(cid_raw(&hash), CID);
        assert_eq!(parse(&data_encoding::HEXLOWER.encode(&hash)), Ok(hash.clone()));
        let peer = PeerId::random();
        assert_eq!(parse(&peer.to_base58()), Ok(peer.to_bytes()));
        for length in [0, 1, 20, 33, 64] {
            let hash = Multihash::<64>::wrap(0, &vec![7; length]).expect("a multihash");
            assert_eq!(cid_raw(&hash.to_bytes()), Cid::new_v1(RAW.into(), hash).to_string());
        }
        assert_eq!(cid_raw(b"no multihash"), "");
        assert!(parse("bafybeid4ca2q!").is_err() && parse("").is_err() && parse(&"1".repeat(1000)).is_err());
    }

    #[test]
    fn a_place_is_its_first_digits_or_that_of_a_key() {
        assert_eq!(place("895").map(|place| place.0[..2].to_vec()), Ok(vec![0x89, 0x50]));
        let hash = parse(CID).expect("a CID");
        for text in [
            CID,
            &data_encoding::HEXLOWER.encode(&hash),
            &data_encoding::HEXLOWER.encode(&Key256::of(&hash).0),
        ] {
            assert_eq!(place(text), Ok(Key256::of(&hash)), "{text}");
        }
        assert!(place("").is_err() && place("xyz").is_err());
    }

    #[test]
    fn a_prefix_is_hex_of_any_length() {
        let odd = prefix("895").expect("a prefix");
        assert_eq!((odd.bits, odd.key.0[0], odd.key.0[1]), (12, 0x89, 0x50));
        assert!(prefix("xyz").is_none() && prefix(&"0".repeat(65)).is_none());
    }
}
