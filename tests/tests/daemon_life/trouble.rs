//! A disk that is full or read-only, a belly that is damaged.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::ensure;
use hydra_protocol::v1::{Finding, Status};
use hydra_tests::raw::Message;
use hydra_tests::raw::message::kind;

use crate::place::{Place, fresh_keys, ping};

/// A file system in memory, of some size; unmounted when dropped.
struct Disk {
    at: PathBuf,
}

impl Disk {
    /// `None`, and a line that says so, where one may not mount.
    fn mount(at: &Path, options: &str) -> anyhow::Result<Option<Self>> {
        fs::create_dir_all(at)?;
        let mounted =
            Command::new("mount").args(["-t", "tmpfs", "-o", options, "hydra-test"]).arg(at).output();
        if mounted.is_ok_and(|output| output.status.success()) {
            return Ok(Some(Self { at: at.to_owned() }));
        }
        hydra_tests::harness::binaries::skip("mounting a small disk needs root and CAP_SYS_ADMIN");
        Ok(None)
    }

    fn remount(&self, options: &str) -> anyhow::Result<()> {
        let options = format!("remount,{options}");
        let done = Command::new("mount").args(["-o", &options]).arg(&self.at).output()?;
        ensure!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        Ok(())
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // by its name, also while somebody is in there: a killed daemon may still be ending
        Command::new("umount").arg("--lazy").arg(&self.at).status().ok();
    }
}

fn trouble(status: &Status) -> Option<String> {
    let mut lasting = status.warnings.iter().filter(|warning| warning.until.is_none());
    let found = lasting.find(|warning| warning.code == "BELLY_TROUBLE")?;
    assert_eq!(found.severity(), Finding::Fail, "{found:?}");
    Some(found.text.clone())
}

