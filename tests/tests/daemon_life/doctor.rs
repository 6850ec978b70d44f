//! `doctor` with a real daemon, with a daemon that has a trouble, and without one; and the report of it all.

use anyhow::{Context as _, ensure};
use serde_json::Value;

use crate::place::{PATIENCE, Place, SEED, hydractl};
use crate::scout::NOBODY;

fn check<'a>(list: &'a Value, name: &str) -> anyhow::Result<&'a Value> {
    let mut items = list["items"].as_array().into_iter().flatten();
    items.find(|item| item["check"] == name).with_context(|| format!("no {name} in {list}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_well_hydra_passes_and_each_part_can_be_asked_alone() -> anyhow::Result<()> {
    let hydrad = Place::seeded(2)?.serving(2).await?;
    let all = hydrad.hydractl(&["doctor", "-o", "json"]).await?;
    let list: Value = serde_json::from_str(all.good())?;
    ensure!(list["schema"] == "hydra.v1/CheckList", "{list}");
    for name in
        ["socket", "version", "files", "clock", "memory", "disk", "ports", "heads", "outbound", "belly"]
    {
        ensure!(check(&list, name)?["result"] == "ok", "{name} in {list}");
    }
    ensure!(check(&list, "heads")?["evidence"] == "2 of 2 serve", "{list}");
    let reach = hydrad.json(&["doctor", "--only", "reach"]).await?;
    check(&reach, "heads")?;
    ensure!(check(&reach, "belly").is_err() && check(&reach, "socket").is_err(), "{reach}");
    let text = hydrad.hydractl(&["doctor"]).await?;
    ensure!(text.good().contains("ok    heads    2 of 2 serve\n"), "{text:?}");
    ensure!(text.good().lines().last().is_some_and(|line| line.contains(", 0 fail, ")), "{text:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn peers_that_do_not_answer_fail_and_so_does_a_daemon_that_is_gone() -> anyhow::Result<()> {
    let place = Place::seeded(1)?.flag("bootstrap-peers", NOBODY);
    let hydrad = place.up().await?;
    let list: Value = hydra_tests::harness::eventually(PATIENCE, || async {
        let list = hydrad.json(&["doctor", "--only", "network"]).await?;
        ensure!(check(&list, "outbound")?["result"] == "fail", "{list}");
        Ok(list)
    })
    .await?;
    ensure!(check(&list, "outbound")?["remedy"].is_string(), "{list}");
    let said = hydrad.hydractl(&["doctor"]).await?;
    ensure!(said.code == Some(8) && said.err.is_empty(), "{said:?}");
    hydrad.stop().await?;

    let said = hydractl(&place.control(), &["doctor"]).await?;
    ensure!(said.code == Some(8) && said.out.starts_with("fail  socket   "), "{said:?}");
    for name in ["files", "config", "clock"] {
        ensure!(said.out.contains(&format!("  {name}")), "no {name} in {said:?}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bugreport_is_whole_and_has_no_secret() -> anyhow::Result<()> {
    let place = Place::seeded(1)?;
    let hydrad = place.serving(1).await?;
    let directory = place.dir().join("report");
    let report = hydrad.json(&["bugreport", &directory.display().to_string()]).await?;
    let files = report["files"].as_array().context("files")?;
    ensure!(files.len() > 8, "{report}");
    let token = std::fs::read_to_string(place.data().join("http-token"))?;
    for file in files {
        ensure!(file["trouble"].is_null(), "{file}");
        let name = file["name"].as_str().context("a name")?;
        let text = std::fs::read_to_string(directory.join(name))?;
        ensure!(!text.is_empty(), "{name} is empty");
        if name.ends_with(".json") {
            let _: Value = serde_json::from_str(&text).with_context(|| name.to_owned())?;
        }
        ensure!(!text.contains(SEED) && !text.contains(token.trim()), "a secret is in {name}");
    }
    Ok(())
}
