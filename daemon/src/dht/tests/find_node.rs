//! FIND_NODE, and what the closer peers of every reply have in common.

use super::*;
use crate::routing::groups::groups_of;
use crate::wire::Key256;
use crate::wire::bounds::{K, MAX_OWN_HEADS};

fn find(key: &[u8]) -> Vec<u8> {
    request(Kind::FindNode, key)
}

fn find_peer(peer: PeerId) -> Vec<u8> {
    find(&peer.to_bytes())
}

/// All peers of the table but these, nearest first.
fn by_distance(n: u32, key: &[u8], except: &[PeerId]) -> Vec<PeerId> {
    let target = Key256::of(key);
    let mut all: Vec<_> = (0..n).map(peer).filter(|peer| !except.contains(peer)).collect();
    all.sort_by_key(|peer| Key256::of_peer(peer).distance(&target));
    all
}

#[tokio::test]
async fn the_twenty_nearest_are_given_nearest_first_and_without_a_key() {
    let scene = scene();
    scene.servers(100);
    let reply = scene.answer(0, &somebody(), &find(b"any key")).await;
    assert_eq!(reply.closer_ids(), by_distance(100, b"any key", &[])[..K]);
    assert_eq!((reply.read().kind, reply.read().key), (Some(Kind::FindNode), &b""[..]));
    assert_eq!(reply.closer()[0].1, scene.table.get(&reply.closer_ids()[0]).expect("known").entry.addrs);
}

#[tokio::test]
async fn an_empty_key_is_refused_and_one_of_64_kib_is_answered() {
    let scene = scene();
    scene.servers(30);
    assert_eq!(scene.refusal(0, &somebody(), &find(b"")).await, Reason::RequestRefused);
    let no_key = [8, Kind::FindNode as u8];
    assert_eq!(scene.refusal(0, &somebody(), &no_key).await, Reason::RequestRefused);
    let long = vec![b'k'; 64 << 10];
    let reply = scene.answer(0, &somebody(), &find(&long)).await;
    assert_eq!(reply.closer_ids(), by_distance(30, &long, &[])[..K]);
}

#[tokio::test]
async fn the_asked_head_and_the_asker_are_left_out() {
    let scene = scene();
    scene.servers(15);
    scene.table.put_own(scene.heads[0].peer, addrs(&["/ip4/9.9.9.9/tcp/3001"]));
    for kind in [Kind::FindNode, Kind::GetProviders, Kind::GetValue] {
        let reply = scene.answer(0, &asker(peer(3)), &request(kind, b"any key")).await;
        assert_eq!(reply.closer_ids(), by_distance(15, b"any key", &[peer(3)]));
    }
}

#[tokio::test]
async fn a_target_in_the_table_comes_first_and_then_twenty_others() {
    let scene = scene();
    scene.servers(50);
    let reply = scene.answer(0, &somebody(), &find_peer(peer(7))).await;
    let expected = by_distance(50, &peer(7).to_bytes(), &[]);
    assert_eq!(expected[0], peer(7), "nobody is nearer to it than itself");
    assert_eq!(reply.closer_ids(), expected[..=K]);
}

#[tokio::test]
async fn the_asker_and_the_asked_head_come_first_when_they_are_the_target() {
    let scene = scene();
    scene.servers(50);
    let head = scene.heads[0].peer;
    scene.table.put_own(head, addrs(&["/ip4/9.9.9.9/tcp/3001"]));
    for (target, from) in [(peer(7), asker(peer(7))), (head, somebody())] {
        let closer = scene.answer(0, &from, &find_peer(target)).await.closer();
        assert_eq!((closer[0].0, closer.len()), (target, K + 1));
        assert!(!closer[0].1.is_empty());
        assert!(closer[1..].iter().all(|(peer, _)| *peer != target));
    }
}

