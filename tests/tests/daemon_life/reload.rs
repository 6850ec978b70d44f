//! Settings that change while the daemon runs: `config reload` and SIGHUP.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context as _, ensure};
use hydra_tests::harness::eventually;
use rustix::process::Signal;
use serde_json::Value;

use crate::place::{Hydrad, PATIENCE, Place, hydractl};

/// A daemon with a file, on a port that the file names.
async fn with_file(text: &str) -> anyhow::Result<(PathBuf, Hydrad)> {
    let place = Place::seeded(1)?;
    let file = place.dir().join("hydrad.toml");
    fs::write(&file, text)?;
    Ok((file.clone(), place.flag("config", file.display()).serving(1).await?))
}

async fn setting(hydrad: &Hydrad, key: &str) -> anyhow::Result<Value> {
    let list = hydrad.json(&["config", "show", key]).await?;
    let mut items = list["items"].as_array().into_iter().flatten();
    items.find(|item| item["key"] == key).cloned().with_context(|| format!("no {key} in {list}"))
}

/// Texts of the warnings that last, with this code.
fn warned(status: &hydra_protocol::v1::Status, code: &str) -> Option<String> {
    let mut lasting = status.warnings.iter().filter(|warning| warning.until.is_none());
    lasting.find(|warning| warning.code == code).map(|warning| warning.text.clone())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reload_applies_what_is_live_and_says_what_needs_a_restart() -> anyhow::Result<()> {
    let (file, mut hydrad) = with_file("[prefetch]\nqueue = 77\n[presence]\nper_bucket = 2\n").await?;
    let said = hydrad.hydractl(&["config", "reload"]).await?;
    ensure!(said.code == Some(0) && said.err.contains("nothing has changed"), "{said:?}");

    let text = "[prefetch]\nqueue = 99\nscope = \"near\"\n[presence]\nper_bucket = 3\n\
                [log]\nlevel = \"debug\"\n[limits]\nmax_connections = 321\n[heads]\ntarget = 1\n";
    fs::write(&file, text)?;
    let queue = setting(&hydrad, "prefetch.queue").await?;
    ensure!(queue["value"] == 77 && queue["pending"] == "99" && queue["needs_restart"] == false, "{queue}");
    let bucket = setting(&hydrad, "presence.per_bucket").await?;
    ensure!(bucket["value"] == 2 && bucket["needs_restart"] == true && bucket["live"] == false, "{bucket}");

    let changes = hydrad.json(&["config", "reload"]).await?;
    ensure!(changes["schema"] == "hydra.v1/SettingChangeList", "{changes}");
    let change = |key: &str| -> anyhow::Result<Value> {
        let mut items = changes["items"].as_array().into_iter().flatten();
        items.find(|item| item["key"] == key).cloned().with_context(|| format!("no {key} in {changes}"))
    };
    for key in ["prefetch.queue", "prefetch.scope", "log.level", "limits.max_connections", "heads.target"] {
        ensure!(change(key)?["applied"] == true, "{changes}");
    }
    let bucket = change("presence.per_bucket")?;
    ensure!(bucket["applied"] == false && bucket["needs_restart"] == true, "{bucket}");
    ensure!(bucket["old"] == "2" && bucket["new"] == "3", "{bucket}");

    // what was applied runs
    let prefetch = hydrad.json(&["prefetch", "status"]).await?;
    ensure!(prefetch["waiting_limit"] == 99, "{prefetch}");
    ensure!(hydrad.status().await?.connections_limit == 321);
    let level = hydrad.hydractl(&["log", "level", "get"]).await?;
    ensure!(level.err.contains("log.level debug"), "{level:?}");
    hydrad.status_when("the target is followed", |status| status.heads_target.is_some()).await?;
    let queue = setting(&hydrad, "prefetch.queue").await?;
    ensure!(queue["value"] == 99 && queue["line"] == 2 && queue["pending"].is_null(), "{queue}");
    // and what was not is said until it does, or is taken back
    let waits = |status: &hydra_protocol::v1::Status| warned(status, "CONFIG_NEEDS_RESTART");
    let status = hydrad.status_when("it is warned", |status| waits(status).is_some()).await?;
    ensure!(waits(&status).is_some_and(|text| text.contains("presence.per_bucket")), "{status:?}");
    let again = hydrad.json(&["config", "reload"]).await?;
    ensure!(again["items"].as_array().map(Vec::len) == Some(1), "{again}");
    fs::write(&file, text.replace("per_bucket = 3", "per_bucket = 2"))?;
    hydrad.status_when("the warning has ended", |status| waits(status).is_none()).await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_no_good_changes_nothing_and_is_told() -> anyhow::Result<()> {
    let (file, mut hydrad) = with_file("[prefetch]\nqueue = 77\n").await?;
    fs::write(&file, "[prefetch]\nqueue = 99\nlookups = 0\n[log]\nlevle = \"debug\"\n")?;
    let said = hydrad.hydractl(&["config", "reload"]).await?;
    ensure!(said.code == Some(1) && said.out.is_empty(), "{said:?}");
    ensure!(said.err.contains("prefetch.lookups in") && said.err.contains("levle"), "{said:?}");
    ensure!(said.err.contains("nothing has changed") && !said.err.contains("error: error"), "{said:?}");
    let prefetch = hydrad.json(&["prefetch", "status"]).await?;
    ensure!(prefetch["waiting_limit"] == 77, "{prefetch}");
    let invalid = |status: &hydra_protocol::v1::Status| warned(status, "CONFIG_INVALID");
    let status = hydrad.status_when("it is warned", |status| invalid(status).is_some()).await?;
    ensure!(invalid(&status).is_some_and(|text| text.contains("levle")), "{status:?}");
    fs::write(&file, "[prefetch]\nqueue = 77\n")?;
    hydrad.status_when("the warning has ended", |status| invalid(status).is_none()).await?;

    // the observe socket changes nothing
    let observe = file.with_file_name("observe.sock");
    let said = hydractl(&observe, &["config", "reload"]).await?;
    ensure!(said.code == Some(4), "{said:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn sighup_reloads_and_its_outcome_is_an_event() -> anyhow::Result<()> {
    let (file, hydrad) = with_file("[prefetch]\nqueue = 77\n").await?;
    let told = async |text: &str| {
        eventually(PATIENCE, || async {
            let events = hydrad.hydractl(&["events", "--limit", "1000"]).await?;
            ensure!(events.good().contains(text), "no {text:?} in {events:?}");
            Ok(())
        })
        .await
    };
    fs::write(&file, "[prefetch]\nqueue = 99\n")?;
    hydrad.signal(Signal::HUP)?;
    told("prefetch.queue 77 → 99").await?;
    let prefetch = hydrad.json(&["prefetch", "status"]).await?;
    ensure!(prefetch["waiting_limit"] == 99, "{prefetch}");
    fs::write(&file, "[prefetch]\nqueue = \"many\"\n")?;
    hydrad.signal(Signal::HUP)?;
    told("the settings were not reloaded").await?;
    let prefetch = hydrad.json(&["prefetch", "status"]).await?;
    ensure!(prefetch["waiting_limit"] == 99, "{prefetch}");
    Ok(())
}
