//! `config` against a real daemon: the settings in force and where they stand, and no secret.

use std::fs;

use anyhow::{Context as _, ensure};
use serde_json::Value;

use crate::place::{Place, SEED, hydractl};

#[tokio::test(flavor = "multi_thread")]
async fn settings_are_told_with_their_origin_and_without_secrets() -> anyhow::Result<()> {
    let place = Place::seeded(1)?.flag("name", "lerna").variable("HYDRA_LOG_LEVEL", "info");
    let file = place.dir().join("hydrad.toml");
    fs::write(&file, "name = \"other\"\n[prefetch]\nqueue = 77\n")?;
    let hydrad = place.flag("config", file.display()).serving(1).await?;
    let list = hydrad.json(&["config", "show"]).await?;
    let setting = |key: &str| -> anyhow::Result<Value> {
        let mut items = list["items"].as_array().into_iter().flatten();
        items.find(|item| item["key"] == key).cloned().with_context(|| format!("no {key} in {list}"))
    };
    let name = setting("name")?;
    ensure!(name["value"] == "lerna" && name["origin"] == "flag" && name["flag"] == "--name", "{name}");
    ensure!(name["overrides"][0]["value"] == "other" && name["overrides"][0]["line"] == 1, "{name}");
    let queue = setting("prefetch.queue")?;
    ensure!(queue["value"] == 77 && queue["line"] == 3, "{queue}");
    ensure!(queue["path"] == file.display().to_string(), "{queue}");
    let level = setting("log.level")?;
    ensure!(level["origin"] == "env" && level["variable"] == "HYDRA_LOG_LEVEL", "{level}");

    let table = hydrad.hydractl(&["config", "show", "--origin"]).await?;
    ensure!(table.good().contains("flag --name, over hydrad.toml:1 (other)"), "{table:?}");
    let seed = setting("identity.seed")?;
    ensure!(seed["value"] == "(secret, 32 bytes)", "{seed}");
    ensure!(!list.to_string().contains(SEED) && !table.good().contains(SEED), "the seed is told");
    // what hydrad itself says of these settings is the same
    let said = list["items"].as_array().map(Vec::len);
    let place = Place::seeded(1)?;
    let printed: Value = serde_json::from_str(&place.command(&["--print-config=json"]).await?.words)?;
    ensure!(said == printed["items"].as_array().map(Vec::len), "{said:?} settings in {printed}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_is_validated_without_a_daemon() -> anyhow::Result<()> {
    let place = Place::new()?;
    let file = place.dir().join("other.toml");
    let words = ["config", "validate", &file.display().to_string()];
    fs::write(&file, "name = \"lerna\"\n")?;
    let good = hydractl(&place.control(), &words).await?;
    ensure!(good.good().starts_with("ok: ") && good.good().contains("other.toml"), "{good:?}");
    fs::write(&file, "nome = \"lerna\"\n")?;
    let wrong = hydractl(&place.control(), &words).await?;
    ensure!(wrong.code == Some(1) && wrong.err.contains("nome") && wrong.out.is_empty(), "{wrong:?}");
    Ok(())
}
