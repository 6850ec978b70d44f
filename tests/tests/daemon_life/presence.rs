//! Whether strangers can dial a head, and whether its neighbours list it.
//!
//! Two hydras in one namespace with public-looking addresses: the one assumes that it is public
//! and dials back, the other serves only when it was dialled.

use anyhow::{Context as _, ensure};
use hydra_protocol::v1::head_service_client::HeadServiceClient;
use hydra_protocol::v1::peer_service_client::PeerServiceClient;
use hydra_protocol::v1::{Direction, GetHeadRequest, Head, HeadState, ListPeersRequest, ListsUs, Reachable};
use hydra_tests::harness::{Namespace, eventually};
use hydra_tests::world::{World, WorldConfig};

use crate::place::{Hydrad, PATIENCE, Place};
use crate::surroundings::host;

/// One hydra that others can ask, and a place for another beside it.
async fn neighbours(host: &Namespace) -> anyhow::Result<(Hydrad, Place)> {
    let inside = |ip: &str| -> anyhow::Result<Place> {
        let place = Place::new()?.under(&["ip", "netns", "exec", host.name()]);
        Ok(place.flag("listen", ip).flag("address-policy", "public"))
    };
    let first = inside("45.76.1.2")?.serving(1).await?;
    let head = first.head(0).await?;
    let at = format!("/ip4/45.76.1.2/udp/{}/quic-v1/p2p/{}", head.port, head.peer_id);
    let place = inside("89.0.2.3")?.flag("bootstrap-peers", at).flag("presence-measure-seconds", 10);
    Ok((first, place))
}

