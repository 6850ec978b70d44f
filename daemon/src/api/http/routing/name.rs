//! What stands in paths: CIDs, peer ids and keys, as clients write them.

use cid::Cid;
use libp2p::PeerId;

use crate::api::http::Refusal;
use crate::belly::MAX_PROVIDER_KEY;

/// Longest text that is read: reading base58 takes time by the square of its length. A CID of
/// the longest key in base 2 is longer, but nobody writes it.
const MAX_TEXT: usize = 256;

/// The codec of a key of libp2p.
const LIBP2P_KEY: u64 = 0x72;

/// The DHT's key of a CID: its multihash.
pub(super) fn multihash(text: &str) -> Result<Vec<u8>, Refusal> {
    let cid = cid(text)?;
    let key = cid.hash().to_bytes();
    match key.len() <= MAX_PROVIDER_KEY {
        true => Ok(key),
        false => Err(wrong("CID", text, "its multihash is longer than 80 bytes")),
    }
}

/// A peer id, or a CID of one; whatever its codec, as boxo reads it.
pub(super) fn peer(text: &str) -> Result<PeerId, Refusal> {
    short(text)?;
    text.parse().or_else(|_| peer_of(&cid(text)?, text))
}

/// The same with the one codec that a name has.
pub(super) fn ipns(text: &str) -> Result<PeerId, Refusal> {
    short(text)?;
    text.parse().or_else(|_| {
        let cid = cid(text)?;
        match cid.codec() {
            LIBP2P_KEY => peer_of(&cid, text),
            _ => Err(wrong("IPNS name", text, "its codec is not libp2p-key")),
        }
    })
}

/// The DHT's key of a CID or a peer id: both are multihashes.
pub(super) fn key(text: &str) -> Result<Vec<u8>, Refusal> {
    short(text)?;
    text.parse().map(|peer: PeerId| peer.to_bytes()).or_else(|_| multihash(text))
}

fn short(text: &str) -> Result<(), Refusal> {
    match text.len() <= MAX_TEXT {
        true => Ok(()),
        false => {
            Err(Refusal::bad_request(format!("the last part of the path has {} bytes, too many", text.len())))
        }
    }
}

fn cid(text: &str) -> Result<Cid, Refusal> {
    short(text)?;
    Cid::try_from(text).map_err(|error| wrong("CID", text, &error.to_string()))
}

fn peer_of(cid: &Cid, text: &str) -> Result<PeerId, Refusal> {
    PeerId::from_bytes(&cid.hash().to_bytes()).map_err(|_| wrong("peer id", text, "its hash is of no key"))
}

fn wrong(what: &str, text: &str, why: &str) -> Refusal {
    Refusal::bad_request(format!("{text:?} is no {what}: {why}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PEER: &str = "12D3KooWD3eckifWpRn9wQpMG9R9hX3sD158z7EqHWmweQAJU5SA";
    const RSA: &str = "QmYyQSo1c1Ym7orWxLYvCrM2EmxFTANf8wXmmE7DWjhx5N";

    #[test]
    fn a_key_is_the_same_however_it_is_written() {
        let id: PeerId = PEER.parse().expect("a peer id");
        let of = |codec, base| {
            let hash = cid::multihash::Multihash::from_bytes(&id.to_bytes()).expect("a multihash");
            Cid::new_v1(codec, hash).to_string_of_base(base).expect("text")
        };
        let base36 = of(LIBP2P_KEY, cid::multibase::Base::Base36Lower);
        let base32 = of(LIBP2P_KEY, cid::multibase::Base::Base32Lower);
        let raw = of(0x55, cid::multibase::Base::Base32Lower);
        for text in [PEER, &base36, &base32] {
            assert_eq!((peer(text).ok(), ipns(text).ok()), (Some(id), Some(id)), "{text}");
            assert_eq!(key(text).ok(), Some(id.to_bytes()), "{text}");
        }
        assert_eq!(peer(&raw).ok(), Some(id));
        ipns(&raw).expect_err("the codec of bytes");
        assert_eq!(peer(RSA).map(|id| id.to_string()).ok().as_deref(), Some(RSA));
        assert_eq!(key(RSA).ok(), multihash(RSA).ok());
    }

    #[test]
    fn what_is_no_name_is_refused_with_a_reason() {
        for text in ["", "x", "bafy", "../../etc", &"Q".repeat(46), &"1".repeat(5000)] {
            for status in [
                multihash(text).expect_err(text).status(),
                peer(text).expect_err(text).status(),
                ipns(text).expect_err(text).status(),
                key(text).expect_err(text).status(),
            ] {
                assert_eq!(status, 400, "{text}");
            }
        }
        // content, not a peer
        peer("bafkreidcd7frenco2m6ch7mny63wztgztv3q6fctaffgowkro6kljre5ei")
            .expect("a sha2-256 hash may be one");
    }

    proptest::proptest! {
        #[test]
        fn reading_never_panics(text in "\\PC*") {
            drop((multihash(&text), peer(&text), ipns(&text), key(&text)));
        }
    }
}
