//! What was, across restarts and without a disk.

use std::time::Duration;

use anyhow::Context as _;
use serde_json::Value;

use crate::place::{Hydrad, PATIENCE, Place};

/// The values of a series, one a step: when, and what.
async fn seconds(hydrad: &Hydrad, series: &str) -> anyhow::Result<Vec<Value>> {
    let list = hydrad.json(&["stats", "history", series, "--since", "10m", "--step", "1s"]).await?;
    Ok(list["items"].as_array().context("items")?.clone())
}

fn measured(items: &[Value]) -> Vec<String> {
    let known = items.iter().filter(|item| !item["value"].is_null());
    known.map(|item| item["at"].as_str().unwrap_or_default().to_owned()).collect()
}

/// Waits until so many seconds were measured.
async fn after(hydrad: &Hydrad, count: usize) -> anyhow::Result<Vec<Value>> {
    let until = tokio::time::Instant::now() + PATIENCE;
    loop {
        let items = seconds(hydrad, "heads.all").await?;
        if measured(&items).len() >= count {
            return Ok(items);
        }
        anyhow::ensure!(tokio::time::Instant::now() < until, "{count} seconds were not measured: {items:?}");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn values_survive_a_restart_and_the_gap_and_the_start_are_marked() -> anyhow::Result<()> {
    let place = Place::seeded(1)?;
    let hydrad = place.serving(1).await?;
    let before = measured(&after(&hydrad, 4).await?);
    hydrad.stop().await?;
    // a second in which nobody measures
    tokio::time::sleep(Duration::from_millis(2_500)).await;

    let hydrad = place.serving(1).await?;
    let items = after(&hydrad, before.len() + 3).await?;
    let now = measured(&items);
    assert!(before.iter().all(|at| now.contains(at)), "{before:?} of {now:?}");
    let first_after = now.iter().find(|at| !before.contains(at) && **at > before[before.len() - 1]);
    assert!(first_after.is_some(), "{now:?}");
    let from = items.iter().position(|item| item["at"] == before[0].as_str()).context("the first")?;
    assert!(items[from..].iter().any(|item| item["value"].is_null()), "a gap: {items:?}");
    let starts: Vec<&Value> = items.iter().filter(|item| item["restarted"] == true).collect();
    assert_eq!(starts.len(), 2, "each start is told: {items:?}");
    // who opens `top` now sees the time before the restart
    let mut watch =
        hydra_protocol::v1::status_service_client::StatusServiceClient::new(hydrad.channel().await?)
            .watch_status(hydra_protocol::v1::WatchStatusRequest::default())
            .await?
            .into_inner();
    let first = watch.message().await?.context("a snapshot")?;
    let old = first.samples.iter().filter(|sample| !sample.gap).count();
    assert!(old >= before.len() + 3 && first.samples.iter().any(|sample| sample.gap), "{old}");
    hydrad.stop().await.map(drop)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_picture_of_what_was_is_drawn_from_a_daemon() -> anyhow::Result<()> {
    let place = Place::seeded(1)?;
    let hydrad = place.serving(1).await?;
    after(&hydrad, 4).await?;
    let file = place.dir().join("requests.svg");
    let path = file.display().to_string();
    hydrad.hydractl(&["chart", "requests", "--window", "10m", "-o", &path]).await?.good();
    let picture = std::fs::read_to_string(file)?;
    assert!(picture.contains("ADD_PROVIDER") && picture.ends_with("</svg>\n"), "{} bytes", picture.len());
    let unknown = hydrad.hydractl(&["stats", "history", "head-9.requests"]).await?;
    assert!(unknown.err.contains("hydractl stats list"), "{unknown:?}");
    hydrad.stop().await.map(drop)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_history_begins_anew_and_the_daemon_serves() -> anyhow::Result<()> {
    let place = Place::seeded(1)?;
    place.serving(1).await?.stop().await?;
    let file = place.data().join("history-hydra.bin");
    let mut bytes = std::fs::read(&file)?;
    bytes[20] ^= 0xff;
    std::fs::write(&file, bytes)?;
    let hydrad = place.serving(1).await?;
    assert!(hydrad.said().contains("HISTORY_DAMAGED"), "{}", hydrad.said());
    after(&hydrad, 2).await?;
    hydrad.stop().await.map(drop)
}
