//! Lookups against networks that are simulated, liars among them, on a simulated clock; and
//! the driver against a task that is played.

use std::collections::{BinaryHeap, HashMap, HashSet};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use libp2p::PeerId;
use libp2p::identity::Keypair;
use proptest::prelude::*;
use rand::SeedableRng as _;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom as _;
use tokio::sync::mpsc;

use super::walk::{ALPHA, MAX_ASKED, MAX_HEARD, Walk};
use super::{Ended, Eyes, Lookup, Outcome, PEER};
use crate::dht::records::ipns_key;
use crate::dht::records::testing::IpnsRecord;
use crate::net::{Answered, RpcError};
use crate::routing::table::Found;
use crate::routing::{AddressPolicy, Contacts, Table};
use crate::scout::asker::{Asker, Call};
use crate::telemetry::AskedFor;
use crate::wire::bounds::K;
use crate::wire::message::encode_peer;
use crate::wire::{AddrList, Key256, Kind, Message, Reply};

/// How a simulated peer behaves.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Manner {
    Honest,
    Dead,
    /// Answers just before the patience ends.
    Slow,
    /// Names peers that do not exist, near the key.
    Inventor,
    /// Names itself for every key.
    Vain,
    /// Names the other liars only.
    Looper,
    /// Answers with a message that cannot be read.
    Garbler,
}

const LIARS: [Manner; 6] =
    [Manner::Dead, Manner::Slow, Manner::Inventor, Manner::Vain, Manner::Looper, Manner::Garbler];

struct Network {
    peers: Vec<PeerId>,
    manners: HashMap<PeerId, Manner>,
    knows: HashMap<PeerId, Vec<PeerId>>,
}

fn addr(n: usize) -> AddrList {
    let addr: libp2p::Multiaddr =
        format!("/ip4/127.0.{}.{}/tcp/4001", n / 250 % 250, n % 250 + 1).parse().expect("an address");
    [&addr].into_iter().collect()
}

fn id(rng: &mut StdRng) -> PeerId {
    let mut bytes = [0; 34];
    (bytes[0], bytes[1]) = (0x12, 0x20);
    rng.fill(&mut bytes[2..]);
    PeerId::from_bytes(&bytes).expect("an id")
}

fn nearest<'a>(peers: impl IntoIterator<Item = &'a PeerId>, to: &Key256, n: usize) -> Vec<PeerId> {
    let mut all: Vec<PeerId> = peers.into_iter().copied().collect();
    all.sort_by_cached_key(|peer| Key256::of_peer(peer).distance(to));
    all.truncate(n);
    all
}

impl Network {
    /// Peers with Kademlia tables: k of each bucket, by chance.
    fn new(size: usize, liars: f64, rng: &mut StdRng) -> Self {
        let peers: Vec<PeerId> = (0..size).map(|_| id(rng)).collect();
        let manners = peers
            .iter()
            .map(|peer| {
                let lies = rng.random_bool(liars);
                (*peer, if lies { *LIARS.choose(rng).expect("some") } else { Manner::Honest })
            })
            .collect();
        let places: Vec<Key256> = peers.iter().map(Key256::of_peer).collect();
        let mut knows = HashMap::new();
        for (peer, place) in peers.iter().zip(&places) {
            let mut buckets: HashMap<u32, Vec<PeerId>> = HashMap::new();
            for (other, there) in peers.iter().zip(&places).filter(|(other, _)| *other != peer) {
                buckets.entry(place.shared_bits(there)).or_default().push(*other);
            }
            let mut table = Vec::new();
            for (_, bucket) in buckets {
                table.extend(bucket.sample(rng, K).copied());
            }
            knows.insert(*peer, table);
        }
        Self { peers, manners, knows }
    }

    fn answer(&self, peer: &PeerId, target: &Key256, rng: &mut StdRng) -> Option<Vec<(PeerId, AddrList)>> {
        let liars = || self.manners.iter().filter(|(_, m)| **m != Manner::Honest).map(|(peer, _)| *peer);
        let named: Vec<PeerId> = match self.manners.get(peer)? {
            Manner::Honest | Manner::Slow => nearest(&self.knows[peer], target, K),
            Manner::Dead | Manner::Garbler => return None,
            Manner::Inventor => {
                let made: Vec<_> = (0..400).map(|_| id(rng)).collect();
                nearest(&made, target, 2 * K)
            }
            Manner::Vain => vec![*peer; 2 * K],
            Manner::Looper => liars().take(2 * K).collect(),
        };
        Some(named.into_iter().map(|peer| (peer, addr(7))).collect())
    }

