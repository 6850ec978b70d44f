//! `events` of a real daemon: what is kept, what is followed, and where the settings came from.

use anyhow::ensure;

use crate::place::Place;

#[tokio::test(flavor = "multi_thread")]
async fn what_happened_is_listed_and_what_happens_is_followed() -> anyhow::Result<()> {
    let place = Place::seeded(1)?;
    let hydrad = place.serving(1).await?;
    let mut follow = hydrad.follow(&["events", "-w"])?;
    hydrad.hydractl(&["heads", "add", "1"]).await?.good();
    let told = follow.until(|event| event["text"] == "heads added: head-1").await?;
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
