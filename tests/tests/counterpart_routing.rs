//! Delegated Routing between hydrad and others: boxo's client, Helia's and Kubo's ask hydrad,
//! and hydrad asks boxo's server.

use std::time::Duration;

use anyhow::{Context as _, ensure};
use cid::Cid;
use hydra_tests::harness::daemon::Options;
use hydra_tests::harness::{Daemon, Kubo, LineNode, Sort, eventually};
use hydra_tests::raw::message::kind;
use hydra_tests::raw::{Message, RawNode, Transport};
use libp2p::Multiaddr;
use libp2p::multihash::Multihash;
use serde_json::{Value, json};

/// A test may be one of many on a small machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// A hydra with its door open, and the door's URL.
async fn hydra() -> anyhow::Result<(Daemon, String)> {
    let daemon = Options::heads(2).arg("--routing-listen=127.0.0.1:0").start().await?;
    let status = daemon.status().await?;
    let door = status.doors.iter().find(|door| door.name == "routing").context("the door is shut")?;
    let url = format!("http://{}", door.addresses.first().context("it listens nowhere")?);
    Ok((daemon, url))
}

async fn addresses(daemon: &Daemon) -> anyhow::Result<Vec<Multiaddr>> {
    Ok(daemon.addresses().await?.into_iter().map(|head| head.address).collect())
}

fn content() -> anyhow::Result<Cid> {
    Ok(Cid::new_v1(0x55, Multihash::wrap(0x12, &rand::random::<[u8; 32]>())?))
}

fn peers(answer: &Value) -> anyhow::Result<Vec<&str>> {
    let peers = answer["peers"].as_array().context("no peers")?;
    peers.iter().map(|peer| peer["peer_id"].as_str().context("no id")).collect()
}

/// A client of the DHT provides; the same implementation's client of Delegated Routing finds.
async fn client(sort: Sort) -> anyhow::Result<()> {
    let (daemon, url) = hydra().await?;
    let heads = addresses(&daemon).await?;
    let Some(mut node) = LineNode::start(sort, Transport::TcpNoise, &heads)? else { return Ok(()) };
    node.join().await?;
    let id = node.peer_id().await?;
    let cid = content()?.to_string();
    let asked = json!({"cmd": "http_find_providers", "url": url, "cid": cid});
    let nobody = node.call(asked.clone()).await.context("a CID that nobody provides")?;
    ensure!(peers(&nobody)?.is_empty(), "{nobody}");

    node.call(json!({"cmd": "provide", "cid": cid})).await?;
    let node = tokio::sync::Mutex::new(node);
    eventually(PATIENCE, || async {
        let found = node.lock().await.call(asked.clone()).await?;
        ensure!(peers(&found)? == [id.as_str()], "{found}");
        let addresses = found["peers"][0]["addresses"].as_array().context("no addresses")?;
        ensure!(!addresses.is_empty(), "{found}");
        Ok(())
    })
    .await?;
    let mut node = node.into_inner();
    let found = node.call(json!({"cmd": "http_find_peer", "url": url, "peer": id})).await?;
    ensure!(peers(&found)? == [id.as_str()], "{found}");
    let closest = node.call(json!({"cmd": "http_closest", "url": url, "cid": cid})).await?;
    ensure!(peers(&closest)?.len() == 2, "the two heads: {closest}");

    let value = format!("/ipfs/{cid}");
    let put = node.call(json!({"cmd": "http_put_ipns", "url": url, "value": value, "seq": 7})).await?;
    let got = node.call(json!({"cmd": "http_get_ipns", "url": url, "name": put["name"]})).await?;
    ensure!(got["value"].as_str() == Some(&value) && got["sequence"] == 7, "{got}");
    // and through the heads it is the same
    let got = node.call(json!({"cmd": "get_ipns", "name": put["name"]})).await?;
    ensure!(got["value"].as_str() == Some(&value), "{got}");
    Ok(())
}

#[tokio::test]
async fn boxos_client_finds_providers_peers_and_names() -> anyhow::Result<()> {
    client(Sort::Go).await
}

#[tokio::test]
async fn helias_client_finds_providers_peers_and_names() -> anyhow::Result<()> {
    client(Sort::Js).await
}

#[tokio::test]
async fn kubo_without_a_dht_fetches_a_block_that_only_hydrad_knows_of() -> anyhow::Result<()> {
    let (daemon, url) = hydra().await?;
    let heads = addresses(&daemon).await?;
    let (one, other) = tokio::try_join!(Kubo::start(&heads), Kubo::start_delegated(&url))?;
    let (Some(one), Some(other)) = (one, other) else { return Ok(()) };
    one.table_holds(2).await?;
    let id = one.peer_id().await?;
    let known = other.ipfs(&["swarm", "peers"]).await?;
    ensure!(!known.contains(&id), "the nodes know each other before anything was asked: {known}");
    let content = format!("what {id} adds");
    let file = one.file("content", content.as_bytes())?;
    let cid = one.ipfs(&["add", "--quieter", "--cid-version=1", &file.to_string_lossy()]).await?;
    one.ipfs(&["routing", "provide", &cid]).await.context("provide")?;
    eventually(PATIENCE, || async {
        let providers = other.ipfs(&["routing", "findprovs", "--num-providers=1", &cid]).await?;
        ensure!(providers.lines().any(|line| line == id), "providers of {cid}: {providers:?}");
        Ok(())
    })
    .await
    .context("findprovs")?;
    let fetched = other.ipfs(&["cat", &format!("/ipfs/{cid}"), "--timeout=60s"]).await.context("cat")?;
    ensure!(fetched == content, "{fetched:?} came for {content:?}");

    // a name goes the same way, and back through the DHT
    let path = format!("/ipfs/{cid}");
    other.ipfs(&["name", "publish", "--lifetime=24h", &path]).await.context("name publish")?;
    let name = format!("/ipns/{}", other.peer_id().await?);
    let resolved = one.ipfs(&["name", "resolve", "--nocache", &name]).await.context("name resolve")?;
    ensure!(resolved == path, "{name} resolves to {resolved}");
    Ok(())
}

#[tokio::test]
async fn what_boxos_server_knows_is_in_a_heads_first_answer_and_gateways_are_not() -> anyhow::Result<()> {
    let first = Daemon::start(1).await?;
    let heads = addresses(&first).await?;
    let Some(mut node) = LineNode::start(Sort::Go, Transport::TcpNoise, &heads)? else { return Ok(()) };
    let served = node.call(json!({"cmd": "http_serve"})).await?;
    let url = served["url"].as_str().context("no URL")?;
    let daemon = Options::heads(1)
        .arg(format!("--prefetch-routers=inline {url}"))
        .arg("--prefetch-inline-milliseconds=5000")
        .start()
        .await?;
    let head = daemon.addresses().await?.remove(0).address;
    let asker = RawNode::new(Transport::TcpNoise)?;
    let mut stream = asker.open(asker.dial(&head).await?).await?;
    let key = content()?.hash().to_bytes();
    let reply = stream.ask(&Message::new(kind::GET_PROVIDERS, key)).await?;
    let named: Vec<_> = reply.providers.iter().filter_map(|p| Some(p.peer_id()?.to_string())).collect();
    ensure!(named == [node.peer_id().await?], "the gateway, or nobody: {named:?}");
    ensure!(!reply.providers[0].addrs.is_empty(), "{reply:?}");
    Ok(())
}
