//! Peers that send too much, too little or nothing: their streams end, everybody else goes
//! on being answered within a second, and memory returns.

use std::time::Duration;

use anyhow::ensure;
use futures::future::join_all;
use hydra_tests::harness::Target;
use hydra_tests::raw::message::{Peer, kind};
use hydra_tests::raw::{Message, RawNode, Transport, frame};
use libp2p::{Multiaddr, PeerId};

use crate::scene::{Scene, address, fresh_key, rounds, stranger};

/// What a daemon may keep above what it had after the first round of an abuse: the
/// allocator returns memory lazily, and connections just closed are still being torn down.
const SLACK: u64 = 48 << 20;

#[tokio::test]
async fn ten_thousand_peers_in_a_message_are_no_burden() -> anyhow::Result<()> {
    let scene = Scene::new().await?;
    let own = Peer::new(scene.node.id(), &[address("/ip4/127.0.0.1/tcp/1")]);
    let key = fresh_key();
    let mut message = Message::new(kind::ADD_PROVIDER, key.clone());
    message.providers = (0..10_000).map(|_| Peer::new(PeerId::random(), &[])).collect();
    message.providers.push(own);
    let mut stream = scene.stream().await?;
    stream.send(&message).await?;
    // Taken or refused is the head's policy (Go takes it); what counts is the rest.
    scene.answers().await?;
    let mut message = Message::new(kind::GET_PROVIDERS, key);
    message.closer = (0..10_000).map(|_| Peer::new(PeerId::random(), &[])).collect();
    scene.stream().await?.send(&message).await?;
    scene.answers().await
}

#[tokio::test]
async fn a_megabyte_of_addresses_is_cut_to_what_a_peer_may_have() -> anyhow::Result<()> {
    let scene = Scene::new().await?;
    let key = fresh_key();
    let many: Vec<Multiaddr> = (1..60_000_u32)
        .map(|n| address(&format!("/ip4/127.{}.{}.1/tcp/{}", n >> 8 & 0xff, n & 0xff, n & 0x7fff | 1)))
        .collect();
    let message = Message::add_provider(key.clone(), scene.node.id(), &many);
    ensure!(message.bytes().len() > 500_000);
    let mut stream = scene.stream().await?;
    stream.send(&message).await?;
    scene.answers().await?;
    let reply = scene.ask(&Message::new(kind::GET_PROVIDERS, key)).await?;
    let size: usize = reply.providers.iter().map(|p| p.addrs.iter().map(Vec::len).sum::<usize>()).sum();
    ensure!(size <= 8 << 10, "{size} bytes of addresses came back");
    if scene.target.hydra().is_some() {
        let count: usize = reply.providers.iter().map(|p| p.addrs.len()).sum();
        ensure!((1..=16).contains(&count) && size <= 1 << 10, "{count} addresses, {size} bytes");
    }
    Ok(())
}

#[tokio::test]
async fn rust_libp2p_gets_no_answer_that_is_too_long_for_it() -> anyhow::Result<()> {
    /// `libp2p::kad` ends a stream on which a longer message comes.
    const LIMIT: usize = 16 << 10;
    let target = Target::new(2).await?;
    if target.hydra().is_none() {
        // Go sends all to all.
        return Ok(());
    }
    let key = fresh_key();
    let addresses: Vec<Multiaddr> =
        (1..=12).map(|n| address(&format!("/dns4/{}.example/tcp/{n}", "x".repeat(60)))).collect();
    for head in 0..40 {
        let (node, mut stream) = stranger(&target, head).await?;
        stream.send(&Message::add_provider(key.clone(), node.id(), &addresses)).await?;
        stream.ask(&Message::new(kind::PING, *b"")).await?;
    }
    let ask = Message::new(kind::GET_PROVIDERS, key);
    let (_node, mut stream) = stranger(&target, 0).await?;
    let whole = stream.ask(&ask).await?.bytes().len();
    ensure!(whole > LIMIT, "the whole answer has {whole} bytes: the test needs more");

    let node = RawNode::with_agent(Transport::TcpNoise, "rust-libp2p/0.57.1")?;
    let head = node.dial(&target.address(0, Transport::TcpNoise)?).await?;
    // The head learns the agent by identify, when it comes to it.
    let (node, ask) = (&node, &ask);
    hydra_tests::harness::eventually(Duration::from_secs(5), || async move {
        let reply = node.open(head).await?.ask(ask).await?;
        ensure!(reply.bytes().len() <= LIMIT, "{} bytes", reply.bytes().len());
        ensure!(reply.providers.len() > 5, "and only {} providers", reply.providers.len());
        Ok(())
    })
    .await
}

#[tokio::test]
async fn many_nodes_of_one_private_address_are_all_served() -> anyhow::Result<()> {
    // Limits an address are for public ones: a laboratory is one address.
    let target = Target::new(2).await?;
    let mut nodes = Vec::new();
    for n in 0..80 {
        nodes.push(stranger(&target, n % 2).await?);
    }
    for (_node, stream) in &mut nodes {
        crate::scene::prompt(stream).await?;
    }
    Ok(())
}

#[tokio::test]
async fn a_hundred_silent_streams_do_not_keep_others_from_being_answered() -> anyhow::Result<()> {
    let scene = Scene::new().await?;
    let mut silent = Vec::new();
    for _ in 0..100 {
        // A head that refuses some of them at opening is right too.
        if let Ok(stream) = scene.stream().await {
            silent.push(stream);
        }
    }
    // On the very connection: the oldest idle stream gives way to a new one.
    scene.answers().await?;
    let alive = join_all(silent.iter_mut().map(|s| s.ends_within(Duration::from_secs(1)))).await;
    if scene.target.hydra().is_some() {
        let open = alive.iter().filter(|ended| !**ended).count();
        ensure!(open <= 64, "{open} silent streams stay open on one connection");
    }
    Ok(())
}

