//! `log` of a real daemon: lines are followed, and a level that is set holds at once, for a while.

use std::time::Duration;

use anyhow::{Context as _, ensure};
use hydra_tests::harness::eventually;
use serde_json::Value;

use crate::place::{Hydrad, Place, hydractl};

/// Whether the kept lines tell of this.
async fn told(hydrad: &Hydrad, text: &str) -> anyhow::Result<bool> {
    let list = hydrad.json(&["log", "tail", "--no-follow"]).await?;
    let lines = list["items"].as_array().context("lines")?;
    Ok(lines.iter().any(|line| line["text"].as_str().is_some_and(|told| told.contains(text))))
}

#[tokio::test(flavor = "multi_thread")]
async fn lines_are_followed_and_a_level_holds_at_once_and_for_a_while() -> anyhow::Result<()> {
    let place = Place::seeded(1)?;
    let hydrad = place.serving(1).await?;
    let mut follow = hydrad.follow(&["log", "tail"])?;
    hydrad.hydractl(&["heads", "add", "1"]).await?.good();
    let tells = |line: &Value| line["text"].as_str().is_some_and(|text| text.contains("heads added: head-1"));
    let line = follow.until(tells).await?;
    ensure!(line["level"] == "info" && line["target"] == "hydrad::telemetry::events", "{line}");

    let set = hydrad.json(&["log", "level", "set", "hydrad=error"]).await?;
    ensure!(set["schema"] == "hydra.v1/LogLevel" && set["until_at"].is_null(), "{set}");
    hydrad.hydractl(&["heads", "add", "1"]).await?.good();
    ensure!(!told(&hydrad, "heads added: head-2").await?, "the level holds at once");

    let set = hydrad.json(&["log", "level", "set", "hydrad=error", "--for", "1s"]).await?;
    ensure!(set["until_at"].is_string() && set["then"] == "info", "{set}");
    eventually(Duration::from_secs(60), || async {
        let levels = hydrad.json(&["log", "level", "get"]).await?;
        ensure!(levels["items"] == serde_json::json!([]), "{levels}");
        Ok(())
    })
    .await?;
    hydrad.hydractl(&["heads", "add", "1"]).await?.good();
    ensure!(told(&hydrad, "heads added: head-3").await?, "it ended by itself");

    let wrong = hydrad.hydractl(&["log", "level", "set", "a,b=debug"]).await?;
    ensure!(wrong.code == Some(2) && wrong.err.contains("a,b"), "{wrong:?}");
    let observer = hydractl(&place.observe(), &["log", "tail", "--no-follow"]).await?;
    ensure!(observer.code == Some(4) && observer.out.is_empty(), "{observer:?}");
    Ok(())
}