    /// Seconds until the peer answers or fails.
    fn delay(&self, peer: &PeerId, rng: &mut StdRng) -> f64 {
        match self.manners.get(peer) {
            Some(Manner::Honest | Manner::Vain | Manner::Looper | Manner::Inventor) => {
                rng.random_range(0.02..0.5)
            }
            Some(Manner::Garbler) => 0.1,
            Some(Manner::Slow) => PEER.as_secs_f64() * 0.99,
            // a refused dial, or no answer at all
            Some(Manner::Dead) | None => *[0.05, PEER.as_secs_f64()].choose(rng).expect("some"),
        }
    }
}

struct Ending {
    closest: Vec<PeerId>,
    asked: HashSet<PeerId>,
    seconds: f64,
    most_kept: usize,
}

/// Walks on a simulated clock.
fn walk(network: &Network, target: &Key256, start: &[PeerId], rng: &mut StdRng) -> Ending {
    let mut walk = Walk::new(*target, start.iter().map(|peer| (*peer, addr(7))));
    // the soonest first: microseconds, negative
    let mut due: BinaryHeap<(i64, usize)> = BinaryHeap::new();
    let (mut order, mut asked) = (Vec::new(), HashSet::new());
    let (mut now, mut most_kept) = (0.0, 0);
    loop {
        while let Some(next) = walk.ask_next() {
            assert!(asked.insert(next.peer), "asked twice");
            let at = now + network.delay(&next.peer, rng);
            due.push((-(at * 1e6) as i64, order.len()));
            order.push(next.peer);
        }
        assert!(due.len() <= ALPHA && due.len() == walk.asking() && asked.len() == walk.asked());
        most_kept = most_kept.max(walk.kept());
        if walk.is_done() {
            break;
        }
        let (at, index) = due.pop().expect("somebody is awaited while the walk is not done");
        now = -at as f64 / 1e6;
        match network.answer(&order[index], target, rng) {
            Some(named) => drop(walk.answered(&order[index], named)),
            None => walk.failed(&order[index]),
        }
    }
    let closest = walk.closest().map(|(peer, _)| *peer).collect();
    Ending { closest, asked, seconds: now, most_kept }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn whatever_peers_say_a_walk_ends_within_its_bounds(
        seed: u64, size in 1..250usize, liars in 0.0..1.0f64, start in 0..30usize
    ) {
        let mut rng = StdRng::seed_from_u64(seed);
        let network = Network::new(size, liars, &mut rng);
        let target = Key256(rng.random());
        let start: Vec<PeerId> = network.peers.sample(&mut rng, start).copied().collect();
        let ending = walk(&network, &target, &start, &mut rng);
        prop_assert!(ending.asked.len() <= MAX_ASKED);
        prop_assert!(ending.most_kept <= MAX_ASKED + MAX_HEARD);
        // each round of α takes at most one patience
        let rounds = ending.asked.len().div_ceil(ALPHA) + 1;
        prop_assert!(ending.seconds <= rounds as f64 * PEER.as_secs_f64() * 2.0, "{}", ending.seconds);
        let distances: Vec<_> = ending.closest.iter().map(|p| Key256::of_peer(p).distance(&target)).collect();
        prop_assert!(distances.is_sorted() && distances.len() <= K);
    }

    #[test]
    fn among_honest_peers_the_nearest_are_found(seed: u64, size in 1..250usize) {
        let mut rng = StdRng::seed_from_u64(seed);
        let network = Network::new(size, 0.0, &mut rng);
        let target = Key256(rng.random());
        let start = [*network.peers.choose(&mut rng).expect("peers")];
        let ending = walk(&network, &target, &start, &mut rng);
        let truth: HashSet<_> = nearest(&network.peers, &target, K).into_iter().collect();
        let found = ending.closest.iter().filter(|peer| truth.contains(peer)).count();
        // a random table may miss a neighbour
        prop_assert!(found * 10 >= truth.len() * 9, "{found} of {}", truth.len());
    }
}

