//! What is known of the network, what it is asked for, and how many heads follow from it.

use anyhow::Context as _;
use data_encoding::HEXLOWER;
use hydra_tests::harness::eventually;
use hydra_tests::world::{Tables, World, WorldConfig};

use crate::place::{Hydrad, PATIENCE, Place, fresh_keys, hydractl};

/// A hydra with three heads, and one with two that knows it.
async fn two() -> anyhow::Result<(Hydrad, Place, Hydrad)> {
    let first = Place::new()?.flag("heads", 3).serving(3).await?;
    let at = first.address(0).await?;
    let place = Place::seeded(2)?.flag("bootstrap-peers", at);
    let mut second = place.serving(2).await?;
    second.status_when("the first is known", |status| status.peers_live >= 2).await?;
    Ok((first, place, second))
}

#[tokio::test(flavor = "multi_thread")]
async fn the_network_is_told_as_far_as_it_is_known() -> anyhow::Result<()> {
    let lone = Place::seeded(2)?.serving(2).await?;
    let network = lone.json(&["network"]).await?;
    assert_eq!(network["schema"], "hydra.v1/Network");
    assert_eq!(network["heads"], 2, "{network}");
    for unknown in
        ["size_by_crawl", "size_by_distance", "difference_ratio", "coverage_ratio", "available_ratio"]
    {
        assert!(network[unknown].is_null(), "{unknown} of {network}");
    }
    let said = lone.hydractl(&["network", "coverage"]).await?;
    assert!(said.good().contains("no server of the network is known"), "{said:?}");

    let (_first, _place, second) = two().await?;
    let network = eventually(PATIENCE, || async {
        let network = second.json(&["network"]).await?;
        anyhow::ensure!(network["crawled_at"].is_string(), "{network}");
        Ok(network)
    })
    .await?;
    assert!(network["peers_live"].as_u64() >= Some(2), "{network}");
    // of so few servers every key has ours among its nearest
    assert_eq!(network["coverage_ratio"], 1, "{network}");
    let coverage = second.json(&["network", "coverage", "--heads", "1,7"]).await?;
    assert_eq!(coverage["coverage_with"][1]["heads"], 7, "{coverage}");
    let plan = second.json(&["network", "plan", "--coverage", "0.5"]).await?;
    assert_eq!(plan["places_total"], 0, "{plan}");
    assert_eq!(plan["networks"][3]["peers"], 1_000_000, "{plan}");
    assert!(plan["networks"][3]["heads_placed"].as_u64() > Some(10_000), "{plan}");
    let said = second.hydractl(&["network", "plan", "--coverage", "1.5"]).await?;
    assert_eq!(said.code, Some(2), "{said:?}");

    let peers = second.json(&["peers", "list", "--where", "known"]).await?;
    let peer = &peers["items"][0];
    assert!(peer["rtt_seconds"].is_number() && peer["shared_bits"].is_number(), "{peer}");
    assert!(peer["protocols"].to_string().contains("/kad/1.0.0"), "{peer}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_head_where_the_plan_puts_it_raises_the_coverage() -> anyhow::Result<()> {
    const PEERS: usize = 60;
    let config = WorldConfig { peers: PEERS, tables: Tables::Kademlia, ..WorldConfig::default() };
    let world = World::start(config).await?;
    let first = &world.peers()[0];
    let at = first.addresses().first().context("a light peer listens")?;
    let place = Place::seeded(1)?.flag("bootstrap-peers", format!("{at}/p2p/{}", first.peer()));
    let mut hydrad = place.serving(1).await?;
    hydrad.status_when("all are known", |status| status.peers_live == PEERS as u64).await?;
    let network = eventually(PATIENCE, || async {
        let network = hydrad.json(&["network"]).await?;
        anyhow::ensure!(network["size_by_crawl"].is_number(), "{network}");
        Ok(network)
    })
    .await?;
    let size = network["size_by_crawl"].as_u64().unwrap_or(0);
    assert!((54..=66).contains(&size), "{network}");
    let before = network["coverage_ratio"].as_f64().context("a coverage")?;
    assert!((0.05..0.9).contains(&before), "{network}");

    let plan = hydrad.json(&["network", "plan", "--coverage", "0.95"]).await?;
    let (place, bits) = (&plan["places"][0], plan["places"][0]["bits"].as_u64().unwrap_or(0));
    let near = place["near_hex"].as_str().context("a place")?;
    assert!(bits >= 1, "{plan}");
    let planned = hydrad.json(&["heads", "add", "--near", near, "--dry-run"]).await?;
    let said = hydrad.hydractl(&["heads", "add", "--near", near, "-o", "json"]).await?;
    let added: serde_json::Value = serde_json::from_str(said.good())?;
    assert_eq!(added["items"][0]["peer_id"], planned["items"][0]["peer_id"], "{added}");
    assert!(said.err.contains(&format!("the first {bits} bits of the zone around {near}")), "{said:?}");
    hydrad.serve(2).await?;
    let after =
        hydrad.json(&["network", "coverage"]).await?["coverage_ratio"].as_f64().context("a coverage")?;
    let gain = place["gain_ratio"].as_f64().context("a gain")?;
    // the zone is covered for certain; among so few, what lies around it depends on the head's id
    assert!((0.5 * gain..2.0 * gain).contains(&(after - before)), "{before} and {gain} make {after}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn providers_are_fetched_from_the_network_and_not_stored() -> anyhow::Result<()> {
    let (first, place, second) = two().await?;
    let keys = fresh_keys(2);
    let mut providers = Vec::new();
    for head in 0..3 {
        providers.push(first.announce(head, &keys[..1], "/ip4/127.0.0.9/tcp/4001").await?.to_base58());
    }
    let (there, missing) = (HEXLOWER.encode(&keys[0]), HEXLOWER.encode(&keys[1]));
    let fetched = second.json(&["records", "fetch", &there]).await?;
    assert_eq!(fetched["schema"], "hydra.v1/Fetch");
    let found: Vec<&str> = fetched["providers"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|one| one["provider_peer_id"].as_str())
        .collect();
    assert_eq!(found.len(), 3, "{fetched}");
    assert!(providers.iter().all(|id| found.contains(&id.as_str())), "{fetched}");
    assert_eq!(fetched["providers"][0]["addresses"][0], "/ip4/127.0.0.9/tcp/4001", "{fetched}");
    assert_eq!((&fetched["ended"], &fetched["found_at_hop"]), (&"complete".into(), &1.into()), "{fetched}");
    let asked = fetched["asked"].as_array().map_or(&[][..], Vec::as_slice);
    assert!(!asked.is_empty() && asked.iter().all(|one| one["outcome"] == "answered"), "{fetched}");
    assert!(asked[0]["agent"].as_str().is_some_and(|agent| agent.starts_with("hydrad/")), "{fetched}");

    let said = second.hydractl(&["records", "fetch", &there]).await?;
    assert_eq!(said.good().lines().count(), 4, "{said:?}");
    assert!(
        said.err.starts_with("3 providers from ") && said.err.ends_with(" s. Nothing stored.\n"),
        "{said:?}"
    );
    let said = second.hydractl(&["records", "fetch", &there, "--limit", "1", "-o", "name"]).await?;
    assert_eq!(said.good().lines().count(), 1, "{said:?}");
    assert_eq!(second.status().await?.records, 0);

    let said = second.hydractl(&["records", "fetch", &missing]).await?;
    assert!(said.code == Some(5) && said.err.contains("no provider of"), "{said:?}");
    let said = second.hydractl(&["records", "fetch", &missing, "--keep"]).await?;
    assert_eq!(said.code, Some(5), "{said:?}");
    let said = second.hydractl(&["records", "fetch", &there, "--keep"]).await?;
    assert!(said.good().lines().count() == 4 && said.err.contains("3 kept for "), "{said:?}");
    // whoever may only look does not make the daemon walk
    let said = hydractl(&place.observe(), &["records", "fetch", &there]).await?;
    assert_eq!(said.code, Some(4), "{said:?}");
    let lone = Place::new()?.serving(1).await?;
    let said = lone.hydractl(&["records", "fetch", &there]).await?;
    assert!(said.code == Some(1) && said.err.contains("no server is known"), "{said:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn lookups_are_given_up_with_their_reader_and_bounded_in_number() -> anyhow::Result<()> {
    use hydra_protocol::v1::FetchRecordsRequest;
    use hydra_protocol::v1::record_service_client::RecordServiceClient;

    // it answers nobody: lookups last as long as they may
    let (first, _place, second) = two().await?;
    first.signal(rustix::process::Signal::STOP)?;
    let mut client = RecordServiceClient::new(second.channel().await?);
    let request = || FetchRecordsRequest { key: HEXLOWER.encode(&fresh_keys(1)[0]), ..Default::default() };
    let mut open = Vec::new();
    let refused = loop {
        anyhow::ensure!(open.len() < 100, "a hundred lookups at a time");
        match client.fetch_records(request()).await {
            Ok(stream) => open.push(stream.into_inner()),
            Err(refused) => break refused,
        }
    };
    assert_eq!(refused.code(), tonic::Code::ResourceExhausted, "{refused}");
    drop(open);
    // their places are free again at once, and not when the lookups would have ended
    let request = FetchRecordsRequest { deadline_seconds: 0.3, ..request() };
    let mut stream = eventually(PATIENCE, || async {
        let mut client = RecordServiceClient::new(second.channel().await?);
        Ok(client.fetch_records(request.clone()).await?.into_inner())
    })
    .await?;
    let last = stream.message().await?.and_then(|message| message.told);
    first.signal(rustix::process::Signal::CONT)?;
    let Some(hydra_protocol::v1::fetch_records_response::Told::Report(report)) = last else {
        anyhow::bail!("no report but {last:?}");
    };
    assert_eq!((report.ended.as_str(), report.providers), ("deadline", 0), "{report:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_head_is_added_near_a_key() -> anyhow::Result<()> {
    let (_first, _place, second) = two().await?;
    // with so few servers all of the keyspace is one zone: the next index it is
    let planned = second.json(&["heads", "add", "--near", "89", "--dry-run"]).await?;
    assert_eq!(planned["items"][0]["index"], 2, "{planned}");
    assert_eq!(second.status().await?.heads, 2);
    let said = second.hydractl(&["heads", "add", "--near", "89"]).await?;
    assert!(said.good().contains("head-2") && said.err.contains("the first 0 bits"), "{said:?}");
    let said = second.hydractl(&["heads", "add", "--near", "not-a-key"]).await?;
    assert_eq!(said.code, Some(2), "{said:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_number_of_heads_follows_its_target_a_head_a_day() -> anyhow::Result<()> {
    let place = Place::seeded(1)?.flag("heads-target", 3);
    let mut hydrad = place.serving(2).await?;
    let ids = hydrad.identities().await?;
    let target = |status: &hydra_protocol::v1::Status| status.heads_target.clone();
    let told = |status: &hydra_protocol::v1::Status| {
        // it is told anew once the head is there
        let seconds = |at: Option<prost_types::Timestamp>| at.map_or(0, |at| at.seconds);
        let waits = |target: &hydra_protocol::v1::HeadsTarget| seconds(target.next_at) > seconds(status.at);
        target(status).is_some_and(|t| t.course == "grow" && t.wanted == Some(3) && waits(&t))
    };
    let status = hydrad.status_when("the target is told", told).await?;
    let next = target(&status).and_then(|target| target.next_at).map_or(0, |next| next.seconds);
    let now = status.at.map_or(0, |at| at.seconds);
    assert!((now + 23 * 3600..=now + 24 * 3600).contains(&next), "{status:?}");
    let said = hydrad.hydractl(&["status"]).await?;
    assert!(said.good().contains("3: 3 heads wanted"), "{said:?}");
    // the day is not over after a restart
    hydrad.stop().await?;
    let mut hydrad = place.serving(2).await?;
    hydrad.status_when("the target is told again", |status| target(status).is_some()).await?;
    assert_eq!(hydrad.identities().await?, ids);
    hydrad.stop().await?;
    let hydrad = Place::seeded(1)?.flag("heads-target", "coverage 0.9").serving(1).await?;
    let status = hydrad.json(&["status"]).await?;
    assert!(status["heads_target"]["wanted"].is_null(), "{status}");
    Ok(())
}
