//! The task that owns the channel, against a made-up daemon that comes and goes.

use std::path::Path;
use std::time::Duration;

use hydra_protocol::v1::{PeerSort, PrefetchState};
use hydractl::fixture;
use hydractl::fixture::server::{Mortal, World};
use hydractl::tui::connection::{Connection, Target, start};
use hydractl::tui::state::feed::{Ask, Told};
use hydractl::tui::state::records::News;
use hydractl::tui::state::{Answer, Command, Message, Outcome};
use tokio::time::{Instant, timeout};

const LONG: Duration = Duration::from_secs(10);

fn connect(socket: &Path) -> Connection {
    start(Target { socket: Some(socket.to_owned()), interval: Duration::from_millis(250) })
}

/// The first message that fits; the others are passed over.
async fn until<T>(connection: &mut Connection, fits: impl Fn(Message) -> Option<T>) -> T {
    let wait = async {
        loop {
            let message = connection.messages.recv().await.expect("the task lives");
            if let Some(found) = fits(message) {
                return found;
            }
        }
    };
    timeout(LONG, wait).await.expect("in time")
}

async fn update(connection: &mut Connection) -> bool {
    until(connection, |message| match message {
        Message::Update(update) => Some(update.snapshot),
        _ => None,
    })
    .await
}

async fn answer(connection: &mut Connection, command: Command) -> Answer {
    connection.commands.send(command).await.expect("taken");
    until(connection, |message| match message {
        Message::Answer(answer) => Some(*answer),
        _ => None,
    })
    .await
}

fn down(message: Message) -> Option<(String, u32, Duration)> {
    match message {
        Message::Down { cause, attempt, retry_in } => Some((cause.what, attempt, retry_in)),
        _ => None,
    }
}

#[tokio::test]
async fn a_daemon_that_dies_and_returns_is_found_again() {
    let directory = tempfile::tempdir().expect("a directory");
    let socket = directory.path().join("control.sock");
    let daemon = Mortal::start(directory.path(), World::default()).expect("a made-up daemon");
    let mut connection = connect(&socket);
    let control = until(&mut connection, |message| match message {
        Message::Connected { control } => Some(control),
        _ => None,
    });
    assert!(control.await);
    assert!(update(&mut connection).await, "a snapshot first");
    assert!(!update(&mut connection).await, "then what changed");

    drop(daemon);
    let (what, attempt, _) = until(&mut connection, down).await;
    assert!(what.contains("closed the connection"), "{what}");
    assert_eq!(attempt, 1);
    let (what, attempt, pause) = until(&mut connection, down).await;
    assert!(what.contains("connection refused"), "{what}");
    assert_eq!(attempt, 2);
    assert!(pause <= Duration::from_millis(500), "{pause:?}");

    let _daemon = Mortal::start(directory.path(), World::default()).expect("a made-up daemon");
    assert!(update(&mut connection).await, "and a snapshot again");
}

#[tokio::test]
async fn without_a_daemon_the_reason_is_told_and_the_pauses_grow() {
    let directory = tempfile::tempdir().expect("a directory");
    let mut connection = connect(&directory.path().join("control.sock"));
    let mut pauses = Vec::new();
    for number in 1..=3 {
        let (what, attempt, pause) = until(&mut connection, down).await;
        assert!(what.starts_with("hydrad is not running: no socket at "), "{what}");
        assert_eq!(attempt, number);
        pauses.push(pause);
    }
    assert!(pauses[0] < pauses[1] && pauses[1] < pauses[2], "{pauses:?}");
}

#[tokio::test]
async fn retry_now_does_not_wait_for_the_pause() {
    let directory = tempfile::tempdir().expect("a directory");
    let mut connection = connect(&directory.path().join("control.sock"));
    while until(&mut connection, down).await.1 < 4 {}
    let pressed = Instant::now();
    connection.commands.send(Command::RetryNow).await.expect("taken");
    until(&mut connection, down).await;
    assert!(pressed.elapsed() < Duration::from_millis(1_500), "{:?}", pressed.elapsed());
}

