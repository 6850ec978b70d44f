//! What a person looks for among the records: a key, a part of the keyspace, or a provider.

use data_encoding::HEXLOWER_PERMISSIVE;

use super::feed::Ask;
use crate::key;

/// The shortest digest of a multihash in hex that is not taken for the beginning of a key.
const DIGEST: u8 = 16;

/// What a text on the search line asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Sought {
    /// Nothing was typed.
    #[default]
    Nothing,
    /// One key: a CID or a multihash, as typed.
    Key(String),
    /// All keys that begin with these hex digits.
    Prefix(String),
    /// All keys of this provider.
    Provider(String),
}

impl Sought {
    /// What a text means.
    ///
    /// # Errors
    /// What it is not, and at which character.
    pub fn of(typed: &str) -> Result<Self, String> {
        let typed = typed.trim();
        if typed.is_empty() {
            return Ok(Self::Nothing);
        }
        if is_multihash(typed) {
            return Ok(Self::Key(typed.to_ascii_lowercase()));
        }
        if let Ok(digits) = key::prefix(typed) {
            return Ok(Self::Prefix(digits));
        }
        // a path below a CID names something in it; providers are of the CID
        let path = typed.strip_prefix("ipfs://").or_else(|| typed.strip_prefix("/ipfs/")).unwrap_or(typed);
        let name = path.split('/').next().unwrap_or(path);
        key::parse(name).map_err(|error| error.to_string())?;
        let is_peer = name.starts_with('1');
        Ok(if is_peer { Self::Provider(name.to_owned()) } else { Self::Key(name.to_owned()) })
    }

    /// The question to the daemon.
    #[must_use]
    pub fn ask(&self) -> Option<Ask> {
        match self.clone() {
            Self::Nothing => None,
            Self::Key(key) => Some(Ask::Record(key)),
            Self::Prefix(prefix) => Some(Ask::Records { prefix, provider: String::new() }),
            Self::Provider(provider) => Some(Ask::Records { prefix: String::new(), provider }),
        }
    }

    /// As one types it.
    #[must_use]
    pub fn text(&self) -> &str {
        match self {
            Self::Nothing => "",
            Self::Key(text) | Self::Prefix(text) | Self::Provider(text) => text,
        }
    }
}

/// The hex of a whole multihash, and not the beginning of a key.
fn is_multihash(typed: &str) -> bool {
    let Ok(bytes) = HEXLOWER_PERMISSIVE.decode(typed.as_bytes()) else { return false };
    cid::multihash::Multihash::<64>::from_bytes(&bytes).is_ok_and(|hash| hash.size() >= DIGEST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_a_key_a_prefix_or_a_provider() {
        let cid = crate::fixture::CID;
        let multihash = "12207c10350c685836cb2248e7072817994a62d897bd43871e0074e166e4f64d4a23";
        let peer = "12D3KooWSmYTxN4DR2BYdrkt7myJpMabvpcu8UYd7JbxedybLUPZ";
        for (typed, sought) in [
            (" ", Sought::Nothing),
            (cid, Sought::Key(cid.into())),
            (&format!("/ipfs/{cid}/a/b.txt"), Sought::Key(cid.into())),
            (multihash, Sought::Key(multihash.into())),
            ("8959F", Sought::Prefix("8959f".into())),
            ("1220", Sought::Prefix("1220".into())),
            (&multihash[4..], Sought::Prefix(multihash[4..].into())),
            (peer, Sought::Provider(peer.into())),
        ] {
            assert_eq!(Sought::of(typed), Ok(sought), "{typed}");
        }
    }

    #[test]
    fn a_text_that_is_none_says_where() {
        let error = Sought::of("bafybeid4ca2q!").expect_err("no key");
        assert_eq!(error, "not a CID: \"bafybeid4ca2q!\": '!' at character 14 is not base32");
        assert!(Sought::of("ipfs://").is_err());
    }
}
