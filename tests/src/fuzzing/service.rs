//! The whole DHT service: requests of several askers to several heads over one store.

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use futures::FutureExt as _;
use hydrad::dht::{Config, Local, Served, Service};
use hydrad::routing::contacts::{Contact, Contacts, Side};
use hydrad::routing::groups::{GROUP_MAX, groups_of};
use hydrad::routing::table::{Found, Table};
use hydrad::wire::bounds::{K, MAX_OWN_HEADS, REPLY_MAX, REPLY_MAX_RUST};
use hydrad::wire::frame::{Cut, cut};
use hydrad::wire::message::reply_cluster_level;
use hydrad::wire::{AddrList, Key256, Kind, Message};
use libp2p::identity::Keypair;
use libp2p::swarm::ConnectionId;
use libp2p::{Multiaddr, PeerId};
use prost::Message as _;

use super::belly::MapBelly;
use super::{byte, piece};
use crate::raw::message::{Message as Schema, Peer};

/// The heads and askers that there are; keys are the same in every run.
const HEADS: usize = 3;
const ASKERS: usize = 3;
const SERVERS: usize = 60;

/// Most requests of one input.
const MAX_REQUESTS: usize = 32;

/// What does not change: made once.
struct Cast {
    heads: Vec<PeerId>,
    askers: Vec<PeerId>,
    table: Arc<Table>,
    contacts: Arc<Contacts>,
}

static CAST: LazyLock<Cast> = LazyLock::new(|| {
    let table = Table::default();
    for n in 0..SERVERS {
        // few groups, so that they fill; every second server is in two
        let list = [format!("/ip4/5.{}.7.{n}/tcp/4001", n % 9), format!("/ip4/6.7.{n}.8/udp/1/quic-v1")];
        let addrs = addrs(&list[..1 + n % 2]);
        table.put(peer(n), Found::at(addrs)).expect("there is room");
    }
    let heads: Vec<PeerId> = (100..100 + HEADS).map(peer).collect();
    for head in &heads {
        table.put_own(*head, addrs(&["/ip4/9.9.9.9/tcp/3001"]));
    }
    // a client that is connected, and nothing else
    let contacts = Contacts::default();
    contacts.opened(contact(9, peer(300)));
    contacts.identified(&peer(300), "kubo", "", addrs(&["/ip4/8.8.8.8/tcp/4001"]));
    // the last asker is a server too
    let askers: Vec<PeerId> = (200..200 + ASKERS - 1).map(peer).chain([peer(7)]).collect();
    Cast { heads, askers, table: Arc::new(table), contacts: Arc::new(contacts) }
});

fn peer(n: usize) -> PeerId {
    let mut secret = [7; 32];
    secret[..8].copy_from_slice(&n.to_be_bytes());
    Keypair::ed25519_from_bytes(secret).expect("32 bytes are a key").public().to_peer_id()
}

/// Who asks in [`service_handle`] when the first byte is `n`; seeds need to know.
#[must_use]
pub fn asker(n: usize) -> PeerId {
    CAST.askers[n % ASKERS]
}

fn addrs(list: &[impl AsRef<str>]) -> AddrList {
    let list: Vec<Multiaddr> = list.iter().map(|text| text.as_ref().parse().expect("a multiaddr")).collect();
    list.iter().collect()
}

