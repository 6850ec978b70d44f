//! The picture of the peers and of the requests, as `top` asks for it.

use anyhow::{Context as _, ensure};
use hydra_protocol::v1::network_service_client::NetworkServiceClient;
use hydra_protocol::v1::peer_service_client::PeerServiceClient;
use hydra_protocol::v1::{
    AskedFor, Direction, GetTrafficRequest, PeerSort, SurveyPeersRequest, SurveyPeersResponse,
};
use hydra_tests::harness::eventually;
use hydra_tests::raw::message::kind;
use hydra_tests::raw::{Message, RawNode, Transport};
use hydra_tests::world::{Tables, World, WorldConfig};
use tonic::Code;

use crate::place::{Hydrad, PATIENCE, Place, fresh_keys};

async fn survey(hydrad: &Hydrad, request: SurveyPeersRequest) -> Result<SurveyPeersResponse, tonic::Status> {
    let channel = hydrad.channel().await.map_err(|e| tonic::Status::unavailable(e.to_string()))?;
    Ok(PeerServiceClient::new(channel).survey_peers(request).await?.into_inner())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_peers_of_a_network_are_told_as_a_picture_and_as_pages() -> anyhow::Result<()> {
    const PEERS: usize = 40;
    let config = WorldConfig { peers: PEERS, tables: Tables::Kademlia, ..WorldConfig::default() };
    let world = World::start(config).await?;
    let first = &world.peers()[0];
    let at = first.addresses().first().context("a light peer listens")?;
    let place = Place::seeded(2)?.flag("bootstrap-peers", format!("{at}/p2p/{}", first.peer()));
    let mut hydrad = place.serving(2).await?;
    hydrad.status_when("all are known", |status| status.peers_live == PEERS as u64).await?;
    let stranger = RawNode::with_agent(Transport::TcpNoise, "stranger/0.1")?;
    let id = stranger.dial(&hydrad.address(1).await?).await?;
    stranger.identified(id).await?;
    let mut stream = stranger.open(id).await?;
    stream.ask(&Message::new(kind::FIND_NODE, fresh_keys(1).remove(0))).await?;

    // the console is told what the stranger said of itself a moment later
    let whole = eventually(PATIENCE, || async {
        let request = SurveyPeersRequest { bins: 10, limit: 200, ..Default::default() };
        let whole = survey(&hydrad, request).await?;
        ensure!(whole.peers.iter().any(|peer| peer.agent == "stranger/0.1"), "{whole:?}");
        Ok(whole)
    })
    .await?;
    assert_eq!((whole.live, whole.bins.iter().sum::<u32>()), (PEERS as u64, PEERS as u32));
    assert_eq!((whole.bins.len(), whole.flows_10m.len()), (10, 16));
    // our two heads are in the table, and not among the live peers
    let joined: u64 = whole.flows_10m.iter().map(|flow| flow.joined).sum();
    assert_eq!((joined, whole.flow_1h.map(|flow| flow.joined)), (PEERS as u64, Some(PEERS as u64)));
    let agents: u64 = whole.agents.iter().map(|agent| agent.peers).sum();
    assert_eq!(agents + whole.agents_unknown + whole.agents_other, PEERS as u64);
    let open: u64 = whole.connections.iter().map(|count| count.open).sum();
    let status = hydrad.status().await?;
    assert!(open >= 1 && whole.connected >= 1, "{whole:?}");
    assert_eq!(status.peers_live, whole.live);
    assert!(whole.unique_peers_24h > PEERS as u64 / 2, "{}", whole.unique_peers_24h);
    assert_eq!(whole.total as usize, whole.peers.len());

    let halves = async |first: u8| {
        let request = SurveyPeersRequest { prefix_bits: 1, prefix: vec![first], ..Default::default() };
        survey(&hydrad, request).await
    };
    let (low, high) = (halves(0x00).await?, halves(0x80).await?);
    assert_eq!(low.live + high.live, PEERS as u64);
    assert!(low.peers.iter().all(|peer| peer.key[0] < 0x80) && low.bins.len() == 232);

    let filter = "agent:stranger head:1 dir:in via:tcp ip:127.".to_owned();
    let found = survey(&hydrad, SurveyPeersRequest { filter, ..Default::default() }).await?;
    assert_eq!((found.total, found.live), (1, PEERS as u64), "{:?}", found.peers);
    assert_eq!(found.peers[0].peer_id, stranger.id().to_string());
    assert_eq!(found.peers[0].direction(), Direction::In);

    let page = async |offset| {
        let sort = PeerSort::Rtt.into();
        let request = SurveyPeersRequest { sort, descending: true, limit: 15, offset, ..Default::default() };
        anyhow::Ok(survey(&hydrad, request).await?.peers)
    };
    let (one, two) = (page(0).await?, page(15).await?);
    let rtts: Vec<f64> = one.iter().chain(&two).filter_map(|peer| peer.rtt_seconds).collect();
    assert!(rtts.len() > 20 && rtts.is_sorted_by(|a, b| a >= b), "{rtts:?}");

    let no_field = SurveyPeersRequest { filter: "agnet:kubo".into(), ..Default::default() };
    let refused = survey(&hydrad, no_field).await.err().context("refused")?;
    assert_eq!(refused.code(), Code::InvalidArgument, "{refused}");
    assert!(refused.message().contains("no field agnet"), "{refused}");
    let too_deep = SurveyPeersRequest { prefix_bits: 60, prefix: vec![0; 32], ..Default::default() };
    assert_eq!(
        survey(&hydrad, too_deep).await.err().map(|refused| refused.code()),
        Some(Code::InvalidArgument)
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_served_and_made_are_told_with_their_times_and_bytes() -> anyhow::Result<()> {
    let first = Place::new()?.serving(1).await?;
    let place = Place::seeded(1)?.flag("bootstrap-peers", first.address(0).await?);
    let mut hydrad = place.serving(1).await?;
    hydrad.status_when("the first is known", |status| status.peers_live == 1).await?;
    let node = RawNode::new(Transport::TcpNoise)?;
    let id = node.dial(&hydrad.address(0).await?).await?;
    let traffic = eventually(PATIENCE, || async {
        let mut stream = node.open(id).await?;
        stream.ask(&Message::new(kind::FIND_NODE, fresh_keys(1).remove(0))).await?;
        let asked =
            NetworkServiceClient::new(hydrad.channel().await?).get_traffic(GetTrafficRequest {}).await?;
        let traffic = asked.into_inner();
        let find = traffic.served.iter().find(|served| served.rpc == "FIND_NODE").context("FIND_NODE")?;
        ensure!(find.per_second > 0.0 && !traffic.asked.is_empty(), "{traffic:?}");
        Ok(traffic)
    })
    .await?;
    let find = traffic.served.iter().find(|served| served.rpc == "FIND_NODE").context("FIND_NODE")?;
    assert!(
        find.bytes_in_per_second > 0.0 && find.bytes_out_per_second > find.bytes_in_per_second,
        "{find:?}"
    );
    assert!(find.p50_seconds.is_some() && find.p50_seconds <= find.p999_seconds, "{find:?}");
    let shares: f64 = traffic.served.iter().filter_map(|served| served.share_ratio).sum();
    assert!((shares - 1.0).abs() < 1e-9 && traffic.served.len() == 6, "{traffic:?}");
    let crawl = traffic.asked.iter().find(|asked| asked.asked_for() == AskedFor::Crawl);
    let crawl = crawl.with_context(|| format!("the crawl asks: {:?}", traffic.asked))?;
    assert!(crawl.per_second > 0.0 && (0.0..=1.0).contains(&crawl.failed_ratio), "{crawl:?}");
    Ok(())
}
