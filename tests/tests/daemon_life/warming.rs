//! A belly that takes a while to be read: what heads do meanwhile, and what is told of it.

use std::fs;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use data_encoding::HEXLOWER;
use hydra_protocol::v1::{DaemonState, HeadState};

use crate::place::{Hydrad, PATIENCE, Place, fresh_keys};
use crate::systemd::Systemd;

/// Records in each file.
const RECORDS: usize = 20_000;

/// Files that say the same: reading one takes as long as reading another.
const COPIES: usize = 120;

/// Lines as `hydrad belly import` reads them, announced so many hours ago.
fn lines(keys: &[Vec<u8>], provider: libp2p::PeerId, hours: u64) -> String {
    let at = jiff::Timestamp::now() - Duration::from_secs(hours * 3600);
    let line = |key: &Vec<u8>| {
        let key = HEXLOWER.encode(key);
        format!(
            "{{\"multihash_hex\":\"{key}\",\"provider_peer_id\":\"{provider}\",\"announced_at\":\"{at}\"}}\n"
        )
    };
    keys.iter().map(line).collect()
}

/// Copies each file of the log under other names: they are read, and change nothing.
fn copy_files(belly: &Path) -> anyhow::Result<()> {
    for file in fs::read_dir(belly)?.collect::<Result<Vec<_>, _>>()? {
        let name = file.file_name().to_string_lossy().into_owned();
        let Some((start, _)) = name.strip_suffix(".log.db").and_then(|name| name.rsplit_once('-')) else {
            continue;
        };
        for copy in 0..COPIES {
            fs::copy(file.path(), belly.join(format!("{start}-{copy:08x}.log.db")))?;
        }
    }
    Ok(())
}

/// A place with a store of records that were announced now and 30 hours ago; the first key of each.
async fn slow_place(heads: u32) -> anyhow::Result<(Place, Vec<u8>, Vec<u8>)> {
    let place = Place::seeded(heads)?;
    fs::create_dir_all(place.data())?;
    fs::set_permissions(place.data(), std::os::unix::fs::PermissionsExt::from_mode(0o700))?;
    let provider = libp2p::PeerId::random();
    let (new, old) = (fresh_keys(RECORDS), fresh_keys(RECORDS));
    let file = place.dir().join("records.ndjson");
    fs::write(&file, lines(&new, provider, 0) + &lines(&old, provider, 30))?;
    let imported = place.command(&["belly", "import", &file.display().to_string()]).await?;
    ensure!(imported.words.contains("40000 records taken, 0 left out"), "{}", imported.words);
    copy_files(&place.data().join("belly"))?;
    Ok((place, new[0].clone(), old[0].clone()))
}

/// Whether a head offers the DHT to somebody who asks.
async fn offers(hydrad: &Hydrad) -> bool {
    let asked = tokio::time::timeout(Duration::from_secs(5), hydrad.stream(0)).await;
    asked.is_ok_and(|stream| stream.is_ok())
}

#[tokio::test(flavor = "multi_thread")]
async fn heads_are_up_and_offer_nothing_until_the_last_day_is_read_and_then_serve_while_the_rest_is()
-> anyhow::Result<()> {
    let (place, new, old) = slow_place(2).await?;
    let (mut systemd, path) = Systemd::listen(&place)?;
    let place = place.variable("NOTIFY_SOCKET", path);
    let mut hydrad = place.spawn()?;
    // ready is told before all is read: heads listen, and the control socket answers
    let ready = systemd.wait("READY=1").await?;
    let more = systemd.wait("EXTEND_TIMEOUT_USEC=").await?;
    assert!(more < ready, "systemd was not told to wait while the belly was opened: {:?}", systemd.heard());

    let status = hydrad.status_when("it is warming", |status| status.belly_warming.is_some()).await?;
    let warming = status.belly_warming.context("it reads")?;
    assert!(!warming.day_read, "the store is too small for this machine: {warming:?}");
    assert_eq!((status.state(), status.heads_serving), (DaemonState::Warming, 0));
    let head = hydrad.head(0).await?;
    assert_eq!(head.state(), HeadState::Warming);
    assert!(head.state_reason.starts_with("the belly: reading the last 24 h: "), "{}", head.state_reason);
    assert!(!offers(&hydrad).await, "a head offers the DHT with half a belly");
    let listed = hydrad.hydractl(&["records", "list", "--limit", "1", "-o", "name"]).await?;
    assert!(listed.err.contains("still reading the last 24 h"), "{listed:?}");
    let text = hydrad.hydractl(&["status"]).await?;
    assert!(text.good().contains("half a belly misleads"), "{text:?}");

    // the last day is there, what is older is still read
    let status = hydrad.status_when("heads serve", |status| status.heads_serving == 2).await?;
    let warming = status.belly_warming.context("all was read before heads served")?;
    assert!(warming.day_read && warming.records < warming.records_expected, "{warming:?}");
    assert_eq!(status.state(), DaemonState::Serving);
    let got = hydrad.hydractl(&["records", "get", &HEXLOWER.encode(&new)]).await?;
    assert!(got.err.contains("incomplete"), "{got:?}");
    got.good();
    assert!(offers(&hydrad).await);
    let purge = hydrad.hydractl(&["records", "purge", &HEXLOWER.encode(&new), "--yes"]).await?;
    assert!(purge.code == Some(1) && purge.err.contains("nothing was purged"), "{purge:?}");

    let all = |status: &hydra_protocol::v1::Status| status.belly_warming.is_none();
    let status = hydrad.status_when("all is read", all).await?;
    assert_eq!(status.records, 2 * RECORDS as u64);
    let got = hydrad.hydractl(&["records", "get", &HEXLOWER.encode(&old)]).await?;
    assert!(got.good().contains("3") && got.err.is_empty(), "{got:?}");
    hydra_tests::harness::eventually(PATIENCE, || async {
        ensure!(hydrad.said().contains("all is read: 40000 records"), "the log does not tell the end");
        Ok(())
    })
    .await?;
    hydrad.stop().await.map(drop)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_progress_is_in_the_log_and_in_systemds_status_line_every_few_seconds() -> anyhow::Result<()> {
    let (place, ..) = slow_place(1).await?;
    let (mut systemd, path) = Systemd::listen(&place)?;
    let place = place.variable("NOTIFY_SOCKET", path);
    let mut hydrad = place.spawn()?;
    hydrad.status_when("all is read", |status| status.belly_warming.is_none()).await?;
    hydrad.serve(1).await?;
    systemd.wait("STATUS=serving: 1/1 heads serve").await?;
    hydra_tests::harness::eventually(PATIENCE, || async {
        ensure!(hydrad.said().contains("all is read: 40000 records"), "the log does not tell the end");
        Ok(())
    })
    .await?;
    let told: Vec<String> =
        systemd.heard().iter().filter(|line| line.starts_with("STATUS=")).cloned().collect();
    let said = hydrad.said();
    let lines = said.lines().filter(|line| line.contains("belly: reading ")).count();
    let took = said.lines().find(|line| line.contains("all is read: 40000 records")).context("the end")?;
    let seconds: f64 =
        took.split("in ").last().and_then(|t| t.split(' ').next()).context("a time")?.parse()?;
    // at most one in five seconds, and one at the beginning
    assert!(lines as f64 <= seconds / 5.0 + 1.0, "{lines} lines in {seconds} s: {told:?}");
    if seconds > 6.0 {
        assert!(lines > 0, "{seconds} s without a word");
        assert!(told.iter().any(|line| line.contains("reading ")), "{told:?}");
    }
    Ok(())
}
