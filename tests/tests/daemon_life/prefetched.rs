//! Prefetch through real sockets: what only somebody else in the network has, what becomes of
//! each miss, and what no stranger can make the hydra do.

use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use data_encoding::HEXLOWER;
use hydra_tests::harness::eventually;
use hydra_tests::raw::message::kind;
use hydra_tests::raw::{Message, RawNode, Transport};
use hydra_tests::world::{Tables, World, WorldConfig};
use rustix::process::Signal;
use serde_json::Value;

use crate::place::{Hydrad, PATIENCE, Place, fresh_keys, long, ping};

const ADDRESS: &str = "/ip4/127.0.0.1/tcp/4321";

/// A hydra among light peers, all of whom it knows.
struct Network {
    hydrad: Hydrad,
    world: World,
    _place: Place,
}

async fn network(heads: u32, peers: usize, flags: &[(&str, &str)]) -> anyhow::Result<Network> {
    let world = World::start(WorldConfig { peers, tables: Tables::Full, ..WorldConfig::default() }).await?;
    let known: Vec<String> = world.bootstrap().iter().take(8).map(ToString::to_string).collect();
    let mut place = Place::seeded(heads)?.flag("bootstrap-peers", known.join(","));
    for (name, value) in flags {
        place.set(name, value);
    }
    let mut hydrad = place.serving(heads).await?;
    hydrad.status_when("all light peers are known", |status| status.peers_live == peers as u64).await?;
    Ok(Network { hydrad, world, _place: place })
}

impl Network {
    /// Has a key announced to one light peer only; who announced it.
    async fn held_elsewhere(&self, key: &[u8]) -> anyhow::Result<RawNode> {
        let light = self.world.peers().last().context("a light peer")?;
        let at = light.addresses().first().context("it listens")?;
        let node = RawNode::new(Transport::TcpNoise)?;
        let id = node.dial(&format!("{at}/p2p/{}", light.peer()).parse()?).await?;
        announce(&node, id, key).await?;
        Ok(node)
    }
}

/// Announces a key to whoever a node is connected with; when it returns, it was taken.
async fn announce(node: &RawNode, to: libp2p::PeerId, key: &[u8]) -> anyhow::Result<()> {
    let mut stream = node.open(to).await?;
    stream.send(&Message::add_provider(key, node.id(), &[ADDRESS.parse()?])).await?;
    ping(&mut stream).await
}

/// The providers that a head names.
async fn providers(hydrad: &Hydrad, head: u32, key: &[u8]) -> anyhow::Result<Vec<Vec<u8>>> {
    let (_node, mut stream) = hydrad.stream(head).await?;
    let reply = stream.ask(&Message::new(kind::GET_PROVIDERS, key)).await?;
    Ok(reply.providers.into_iter().map(|provider| provider.id).collect())
}

/// Asks for each key once, on one stream of one asker.
async fn ask_all(hydrad: &Hydrad, head: u32, keys: &[Vec<u8>]) -> anyhow::Result<RawNode> {
    let (node, mut stream) = hydrad.stream(head).await?;
    for key in keys {
        let reply = stream.ask(&Message::new(kind::GET_PROVIDERS, key.clone())).await?;
        ensure!(reply.providers.is_empty(), "somebody provides it: {reply:?}");
    }
    Ok(node)
}

async fn status(hydrad: &Hydrad) -> anyhow::Result<Value> {
    hydrad.json(&["prefetch", "status"]).await
}

fn number(value: &Value, field: &str) -> u64 {
    value[field].as_u64().unwrap_or_else(|| panic!("{field} of {value}"))
}

fn outcome(status: &Value, name: &str) -> u64 {
    number(&status["outcomes_total"], name)
}

/// What all outcomes together come to.
fn ended(status: &Value) -> u64 {
    let counts = status["outcomes_total"].as_object().into_iter().flatten();
    counts.filter_map(|(_, count)| count.as_u64()).sum()
}

