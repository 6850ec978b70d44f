//! ADD_PROVIDER and GET_PROVIDERS.

use std::time::Duration;

use anyhow::{Context as _, ensure};
use hydra_tests::raw::message::{Peer, kind};
use hydra_tests::raw::{Answer, Message, RawStream, Transport};
use libp2p::{Multiaddr, PeerId};

use crate::scene::{Scene, address, fresh_key, multihash};

#[tokio::test]
async fn an_announcement_is_never_answered_and_is_there_at_once_through_every_head() -> anyhow::Result<()> {
    for transport in Transport::ALL {
        let scene = Scene::over(transport).await?;
        let key = fresh_key();
        let at = address("/ip4/127.0.0.1/udp/4321/quic-v1");
        let mut stream = scene.stream().await?;
        stream.send(&Message::add_provider(key.clone(), scene.node.id(), std::slice::from_ref(&at))).await?;
        // Whatever came back for the announcement would come before this.
        let pong = stream.ask(&Message::new(kind::PING, *b"mark")).await?;
        assert_eq!((pong.kind, pong.key.as_slice()), (kind::PING, &b"mark"[..]), "{transport}");
        let (_other, mut sibling) = scene.sibling().await?;
        let found = providers(&mut sibling, &key).await?;
        assert_eq!(found, [(scene.node.id(), vec![at])], "{transport}");
    }
    Ok(())
}

#[tokio::test]
async fn an_announcement_leaves_its_stream_open_and_silent() -> anyhow::Result<()> {
    let scene = Scene::new().await?;
    let mut stream = scene.stream().await?;
    stream.send(&Message::add_provider(fresh_key(), scene.node.id(), &[loopback(1)])).await?;
    let answer = stream.answer_within(Duration::from_secs(2)).await;
    ensure!(matches!(answer, Answer::Silence), "{answer:?}");
    Ok(())
}

#[tokio::test]
async fn announcements_in_a_row_on_one_stream_are_all_taken() -> anyhow::Result<()> {
    let scene = Scene::new().await?;
    let keys: Vec<Vec<u8>> = (0..300).map(|_| fresh_key()).collect();
    let mut stream = scene.stream().await?;
    for key in &keys {
        stream.send(&Message::add_provider(key.clone(), scene.node.id(), &[loopback(1)])).await?;
    }
    stream.ask(&Message::new(kind::PING, *b"")).await?;
    let (_other, mut sibling) = scene.sibling().await?;
    for key in &keys {
        assert_eq!(providers(&mut sibling, key).await?.len(), 1);
    }
    Ok(())
}

#[tokio::test]
async fn an_announcement_sent_just_before_the_stream_is_closed_is_taken() -> anyhow::Result<()> {
    // js-libp2p opens a stream for each announcement and closes it at once.
    let scene = Scene::new().await?;
    let key = fresh_key();
    let mut stream = scene.stream().await?;
    stream.send(&Message::add_provider(key.clone(), scene.node.id(), &[loopback(1)])).await?;
    stream.half_close().await?;
    drop(stream);
    let scene = &scene;
    hydra_tests::harness::eventually(Duration::from_secs(5), || async {
        let found = providers(&mut scene.stream().await?, &key).await?;
        ensure!(found.len() == 1, "not there");
        Ok(())
    })
    .await
}

#[tokio::test]
async fn only_the_senders_own_entry_is_taken() -> anyhow::Result<()> {
    let scene = Scene::new().await?;
    let key = fresh_key();
    let mut message = Message::add_provider(key.clone(), PeerId::random(), &[loopback(1)]);
    message.providers.push(Peer::new(scene.node.id(), &[loopback(2)]));
    message.providers.push(Peer::new(PeerId::random(), &[loopback(3)]));
    let mut stream = scene.stream().await?;
    stream.send(&message).await?;
    assert_eq!(providers(&mut stream, &key).await?, [(scene.node.id(), vec![loopback(2)])]);
    Ok(())
}

