//! Frames, messages and addresses.

use hydrad::routing::groups::{GROUP_MAX, ReplyGroups, groups_of};
use hydrad::routing::policy::{AddressPolicy, order_for_reply};
use hydrad::wire::addrs::{MAX_ADDRS, MAX_ADDRS_BYTES};
use hydrad::wire::bounds::{MAX_MESSAGE, MAX_PEER_RECORD, MAX_PREFIX};
use hydrad::wire::class::{Transport, class};
use hydrad::wire::field::put_varint;
use hydrad::wire::frame::{Cut, cut};
use hydrad::wire::message::encode_peer;
use hydrad::wire::{AddrList, Message};
use libp2p::{Multiaddr, PeerId};
use prost::Message as _;

use super::piece;
use crate::raw::message::{Message as Schema, Peer as SchemaPeer};

/// Cuts frame after frame; every beginning of a frame asks for more, and never for too much.
pub fn frame_cut(mut stream: &[u8]) {
    while let Ok(found) = cut(stream) {
        let Cut::Whole { start, end } = found else {
            let Cut::More { needed } = found else { unreachable!("whole or more") };
            assert!(needed > stream.len() && needed <= MAX_PREFIX + MAX_MESSAGE, "{needed}");
            return;
        };
        let mut prefix = Vec::new();
        put_varint(&mut prefix, (end - start) as u64);
        assert_eq!(prefix, &stream[..start], "only the minimal form is read");
        for shorter in [0, 1, start / 2, start, (start + end) / 2, end - 1] {
            if shorter < end {
                let part = cut(&stream[..shorter]);
                assert!(matches!(part, Ok(Cut::More { needed }) if needed > shorter && needed <= end));
            }
        }
        stream = &stream[end..];
    }
    for longer in 1..4 {
        let more = [stream, &[0; 3][..longer]].concat();
        assert_eq!(cut(&more).err(), cut(stream).err(), "what is refused stays refused");
    }
}

/// Reads a message and its peers, writes its echo, and asks prost whether it says the same.
pub fn message_read(raw: &[u8]) {
    let schema = Schema::decode(raw).ok();
    let Ok(message) = Message::read(raw) else {
        // prost nests groups deeper than we do
        let groups = raw.iter().filter(|byte| **byte & 7 == 3).count();
        assert!(schema.is_none() || groups >= 32, "prost reads what we refuse: {schema:?}");
        return;
    };
    for peer in message.closer_peers().chain(message.provider_peers()) {
        let bytes: usize = peer.addrs().map(<[u8]>::len).sum();
        assert!(bytes <= MAX_PEER_RECORD);
        if let Some(id) = peer.peer_id() {
            let list = AddrList::from_raw(peer.addrs());
            let again = SchemaPeer::decode(&encode_peer(&id, &list)[..]).expect("we write messages");
            assert_eq!(again.id, id.to_bytes());
            assert!(list.iter().eq(again.addrs.iter().map(Vec::as_slice)));
        }
    }
    let echo = message.echo();
    let echoed = Message::read(&echo).expect("an echo is a message");
    assert_eq!(echoed.closer_peers().chain(echoed.provider_peers()).count(), 0);
    assert_eq!((echoed.kind, echoed.key, echoed.record), (message.kind, message.key, message.record));
    assert_eq!(echoed.cluster_level_raw, message.cluster_level_raw);
    assert_eq!(echoed.echo(), echo);
    let Some(schema) = schema else { return };
    assert_eq!(message.kind.map(|kind| kind as i32), (0..6).contains(&schema.kind).then_some(schema.kind));
    assert_eq!((message.key, message.cluster_level_raw), (&schema.key[..], schema.cluster_level_raw));
    let record = schema.record.as_ref().map(|record| (&record.key[..], &record.value[..]));
    assert_eq!(message.record.map(|record| (record.key, record.value)), record);
    let ids = |peers: &[SchemaPeer]| peers.iter().map(|peer| peer.id.clone()).collect::<Vec<_>>();
    assert!(message.closer_peers().map(|peer| peer.id).eq(ids(&schema.closer)));
    assert!(message.provider_peers().map(|peer| peer.id).eq(ids(&schema.providers)));
}

/// Judges addresses, alone and as those of one peer.
pub fn addr_class_admit(mut data: &[u8]) {
    let me: PeerId =
        "12D3KooWSmYTxN4DR2BYdrkt7myJpMabvpcu8UYd7JbxedybLUPZ".parse().expect("an id of our own");
    let mut addrs = vec![data];
    while !data.is_empty() && addrs.len() < 80 {
        addrs.push(piece(&mut data));
    }
    for raw in &addrs {
        let Some(class) = class(raw) else { continue };
        let (bare, id) = class.split(raw);
        assert!(raw.starts_with(bare) && id.is_some() == class.peer);
        assert!(id.is_none_or(|id| raw.ends_with(id)));
        // what we name we understood, and so does who dials
        if class.transport != Transport::Other && class.transport != Transport::Relay {
            let parsed = Multiaddr::try_from(raw.to_vec());
            assert!(parsed.is_ok(), "{:?} is no multiaddr: {raw:02x?}", class.transport);
        }
    }
    for policy in [AddressPolicy::Public, AddressPolicy::Any] {
        let list = policy.admit(&me, addrs.iter().copied());
        assert!(list.len() <= MAX_ADDRS && list.as_fields().len() <= MAX_ADDRS_BYTES);
        assert!(list.iter().all(|raw| class(raw).is_some_and(|class| policy.allows(&class))));
        assert_eq!(policy.admit(&me, list.iter()), list, "a second pass changes nothing");
        assert_eq!(order_for_reply(list.iter()), list);
        assert_eq!(AddrList::from_fields(list.as_fields()), Some(list.clone()));
        let groups = groups_of(&list);
        assert!(groups.len() <= list.len());
        let mut reply = ReplyGroups::new();
        for _ in 0..=GROUP_MAX {
            reply.take(&list, &groups);
        }
    }
    if let Some(list) = AddrList::from_fields(addrs[0]) {
        assert_eq!(list.as_fields(), addrs[0]);
    }
}
