//! Whatever is a message gets a reply that is one, silence or a reset, and never a panic.

use std::sync::LazyLock;

use proptest::prelude::*;
use tokio::runtime::Runtime;

use super::*;
use crate::wire::bounds::{REPLY_MAX, REPLY_MAX_RUST};
use crate::wire::field::put_varint;

static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| Runtime::new().expect("a runtime"));

/// One for all cases: what earlier ones left behind is part of the test.
static SCENE: LazyLock<Scene> = LazyLock::new(|| {
    let config = Config { validations_per_second: 1e9, ..Config::default() };
    let scene = scene_with(config, |belly| belly);
    scene.servers(40);
    scene.table.put_own(scene.heads[0].peer, addrs(&["/ip4/9.9.9.9/tcp/3001"]));
    scene.connected(peer(77), "rust-libp2p/0.57.1", &["/ip4/8.8.8.8/tcp/4001"]);
    scene
});

fn bytes(max: usize) -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(any::<u8>(), 0..max)
}

/// A field of a message with contents that mean something, or do not.
fn field() -> impl Strategy<Value = Vec<u8>> {
    let key = prop_oneof![
        Just(KEY.to_vec()),
        (0..90u32).prop_map(|n| peer(n).to_bytes()),
        bytes(100),
        prop::collection::vec(any::<u8>(), 5_000..20_000),
    ];
    let list = prop::collection::vec(
        prop_oneof![Just(addrs(&["/ip4/8.8.8.8/tcp/1"]).as_fields()[2..].to_vec()), bytes(40)],
        0..6,
    );
    let entry = (0..90u32, list).prop_map(|(n, list)| {
        encode_peer(&peer(n), &AddrList::from_raw(list.iter().map(Vec::as_slice))).into_vec()
    });
    prop_oneof![
        (0..8u64).prop_map(|kind| {
            let mut out = Vec::new();
            put_number(&mut out, 1, kind);
            out
        }),
        key.prop_map(|key| {
            let mut out = Vec::new();
            put_bytes(&mut out, 2, &key);
            out
        }),
        (prop_oneof![Just(8u32), Just(9), Just(3)], entry).prop_map(|(number, entry)| {
            let mut out = Vec::new();
            put_bytes(&mut out, number, &entry);
            out
        }),
        any::<u64>().prop_map(|level| {
            let mut out = Vec::new();
            put_number(&mut out, 10, level);
            out
        }),
        (any::<u64>(), bytes(30)).prop_map(|(tag, rest)| {
            let mut out = Vec::new();
            put_varint(&mut out, tag);
            out.extend(rest);
            out
        }),
    ]
}

fn check(raw: &[u8], who: u32) {
    let Ok(request) = Message::read(raw) else { return };
    let (scene, from) = (&*SCENE, asker(peer(who)));
    let from = scene.contacts.get(&from.peer).map_or(Arc::new(from), |known| Arc::clone(&known.contacts[0]));
    let served = RUNTIME.block_on(scene.service.handle(&scene.heads[0], &from, request));
    let Served::Reply(frame) = served else {
        assert!(matches!(served, Served::Reset(_)) || request.kind == Some(Kind::AddProvider));
        return;
    };
    assert!(!matches!(request.kind, None | Some(Kind::AddProvider)));
    let reply = Answered::of(frame.as_ref());
    let limit = if from.small_replies() { REPLY_MAX_RUST } else { REPLY_MAX };
    // the key is echoed, however long: whoever wrote it can read it
    assert!(reply.body.len() <= limit.max(raw.len() + 16), "{} for {}", reply.body.len(), raw.len());
    assert!(reply.closer().len() <= 21 && reply.read().kind == request.kind);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn garbage(raw in bytes(200), who in 70..80u32) {
        check(&raw, who);
    }

    #[test]
    fn messages_of_odd_fields(fields in prop::collection::vec(field(), 0..8), who in 70..80u32) {
        check(&fields.concat(), who);
    }
}
