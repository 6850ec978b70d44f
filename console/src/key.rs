//! Keys of records as one types them, checked here so that the message can point at the place.

use cid::Cid;

use crate::error::{Error, Kind};

const HINT: &str =
    "give a CID, a multihash (hex or base58), a key prefix with --key, or a peer id with --provider";

const BASE58: &str = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";

/// The key without what surrounds it in a URL.
///
/// # Errors
/// Usage: what is wrong with it, and where.
pub(super) fn parse(typed: &str) -> Result<&str, Error> {
    let key = typed.strip_prefix("ipfs://").or_else(|| typed.strip_prefix("/ipfs/")).unwrap_or(typed);
    let is_hex = key.len().is_multiple_of(2) && key.bytes().all(|byte| byte.is_ascii_hexdigit());
    let is_base58 = key.chars().all(|c| BASE58.contains(c));
    if !key.is_empty() && (is_hex || Cid::try_from(key).is_ok() || (is_base58 && is_multihash_text(key))) {
        return Ok(key);
    }
    Err(Error::new(Kind::Usage, format!("not a CID: \"{key}\": {}", fault(key))).hint(HINT))
}

/// Base58 text can only be a multihash: of a hash ("Qm…") or of a peer's key ("12D3…", "16U…").
fn is_multihash_text(key: &str) -> bool {
    key.starts_with("Qm") || key.starts_with('1')
}

/// What is wrong with a text that is no key: its first character that does not belong, else the
/// library's reason.
fn fault(key: &str) -> String {
    const BASE32: &str = "abcdefghijklmnopqrstuvwxyz234567";
    const BASE36: &str = "0123456789abcdefghijklmnopqrstuvwxyz";
    const HEX: &str = "0123456789abcdef";
    let (alphabet, name, from) = match key.chars().next() {
        None => return "it is empty".to_owned(),
        Some('b') => (BASE32, "base32", 1),
        Some('k') => (BASE36, "base36", 1),
        Some('f') => (HEX, "hexadecimal", 1),
        Some('z') => (BASE58, "base58", 1),
        Some('Q' | '1') => (BASE58, "base58", 0),
        Some(c) => return format!("'{c}' at character 1 begins no CID"),
    };
    match key.chars().enumerate().skip(from).find(|(_, c)| !alphabet.contains(*c)) {
        Some((at, c)) => format!("'{c}' at character {} is not {name}", at + 1),
        None => match Cid::try_from(key) {
            Err(cid::Error::InputTooShort) => "it is too short".to_owned(),
            Err(error) => error.to_string().to_lowercase(),
            Ok(_) => "it is no multihash".to_owned(),
        },
    }
}

/// Checks a place in the keyspace: its first hex digits, or a key that has its place there.
///
/// # Errors
/// What is wrong with it, and where.
pub(super) fn place(typed: &str) -> Result<String, String> {
    match prefix(typed) {
        Ok(digits) if !digits.is_empty() => Ok(digits),
        _ => parse(typed).map(str::to_owned).map_err(|error| error.to_string()),
    }
}

/// Checks the hex digits of a key's beginning.
///
/// # Errors
/// Usage: the character that is none.
pub(super) fn prefix(typed: &str) -> Result<String, String> {
    const MOST: usize = 64;
    let text = typed.to_ascii_lowercase();
    match text.chars().enumerate().find(|(_, c)| !c.is_ascii_hexdigit()) {
        Some((at, c)) => Err(format!("'{c}' at character {} is not hexadecimal", at + 1)),
        None if text.len() > MOST => Err(format!("{} digits; a key has {MOST}", text.len())),
        None => Ok(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_of_a_key_is_accepted() {
        for key in [
            crate::fixture::CID,
            "/ipfs/bafybeid4ca2qy2cyg3fseshha4ubpgkkmlmjppkdq4paa5hbm3spmtkkem",
            "QmWATWQ7fVPP2EFGu71UkfnqhYXDYH566qy47CnJDgvs8u",
            "12207c10350c685836cb2248e7072817994a62d897bd43871e0074e166e4f64d4a23",
            "12D3KooWSmYTxN4DR2BYdrkt7myJpMabvpcu8UYd7JbxedybLUPZ",
        ] {
            assert!(parse(key).is_ok(), "{key}");
        }
    }

    #[test]
    fn the_first_wrong_character_is_named_with_its_place() {
        let fault = |key: &str| parse(key).expect_err("not a key").to_string();
        assert_eq!(
            fault("bafybeid4ca2q!"),
            "not a CID: \"bafybeid4ca2q!\": '!' at character 14 is not base32"
        );
        assert_eq!(fault("QmO"), "not a CID: \"QmO\": 'O' at character 3 is not base58");
        assert_eq!(fault("?"), "not a CID: \"?\": '?' at character 1 begins no CID");
        assert_eq!(fault(""), "not a CID: \"\": it is empty");
        assert_eq!(fault("b\x1b[2J"), "not a CID: \"b\u{fffd}[2J\": '\u{fffd}' at character 2 is not base32");
        assert!(fault("bafy").starts_with("not a CID: \"bafy\": "));
    }

    #[test]
    fn a_place_is_typed_by_its_first_digits_or_as_a_key() {
        assert_eq!(place("7B2").as_deref(), Ok("7b2"));
        assert_eq!(place(crate::fixture::CID).as_deref(), Ok(crate::fixture::CID));
        let multihash = "12207c10350c685836cb2248e7072817994a62d897bd43871e0074e166e4f64d4a23";
        assert_eq!(place(multihash).as_deref(), Ok(multihash));
        assert!(place("").is_err() && place("bafybeid4ca2q!").is_err() && place("xyz").is_err());
    }

    #[test]
    fn a_key_prefix_is_hex() {
        assert_eq!(prefix("8959F").as_deref(), Ok("8959f"));
        assert_eq!(prefix("89x9"), Err("'x' at character 3 is not hexadecimal".to_owned()));
        assert!(prefix(&"0".repeat(65)).is_err());
    }
}
