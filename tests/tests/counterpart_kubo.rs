//! Kubo as a client of our heads: one node adds, another finds and fetches.

use std::time::Duration;

use anyhow::{Context as _, ensure};
use hydra_tests::harness::daemon::Options;
use hydra_tests::harness::{Kubo, Namespace, Target, eventually};
use hydra_tests::world::{Tables, World, WorldConfig};
use libp2p::Multiaddr;

const PATIENCE: Duration = Duration::from_secs(60);

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

/// Where light peers listen.
const LIGHT: &str = "/ip4/127.0.1.0/ipcidr/24";

#[tokio::test]
async fn kubo_finds_through_heads_alone_what_another_announced_before_the_hydra_started() -> anyhow::Result<()>
{
    let world =
        World::start(WorldConfig { peers: 12, tables: Tables::Full, ..WorldConfig::default() }).await?;
    let network: Vec<Multiaddr> =
        world.bootstrap().iter().map(|target| target.to_string().parse()).collect::<Result<_, _>>()?;
    let Some(one) = Kubo::start(&network).await? else { return Ok(()) };
    one.table_holds(network.len()).await?;
    let content = format!("what {} adds", one.peer_id().await?);
    let file = one.file("content", content.as_bytes())?;
    let cid = one.ipfs(&["add", "--quieter", "--cid-version=1", &file.to_string_lossy()]).await?;
    one.ipfs(&["routing", "provide", &cid]).await.context("provide")?;
    let known: Vec<String> = network.iter().map(ToString::to_string).collect();
    // what it walks to goes by the heads: the light peers are out of its reach
    for scope in ["off", "any"] {
        let hydra = Options::heads(2).bootstrap(&known.join(",")).arg(format!("--prefetch-scope={scope}"));
        let hydra = hydra.start().await?;
        eventually(PATIENCE, || async {
            let known = hydra.status().await?.peers_live;
            ensure!(known >= network.len() as u64, "{known} of {} light peers are known", network.len());
            Ok(())
        })
        .await?;
        let heads: Vec<_> = hydra.addresses().await?.into_iter().map(|head| head.address).collect();
        let Some(other) = Kubo::start_shunning(&heads, &[LIGHT]).await? else { return Ok(()) };
        other.table_holds(2).await?;
        strangers(&other, &one.peer_id().await?).await?;
        let found = asks(&other, &cid, &one.peer_id().await?, scope).await?;
        ensure!(found == (scope == "any"), "with prefetch.scope = {scope} the provider was found: {found}");
        let kept = hydra.hydractl(&["records", "get", &cid, "-o", "json"]).await?;
        let kept = String::from_utf8(kept.stdout)?;
        ensure!(kept.contains("\"source\":\"prefetched\"") == found, "{kept}");
        ensure!(!kept.contains("\"source\":\"announced\""), "the heads were told of it: {kept}");
        // whoever has fetched it announces it, too
        if found {
            let fetched =
                other.ipfs(&["cat", &format!("/ipfs/{cid}"), "--timeout=60s"]).await.context("cat")?;
            ensure!(fetched == content, "{fetched:?} came for {content:?}");
        }
    }
    Ok(())
}

/// Whether a node is told of a provider when it asks again and again.
async fn asks(node: &Kubo<'_>, cid: &str, provider: &str, scope: &str) -> anyhow::Result<bool> {
    // long enough for a look-up between two of them, were there one
    let times = if scope == "off" { 5 } else { 30 };
    for _ in 0..times {
        let told = node.ipfs(&["routing", "findprovs", "--num-providers=1", cid]).await?;
        if told.lines().any(|line| line == provider) {
            return Ok(true);
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    Ok(false)
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
