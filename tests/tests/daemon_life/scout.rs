//! Other servers: how they get into the table, how they leave it, and why there are none.

use std::time::{Duration, Instant};

use hydra_protocol::v1::{DaemonState, Finding, Status};

use crate::place::{Hydrad, Place, long};

/// A bootstrap peer at a port where nobody listens.
pub(crate) const NOBODY: &str =
    "/ip4/127.0.0.1/tcp/9/p2p/12D3KooWSmYTxN4DR2BYdrkt7myJpMabvpcu8UYd7JbxedybLUPZ";

async fn beside(hydrad: &Hydrad, heads: u32) -> anyhow::Result<Place> {
    let at = hydrad.address(0).await?;
    Ok(Place::new()?.flag("heads", heads).flag("bootstrap-peers", at))
}

/// The heads of another hydra that are in this one's table.
async fn known(here: &Hydrad, there: &[String]) -> anyhow::Result<usize> {
    let list = here.json(&["peers", "list", "--where", "known"]).await?;
    let items = list["items"].as_array().cloned().unwrap_or_default();
    let ours = |id: &str| there.iter().any(|known| known == id);
    Ok(items.iter().filter(|peer| peer["peer_id"].as_str().is_some_and(ours)).count())
}

async fn ids(hydrad: &Hydrad) -> anyhow::Result<Vec<String>> {
    Ok(hydrad.heads().await?.into_iter().map(|head| head.peer_id).collect())
}

fn check(status: &Status, name: &str) -> (Finding, String) {
    let found = status.network.iter().find(|check| check.name == name);
    found.map_or((Finding::Unspecified, String::new()), |check| (check.finding(), check.text.clone()))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hydra_that_knows_one_head_of_another_comes_to_know_it_and_is_known_after_a_restart()
-> anyhow::Result<()> {
    let mut first = Place::new()?.flag("heads", 3).serving(3).await?;
    let there = ids(&first).await?;
    let mut place = beside(&first, 2).await?;
    let mut second = place.serving(2).await?;
    // two of a hydra's own heads are named in an answer at most, so not all may be found
    second.status_when("the first is known", |status| status.peers_live >= 2).await?;
    assert!(known(&second, &there).await? >= 2);
    first.status_when("the second is known", |status| status.peers_live >= 1).await?;
    let here = ids(&second).await?;
    assert!(known(&first, &here).await? >= 1);
    let list = second.json(&["peers", "list"]).await?;
    let peer = &list["items"][0];
    assert!(peer["agent"].as_str().is_some_and(|agent| agent.starts_with("hydrad/")), "{peer}");
    assert!(peer["addresses"].as_array().is_some_and(|all| !all.is_empty()), "{peer}");
    let shown = second.json(&["peers", "show", &there[0]]).await?;
    assert_eq!(shown["peer_id"], there[0].as_str());

    // and without a list: from the table that was kept
    second.stop().await?;
    place.set("bootstrap-peers", "none");
    let mut second = place.serving(2).await?;
    second.status_when("the first is known again", |status| status.peers_live >= 2).await?;
    assert!(known(&second, &there).await? >= 2);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn without_an_answer_from_bootstrap_peers_the_reason_is_told() -> anyhow::Result<()> {
    for policy in ["any", "public"] {
        let place = Place::new()?.flag("bootstrap-peers", NOBODY).flag("address-policy", policy);
        let mut hydrad = place.up().await?;
        let status =
            hydrad.status_when("nobody answers", |status| status.state() == DaemonState::NoPeers).await?;
        let (finding, text) = check(&status, "outbound");
        assert_eq!(finding, Finding::Fail, "{status:?}");
        assert!(text.starts_with("0 of 1 bootstrap peers answered"), "{text}");
        let cause = if policy == "any" { "refused" } else { "policy public" };
        assert!(text.contains(cause), "{text}");
        hydrad
            .status_when("it is warned of", |status| {
                status
                    .warnings
                    .iter()
                    .any(|w| w.code == "BOOTSTRAP_FAILING" && w.text == check(status, "outbound").1)
            })
            .await?;
        let said = hydrad.hydractl(&["status", "--check"]).await?;
        assert!(said.code == Some(8) && said.out.contains("0 of 1 bootstrap peers answered"), "{said:?}");
        let said = hydrad.hydractl(&["peers", "list"]).await?;
        assert!(said.good().is_empty() && said.err.contains("0 of 1 bootstrap peers answered"), "{said:?}");
        let said = hydrad.hydractl(&["wait", "peers=1", "--timeout", "1s"]).await?;
        assert_eq!(said.code, Some(6), "{said:?}");
        // heads of a private network serve anyway, public ones have nobody to name
        assert_eq!(hydrad.status().await?.heads_serving, u32::from(policy == "any"));
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn bootstrap_peers_of_another_network_are_called_that() -> anyhow::Result<()> {
    let first = Place::new()?.serving(1).await?;
    let place = beside(&first, 1).await?.flag("protocol-prefix", "/elsewhere");
    let mut hydrad = place.up().await?;
    let status = hydrad
        .status_when("the other network is noticed", |status| check(status, "outbound").0 == Finding::Fail)
        .await?;
    let (_, text) = check(&status, "outbound");
    assert_eq!(text, "1 of 1 bootstrap peers answered, none speaks /elsewhere/kad/1.0.0");
    let outbound = status.network.iter().find(|check| check.name == "outbound");
    assert!(outbound.is_some_and(|check| check.remedy.contains("network.protocol_prefix")));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hydra_whose_bootstrap_peer_comes_later_finds_it_by_itself() -> anyhow::Result<()> {
    let late = Place::seeded(1)?;
    let first = late.serving(1).await?;
    let place = beside(&first, 1).await?;
    first.stop().await?;
    let mut second = place.up().await?;
    second.status_when("nobody answers", |status| status.state() == DaemonState::NoPeers).await?;
    let _first = late.serving(1).await?;
    second.status_when("it is found", |s| s.peers_live == 1 && s.state() == DaemonState::Serving).await?;
    let over =
        |status: &Status| !status.warnings.iter().any(|w| w.code == "BOOTSTRAP_FAILING" && w.until.is_none());
    second.status_when("the warning is over", over).await.map(drop)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_gone_leaves_the_table_within_minutes() -> anyhow::Result<()> {
    if !long() {
        // it takes some minutes: tests/run --long
        return Ok(());
    }
    let first = Place::new()?.serving(1).await?;
    let there = ids(&first).await?;
    let mut second = beside(&first, 1).await?.serving(1).await?;
    second.status_when("the first is known", |status| status.peers_live == 1).await?;
    first.kill().await?;
    let began = Instant::now();
    while known(&second, &there).await? > 0 {
        assert!(began.elapsed() < Duration::from_secs(15 * 60), "it is still in the table");
        tokio::time::sleep(Duration::from_secs(5)).await;
    }
    Ok(())
}
