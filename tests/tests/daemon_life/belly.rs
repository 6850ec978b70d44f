//! The belly as its operator reads it: counts, what is asked for, exports, copies, purges, and
//! a store that is too new.

use std::fs;

use anyhow::{Context as _, ensure};
use data_encoding::HEXLOWER;
use hydra_tests::raw::{Message, message::kind};
use serde_json::Value;

use crate::place::{Place, fresh_keys, hydractl};

#[tokio::test(flavor = "multi_thread")]
async fn a_store_of_a_newer_version_is_refused_by_name() -> anyhow::Result<()> {
    let place = Place::seeded(1)?;
    let hydrad = place.serving(1).await?;
    hydrad.announce(0, &fresh_keys(3), "/ip4/127.0.0.1/tcp/4001").await?;
    hydrad.stop().await?;
    let belly = place.data().join("belly");
    let names: Vec<_> = fs::read_dir(&belly)?
        .flatten()
        .map(|file| file.path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "db"))
        .collect();
    ensure!(names.len() == 2, "{names:?}");
    for path in names {
        let version = |number: i32| -> anyhow::Result<i32> {
            let db = rusqlite::Connection::open(&path)?;
            let before = db.pragma_query_value(None, "user_version", |row| row.get(0))?;
            db.pragma_update(None, "user_version", number)?;
            Ok(before)
        };
        let known = version(99)?;
        let refusal = place.refused().await?;
        assert_eq!(refusal.code, Some(1), "{}", refusal.words);
        let formats = format!("has format 99, this version knows formats up to {known}");
        for text in [&*path.display().to_string(), &formats, "use the newer hydrad, or move the file away"] {
            assert!(refusal.words.contains(text), "no {text:?} in {}", refusal.words);
        }
        version(known)?;
    }
    assert_eq!(place.serving(1).await?.status().await?.records, 3);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_written_out_while_it_runs_and_while_it_does_not_is_the_same_and_is_read_in_again()
