//! Delegated Routing as clients use it, and one hydra that asks another.

use anyhow::{Context as _, ensure};
use cid::Cid;
use hydra_tests::harness::eventually;
use hydra_tests::raw::message::kind;
use hydra_tests::raw::{Message, Peer, ipns};
use libp2p::identity::Keypair;
use libp2p::multihash::Multihash;
use serde_json::Value;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;

use crate::http::{Answer, ask, get};
use crate::place::{Hydrad, PATIENCE, Place, fresh_keys};

/// A place for a daemon whose door is open.
fn place() -> anyhow::Result<Place> {
    Ok(Place::new()?.flag("routing-listen", "127.0.0.1:0"))
}

async fn door(hydrad: &Hydrad) -> anyhow::Result<String> {
    let status = hydrad.status().await?;
    let door = status.doors.iter().find(|door| door.name == "routing").context("the door is shut")?;
    Ok(door.addresses.first().context("it listens nowhere")?.clone())
}

fn cid(key: &[u8]) -> anyhow::Result<String> {
    Ok(Cid::new_v1(0x55, Multihash::from_bytes(key)?).to_string())
}

async fn providers(door: &str, key: &[u8]) -> anyhow::Result<Answer> {
    let answer = get(door, &format!("/routing/v1/providers/{}", cid(key)?)).await?;
    ensure!(answer.status == 200 && answer.head.contains("content-type: application/json"), "{answer:?}");
    Ok(answer)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_door_is_shut_unless_it_is_wanted_and_public_only_when_that_is_said() -> anyhow::Result<()> {
    let hydrad = Place::new()?.up().await?;
    door(&hydrad).await.expect_err("nobody asked for it");
    hydrad.stop().await?;
    let exposed = Place::new()?.flag("routing-listen", "0.0.0.0:0");
    let refused = exposed.refused().await?;
    ensure!(refused.words.contains("routing.expose"), "{}", refused.words);
    let hydrad = exposed.flag("expose-routing", "true").up().await?;
    let status = hydrad.status().await?;
    let shown = status.doors.iter().find(|door| door.name == "routing").context("no door")?;
    ensure!(shown.exposed, "{shown:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_peer_announces_to_a_head_is_told_over_http() -> anyhow::Result<()> {
    let hydrad = place()?.serving(1).await?;
    let door = door(&hydrad).await?;
    let key = fresh_keys(1).remove(0);
    let empty = providers(&door, &key).await?;
    ensure!(empty.body == "{\"Providers\":[]}\n" && empty.head.contains("max-age=15"), "{empty:?}");
    let node = hydrad.announce(0, std::slice::from_ref(&key), "/ip4/127.0.0.1/tcp/9").await?;
    let told = providers(&door, &key).await?;
    let body: Value = serde_json::from_str(&told.body)?;
    let record = &body["Providers"][0];
    ensure!(record["ID"] == node.to_string() && record["Addrs"][0] == "/ip4/127.0.0.1/tcp/9", "{body}");
    ensure!(
        told.head.contains("max-age=300") && told.head.contains("access-control-allow-origin: *"),
        "{told:?}"
    );
    let lines = ask(
        &door,
        "GET",
        &format!("/routing/v1/providers/{}?filter-addrs=tcp", cid(&key)?),
        "Accept: application/x-ndjson\r\n",
        "",
    )
    .await?;
    ensure!(lines.lines()?.len() == 1 && lines.head.contains("application/x-ndjson"), "{lines:?}");
    let peer = get(&door, &format!("/routing/v1/peers/{node}")).await?;
    ensure!(peer.body.contains("/tcp/9"), "{peer:?}");
    let closest = get(&door, &format!("/routing/v1/dht/closest/peers/{}", cid(&key)?)).await?;
    let head = hydrad.head(0).await?;
    ensure!(closest.status == 200 && closest.body.contains(&head.peer_id), "the one head: {closest:?}");
    for path in ["/routing/v1/providers/nonsense", "/routing/v1/peers/x", "/nowhere"] {
        let refused = get(&door, path).await?;
        ensure!(refused.status == 400 && !refused.reason()?.is_empty(), "{path}: {refused:?}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_that_is_put_over_http_is_told_by_the_heads() -> anyhow::Result<()> {
    let hydrad = place()?.serving(1).await?;
    let door = door(&hydrad).await?;
    let keys = Keypair::generate_ed25519();
    let record = ipns::Says::new("/ipfs/bafkqaaa", 1).sign(&keys)?.bytes();
    let peer = keys.public().to_peer_id();
    let mut stream = TcpStream::connect(&door).await?;
    let head = format!(
        "PUT /routing/v1/ipns/{peer} HTTP/1.1\r\nHost: {door}\r\nConnection: close\r\n\
         Content-Type: application/vnd.ipfs.ipns-record\r\nContent-Length: {}\r\n\r\n",
        record.len()
    );
    stream.write_all(&[head.as_bytes(), &record].concat()).await?;
    let mut said = String::new();
    let reading = tokio::io::AsyncReadExt::read_to_string(&mut stream, &mut said);
    tokio::time::timeout(PATIENCE, reading).await.context("no answer")??;
    ensure!(said.starts_with("HTTP/1.1 200"), "{said}");
    let (_node, mut stream) = hydrad.stream(0).await?;
    let reply = stream.ask(&Message::new(kind::GET_VALUE, ipns::key(&keys))).await?;
    ensure!(reply.record.is_some_and(|told| told.value == record), "the head has another record");
    Ok(())
}

async fn source(hydrad: &Hydrad, name: &str) -> anyhow::Result<Value> {
    let status = hydrad.json(&["prefetch", "status"]).await?;
    let sources = status["sources"].as_array().context("no sources")?;
    let found = sources.iter().find(|source| source["name"] == name);
    Ok(found.with_context(|| format!("{name} is none of {sources:?}"))?.clone())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_inline_router_is_in_the_first_answer_and_another_hydra_is_one() -> anyhow::Result<()> {
    let other = place()?.serving(1).await?;
    let url = format!("http://{}", door(&other).await?);
    let key = fresh_keys(1).remove(0);
    let node = other.announce(0, std::slice::from_ref(&key), "/ip4/127.0.0.1/tcp/9").await?;

    let hydrad = Place::new()?
        .flag("prefetch-routers", format!("inline {url}"))
        .flag("prefetch-inline-milliseconds", 5000)
        .serving(1)
        .await?;
    let (_asker, mut stream) = hydrad.stream(0).await?;
    let reply = stream.ask(&Message::new(kind::GET_PROVIDERS, key.clone())).await?;
    let named: Vec<_> = reply.providers.iter().filter_map(Peer::peer_id).collect();
    ensure!(named == [node], "{reply:?}");
    eventually(PATIENCE, || async {
        let source = source(&hydrad, &url).await?;
        ensure!(
            source["mode"] == "inline" && source["found_10m"] == 1 && source["trouble"].is_null(),
            "{source}"
        );
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_background_router_knows_is_for_the_next_asker() -> anyhow::Result<()> {
    let other = place()?.serving(1).await?;
    let url = format!("http://{}", door(&other).await?);
    let key = fresh_keys(1).remove(0);
    let node = other.announce(0, std::slice::from_ref(&key), "/ip4/127.0.0.1/tcp/9").await?;

    let hydrad = Place::new()?.flag("prefetch-routers", &url).serving(1).await?;
    let (_asker, mut stream) = hydrad.stream(0).await?;
    let first = stream.ask(&Message::new(kind::GET_PROVIDERS, key.clone())).await?;
    ensure!(first.providers.is_empty(), "{first:?}");
    let stream = tokio::sync::Mutex::new(stream);
    eventually(PATIENCE, || async {
        let reply = stream.lock().await.ask(&Message::new(kind::GET_PROVIDERS, key.clone())).await?;
        ensure!(reply.providers.iter().any(|p| p.peer_id() == Some(node)), "{reply:?}");
        Ok(())
    })
    .await?;
    ensure!(source(&hydrad, &url).await?["mode"] == "background", "it is one");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_router_that_is_down_is_told_apart_and_left_alone() -> anyhow::Result<()> {
    // a port that was free a moment ago
    let port = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
    let url = format!("http://127.0.0.1:{port}");
    let hydrad = Place::new()?.flag("prefetch-routers", &url).serving(1).await?;
    let (_asker, mut stream) = hydrad.stream(0).await?;
    for key in fresh_keys(6) {
        stream.ask(&Message::new(kind::GET_PROVIDERS, key)).await?;
    }
    eventually(PATIENCE, || async {
        let source = source(&hydrad, &url).await?;
        ensure!(source["failed_10m"].as_u64() >= Some(5) && source["none_10m"] == 0, "{source}");
        let said = hydrad.hydractl(&["prefetch", "status"]).await?;
        ensure!(said.good().contains(&format!("{url}: not asked")), "{said:?}");
        Ok(())
    })
    .await
}
