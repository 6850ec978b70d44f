//! The control sockets as a program uses them, and as one misuses them.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use hydra_protocol::v1::head_service_client::HeadServiceClient;
use hydra_protocol::v1::peer_service_client::PeerServiceClient;
use hydra_protocol::v1::record_service_client::RecordServiceClient;
use hydra_protocol::v1::status_service_client::StatusServiceClient;
use hydra_protocol::v1::{
    AddHeadsRequest, GetVersionRequest, ListHeadsRequest, ListPeersRequest, ListRecordsRequest,
    PurgeHeadRequest, RecordFilter, RemoveHeadRequest, StartHeadRequest, StopHeadRequest,
    StreamRecordsRequest, WatchStatusRequest, WatchStatusResponse,
};
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UnixStream;
use tonic::Code;
use tonic::transport::Endpoint;

use crate::grpc;
use crate::place::{Hydrad, PATIENCE, Place, connect, fresh_keys, hydractl, ping};

#[tokio::test(flavor = "multi_thread")]
async fn any_grpc_client_finds_health_and_reflection_on_both_sockets() -> anyhow::Result<()> {
    let place = Place::seeded(1)?;
    let _hydrad = place.serving(1).await?;
    for socket in [place.control(), place.observe()] {
        let channel = connect(&socket).await?;
        let services = grpc::services(channel.clone()).await?;
        for name in [
            "StatusService",
            "HeadService",
            "PeerService",
            "RecordService",
            "PrefetchService",
            "EventService",
            "LogService",
            "ConfigService",
        ] {
            let name = format!("hydra.v1.{name}");
            assert!(services.contains(&name), "no {name} in {services:?}");
            assert_eq!(grpc::health(channel.clone(), &name).await?, grpc::SERVING, "{name}");
            assert!(grpc::files(channel.clone(), &name).await? > 0, "{name}");
        }
        assert_eq!(grpc::health(channel.clone(), "").await?, grpc::SERVING);
        let unknown = grpc::health(channel.clone(), "hydra.v1.NoService").await;
        assert!(unknown.is_err(), "{unknown:?}");
        let version = StatusServiceClient::new(channel).get_version(GetVersionRequest {}).await?.into_inner();
        assert_eq!((&*version.version, &*version.api), (env!("CARGO_PKG_VERSION"), "hydra.v1"));
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_of_any_size_give_each_head_once_and_in_order() -> anyhow::Result<()> {
    let hydrad = Place::seeded(7)?.serving(7).await?;
    let mut client = HeadServiceClient::new(hydrad.channel().await?);
    for page_size in [1, 2, 3, 7, 8, 5000] {
        let (mut indices, mut page_token, mut pages) = (Vec::new(), String::new(), 0);
        loop {
            let page = client.list_heads(ListHeadsRequest { page_size, page_token }).await?.into_inner();
            ensure!(page.heads.len() <= page_size as usize && !page.heads.is_empty(), "{page:?}");
            indices.extend(page.heads.into_iter().map(|head| head.index));
            pages += 1;
            page_token = page.next_page_token;
            if page_token.is_empty() {
                break;
            }
        }
        assert_eq!(indices, (0..7).collect::<Vec<_>>(), "pages of {page_size}");
        assert_eq!(pages, 7_u32.div_ceil(page_size), "pages of {page_size}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_continues_after_heads_that_have_gone_meanwhile() -> anyhow::Result<()> {
    let hydrad = Place::seeded(5)?.serving(5).await?;
    let mut client = HeadServiceClient::new(hydrad.channel().await?);
    let first = client.list_heads(ListHeadsRequest { page_size: 2, page_token: String::new() }).await?;
    hydrad.hydractl(&["heads", "rm", "head-1", "--yes"]).await?.good();
    hydrad.hydractl(&["heads", "rm", "head-2", "--yes"]).await?.good();
    let page_token = first.into_inner().next_page_token;
    let rest = client.list_heads(ListHeadsRequest { page_size: 9, page_token }).await?.into_inner();
    assert_eq!(rest.heads.iter().map(|head| head.index).collect::<Vec<_>>(), [3, 4]);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_is_none_or_of_another_list_is_an_invalid_argument() -> anyhow::Result<()> {
    let hydrad = Place::seeded(3)?.serving(3).await?;
    hydrad.announce(0, &fresh_keys(3), "/ip4/127.0.0.1/tcp/4001").await?;
    let channel = hydrad.channel().await?;
    let (mut heads, mut peers, mut records) = (
        HeadServiceClient::new(channel.clone()),
        PeerServiceClient::new(channel.clone()),
        RecordServiceClient::new(channel),
    );
    let of_heads = heads
        .list_heads(ListHeadsRequest { page_size: 1, page_token: String::new() })
        .await?
        .into_inner()
        .next_page_token;
    let request = ListRecordsRequest { page_size: 1, ..ListRecordsRequest::default() };
    let of_records = records.list_records(request.clone()).await?.into_inner().next_page_token;
    assert!(!of_heads.is_empty() && !of_records.is_empty());
    let cut = of_heads[..of_heads.len() - 2].to_owned();
    let long = "A".repeat(100_000);
    for page_token in ["!", "AAAA", &cut, &long, &of_records] {
        let refused =
            heads.list_heads(ListHeadsRequest { page_size: 1, page_token: page_token.to_owned() }).await;
        let refused = refused.err().with_context(|| format!("heads take the token {page_token:.40}"))?;
        assert_eq!(refused.code(), Code::InvalidArgument, "{refused}");
        assert!(refused.message().starts_with("page_token: "), "{refused}");
    }
    let page_token = of_heads.clone();
    let refused = peers.list_peers(ListPeersRequest { page_token, ..ListPeersRequest::default() }).await;
    assert_eq!(refused.err().map(|e| e.code()), Some(Code::InvalidArgument));
    for page_token in [of_heads, of_records[..of_records.len() - 3].to_owned()] {
        let refused = records.list_records(ListRecordsRequest { page_token, ..request.clone() }).await;
        assert_eq!(refused.err().map(|e| e.code()), Some(Code::InvalidArgument));
    }
    // of the same list, with another filter
    let filter = Some(RecordFilter { key_prefix_hex: "0".to_owned(), ..RecordFilter::default() });
    let refused =
        records.list_records(ListRecordsRequest { page_token: of_records, filter, ..request }).await;
    assert_eq!(refused.err().map(|e| e.code()), Some(Code::InvalidArgument));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn records_are_paged_and_streamed_each_once() -> anyhow::Result<()> {
    let hydrad = Place::seeded(1)?.serving(1).await?;
    let keys = fresh_keys(1203);
    hydrad.announce(0, &keys, "/ip4/127.0.0.1/tcp/4001").await?;
    let keys: HashSet<Vec<u8>> = keys.into_iter().collect();
    let mut client = RecordServiceClient::new(hydrad.channel().await?);
    let (mut paged, mut page_token) = (Vec::new(), String::new());
    loop {
        let request = ListRecordsRequest { page_size: 100, page_token, filter: None };
        let page = client.list_records(request).await?.into_inner();
        paged.extend(page.records.into_iter().map(|record| record.multihash));
        page_token = page.next_page_token;
        if page_token.is_empty() {
            break;
        }
    }
    assert_eq!(paged.len(), 1203);
    assert_eq!(paged.iter().cloned().collect::<HashSet<_>>(), keys);
    for (limit, expected) in [(0, 1203), (1, 1), (700, 700), (5000, 1203)] {
        let mut stream =
            client.stream_records(StreamRecordsRequest { filter: None, limit }).await?.into_inner();
        let mut streamed = Vec::new();
        while let Some(chunk) = stream.message().await? {
            ensure!(chunk.records.len() <= 1000, "a chunk of {}", chunk.records.len());
            streamed.extend(chunk.records.into_iter().map(|record| record.multihash));
        }
        assert_eq!(streamed, paged[..expected], "limit {limit}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_watch_is_a_snapshot_and_then_what_changed() -> anyhow::Result<()> {
    let hydrad = Place::seeded(3)?.serving(3).await?;
    let mut client = StatusServiceClient::new(hydrad.channel().await?);
    let mut watch = client.watch_status(WatchStatusRequest { interval_seconds: 0.25 }).await?.into_inner();
    let mut next = async || watch.message().await?.context("the watch ended");
    let first: WatchStatusResponse = next().await?;
    assert!(first.snapshot && first.dropped == 0 && first.heads.len() == 3, "{first:?}");
    assert!(!first.events.is_empty(), "no event of the start");
    let mut revision = first.revision;
    let (mut samples, mut added, mut removed) = (0, false, false);
    for round in 0..60 {
        let update = next().await?;
        assert!(!update.snapshot && update.dropped == 0, "{update:?}");
        assert_eq!(update.revision, revision + 1);
        revision = update.revision;
        samples += update.samples.len();
        assert!(update.status.is_some());
        if round == 4 {
            hydrad.hydractl(&["heads", "add", "1"]).await?.good();
        }
        let new = update.heads.iter().any(|head| head.name == "head-3");
        if new && !added {
            added = true;
            assert!(update.heads.len() < 4, "all heads in a delta: {update:?}");
            hydrad.hydractl(&["heads", "rm", "head-3", "--yes"]).await?.good();
        }
        removed |= update.removed_heads == ["head-3"];
        if removed && samples > 2 {
            return Ok(());
        }
    }
    anyhow::bail!("added {added}, removed {removed}, {samples} samples")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_that_does_not_read_is_not_waited_for_and_gets_a_snapshot_again() -> anyhow::Result<()> {
    let place = Place::seeded(40)?;
    let hydrad = place.serving(40).await?;
    let endpoint = Endpoint::from_shared(format!("unix://{}", place.control().display()))?;
    // small windows, so that the reader's machine does not read for it
    let endpoint = endpoint.initial_stream_window_size(4096).initial_connection_window_size(65_535);
    let mut client = StatusServiceClient::new(endpoint.connect().await?);
    let mut lazy = client.watch_status(WatchStatusRequest { interval_seconds: 0.25 }).await?.into_inner();
    let began = Instant::now();
    while began.elapsed() < Duration::from_secs(8) {
        let asked = Instant::now();
        hydrad.status().await?;
        let (_node, mut stream) = hydrad.stream(0).await?;
        ping(&mut stream).await?;
        ensure!(asked.elapsed() < Duration::from_secs(5), "others wait {:?}", asked.elapsed());
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    let mut dropped_at = None;
    for _ in 0..40 {
        let update = lazy.message().await?.context("the watch ended")?;
        if update.dropped > 0 {
            assert!(update.snapshot, "after a loss comes a snapshot: {}", update.revision);
            assert_eq!(update.heads.len(), 40);
            dropped_at = Some(update.dropped);
            break;
        }
    }
    assert!(dropped_at.context("nothing was dropped")? >= 5, "{dropped_at:?}");
    // and then deltas again
    for _ in 0..20 {
        let update = lazy.message().await?.context("the watch ended")?;
        if !update.snapshot {
            let drops = hydrad.status().await?.drops;
            assert!(drops.iter().any(|drop| drop.reason == "event_lagged" && drop.count > 0), "{drops:?}");
            return Ok(());
        }
    }
    anyhow::bail!("snapshots for ever")
}

#[tokio::test(flavor = "multi_thread")]
async fn the_observe_socket_reads_everything_and_changes_nothing() -> anyhow::Result<()> {
    let place = Place::seeded(2)?;
    let mut hydrad = place.serving(2).await?;
    let mut client = HeadServiceClient::new(connect(&place.observe()).await?);
    let head = || "head-0".to_owned();
    let refusals = [
        client.add_heads(AddHeadsRequest { count: 1, ..AddHeadsRequest::default() }).await.err(),
        client
            .add_heads(AddHeadsRequest { count: 1, dry_run: true, ..AddHeadsRequest::default() })
            .await
            .err(),
        client.remove_head(RemoveHeadRequest { head: head() }).await.err(),
        client.stop_head(StopHeadRequest { head: head() }).await.err(),
        client.start_head(StartHeadRequest { head: head() }).await.err(),
        client.purge_head(PurgeHeadRequest { head: head() }).await.err(),
    ];
    for refused in refusals {
        let refused = refused.context("the observe socket changes things")?;
        assert_eq!(refused.code(), Code::PermissionDenied, "{refused}");
        assert!(refused.message().contains("control socket"), "{refused}");
    }
    hydrad.serve(2).await?;
    for words in [&["status"][..], &["heads", "list"], &["peers", "list"], &["records", "list"], &["version"]]
    {
        hydractl(&place.observe(), words).await?.good();
    }
    let said = hydractl(&place.observe(), &["heads", "add", "1"]).await?;
    assert_eq!(said.code, Some(4), "{said:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn every_change_is_in_the_log_with_who_did_it() -> anyhow::Result<()> {
    let hydrad = Place::seeded(2)?.serving(2).await?;
    let mut client = HeadServiceClient::new(hydrad.channel().await?);
    let head = || "head-1".to_owned();
    client.add_heads(AddHeadsRequest { count: 1, ..AddHeadsRequest::default() }).await?;
    client.stop_head(StopHeadRequest { head: head() }).await?;
    client.start_head(StartHeadRequest { head: head() }).await?;
    client.remove_head(RemoveHeadRequest { head: head() }).await?;
    client.purge_head(PurgeHeadRequest { head: head() }).await?;
    // a wish that is not granted is one, too
    client.remove_head(RemoveHeadRequest { head: "head-77".to_owned() }).await.err().context("removed")?;
    let said = hydrad.stop().await?;
    let audit: Vec<Value> = said
        .lines()
        .filter_map(|line| serde_json::from_str(line).ok())
        .filter(|line: &Value| line["target"] == "hydra::audit")
        .collect();
    let done: Vec<&str> = audit.iter().filter_map(|line| line["message"].as_str()).collect();
    assert_eq!(done, ["add heads", "stop head", "start head", "remove head", "purge head", "remove head"]);
    for line in &audit {
        assert_eq!(line["uid"], rustix::process::geteuid().as_raw(), "{line}");
        assert_eq!(line["pid"], std::process::id(), "{line}");
    }
    assert!(audit[5].to_string().contains("head-77"), "{}", audit[5]);
    Ok(())
}

async fn add(hydrad: &Hydrad, request: AddHeadsRequest) -> anyhow::Result<Vec<u32>> {
    let mut client = HeadServiceClient::new(hydrad.channel().await?);
    let answer = client.add_heads(request).await?.into_inner();
    Ok(answer.heads.into_iter().map(|head| head.index).collect())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_sent_twice_adds_once_also_when_both_are_under_way() -> anyhow::Result<()> {
    let mut hydrad = Place::seeded(1)?.serving(1).await?;
    let request =
        |id: &str| AddHeadsRequest { count: 2, request_id: id.to_owned(), ..AddHeadsRequest::default() };
    assert_eq!(add(&hydrad, request("one")).await?, [1, 2]);
    assert_eq!(add(&hydrad, request("one")).await?, [1, 2]);
    let (a, b) = tokio::join!(add(&hydrad, request("two")), add(&hydrad, request("two")));
    assert_eq!((a?, b?), (vec![3, 4], vec![3, 4]));
    // without an id each counts
    assert_eq!(add(&hydrad, request("")).await?, [5, 6]);
    assert_eq!(add(&hydrad, request("")).await?, [7, 8]);
    hydrad.serve(9).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dry_run_says_what_would_be_and_makes_nothing() -> anyhow::Result<()> {
    let place = Place::seeded(2)?;
    let mut hydrad = place.serving(2).await?;
    let dry = AddHeadsRequest { count: 3, dry_run: true, ..AddHeadsRequest::default() };
    let mut client = HeadServiceClient::new(hydrad.channel().await?);
    let said = client.add_heads(dry).await?.into_inner();
    assert_eq!(said.heads_total, 5);
    hydrad.serve(2).await?;
    hydrad.stop().await?;
    let hydrad = place.serving(2).await?;
    let mut client = HeadServiceClient::new(hydrad.channel().await?);
    let made =
        client.add_heads(AddHeadsRequest { count: 3, ..AddHeadsRequest::default() }).await?.into_inner();
    let ids = |heads: &[hydra_protocol::v1::Head]| {
        heads.iter().map(|head| head.peer_id.clone()).collect::<Vec<_>>()
    };
    assert_eq!(ids(&made.heads), ids(&said.heads));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_number_of_heads_is_an_invalid_argument() -> anyhow::Result<()> {
    let mut hydrad = Place::seeded(1)?.serving(1).await?;
    for (count, index) in [(0, None), (100_001, None), (u32::MAX, None), (2, Some(5))] {
        let mut client = HeadServiceClient::new(hydrad.channel().await?);
        let refused = client.add_heads(AddHeadsRequest { count, index, ..AddHeadsRequest::default() }).await;
        assert_eq!(refused.err().map(|e| e.code()), Some(Code::InvalidArgument), "{count} {index:?}");
    }
    hydrad.serve(1).await
}

#[tokio::test(flavor = "multi_thread")]
async fn three_hundred_connections_are_too_many_and_hurt_only_themselves() -> anyhow::Result<()> {
    let place = Place::seeded(1)?;
    let mut hydrad = place.serving(1).await?;
    let files = hydrad.status().await?.files_open;
    let mut open = Vec::new();
    for _ in 0..300 {
        open.push(UnixStream::connect(place.observe()).await?);
    }
    let mut closed = 0;
    for stream in &mut open {
        // the server speaks first in HTTP/2; one that was closed at once says nothing
        let mut byte = [0; 1];
        match tokio::time::timeout(PATIENCE, stream.read(&mut byte)).await {
            Ok(Ok(1)) => {}
            Ok(_) => closed += 1,
            Err(_) => anyhow::bail!("neither served nor closed"),
        }
    }
    assert_eq!(closed, 300 - 256, "connections over the limit");
    // the other socket has a limit of its own
    hydrad.serve(1).await?;
    drop(open);
    hydrad.status_when("the descriptors are given back", |s| s.files_open < files + 20).await?;
    hydractl(&place.observe(), &["status"]).await?.good();
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn garbage_on_the_socket_ends_its_own_connection_only() -> anyhow::Result<()> {
    let place = Place::seeded(1)?;
    let mut hydrad = place.serving(1).await?;
    let mut watch = StatusServiceClient::new(hydrad.channel().await?)
        .watch_status(WatchStatusRequest { interval_seconds: 0.25 })
        .await?
        .into_inner();
    let preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    let frame = |kind: u8, body: &[u8]| {
        let length = (body.len() as u32).to_be_bytes();
        [&length[1..], &[kind, 0, 0, 0, 0, 1], body].concat()
    };
    for garbage in [
        b"GET / HTTP/1.1\r\nHost: x\r\n\r\n".to_vec(),
        vec![0; 100_000],
        vec![0xff; 100_000],
        [&preface[..], &[0xff; 1000]].concat(),
        [&preface[..], &frame(4, b""), &frame(1, &[0xff; 200])].concat(),
        [&preface[..], &frame(4, b""), &frame(0, &[0; 16_000])].concat(),
        [&preface[..], &frame(4, b""), &frame(1, b"\x83\x86")].concat(),
    ] {
        let mut stream = UnixStream::connect(place.control()).await?;
        // it may be closed while this is written
        stream.write_all(&garbage).await.ok();
        let mut answer = Vec::new();
        let ended = tokio::time::timeout(Duration::from_secs(2), stream.read_to_end(&mut answer)).await;
        drop(ended);
        hydrad.serve(1).await?;
    }
    watch.message().await?.context("another's watch ended")?;
    // a request that is none, for a method that is none
    assert!(grpc::health(hydrad.channel().await?, &"x".repeat(1 << 20)).await.is_err());
    // one larger than any that is meant
    let request = AddHeadsRequest { count: 1, request_id: "x".repeat(5 << 20), ..AddHeadsRequest::default() };
    assert!(add(&hydrad, request).await.is_err());
    let request = AddHeadsRequest { count: 1, request_id: "x".repeat(1 << 20), ..AddHeadsRequest::default() };
    let refused = add(&hydrad, request).await.err().context("a request id of 1 MiB is kept")?;
    assert!(format!("{refused:?}").contains("request_id"), "{refused:?}");
    hydrad.serve(1).await
}

#[tokio::test(flavor = "multi_thread")]
async fn sixty_four_watches_are_enough_and_one_that_ends_makes_room() -> anyhow::Result<()> {
    let hydrad = Place::seeded(1)?.serving(1).await?;
    let mut open = Vec::new();
    let mut refused = None;
    for _ in 0..70 {
        // a connection has 64 streams of its own
        let mut client = StatusServiceClient::new(hydrad.channel().await?);
        match client.watch_status(WatchStatusRequest { interval_seconds: 60.0 }).await {
            Ok(watch) => open.push(watch.into_inner()),
            Err(status) => refused = Some(status),
        }
    }
    assert_eq!(open.len(), 64);
    assert_eq!(refused.map(|status| status.code()), Some(Code::ResourceExhausted));
    drop(open);
    hydra_tests::harness::eventually(PATIENCE, || async {
        let mut client = StatusServiceClient::new(hydrad.channel().await?);
        let mut watch = client.watch_status(WatchStatusRequest { interval_seconds: 1.0 }).await?.into_inner();
        watch.message().await?.context("no snapshot").map(drop)
    })
    .await
}