-> anyhow::Result<()> {
    let place = Place::seeded(2)?;
    let hydrad = place.serving(2).await?;
    let rare = fresh_keys(3);
    let provider = hydrad.announce(1, &rare, "/ip4/127.0.0.1/tcp/4001").await?;
    // more than a page looks through, after them
    let many = fresh_keys(60_000);
    hydrad.announce(0, &many, "/ip4/127.0.0.1/tcp/4002").await?;
    let few = hydrad.json(&["records", "list", "--provider", &provider.to_string()]).await?;
    assert_eq!(few["items"].as_array().map(Vec::len), Some(3), "a list ends where the looking rested");

    let at = |name: &str| place.dir().join(name).display().to_string();
    hydrad.hydractl(&["records", "export", "--to", &at("online")]).await?.good();
    let csv = hydrad.hydractl(&["records", "export", "-o", "csv"]).await?;
    assert_eq!(csv.good().lines().count(), 60_004);
    // a daemon has the store: nothing is written, and what to do is said
    let import = place.command(&["belly", "import", &at("online")]).await?;
    assert!(
        import.code == Some(1) && import.words.contains("another hydrad uses the store"),
        "{}",
        import.words
    );
    let export = place.command(&["belly", "export", &at("nothing")]).await?;
    assert!(export.code == Some(1) && export.words.contains("hydractl records export"), "{}", export.words);
    hydrad.stop().await?;

    let export = place.command(&["belly", "export", &at("offline")]).await?;
    assert_eq!((export.code, export.words), (Some(0), format!("{}: 60003 records\n", at("offline"))));
    let sorted = |name: &str| -> anyhow::Result<Vec<String>> {
        let mut lines: Vec<String> = fs::read_to_string(at(name))?.lines().map(str::to_owned).collect();
        lines.sort();
        Ok(lines)
    };
    assert!(sorted("online")? == sorted("offline")?, "the two exports differ");
    let other = Place::seeded(1)?;
    let import = other.command(&["belly", "import", &at("online")]).await?;
    assert_eq!(import.words, "60003 records taken, 0 left out because their time is over\n");
    let again = other.command(&["belly", "export", &at("again")]).await?;
    assert_eq!(again.code, Some(0), "{}", again.words);
    assert!(sorted("again")? == sorted("online")?, "what was read in is not what was written out");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_made_under_load_is_whole_and_another_daemon_serves_it() -> anyhow::Result<()> {
    let place = Place::seeded(2)?;
    let mut hydrad = place.serving(2).await?;
    let stored = fresh_keys(5_000);
    let provider = hydrad.announce(0, &stored, "/ip4/127.0.0.1/tcp/4001").await?.to_string();
    hydrad.status_when("all is on disk", |status| status.records_unsaved == 0).await?;
    let copy = place.dir().join("copy");
    let (more, to) = (fresh_keys(40_000), copy.display().to_string());
    let words = ["belly", "backup", &*to];
    let load = hydrad.announce(1, &more, "/ip4/127.0.0.1/tcp/4002");
    let (load, copied) = tokio::join!(load, place.command(&words));
    load?;
    let copied = copied?;
    assert_eq!(copied.code, Some(0), "{}", copied.words);
    assert_eq!(hydrad.status().await?.records, 45_000);

    let other = Place::seeded(1)?;
    fs::create_dir_all(other.data())?;
    fs::set_permissions(other.data(), std::os::unix::fs::PermissionsExt::from_mode(0o700))?;
    fs::rename(copy, other.data().join("belly"))?;
    let check = other.command(&["belly", "check"]).await?;
    assert!(check.code == Some(0) && check.words.contains(" 0 files with damage"), "{}", check.words);
    let second = other.serving(1).await?;
    let records = second.status().await?.records;
    assert!((5_000..=45_000).contains(&records), "{records}");
    let of_first = second.json(&["records", "list", "--provider", &provider]).await?;
    assert_eq!(of_first["items"].as_array().map(Vec::len), Some(5_000));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flipped_bit_and_a_cut_file_are_found_and_what_to_do_is_said() -> anyhow::Result<()> {
    let place = Place::seeded(1)?;
    let hydrad = place.serving(1).await?;
    hydrad.announce(0, &fresh_keys(3_000), "/ip4/127.0.0.1/tcp/4001").await?;
    // also while it runs
    let check = place.command(&["belly", "check"]).await?;
    assert!(check.code == Some(0) && check.words.contains(" 0 files with damage"), "{}", check.words);
    hydrad.stop().await?;
    let mut logs = fs::read_dir(place.data().join("belly"))?.flatten().map(|file| file.path());
    let path = logs.find(|path| path.display().to_string().ends_with(".log.db")).context("a file")?;
    let whole = fs::read(&path)?;
    let mut flipped = whole.clone();
    flipped[whole.len() / 2] ^= 4;
    for bytes in [&flipped[..], &whole[..whole.len() / 3]] {
        fs::write(&path, bytes)?;
        let check = place.command(&["belly", "check"]).await?;
        assert_eq!(check.code, Some(8), "{}", check.words);
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        for text in ["BROKEN", &*name, " 1 files with damage", "look at the disk"] {
            assert!(check.words.contains(text), "no {text:?} in {}", check.words);
        }
    }
    fs::write(&path, &whole)?;
    assert_eq!(place.command(&["belly", "check"]).await?.code, Some(0));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_belly_is_read_by_stat_and_top_and_a_key_and_a_provider_are_purged() -> anyhow::Result<()> {
    let place = Place::seeded(2)?;
    let hydrad = place.serving(2).await?;
    let keys = fresh_keys(20);
    let first = hydrad.announce(0, &keys[..15], "/ip4/127.0.0.1/tcp/4001").await?.to_string();
    let second = hydrad.announce(1, &keys[10..], "/ip4/127.0.0.1/tcp/4002").await?.to_string();
    let stat = hydrad.json(&["records", "stat"]).await?;
    for (field, value) in [("records", 25), ("providers", 2), ("values", 0)] {
        assert_eq!(stat[field], value, "{stat}");
    }
    let sum: u64 =
        stat["generations"].as_array().into_iter().flatten().filter_map(|g| g["records"].as_u64()).sum();
    assert_eq!(sum, 25, "{stat}");
    assert!(stat["index_bytes"].as_u64().is_some_and(|bytes| bytes > 0), "{stat}");
    assert_eq!(stat["warming"], Value::Null);

    let (_node, mut stream) = hydrad.stream(0).await?;
    let unknown = fresh_keys(1).remove(0);
    for (key, times) in [(&keys[12], 3), (&unknown, 5)] {
        for _ in 0..times {
            stream.ask(&Message::new(kind::GET_PROVIDERS, key.clone())).await?;
        }
    }
    let top = hydrad.json(&["records", "top"]).await?;
    let row = |at: usize| {
        let row = &top["items"][at];
        (
            row["multihash_hex"].clone(),
            row["requests"].clone(),
            row["missed"].clone(),
            row["providers"].clone(),
        )
    };
    assert_eq!(row(0), (HEXLOWER.encode(&unknown).into(), 5.into(), 5.into(), 0.into()), "{top}");
    assert_eq!(row(1), (HEXLOWER.encode(&keys[12]).into(), 3.into(), 0.into(), 2.into()), "{top}");
    let top = hydrad.json(&["records", "top", "--by", "providers"]).await?;
    assert_eq!(
        (&top["items"][0]["peer_id"], &top["items"][0]["records"]),
        (&first.clone().into(), &15.into())
    );
    let regions = hydrad.json(&["records", "top", "--regions"]).await?;
    let all = |field: &str| -> u64 {
        regions["items"].as_array().into_iter().flatten().filter_map(|region| region[field].as_u64()).sum()
    };
    assert_eq!((all("reads"), all("misses"), all("writes")), (8, 5, 25), "{regions}");

    let page = hydrad.json(&["records", "list", "--page-size", "20"]).await?;
    let token = page["next_page_token"].as_str().context("a token")?.to_owned();
    let rest = hydrad.json(&["records", "list", "--page-token", &token]).await?;
    assert_eq!(rest["items"].as_array().map(Vec::len), Some(5), "{rest}");

    let key = HEXLOWER.encode(&keys[12]);
    let asked = hydrad.hydractl(&["records", "purge", &key]).await?;
    assert!(asked.code == Some(2) && asked.err.contains("--yes"), "{asked:?}");
    let purged = hydrad.json(&["records", "purge", &key, "--yes"]).await?;
    assert_eq!((&purged["records"], &purged["multihash_hex"]), (&2.into(), &key.clone().into()), "{purged}");
    assert_eq!(hydrad.hydractl(&["records", "get", &key]).await?.code, Some(5));
    assert_eq!(hydrad.hydractl(&["records", "purge", &key, "--yes"]).await?.code, Some(5));
    let purged = hydrad.hydractl(&["records", "purge", "--provider", &second, "--yes"]).await?;
    assert!(purged.good().starts_with("9 records of provider "), "{purged:?}");
    let said = hydrad.said();
    let audit = said.lines().find(|line| line.contains("hydra::audit") && line.contains("purge records"));
    assert!(audit.is_some_and(|line| line.contains("\"uid\":")), "no audit line: {said}");
    let words = ["records", "purge", "--provider", &first, "--yes"];
    let observer = hydractl(&place.observe(), &words).await?;
    assert_eq!(observer.code, Some(4), "{observer:?}");
    // the next start honours it
    hydrad.stop().await?;
    let hydrad = place.serving(2).await?;
    assert_eq!(hydrad.status().await?.records, 14);
    Ok(())
}