/// Waits until nothing is held: then each of the misses has one outcome, and each attempt at a
/// source one end.
async fn settled(hydrad: &Hydrad) -> anyhow::Result<Value> {
    let status = eventually(PATIENCE, || async {
        let status = status(hydrad).await?;
        let held = number(&status, "waiting") + number(&status, "lookups");
        ensure!(held == 0 && ended(&status) == number(&status, "misses_total"), "{status}");
        Ok(status)
    })
    .await?;
    for source in status["sources"].as_array().into_iter().flatten() {
        let ends = ["found_10m", "none_10m", "timed_out_10m", "failed_10m"].map(|end| number(source, end));
        assert_eq!(ends.iter().sum::<u64>(), number(source, "asked_10m"), "{source}");
        // there is one source, and a test takes less than ten minutes
        assert_eq!(number(source, "asked_10m"), number(&status, "walks_total"), "{status}");
    }
    Ok(status)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_only_a_light_peer_holds_is_found_by_the_next_asker_of_any_head() -> anyhow::Result<()> {
    let net = network(3, 8, &[]).await?;
    let (hydrad, key) = (&net.hydrad, fresh_keys(1).remove(0));
    let provider = net.held_elsewhere(&key).await?;
    let (_node, mut stream) = hydrad.stream(0).await?;
    let reply = stream.ask(&Message::new(kind::GET_PROVIDERS, key.clone())).await?;
    assert!(reply.providers.is_empty() && !reply.closer.is_empty(), "{reply:?}");
    for head in [1, 0, 2] {
        eventually(PATIENCE, || async {
            let named = providers(hydrad, head, &key).await?;
            ensure!(named == [provider.id().to_bytes()], "head {head} names {named:?}");
            Ok(())
        })
        .await?;
    }
    let cid = HEXLOWER.encode(&key);
    let got = hydrad.json(&["records", "get", &cid]).await?;
    let record = &got["items"][0];
    assert_eq!(record["provider_peer_id"], provider.id().to_string(), "{got}");
    assert_eq!((&record["source"], &record["addresses"][0]), (&"prefetched".into(), &ADDRESS.into()));
    assert!(record["ttl_seconds"].as_f64().is_some_and(|left| left <= 3_600.0), "{record}");
    let listed = hydrad.json(&["records", "list", "--source", "prefetched"]).await?;
    assert_eq!(listed["items"].as_array().map(Vec::len), Some(1), "{listed}");
    let now = settled(hydrad).await?;
    assert_eq!((outcome(&now, "found"), number(&now, "walks_total")), (1, 1), "{now}");
    assert_eq!(number(&now, "records_kept"), 1, "{now}");

    // a real announcement takes its place
    let id = provider.dial(&hydrad.address(2).await?).await?;
    announce(&provider, id, &key).await?;
    let got = hydrad.json(&["records", "get", &cid]).await?;
    assert_eq!(got["items"].as_array().map(Vec::len), Some(1), "{got}");
    assert_eq!(got["items"][0]["source"], "announced", "{got}");
    assert_eq!(number(&status(hydrad).await?, "records_kept"), 0);
    assert_eq!(providers(hydrad, 1, &key).await?, [provider.id().to_bytes()]);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_prefetched_record_is_gone_after_its_life_and_asking_for_it_does_not_make_it_longer()
-> anyhow::Result<()> {
    let net = network(1, 4, &[("prefetch-keep-seconds", "10")]).await?;
    let (hydrad, key) = (&net.hydrad, fresh_keys(1).remove(0));
    let _provider = net.held_elsewhere(&key).await?;
    ask_all(hydrad, 0, std::slice::from_ref(&key)).await?;
    let cid = HEXLOWER.encode(&key);
    settled(hydrad).await?;
    let found_at = |got: &Value| got["items"][0]["announced_at"].as_str().map(str::to_owned);
    let first = found_at(&hydrad.json(&["records", "get", &cid]).await?);
    // it is served meanwhile, which is no miss and looks nothing up
    providers(hydrad, 0, &key).await?;
    let again = found_at(&hydrad.json(&["records", "get", &cid]).await?);
    assert!(
        first.is_some() && (again.is_none() || again == first),
        "its life began anew: {first:?}, {again:?}"
    );
    eventually(PATIENCE, || async {
        let got = hydrad.hydractl(&["records", "get", &cid]).await?;
        ensure!(got.code == Some(5), "{got:?}");
        Ok(())
    })
    .await?;
    assert!(ask_all(hydrad, 0, &[key]).await.is_ok(), "it is served after its end");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn with_the_scope_near_far_keys_are_not_ours() -> anyhow::Result<()> {
    // near is who has a head among the 40 nearest known: of 60, some keys are far
    let net = network(1, 60, &[("prefetch-scope", "near"), ("prefetch-walks-per-second", "1000")]).await?;
    ask_all(&net.hydrad, 0, &fresh_keys(60)).await?;
    let now = settled(&net.hydrad).await?;
    let (near, far) = (outcome(&now, "not_found"), outcome(&now, "not_ours"));
    assert!(near > 0 && far > 0 && near + far == 60, "{now}");
    assert_eq!(number(&now, "walks_total"), near, "{now}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn found_not_found_refused_joined_queue_full_and_paused_each_have_their_count() -> anyhow::Result<()> {
    let flags = [("prefetch-walks-per-second", "1"), ("prefetch-queue", "3"), ("prefetch-lookups", "1")];
    let net = network(1, 4, &flags).await?;
    let (hydrad, keys) = (&net.hydrad, fresh_keys(24));
    let _provider = net.held_elsewhere(&keys[0]).await?;
    ask_all(hydrad, 0, &keys[..2]).await?;
    let now = settled(hydrad).await?;
    assert_eq!((outcome(&now, "found"), outcome(&now, "not_found")), (1, 1), "{now}");
    // just looked up in vain
    ask_all(hydrad, 0, &keys[1..2]).await?;
    assert_eq!(outcome(&settled(hydrad).await?, "refused_5m"), 1);

    // more at once than may wait; the budget lets one a second out of the queue
    let (_node, mut stream) = hydrad.stream(0).await?;
    let asked: Vec<_> = keys[2..].iter().flat_map(|key| [key, key]).collect();
    for key in &asked {
        stream.send(&Message::new(kind::GET_PROVIDERS, key.to_vec())).await?;
    }
    for _ in &asked {
        stream.reply().await?;
    }
    let now = settled(hydrad).await?;
    assert!(outcome(&now, "joined") > 0 && outcome(&now, "queue_full") > 0, "{now}");
    let refused = ["refused_by_share", "refused_by_budget", "refused_by_room"].map(|by| number(&now, by));
    assert_eq!(refused.iter().sum::<u64>(), outcome(&now, "queue_full"), "{now}");

    let said = hydrad.hydractl(&["prefetch", "pause", "--reason", "maintenance"]).await?;
    assert!(said.good().starts_with("prefetch paused"), "{said:?}");
    let (key, walks) = (fresh_keys(1), number(&now, "walks_total"));
    let _provider = net.held_elsewhere(&key[0]).await?;
    ask_all(hydrad, 0, &key).await?;
    let now = settled(hydrad).await?;
    assert_eq!((outcome(&now, "paused"), number(&now, "walks_total")), (1, walks), "{now}");
    let said = hydrad.hydractl(&["status"]).await?;
    assert!(said.good().contains("prefetch   paused: maintenance"), "{said:?}");
    hydrad.hydractl(&["prefetch", "resume"]).await?.good();
    eventually(PATIENCE, || async {
        ensure!(!providers(hydrad, 0, &key[0]).await?.is_empty(), "no provider yet");
        Ok(())
    })
    .await?;

    let table = hydrad.hydractl(&["prefetch", "status"]).await?;
    let shown = [
        "found",
        "not found",
        "timed out",
        "source failed",
        "refused <5 min",
        "refused <1 h",
        "queue full",
        "not ours",
        "joined",
        "paused",
        "all misses",
    ];
    for name in shown {
        let row = |line: &str| line.strip_prefix(name).is_some_and(|rest| rest.starts_with("  "));
        assert!(table.good().lines().any(row), "no row {name}: {table:?}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_timeout_and_a_source_that_cannot_be_asked_are_no_not_found() -> anyhow::Result<()> {
    let other = Place::new()?.serving(1).await?;
    let place = Place::seeded(1)?.flag("bootstrap-peers", other.address(0).await?);
    let mut hydrad = place.serving(1).await?;
    hydrad.status_when("the other is known", |status| status.peers_live == 1).await?;
    other.signal(Signal::STOP)?;
    let key = fresh_keys(1);
    ask_all(&hydrad, 0, &key).await?;
    let now = settled(&hydrad).await?;
    assert_eq!((outcome(&now, "timed_out"), outcome(&now, "not_found")), (1, 0), "{now}");
    // it is not asked for again at once, whatever the reason was
    ask_all(&hydrad, 0, &key).await?;
    assert_eq!(outcome(&settled(&hydrad).await?, "refused_5m"), 1);

    let lone = Place::seeded(1)?.serving(1).await?;
    ask_all(&lone, 0, &key).await?;
    let now = settled(&lone).await?;
    assert_eq!((outcome(&now, "source_failed"), outcome(&now, "not_found")), (1, 0), "{now}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_nobody_provides_is_refused_for_an_hour_and_a_failure_for_five_minutes()
-> anyhow::Result<()> {
    if !long() {
        // it takes five minutes: tests/run --long
        return Ok(());
    }
    let net = network(1, 4, &[]).await?;
    let lone = Place::seeded(1)?.serving(1).await?;
    let key = fresh_keys(1);
    ask_all(&net.hydrad, 0, &key).await?;
    ask_all(&lone, 0, &key).await?;
    settled(&net.hydrad).await?;
    settled(&lone).await?;
    tokio::time::sleep(Duration::from_secs(302)).await;
    ask_all(&net.hydrad, 0, &key).await?;
    ask_all(&lone, 0, &key).await?;
    let now = settled(&net.hydrad).await?;
    assert_eq!((outcome(&now, "not_found"), outcome(&now, "refused_1h")), (1, 1), "{now}");
    assert_eq!(outcome(&settled(&lone).await?, "source_failed"), 2);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn strangers_make_no_more_walks_than_the_budget_and_what_it_refused_is_told() -> anyhow::Result<()> {
    const RATE: u64 = 2;
    let rate = RATE.to_string();
    let flags = [
        ("prefetch-walks-per-second", rate.as_str()),
        ("prefetch-queue", "5"),
        ("prefetch-queue-per-asker", "1000"),
    ];
    let began = Instant::now();
    let net = network(2, 4, &flags).await?;
    let hydrad = &net.hydrad;
    for asker in 0..6 {
        ask_all(hydrad, asker % 2, &fresh_keys(50)).await?;
        let now = status(hydrad).await?;
        let most = RATE * (began.elapsed().as_secs() + 2);
        assert!(number(&now, "walks_total") <= most, "more than {most}: {now}");
    }
    eventually(PATIENCE, || async {
        let said = hydrad.hydractl(&["status"]).await?;
        let line = said.good().lines().find(|line| line.contains("prefetch ")).unwrap_or_default();
        ensure!(line.contains("full since") || line.contains("but full"), "{said:?}");
        ensure!(said.out.contains("refused since the start: walk budget "), "{said:?}");
        Ok(())
    })
    .await?;
    let told = hydrad.json(&["status"]).await?;
    let told = &told["prefetch"];
    assert_eq!(told["walks_per_second_limit"], RATE, "{told}");
    let now = settled(hydrad).await?;
    assert_eq!(number(&now, "misses_total"), 300, "{now}");
    assert!(number(&now, "refused_by_budget") * 2 > outcome(&now, "queue_full"), "{now}");
    assert_eq!(told["refused_by_budget"], now["refused_by_budget"], "{told}");
    assert_eq!(outcome(&now, "not_found"), number(&now, "walks_total"), "{now}");
    let said = hydrad.hydractl(&["prefetch", "status"]).await?;
    assert!(said.good().contains("walk budget 2/s, "), "{said:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn one_asker_has_its_share_of_the_queue_and_leaves_room_for_the_others() -> anyhow::Result<()> {
    let flags =
        [("prefetch-walks-per-second", "1"), ("prefetch-queue", "20"), ("prefetch-queue-per-asker", "6")];
    let net = network(1, 4, &flags).await?;
    let hydrad = &net.hydrad;
    ask_all(hydrad, 0, &fresh_keys(100)).await?;
    let now = status(hydrad).await?;
    assert!(number(&now, "waiting") + number(&now, "lookups") <= 6, "{now}");
    assert!(number(&now, "refused_by_share") > 0 && number(&now, "refused_by_budget") == 0, "{now}");
    // whoever comes after it is looked after
    let key = fresh_keys(1);
    ask_all(hydrad, 0, &key).await?;
    let now = settled(hydrad).await?;
    assert_eq!(outcome(&now, "queue_full"), number(&now, "refused_by_share"), "{now}");
    ask_all(hydrad, 0, &key).await?;
    assert_eq!(outcome(&settled(hydrad).await?, "refused_5m"), 1, "it was not looked up");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_operator_fetched_is_kept_when_told_so_and_answers_the_next_asker() -> anyhow::Result<()> {
    let net = network(2, 4, &[]).await?;
    let (hydrad, key) = (&net.hydrad, fresh_keys(1).remove(0));
    let provider = net.held_elsewhere(&key).await?;
    let cid = HEXLOWER.encode(&key);
    let said = hydrad.hydractl(&["records", "fetch", &cid]).await?;
    assert!(said.good().contains("/ip4/127.0.0.1/") && said.err.contains("Nothing stored."), "{said:?}");
    assert_eq!(hydrad.hydractl(&["records", "get", &cid]).await?.code, Some(5));
    let fetched = hydrad.json(&["records", "fetch", &cid, "--keep"]).await?;
    assert_eq!((&fetched["stored"], &fetched["stored_seconds"]), (&1.into(), &3_600.into()), "{fetched}");
    assert_eq!(providers(hydrad, 1, &key).await?, [provider.id().to_bytes()]);
    let got = hydrad.json(&["records", "get", &cid]).await?;
    assert_eq!(got["items"][0]["source"], "prefetched", "{got}");
    assert_eq!(number(&status(hydrad).await?, "misses_total"), 0);

    // what the provider announced to us itself is not kept a second time
    let id = provider.dial(&hydrad.address(0).await?).await?;
    announce(&provider, id, &key).await?;
    let said = hydrad.hydractl(&["records", "fetch", &cid, "--keep"]).await?;
    assert!(said.err.contains("Nothing stored."), "{said:?}");
    let got = hydrad.json(&["records", "get", &cid]).await?;
    assert_eq!(got["items"].as_array().map(Vec::len), Some(1), "{got}");
    Ok(())
}