#[tokio::test]
async fn an_announcement_for_others_only_ends_the_stream_and_stores_nothing() -> anyhow::Result<()> {
    let scene = Scene::new().await?;
    let key = fresh_key();
    scene.refuses_message(&Message::add_provider(key.clone(), PeerId::random(), &[loopback(1)])).await?;
    assert_eq!(providers(&mut scene.stream().await?, &key).await?, []);
    Ok(())
}

#[tokio::test]
async fn an_announcement_without_addresses_or_providers_ends_the_stream() -> anyhow::Result<()> {
    let scene = Scene::new().await?;
    let key = fresh_key();
    scene.refuses_message(&Message::add_provider(key.clone(), scene.node.id(), &[])).await?;
    scene.refuses_message(&Message::new(kind::ADD_PROVIDER, key.clone())).await?;
    assert_eq!(providers(&mut scene.stream().await?, &key).await?, []);
    Ok(())
}

#[tokio::test]
async fn keys_of_one_to_eighty_bytes_are_taken_and_others_end_the_stream() -> anyhow::Result<()> {
    let scene = Scene::new().await?;
    let mut stream = scene.stream().await?;
    for len in [1, 34, 80] {
        let key = random_bytes(len);
        stream.send(&Message::add_provider(key.clone(), scene.node.id(), &[loopback(1)])).await?;
        assert_eq!(providers(&mut stream, &key).await?.len(), 1, "{len} bytes");
    }
    for len in [0, 81] {
        let key = random_bytes(len);
        let announce = Message::add_provider(key.clone(), scene.node.id(), &[loopback(1)]);
        scene.refuses_message(&announce).await.with_context(|| format!("ADD_PROVIDER, {len} bytes"))?;
        let ask = Message::new(kind::GET_PROVIDERS, key);
        scene.refuses_message(&ask).await.with_context(|| format!("GET_PROVIDERS, {len} bytes"))?;
    }
    Ok(())
}

#[tokio::test]
async fn a_cid_and_its_multihash_are_two_keys() -> anyhow::Result<()> {
    let scene = Scene::new().await?;
    let key = fresh_key();
    let cid = [&[0x01, 0x55][..], &key].concat();
    let mut stream = scene.stream().await?;
    stream.send(&Message::add_provider(cid.clone(), scene.node.id(), &[loopback(1)])).await?;
    assert_eq!(providers(&mut stream, &cid).await?.len(), 1);
    assert_eq!(providers(&mut stream, &key).await?, []);
    Ok(())
}

#[tokio::test]
async fn equal_digests_of_different_hash_functions_are_two_keys() -> anyhow::Result<()> {
    let scene = Scene::new().await?;
    let sha2 = fresh_key();
    // sha3-256 with the same digest.
    let sha3 = [&[0x16, 0x20][..], &sha2[2..]].concat();
    let mut stream = scene.stream().await?;
    stream.send(&Message::add_provider(sha2.clone(), scene.node.id(), &[loopback(1)])).await?;
    assert_eq!(providers(&mut stream, &sha3).await?, []);
    assert_eq!(providers(&mut stream, &sha2).await?.len(), 1);
    Ok(())
}

#[tokio::test]
async fn another_address_is_added_to_those_already_announced() -> anyhow::Result<()> {
    let scene = Scene::new().await?;
    let (one, two) = (fresh_key(), fresh_key());
    let mut stream = scene.stream().await?;
    stream.send(&Message::add_provider(one.clone(), scene.node.id(), &[loopback(1)])).await?;
    stream.send(&Message::add_provider(two, scene.node.id(), &[loopback(2)])).await?;
    let mut known = providers(&mut stream, &one).await?.remove(0).1;
    known.sort();
    assert_eq!(known, [loopback(1), loopback(2)], "the union, whatever key it was announced for");
    Ok(())
}

#[tokio::test]
async fn the_one_who_asks_is_named_when_it_is_a_provider() -> anyhow::Result<()> {
    let scene = Scene::new().await?;
    let key = fresh_key();
    let mut stream = scene.stream().await?;
    stream.send(&Message::add_provider(key.clone(), scene.node.id(), &[loopback(1)])).await?;
    assert_eq!(providers(&mut stream, &key).await?[0].0, scene.node.id());
    Ok(())
}

