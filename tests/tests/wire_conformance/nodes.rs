//! FIND_NODE.

use anyhow::{Context as _, ensure};
use hydra_tests::harness::Target;
use hydra_tests::raw::message::kind;
use hydra_tests::raw::{Message, RawNode, Transport};
use libp2p::PeerId;

use crate::scene::{Scene, address, fresh_key};

#[tokio::test]
async fn a_head_asked_for_itself_or_for_a_sibling_names_it_first_with_addresses() -> anyhow::Result<()> {
    let scene = Scene::new().await?;
    for head in 0..scene.target.heads().min(2) {
        let wanted = scene.target.id(head);
        let reply = scene.ask(&Message::find_node(wanted)).await?;
        let first = reply.closer.first().context("no peers at all")?;
        assert_eq!(first.peer_id(), Some(wanted), "head {head}");
        let dialled = scene.target.address(head, Transport::TcpNoise)?;
        let named = first.multiaddrs();
        ensure!(named.iter().any(|a| dialled.to_string().starts_with(&a.to_string())), "{named:?}");
    }
    Ok(())
}

#[tokio::test]
async fn the_answer_carries_no_key_and_no_peer_twice() -> anyhow::Result<()> {
    let scene = Scene::new().await?;
    let reply = scene.ask(&Message::find_node(PeerId::random())).await?;
    assert_eq!(reply.kind, kind::FIND_NODE);
    assert_eq!(reply.key, b"");
    let mut ids: Vec<_> = reply.closer.iter().map(|peer| peer.id.clone()).collect();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), reply.closer.len());
    ensure!(reply.closer.iter().all(|peer| !peer.addrs.is_empty()), "a peer without addresses is of no use");
    ensure!(reply.providers.is_empty() && reply.record.is_none());
    Ok(())
}

#[tokio::test]
async fn heads_recommend_at_most_two_of_their_own() -> anyhow::Result<()> {
    let target = Target::new(6).await?;
    if target.hydra().is_none() {
        // A rule of Hydra's own.
        return Ok(());
    }
    let node = RawNode::new(Transport::TcpNoise)?;
    let head = node.dial(&target.address(0, Transport::TcpNoise)?).await?;
    let mut stream = node.open(head).await?;
    for _ in 0..20 {
        let reply = stream.ask(&Message::find_node(PeerId::random())).await?;
        let own = (0..target.heads()).map(|head| target.id(head));
        let named = own.filter(|id| reply.closer.iter().any(|peer| peer.peer_id() == Some(*id))).count();
        ensure!(named <= 2, "{named} of 6 heads in one answer");
        // A joining node must find more than the one head it started from.
        ensure!(named >= 1, "no head at all in the answer of a head that knows nobody else");
    }
    Ok(())
}

#[tokio::test]
async fn whoever_announced_itself_is_found_by_its_id_through_every_head() -> anyhow::Result<()> {
    let scene = Scene::new().await?;
    let at = address("/ip4/127.0.0.1/tcp/4321");
    let mut stream = scene.stream().await?;
    stream.send(&Message::add_provider(fresh_key(), scene.node.id(), std::slice::from_ref(&at))).await?;
    // Order holds on a stream: when this is answered the announcement has been taken.
    stream.ask(&Message::new(kind::PING, *b"")).await?;
    let (_node, mut sibling) = scene.sibling().await?;
    for attempt in 0..2 {
        let reply = sibling.ask(&Message::find_node(scene.node.id())).await?;
        let first = reply.closer.first().context("no peers at all")?;
        assert_eq!(first.peer_id(), Some(scene.node.id()));
        ensure!(first.multiaddrs().contains(&at), "{:?}", first.multiaddrs());
        if attempt == 0 {
            // And still when it has gone.
            scene.node.disconnect(scene.head)?;
        }
    }
    Ok(())
}

#[tokio::test]
async fn a_key_without_bytes_ends_the_stream_and_a_long_one_is_answered() -> anyhow::Result<()> {
    let scene = Scene::new().await?;
    scene.refuses_message(&Message::new(kind::FIND_NODE, *b"")).await?;
    let reply = scene.ask(&Message::new(kind::FIND_NODE, vec![9; 64 << 10])).await?;
    assert_eq!(reply.kind, kind::FIND_NODE);
    Ok(())
}
