//! `events` of a real daemon: what is kept, what is followed, and where the settings came from.

use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use hydra_tests::harness::binaries;
use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::Command;
use tokio::time::timeout;

use crate::place::Place;

#[tokio::test(flavor = "multi_thread")]
async fn what_happened_is_listed_and_what_happens_is_followed() -> anyhow::Result<()> {
    let place = Place::seeded(1)?;
    let hydrad = place.serving(1).await?;
    let hydractl = binaries::hydractl().map_err(|missing| anyhow::anyhow!(missing.0))?;
    let mut follow = Command::new(hydractl)
        .arg("--socket")
        .arg(place.control())
        .args(["events", "-w", "-o", "ndjson"])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()?;
    let mut lines = BufReader::new(follow.stdout.take().context("stdout")?).lines();
    hydrad.hydractl(&["heads", "add", "1"]).await?.good();
    let told = timeout(Duration::from_secs(60), async {
        while let Some(line) = lines.next_line().await? {
            let event: Value = serde_json::from_str(&line)?;
            if event["text"] == "heads added: head-1" {
                return Ok(event);
            }
        }
        anyhow::bail!("the events ended")
    });
    let told = told.await.context("the event is followed")??;
    ensure!(told["level"] == "info" && told["part"] == "hydrad" && told["at"].is_string(), "{told}");

    let list = hydrad.json(&["events", "--since", "1h"]).await?;
    ensure!(list["schema"] == "hydra.v1/EventList", "{list}");
    ensure!(list["items"].as_array().is_some_and(|items| items.contains(&told)), "{told} in {list}");
    let newest = hydrad.json(&["events", "--limit", "1"]).await?;
    ensure!(newest["items"].as_array().map(Vec::len) == Some(1), "{newest}");
    let table = hydrad.hydractl(&["events"]).await?;
    ensure!(table.good().contains("heads added: head-1"), "{table:?}");
    let none = hydrad.json(&["events", "--level", "error"]).await?;
    ensure!(none["items"] == serde_json::json!([]), "{none}");
    Ok(())
}
