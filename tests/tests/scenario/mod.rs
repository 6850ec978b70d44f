//! What two client nodes of one implementation do through heads alone; the Go and the js
//! counterpart understand the same commands.

use std::time::Duration;

use anyhow::{Context as _, ensure};
use cid::Cid;
use hydra_tests::harness::{LineNode, Sort, Target, eventually};
use hydra_tests::raw::Transport;
use serde_json::{Value, json};

/// ADD_PROVIDER has no acknowledgement: a find right after it may come first.
pub(crate) const ARRIVES_WITHIN: Duration = Duration::from_secs(20);

/// Two nodes that know the heads and not each other.
pub(crate) struct Pair {
    pub(crate) one: LineNode,
    pub(crate) other: LineNode,
}

impl Pair {
    /// Starts both; `None` when the implementation is not installed.
    pub(crate) async fn join(
        target: &Target,
        sort: Sort,
        transport: Transport,
    ) -> anyhow::Result<Option<Self>> {
        let heads = target.addresses();
        let Some(mut one) = LineNode::start(sort, transport, &heads)? else { return Ok(None) };
        let Some(mut other) = LineNode::start(sort, transport, &heads)? else { return Ok(None) };
        one.join().await.context("the first node joins")?;
        other.join().await.context("the second node joins")?;
        Ok(Some(Self { one, other }))
    }

    /// The whole scenario.
    pub(crate) async fn everything(&mut self, target: &Target) -> anyhow::Result<()> {
        provider(&mut self.one, &mut self.other).await.context("provide and find providers")?;
        name(&mut self.one, &mut self.other).await.context("put and get an IPNS record")?;
        // The first node announced itself: the heads know where it is.
        peer(&mut self.one, &mut self.other).await.context("find a peer")?;
        heads(&mut self.other, target).await.context("find and ping the heads")?;
        nothing(&mut self.other).await.context("look for what is not there")
    }
}

/// One provides a block that nobody had, the other finds who and where.
pub(crate) async fn provider(one: &mut LineNode, other: &mut LineNode) -> anyhow::Result<()> {
    let cid = fresh_cid().to_string();
    let id = one.call(json!({"cmd": "id"})).await?;
    one.call(json!({"cmd": "provide", "cid": cid})).await?;
    let other = tokio::sync::Mutex::new(other);
    eventually(ARRIVES_WITHIN, || async {
        let answer = other.lock().await.call(json!({"cmd": "find_providers", "cid": cid})).await?;
        let found = find(&answer["providers"], &id["peer_id"])?;
        let bare = |a: &Value| a.as_str().unwrap_or("").split("/p2p/").next().unwrap_or("").to_owned();
        let listens = bare(&id["addresses"][0]);
        let named = found["addresses"].as_array().is_some_and(|all| all.iter().any(|a| bare(a) == listens));
        ensure!(named, "the provider listens on {listens}, and is named with {}", found["addresses"]);
        Ok(())
    })
    .await
}

/// One publishes under a name, the other resolves it.
pub(crate) async fn name(one: &mut LineNode, other: &mut LineNode) -> anyhow::Result<()> {
    let value = format!("/ipfs/{}", fresh_cid());
    let put = one.call(json!({"cmd": "put_ipns", "value": value, "seq": 7})).await?;
    let got = other.call(json!({"cmd": "get_ipns", "name": put["name"]})).await?;
    ensure!(got["value"] == json!(value) && got["sequence"] == json!(7), "{got} for {value}");
    Ok(())
}

async fn peer(one: &mut LineNode, other: &mut LineNode) -> anyhow::Result<()> {
    let id = one.call(json!({"cmd": "id"})).await?;
    let found = other.call(json!({"cmd": "find_peer", "peer": id["peer_id"]})).await?;
    ensure!(found["addresses"].as_array().is_some_and(|a| !a.is_empty()), "{found}");
    Ok(())
}

async fn heads(node: &mut LineNode, target: &Target) -> anyhow::Result<()> {
    for head in 0..target.heads() {
        let id = target.id(head).to_string();
        let found = node.call(json!({"cmd": "find_peer", "peer": id})).await?;
        ensure!(found["addresses"].as_array().is_some_and(|a| !a.is_empty()), "{found}");
        node.call(json!({"cmd": "ping", "peer": id})).await?;
    }
    let closest = node.call(json!({"cmd": "closest", "peer": "anything"})).await?;
    let peers = closest["peers"].as_array().context("no peers")?;
    ensure!(!peers.is_empty(), "a lookup ends with no peers at all");
    Ok(())
}

async fn nothing(node: &mut LineNode) -> anyhow::Result<()> {
    let answer = node.call(json!({"cmd": "find_providers", "cid": fresh_cid().to_string()})).await?;
    ensure!(answer["providers"] == json!([]), "{answer}");
    Ok(())
}

fn find<'a>(providers: &'a Value, id: &Value) -> anyhow::Result<&'a Value> {
    let all = providers.as_array().context("no list of providers")?;
    all.iter().find(|p| p["peer_id"] == *id).with_context(|| format!("{id} is not among {providers}"))
}

/// A raw-codec CID that nobody has used.
pub(crate) fn fresh_cid() -> Cid {
    use sha2::Digest as _;
    let digest = sha2::Sha256::digest(libp2p::PeerId::random().to_bytes());
    let hash = cid::multihash::Multihash::wrap(0x12, &digest).expect("32 bytes fit");
    Cid::new_v1(0x55, hash)
}
