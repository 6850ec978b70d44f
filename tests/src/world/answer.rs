//! The six RPCs of a light peer: a message in, a message out, over its table and store.
//!
//! After Go's handlers (kad-dht `handlers.go`), without quotas, expiry or address policy,
//! but for one rule: only addresses within reach are kept.

use bytes::Bytes;
use libp2p::{Multiaddr, PeerId};

use super::peer::Mind;
use super::table::{K, Known, place};
use crate::load::guard::Reach;
use crate::load::ipns;
use crate::load::keys;
use crate::load::message::{Kind, Message, Peer};

/// Longest key of a provider record, in bytes.
const MAX_PROVIDER_KEY: usize = 80;

/// The stream is to be reset: the protocol has no other answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Refused;

/// Answers `from`. `Ok(None)` is an announcement taken.
pub(super) fn answer(mind: &Mind, from: PeerId, mut message: Message) -> Result<Option<Message>, Refused> {
    let kind = Kind::try_from(message.kind).map_err(|_| Refused)?;
    match kind {
        Kind::Ping => {
            message.closer.clear();
            message.providers.clear();
            return Ok(Some(message));
        }
        Kind::AddProvider => return announced(mind, from, message).map(|()| None),
        Kind::PutValue => return put(mind, message).map(Some),
        _ if message.key.is_empty() => return Err(Refused),
        Kind::GetProviders if message.key.len() > MAX_PROVIDER_KEY => return Err(Refused),
        _ => {}
    }
    let mut reply = Message::new(kind, Bytes::new());
    reply.cluster_level = message.cluster_level.max(1);
    let table = mind.table();
    // One more than is told, for the asker is among the closest to its own id.
    let closest = table.closest(&place(&message.key), K + 1);
    reply.closer = closest.iter().filter(|known| known.peer != from).take(K).map(told).collect();
    if kind == Kind::FindNode {
        if let Ok(target) = PeerId::from_bytes(&message.key) {
            let found = if target == mind.peer { mind.myself() } else { table.get(&target).cloned() };
            if let Some(known) = found {
                reply.closer.retain(|peer| peer.id != message.key);
                reply.closer.insert(0, told(&known));
            }
        }
        return Ok(Some(reply));
    }
    let store = mind.store();
    if kind == Kind::GetProviders {
        reply.providers = store.providers(&message.key);
    } else {
        reply.record = store.value(&message.key);
    }
    reply.key = message.key;
    Ok(Some(reply))
}

fn announced(mind: &Mind, from: PeerId, message: Message) -> Result<(), Refused> {
    if message.key.is_empty() || message.key.len() > MAX_PROVIDER_KEY {
        return Err(Refused);
    }
    let id = from.to_bytes();
    let mut taken = false;
    for mut provider in message.providers {
        if provider.id == id && !provider.addrs.is_empty() {
            provider.addrs.retain(|raw| is_within(mind.reach, raw));
            mind.store().announce(message.key.clone(), provider);
            taken = true;
        }
    }
    if taken { Ok(()) } else { Err(Refused) }
}

fn put(mind: &Mind, mut message: Message) -> Result<Message, Refused> {
    let record = message.record.clone().filter(|record| record.key == message.key).ok_or(Refused)?;
    let sequence = ipns::sequence_if_signed(&record.key, &record.value).ok_or(Refused)?;
    if !mind.store().put(record, sequence) {
        return Err(Refused);
    }
    message.closer.clear();
    message.providers.clear();
    Ok(message)
}

/// A peer as it stands in a reply.
fn told(known: &Known) -> Peer {
    keys::peer(&known.peer, &known.addrs, 0)
}

/// What a message says of a peer, addresses within reach only; `None` without any.
pub(super) fn heard(reach: Reach, peer: &Peer) -> Option<Known> {
    let id = PeerId::from_bytes(&peer.id).ok()?;
    let parse = |raw: &Bytes| Multiaddr::try_from(raw.to_vec()).ok();
    let addrs: Vec<_> = peer.addrs.iter().filter_map(parse).filter(|addr| reach.allows(addr)).collect();
    (!addrs.is_empty()).then(|| Known { peer: id, addrs, agent: String::new() })
}

