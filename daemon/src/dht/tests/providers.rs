//! ADD_PROVIDER and GET_PROVIDERS.

use super::*;
use crate::wire::bounds::{REPLY_MAX, REPLY_MAX_RUST};
use crate::wire::field::Fields;

const ONE: &str = "/ip4/8.8.8.8/tcp/4001";
const OTHER: &str = "/ip4/8.8.4.4/udp/4001/quic-v1";

fn get(key: &[u8]) -> Vec<u8> {
    request(Kind::GetProviders, key)
}

fn is_silent(served: &Served) -> bool {
    matches!(served, Served::Silent)
}

#[tokio::test]
async fn what_one_head_accepted_every_head_gives_at_once_with_addresses() {
    let scene = scene();
    let provider = asker(peer(77));
    assert!(is_silent(&scene.announce(0, &provider, KEY, &[ONE, OTHER]).await), "never answered");
    for head in [0, 1] {
        let reply = scene.answer(head, &somebody(), &get(KEY)).await;
        assert_eq!(reply.providers(), [(provider.peer, addrs(&[ONE, OTHER]))]);
        assert_eq!((reply.read().kind, reply.read().key), (Some(Kind::GetProviders), KEY));
        assert_eq!(scene.heads[head].counters.totals().found, 1);
    }
    assert!(provider.announced_1m() > 0.0);
    // a provider may ask for itself
    assert_eq!(scene.answer(0, &provider, &get(KEY)).await.providers().len(), 1);
}

#[tokio::test]
async fn a_miss_gives_closer_peers_and_counts_nothing_as_found() {
    let scene = scene();
    scene.servers(30);
    scene.announce(0, &asker(peer(77)), KEY, &[ONE]).await;
    let cid = [b"\x01\x55", KEY].concat();
    let reply = scene.answer(0, &somebody(), &get(&cid)).await;
    assert!(reply.providers().is_empty(), "a CID and its multihash are two keys");
    assert_eq!((reply.closer().len(), reply.read().key), (20, &cid[..]));
    assert_eq!(scene.heads[0].counters.totals().found, 0);
}

#[tokio::test]
async fn closer_peers_stand_before_providers() {
    let scene = scene();
    scene.servers(30);
    for n in 40..50 {
        scene.announce(0, &asker(peer(n)), KEY, &[ONE]).await;
    }
    let reply = scene.answer(0, &somebody(), &get(KEY)).await;
    let fields: Vec<u32> = Fields::new(&reply.body).map(|field| field.expect("a field").number).collect();
    let peers: Vec<u32> = fields.into_iter().filter(|number| [8, 9].contains(number)).collect();
    assert_eq!(peers, [[8; 20].as_slice(), &[9; 10]].concat());
}

#[tokio::test]
async fn keys_have_1_to_80_bytes() {
    let scene = scene();
    let provider = asker(peer(77));
    for key in [vec![], vec![1; 81], vec![1; 64 << 10]] {
        assert_eq!(scene.refusal(0, &somebody(), &get(&key)).await, Reason::RequestRefused);
        let raw = add_provider(&key, &[(provider.peer, addrs(&[ONE]))]);
        assert_eq!(scene.refusal(0, &provider, &raw).await, Reason::RequestRefused);
    }
    for key in [vec![1; 1], vec![1; 80]] {
        assert!(is_silent(&scene.announce(0, &provider, &key, &[ONE]).await));
        assert_eq!(scene.answer(0, &somebody(), &get(&key)).await.providers().len(), 1);
    }
}

#[tokio::test]
async fn only_entries_of_the_sender_with_an_address_are_taken() {
    let scene = scene();
    let (me, other) = (asker(peer(77)), peer(78));
    let list = addrs(&[ONE]);
    // nothing of the sender, or nowhere to find it
    for entries in [
        vec![],
        vec![(other, list.clone())],
        vec![(me.peer, AddrList::default())],
        vec![(other, list.clone()), (me.peer, AddrList::default())],
    ] {
        assert_eq!(scene.refusal(0, &me, &add_provider(KEY, &entries)).await, Reason::RequestRefused);
    }
    assert!(scene.answer(0, &somebody(), &get(KEY)).await.providers().is_empty());
    // the sender's among others
    let entries =
        [(other, list.clone()), (me.peer, AddrList::default()), (me.peer, list), (me.peer, addrs(&[OTHER]))];
    assert!(is_silent(&scene.ask(0, &me, &add_provider(KEY, &entries)).await));
    let providers = scene.answer(0, &somebody(), &get(KEY)).await.providers();
    assert_eq!(providers.len(), 1);
    assert_eq!((providers[0].0, providers[0].1.len()), (me.peer, 2));
}

#[tokio::test]
async fn an_id_that_is_none_is_nobody() {
    let scene = scene();
    let mut entry = Vec::new();
    put_bytes(&mut entry, 1, &[0xff; 200]);
    put_bytes(&mut entry, 2, b"\x04\x08\x08\x08\x08\x06\x0f\xa1");
    let mut raw = request(Kind::AddProvider, KEY);
    put_bytes(&mut raw, 9, &entry);
    assert_eq!(scene.refusal(0, &somebody(), &raw).await, Reason::RequestRefused);
}

#[tokio::test]
async fn private_addresses_are_not_kept_but_their_provider_is() {
    let scene = scene();
    let hidden = asker(peer(77));
    assert!(is_silent(
        &scene.announce(0, &hidden, KEY, &["/ip4/10.0.0.1/tcp/1", "/ip4/127.0.0.1/tcp/1"]).await
    ));
    assert_eq!(
        scene.answer(1, &somebody(), &get(KEY)).await.providers(),
        [(hidden.peer, AddrList::default())]
    );
    assert!(
        scene
            .answer(1, &somebody(), &request(Kind::FindNode, &hidden.peer.to_bytes()))
            .await
            .closer()
            .is_empty()
    );
}

