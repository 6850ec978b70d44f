//! Peer ids and ports: from the seed, over restarts and crashes, through backups, and never in a log.

use std::fs;

use anyhow::Context as _;
use data_encoding::{BASE64, BASE64_NOPAD, BASE64URL_NOPAD, HEXLOWER};
use serde_json::Value;

use crate::place::{Hydrad, Place, SEED, fresh_keys};

/// What the fixture says of the seed's first 16 indices.
fn vectors() -> anyhow::Result<Vec<Value>> {
    let text = include_str!("../../fixtures/idgen-vectors.json");
    let all: Value = serde_json::from_str(text)?;
    let seeds = all["seeds"].as_array().context("seeds")?;
    let seed = seeds.iter().find(|seed| seed["seed_b64"] == SEED).context("the seed")?;
    Ok(seed["first16"].as_array().context("first16")?.clone())
}

fn expected(indices: &[usize]) -> anyhow::Result<Vec<(u32, String)>> {
    let vectors = vectors()?;
    let id = |index: &usize| Some((*index as u32, vectors.get(*index)?["peer_id"].as_str()?.to_owned()));
    indices.iter().map(id).collect::<Option<_>>().context("an index beyond the fixture")
}

async fn found(hydrad: &Hydrad) -> anyhow::Result<Vec<(u32, String)>> {
    let heads = hydrad.heads().await?;
    Ok(heads.into_iter().map(|head| (head.index, head.peer_id)).collect())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_seed_gives_the_ids_of_hydra_booster_however_it_is_given() -> anyhow::Result<()> {
    let file = tempfile::NamedTempFile::new()?;
    fs::write(file.path(), format!("  {SEED}\n\0"))?;
    let plain = || Place::new();
    let five = [0, 1, 2, 3, 4];
    for (what, place, indices) in [
        ("a flag", Place::seeded(5)?, &five[..]),
        ("a file", plain()?.flag("random-seed-file", file.path().display()).flag("heads", 5), &five),
        ("a variable", plain()?.variable("HYDRA_RANDOM_SEED", SEED).flag("heads", 5), &five),
        ("an offset", Place::seeded(5)?.flag("id-offset", 7), &[7, 8, 9, 10, 11]),
        ("a range", Place::seeded(5)?.flag("indexes", "0..4").without("heads"), &five),
        ("every second", Place::seeded(3)?.flag("indexes", "1..:2"), &[1, 3, 5]),
    ] {
        let hydrad = place.serving(indices.len() as u32).await.context(what)?;
        assert_eq!(found(&hydrad).await?, expected(indices)?, "{what}");
        hydrad.stop().await?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn ids_and_ports_survive_restart_crash_and_the_loss_of_the_belly() -> anyhow::Result<()> {
    let place = Place::new()?.flag("heads", 5);
    let hydrad = place.serving(5).await?;
    let first = hydrad.identities().await?;
    hydrad.announce(0, &fresh_keys(3), "/ip4/127.0.0.1/tcp/4001").await?;
    hydrad.stop().await?;

    let hydrad = place.serving(5).await?;
    assert_eq!(hydrad.identities().await?, first, "after a restart");
    assert_eq!(hydrad.status().await?.records, 3);
    hydrad.kill().await?;

    let hydrad = place.serving(5).await?;
    assert_eq!(hydrad.identities().await?, first, "after kill -9");
    hydrad.stop().await?;

    fs::remove_dir_all(place.data().join("belly"))?;
    let hydrad = place.serving(5).await?;
    assert_eq!(hydrad.identities().await?, first, "without its belly");
    let status = hydrad.status().await?;
    assert_eq!((status.records, status.warnings.len()), (0, 0), "{:?}", status.warnings);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn heads_that_a_crash_met_while_they_were_added_are_there_or_not_but_never_others() -> anyhow::Result<()>
{
    let place = Place::seeded(2)?;
    let mut known = None;
    for _ in 0..3 {
        let hydrad = place.up().await?;
        let add = hydrad.hydractl(&["heads", "add", "3"]);
        let crash = async {
            tokio::time::sleep(std::time::Duration::from_millis(40)).await;
            hydrad.signal(rustix::process::Signal::KILL)
        };
        let (added, killed) = tokio::join!(add, crash);
        killed?;
        let added = added?;
        hydrad.kill().await?; // to see its end: until then the directory is in use
        let hydrad = place.up().await?;
        let heads = hydrad.identities().await?;
        let indices: Vec<usize> = heads.iter().map(|(index, ..)| *index as usize).collect();
        assert_eq!(indices, (0..heads.len()).collect::<Vec<_>>());
        assert_eq!(found(&hydrad).await?, expected(&indices)?);
        if let Some(known) = known.replace(heads.clone()) {
            assert!(heads.starts_with(&known), "heads are lost: {known:?}, then {heads:?}");
        }
        // all of them or none
        assert_eq!((heads.len() - 2) % 3, 0, "{heads:?}, {added:?}");
        hydrad.stop().await?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn another_seed_is_refused_while_there_are_heads_of_the_first() -> anyhow::Result<()> {
    let mut place = Place::seeded(1)?;
    place.serving(1).await?.stop().await?;
    let other = BASE64.encode(&[7; 32]);
    place.set("random-seed", &other);
    let refusal = place.refused().await?;
    assert_eq!(refusal.code, Some(1));
    for text in ["fingerprint", "state.db", "configure the former seed again"] {
        assert!(refusal.words.contains(text), "no {text:?} in {}", refusal.words);
    }
    assert!(!refusal.words.contains(&other) && !refusal.words.contains(SEED));
    place.unset("random-seed");
    assert_eq!(place.refused().await?.code, Some(1), "no seed instead of the configured one");
    place.set("random-seed", SEED);
    let hydrad = place.serving(1).await?;
    assert_eq!(found(&hydrad).await?, expected(&[0])?);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_made_while_it_runs_brings_the_same_heads_up_elsewhere() -> anyhow::Result<()> {
    let place = Place::new()?.flag("heads", 4);
    let hydrad = place.serving(4).await?;
    hydrad.hydractl(&["heads", "rm", "head-2", "--yes"]).await?.good();
    hydrad.hydractl(&["heads", "stop", "head-3"]).await?.good();
    let first = hydrad.identities().await?;
    let file = place.dir().join("backup.db").display().to_string();
    let backup = place.command(&["state", "backup", &file]).await?;
    assert_eq!(backup.code, Some(0), "{}", backup.words);
    // restoring under a running daemon is refused
    let refused = place.command(&["state", "restore", &file, "--force"]).await?;
    assert_eq!(refused.code, Some(1));
    assert!(refused.words.contains(&format!("pid {}", hydrad.pid())), "{}", refused.words);
    hydrad.stop().await?;

    let elsewhere = Place::new()?.flag("heads", 4);
    let restored = elsewhere.command(&["state", "restore", &file]).await?;
    assert_eq!(restored.code, Some(0), "{}", restored.words);
    let mut hydrad = elsewhere.up().await?;
    hydrad.status_when("two heads serve", |status| status.heads_serving == 2).await?;
    assert_eq!(hydrad.identities().await?, first);
    let said = hydrad.hydractl(&["heads", "add", "--index", "2"]).await?;
    said.good();
    assert_eq!(hydrad.heads().await?.len(), 4);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn neither_seed_nor_keys_are_in_the_most_talkative_log() -> anyhow::Result<()> {
    for level in
        ["trace", "hydrad=trace,libp2p=trace,libp2p_swarm=trace,libp2p_identity=trace,libp2p_noise=trace"]
    {
        let place = Place::seeded(5)?.flag("log-level", level);
        let hydrad = place.serving(5).await?;
        hydrad.announce(0, &fresh_keys(2), "/ip4/127.0.0.1/tcp/4001").await?;
        hydrad.hydractl(&["heads", "rm", "head-4", "--yes"]).await?.good();
        hydrad.hydractl(&["heads", "add", "2"]).await?.good();
        let file = place.dir().join("backup.db").display().to_string();
        let backup = place.command(&["state", "backup", &file]).await?;
        assert_eq!(backup.code, Some(0));
        let printed = place.command(&["--random-seed", SEED, "--print-config=json"]).await?;
        let said = hydrad.stop().await? + &backup.words + &printed.words;
        assert!(said.len() > 2000, "the log says next to nothing: {said}");
        let mut secrets = vec![BASE64.decode(SEED.as_bytes())?];
        for vector in vectors()?.iter().take(8) {
            let key = vector["ed25519_seed_hex"].as_str().context("a key")?;
            secrets.push(HEXLOWER.decode(key.as_bytes())?);
            // 64 bytes: private and public half, behind the protobuf's header of 4
            let whole = BASE64.decode(vector["priv_b64"].as_str().context("a key")?.as_bytes())?;
            secrets.push(whole[..36].to_vec());
        }
        for secret in secrets {
            // as text that some formatter might make of it; without the last byte, whose
            // base64 depends on what follows
            let start = &secret[..secret.len() / 3 * 3];
            for text in [
                HEXLOWER.encode(&secret),
                BASE64_NOPAD.encode(start),
                BASE64URL_NOPAD.encode(start),
                format!("{:?}", &secret[..16]).trim_matches(['[', ']']).to_owned(),
            ] {
                assert!(
                    !said.to_lowercase().contains(&text.to_lowercase()),
                    "a secret is in the log ({level})"
                );
            }
        }
    }
    Ok(())
}
