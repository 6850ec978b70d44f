//! `hydractl` against a real daemon: every noun in every form, and the exit codes.

use std::time::Duration;

use anyhow::{Context as _, ensure};
use serde_json::Value;

use crate::place::{Place, fresh_keys, hydractl};

/// Rows of fields, as RFC 4180 has them.
fn csv(text: &str) -> anyhow::Result<Vec<Vec<String>>> {
    let (mut rows, mut row, mut field, mut quoted) = (Vec::new(), Vec::new(), String::new(), false);
    let mut signs = text.chars().peekable();
    while let Some(sign) = signs.next() {
        match sign {
            '"' if quoted && signs.peek() == Some(&'"') => field.extend(signs.next()),
            '"' => quoted = !quoted,
            ',' if !quoted => row.push(std::mem::take(&mut field)),
            '\r' if !quoted => {}
            '\n' if !quoted => {
                row.push(std::mem::take(&mut field));
                rows.push(std::mem::take(&mut row));
            }
            sign => field.push(sign),
        }
    }
    ensure!(row.is_empty() && field.is_empty() && !quoted, "the last line is not ended");
    Ok(rows)
}

#[tokio::test(flavor = "multi_thread")]
async fn heads_peers_and_records_are_the_same_in_every_form() -> anyhow::Result<()> {
    let hydrad = Place::seeded(3)?.serving(3).await?;
    // a peer that is connected, and records
    let (_node, _stream) = hydrad.stream(1).await?;
    hydrad.announce(0, &fresh_keys(5), "/ip4/127.0.0.1/tcp/4001").await?;
    for (noun, schema, count, name) in [
        ("heads", "hydra.v1/HeadList", 3, "name"),
        ("peers", "hydra.v1/PeerList", 1, "peer_id"),
        ("records", "hydra.v1/RecordList", 5, "cid_raw"),
    ] {
        let ask = async |form: &str| {
            let scope: &[&str] = if noun == "peers" { &["--where", "connected"] } else { &[] };
            anyhow::Ok(
                hydrad.hydractl(&[&[noun, "list", "-o", form], scope].concat()).await?.good().to_owned(),
            )
        };
        // whoever announced is about to be gone
        hydra_tests::harness::eventually(Duration::from_secs(20), || async {
            let list: Value = serde_json::from_str(&ask("json").await?)?;
            ensure!(list["items"].as_array().map(Vec::len) == Some(count), "{list}");
            Ok(())
        })
        .await?;
        let list: Value = serde_json::from_str(&ask("json").await?)?;
        assert_eq!(list["schema"], schema);
        let items = list["items"].as_array().context("items")?;
        let lines: Vec<Value> =
            ask("ndjson").await?.lines().map(serde_json::from_str).collect::<Result<_, _>>()?;
        let names = |items: &[Value]| items.iter().map(|item| item[name].to_string()).collect::<Vec<_>>();
        assert_eq!(names(&lines), names(items), "{noun}");
        let keys = |item: &Value| item.as_object().map(|o| o.keys().cloned().collect::<Vec<_>>());
        assert_eq!(keys(&lines[0]), keys(&items[0]), "{noun}");

        let rows = csv(&ask("csv").await?)?;
        assert_eq!(rows.len(), count + 1, "{noun}: {rows:?}");
        assert!(rows.iter().all(|row| row.len() == rows[0].len()), "{noun}: {rows:?}");
        let mut titles = rows[0].clone();
        titles.sort();
        let mut fields = keys(&items[0]).unwrap_or_default();
        fields.sort();
        assert_eq!(titles, fields, "{noun}");
        let at = rows[0].iter().position(|title| title == name).context("a column")?;
        assert_eq!(rows[1][at], items[0][name].as_str().unwrap_or_default(), "{noun}");

        assert_eq!(ask("name").await?.lines().count(), count, "{noun}");
        for form in ["table", "wide"] {
            assert_eq!(ask(form).await?.lines().count(), count + 1, "{noun} as {form}");
        }
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn status_tells_text_and_json_and_check_ends_with_0_and_8() -> anyhow::Result<()> {
    let place = Place::seeded(2)?.flag("name", "lerna");
    let hydrad = place.serving(2).await?;
    hydrad.announce(0, &fresh_keys(2), "/ip4/127.0.0.1/tcp/4001").await?;
    let said = hydrad.hydractl(&["status", "--check"]).await?;
    let text = said.good();
    for part in ["lerna", "serving", "hydrad 0.", "2 of 2 serve", "2 records"] {
        assert!(text.contains(part), "no {part:?} in {text}");
    }
    let status = hydrad.json(&["status"]).await?;
    assert_eq!(status["schema"], "hydra.v1/Status");
    for (field, value) in [("name", "lerna"), ("state", "serving"), ("version", env!("CARGO_PKG_VERSION"))] {
        assert_eq!(status[field], value);
    }
    for (field, value) in [("heads", 2), ("heads_serving", 2), ("peers_live", 0), ("records", 2)] {
        assert_eq!(status[field], value, "{field}");
    }
    assert!(status["rss_bytes"].as_u64().is_some_and(|bytes| bytes > 1 << 20), "{status}");
    assert!(status["uptime_seconds"].as_f64().is_some_and(|seconds| seconds > 0.0), "{status}");
    assert_eq!(status["warnings"], serde_json::json!([]));
    hydrad.stop().await?;
    for words in [&["status"][..], &["status", "--check"], &["heads", "list"], &["heads", "add", "1"]] {
        let said = hydractl(&place.control(), words).await?;
        assert!(said.code == Some(3) && said.out.is_empty() && said.err.starts_with("error: "), "{said:?}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn wait_waits_for_a_daemon_that_is_still_to_come() -> anyhow::Result<()> {
    let place = Place::seeded(3)?;
    let socket = place.control();
    let none = hydractl(&socket, &["wait", "--for", "ready", "--timeout", "300ms"]).await?;
    assert!(matches!(none.code, Some(3 | 6)), "{none:?}");
    let waiting =
        tokio::spawn(async move { hydractl(&socket, &["wait", "--for", "ready", "--timeout", "50s"]).await });
    tokio::time::sleep(Duration::from_millis(500)).await;
    let mut hydrad = place.spawn()?;
    waiting.await??.good();
    hydrad.hydractl(&["wait", "heads=3", "--timeout", "30s"]).await?.good();
    hydrad.hydractl(&["wait", "head-2=serving", "--timeout", "30s"]).await?.good();
    let late = hydrad.hydractl(&["wait", "heads=4", "--timeout", "500ms"]).await?;
    assert!(late.code == Some(6) && late.err.contains("3 of 4"), "{late:?}");
    let add = async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        hydrad.hydractl(&["heads", "add", "1"]).await
    };
    let (waited, added) = tokio::join!(hydrad.hydractl(&["wait", "heads=4", "--timeout", "30s"]), add);
    added?.good();
    waited?.good();
    hydrad.serve(4).await
}

#[tokio::test(flavor = "multi_thread")]
async fn completions_and_version_need_no_daemon() -> anyhow::Result<()> {
    let nowhere = std::path::Path::new("/nonexistent/control.sock");
    for shell in ["bash", "zsh", "fish"] {
        let said = hydractl(nowhere, &["completions", shell]).await?;
        assert!(said.good().contains("heads"), "{shell}: {said:?}");
    }
    let said = hydractl(nowhere, &["version"]).await?;
    assert!(said.out.contains(env!("CARGO_PKG_VERSION")), "{said:?}");
    let hydrad = Place::seeded(1)?.serving(1).await?;
    let said = hydrad.hydractl(&["version"]).await?;
    assert!(said.good().matches(env!("CARGO_PKG_VERSION")).count() >= 2, "{said:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn changes_print_what_they_changed() -> anyhow::Result<()> {
    let hydrad = Place::seeded(1)?.serving(1).await?;
    let said = hydrad.hydractl(&["heads", "add", "5"]).await?;
    for index in 1..=5 {
        assert!(said.good().contains(&format!("head-{index}")), "{said:?}");
    }
    let dry = hydrad.json(&["heads", "add", "2", "--dry-run"]).await?;
    assert_eq!(dry["items"].as_array().map(Vec::len), Some(2), "{dry}");
    for (words, name) in [
        (&["heads", "stop", "head-1"][..], "head-1"),
        (&["heads", "start", "head-1"], "head-1"),
        (&["heads", "rm", "head-2", "--yes"], "head-2"),
    ] {
        let changed = hydrad.json(words).await?;
        assert_eq!(changed["name"], name, "{words:?}: {changed}");
    }
    // nobody can be asked, and nothing is removed
    let said = hydrad.hydractl(&["heads", "rm", "head-3"]).await?;
    assert!(said.code == Some(2) && said.err.contains("--yes"), "{said:?}");
    assert_eq!(hydrad.heads().await?.len(), 5);
    let quiet = hydrad.hydractl(&["-q", "heads", "stop", "head-1"]).await?;
    assert!(quiet.good().is_empty() && quiet.err.is_empty(), "{quiet:?}");
    Ok(())
}
