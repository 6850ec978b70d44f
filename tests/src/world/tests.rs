//! A private network of light peers finds what it was told, through any of its peers.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use super::table::{K, distance, place};
use super::{Known, Tables, TrafficConfig, World, WorldConfig};
use crate::load::guard::Reach;
use crate::load::keys::{Domain, key};

async fn world(config: WorldConfig) -> Arc<World> {
    Arc::new(World::start(config).await.expect("a world"))
}

#[tokio::test(flavor = "multi_thread")]
async fn every_light_peer_finds_every_key() {
    let world = world(WorldConfig { peers: 40, ..WorldConfig::default() }).await;
    for (n, peer) in world.peers().iter().enumerate().step_by(8) {
        let told = peer.provide(&key(1, Domain::Known, n as u64)).await.expect("provided");
        assert_eq!(told, K, "the 20 closest take it");
    }
    for peer in world.peers() {
        for (n, provider) in world.peers().iter().enumerate().step_by(8) {
            let found = peer.find_providers(&key(1, Domain::Known, n as u64)).await;
            assert_eq!(found.len(), 1, "{} asks for key {n}", peer.peer());
            assert_eq!(found[0].id, provider.peer().to_bytes());
            assert_eq!(found[0].addrs.len(), provider.addresses().len());
        }
        assert!(peer.find_providers(&key(1, Domain::Missing, 0)).await.is_empty());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn lookups_through_sparse_tables_converge_on_the_true_closest() {
    let world = world(WorldConfig { peers: 100, quic: true, ..WorldConfig::default() }).await;
    let largest = world.peers().iter().map(|peer| peer.known().len()).max().expect("peers");
    assert!(largest < 60, "a Kademlia table of 100 peers holds {largest}");
    for n in 0..10 {
        let target = key(2, Domain::Missing, n);
        let at = place(&target);
        let asker = &world.peers()[n as usize * 7];
        let mut truth: Vec<_> =
            world.peers().iter().map(|p| p.peer()).filter(|p| *p != asker.peer()).collect();
        truth.sort_by_key(|peer| distance(&place(&peer.to_bytes()), &at));
        let walked = asker.lookup(&target).await;
        let found: Vec<_> = walked.closest.iter().map(|known| known.peer).collect();
        assert_eq!(found, truth[..K], "key {n} after asking {}", walked.asked);
        assert_eq!(walked.failed, 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_is_published_and_resolved_and_an_older_record_loses() {
    let world = world(WorldConfig { peers: 25, tables: Tables::Full, ..WorldConfig::default() }).await;
    let owner = &world.peers()[3];
    assert_eq!(owner.publish("/ipfs/bafkqaaa", 5).await.expect("published"), K);
    let record = world.peers()[20].resolve(&owner.peer()).await.expect("a record");
    assert_eq!(
        crate::load::ipns::sequence_if_signed(&crate::load::ipns::key_of(&owner.peer()), &record),
        Some(5)
    );
    assert!(owner.publish("/ipfs/bafkqaaa", 4).await.is_err(), "an older sequence is refused by all");
    assert!(world.peers()[20].resolve(&world.peers()[4].peer()).await.is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn peers_live_on_addresses_of_their_own_on_loopback_only() {
    let config = WorldConfig { peers: 12, ips_per_peer: 3, quic: true, ..WorldConfig::default() };
    let world = world(config).await;
    let addrs: Vec<_> = world.peers().iter().flat_map(|peer| peer.addresses().to_vec()).collect();
    assert_eq!(addrs.len(), 12 * 3 * 2);
    assert!(addrs.iter().all(|addr| Reach::Loopback.allows(addr)));
    let hosts: HashSet<_> = addrs.iter().map(|addr| addr.iter().next().map(|ip| ip.to_string())).collect();
    assert_eq!(hosts.len(), 12 * 3);
    let stranger = libp2p::PeerId::random();
    let public = "/ip4/8.8.8.8/tcp/4001".parse().expect("a multiaddr");
    world.join(stranger, &[public], "hydrad/0");
    assert!(world.heads().is_empty(), "a server without a loopback address is not taken");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_dials_in_is_learned_and_given_traffic() {
    let world = world(WorldConfig { peers: 10, ..WorldConfig::default() }).await;
    // A light peer of another world stands for a head: only its agent differs.
    let other = self::world(WorldConfig { peers: 1, ..WorldConfig::default() }).await;
    let head = &other.peers()[0];
    world.join(head.peer(), head.addresses(), "hydrad/test");
    let traffic = world.traffic(TrafficConfig { per_second: 500.0, keys: 20, ..TrafficConfig::default() });
    let deadline = std::time::Instant::now() + Duration::from_secs(20);
    loop {
        tokio::time::sleep(Duration::from_millis(50)).await;
        let count = traffic.count();
        if count.announced > 50 && count.answered > 50 && count.found > 5 {
            break;
        }
        assert!(std::time::Instant::now() < deadline, "{count:?}");
    }
    // The askers told who they are, so the head has met them.
    let met: HashSet<_> = head.known().into_iter().map(|known: Known| known.peer).collect();
    assert!(world.peers().iter().any(|peer| met.contains(&peer.peer())));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_peer_is_passed_over_and_forgotten() {
    let world = world(WorldConfig { peers: 12, tables: Tables::Full, ..WorldConfig::default() }).await;
    let dead = libp2p::PeerId::random();
    let nobody = "/ip4/127.0.0.1/tcp/1".parse().expect("a multiaddr");
    let asker = &world.peers()[0];
    asker.introduce(dead, vec![nobody], "light-peer/dead");
    let walked = asker.lookup(&dead.to_bytes()).await;
    assert_eq!((walked.closest.len(), walked.failed), (11, 1));
    assert!(asker.known().iter().all(|known| known.peer != dead));
}
