//! From a request at the service to the next asker's answer, with invented sources.

use std::sync::Arc;
use std::time::Duration;

use tempfile::TempDir;

use super::{Answer, Invented, hidden, key, peer, provider, somebody};
use crate::belly::clock::Clock;
use crate::belly::engine::{LogBelly, LogConfig};
use crate::belly::prefetched::{Limits, Prefetched, VALIDITY, WithPrefetched};
use crate::belly::{Announcement, Belly, Provider};
use crate::dht::{self, Local, Misses, Served, Service};
use crate::prefetch::{Config, Parts, Pause, Prefetch, Source, State};
use crate::routing::{AddressPolicy, Contacts, Table};
use crate::telemetry::Outcome;
use crate::wire::field::{put_bytes, put_number};
use crate::wire::frame::{Cut, cut};
use crate::wire::{Kind, Message};

pub(super) struct Scene {
    pub(super) prefetch: Prefetch,
    service: Service,
    belly: Arc<dyn Belly>,
    pub(super) misses: Arc<Misses>,
    head: Local,
    _dir: TempDir,
}

pub(super) fn scene(config: Config, sources: Vec<Arc<dyn Source>>) -> Scene {
    let dir = tempfile::tempdir().expect("a directory");
    let store = Arc::new(LogBelly::open(LogConfig::new(dir.path())).expect("the store opens"));
    let cache = Arc::new(Prefetched::new(
        Limits { records: 10_000, bytes: 8 << 20, life: VALIDITY },
        Clock::system(),
    ));
    let belly: Arc<dyn Belly> = Arc::new(WithPrefetched::new(store, Arc::clone(&cache)));
    let (misses, intake) = Misses::channel();
    let (table, contacts) = (Arc::new(Table::default()), Arc::new(Contacts::default()));
    let service = Service::new(dht::Config::default(), Arc::clone(&belly), table, contacts);
    let service = service.with_misses(Arc::clone(&misses));
    let policy = AddressPolicy::Public;
    let parts = Parts { misses: Arc::clone(&misses), intake, cache, policy, sources };
    let prefetch = Prefetch::start(config, parts);
    Scene { prefetch, service, belly, misses, head: Local::new(0, peer(1_000)), _dir: dir }
}

impl Scene {
    /// What GET_PROVIDERS answers.
    async fn ask(&self, n: u32, asker: u32) -> Vec<Provider> {
        let mut request = Vec::new();
        put_number(&mut request, 1, Kind::GetProviders as u64);
        put_bytes(&mut request, 2, &key(n));
        let request = Message::read(&request).expect("a message");
        let served = self.service.handle(&self.head, &somebody(asker), request).await;
        let Served::Reply(frame) = served else { panic!("not answered") };
        let frame = frame.as_ref();
        let Ok(Cut::Whole { start, end }) = cut(frame) else { panic!("no frame") };
        let reply = Message::read(&frame[start..end]).expect("a reply is a message");
        let of = |peer: crate::wire::message::Peer<'_>| Provider {
            peer: peer.peer_id().expect("an id"),
            addrs: crate::wire::AddrList::from_raw(peer.addrs()),
        };
        reply.provider_peers().map(of).collect()
    }

    /// Waits until every miss has ended.
    pub(super) async fn settled(&self) {
        for _ in 0..2_000 {
            let totals = self.misses.outcomes.totals();
            if totals.ended() == totals.misses {
                return;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        panic!("not settled: {:?}", self.misses.outcomes.totals());
    }

    fn count(&self, outcome: Outcome) -> u64 {
        self.misses.outcomes.totals().of(outcome)
    }
}

fn announcement(key: &[u8]) -> Announcement<'_> {
    let Provider { peer, addrs } = provider(1);
    Announcement { key, provider: peer, addrs, head: 0, near: true }
}

#[tokio::test]
async fn a_miss_is_answered_at_once_and_the_next_asker_has_the_provider() {
    let source = Invented::new("dht", Answer::Providers(vec![provider(1), hidden(2), provider(1)]));
    let scene = scene(Config::default(), vec![source.clone()]);
    assert_eq!(scene.ask(7, 1).await, []);
    scene.settled().await;
    let found = scene.ask(7, 2).await;
    assert!(found.contains(&provider(1)), "{found:?}");
    // a private address is not handed on, the provider is
    let second = found.iter().find(|found| found.peer == peer(2)).expect("the second provider");
    assert!(found.len() == 2 && second.addrs.is_empty(), "{found:?}");
    assert_eq!((source.asked(), scene.count(Outcome::Found)), (1, 1));
    let status = scene.prefetch.status();
    assert_eq!((status.records_kept, status.total.misses, status.state), (2, 1, State::Running));
}

