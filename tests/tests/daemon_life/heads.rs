//! Heads that come and go while the others serve.

use std::time::Duration;

use anyhow::Context as _;
use hydra_protocol::v1::AddHeadsRequest;
use hydra_protocol::v1::HeadState;
use hydra_protocol::v1::head_service_client::HeadServiceClient;

use rustix::process::{Pid, Resource, Rlimit, prlimit};

use crate::place::{Hydrad, Place, ping};

#[tokio::test(flavor = "multi_thread")]
async fn a_head_is_removed_and_comes_back_while_the_connections_of_others_stay_open() -> anyhow::Result<()> {
    let place = Place::seeded(5)?;
    let mut hydrad = place.serving(5).await?;
    let before = hydrad.identities().await?;
    let (_node, mut on_0) = hydrad.stream(0).await?;
    let (_other, mut on_3) = hydrad.stream(3).await?;
    ping(&mut on_0).await?;
    ping(&mut on_3).await?;

    let said = hydrad.hydractl(&["heads", "rm", "head-3", "--yes"]).await?;
    assert!(said.good().starts_with("head-3 withdrawn and removed in "), "{said:?}");
    ping(&mut on_0).await.context("the connection to head-0 did not survive")?;
    assert!(ping(&mut on_3).await.is_err(), "head-3 is gone and answers");
    hydrad.serve(4).await?;
    assert!(hydrad.head(3).await.is_err());
    assert!(!hydrad.json(&["heads", "list"]).await?.to_string().contains("head-3"));

    // the index stays reserved: the next one is another
    let added = hydrad.json(&["heads", "add", "1"]).await?;
    assert_eq!(added["items"][0]["index"], 5, "{added}");
    // and its own brings the same id and port back
    let said = hydrad.hydractl(&["heads", "add", "--index", "3"]).await?;
    said.good();
    hydrad.serve(6).await?;
    assert_eq!(hydrad.identities().await?[..5], before);
    ping(&mut on_0).await.context("the connection to head-0 did not survive")?;
    hydrad.head_when(3, HeadState::Serving).await?;
    let (_again, mut stream) = hydrad.stream(3).await?;
    ping(&mut stream).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_purged_index_is_given_to_the_next_head_and_has_the_same_id() -> anyhow::Result<()> {
    let place = Place::seeded(3)?;
    let hydrad = place.serving(3).await?;
    let before = hydrad.identities().await?;
    let said = hydrad.hydractl(&["heads", "purge", "head-1"]).await?;
    assert_eq!(said.code, Some(1), "{said:?}");
    assert!(said.err.contains("hydractl heads rm head-1"), "{said:?}");
    hydrad.hydractl(&["heads", "rm", "head-1", "--yes"]).await?.good();
    let said = hydrad.hydractl(&["heads", "purge", "head-1"]).await?;
    assert!(said.good().contains(&before[1].1), "{said:?}");
    let said = hydrad.hydractl(&["heads", "purge", "1"]).await?;
    assert_eq!(said.code, Some(5), "{said:?}");
    let added = hydrad.json(&["heads", "add", "1"]).await?;
    // ids follow from the seed: what is given up is the reservation
    assert_eq!(
        (&added["items"][0]["index"], &added["items"][0]["peer_id"]),
        (&1.into(), &before[1].1.clone().into())
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stopped_head_keeps_id_and_port_over_a_restart_and_starts_again() -> anyhow::Result<()> {
    let place = Place::seeded(2)?;
    let hydrad = place.serving(2).await?;
    let before = hydrad.identities().await?;
    let (_node, mut stream) = hydrad.stream(1).await?;
    ping(&mut stream).await?;
    let said = hydrad.hydractl(&["heads", "stop", "head-1"]).await?;
    assert!(said.good().contains("1 connections closed; identity and port kept"), "{said:?}");
    assert!(ping(&mut stream).await.is_err());
    let said = hydrad.hydractl(&["heads", "stop", "head-1"]).await?;
    assert_eq!(said.code, Some(1), "{said:?}");
    hydrad.stop().await?;

    let mut hydrad = place.up().await?;
    hydrad.status_when("one head serves", |status| status.heads_serving == 1).await?;
    assert_eq!(hydrad.head(1).await?.state(), HeadState::Stopped);
    hydrad.hydractl(&["heads", "start", "head-1"]).await?.good();
    hydrad.serve(2).await?;
    assert_eq!(hydrad.identities().await?, before);
    let said = hydrad.hydractl(&["heads", "start", "head-1"]).await?;
    assert_eq!(said.code, Some(1), "{said:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_head_is_meant_by_any_part_of_its_id_that_is_its_own() -> anyhow::Result<()> {
    let place = Place::seeded(3)?;
    let hydrad = place.serving(3).await?;
    let (_, id) = hydrad.identities().await?.swap_remove(1);
    for part in [&id, &format!("…{}", &id[id.len() - 7..]), &id[id.len() - 7..], "head-1"] {
        let shown = hydrad.json(&["heads", "show", part]).await?;
        assert_eq!(shown["name"], "head-1", "{part}");
    }
    // every Ed25519 id begins alike
    let said = hydrad.hydractl(&["heads", "show", "12D3"]).await?;
    assert!(said.code == Some(2) && said.err.contains("head-0, head-1, head-2"), "{said:?}");
    let said = hydrad.hydractl(&["heads", "show", "head-9"]).await?;
    assert_eq!(said.code, Some(5));
    assert!(said.err.contains("no head named head-9; there are head-0 to head-2"), "{said:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn heads_beyond_files_or_ports_are_refused_and_none_is_added() -> anyhow::Result<()> {
    let place = Place::seeded(1)?.flag("max-files", 400);
    let mut hydrad = place.serving(1).await?;
    for count in ["100000", "500"] {
        let said = hydrad.hydractl(&["heads", "add", count]).await?;
        assert_eq!(said.code, Some(1), "{said:?}");
        let start = format!("error: no room for {count} heads: they need about ");
        assert!(said.err.starts_with(&start) && said.err.contains("nothing was added"), "{said:?}");
        assert!(said.err.contains("the limit is 400") && said.err.contains("add at most "), "{said:?}");
    }
    // what it says fits does fit
    let said = hydrad.hydractl(&["heads", "add", "500"]).await?;
    let room =
        said.err.split("at most ").nth(1).and_then(|rest| rest.split(';').next()).context("a number")?;
    let room: u32 = room.trim().parse()?;
    hydrad.serve(1).await?;
    let said = hydrad.hydractl(&["heads", "add", &room.min(20).to_string()]).await?;
    said.good();
    for count in ["0", "100001"] {
        let said = hydrad.hydractl(&["heads", "add", count]).await?;
        assert!(matches!(said.code, Some(1 | 2)), "{said:?}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn heads_beyond_the_last_port_are_refused_and_none_is_added() -> anyhow::Result<()> {
    let place = Place::seeded(1)?.flag("port-begin", 65533);
    let mut hydrad = place.serving(1).await?;
    let said = hydrad.hydractl(&["heads", "add", "5"]).await?;
    assert_eq!(said.code, Some(1), "{said:?}");
    assert!(said.err.contains("from 65533 on are used up on 127.0.0.1"), "{said:?}");
    assert!(said.err.contains("nothing was added"), "{said:?}");
    hydrad.serve(1).await?;
    hydrad.hydractl(&["heads", "add", "2"]).await?.good();
    assert_eq!(hydrad.head(2).await?.port, 65535);
    hydrad.stop().await?;
    let refusal = Place::seeded(4)?.flag("port-begin", 65533).refused().await?;
    assert_eq!(refusal.code, Some(2), "{}", refusal.words);
    assert!(refusal.words.contains("65533"), "{}", refusal.words);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_index_set_that_is_used_up_is_named() -> anyhow::Result<()> {
    let place = Place::seeded(2)?.flag("indexes", "4..6");
    let hydrad = place.serving(2).await?;
    let said = hydrad.hydractl(&["heads", "add", "2"]).await?;
    assert_eq!(said.code, Some(1), "{said:?}");
    assert!(said.err.contains("the index set 4..6 has 1 left"), "{said:?}");
    let said = hydrad.hydractl(&["heads", "add", "--index", "9"]).await?;
    assert!(said.code == Some(1) && said.err.contains("index 9 is not free"), "{said:?}");
    let said = hydrad.hydractl(&["heads", "add", "--index", "5"]).await?;
    assert!(said.code == Some(1) && said.err.contains("the head exists"), "{said:?}");
    assert_eq!(hydrad.heads().await?.len(), 2);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn heads_added_by_two_at_once_are_all_there() -> anyhow::Result<()> {
    let place = Place::seeded(1)?;
    let mut hydrad = place.serving(1).await?;
    let add = |count: u32| {
        let hydrad = &hydrad;
        async move {
            let mut client = HeadServiceClient::new(hydrad.channel().await?);
            let request = AddHeadsRequest { count, ..AddHeadsRequest::default() };
            anyhow::Ok(client.add_heads(request).await?.into_inner().heads.len())
        }
    };
    let (one, two, three) = tokio::join!(add(2), add(3), add(1));
    assert_eq!((one?, two?, three?), (2, 3, 1));
    hydrad.serve(7).await?;
    let indices: Vec<u32> = hydrad.identities().await?.into_iter().map(|(index, ..)| index).collect();
    assert_eq!(indices, (0..7).collect::<Vec<_>>());
    Ok(())
}

/// Lets a running daemon open so many files more than it has, or as many as it likes.
fn allow_files(hydrad: &Hydrad, more: Option<u64>) -> anyhow::Result<()> {
    let pid = i32::try_from(hydrad.pid()).ok().and_then(Pid::from_raw);
    let open = std::fs::read_dir(format!("/proc/{}/fd", hydrad.pid()))?.count() as u64;
    let limit = Rlimit { current: Some(more.map_or(4096, |more| open + more)), maximum: Some(4096) };
    prlimit(pid, Resource::Nofile, limit)?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn heads_whose_ports_do_not_open_are_taken_back_and_a_reserved_index_stays_reserved()
-> anyhow::Result<()> {
    let place = Place::seeded(2)?;
    let mut hydrad = place.serving(2).await?;
    let before = hydrad.identities().await?;
    hydrad.hydractl(&["heads", "rm", "head-1", "--yes"]).await?.good();
    let mut client = HeadServiceClient::new(hydrad.channel().await?);
    // files run out somewhere between the first check and the last port
    for more in 1..10 {
        for index in [None, Some(1)] {
            allow_files(&hydrad, Some(more))?;
            let count = if index.is_some() { 1 } else { 5 };
            let added =
                client.add_heads(AddHeadsRequest { count, index, ..AddHeadsRequest::default() }).await;
            allow_files(&hydrad, None)?;
            match added {
                Err(refused) => {
                    assert!(refused.message().contains("nothing was added"), "{refused}");
                    hydrad.serve(1).await?;
                }
                Ok(_) => {
                    hydrad.serve(2).await?;
                    hydrad.hydractl(&["heads", "rm", "head-1", "--yes"]).await?.good();
                }
            }
        }
    }
    hydrad.stop().await?;
    let mut hydrad = place.serving(1).await?;
    hydrad.hydractl(&["heads", "add", "1"]).await?.good();
    assert_eq!(hydrad.identities().await?[1].0, 2, "index 1 is not reserved any more");
    hydrad.hydractl(&["heads", "add", "--index", "1"]).await?.good();
    hydrad.serve(3).await?;
    assert_eq!(hydrad.identities().await?[..2], before);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_is_carried_out_to_its_end_when_whoever_asked_has_gone() -> anyhow::Result<()> {
    let place = Place::seeded(3)?;
    let mut hydrad = place.serving(3).await?;
    let impatient = async |hydrad: &Hydrad, words: &[&str]| {
        let socket = place.control().display().to_string();
        let words = [&["--socket", &socket], words].concat();
        let asked = hydra_tests::harness::hydractl(&words);
        // its process is killed
        let gone = tokio::time::timeout(Duration::from_millis(600), asked).await;
        anyhow::ensure!(gone.is_err(), "it was not to be done yet: {:?}", hydrad.heads().await?.len());
        Ok(())
    };
    // an open connection is waited for
    let (_node, _stream) = hydrad.stream(1).await?;
    impatient(&hydrad, &["heads", "rm", "head-1", "--yes"]).await?;
    hydrad.serve(2).await?;
    let (_other, _stream) = hydrad.stream(2).await?;
    impatient(&hydrad, &["heads", "stop", "head-2"]).await?;
    hydrad.head_when(2, HeadState::Stopped).await?;
    hydrad.hydractl(&["heads", "start", "head-2"]).await?.good();
    hydrad.hydractl(&["heads", "add", "--index", "1"]).await?.good();
    hydrad.serve(3).await
}
