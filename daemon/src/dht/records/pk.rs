//! `/pk/<peer id>`: a public key under its own hash (go-libp2p-record `pubkey.go`).

use libp2p::PeerId;
use libp2p::identity::PublicKey;

use super::Invalid;

pub(super) fn validate(name: &PeerId, value: &[u8]) -> Result<(), Invalid> {
    let key = PublicKey::try_decode_protobuf(value).map_err(|_| Invalid::PublicKey)?;
    if key.to_peer_id() == *name { Ok(()) } else { Err(Invalid::OtherKey) }
}