/// Sends request after request: a byte that says who asks whom, then the message's length in
/// two bytes, then the message.
pub fn service_handle(mut data: &[u8]) {
    let config = Config { validations_per_second: 1e9, ..Config::default() };
    let cast = &*CAST;
    let belly = Arc::new(MapBelly::default());
    let service = Service::new(config, belly, Arc::clone(&cast.table), Arc::clone(&cast.contacts));
    let heads: Vec<Local> = (0u32..).zip(&cast.heads).map(|(index, peer)| Local::new(index, *peer)).collect();
    // the second one reads short replies only
    let contacts = Contacts::default();
    let askers: Vec<Arc<Contact>> =
        cast.askers.iter().enumerate().map(|(n, peer)| contact(n, *peer)).collect();
    contacts.opened(Arc::clone(&askers[1]));
    contacts.identified(&askers[1].peer, "rust-libp2p/0.57", "", AddrList::default());
    for _ in 0..MAX_REQUESTS {
        if data.is_empty() {
            break;
        }
        let who = usize::from(byte(&mut data));
        let (from, to) = (&askers[who % ASKERS], &heads[who / ASKERS % HEADS]);
        let raw = piece(&mut data);
        let Ok(request) = Message::read(raw) else { continue };
        // nothing in here waits: the store answers at once
        let served = service.handle(to, from, request).now_or_never().expect("answered at once");
        check(&request, raw, to, from, served);
    }
}

fn contact(n: usize, peer: PeerId) -> Arc<Contact> {
    let remote = "/ip4/10.0.0.1/tcp/1".parse().expect("a multiaddr");
    Arc::new(Contact::new(ConnectionId::new_unchecked(n), peer, Side::Head(0), true, remote))
}

fn check(request: &Message<'_>, raw: &[u8], to: &Local, from: &Contact, served: Served) {
    let frame = match (request.kind, served) {
        (None | Some(Kind::AddProvider), Served::Reply(_)) => panic!("answered: {request:?}"),
        (Some(Kind::AddProvider), Served::Silent) | (_, Served::Reset(_)) => return,
        (_, Served::Silent) => panic!("not answered: {request:?}"),
        (_, Served::Reply(frame)) => frame,
    };
    let frame = frame.as_ref();
    let Ok(Cut::Whole { start, end }) = cut(frame) else { panic!("no frame: {frame:02x?}") };
    assert_eq!(end, frame.len());
    let body = &frame[start..];
    if matches!(request.kind, Some(Kind::Ping | Kind::PutValue)) {
        assert_eq!(body, request.echo());
        return;
    }
    let reply = Schema::decode(body).expect("a reply is a message");
    assert_eq!(Some(reply.kind), request.kind.map(|kind| kind as i32));
    assert_eq!(reply.cluster_level_raw, reply_cluster_level(request.cluster_level_raw));
    let echoed = if request.kind == Some(Kind::FindNode) { &[] } else { request.key };
    assert_eq!(reply.key, echoed);
    let limit = if from.small_replies() { REPLY_MAX_RUST } else { REPLY_MAX };
    let record = reply.record.as_ref().map_or(0, prost::Message::encoded_len);
    assert!(body.len() <= limit.max(raw.len() + record + 16), "{} bytes", body.len());
    check_closer(request, &reply.closer, to, from);
}

fn check_closer(request: &Message<'_>, closer: &[Peer], to: &Local, from: &Contact) {
    let target = (request.kind == Some(Kind::FindNode)).then_some(request.key);
    let first = closer.first().is_some_and(|peer| target == Some(&peer.id[..]));
    assert!(closer.len() <= K + usize::from(first));
    let mut groups = BTreeMap::new();
    let (mut own, mut last) = (0, None);
    let place = Key256::of(request.key);
    for (n, peer) in closer.iter().enumerate() {
        assert!(!peer.addrs.is_empty(), "a peer that nobody can reach");
        let id = PeerId::from_bytes(&peer.id).expect("an id");
        own += usize::from(CAST.heads.contains(&id));
        for group in groups_of(&AddrList::from_raw(peer.addrs.iter().map(Vec::as_slice))).iter() {
            *groups.entry(group).or_insert(0) += 1;
        }
        if n == 0 && first {
            continue;
        }
        assert!(id != to.peer && id != from.peer && target != Some(&peer.id[..]));
        // of a value it may be 0: any key may be asked for
        let distance = Some(Key256::of(&peer.id).distance(&place));
        assert!(distance > last, "{n} of {}: {id} is no further than the one before it", closer.len());
        last = distance;
    }
    assert!(own <= MAX_OWN_HEADS);
    assert!(groups.values().all(|count| *count <= GROUP_MAX), "{groups:?}");
}