#[tokio::test]
async fn another_head_comes_first_when_it_is_the_target() {
    let scene = scene();
    scene.servers(10);
    for head in &scene.heads {
        scene.table.put_own(head.peer, addrs(&["/ip4/9.9.9.9/tcp/3001"]));
    }
    let closer = scene.answer(0, &somebody(), &find_peer(scene.heads[1].peer)).await.closer_ids();
    assert_eq!((closer[0], closer.len()), (scene.heads[1].peer, 11));
}

#[tokio::test]
async fn a_connected_client_is_found_and_no_more_once_it_is_gone() {
    let scene = scene();
    scene.servers(5);
    let client = peer(77);
    let contact = scene.connected(client, "kubo", &["/ip4/8.8.8.8/tcp/4001"]);
    let closer = scene.answer(1, &somebody(), &find_peer(client)).await.closer();
    assert_eq!(closer[0], (client, addrs(&["/ip4/8.8.8.8/tcp/4001"])));
    assert_eq!(closer.len(), 6);
    scene.contacts.closed(&contact);
    assert_eq!(scene.answer(1, &somebody(), &find_peer(client)).await.closer().len(), 5);
    // connected, but nobody knows where it listens
    scene.connected(client, "kubo", &[]);
    assert_eq!(scene.answer(1, &somebody(), &find_peer(client)).await.closer().len(), 5);
}

#[tokio::test]
async fn an_announced_provider_is_found_for_a_day_though_it_is_no_server() {
    let scene = scene();
    scene.servers(5);
    let provider = asker(peer(77));
    scene.announce(0, &provider, KEY, &["/ip4/8.8.8.8/tcp/4001"]).await;
    scene.announce(0, &provider, b"another key", &["/ip4/8.8.4.4/tcp/4001"]).await;
    let closer = scene.answer(1, &somebody(), &find_peer(provider.peer)).await.closer();
    assert_eq!(closer[0].0, provider.peer);
    assert_eq!(closer[0].1.len(), 2, "all that it announced, on any key");
    assert_eq!(closer.len(), 6);
    scene.clock.advance(25 * HOUR);
    assert_eq!(scene.answer(1, &somebody(), &find_peer(provider.peer)).await.closer().len(), 5);
}

#[tokio::test]
async fn what_a_target_said_by_identify_joins_what_it_announced() {
    let scene = scene();
    let client = scene.connected(peer(77), "kubo", &["/ip4/8.8.8.8/tcp/4001"]);
    scene.announce(0, &client, KEY, &["/ip4/8.8.4.4/tcp/4001"]).await;
    let closer = scene.answer(0, &somebody(), &find_peer(client.peer)).await.closer();
    assert_eq!(closer, [(client.peer, addrs(&["/ip4/8.8.8.8/tcp/4001", "/ip4/8.8.4.4/tcp/4001"]))]);
}

#[tokio::test]
async fn a_peer_without_addresses_is_left_out_even_as_the_target() {
    let scene = scene();
    scene.servers(3);
    scene.server(peer(50), &[]);
    scene.table.put_own(scene.heads[1].peer, AddrList::default());
    assert_eq!(scene.answer(0, &somebody(), &find(b"any key")).await.closer().len(), 3);
    for target in [peer(50), scene.heads[1].peer] {
        assert_eq!(scene.answer(0, &somebody(), &find_peer(target)).await.closer().len(), 3);
    }
}

#[tokio::test]
async fn at_most_two_of_our_heads_are_in_a_reply() {
    let scene = scene();
    scene.servers(30);
    for n in 0..40 {
        scene.table.put_own(peer(2_000 + n), addrs(&[&public(2_000 + n)]));
    }
    for target in [peer(2_005).to_bytes(), b"any key".to_vec()] {
        let closer = scene.answer(0, &somebody(), &find(&target)).await.closer_ids();
        let own = (2_000..2_040).filter(|n| closer.contains(&peer(*n))).count();
        assert_eq!(own, MAX_OWN_HEADS);
        assert!(closer.len() >= K, "others take the places");
    }
}

