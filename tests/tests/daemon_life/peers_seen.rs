//! Who was here: counts of several hydras united from files, and the peer log as it rotates.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, ensure};
use hydra_tests::harness::eventually;
use hydra_tests::raw::message::kind;
use hydra_tests::raw::{Message, RawNode, Transport};
use libp2p::Multiaddr;
use serde_json::Value;

use crate::place::{Hydrad, PATIENCE, Place, fresh_keys};

/// Asks a head for something, so that the peer counts as one that asked.
async fn asks(node: &RawNode, hydrad: &Hydrad) -> anyhow::Result<()> {
    let id = node.dial(&hydrad.address(0).await?).await?;
    let mut stream = node.open(id).await?;
    stream.ask(&Message::new(kind::FIND_NODE, fresh_keys(1).remove(0))).await.map(drop)
}

/// Distinct peers that asked, in all time, as a list of counts says it.
fn asked(list: &Value) -> anyhow::Result<u64> {
    let items = list["items"].as_array().context("items")?;
    let total = |item: &&Value| item["hour_at"].is_null() && item["seen_by"] == "request";
    items.iter().find(total).and_then(|item| item["peers"].as_u64()).context("a total")
}

async fn file_of(hydrad: &Hydrad, dir: &Path, name: &str) -> anyhow::Result<PathBuf> {
    let said = hydrad.hydractl(&["peers", "unique", "-o", "json"]).await?;
    let path = dir.join(name);
    fs::write(&path, said.good())?;
    Ok(path)
}

#[tokio::test(flavor = "multi_thread")]
async fn counts_of_two_daemons_are_united_from_files_and_a_peer_of_both_counts_once() -> anyhow::Result<()> {
    let place = Place::seeded(1)?;
    let (one, other) = (place.serving(1).await?, Place::new()?.serving(1).await?);
    let nodes: Vec<RawNode> = (0..7).map(|_| RawNode::new(Transport::TcpNoise)).collect::<Result<_, _>>()?;
    for node in &nodes[..4] {
        asks(node, &one).await?;
    }
    for node in &nodes[2..] {
        asks(node, &other).await?;
    }
    let first = file_of(&one, place.dir(), "one.json").await?;
    let second = file_of(&other, place.dir(), "other.json").await?;
    let (first, second) = (first.display().to_string(), second.display().to_string());
    let united = one.json(&["peers", "unique", "--merge", &second]).await?;
    assert_eq!(asked(&united)?, 7, "{united}");
    let files = ["peers", "unique", "--offline", "--merge", &first, &second];
    assert_eq!(asked(&one.json(&files).await?)?, 7);
    let alone = one.json(&["peers", "unique", "--offline", "--merge", &second]).await?;
    assert_eq!(asked(&alone)?, 5, "{alone}");
    // what was united is a file as well
    let both = place.dir().join("both.json");
    fs::write(&both, serde_json::to_vec(&united)?)?;
    let again = ["peers", "unique", "--offline", "--merge", &both.display().to_string(), &first];
    assert_eq!(asked(&one.json(&again).await?)?, 7);
    Ok(())
}

/// The peers that a log names; each line is whole.
fn logged(path: &Path) -> anyhow::Result<HashSet<String>> {
    let text = fs::read_to_string(path).with_context(|| format!("read {}", path.display()))?;
    let peer = |line: &str| -> anyhow::Result<String> {
        let line: Value = serde_json::from_str(line).with_context(|| format!("{line:?}"))?;
        ensure!(line["at"].is_string() && line["agent"].is_string() && line["head"] == "head-0", "{line}");
        Ok(line["peer"].as_str().context("a peer")?.to_owned())
    };
    text.lines().map(peer).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_peer_log_rotates_at_its_size_and_keeps_as_many_files_as_told() -> anyhow::Result<()> {
    let mut place = Place::seeded(1)?;
    let log = place.dir().join("peers.ndjson");
    place.set("peer-log", log.display());
    place.set("peer-log-max-size", "64KiB");
    place.set("peer-log-files", 2);
    let hydrad = place.serving(1).await?;
    let at = hydrad.address(0).await?;
    // lines of some 250 bytes: these fill two files and begin a third
    let first = who_say_who_they_are(&at).await?;
    let mut last = Vec::new();
    for _ in 1..15 {
        last = who_say_who_they_are(&at).await?;
    }
    let older = PathBuf::from(format!("{}.1", log.display()));
    eventually(PATIENCE, || async {
        let (older, current) = (logged(&older)?, logged(&log)?);
        let kept = |node: &RawNode| {
            let peer = node.id().to_string();
            older.contains(&peer) || current.contains(&peer)
        };
        ensure!(older.is_disjoint(&current), "a line is in both files");
        ensure!(last.iter().all(kept), "the last peers are not there");
        ensure!(!first.iter().any(kept), "the first peers still are");
        Ok(())
    })
    .await?;
    assert!(!PathBuf::from(format!("{}.2", log.display())).exists(), "more than two files are kept");
    for path in [&log, &older] {
        let bytes = fs::metadata(path)?.len();
        assert!(bytes <= 64 << 10, "{} has {bytes} bytes", path.display());
    }
    hydrad.stop().await.map(drop)
}

/// Forty peers that nobody has seen; each has connected and told who it is.
async fn who_say_who_they_are(at: &Multiaddr) -> anyhow::Result<Vec<RawNode>> {
    let one = async || {
        let node = RawNode::with_agent(Transport::TcpNoise, &"a".repeat(120))?;
        let id = node.dial(at).await?;
        node.identified(id).await?;
        anyhow::Ok(node)
    };
    futures::future::try_join_all((0..40).map(|_| one())).await
}