#[tokio::test]
async fn on_a_private_network_private_addresses_are_kept() {
    let config = Config { policy: crate::routing::policy::AddressPolicy::Any, ..Config::default() };
    let scene = scene_with(config, |belly| belly);
    let list = ["/ip4/10.0.0.1/tcp/1", "/ip4/127.0.0.1/tcp/1"];
    scene.announce(0, &asker(peer(77)), KEY, &list).await;
    assert_eq!(scene.answer(1, &somebody(), &get(KEY)).await.providers(), [(peer(77), addrs(&list))]);
}

#[tokio::test]
async fn addresses_join_those_announced_before_last_a_day_and_records_two() {
    let scene = scene();
    let provider = asker(peer(77));
    scene.announce(0, &provider, KEY, &[ONE]).await;
    scene.announce(1, &provider, b"another key", &[OTHER]).await;
    assert_eq!(scene.answer(0, &somebody(), &get(KEY)).await.providers()[0].1, addrs(&[OTHER, ONE]));
    scene.clock.advance(25 * HOUR);
    assert_eq!(
        scene.answer(0, &somebody(), &get(KEY)).await.providers(),
        [(provider.peer, AddrList::default())]
    );
    scene.clock.advance(25 * HOUR);
    assert!(scene.answer(0, &somebody(), &get(KEY)).await.providers().is_empty());
}

#[tokio::test]
async fn providers_with_addresses_come_before_those_without() {
    let scene = scene();
    for n in 0..20 {
        let list = if n % 2 == 0 { [ONE] } else { ["/ip4/10.0.0.1/tcp/1"] };
        scene.announce(0, &asker(peer(n)), KEY, &list).await;
    }
    let providers = scene.answer(0, &somebody(), &get(KEY)).await.providers();
    let empty: Vec<bool> = providers.iter().map(|(_, addrs)| addrs.is_empty()).collect();
    assert_eq!(empty, [[false; 10], [true; 10]].concat());
}

#[tokio::test]
async fn a_reply_ends_at_its_limit_and_what_is_left_out_is_counted() {
    let scene = scene_with(Config { reply_max: 8 << 10, ..Config::default() }, |belly| belly);
    scene.servers(30);
    for n in 0..500 {
        scene.announce(0, &asker(peer(n)), KEY, &[ONE]).await;
    }
    let before = counted(Reason::ReplyCut);
    let reply = scene.answer(0, &somebody(), &get(KEY)).await;
    let (len, given) = (reply.body.len(), reply.providers().len());
    assert!((8 << 10) - 60 < len && len <= 8 << 10, "{len}");
    assert_eq!(reply.closer().len(), 20);
    assert!(counted(Reason::ReplyCut) - before >= 500 - given as u64);
}

#[tokio::test]
async fn rust_agents_get_what_they_can_read_and_all_others_more() {
    let scene = scene();
    for n in 0..1_000 {
        scene.announce(0, &asker(peer(n)), KEY, &[ONE, OTHER, "/ip4/8.8.1.1/tcp/4001"]).await;
    }
    let rust = scene.connected(peer(2_000), "rust-libp2p/0.57.1", &[]);
    let kubo = scene.connected(peer(2_001), "kubo/0.43", &[]);
    for (from, limit) in [(rust, REPLY_MAX_RUST), (kubo, REPLY_MAX)] {
        let len = scene.answer(0, &from, &get(KEY)).await.body.len();
        assert!(limit - 80 < len && len <= limit, "{len} of {limit}");
    }
}

#[tokio::test]
async fn closer_peers_leave_room_for_providers_and_take_it_when_there_are_none() {
    let scene = scene();
    scene.long_servers(30);
    let rust = scene.connected(peer(2_000), "rust-libp2p/0.57.1", &[]);
    let closer = scene.answer(0, &rust, &get(KEY)).await.closer().len();
    scene.announce(0, &asker(peer(77)), KEY, &[ONE]).await;
    let reply = scene.answer(0, &rust, &get(KEY)).await;
    assert_eq!(reply.providers(), [(peer(77), addrs(&[ONE]))]);
    assert!(closer > 12 && (8..closer).contains(&reply.closer().len()));
}

#[tokio::test]
async fn a_refusal_of_the_store_is_counted_and_resets_nothing() {
    let provider = asker(peer(77));
    let one_each =
        scene_with(Config::default(), |belly| LogConfig { max_records_per_provider: Some(1), ..belly });
    let behind = scene_with(Config::default(), |belly| LogConfig { max_backlog: 0, ..belly });
    for (scene, reason, kept) in
        [(one_each, Reason::RecordProviderFull, 1), (behind, Reason::RecordBehind, 0)]
    {
        let before = counted(reason);
        for n in 0..3u8 {
            assert!(is_silent(&scene.announce(0, &provider, &[n; 34], &[ONE]).await));
        }
        assert!(counted(reason) - before >= 3 - kept);
        assert_eq!(scene.service.belly.counts().records, kept);
    }
}

#[tokio::test]
async fn a_key_that_is_full_keeps_as_many_and_lets_the_next_in_for_one_of_the_largest_group() {
    let scene = scene();
    for n in 0..1_030 {
        assert!(is_silent(&scene.announce(0, &asker(peer(n)), KEY, &[ONE]).await));
    }
    assert_eq!(scene.service.belly.counts().records, 1_024);
    // by design: whoever fills a key from one network displaces itself
    assert!(scene.service.belly.drops().contains(&("key_displaced", 6)));
    let reply = scene.answer(0, &somebody(), &get(KEY)).await;
    assert!(reply.providers().len() > 1_000, "{}", reply.providers().len());
}