#[tokio::test]
async fn at_most_three_peers_of_an_ip_group_are_in_a_reply() {
    let scene = scene();
    for n in 0..30 {
        scene.server(peer(n), &[&format!("/ip4/8.8.{n}.1/tcp/4001")]);
    }
    for n in 30..35 {
        scene.server(peer(n), &[&public(n)]);
    }
    let closer = scene.answer(0, &somebody(), &find(b"any key")).await.closer();
    let group = groups_of(&addrs(&["/ip4/8.8.1.1/tcp/1"])).iter().next().expect("a group");
    assert_eq!(closer.iter().filter(|(_, addrs)| groups_of(addrs).contains(group)).count(), 3);
    assert_eq!(closer.len(), 8);
}

#[tokio::test]
async fn a_peer_in_a_full_group_and_another_keeps_the_other_address() {
    let scene = scene();
    let key = b"any key";
    let order = by_distance(6, key, &[]);
    for (n, peer) in order.iter().enumerate() {
        let (crowded, own) = (format!("/ip4/8.8.{n}.1/tcp/4001"), public(n as u32));
        // the last but one has nothing else
        if n == 4 { scene.server(*peer, &[&crowded]) } else { scene.server(*peer, &[&crowded, &own]) }
    }
    let closer = scene.answer(0, &somebody(), &find(key)).await.closer();
    assert_eq!(closer.iter().map(|(_, addrs)| addrs.len()).collect::<Vec<_>>(), [2, 2, 2, 1, 1]);
    assert_eq!(closer[3], (order[3], addrs(&[&public(3)])));
    assert_eq!(closer[4], (order[5], addrs(&[&public(5)])));
}

#[tokio::test]
async fn private_peers_are_in_no_group() {
    let scene = scene();
    for n in 0..30 {
        scene.server(peer(n), &[&format!("/ip4/127.0.0.1/tcp/{}", 4_000 + n)]);
    }
    assert_eq!(scene.answer(0, &somebody(), &find(b"any key")).await.closer().len(), K);
}

#[tokio::test]
async fn closer_peers_stop_where_a_small_reply_ends() {
    let scene = scene();
    scene.long_servers(30);
    let rust = scene.connected(peer(77), "rust-libp2p/0.57.1", &[]);
    let small = scene.answer(0, &rust, &find(b"any key")).await;
    assert!(small.body.len() <= 16 << 10 && small.closer().len() > 12, "{}", small.body.len());
    let whole = scene.answer(0, &somebody(), &find(b"any key")).await;
    assert_eq!(whole.closer().len(), K);
}

#[tokio::test]
async fn the_cluster_level_comes_back_as_go_sends_it() {
    let scene = scene();
    for kind in [Kind::FindNode, Kind::GetProviders, Kind::GetValue] {
        for (sent, expected) in [(7, 7), (1, 1), (0, 1), (-3, 1)] {
            let mut raw = request(kind, KEY);
            put_number(&mut raw, 10, sent as u64);
            assert_eq!(scene.answer(0, &somebody(), &raw).await.read().cluster_level_raw, expected);
        }
    }
}

#[tokio::test]
async fn a_type_that_there_is_not_is_refused() {
    let scene = scene();
    for kind in [6, 77, u64::MAX] {
        let mut raw = Vec::new();
        put_number(&mut raw, 1, kind);
        put_bytes(&mut raw, 2, KEY);
        assert_eq!(scene.refusal(0, &somebody(), &raw).await, Reason::MessageInvalid);
    }
}

#[tokio::test]
async fn a_ping_comes_back_as_it_was_without_its_peers() {
    let scene = scene();
    let mut expected = request(Kind::Ping, b"some key");
    put_number(&mut expected, 10, 9);
    put_bytes(&mut expected, 666, b"unknown");
    let mut raw = expected.clone();
    put_bytes(&mut raw, 8, &encode_peer(&peer(1), &addrs(&["/ip4/1.2.3.4/tcp/1"])));
    put_bytes(&mut raw, 9, &encode_peer(&peer(2), &AddrList::default()));
    assert_eq!(scene.answer(0, &somebody(), &raw).await.body, expected);
    // the smallest there is
    assert_eq!(scene.answer(0, &somebody(), &[8, 5]).await.body, [8, 5]);
}
