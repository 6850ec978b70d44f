//! Records that others made: the vectors of the specification and of Kubo.

use cid::Cid;
use libp2p::PeerId;

use super::*;

/// The DHT key of a name as it stands in text: a CID or a base58 peer id.
fn key_of(name: &str) -> Vec<u8> {
    let bytes = match name.parse::<PeerId>() {
        Ok(peer) => peer.to_bytes(),
        Err(_) => name.parse::<Cid>().expect("a CID").hash().to_bytes(),
    };
    [b"/ipns/", &bytes[..]].concat()
}

macro_rules! fixture {
    ($name:literal, $what:literal) => {
        (key_of($name), &include_bytes!(concat!("../fixtures/", $name, $what, ".ipns-record"))[..])
    };
}

#[test]
fn the_vectors_of_the_spec_have_the_verdicts_of_the_spec() {
    let verdict = |(key, value): (Vec<u8>, &[u8])| validate(&key, value, now());
    let v1 = fixture!("k51qzi5uqu5dm4tm0wt8srkg9h9suud4wuiwjimndrkydqm81cqtlb5ak6p7ku", "_v1");
    assert_eq!(verdict(v1), Err(Invalid::NoSignature));
    let both = fixture!("k51qzi5uqu5dlkw8pxuw9qmqayfdeh4kfebhmreauqdc6a7c3y7d5i9fi8mk9w", "_v1-v2");
    assert_eq!(verdict(both), Ok(()));
    let broken_value =
        fixture!("k51qzi5uqu5dlmit2tuwdvnx4sbnyqgmvbxftl0eo3f33wwtb9gr7yozae9kpw", "_v1-v2-broken-v1-value");
    assert_eq!(verdict(broken_value), Err(Invalid::Mismatch("value")));
    let broken_v2 = fixture!(
        "k51qzi5uqu5diamp7qnnvs1p1gzmku3eijkeijs3418j23j077zrkok63xdm8c",
        "_v1-v2-broken-signature-v2"
    );
    assert_eq!(verdict(broken_v2), Err(Invalid::Signature));
    let broken_v1 = fixture!(
        "k51qzi5uqu5dilgf7gorsh9vcqqq4myo6jd4zmqkuy9pxyxi5fua3uf7axph4y",
        "_v1-v2-broken-signature-v1"
    );
    assert_eq!(verdict(broken_v1), Ok(()));
    let v2 = fixture!("k51qzi5uqu5dit2ku9mutlfgwyz8u730on38kd10m97m36bjt66my99hb6103f", "_v2");
    assert_eq!(verdict(v2), Ok(()));
}

#[test]
fn records_that_kubo_published_are_valid_under_their_own_name_only() {
    let ed25519 = fixture!("12D3KooWLQzUv2FHWGVPXTXSZpdHs7oHbXub2G5WC8Tx4NQhyd2d", "");
    let rsa = fixture!("QmVujd5Vb7moysJj8itnGufN7MEtPRCNHkKpNuA4onsRa3", "");
    assert_eq!(validate(&ed25519.0, ed25519.1, now()), Ok(()));
    assert_eq!(validate(&rsa.0, rsa.1, now()), Ok(()));
    assert_eq!(validate(&rsa.0, ed25519.1, now()), Err(Invalid::NoPublicKey));
    assert_eq!(validate(&ed25519.0, rsa.1, now()), Err(Invalid::OtherKey));
    let in_2124 = UNIX_EPOCH + Duration::from_secs(4_860_000_000);
    assert_eq!(validate(&rsa.0, rsa.1, in_2124), Err(Invalid::Expired));
}

#[test]
fn an_rsa_key_is_a_valid_record_under_its_hash() {
    let (name, value) = fixture!("QmVujd5Vb7moysJj8itnGufN7MEtPRCNHkKpNuA4onsRa3", "");
    let public = Entry::decode(value).expect("decodes").pub_key.expect("RSA keys are in the record");
    let key = [b"/pk/", &name[6..]].concat();
    assert_eq!(validate(&key, &public, now()), Ok(()));
    assert_eq!(validate(&key, &keypair(1).public().encode_protobuf(), now()), Err(Invalid::OtherKey));
}
