//! What the first start makes, and what it says.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use anyhow::Context as _;
use serde_json::Value;

use crate::place::Place;

fn mode(path: &std::path::Path) -> anyhow::Result<u32> {
    let found = fs::metadata(path).with_context(|| format!("{}", path.display()))?;
    Ok(found.permissions().mode() & 0o777)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_start_makes_private_files_and_sockets_for_those_who_may() -> anyhow::Result<()> {
    let place = Place::new()?.flag("heads", 5);
    let hydrad = place.serving(5).await?;
    assert_eq!(mode(place.data())?, 0o700);
    for file in ["state.db", "hydrad.lock"] {
        assert_eq!(mode(&place.data().join(file))?, 0o600, "{file}");
    }
    assert_eq!(mode(&place.control())?, 0o660);
    assert_eq!(mode(&place.observe())?, 0o666);
    // a seed was made, and nothing but the state has it
    let said = hydrad.stop().await?;
    assert!(said.contains("a new seed was made"), "{said}");
    let other = Place::new()?;
    let hydrad = other.serving(1).await?;
    let again = Place::new()?.serving(1).await?;
    assert_ne!(hydrad.head(0).await?.peer_id, again.head(0).await?.peer_id, "two hydras, one seed");
    assert!(!place.control().exists() && !place.observe().exists(), "sockets stay behind");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn every_line_for_machines_is_json_with_a_time_a_level_and_a_message() -> anyhow::Result<()> {
    let place = Place::new()?.flag("heads", 2).flag("log-level", "debug");
    let hydrad = place.serving(2).await?;
    hydrad.hydractl(&["heads", "add", "1"]).await?.good();
    let said = hydrad.stop().await?;
    assert!(said.lines().count() > 3, "{said}");
    for line in said.lines() {
        let line: Value = serde_json::from_str(line).with_context(|| line.to_owned())?;
        for field in ["timestamp", "level", "message"] {
            assert!(line[field].is_string(), "no {field} in {line}");
        }
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn people_are_told_where_it_listens_where_the_socket_is_and_what_to_type() -> anyhow::Result<()> {
    let place = Place::new()?.flag("heads", 2).flag("log-format", "text");
    let hydrad = place.serving(2).await?;
    let socket = place.control().display().to_string();
    for head in hydrad.heads().await? {
        let line = format!("{}  127.0.0.1 port {} tcp+udp", head.peer_id, head.port);
        assert!(hydrad.said().contains(&line), "no {line:?} in {}", hydrad.said());
    }
    for text in
        ["2 heads", &format!("control socket: {socket}"), &format!("hydractl --socket {socket} status")]
    {
        assert!(hydrad.said().contains(text), "no {text:?} in {}", hydrad.said());
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn people_are_told_what_it_waits_for() -> anyhow::Result<()> {
    let place = Place::new()?
        .flag("log-format", "text")
        .flag("address-policy", "public")
        .flag("bootstrap-peers", crate::scout::NOBODY);
    let hydrad = place.up().await?;
    hydra_tests::harness::eventually(crate::place::PATIENCE, || async {
        let said = hydrad.said();
        anyhow::ensure!(said.contains("waiting: 0 verified servers; heads serve from 20 on"), "{said}");
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_usage_error_ends_with_2_a_failed_start_with_1_and_help_with_0() -> anyhow::Result<()> {
    let place = Place::new()?;
    for (words, code) in [
        (&["--heads", "five"][..], 2),
        (&["--no-such-flag"], 2),
        (&["--help"], 0),
        (&["--version"], 0),
        (&["seed", "new"], 0),
        (&["--check-config"], 0),
        (&["--print-config"], 0),
    ] {
        let ran = place.command(words).await?;
        assert_eq!(ran.code, Some(code), "{words:?}: {}", ran.words);
    }
    fs::write(place.data(), "a file, no directory")?;
    assert_eq!(place.refused().await?.code, Some(1));
    Ok(())
}