#[test]
fn with_a_fifth_of_liars_most_of_the_nearest_honest_are_found_all_the_same() {
    let (mut found, mut all) = (0, 0);
    for seed in 0..20 {
        let mut rng = StdRng::seed_from_u64(seed);
        let network = Network::new(200, 0.2, &mut rng);
        let target = Key256(rng.random());
        // a warm table, which the crawl fills with peers that answer
        let alive = network.peers.iter().filter(|p| network.manners[p] != Manner::Dead);
        let start = nearest(alive, &target, 2 * K);
        let ending = walk(&network, &target, &start, &mut rng);
        let honest = network.peers.iter().filter(|p| network.manners[p] == Manner::Honest);
        let truth: HashSet<_> = nearest(honest, &target, K / 2).into_iter().collect();
        found += ending.closest.iter().filter(|peer| truth.contains(peer)).count();
        all += truth.len();
    }
    assert!(found * 100 >= all * 90, "{found} of {all}");
}

#[test]
fn who_only_names_peers_that_do_not_exist_is_not_believed_for_long() {
    let mut rng = StdRng::seed_from_u64(3);
    let target = Key256(rng.random());
    let liar = id(&mut rng);
    let mut walk = Walk::new(target, [(liar, addr(1))]);
    assert_eq!(walk.ask_next().map(|next| next.peer), Some(liar));
    let made: Vec<_> = (0..40).map(|_| (id(&mut rng), addr(2))).collect();
    walk.answered(&liar, made);
    let mut dialled = 0;
    while let Some(next) = walk.ask_next() {
        walk.failed(&next.peer);
        dialled += 1;
    }
    assert!(dialled <= 6 && walk.is_done(), "{dialled} dials on one liar's word");
}

