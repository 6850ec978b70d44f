//! The cache alone, and together with a store.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use libp2p::PeerId;

use super::{Limits, Prefetched, VALIDITY, WithPrefetched};
use crate::belly::clock::Clock;
use crate::belly::engine::{LogBelly, LogConfig};
use crate::belly::{Announcement, Belly, Cursor, Page, Provider, Purge, Query, Record, Source};
use crate::wire::AddrList;

const LIMITS: Limits = Limits { records: 10_000, bytes: 16 << 20, life: VALIDITY };

fn provider(n: u8) -> Provider {
    let hash = libp2p::multihash::Multihash::wrap(0x12, &[n; 32]).expect("32 bytes fit");
    let peer = PeerId::from_multihash(hash).expect("SHA-256 is a peer id");
    Provider { peer, addrs: AddrList::from_raw([&b"address"[..]]) }
}

fn cache(limits: Limits) -> (Prefetched, Clock) {
    let clock = Clock::manual(SystemTime::now());
    (Prefetched::new(limits, clock.clone()), clock)
}

fn dht() -> Arc<str> {
    "dht".into()
}

#[test]
fn a_record_lives_an_hour_from_the_first_look_up_however_often_it_is_found() {
    let (cache, clock) = cache(LIMITS);
    let all = |cache: &Prefetched| cache.providers(b"key", &[], 10).len();
    cache.keep(b"key", false, &[provider(1)], &dht());
    clock.advance(VALIDITY / 2);
    cache.keep(b"key", false, &[provider(1), provider(2)], &dht());
    assert_eq!(all(&cache), 2);
    clock.advance(VALIDITY / 2);
    assert_eq!(all(&cache), 0);
    cache.expire();
    assert_eq!((cache.count(), cache.bytes()), (0, 0));
}

#[test]
fn a_life_may_be_set_shorter_and_never_longer_than_an_hour() {
    for (life, served) in [(Duration::from_secs(2), Duration::from_secs(2)), (VALIDITY * 3, VALIDITY)] {
        let (cache, clock) = cache(Limits { life, ..LIMITS });
        cache.keep(b"key", false, &[provider(1)], &dht());
        clock.advance(served - Duration::from_millis(1));
        assert_eq!((cache.life(), cache.providers(b"key", &[], 10).len()), (served, 1));
        clock.advance(Duration::from_millis(1));
        assert_eq!(cache.providers(b"key", &[], 10).len(), 0);
    }
}

#[test]
fn records_and_bytes_are_bounded_and_the_oldest_keys_leave() {
    for limits in [Limits { records: 1_600, ..LIMITS }, Limits { bytes: 512 << 10, ..LIMITS }] {
        let (cache, _) = cache(limits);
        for n in 0..20_000u32 {
            cache.keep(&n.to_be_bytes(), false, &[provider(1), provider(2)], &dht());
            assert!(cache.count() <= limits.records && cache.bytes() <= limits.bytes, "{n}");
        }
        assert!(!cache.providers(&19_999u32.to_be_bytes(), &[], 10).is_empty());
        assert!(cache.providers(&0u32.to_be_bytes(), &[], 10).is_empty());
        assert!(cache.count() > 1_000, "{}", cache.count());
    }
}

#[test]
fn a_key_keeps_a_bounded_number_of_providers() {
    let (cache, _) = cache(LIMITS);
    for n in 0..200 {
        cache.keep(b"key", false, &[provider(n)], &dht());
    }
    assert_eq!(cache.providers(b"key", &[], 1_000).len(), super::MAX_OF_KEY);
    assert_eq!(cache.providers(b"key", &[provider(0)], 1_000).len(), super::MAX_OF_KEY - 1);
    assert_eq!(cache.purge(&Purge::Key(Bytes::from_static(b"key"))), super::MAX_OF_KEY as u64);
    assert_eq!((cache.count(), cache.bytes()), (0, 0));
}

/// A store with a cache.
struct Scene {
    belly: WithPrefetched,
    cache: Arc<Prefetched>,
    clock: Clock,
    _dir: tempfile::TempDir,
}

fn scene() -> Scene {
    let dir = tempfile::tempdir().expect("a directory");
    let clock = Clock::manual(SystemTime::now());
    let store = LogBelly::open(LogConfig { clock: clock.clone(), ..LogConfig::new(dir.path()) });
    let cache = Arc::new(Prefetched::new(LIMITS, clock.clone()));
    let belly = WithPrefetched::new(Arc::new(store.expect("the store opens")), Arc::clone(&cache));
    Scene { belly, cache, clock, _dir: dir }
}

impl Scene {
    fn announce(&self, key: &[u8], provider: &Provider) {
        let Provider { peer, addrs } = provider.clone();
        self.belly
            .add_provider(Announcement { key, provider: peer, addrs, head: 0, near: true })
            .expect("admitted");
    }