#[tokio::test]
async fn a_provider_behind_a_relay_is_kept() -> anyhow::Result<()> {
    let scene = Scene::new().await?;
    let key = fresh_key();
    let relay = address(&format!("/ip4/127.0.0.1/tcp/9/p2p/{}/p2p-circuit", PeerId::random()));
    let mut stream = scene.stream().await?;
    stream.send(&Message::add_provider(key.clone(), scene.node.id(), std::slice::from_ref(&relay))).await?;
    let found = providers(&mut stream, &key).await?;
    assert_eq!(found.first().map(|(id, _)| *id), Some(scene.node.id()));
    Ok(())
}

#[tokio::test]
async fn addresses_that_do_not_parse_do_not_spoil_those_that_do() -> anyhow::Result<()> {
    let scene = Scene::new().await?;
    let key = fresh_key();
    let mut message = Message::add_provider(key.clone(), scene.node.id(), &[]);
    message.providers[0].addrs = vec![vec![0xff; 30], loopback(1).to_vec(), vec![0x04, 0x7f], Vec::new()];
    let mut stream = scene.stream().await?;
    stream.send(&message).await?;
    let (_node, mut sibling) = scene.sibling().await?;
    let reply = sibling.ask(&Message::new(kind::GET_PROVIDERS, key)).await?;
    let named = reply.providers.first().context("not stored")?;
    assert_eq!(named.addrs, [loopback(1).to_vec()]);
    Ok(())
}

#[tokio::test]
async fn a_miss_is_answered_with_the_key_and_with_closer_peers() -> anyhow::Result<()> {
    let scene = Scene::new().await?;
    let key = fresh_key();
    let reply = scene.ask(&Message::new(kind::GET_PROVIDERS, key.clone())).await?;
    assert_eq!((reply.kind, &reply.key), (kind::GET_PROVIDERS, &key));
    ensure!(reply.providers.is_empty());
    ensure!(!reply.closer.is_empty(), "the head knows its sibling, and must name it");
    ensure!(reply.closer.iter().all(|peer| !peer.addrs.is_empty()), "a peer without addresses is of no use");
    ensure!(reply.closer.iter().all(|peer| peer.peer_id() != Some(scene.head)), "itself is no closer peer");
    Ok(())
}

#[tokio::test]
async fn many_providers_of_one_key_are_all_named_while_they_fit() -> anyhow::Result<()> {
    let scene = Scene::new().await?;
    let key = multihash(b"a popular block");
    let mut nodes = Vec::new();
    for _ in 0..30 {
        let (node, mut stream) = scene.sibling().await?;
        stream.send(&Message::add_provider(key.clone(), node.id(), &[loopback(1)])).await?;
        stream.ask(&Message::new(kind::PING, *b"")).await?;
        nodes.push(node.id());
    }
    let (_node, mut stream) = scene.sibling().await?;
    let mut found: Vec<PeerId> = providers(&mut stream, &key).await?.into_iter().map(|(id, _)| id).collect();
    found.sort();
    found.dedup();
    ensure!(nodes.iter().all(|node| found.contains(node)), "{} of 30 providers are named", found.len());
    Ok(())
}

/// Who provides a key, with the addresses that parse.
async fn providers(stream: &mut RawStream, key: &[u8]) -> anyhow::Result<Vec<(PeerId, Vec<Multiaddr>)>> {
    let reply = stream.ask(&Message::new(kind::GET_PROVIDERS, key)).await?;
    ensure!(reply.key == key, "the answer is about another key");
    reply.providers.iter().map(|p| Ok((p.peer_id().context("not an id")?, p.multiaddrs()))).collect()
}

fn loopback(port: u16) -> Multiaddr {
    address(&format!("/ip4/127.0.0.1/tcp/{port}"))
}

/// Keys need not be multihashes.
fn random_bytes(len: usize) -> Vec<u8> {
    PeerId::random().to_bytes().into_iter().rev().cycle().take(len).collect()
}