#[tokio::test]
async fn commands_are_answered_and_without_a_daemon_declined() {
    let directory = tempfile::tempdir().expect("a directory");
    let socket = directory.path().join("control.sock");
    let daemon = Mortal::start(directory.path(), World::default()).expect("a made-up daemon");
    let mut connection = connect(&socket);
    update(&mut connection).await;

    let added = answer(&mut connection, Command::AddHeads { count: 2, dry_run: true }).await;
    assert!(
        matches!(added.result, Ok(Outcome::Added(added)) if added.heads_total == 7 && !added.warnings.is_empty())
    );
    let refused = answer(&mut connection, Command::AddHeads { count: 900, dry_run: true }).await;
    assert!(refused.result.expect_err("too many").starts_with("no room for 900 heads"));
    let stopped = answer(&mut connection, Command::StopHead("head-1".into())).await;
    assert!(matches!(stopped.result, Ok(Outcome::Stopped(stopped)) if stopped.connections_closed == 487));
    let removed = answer(&mut connection, Command::RemoveHead("head-4".into())).await;
    assert!(matches!(removed.result, Ok(Outcome::Removed(removed)) if removed.heads_total == 4));
    let unknown = answer(&mut connection, Command::StartHead("head-9".into())).await;
    assert_eq!(unknown.result.expect_err("not there"), "no head named head-9");

    drop(daemon);
    while until(&mut connection, down).await.1 < 4 {}
    let declined = answer(&mut connection, Command::StartHead("head-1".into())).await;
    assert_eq!(declined.result.expect_err("nobody there"), "no daemon; nothing was sent");
}

#[tokio::test]
async fn the_observe_socket_takes_no_commands() {
    let directory = tempfile::tempdir().expect("a directory");
    let _daemon = Mortal::start(directory.path(), World::default()).expect("a made-up daemon");
    let mut connection = connect(&directory.path().join("observe.sock"));
    let control = until(&mut connection, |message| match message {
        Message::Connected { control } => Some(control),
        _ => None,
    });
    assert!(!control.await);
}

/// What is told to a question of a page.
async fn told(connection: &mut Connection, ask: Ask) -> Result<Box<Told>, String> {
    connection.commands.send(Command::Want(vec![ask.clone()])).await.expect("the task lives");
    until(connection, |message| match message {
        Message::Told { ask: asked, result } if asked == ask => Some(result),
        _ => None,
    })
    .await
}

fn survey(filter: &str) -> Ask {
    Ask::Survey {
        prefix: 0,
        bits: 0,
        filter: filter.to_owned(),
        sort: PeerSort::Heads,
        descending: true,
        offset: 0,
    }
}