#[tokio::test]
async fn over_several_sources_the_best_answer_names_the_outcome() {
    let some = || Answer::Providers(vec![provider(1)]);
    let none = || Answer::Providers(Vec::new());
    for (answers, outcome) in [
        (vec![Answer::Never, some(), Answer::Fail, none()], Outcome::Found),
        (vec![Answer::Never, Answer::Fail, none()], Outcome::TimedOut),
        (vec![Answer::Fail, none()], Outcome::SourceFailed),
        (vec![Answer::Panic, none()], Outcome::SourceFailed),
        (vec![none(), none()], Outcome::NotFound),
    ] {
        let sources: Vec<Arc<dyn Source>> =
            answers.iter().map(|answer| Invented::new("one", answer.clone()) as Arc<dyn Source>).collect();
        let scene = scene(Config::default(), sources);
        scene.ask(1, 1).await;
        scene.settled().await;
        assert_eq!(scene.count(outcome), 1, "{outcome:?}: {:?}", scene.misses.outcomes.totals());
    }
}

#[tokio::test]
async fn each_source_has_books_of_its_own() {
    let good = Invented::new("good", Answer::Providers(vec![provider(1), provider(2)]));
    let slow = Invented::new("slow", Answer::Never);
    let scene = scene(Config::default(), vec![good, slow]);
    for n in 0..3 {
        scene.ask(n, n).await;
    }
    scene.settled().await;
    let sources = scene.prefetch.status().sources;
    let [good, slow] = sources.as_slice() else { panic!("{sources:?}") };
    assert_eq!((good.total.attempts, good.total.found, good.total.records), (3, 3, 6));
    assert_eq!((good.total.found_alone, good.total.timed_out), (3, 0));
    assert_eq!((slow.total.attempts, slow.total.timed_out, slow.total.found), (3, 3, 0));
    assert_eq!(good.last_10m, good.total);
    assert!(good.latency_p50.is_some() && slow.latency_p50.is_some());
}

#[tokio::test]
async fn an_inline_source_joins_the_answer_and_its_deadline_is_kept() {
    let long = Duration::from_secs(600);
    let soon = Answer::After(Duration::from_millis(20), vec![provider(3)]);
    let quick = scene(Config::default(), vec![Invented::inline("router", long, soon)]);
    assert_eq!(quick.ask(1, 1).await, [provider(3)]);

    let deadline = Duration::from_millis(50);
    let never = scene(Config::default(), vec![Invented::inline("router", deadline, Answer::Never)]);
    let began = tokio::time::Instant::now();
    assert_eq!(never.ask(1, 1).await, []);
    assert!(began.elapsed() >= deadline, "{:?}", began.elapsed());
}

#[tokio::test]
async fn nobody_waits_for_what_comes_too_late_or_never() {
    // an asker who waited would wait for ten minutes
    let long = Duration::from_secs(600);
    let none = Invented::inline("router", long, Answer::Providers(Vec::new()));
    let slow = Invented::new("dht", Answer::Never);
    let beside_slow = scene(Config::default(), vec![none.clone(), slow]);
    assert_eq!(beside_slow.ask(1, 1).await, []);
    let alone = scene(Config::default(), vec![none]);
    assert_eq!(alone.ask(1, 1).await, []);
    alone.settled().await;
    assert_eq!(alone.ask(1, 2).await, []);
    assert_eq!(alone.count(Outcome::Refused5m), 1);
}

#[tokio::test]
async fn a_slow_inline_source_does_not_delay_requests_of_other_streams() {
    let long = Duration::from_secs(600);
    let scene = scene(Config::default(), vec![Invented::inline("router", long, Answer::Never)]);
    scene.belly.add_provider(announcement(&key(2))).expect("admitted");
    let waits = scene.ask(1, 1);
    tokio::pin!(waits);
    let other = async {
        tokio::task::yield_now().await;
        scene.ask(2, 1).await
    };
    tokio::select! {
        biased;
        _ = &mut waits => panic!("answered without the source"),
        found = other => assert_eq!(found.len(), 1),
    }
}

#[tokio::test]
async fn without_a_source_every_miss_is_paused_and_the_status_says_why() {
    let scene = scene(Config::default(), Vec::new());
    scene.ask(1, 1).await;
    scene.prefetch.resume();
    scene.ask(2, 1).await;
    scene.settled().await;
    assert_eq!(scene.count(Outcome::Paused), 2);
    let State::Paused(Pause { reason, .. }) = scene.prefetch.status().state else { panic!("runs") };
    assert!(reason.contains("source"), "{reason}");
}

#[tokio::test]
async fn a_pause_by_hand_stops_look_ups_until_it_is_ended() {
    let source = Invented::new("dht", Answer::Providers(vec![provider(1)]));
    let scene = scene(Config::default(), vec![source.clone()]);
    scene.prefetch.pause(Pause { reason: "router maintenance".to_owned(), until: None });
    scene.ask(1, 1).await;
    scene.settled().await;
    assert_eq!((source.asked(), scene.count(Outcome::Paused)), (0, 1));
    scene.prefetch.resume();
    scene.ask(1, 1).await;
    scene.settled().await;
    assert_eq!((source.asked(), scene.count(Outcome::Found)), (1, 1));
}

#[tokio::test]
async fn what_our_own_scout_asks_is_no_miss() {
    let (misses, _intake) = Misses::channel();
    misses.except(peer(5));
    assert!(misses.put(b"key", &somebody(5), || true).is_none());
    assert_eq!(misses.outcomes.totals().misses, 0);
    assert!(misses.put(b"key", &somebody(6), || true).is_none());
    assert_eq!(misses.outcomes.totals().misses, 1);
}
