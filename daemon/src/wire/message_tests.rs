//! Messages against an independent reading of the schema by prost.

use proptest::prelude::*;
use prost::Message as _;

use super::*;

#[derive(Clone, PartialEq, prost::Message)]
struct Schema {
    #[prost(int32, tag = "1")]
    kind: i32,
    #[prost(bytes = "vec", tag = "2")]
    key: Vec<u8>,
    #[prost(message, optional, tag = "3")]
    record: Option<SchemaRecord>,
    #[prost(message, repeated, tag = "8")]
    closer: Vec<SchemaPeer>,
    #[prost(message, repeated, tag = "9")]
    providers: Vec<SchemaPeer>,
    #[prost(int32, tag = "10")]
    cluster_level_raw: i32,
}

#[derive(Clone, PartialEq, prost::Message)]
struct SchemaRecord {
    #[prost(bytes = "vec", tag = "1")]
    key: Vec<u8>,
    #[prost(bytes = "vec", tag = "2")]
    value: Vec<u8>,
    #[prost(string, tag = "5")]
    time_received: String,
}

#[derive(Clone, PartialEq, prost::Message)]
struct SchemaPeer {
    #[prost(bytes = "vec", tag = "1")]
    id: Vec<u8>,
    #[prost(bytes = "vec", repeated, tag = "2")]
    addrs: Vec<Vec<u8>>,
    #[prost(int32, tag = "3")]
    connection: i32,
}

fn bytes(max: usize) -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(any::<u8>(), 0..max)
}

fn peer() -> impl Strategy<Value = SchemaPeer> {
    (bytes(50), prop::collection::vec(bytes(60), 0..5), -3..9i32)
        .prop_map(|(id, addrs, connection)| SchemaPeer { id, addrs, connection })
}

fn message() -> impl Strategy<Value = Schema> {
    let record = (bytes(40), bytes(200), "[0-9TZ:.-]{0,30}")
        .prop_map(|(key, value, time_received)| SchemaRecord { key, value, time_received });
    let peers = || prop::collection::vec(peer(), 0..6);
    (-2..9i32, bytes(90), prop::option::of(record), peers(), peers(), any::<i32>()).prop_map(
        |(kind, key, record, closer, providers, cluster_level_raw)| Schema {
            kind,
            key,
            record,
            closer,
            providers,
            cluster_level_raw,
        },
    )
}

proptest! {
    #[test]
    fn what_the_schema_writes_is_read(wrote in message()) {
        let raw = wrote.encode_to_vec();
        let read = Message::read(&raw).expect("well formed");
        prop_assert_eq!(read.kind.map_or(-1, |k| k as i32), if (0..6).contains(&wrote.kind) { wrote.kind } else { -1 });
        prop_assert_eq!(read.key, &wrote.key[..]);
        prop_assert_eq!(read.cluster_level_raw, wrote.cluster_level_raw);
        prop_assert_eq!(read.record.is_some(), wrote.record.is_some());
        if let (Some(read), Some(wrote)) = (read.record, &wrote.record) {
            prop_assert_eq!((read.key, read.value), (&wrote.key[..], &wrote.value[..]));
        }
        for (read, wrote) in [
            (read.closer_peers().collect::<Vec<_>>(), &wrote.closer),
            (read.provider_peers().collect::<Vec<_>>(), &wrote.providers),
        ] {
            prop_assert_eq!(read.len(), wrote.len());
            for (read, wrote) in read.iter().zip(wrote) {
                prop_assert_eq!(read.id, &wrote.id[..]);
                prop_assert!(read.addrs().eq(wrote.addrs.iter().map(Vec::as_slice)));
            }
        }
        let echo = Schema::decode(&read.echo()[..]).expect("an echo is a message");
        prop_assert_eq!(echo, Schema { closer: vec![], providers: vec![], ..wrote });
    }

    #[test]
    fn garbage_is_refused_or_read_without_panic(raw in bytes(300)) {
        if let Ok(message) = Message::read(&raw) {
            let mut bytes = 0;
            for peer in message.closer_peers().chain(message.provider_peers()) {
                prop_assert!(peer.peer_id().is_none_or(|id| id.to_bytes() == peer.id));
                bytes += peer.addrs().map(<[u8]>::len).sum::<usize>();
            }
            prop_assert!(bytes <= raw.len());
            prop_assert!(message.echo().len() <= raw.len());
        }
    }

    #[test]
    fn what_we_write_the_schema_reads(key in bytes(80), level in 0..9i32, raw in prop::collection::vec(bytes(40), 0..9)) {
        let id = PeerId::random();
        let addrs = AddrList::from_raw(raw.iter().map(Vec::as_slice));
        let mut reply = Reply::new(Kind::GetProviders, &key, level);
        reply.closer_peer(&encode_peer(&id, &addrs));
        prop_assert!(reply.provider_peer(&id, &addrs, 1 << 16));
        prop_assert!(!reply.provider_peer(&id, &addrs, reply.body_len() + 10));
        reply.record(&key, b"value", "2026-11-20T03:12:40Z");
        let frame = reply.into_frame();
        let (len, body) = unsigned_varint::decode::u64(frame.as_ref()).expect("a length prefix");
        prop_assert_eq!(len as usize, body.len());
        let read = Schema::decode(body).expect("well formed");
        prop_assert_eq!(read.kind, 3);
        prop_assert_eq!(read.cluster_level_raw, level);
        prop_assert_eq!(&read.closer, &read.providers);
        prop_assert_eq!(&read.closer[0].id, &id.to_bytes());
        prop_assert!(addrs.iter().eq(read.closer[0].addrs.iter().map(Vec::as_slice)));
        prop_assert_eq!(read.record.map(|r| (r.key, r.value)), Some((key, b"value".to_vec())));
    }
}

#[test]
fn an_echo_keeps_unknown_fields_and_drops_peers() {
    let mut raw =
        Schema { kind: 5, closer: vec![SchemaPeer::default()], ..Default::default() }.encode_to_vec();
    put_bytes(&mut raw, 666, b"unknown");
    let message = Message::read(&raw).expect("well formed");
    let mut expected = Schema { kind: 5, ..Default::default() }.encode_to_vec();
    put_bytes(&mut expected, 666, b"unknown");
    assert_eq!(message.echo(), expected);
}

#[test]
fn the_cluster_level_comes_back_as_go_sends_it() {
    assert_eq!([7, 0, -3, 1].map(reply_cluster_level), [7, 1, 1, 1]);
}

#[test]
fn a_time_that_is_not_text_ends_the_message() {
    let mut record = Vec::new();
    put_bytes(&mut record, 5, &[0xff, 0xfe]);
    let mut raw = Vec::new();
    put_bytes(&mut raw, 3, &record);
    assert!(Message::read(&raw).is_err());
}

#[test]
fn addresses_past_eight_kibibytes_are_left_out() {
    let many = SchemaPeer { id: vec![1; 38], addrs: vec![vec![4; 100]; 10_000], connection: 0 };
    let raw = Schema { kind: 2, providers: vec![many], ..Default::default() }.encode_to_vec();
    let message = Message::read(&raw).expect("well formed");
    let peer = message.provider_peers().next().expect("one peer");
    assert_eq!(peer.addrs().count(), (MAX_PEER_RECORD - 38) / 100);
}