#[tokio::test(flavor = "multi_thread")]
async fn on_a_full_disk_heads_serve_on_the_operator_is_told_and_it_mends_itself() -> anyhow::Result<()> {
    let place = Place::seeded(2)?;
    let belly = place.data().join("belly");
    let Some(_disk) = Disk::mount(&belly, "size=4m,mode=700")? else { return Ok(()) };
    let mut hydrad = place.serving(2).await?;
    hydrad.announce(0, &fresh_keys(10), "/ip4/127.0.0.1/tcp/4001").await?;
    // somebody else's file takes all that is left
    let filler = belly.join("filler");
    let full = fs::write(&filler, vec![0; 8 << 20]);
    assert!(full.is_err(), "the disk is not full");

    let late = fresh_keys(3000);
    let provider = hydrad.announce(1, &late, "/ip4/127.0.0.1/tcp/4002").await?;
    let status = hydrad.status_when("BELLY_TROUBLE is told", |s| trouble(s).is_some()).await?;
    let text = trouble(&status).unwrap_or_default();
    assert!(text.contains("full") && text.contains("are in memory only"), "{text}");
    assert!(status.records_unsaved > 0, "{}", status.records_unsaved);
    assert_eq!(status.heads_serving, 2);
    assert_eq!(hydrad.hydractl(&["status", "--check"]).await?.code, Some(8));
    // what was accepted is there for everybody
    let (_node, mut stream) = hydrad.stream(0).await?;
    let reply = stream.ask(&Message::new(kind::GET_PROVIDERS, late[2999].clone())).await?;
    assert_eq!(reply.providers.first().and_then(hydra_tests::raw::Peer::peer_id), Some(provider));
    ping(&mut stream).await?;

    fs::remove_file(&filler)?;
    hydrad.status_when("the belly is well again", |s| trouble(s).is_none() && s.records_unsaved == 0).await?;
    let status = hydrad.status().await?;
    let ended = status.warnings.iter().find(|warning| warning.code == "BELLY_TROUBLE");
    assert!(ended.is_some_and(|warning| warning.until.is_some()), "it is forgotten at once: {status:?}");
    hydrad.kill().await?;
    let hydrad = place.serving(2).await?;
    assert_eq!(hydrad.status().await?.records, 3010);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_read_only_directory_is_refused_at_the_start_and_survived_later() -> anyhow::Result<()> {
    let place = Place::seeded(1)?;
    let Some(disk) = Disk::mount(place.data(), "size=8m,mode=700")? else { return Ok(()) };
    let mut hydrad = place.serving(1).await?;
    hydrad.announce(0, &fresh_keys(5), "/ip4/127.0.0.1/tcp/4001").await?;
    hydrad.stop().await?;

    disk.remount("ro")?;
    let refusal = place.refused().await?;
    assert_eq!(refusal.code, Some(1), "{}", refusal.words);
    for text in [&*place.data().display().to_string(), "on a read-only file system", "--data-dir"] {
        assert!(refusal.words.contains(text), "no {text:?} in {}", refusal.words);
    }

    disk.remount("rw")?;
    hydrad = place.serving(1).await?;
    assert_eq!(hydrad.status().await?.records, 5);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_at_the_first_start_is_named() -> anyhow::Result<()> {
    let place = Place::seeded(1)?;
    let Some(_disk) = Disk::mount(place.data(), "size=64k,mode=700")? else { return Ok(()) };
    assert!(fs::write(place.data().join("filler"), vec![0; 1 << 20]).is_err());
    let refusal = place.refused().await?;
    assert_eq!(refusal.code, Some(1), "{}", refusal.words);
    assert!(refusal.words.contains("full") || refusal.words.contains("No space"), "{}", refusal.words);
    assert!(refusal.words.contains("free space"), "{}", refusal.words);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_truncated_belly_is_set_aside_and_heads_serve_with_a_new_one() -> anyhow::Result<()> {
    let place = Place::seeded(2)?;
    let hydrad = place.serving(2).await?;
    let before = hydrad.identities().await?;
    hydrad.announce(0, &fresh_keys(2000), "/ip4/127.0.0.1/tcp/4001").await?;
    hydrad.stop().await?;
    let file = place.data().join("belly/belly.db");
    let length = fs::metadata(&file)?.len();
    ensure!(length > 100_000, "the belly has {length} bytes");
    fs::File::options().write(true).open(&file)?.set_len(length / 3)?;

    let mut hydrad = place.serving(2).await?;
    assert_eq!(hydrad.identities().await?, before);
    let status = hydrad.status_when("the damage is told", |s| trouble(s).is_some()).await?;
    let text = trouble(&status).unwrap_or_default();
    assert!(text.contains("was damaged") && text.contains("belly.db.damaged-"), "{text}");
    let aside = fs::read_dir(place.data().join("belly"))?.flatten();
    assert_eq!(aside.filter(|f| f.file_name().to_string_lossy().starts_with("belly.db.damaged-")).count(), 1);
    let key = fresh_keys(1);
    hydrad.announce(1, &key, "/ip4/127.0.0.1/tcp/4001").await?;
    hydrad.stop().await?;
    let hydrad = place.serving(2).await?;
    let got = hydrad.hydractl(&["records", "get", &data_encoding::HEXLOWER.encode(&key[0])]).await?;
    got.good();
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_file_or_garbage_in_place_of_the_belly_does_not_keep_heads_from_serving()
-> anyhow::Result<()> {
    for bytes in [&b""[..], &[0x5a; 50_000]] {
        let place = Place::seeded(1)?;
        fs::create_dir_all(place.data().join("belly"))?;
        fs::set_permissions(place.data(), std::os::unix::fs::PermissionsExt::from_mode(0o700))?;
        fs::write(place.data().join("belly/belly.db"), bytes)?;
        let hydrad = place.serving(1).await?;
        hydrad.announce(0, &fresh_keys(1), "/ip4/127.0.0.1/tcp/4001").await?;
        assert_eq!(hydrad.status().await?.records, 1);
    }
    Ok(())
}