    async fn providers(&self, key: &[u8], limit: usize) -> Vec<Provider> {
        self.belly.providers(key, limit).await
    }

    async fn list(&self, query: &Query, limit: usize) -> Vec<Record> {
        let (mut all, mut after) = (Vec::new(), None::<Cursor>);
        for _ in 0..10_000 {
            let page: Page = self.belly.page(query.clone(), after, limit).await.expect("a page");
            assert!(page.records.len() <= limit);
            all.extend(page.records);
            after = page.next;
            if after.is_none() {
                return all;
            }
        }
        panic!("the pages do not end");
    }
}

#[tokio::test]
async fn the_index_answers_first_and_the_cache_adds_what_it_does_not_know() {
    let scene = scene();
    scene.cache.keep(b"key", false, &[provider(1), provider(2)], &dht());
    assert_eq!(scene.providers(b"key", 10).await.len(), 2);
    scene.announce(b"key", &provider(3));
    let found = scene.providers(b"key", 10).await;
    assert_eq!((found.len(), &found[0]), (3, &provider(3)));
    assert_eq!(scene.providers(b"key", 1).await, [provider(3)]);
    assert_eq!((scene.belly.counts().records, scene.belly.counts().prefetched), (1, 2));
}

#[tokio::test]
async fn a_real_announcement_takes_the_place_of_the_prefetched_record() {
    let scene = scene();
    scene.cache.keep(b"key", false, &[provider(1), provider(2)], &dht());
    scene.announce(b"key", &provider(1));
    assert_eq!(scene.belly.counts().prefetched, 1);
    scene.clock.advance(VALIDITY);
    assert_eq!(scene.providers(b"key", 10).await, [provider(1)]);
}

#[tokio::test]
async fn lists_have_both_kinds_each_marked_and_in_pages_of_any_size() {
    let scene = scene();
    for key in 0..5u32 {
        scene.announce(&key.to_be_bytes(), &provider(1));
    }
    for key in 3..40u32 {
        scene.cache.keep(&key.to_be_bytes(), false, &[provider(7), provider(8), provider(9)], &dht());
    }
    let of = |prefetched| Query { prefetched, ..Query::default() };
    for limit in [1, 2, 7, 1_000] {
        let all = scene.list(&of(None), limit).await;
        let mut seen: Vec<_> = all.iter().map(|record| (record.key.clone(), record.provider)).collect();
        seen.sort_unstable();
        seen.dedup();
        assert_eq!((all.len(), seen.len()), (5 + 37 * 3, 5 + 37 * 3), "pages of {limit}");
        assert_eq!(scene.list(&of(Some(false)), limit).await.len(), 5);
        let prefetched = scene.list(&of(Some(true)), limit).await;
        assert_eq!(prefetched.len(), 37 * 3);
        assert!(prefetched.iter().all(|record| record.source == Source::Prefetched(dht())));
        let one = Query { provider: Some(provider(8).peer), ..of(None) };
        assert_eq!(scene.list(&one, limit).await.len(), 37);
    }
    let one = Query { key: Some(Bytes::copy_from_slice(&4u32.to_be_bytes())), ..Query::default() };
    assert_eq!(scene.list(&one, 100).await.len(), 4);
    let left = |records: &[Record]| {
        records.iter().all(|r| r.expires.duration_since(r.announced).is_ok_and(|t| t == VALIDITY))
    };
    assert!(left(&scene.list(&of(Some(true)), 100).await));
}

#[tokio::test]
async fn a_purge_reaches_the_cache() {
    let scene = scene();
    scene.cache.keep(b"one", false, &[provider(1), provider(2)], &dht());
    scene.cache.keep(b"two", false, &[provider(1)], &dht());
    let purged = scene.belly.purge(Purge::Provider(provider(1).peer)).await.expect("purged");
    assert_eq!((purged, scene.belly.counts().prefetched), (2, 1));
}

#[tokio::test]
async fn nothing_of_it_survives_a_start() {
    let dir = tempfile::tempdir().expect("a directory");
    for expected in [2, 0] {
        let cache = Arc::new(Prefetched::new(LIMITS, Clock::system()));
        let store = Arc::new(LogBelly::open(LogConfig::new(dir.path())).expect("the store opens"));
        let belly = WithPrefetched::new(store, Arc::clone(&cache));
        if expected > 0 {
            cache.keep(b"key", false, &[provider(1), provider(2)], &dht());
            belly.flush().await.expect("flushed");
        }
        assert_eq!(belly.providers(b"key", 10).await.len(), expected);
        tokio::time::sleep(Duration::ZERO).await;
    }
}