async fn shown(hydrad: &Hydrad) -> anyhow::Result<Head> {
    let mut client = HeadServiceClient::new(hydrad.channel().await?);
    let answer = client.get_head(GetHeadRequest { head: "head-0".to_owned() }).await?;
    answer.into_inner().head.context("a head")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_public_head_serves_once_a_peer_dialled_it_back_and_is_then_listed() -> anyhow::Result<()> {
    let Some(host) = host(&["45.76.1.2/24", "89.0.2.3/24"])? else { return Ok(()) };
    let (_first, place) = neighbours(&host).await?;
    let mut hydrad = place.up().await?;
    assert_eq!(hydrad.status().await?.reached_tcp, Some(0), "nobody has dialled it yet");
    hydrad.head_when(0, HeadState::Serving).await?;
    let status = hydrad.status_when("both transports are proven", |status| {
        (status.reached_tcp, status.reached_quic) == (Some(1), Some(1))
    });
    let status = status.await?;
    let reach = status.network.iter().find(|check| check.name == "reach").context("a check")?;
    assert_eq!(reach.text, "tcp 1/1, quic 1/1 heads dialled back by peers");
    assert!(!status.warnings.iter().any(|w| w.code == "ADDRESS_PRIVATE"), "{:?}", status.warnings);
    let head = eventually(PATIENCE, || async {
        let head = shown(&hydrad).await?;
        ensure!(head.presence_listed == Some(1), "{:?}: {:?}", head.presence_listed, head.nearest);
        Ok(head)
    })
    .await?;
    assert_eq!((head.presence_asked, head.nearest.len()), (Some(1), 1));
    assert_eq!((head.nearest[0].rank, head.nearest[0].lists_us()), (1, ListsUs::Yes));
    assert_eq!(
        head.buckets.iter().map(|bucket| (bucket.known, bucket.connected)).collect::<Vec<_>>(),
        [(1, 1)]
    );
    let said = hydrad.hydractl(&["heads", "show", "head-0"]).await?;
    assert!(said.good().contains("1 of 1") && said.out.contains("dialled back"), "{said:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_head_whose_port_is_closed_does_not_serve_and_says_which() -> anyhow::Result<()> {
    let Some(host) = host(&["45.76.1.2/24", "89.0.2.3/24"])? else { return Ok(()) };
    let (_first, place) = neighbours(&host).await?;
    let mut place = place.flag("announce", "/ip4/89.0.2.3/tcp/9");
    let hydrad = place.up().await?;
    let closed = "port 9/tcp of 89.0.2.3 does not answer from outside";
    let head = eventually(PATIENCE, || async {
        let head = hydrad.head(0).await?;
        ensure!(head.state_reason == closed, "{:?}: {}", head.state(), head.state_reason);
        Ok(head)
    })
    .await?;
    assert_eq!(head.state(), HeadState::Warming);
    assert!(head.reach.iter().all(|reach| reach.reachable() != Reachable::Yes), "{:?}", head.reach);
    let status = hydrad.status().await?;
    let reach = status.network.iter().find(|check| check.name == "reach").context("a check")?;
    assert!(reach.text.ends_with(closed) && !reach.remedy.is_empty(), "{reach:?}");
    hydrad.stop().await?;
    // whoever knows better says so
    place.set("reachability", "assume-public");
    let hydrad = place.up().await?;
    let head = hydrad.head_when(0, HeadState::Serving).await?;
    assert!(head.reach.is_empty());
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn other_peers_see_each_head_come_from_the_address_and_the_port_that_it_listens_on()
-> anyhow::Result<()> {
    let ips = ["45.76.1.2", "89.0.2.3", "93.184.3.4"];
    let Some(host) = host(&["77.1.1.1/24", "45.76.1.2/24", "89.0.2.3/24", "93.184.3.4/24"])? else {
        return Ok(());
    };
    let inside = || -> anyhow::Result<Place> {
        let place = Place::new()?.under(&["ip", "netns", "exec", host.name()]);
        Ok(place.flag("address-policy", "public").flag("reachability", "assume-public"))
    };
    for transport in ["tcp", "quic"] {
        let tail = if transport == "tcp" { "tcp/{port}" } else { "udp/{port}/quic-v1" };
        // the other side knows one transport of it only
        let other = inside()?.flag("listen", "77.1.1.1").flag("announce", format!("/ip4/77.1.1.1/{tail}"));
        let other = other.serving(1).await?;
        let head = other.head(0).await?;
        let at = head.addresses.first().context("an address")?;
        let spread = inside()?.flag("listen", ips.join(",")).flag("heads", 3);
        // nobody can dial these heads, so that all connections are theirs
        let spread = spread.flag("announce", "/ip4/45.76.1.2/tcp/9");
        let spread = spread.flag("bootstrap-peers", format!("{at}/p2p/{}", head.peer_id));
        let hydrad = spread.up().await?;
        let heads = hydrad.heads().await?;
        eventually(PATIENCE, || async {
            let mut client = PeerServiceClient::new(other.channel().await?);
            let peers = client.list_peers(ListPeersRequest::default()).await?.into_inner().peers;
            for (head, ip) in heads.iter().zip(ips) {
                let seen = peers.iter().find(|peer| peer.peer_id == head.peer_id).context("not connected")?;
                let from = format!("/ip4/{ip}/{}", tail.replace("{port}", &head.port.to_string()));
                ensure!(seen.direction() == Direction::In, "{}: {seen:?}", head.name);
                ensure!(seen.addresses.first() == Some(&from), "{}: {from}, {:?}", head.name, seen.addresses);
            }
            Ok(())
        })
        .await?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_head_connects_with_its_twenty_nearest_and_some_of_each_farther_part_and_they_are_asked()
-> anyhow::Result<()> {
    let world = World::start(WorldConfig { peers: 120, ..WorldConfig::default() }).await?;
    let peer = world.peers().first().context("a light peer")?;
    let at = format!("{}/p2p/{}", peer.addresses().first().context("an address")?, peer.peer());
    let place = Place::new()?.flag("bootstrap-peers", at).flag("presence-measure-seconds", 10);
    let hydrad = place.serving(1).await?;
    let head = eventually(PATIENCE, || async {
        let head = shown(&hydrad).await?;
        let apart = |n: &&hydra_protocol::v1::Neighbour| n.lists_us() == ListsUs::NotConnected;
        ensure!(head.nearest.len() == 20 && head.presence_asked == Some(20), "{:?}", head.nearest);
        ensure!(head.nearest.iter().find(apart).is_none(), "{:?}", head.nearest);
        let far = head.buckets.first().context("a far part")?;
        ensure!(far.connected >= 2, "{:?}", head.buckets);
        Ok(head)
    })
    .await?;
    let ranks: Vec<u32> = head.nearest.iter().map(|neighbour| neighbour.rank).collect();
    assert_eq!(ranks, (1..=20).collect::<Vec<_>>());
    assert!(head.nearest.is_sorted_by(|a, b| a.shared_bits >= b.shared_bits), "{:?}", head.nearest);
    // what it needs and no more: the nearest, and two in each part
    let wanted = 40 + 2 * head.buckets.len() as u64;
    assert!(head.connections_out <= wanted, "{} of {wanted}: {:?}", head.connections_out, head.buckets);
    Ok(())
}