#[tokio::test]
async fn the_questions_of_the_pages_are_answered() {
    let directory = tempfile::tempdir().expect("a directory");
    let _daemon = Mortal::start(directory.path(), World::default()).expect("a made-up daemon");
    let mut connection = connect(&directory.path().join("control.sock"));
    match *told(&mut connection, survey("agent:kubo")).await.expect("an answer") {
        Told::Survey(survey) => {
            assert_eq!((survey.total, survey.bins.len()), (2_461, 928));
            assert!(survey.peers[0].peer_id.ends_with("vBt7115"), "{:?}", survey.peers[0]);
        }
        other => panic!("{other:?}"),
    }
    let refused = told(&mut connection, survey("colour:red")).await.expect_err("no such field");
    assert_eq!(refused, "filter: no field colour");
    let peer = fixture::peers().swap_remove(1);
    match *told(&mut connection, Ask::Peer(peer.peer_id.clone())).await.expect("an answer") {
        Told::Peer(told) => assert_eq!(*told, peer),
        other => panic!("{other:?}"),
    }
    let nobody = told(&mut connection, Ask::Peer("nobody".into())).await.expect_err("nobody");
    assert_eq!(nobody, "no peer nobody");
    assert!(matches!(*told(&mut connection, Ask::Audit).await.expect("an answer"), Told::Audit(_)));
    let key = Ask::Record(fixture::CID.into());
    match *told(&mut connection, key).await.expect("an answer") {
        Told::Record(told) => assert_eq!(told.records, fixture::records()),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_lookup_tells_each_provider_and_then_its_end() {
    let directory = tempfile::tempdir().expect("a directory");
    let _daemon = Mortal::start(directory.path(), World::default()).expect("a made-up daemon");
    let news = |message| match message {
        Message::Fetched { key, news } if key == fixture::CID => Some(*news),
        _ => None,
    };
    let mut connection = connect(&directory.path().join("control.sock"));
    assert!(update(&mut connection).await);
    let fetch = Command::Fetch(fixture::CID.into());
    connection.commands.send(fetch.clone()).await.expect("the task lives");
    for record in fixture::records() {
        match until(&mut connection, news).await {
            News::Provider(provider) => assert_eq!(provider.peer_id, record.provider_peer_id),
            end => panic!("{end:?}"),
        }
    }
    assert!(matches!(until(&mut connection, news).await, News::End(Ok(report)) if report.providers == 4));
    let mut connection = connect(&directory.path().join("observe.sock"));
    assert!(update(&mut connection).await);
    connection.commands.send(fetch).await.expect("the task lives");
    match until(&mut connection, news).await {
        News::End(Err(why)) => assert_eq!(why, "this socket only reads; use control.sock"),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn the_questions_about_heads_requests_and_prefetch_are_answered() {
    let directory = tempfile::tempdir().expect("a directory");
    let _daemon = Mortal::start(directory.path(), World::default()).expect("a made-up daemon");
    let mut connection = connect(&directory.path().join("observe.sock"));
    let series =
        vec!["prefetch.waiting".to_owned(), "head-0.requests".to_owned(), "scout.bytes_in".to_owned()];
    for ask in [Ask::Prefetch, Ask::PrefetchKeys, Ask::Network, Ask::Head("head-2".into())] {
        told(&mut connection, ask).await.expect("an answer");
    }
    match *told(&mut connection, Ask::Traffic).await.expect("an answer") {
        Told::Traffic(traffic) => assert_eq!(*traffic, fixture::traffic()),
        other => panic!("{other:?}"),
    }
    let around = Ask::Around { bits: 6, place: fixture::head(2).key, bins: 448, limit: 5 };
    match *told(&mut connection, around).await.expect("an answer") {
        Told::Around(around) => assert_eq!((around.bins.len(), around.peers.len()), (448, 5)),
        other => panic!("{other:?}"),
    }
    match *told(&mut connection, Ask::Past { series, seconds: 3_600 }).await.expect("an answer") {
        Told::Past(past) => assert_eq!(past.series.len(), 3),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn prefetching_is_paused_resumed_and_cleared_and_a_coverage_planned() {
    let directory = tempfile::tempdir().expect("a directory");
    let _daemon = Mortal::start(directory.path(), World::default()).expect("a made-up daemon");
    let mut connection = connect(&directory.path().join("control.sock"));
    assert!(update(&mut connection).await);
    let pause = Command::PausePrefetch { reason: "maintenance".into(), seconds: 1_800 };
    match answer(&mut connection, pause).await.result.expect("an answer") {
        Outcome::Prefetch(prefetch) => {
            assert_eq!(
                (prefetch.state(), prefetch.paused_reason.as_str()),
                (PrefetchState::Paused, "maintenance")
            );
            assert_eq!(prefetch.paused_until, fixture::ago(-1_800));
        }
        other => panic!("{other:?}"),
    }
    match answer(&mut connection, Command::ResumePrefetch).await.result.expect("an answer") {
        Outcome::Prefetch(prefetch) => assert_eq!(prefetch.state(), PrefetchState::Running),
        other => panic!("{other:?}"),
    }
    match answer(&mut connection, Command::ClearPrefetch).await.result.expect("an answer") {
        Outcome::Cleared(cleared) => assert_eq!(cleared.cleared, 12),
        other => panic!("{other:?}"),
    }
    match answer(&mut connection, Command::PlanCoverage { per_mille: 500 }).await.result.expect("an answer") {
        Outcome::Planned(plan) => assert!((plan.coverage - 0.5).abs() < 1e-9),
        other => panic!("{other:?}"),
    }
    let mut connection = connect(&directory.path().join("observe.sock"));
    assert!(update(&mut connection).await);
    let refused = answer(&mut connection, Command::ClearPrefetch).await.result.expect_err("it only reads");
    assert_eq!(refused, "this socket only reads; use control.sock");
}
