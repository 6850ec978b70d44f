//! A disk that is full or read-only, a belly that is damaged, deleted or somebody else's.

use std::fs;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, ensure};
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

/// The files of the belly whose names end so.
fn belly_files(place: &Place, end: &str) -> anyhow::Result<Vec<PathBuf>> {
    let entries = fs::read_dir(place.data().join("belly"))?.collect::<Result<Vec<_>, _>>()?;
    let paths = entries.into_iter().map(|entry| entry.path());
    Ok(paths.filter(|path| path.to_string_lossy().ends_with(end)).collect())
}

/// The generation's file that has something in it; the hour may turn during a test.
fn generation(place: &Place) -> anyhow::Result<PathBuf> {
    let length = |path: &PathBuf| fs::metadata(path).map_or(0, |found| found.len());
    belly_files(place, ".log.db")?.into_iter().max_by_key(length).context("no generation's file")
}

/// What keeps heads from nothing, and is told by this word.
struct Damage {
    what: &'static str,
    told: &'static str,
    /// How many of the records are left.
    left: RangeInclusive<u64>,
    doing: fn(&mut Vec<u8>),
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_was_done_to_a_file_of_the_belly_heads_serve_with_what_is_left_of_it() -> anyhow::Result<()>
{
    const RECORDS: u64 = 2000;
    let damages = [
        Damage {
            what: "one bit",
            told: "damaged",
            left: 900..=1999,
            doing: |bytes| {
                let at = bytes.len() * 2 / 3;
                bytes[at] ^= 4;
            },
        },
        Damage {
            what: "a cut",
            told: "damaged",
            left: 0..=1999,
            doing: |bytes| bytes.truncate(bytes.len() / 3),
        },
        Damage { what: "garbage", told: "was damaged", left: 0..=0, doing: |bytes| bytes.fill(0x5a) },
    ];
    let place = Place::seeded(2)?;
    let hydrad = place.serving(2).await?;
    let before = hydrad.identities().await?;
    hydrad.announce(0, &fresh_keys(RECORDS as usize), "/ip4/127.0.0.1/tcp/4001").await?;
    hydrad.stop().await?;
    let file = generation(&place)?;
    let whole = fs::read(&file)?;
    ensure!(whole.len() > 60_000, "the belly has {} bytes", whole.len());
    for Damage { what, told, left, doing } in damages {
        let mut bytes = whole.clone();
        doing(&mut bytes);
        for path in belly_files(&place, "")? {
            fs::remove_file(path)?;
        }
        fs::write(&file, bytes)?;
        let mut hydrad = place.serving(2).await?;
        assert_eq!(hydrad.identities().await?, before, "{what}");
        let status = hydrad.status_when("the damage is told", |s| trouble(s).is_some()).await?;
        let text = trouble(&status).unwrap_or_default();
        assert!(text.contains(told) && text.contains(".log.db"), "{what}: {text}");
        assert!(left.contains(&status.records), "{what}: {} records are left", status.records);
        let shown = hydrad.hydractl(&["status"]).await?;
        assert!(shown.out.contains(told), "{what}: {}", shown.out);
        let key = fresh_keys(1);
        hydrad.announce(1, &key, "/ip4/127.0.0.1/tcp/4001").await?;
        hydrad.stop().await?;
        let hydrad = place.serving(2).await?;
        assert_eq!(hydrad.status().await?.records, status.records + 1, "{what}");
        hydrad.hydractl(&["records", "get", &data_encoding::HEXLOWER.encode(&key[0])]).await?.good();
        hydrad.stop().await?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_file_or_garbage_in_place_of_the_belly_does_not_keep_heads_from_serving()
-> anyhow::Result<()> {
    let hour = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH)?.as_secs() / 3600;
    for name in ["values.db".to_owned(), format!("{hour:07}-near-0000abcd.log.db")] {
        for bytes in [&b""[..], &[0x5a; 50_000]] {
            let place = Place::seeded(1)?;
            fs::create_dir_all(place.data().join("belly"))?;
            fs::set_permissions(place.data(), std::os::unix::fs::PermissionsExt::from_mode(0o700))?;
            fs::write(place.data().join("belly").join(&name), bytes)?;
            let mut hydrad = place.serving(1).await?;
            hydrad.announce(0, &fresh_keys(1), "/ip4/127.0.0.1/tcp/4001").await?;
            let status =
                hydrad.status_when("it is told", |s| trouble(s).is_some() != bytes.is_empty()).await?;
            assert_eq!(status.records, 1, "{name}, {} bytes", bytes.len());
            hydrad.status_when("it is written", |s| s.records_unsaved == 0).await?;
            hydrad.kill().await?;
            assert_eq!(place.serving(1).await?.status().await?.records, 1, "{name}, {} bytes", bytes.len());
        }
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_write_ahead_log_that_was_cut_costs_what_was_cut_off_and_no_more() -> anyhow::Result<()> {
    let place = Place::seeded(1)?;
    let mut hydrad = place.serving(1).await?;
    for at in 0..4 {
        hydrad.announce(0, &fresh_keys(200), "/ip4/127.0.0.1/tcp/4001").await?;
        hydrad
            .status_when("it is written", |s| s.records == (at + 1) * 200 && s.records_unsaved == 0)
            .await?;
    }
    hydrad.kill().await?;
    let length = |path: &PathBuf| fs::metadata(path).map_or(0, |found| found.len());
    let log = belly_files(&place, ".log.db-wal")?.into_iter().max_by_key(length).context("no log")?;
    fs::File::options().write(true).open(&log)?.set_len(length(&log) - 1000)?;
    let hydrad = place.serving(1).await?;
    let status = hydrad.status().await?;
    // each of the four had a transaction of its own, or shared one
    assert!((200..800).contains(&status.records), "{} records", status.records);
    assert_eq!(trouble(&status), None);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn files_deleted_under_a_daemon_are_told_and_made_again() -> anyhow::Result<()> {
    for all in [false, true] {
        let place = Place::seeded(2)?;
        let mut hydrad = place.serving(2).await?;
        let key = fresh_keys(1);
        let provider = hydrad.announce(0, &key, "/ip4/127.0.0.1/tcp/4001").await?;
        hydrad.status_when("it is written", |s| s.records == 1 && s.records_unsaved == 0).await?;
        if all {
            fs::remove_dir_all(place.data().join("belly"))?;
        } else {
            fs::remove_file(generation(&place)?)?;
        }
        let status = hydrad.status_when("it is told", |s| trouble(s).is_some()).await?;
        let text = trouble(&status).unwrap_or_default();
        assert!(text.contains("was deleted"), "{text}");
        assert_eq!((status.records, status.heads_serving), (1, 2));
        let (_node, mut stream) = hydrad.stream(1).await?;
        let reply = stream.ask(&Message::new(kind::GET_PROVIDERS, key[0].clone())).await?;
        assert_eq!(reply.providers.first().and_then(hydra_tests::raw::Peer::peer_id), Some(provider));
        // what comes now is kept
        hydrad.announce(1, &fresh_keys(20), "/ip4/127.0.0.1/tcp/4001").await?;
        hydrad.status_when("what is new is written", |s| s.records == 21 && s.records_unsaved == 1).await?;
        hydrad.stop().await?;
        assert_eq!(place.serving(2).await?.status().await?.records, 20);
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_daemon_on_the_belly_of_another_is_refused_by_name() -> anyhow::Result<()> {
    let place = Place::seeded(1)?;
    let hydrad = place.serving(1).await?;
    let other = Place::seeded(1)?;
    fs::create_dir_all(other.data())?;
    fs::set_permissions(other.data(), std::os::unix::fs::PermissionsExt::from_mode(0o700))?;
    std::os::unix::fs::symlink(place.data().join("belly"), other.data().join("belly"))?;
    let refusal = other.refused().await?;
    assert_eq!(refusal.code, Some(1), "{}", refusal.words);
    for text in ["another hydrad uses the store", &*other.data().join("belly").display().to_string()] {
        assert!(refusal.words.contains(text), "no {text:?} in {}", refusal.words);
    }
    assert_eq!(hydrad.status().await?.heads_serving, 1);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_belly_that_may_not_be_written_is_refused_by_name_at_the_start() -> anyhow::Result<()> {
    let place = Place::seeded(1)?;
    let belly = place.data().join("belly");
    let Some(disk) = Disk::mount(&belly, "size=8m,mode=700")? else { return Ok(()) };
    place.serving(1).await?.stop().await?;
    disk.remount("ro")?;
    let refusal = place.refused().await?;
    assert_eq!(refusal.code, Some(1), "{}", refusal.words);
    assert!(refusal.words.contains(&*belly.display().to_string()), "{}", refusal.words);
    assert!(refusal.words.contains("ead-only"), "{}", refusal.words);
    disk.remount("rw")?;
    place.serving(1).await?;
    Ok(())
}

/// ext4 in a file, which an error makes read-only under its users; tmpfs refuses to become
/// that while a file is open.
struct Ext4 {
    image: PathBuf,
    at: PathBuf,
    device: String,
}

impl Ext4 {
    fn mount(image: &Path, at: &Path) -> anyhow::Result<Option<Self>> {
        fs::create_dir_all(at)?;
        fs::File::create(image)?.set_len(16 << 20)?;
        let made = Command::new("mkfs.ext4").args(["-q", "-F"]).arg(image).output();
        let mut mount = Command::new("mount");
        let mounted = mount.args(["-o", "loop,errors=remount-ro"]).arg(image).arg(at).output();
        if !made.is_ok_and(|made| made.status.success()) || !mounted.is_ok_and(|m| m.status.success()) {
            let why =
                "a file system that turns read-only needs root, CAP_SYS_ADMIN, mkfs.ext4 and a loop device";
            hydra_tests::harness::binaries::skip(why);
            return Ok(None);
        }
        let mounts = fs::read_to_string("/proc/self/mounts")?;
        let line =
            mounts.lines().find(|line| line.split(' ').nth(1) == at.to_str()).context("not mounted")?;
        let device = line.split(' ').next().and_then(|device| device.strip_prefix("/dev/"));
        Ok(Some(Self {
            image: image.to_owned(),
            at: at.to_owned(),
            device: device.context("no device")?.to_owned(),
        }))
    }

    fn break_it(&self) -> anyhow::Result<()> {
        Ok(fs::write(format!("/sys/fs/ext4/{}/trigger_fs_error", self.device), "a test")?)
    }

    /// What an operator has to do: nobody else may make it writable again.
    fn repair(&self) -> anyhow::Result<()> {
        let run = |command: &mut Command, good: &[i32]| {
            let done = command.output()?;
            let code = done.status.code().unwrap_or(-1);
            ensure!(good.contains(&code), "{command:?}: {}", String::from_utf8_lossy(&done.stderr));
            Ok(())
        };
        run(Command::new("umount").arg(&self.at), &[0])?;
        run(Command::new("e2fsck").args(["-fy"]).arg(&self.image), &[0, 1])?;
        run(Command::new("mount").args(["-o", "loop"]).arg(&self.image).arg(&self.at), &[0])
    }
}

impl Drop for Ext4 {
    fn drop(&mut self) {
        Command::new("umount").arg("--lazy").arg(&self.at).status().ok();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_system_that_turns_read_only_is_told_and_served_on_and_nothing_written_is_lost()
-> anyhow::Result<()> {
    let place = Place::seeded(1)?;
    let image = place.dir().join("disk");
    let Some(disk) = Ext4::mount(&image, &place.data().join("belly"))? else { return Ok(()) };
    let mut hydrad = place.serving(1).await?;
    hydrad.announce(0, &fresh_keys(10), "/ip4/127.0.0.1/tcp/4001").await?;
    hydrad.status_when("it is written", |s| s.records == 10 && s.records_unsaved == 0).await?;
    disk.break_it()?;
    let late = fresh_keys(500);
    let provider = hydrad.announce(0, &late, "/ip4/127.0.0.1/tcp/4001").await?;
    let status = hydrad.status_when("it is told", |s| trouble(s).is_some()).await?;
    assert_eq!((status.records, status.records_unsaved, status.heads_serving), (510, 500, 1));
    let text = trouble(&status).unwrap_or_default();
    assert!(text.contains("500 records are in memory only"), "{text}");
    let (_node, mut stream) = hydrad.stream(0).await?;
    let reply = stream.ask(&Message::new(kind::GET_PROVIDERS, late[499].clone())).await?;
    assert_eq!(reply.providers.first().and_then(hydra_tests::raw::Peer::peer_id), Some(provider));
    let said = hydrad.stop().await?;
    assert!(said.contains("could not be written and are lost"), "{said}");
    disk.repair()?;
    let hydrad = place.serving(1).await?;
    let status = hydrad.status().await?;
    assert_eq!((status.records, trouble(&status)), (10, None));
    Ok(())
}
