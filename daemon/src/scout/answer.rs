//! What an answer of a peer says, taken with care: bounded, and addresses by the policy.

use std::collections::HashSet;

use libp2p::PeerId;

use crate::net::RpcError;
use crate::routing::{AddressPolicy, Table};
use crate::wire::bounds::MAX_CLOSER_READ;
use crate::wire::{AddrList, Message};

/// Reads an answer.
pub(super) fn read(body: &[u8]) -> Result<Message<'_>, RpcError> {
    Message::read(body).map_err(|_| RpcError::BadAnswer)
}

/// The peers that an answer names as closer, each once, with the addresses that may be
/// dialled or kept; of peers in the table those that they were verified with. Our own heads
/// are left out: they know what we know.
pub(super) fn closer(
    message: &Message<'_>,
    policy: AddressPolicy,
    table: &Table,
    me: &PeerId,
) -> Vec<(PeerId, AddrList)> {
    let mut seen = HashSet::new();
    let snapshot = table.snapshot();
    let named = message.closer_peers().take(MAX_CLOSER_READ).filter_map(|named| {
        let peer = named.peer_id().filter(|peer| peer != me && seen.insert(*peer))?;
        if let Some(known) = snapshot.get(&crate::wire::Key256::of_peer(&peer)) {
            return (!known.own).then(|| (peer, known.addrs.clone()));
        }
        let addrs = policy.admit(&peer, named.addrs());
        (!addrs.is_empty()).then_some((peer, addrs))
    });
    named.collect()
}