fn is_within(reach: Reach, raw: &Bytes) -> bool {
    Multiaddr::try_from(raw.to_vec()).is_ok_and(|addr| reach.allows(&addr))
}

#[cfg(test)]
mod tests {
    use libp2p::identity::Keypair;
    use std::time::Duration;

    use super::*;

    fn mind() -> Mind {
        let mind = Mind::new(PeerId::random(), Reach::Loopback);
        for n in 1..=40 {
            let addr = format!("/ip4/127.0.0.1/tcp/{n}").parse().expect("a multiaddr");
            mind.table_mut().add(Known { peer: PeerId::random(), addrs: vec![addr], agent: "x".to_owned() });
        }
        mind
    }

    fn ask(mind: &Mind, from: PeerId, message: Message) -> Message {
        answer(mind, from, message).expect("an answer").expect("a reply")
    }

    #[test]
    fn find_node_names_the_target_first_and_never_the_asker_among_the_rest() {
        let mind = mind();
        let asker = mind.table().all().next().expect("an entry").peer;
        let reply = ask(&mind, asker, Message::new(Kind::FindNode, asker.to_bytes()));
        assert_eq!((reply.closer.len(), &reply.closer[0].id[..]), (21, &asker.to_bytes()[..]));
        let reply = ask(&mind, asker, Message::new(Kind::FindNode, &b"elsewhere"[..]));
        assert_eq!(reply.closer.len(), 20);
        assert!(reply.closer.iter().all(|peer| peer.id != asker.to_bytes()));
    }

    #[test]
    fn only_the_sender_can_announce_itself_and_only_loopback_is_kept() {
        let (mind, sender) = (mind(), PeerId::random());
        let addrs: Vec<Multiaddr> =
            ["/ip4/127.0.0.1/tcp/1", "/ip4/8.8.8.8/tcp/1"].map(|a| a.parse().expect("a multiaddr")).to_vec();
        let announce = |id: &PeerId| Message::announce(&b"key"[..], keys::peer(id, &addrs, 1));
        assert_eq!(answer(&mind, sender, announce(&PeerId::random())), Err(Refused));
        assert_eq!(answer(&mind, sender, announce(&sender)), Ok(None));
        let reply = ask(&mind, PeerId::random(), Message::new(Kind::GetProviders, &b"key"[..]));
        assert_eq!(reply.key, &b"key"[..]);
        let [provider] = &reply.providers[..] else { panic!("{} providers", reply.providers.len()) };
        assert_eq!(provider.addrs.len(), 1);
    }

    #[test]
    fn values_are_taken_from_their_owner_and_given_back() {
        let (mind, owner) = (mind(), Keypair::generate_ed25519());
        let key = ipns::key_of(&owner.public().to_peer_id());
        let record = ipns::record(&owner, "/ipfs/x", 1, Duration::from_secs(60)).expect("signed");
        let put = Message::put(key.clone(), record.clone());
        assert_eq!(ask(&mind, PeerId::random(), put.clone()), put);
        let reply = ask(&mind, PeerId::random(), Message::new(Kind::GetValue, key));
        assert_eq!(reply.record.map(|r| r.value), Some(record.clone()));
        let foreign = Message::put(ipns::key_of(&PeerId::random()), record);
        assert_eq!(answer(&mind, PeerId::random(), foreign), Err(Refused));
    }

    #[test]
    fn bad_keys_and_unknown_kinds_are_refused() {
        let (mind, from) = (mind(), PeerId::random());
        let mut unknown = Message::new(Kind::Ping, &b"k"[..]);
        unknown.kind = 99;
        for bad in [
            unknown,
            Message::new(Kind::FindNode, Bytes::new()),
            Message::new(Kind::GetProviders, vec![0; 81]),
            Message::default(),
        ] {
            assert_eq!(answer(&mind, from, bad.clone()), Err(Refused), "{bad:?}");
        }
    }
}