#[tokio::test]
async fn a_byte_a_second_holds_up_nobody() -> anyhow::Result<()> {
    let scene = Scene::new().await?;
    let mut slow = Vec::new();
    for _ in 0..20 {
        slow.push(scene.stream().await?);
    }
    let message = frame(&Message::new(kind::FIND_NODE, vec![7; 200]).bytes());
    for byte in &message[..4] {
        for stream in &mut slow {
            stream.write(&[*byte]).await?;
        }
        scene.answers().await?;
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    Ok(())
}

#[tokio::test]
async fn a_request_that_takes_longer_than_the_deadline_ends_its_stream() -> anyhow::Result<()> {
    let scene = Scene::new().await?;
    if scene.target.hydra().is_none() {
        // Go waits a minute from message to message, and for the rest of one without end.
        return Ok(());
    }
    let mut stream = scene.stream().await?;
    let message = frame(&Message::new(kind::FIND_NODE, vec![7; 200]).bytes());
    let trickle = async {
        for byte in message {
            if stream.write(&[byte]).await.is_err() {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        anyhow::bail!("200 bytes in 200 seconds were taken")
    };
    // A minute is what an idle stream gets at most; a message must not buy more.
    tokio::time::timeout(Duration::from_secs(75), trickle).await?
}

#[tokio::test]
async fn streams_cut_in_the_middle_of_a_message_leave_nothing_behind() -> anyhow::Result<()> {
    for transport in Transport::ALL {
        let scene = Scene::over(transport).await?;
        let message = frame(&Message::new(kind::FIND_NODE, vec![7; 100_000]).bytes());
        for cut in [0, 1, 2, 3, 4, 100, 50_000, message.len() - 1] {
            let mut stream = scene.stream().await?;
            stream.write(&message[..cut]).await?;
            if cut % 2 == 0 {
                stream.half_close().await?;
            }
            drop(stream);
        }
        scene.answers().await?;
    }
    Ok(())
}

#[tokio::test]
async fn storms_of_connections_that_are_dropped_leave_no_memory_behind() -> anyhow::Result<()> {
    for transport in Transport::ALL {
        let scene = Scene::over(transport).await?;
        let mut first = None;
        for _round in 0..rounds(4) {
            join_all((0..40).map(|n| storm(&scene, transport, n))).await;
            scene.answers().await?;
            let Some(usage) = scene.target.usage()? else { break };
            let first = *first.get_or_insert(usage.rss_bytes);
            ensure!(
                usage.rss_bytes < first + SLACK,
                "{transport}: from {first} to {} bytes",
                usage.rss_bytes
            );
        }
    }
    Ok(())
}

/// Connects, does a little or nothing, and is gone. It may be refused: a storm meets limits.
async fn storm(scene: &Scene, transport: Transport, n: usize) {
    let Ok(address) = scene.target.address(n % 2, transport) else { return };
    let Ok(node) = RawNode::new(transport) else { return };
    if let Ok(head) = node.dial(&address).await
        && !n.is_multiple_of(3)
        && let Ok(mut stream) = node.open(head).await
    {
        drop(stream.write(&[0x7f, 0x08]).await);
    }
}

#[tokio::test]
async fn half_sent_messages_of_four_mebibytes_do_not_stay_in_memory() -> anyhow::Result<()> {
    let scene = Scene::new().await?;
    let mut largest = frame(&vec![0; 4 << 20]);
    largest.truncate(largest.len() / 2);
    let mut first = None;
    for _round in 0..rounds(3) {
        let mut nodes = Vec::new();
        for head in 0..10 {
            let (node, mut stream) = stranger(&scene.target, head % 2).await?;
            // The head may read as slowly as it likes, or end the stream.
            drop(tokio::time::timeout(Duration::from_millis(500), stream.write(&largest)).await);
            nodes.push((node, stream));
        }
        scene.answers().await?;
        drop(nodes);
        let Some(daemon) = scene.target.hydra() else { break };
        let (daemon, scene) = (&daemon, &scene);
        let first = *first.get_or_insert(daemon.usage()?.rss_bytes);
        hydra_tests::harness::eventually(Duration::from_secs(20), || async move {
            scene.answers().await?;
            let now = daemon.usage()?.rss_bytes;
            ensure!(now < first + SLACK, "from {first} to {now} bytes");
            Ok(())
        })
        .await?;
    }
    Ok(())
}

#[tokio::test]
async fn whoever_never_reads_its_answers_is_not_waited_for() -> anyhow::Result<()> {
    let scene = Scene::new().await?;
    let mut deaf = scene.stream().await?;
    let ask = frame(&Message::new(kind::PING, vec![7; 60_000]).bytes());
    // The answers fill the window, then the head must stop reading, not buffer.
    let flood = async {
        for _ in 0..2_000 {
            if deaf.write(&ask).await.is_err() {
                break;
            }
        }
    };
    drop(tokio::time::timeout(Duration::from_secs(5), flood).await);
    let (_node, mut other) = stranger(&scene.target, 0).await?;
    crate::scene::prompt(&mut other).await?;
    let (_node, mut sibling) = scene.sibling().await?;
    crate::scene::prompt(&mut sibling).await?;
    if let Some(daemon) = scene.target.hydra() {
        let rss = daemon.usage()?.rss_bytes;
        ensure!(rss < 400 << 20, "{rss} bytes for one peer that does not read");
    }
    Ok(())
}
