//! FIND_NODE: the peers closest to a key, the target itself first when we know where it is.

use libp2p::PeerId;

use crate::dht::closer::Closer;
use crate::dht::{Local, Served, Service};
use crate::routing::contacts::Contact;
use crate::routing::snapshot::Entry;
use crate::telemetry::Drop as Reason;
use crate::wire::message::reply_cluster_level;
use crate::wire::{Key256, Kind, Message, Reply};

/// kad-dht `handleFindPeer`: any key that is not empty; the reply carries no key. The
/// target goes first even when it is this head, the asker, or no DHT server at all.
pub(super) async fn handle(service: &Service, to: &Local, from: &Contact, request: &Message<'_>) -> Served {
    if request.key.is_empty() {
        return Served::Reset(Reason::RequestRefused);
    }
    let target = Key256::of(request.key);
    let elsewhere = elsewhere(service, &target, request.key).await;
    let mut reply = Reply::new(Kind::FindNode, &[], reply_cluster_level(request.cluster_level_raw));
    let table = service.table.snapshot();
    let mut closer = Closer::new(&mut reply, service.reply_max(from));
    let asked_for = table.get(&target).map(AsRef::as_ref).or(elsewhere.as_ref());
    match asked_for.filter(|entry| closer.write(entry)) {
        Some(entry) => closer.fill(&table, &target, &[&to.key, &from.key, &entry.key]),
        None => closer.fill(&table, &target, &[&to.key, &from.key]),
    }
    Served::Reply(reply.into_frame())
}

/// A target that is no DHT server: connected to a head now, or a provider of the last 24 h.
async fn elsewhere(service: &Service, target: &Key256, key: &[u8]) -> Option<Entry> {
    if service.table.snapshot().get(target).is_some() {
        return None;
    }
    let peer = PeerId::from_bytes(key).ok()?;
    let connected = service.contacts.addresses_of(&peer);
    let announced = service.belly.addresses_of(&peer).await;
    let addrs = match (connected, announced) {
        (Some(connected), Some(announced)) => connected.union(&announced),
        (connected, announced) => connected.or(announced)?,
    };
    Some(Entry::new(peer, addrs, false))
}
