//! Kubo as a client of our heads: one node adds, another finds and fetches.

use std::time::Duration;

use anyhow::{Context as _, ensure};
use hydra_tests::harness::daemon::Options;
use hydra_tests::harness::{Kubo, Namespace, Target, eventually};

#[tokio::test]
async fn kubo_adds_a_block_on_one_node_and_finds_and_fetches_it_on_another() -> anyhow::Result<()> {
    let target = Target::new(3).await?;
    scenario(&target, None).await
}

#[tokio::test]
async fn kubo_does_the_same_in_a_namespace_with_nothing_but_loopback() -> anyhow::Result<()> {
    let Some(namespace) = Namespace::new()? else { return Ok(()) };
    let target = Target::daemon(Options::heads(1).inside(&namespace)).await?;
    scenario(&target, Some(&namespace)).await
}

async fn scenario(target: &Target, namespace: Option<&Namespace>) -> anyhow::Result<()> {
    let heads = target.addresses();
    let (one, other) =
        tokio::try_join!(Kubo::start_in(namespace, &heads), Kubo::start_in(namespace, &heads))?;
    let (Some(one), Some(other)) = (one, other) else { return Ok(()) };
    tokio::try_join!(one.table_holds(target.heads()), other.table_holds(target.heads()))?;
    let id = one.peer_id().await?;
    strangers(&other, &id).await?;

    let content = format!("what {id} adds");
    let file = one.file("content", content.as_bytes())?;
    let cid = one.ipfs(&["add", "--quieter", "--cid-version=1", &file.to_string_lossy()]).await?;
    one.ipfs(&["routing", "provide", &cid]).await.context("provide")?;

    // ADD_PROVIDER has no acknowledgement.
    eventually(Duration::from_secs(30), || async {
        let providers = other.ipfs(&["routing", "findprovs", "--num-providers=1", &cid]).await?;
        ensure!(providers.lines().any(|line| line == id), "providers of {cid}: {providers:?}");
        Ok(())
    })
    .await
    .context("findprovs")?;
    let addresses = other.ipfs(&["routing", "findpeer", &id]).await.context("findpeer")?;
    ensure!(addresses.contains("/ip4/127.0.0.1/"), "{id} is at {addresses:?}");

    names(&one, &other, &id, &cid).await?;

    let fetched = other.ipfs(&["cat", &format!("/ipfs/{cid}"), "--timeout=60s"]).await.context("cat")?;
    ensure!(fetched == content, "{fetched:?} came for {content:?}");
    let block = other.ipfs(&["block", "get", &cid]).await.context("block get")?;
    ensure!(block == content, "{block:?} is the block of {content:?}");
    Ok(())
}

/// Publishes, resolves, and hands a record on by `routing get` and `routing put`.
async fn names(one: &Kubo<'_>, other: &Kubo<'_>, id: &str, cid: &str) -> anyhow::Result<()> {
    let path = format!("/ipfs/{cid}");
    one.ipfs(&["name", "publish", "--lifetime=24h", &path]).await.context("name publish")?;
    let name = format!("/ipns/{id}");
    let resolved = other.ipfs(&["name", "resolve", "--nocache", &name]).await.context("name resolve")?;
    ensure!(resolved == path, "{name} resolves to {resolved}");
    let record = other.ipfs_bytes(&["routing", "get", &name]).await.context("routing get")?;
    ensure!(record.len() > 100, "a record of {} bytes", record.len());
    let file = other.file("record", &record)?;
    other.ipfs(&["routing", "put", &name, &file.to_string_lossy()]).await.context("routing put")?;
    let again = one.ipfs_bytes(&["routing", "get", &name]).await.context("routing get after put")?;
    ensure!(again == record, "another record came back");
    Ok(())
}

/// The nodes must meet through the heads alone.
async fn strangers(node: &Kubo<'_>, id: &str) -> anyhow::Result<()> {
    let peers = node.ipfs(&["swarm", "peers"]).await?;
    ensure!(!peers.contains(id), "the nodes know each other before anything was asked: {peers}");
    Ok(())
}
