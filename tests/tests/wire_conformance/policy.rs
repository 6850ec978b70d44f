//! What `--address-policy public` keeps from leaving a head.

use anyhow::{Context as _, ensure};
use hydra_tests::harness::{Target, daemon::Options};
use hydra_tests::raw::message::kind;
use hydra_tests::raw::{Message, RawNode, Transport};
use libp2p::multiaddr::Protocol;
use libp2p::{Multiaddr, PeerId};

use crate::scene::{address, fresh_key, stranger};

async fn public() -> anyhow::Result<Target> {
    Target::daemon(Options::heads(2).address_policy("public")).await
}

#[tokio::test]
async fn of_a_providers_addresses_only_the_public_ones_are_told() -> anyhow::Result<()> {
    let target = public().await?;
    let key = fresh_key();
    let good = [address("/ip4/8.8.8.8/tcp/4001"), address("/ip6/2001:4860:4860::8888/udp/4001/quic-v1")];
    let bad = [
        address("/ip4/127.0.0.1/tcp/4001"),
        address("/ip4/10.1.2.3/tcp/4001"),
        address("/ip4/192.168.1.1/udp/4001/quic-v1"),
        address("/ip6/fe80::1/tcp/4001"),
        address("/ip6/::1/tcp/4001"),
    ];
    let (node, mut stream) = stranger(&target, 0).await?;
    let all: Vec<Multiaddr> = bad.iter().chain(&good).cloned().collect();
    stream.send(&Message::add_provider(key.clone(), node.id(), &all)).await?;
    stream.ask(&Message::new(kind::PING, *b"")).await?;
    let (_node, mut sibling) = stranger(&target, 1).await?;
    let reply = sibling.ask(&Message::new(kind::GET_PROVIDERS, key)).await?;
    let mut told = reply.providers.first().context("not stored")?.multiaddrs();
    told.sort();
    assert_eq!(told, good);
    let reply = sibling.ask(&Message::find_node(node.id())).await?;
    let first = reply.closer.first().context("no peers at all")?;
    assert_eq!(first.peer_id(), Some(node.id()));
    ensure!(first.multiaddrs().iter().all(|a| good.contains(a)), "{:?}", first.multiaddrs());
    Ok(())
}

#[tokio::test]
async fn a_provider_with_private_addresses_only_is_told_without_any() -> anyhow::Result<()> {
    let target = public().await?;
    let key = fresh_key();
    let (node, mut stream) = stranger(&target, 0).await?;
    stream.send(&Message::add_provider(key.clone(), node.id(), &[address("/ip4/10.1.2.3/tcp/1")])).await?;
    let reply = stream.ask(&Message::new(kind::GET_PROVIDERS, key)).await?;
    let told = reply.providers.first().context("not stored")?;
    assert_eq!((told.peer_id(), told.multiaddrs()), (Some(node.id()), vec![]));
    Ok(())
}

#[tokio::test]
async fn neither_identify_nor_an_answer_tells_where_a_head_listens_in_private() -> anyhow::Result<()> {
    let target = public().await?;
    let private = |a: &Multiaddr| {
        a.iter().any(|part| matches!(part, Protocol::Ip4(ip) if ip.is_loopback() || ip.is_private()))
    };
    let node = RawNode::new(Transport::TcpNoise)?;
    let head = node.dial(&target.address(0, Transport::TcpNoise)?).await?;
    let info = node.identified(head).await?;
    ensure!(!info.listen_addrs.iter().any(private), "identify tells {:?}", info.listen_addrs);
    let mut stream = node.open(head).await?;
    for id in [target.id(0), target.id(1), PeerId::random()] {
        let reply = stream.ask(&Message::find_node(id)).await?;
        let told: Vec<Multiaddr> = reply.closer.iter().flat_map(hydra_tests::raw::Peer::multiaddrs).collect();
        ensure!(!told.iter().any(private), "FIND_NODE tells {told:?}");
    }
    Ok(())
}