/// A lookup whose questions are answered by `play`; a question it does not take stays open.
fn played(
    table: &Arc<Table>,
    mut play: impl FnMut(&PeerId, &Message<'_>) -> Option<Result<Vec<u8>, RpcError>> + Send + 'static,
) -> (Lookup, tokio::task::JoinHandle<()>) {
    let (asker, mut calls) = Asker::new(Arc::default(), AskedFor::Clients);
    let task = tokio::spawn(async move {
        let mut open: Vec<Call> = Vec::new();
        while let Some(call) = calls.recv().await {
            let frame = call.frame.as_ref().to_vec();
            let at = frame.iter().position(|byte| byte & 0x80 == 0).map_or(0, |at| at + 1);
            let message = Message::read(&frame[at..]).expect("our own question");
            match play(&call.peer, &message) {
                Some(answer) => {
                    let took = Duration::from_millis(1);
                    call.reply.send(answer.map(|body| Answered { body, took })).ok();
                }
                None => open.push(call),
            }
        }
    });
    let eyes = Eyes {
        asker,
        table: Arc::clone(table),
        contacts: Arc::new(Contacts::default()),
        policy: AddressPolicy::Any,
        me: PeerId::random(),
        found: mpsc::channel(64).0,
    };
    (Lookup::new(Arc::new(eyes)), task)
}

fn table(peers: usize) -> (Arc<Table>, Vec<PeerId>) {
    let table = Arc::new(Table::default());
    let peers: Vec<PeerId> = (0..peers).map(|_| PeerId::random()).collect();
    for (n, peer) in peers.iter().enumerate() {
        table.put(*peer, Found::at(addr(n))).expect("room");
    }
    (table, peers)
}

fn body(reply: Reply) -> Vec<u8> {
    let frame = reply.into_frame();
    let bytes = frame.as_ref();
    let at = bytes.iter().position(|byte| byte & 0x80 == 0).map_or(0, |at| at + 1);
    bytes[at..].to_vec()
}

fn record(keys: &Keypair, sequence: u64) -> Vec<u8> {
    let until = SystemTime::now() + Duration::from_secs(600);
    IpnsRecord::new("/ipfs/x", sequence, until).sign(keys).expect("signed")
}

fn empty() -> Vec<u8> {
    body(Reply::new(Kind::FindNode, b"", 0))
}

const LONG: Duration = Duration::from_secs(60);

#[tokio::test]
async fn from_a_warm_table_a_provider_is_found_in_one_hop_with_its_addresses() {
    let (table, _) = table(60);
    let key = b"a key".to_vec();
    let holder = table.snapshot().closest(&Key256::of(&key), 20)[13].peer;
    let provider = PeerId::random();
    let (lookup, _task) = played(&table, move |peer, message| {
        assert_eq!(message.kind, Some(Kind::GetProviders));
        let mut reply = Reply::new(Kind::GetProviders, message.key, 0);
        if *peer == holder {
            reply.provider_peer(&provider, &addr(3), 1 << 20);
        }
        Some(Ok(body(reply)))
    });
    let (found, report) = lookup.providers(&key, 20, LONG).collect().await;
    assert_eq!(found.len(), 1);
    assert_eq!((found[0].peer, found[0].from, found[0].hop), (provider, holder, 1));
    assert_eq!(found[0].addrs, addr(3));
    assert_eq!((report.ended, report.found_at_hop), (Ended::Complete, Some(1)));
    assert_eq!((report.asked.len(), report.answered()), (20, 20));
    // and with one wanted, the rest is not waited for
    let (found, report) = lookup.providers(&key, 1, LONG).collect().await;
    assert_eq!((found.len(), report.ended), (1, Ended::Enough));
}

#[tokio::test]
async fn megabytes_of_providers_are_cut_to_the_limit_and_each_comes_once() {
    let (table, _) = table(20);
    let made: Vec<PeerId> = (0..20_000).map(|_| PeerId::random()).collect();
    let (lookup, _task) = played(&table, move |_, message| {
        let mut reply = Reply::new(Kind::GetProviders, message.key, 0);
        while made.iter().all(|peer| reply.provider_peer(peer, &addr(1), 4 << 20)) {}
        Some(Ok(body(reply)))
    });
    let (found, _) = lookup.providers(b"key", 500, LONG).collect().await;
    let distinct: HashSet<PeerId> = found.iter().map(|provider| provider.peer).collect();
    assert_eq!((found.len(), distinct.len()), (500, 500));
}

#[tokio::test]
async fn a_provider_without_addresses_comes_again_when_somebody_knows_them() {
    let (table, _) = table(2);
    let provider = PeerId::random();
    let mut asked = 0;
    let (lookup, _task) = played(&table, move |_, message| {
        asked += 1;
        let mut reply = Reply::new(Kind::GetProviders, message.key, 0);
        let addrs = if asked == 1 { AddrList::default() } else { addr(9) };
        reply.provider_peer(&provider, &addrs, 1 << 20);
        Some(Ok(body(reply)))
    });
    let (found, _) = lookup.providers(b"key", 5, LONG).collect().await;
    assert_eq!((found.len(), &found[0].addrs), (1, &addr(9)));
}

#[tokio::test]
async fn a_lookup_nobody_answers_ends_at_its_deadline_and_says_whom_it_waited_for() {
    let (table, _) = table(40);
    let (lookup, _task) = played(&table, |_, _| None);
    let nearest = lookup.find_node(b"key", Duration::from_millis(50)).await;
    assert_eq!(nearest.report.ended, Ended::Deadline);
    assert!(nearest.peers.is_empty());
    assert_eq!(nearest.report.asked.len(), ALPHA);
    assert!(nearest.report.asked.iter().all(|asked| asked.outcome == Outcome::Waiting));
    let nobody = Arc::new(Table::default());
    let (lookup, _task) = played(&nobody, |_, _| None);
    assert_eq!(lookup.find_node(b"key", LONG).await.report.ended, Ended::NobodyToAsk);
}

#[tokio::test]
async fn a_dropped_lookup_gives_its_questions_up() {
    let (table, _) = table(40);
    let (told, mut open) = mpsc::channel(64);
    let (asker, mut calls) = Asker::new(Arc::default(), AskedFor::Clients);
    tokio::spawn(async move {
        while let Some(call) = calls.recv().await {
            told.send(call).await.ok();
        }
    });
    let eyes = Eyes {
        asker,
        table,
        contacts: Arc::new(Contacts::default()),
        policy: AddressPolicy::Any,
        me: PeerId::random(),
        found: mpsc::channel(1).0,
    };
    let lookup = Lookup::new(Arc::new(eyes));
    let mut providers = lookup.providers(b"key", 1, LONG);
    let mut open_now = Vec::new();
    tokio::select! {
        _ = providers.next() => panic!("nobody answers"),
        () = async { while open_now.len() < ALPHA { open_now.extend(open.recv().await); } } => {}
    }
    assert!(open_now.iter().all(|call| !call.reply.is_closed()));
    drop(providers);
    assert!(open_now.iter().all(|call| call.reply.is_closed()));
}

#[tokio::test]
async fn of_the_values_found_the_best_valid_one_is_given() {
    let (table, peers) = table(12);
    let keys = Keypair::generate_ed25519();
    let key = ipns_key(&keys.public().to_peer_id());
    let (old, new) = (record(&keys, 1), record(&keys, 7));
    let mut forged = record(&keys, 9);
    let last = forged.len() - 1;
    forged[last] ^= 1;
    let (wanted, asked_key) = (new.clone(), key.clone());
    let (lookup, _task) = played(&table, move |peer, message| {
        assert_eq!((message.kind, message.key), (Some(Kind::GetValue), &asked_key[..]));
        let mut reply = Reply::new(Kind::GetValue, message.key, 0);
        match peers.iter().position(|known| known == peer) {
            Some(0) => reply.record(message.key, &new, ""),
            Some(1 | 2) => reply.record(message.key, &forged, ""),
            Some(3..6) => reply.record(message.key, &old, ""),
            _ => {}
        }
        Some(Ok(body(reply)))
    });
    let value = lookup.value(&key, 100, LONG).await;
    assert_eq!(value.value.as_deref(), Some(&wanted[..]));
    assert_eq!((value.holders, value.invalid), (4, 2));
    assert_eq!(value.report.found_at_hop, Some(1));
}

#[tokio::test]
async fn a_value_is_stored_with_the_nearest_and_only_an_echo_counts() {
    let (table, _) = table(40);
    let keys = Keypair::generate_ed25519();
    let key = ipns_key(&keys.public().to_peer_id());
    let value = record(&keys, 1);
    let near: Vec<PeerId> =
        table.snapshot().closest(&Key256::of(&key), K).iter().map(|entry| entry.peer).collect();
    let (refuses, lies) = (near[0], near[1]);
    let (lookup, _task) = played(&table, move |peer, message| match message.kind {
        Some(Kind::PutValue) if *peer == refuses => Some(Err(RpcError::Reset)),
        Some(Kind::PutValue) if *peer == lies => Some(Ok(empty())),
        Some(Kind::PutValue) => Some(Ok(message.echo())),
        _ => Some(Ok(empty())),
    });
    let stored = lookup.put_value(&key, &value, LONG).await.expect("valid");
    let by: HashSet<PeerId> = stored.by.iter().copied().collect();
    assert_eq!(by, near[2..].iter().copied().collect());
    assert_eq!(stored.failed.len(), 2);
    assert!(lookup.put_value(&key, b"no record", LONG).await.is_err());
    let me = lookup.identity();
    let announced = lookup.add_provider(b"key", &addr(1), LONG).await;
    assert_eq!(announced.by.len(), K);
    assert!(!announced.by.contains(&me));
}

#[tokio::test]
async fn a_peer_that_another_knows_is_found_with_its_addresses() {
    let (table, peers) = table(8);
    let wanted = PeerId::random();
    let knows = peers[5];
    let (lookup, _task) = played(&table, move |peer, message| {
        let mut reply = Reply::new(Kind::FindNode, b"", 0);
        if *peer == knows && message.key == wanted.to_bytes() {
            reply.closer_peer(&encode_peer(&wanted, &addr(4)));
        }
        Some(Ok(body(reply)))
    });
    let (found, report) = lookup.find_peer(&wanted, LONG).await;
    assert_eq!((found, report.ended), (Some(addr(4)), Ended::Enough));
    assert!(lookup.find_peer(&PeerId::random(), LONG).await.0.is_none());
}
