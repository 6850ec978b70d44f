//! Misses and peers as the operator counts them: what became of each miss, who may pause,
//! and what a restart leaves of the counts.

use anyhow::{Context as _, ensure};
use hydra_tests::harness::eventually;
use hydra_tests::raw::Message;
use hydra_tests::raw::message::kind;
use serde_json::Value;

use crate::place::{Hydrad, PATIENCE, Place, fresh_keys, hydractl};

/// Asks for keys that nobody provides.
async fn miss(hydrad: &Hydrad, count: usize) -> anyhow::Result<()> {
    let (_node, mut stream) = hydrad.stream(0).await?;
    for key in fresh_keys(count) {
        let reply = stream.ask(&Message::new(kind::GET_PROVIDERS, key)).await?;
        ensure!(reply.providers.is_empty(), "somebody provides it: {reply:?}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn each_miss_has_a_name_also_when_nothing_is_looked_up() -> anyhow::Result<()> {
    let hydrad = Place::seeded(1)?.flag("prefetch-scope", "off").serving(1).await?;
    miss(&hydrad, 5).await?;
    let status = hydrad.json(&["prefetch", "status"]).await?;
    assert_eq!(status["schema"], "hydra.v1/PrefetchStatus");
    assert_eq!((&status["misses_total"], &status["outcomes_total"]["paused"]), (&5.into(), &5.into()));
    assert_eq!(
        (&status["state"], &status["paused_reason"]),
        (&"paused".into(), &"prefetch.scope is off".into())
    );
    let said = hydrad.hydractl(&["prefetch", "queue"]).await?;
    assert!(said.err.contains("prefetch.scope is off"), "{said:?}");
    // nobody's "resume" turns on what the configuration turned off
    let said = hydrad.hydractl(&["prefetch", "resume"]).await?;
    assert!(said.good().contains("still paused: prefetch.scope is off"), "{said:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_control_socket_pauses_and_the_log_says_who_did() -> anyhow::Result<()> {
    let place = Place::seeded(1)?;
    let hydrad = place.serving(1).await?;
    for words in [&["prefetch", "status"][..], &["prefetch", "queue"], &["peers", "unique"]] {
        hydractl(&place.observe(), words).await?.good();
    }
    for words in [&["prefetch", "pause"][..], &["prefetch", "resume"], &["prefetch", "clear", "--yes"]] {
        assert_eq!(hydractl(&place.observe(), words).await?.code, Some(4), "{words:?}");
        hydrad.hydractl(words).await?.good();
    }
    let said = hydrad.stop().await?;
    let audit = |line: &Value| line["target"] == "hydra::audit";
    let done: Vec<String> = said
        .lines()
        .filter_map(|line| serde_json::from_str(line).ok())
        .filter(audit)
        .filter_map(|line: Value| line["message"].as_str().map(str::to_owned))
        .collect();
    assert_eq!(done, ["pause prefetch", "resume prefetch", "clear the prefetch queue"]);
    Ok(())
}

/// Distinct peers of the whole time, seen so.
async fn seen(hydrad: &Hydrad, by: &str) -> anyhow::Result<u64> {
    let list = hydrad.json(&["peers", "unique"]).await?;
    let items = list["items"].as_array().context("items")?;
    let total = |item: &&Value| item["hour_at"].is_null() && item["seen_by"] == by;
    items.iter().find(total).and_then(|item| item["peers"].as_u64()).context("a total")
}

#[tokio::test(flavor = "multi_thread")]
async fn peers_are_counted_over_a_restart_and_logged_when_asked_for() -> anyhow::Result<()> {
    let mut place = Place::seeded(1)?;
    let log = place.dir().join("peers.ndjson");
    place.set("peer-log", log.display());
    let hydrad = place.serving(1).await?;
    // stays until it has said who it is: the log tells of those who do
    let (_asking, mut stream) = hydrad.stream(0).await?;
    stream.ask(&Message::new(kind::GET_PROVIDERS, fresh_keys(1).remove(0))).await?;
    // connected, and does not ask anything
    let (_silent, _stream) = hydrad.stream(0).await?;
    assert_eq!((seen(&hydrad, "request").await?, seen(&hydrad, "connection").await?), (1, 2));
    eventually(PATIENCE, || async {
        let text = std::fs::read_to_string(&log)?;
        let lines: Vec<Value> = text.lines().map(serde_json::from_str).collect::<Result<_, _>>()?;
        ensure!(lines.len() >= 2, "{} lines", lines.len());
        ensure!(lines.iter().all(|line| line["head"] == "head-0" && line["agent"].is_string()), "{text}");
        // loopback is in no group
        ensure!(lines.iter().all(|line| line["address_group"].is_null()), "{text}");
        Ok(())
    })
    .await?;
    hydrad.stop().await?;
    let hydrad = place.serving(1).await?;
    assert_eq!((seen(&hydrad, "request").await?, seen(&hydrad, "connection").await?), (1, 2));
    miss(&hydrad, 1).await?;
    assert_eq!(seen(&hydrad, "request").await?, 2);
    Ok(())
}
