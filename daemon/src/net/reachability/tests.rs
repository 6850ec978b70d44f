//! Against libp2p's own AutoNAT v2, either side, over loopback.

use std::time::Duration;

use futures::StreamExt as _;
use libp2p::swarm::{NetworkBehaviour, SwarmEvent};
use libp2p::{Multiaddr, PeerId, Swarm, SwarmBuilder, identify, noise, tcp, yamux};
use tokio::time::timeout;

use super::Reachability;
use crate::routing::AddressPolicy;

const PATIENCE: Duration = Duration::from_secs(60);

#[derive(NetworkBehaviour)]
struct Node<B: NetworkBehaviour> {
    identify: identify::Behaviour,
    asks: B,
}

async fn node<B: NetworkBehaviour>(asks: B) -> (Swarm<Node<B>>, Multiaddr) {
    let mut swarm = SwarmBuilder::with_new_identity()
        .with_tokio()
        .with_tcp(tcp::Config::default(), noise::Config::new, yamux::Config::default)
        .expect("tcp")
        .with_behaviour(|key| {
            let identify = identify::Config::new("/test".to_owned(), key.public());
            Node { identify: identify::Behaviour::new(identify), asks }
        })
        .expect("a behaviour")
        .with_swarm_config(|config| config.with_idle_connection_timeout(PATIENCE))
        .build();
    swarm.listen_on("/ip4/127.0.0.1/tcp/0".parse().expect("an address")).expect("a port");
    loop {
        if let SwarmEvent::NewListenAddr { address, .. } = swarm.select_next_some().await {
            return (swarm, address);
        }
    }
}

/// Ours, connected with a peer that runs by itself.
async fn ours(peer: PeerId, at: Multiaddr) -> (Swarm<Node<Reachability>>, Multiaddr) {
    let (mut swarm, own) = node(Reachability::new(AddressPolicy::Any)).await;
    swarm.dial(at).expect("a dial");
    until(&mut swarm, |asks| asks.servers().any(|(server, _)| *server == peer)).await;
    (swarm, own)
}

/// Runs until it holds: not everything that happens is an event.
async fn until(swarm: &mut Swarm<Node<Reachability>>, holds: impl Fn(&Reachability) -> bool) {
    let running = async {
        while !holds(&swarm.behaviour().asks) {
            drop(timeout(Duration::from_millis(20), swarm.select_next_some()).await);
        }
    };
    timeout(PATIENCE, running).await.expect("what was waited for");
}

async fn reached(swarm: &mut Swarm<Node<Reachability>>, server: PeerId, addr: Multiaddr) -> Option<bool> {
    swarm.behaviour_mut().asks.ask(server, addr);
    loop {
        let event = timeout(PATIENCE, swarm.select_next_some()).await.expect("an answer");
        if let SwarmEvent::Behaviour(NodeEvent::Asks(event)) = event {
            return event.reached;
        }
    }
}

/// A port at which nobody listens.
fn nobody() -> Multiaddr {
    let port =
        std::net::TcpListener::bind("127.0.0.1:0").and_then(|l| l.local_addr()).expect("a port").port();
    format!("/ip4/127.0.0.1/tcp/{port}").parse().expect("an address")
}

#[tokio::test]
async fn a_libp2p_server_proves_an_open_port_and_a_closed_one() {
    let (mut server, at) = node(libp2p_autonat::v2::server::Behaviour::default()).await;
    let peer = *server.local_peer_id();
    let runs = tokio::spawn(async move { while server.next().await.is_some() {} });
    let (mut swarm, own) = ours(peer, at).await;
    assert_eq!(reached(&mut swarm, peer, own).await, Some(true));
    assert_eq!(reached(&mut swarm, peer, nobody()).await, Some(false));
    runs.abort();
}

#[tokio::test]
async fn several_questions_at_once_over_one_connection_are_all_answered() {
    let (mut server, at) = node(Reachability::new(AddressPolicy::Any)).await;
    server.behaviour_mut().asks.offer(true);
    let peer = *server.local_peer_id();
    let runs = tokio::spawn(async move { while server.next().await.is_some() {} });
    let (mut swarm, own) = ours(peer, at).await;
    swarm.behaviour_mut().asks.ask(peer, nobody());
    swarm.behaviour_mut().asks.ask(peer, own);
    let mut answers = Vec::new();
    while answers.len() < 2 {
        let event = timeout(PATIENCE, swarm.select_next_some()).await.expect("an answer");
        if let SwarmEvent::Behaviour(NodeEvent::Asks(event)) = event {
            answers.push(event.reached);
        }
    }
    answers.sort_unstable();
    assert_eq!(answers, [Some(false), Some(true)]);
    runs.abort();
}

#[tokio::test]
async fn a_libp2p_client_is_dialled_back_by_ours() {
    let (mut server, at) = node(Reachability::new(AddressPolicy::Any)).await;
    server.behaviour_mut().asks.offer(true);
    let runs = tokio::spawn(async move { while server.next().await.is_some() {} });
    let config = libp2p_autonat::v2::client::Config::default().with_probe_interval(Duration::from_millis(50));
    let client = libp2p_autonat::v2::client::Behaviour::new(rand::make_rng::<rand::rngs::StdRng>(), config);
    let (mut swarm, _) = node(client).await;
    swarm.dial(at).expect("a dial");
    let confirmed = async {
        loop {
            if let SwarmEvent::ExternalAddrConfirmed { address } = swarm.select_next_some().await {
                return address;
            }
        }
    };
    let confirmed = timeout(PATIENCE, confirmed).await.expect("a confirmed address");
    assert!(confirmed.to_string().starts_with("/ip4/127.0.0.1/tcp/"), "{confirmed}");
    runs.abort();
}

#[tokio::test]
async fn ours_asks_ours_until_it_no_longer_offers_to_dial() {
    let (mut server, at) = node(Reachability::new(AddressPolicy::Any)).await;
    server.behaviour_mut().asks.offer(true);
    let peer = *server.local_peer_id();
    let (stop, mut stopped) = tokio::sync::oneshot::channel();
    let runs = tokio::spawn(async move {
        loop {
            tokio::select! {
                _ = server.next() => {}
                Ok(()) = &mut stopped => break,
            }
        }
        server.behaviour_mut().asks.offer(false);
        while server.next().await.is_some() {}
    });
    let (mut swarm, own) = ours(peer, at).await;
    assert_eq!(reached(&mut swarm, peer, own.clone()).await, Some(true));
    assert_eq!(reached(&mut swarm, peer, nobody()).await, Some(false));
    let victim: Multiaddr = "/ip4/127.0.0.2/tcp/1".parse().expect("an address");
    assert_eq!(reached(&mut swarm, peer, victim).await, None, "another host is not dialled");
    stop.send(()).expect("the server runs");
    until(&mut swarm, |asks| asks.servers().count() == 0).await;
    assert_eq!(reached(&mut swarm, peer, own).await, None);
    runs.abort();
}
