//! The scout among light peers: it finds all that live, forgets those that go, looks up what
//! only another peer holds, and nobody's word makes it flood anybody.
//!
//! The scout runs in this process, on loopback with the address policy `any`; the light peers
//! are real DHT servers. The daemon around it is tested in `daemon_life`, and here by
//! `hydra-load network`, at addresses that look public.

use std::collections::HashSet;
use std::net::TcpListener;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use hydra_tests::harness::{binaries, eventually};
use hydra_tests::load::frame::Framed;
use hydra_tests::load::guard::Reach;
use hydra_tests::load::keys::{self, Domain};
use hydra_tests::load::message::{Kind, Message};
use hydra_tests::load::network::Figures;
use hydra_tests::load::node::{Node, NodeConfig};
use hydra_tests::load::transport::Security;
use hydra_tests::world::{Known, LightPeer, Tables, World, WorldConfig};
use hydrad::limits::{Budget, budget};
use hydrad::routing::{AddressPolicy, Contacts, Table};
use hydrad::scout::lookup::{Ended, Outcome};
use hydrad::scout::{self, Scout};
use hydrad::telemetry::AskedFor;
use hydrad::wire::Key256;
use libp2p::identity::Keypair;
use libp2p::swarm::{Stream, StreamProtocol};
use libp2p::{Multiaddr, PeerId};
use tokio::sync::{mpsc, watch};

const PATIENCE: Duration = Duration::from_secs(60);

/// A scout with a table of its own; it ends when dropped.
struct Eyes {
    table: Arc<Table>,
    scout: Scout,
}

impl Drop for Eyes {
    fn drop(&mut self) {
        self.scout.stop();
    }
}

impl Eyes {
    fn open(bootstrap: Vec<Multiaddr>) -> anyhow::Result<Self> {
        let table = Arc::new(Table::default());
        let limits = budget::Config {
            connections: 10_000,
            connections_per_ip: 10_000,
            handshakes_per_second: 10_000.0,
            handshakes_open: 10_000,
            files: 100_000,
            memory: u64::MAX,
        };
        let config = scout::Config {
            protocol: StreamProtocol::new("/ipfs/kad/1.0.0"),
            policy: AddressPolicy::Any,
            bootstrap,
            crawl_every: Duration::from_secs(3600),
            parallel: 32,
        };
        let shared = scout::Shared {
            table: Arc::clone(&table),
            contacts: Arc::new(Contacts::default()),
            budget: Budget::new(limits),
            ledger: Arc::default(),
            events: Arc::default(),
            heads: watch::channel(Vec::new()).1,
        };
        let scout = Scout::start(config, shared, mpsc::channel(scout::CANDIDATES))?;
        Ok(Self { table, scout })
    }

    fn near(peer: &LightPeer) -> anyhow::Result<Self> {
        let at = peer.addresses().first().context("a light peer listens")?;
        let id: Multiaddr = format!("/p2p/{}", peer.peer()).parse()?;
        Self::open(vec![at.iter().chain(id.iter()).collect()])
    }

    fn knows(&self) -> HashSet<PeerId> {
        self.table.members().iter().map(|member| member.entry.peer).collect()
    }

    async fn knows_all_of(&self, peers: usize) -> anyhow::Result<()> {
        eventually(PATIENCE, || async {
            let (known, report) = (self.table.others(), self.scout.report());
            ensure!(known * 100 >= peers * 99, "{known} of {peers} are known: {report:?}");
            Ok(())
        })
        .await
    }
}

/// The tests that can run long do: `tests/run --long`.
fn long() -> bool {
    std::env::var_os("HYDRA_LONG_TESTS").is_some()
}

async fn world(peers: usize) -> anyhow::Result<World> {
    World::start(WorldConfig { peers, tables: Tables::Kademlia, ..WorldConfig::default() }).await
}

/// The light peer nearest to a key.
fn nearest<'w>(world: &'w World, key: &[u8]) -> &'w Arc<LightPeer> {
    let place = Key256::of(key);
    let distance = |peer: &&Arc<LightPeer>| Key256::of_peer(&peer.peer()).distance(&place);
    world.peers().iter().min_by_key(distance).expect("peers")
}

#[tokio::test(flavor = "multi_thread")]
async fn from_one_peer_the_crawl_finds_all_and_what_it_knows_survives_a_restart() -> anyhow::Result<()> {
    let world = world(150).await?;
    let eyes = Eyes::near(&world.peers()[0])?;
    eyes.knows_all_of(150).await?;
    let crawl = eventually(PATIENCE, || async {
        let crawl = eyes.scout.report().crawl;
        ensure!(crawl.complete_after.is_some() && crawl.by_distance.is_some(), "{crawl:?}");
        Ok(crawl)
    })
    .await?;
    let (count, distance) =
        (crawl.by_count.context("a count")?, crawl.by_distance.context("an estimate by distance")?);
    assert!((135.0..=165.0).contains(&count.peers), "{count:?}");
    // by distance, from few lookups: the exact bound is tested on simulated networks
    assert!((75.0..=300.0).contains(&distance.peers), "{distance:?}");
    assert!(crawl.lookups > 0 && crawl.hops.is_some_and(|hops| (1.0..6.0).contains(&hops)), "{crawl:?}");
    let told = eyes.table.get(&world.peers()[7].peer()).context("a member")?;
    assert!(told.agent.starts_with("light-peer/"), "{told:?}");
    assert!(told.protocols.contains("/ipfs/kad/1.0.0") && told.latency().is_some(), "{told:?}");

    // without any bootstrap peer, and without asking everybody for everything again
    let kept: Vec<_> = eyes.table.members().iter().map(hydrad::routing::table::Member::row).collect();
    let walked: Vec<_> = kept.iter().map(|row| row.walked).collect();
    assert!(walked.iter().all(Option::is_some));
    drop(eyes);
    let again = Eyes::open(Vec::new())?;
    again.scout.restore(kept.clone()).await;
    again.knows_all_of(kept.len()).await?;
    let member = again.table.get(&kept[0].peer_id).context("a member")?;
    assert_eq!(member.walked(), kept[0].walked);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
#[allow(clippy::print_stderr)] // the figure is for whoever runs it
async fn a_thousand_peers_are_found_and_counted() -> anyhow::Result<()> {
    if !long() {
        return Ok(());
    }
    let world = world(1000).await?;
    let eyes = Eyes::near(&world.peers()[0])?;
    eyes.knows_all_of(1000).await?;
    let crawl = eventually(10 * PATIENCE, || async {
        let crawl = eyes.scout.report().crawl;
        let probed = crawl.by_distance.is_some_and(|estimate| estimate.error < 80.0);
        ensure!(crawl.complete_after.is_some() && probed, "{crawl:?}");
        Ok(crawl)
    })
    .await?;
    eprintln!("{crawl:?}");
    let (count, distance) =
        (crawl.by_count.context("a count")?, crawl.by_distance.context("an estimate by distance")?);
    assert!((900.0..=1100.0).contains(&count.peers), "{count:?}");
    assert!((750.0..=1250.0).contains(&distance.peers), "{distance:?}");
    let lookup = eyes.scout.lookup(AskedFor::Clients);
    let mut one_hop = 0;
    for n in 0..40 {
        let key = keys::key(9, Domain::Fresh, n);
        world.peers()[n as usize * 11].provide(&key).await?;
        let (found, report) = lookup.providers(&key, 1, PATIENCE).collect().await;
        one_hop += u32::from(!found.is_empty() && report.found_at_hop == Some(1));
    }
    assert!(one_hop >= 38, "{one_hop} of 40 providers were found in one hop");
    Ok(())
}

/// What a liar does with each question.
#[derive(Clone, Copy)]
enum Lie {
    /// Says nothing.
    Silence,
    /// Promises 4 MiB and sends a byte now and then.
    Drip,
    /// Sends 4 MiB of peers that do not exist.
    Flood,
    /// Names itself, whatever is asked.
    Vanity,
    /// Names ever new peers, all of them where it is itself: a way that never ends.
    Loop,
}

/// Every lie there is.
const LIES: [Lie; 5] = [Lie::Silence, Lie::Drip, Lie::Flood, Lie::Vanity, Lie::Loop];

/// A host that has nothing to do with the DHT, and counts who connects to it.
struct Victim {
    listener: TcpListener,
    at: Multiaddr,
}

impl Victim {
    fn new(ip: &str) -> anyhow::Result<Self> {
        let listener = TcpListener::bind(format!("{ip}:0"))?;
        listener.set_nonblocking(true)?;
        let at = format!("/ip4/{ip}/tcp/{}", listener.local_addr()?.port()).parse()?;
        Ok(Self { listener, at })
    }

    /// Connections since the last count.
    fn count(&self) -> usize {
        std::iter::from_fn(|| self.listener.accept().ok()).count()
    }
}

/// A liar that gives the victim's address to all whom it makes up.
async fn liar(lie: Lie, n: u8, victim: &Victim) -> anyhow::Result<Node> {
    let keypair = Keypair::generate_ed25519();
    let me = keypair.public().to_peer_id();
    let listen: Multiaddr = format!("/ip4/127.0.66.{n}/tcp/0").parse()?;
    let victim = victim.at.clone();
    let heard = Arc::new(std::sync::OnceLock::<Multiaddr>::new());
    let here = Arc::clone(&heard);
    let service = move |_, stream: Stream| -> futures::future::BoxFuture<'static, ()> {
        let (victim, here) = (victim.clone(), here.get().cloned());
        Box::pin(async move { drop(tell(lie, me, here, &victim, stream).await) })
    };
    let node = Node::start(NodeConfig {
        keypair,
        security: Security::Both,
        agent: "liar/1".to_owned(),
        protocol: StreamProtocol::new("/ipfs/kad/1.0.0"),
        service: Some(Arc::new(service)),
        listen: vec![listen],
        reach: Reach::Loopback,
        identified: None,
    })
    .await?;
    heard.get_or_init(|| node.listening()[0].clone());
    Ok(node)
}

async fn tell(
    lie: Lie,
    me: PeerId,
    here: Option<Multiaddr>,
    victim: &Multiaddr,
    stream: Stream,
) -> anyhow::Result<()> {
    let mut framed = Framed::new(stream);
    while framed.read().await?.is_some() {
        let mut reply = Message::new(Kind::FindNode, Vec::new());
        match lie {
            Lie::Silence => tokio::time::sleep(10 * PATIENCE).await,
            Lie::Drip => {
                framed.write(&[0x80, 0x80, 0x80, 0x02]).await?;
                for _ in 0..1000 {
                    framed.write(&[0]).await?;
                    framed.flush().await?;
                    tokio::time::sleep(Duration::from_millis(200)).await;
                }
            }
            Lie::Flood => {
                let peer = keys::peer(&PeerId::random(), [victim], 1);
                reply.closer = vec![peer; (4 << 20) / 70];
            }
            Lie::Vanity => reply.closer = vec![keys::peer(&me, [victim], 1); 40],
            Lie::Loop => {
                let new = |_| keys::peer(&PeerId::random(), here.iter().chain([victim]), 1);
                reply.closer = (0..200).map(new).collect();
            }
        }
        framed.write(&reply.framed()).await?;
        framed.flush().await?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn among_liars_lookups_end_in_their_deadlines_and_find_what_is_there() -> anyhow::Result<()> {
    let world = world(60).await?;
    let victim = Victim::new("127.0.66.250")?;
    let mut liars = Vec::new();
    for n in 0..20 {
        let liar = liar(LIES[usize::from(n) % LIES.len()], n + 1, &victim).await?;
        world.join(liar.peer(), liar.listening(), "liar/1");
        liars.push(liar);
    }
    let eyes = Eyes::near(&world.peers()[0])?;
    eyes.knows_all_of(60).await?;
    let lookup = eyes.scout.lookup(AskedFor::Clients);
    for n in 0..8 {
        let key = keys::key(11, Domain::Fresh, n);
        let provider = &world.peers()[n as usize * 5];
        // the honest peers near the key hold it
        let place = Key256::of(&key);
        let mut near: Vec<_> = world.peers().iter().collect();
        near.sort_by_key(|peer| Key256::of_peer(&peer.peer()).distance(&place));
        let announcement =
            Message::announce(key.clone(), keys::peer(&provider.peer(), provider.addresses(), 1));
        for holder in near.iter().filter(|holder| holder.peer() != provider.peer()).take(4) {
            let addrs = holder.addresses().to_vec();
            let known = Known { peer: holder.peer(), addrs, agent: String::new() };
            provider.request(&known, &announcement).await?;
        }
        let patience = Duration::from_secs(20);
        let (found, report) = lookup.providers(&key, 20, patience).collect().await;
        assert!(found.iter().any(|found| found.peer == provider.peer()), "{report:?}");
        assert!(report.ended != Ended::Running && report.asked.len() <= 120, "{report:?}");
    }
    let knows = eyes.knows();
    // whoever names itself or others answers, and so it is a server; the others never did
    for (n, liar) in liars.iter().enumerate() {
        assert!(n % LIES.len() >= 3 || !knows.contains(&liar.peer()), "liar {n} is in the table");
    }
    let dialled = victim.count();
    assert!(dialled <= 1, "{dialled} dials to an address that only liars speak of");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_that_only_one_other_peer_holds_is_found_in_one_hop() -> anyhow::Result<()> {
    let world = world(80).await?;
    let eyes = Eyes::near(&world.peers()[0])?;
    eyes.knows_all_of(80).await?;
    let key = keys::key(5, Domain::Fresh, 1);
    let holder = nearest(&world, &key);
    let provider = world.peers().iter().find(|peer| peer.peer() != holder.peer()).context("two")?;
    let known =
        Known { peer: holder.peer(), addrs: holder.addresses().to_vec(), agent: holder.agent().to_owned() };
    let announcement = Message::announce(key.clone(), keys::peer(&provider.peer(), provider.addresses(), 1));
    provider.request(&known, &announcement).await?;

    let lookup = eyes.scout.lookup(AskedFor::Clients);
    let (found, report) = eventually(PATIENCE, || async {
        // an announcement has no answer: it may still be on its way
        let (found, report) = lookup.providers(&key, 20, PATIENCE).collect().await;
        ensure!(!found.is_empty(), "{report:?}");
        Ok((found, report))
    })
    .await?;
    assert_eq!(found.len(), 1);
    assert_eq!((found[0].peer, found[0].from, found[0].hop), (provider.peer(), holder.peer(), 1));
    assert_eq!(found[0].addrs.parsed().collect::<Vec<_>>(), provider.addresses());
    assert_eq!((report.ended, report.found_at_hop), (Ended::Complete, Some(1)));
    assert!(report.asked.iter().all(|asked| matches!(asked.outcome, Outcome::Answered { .. })));
    assert!(report.asked.iter().any(|asked| asked.agent.starts_with("light-peer/")));

    let truth = {
        let place = Key256::of(&key);
        let mut all: Vec<PeerId> = world.peers().iter().map(|peer| peer.peer()).collect();
        all.sort_by_key(|peer| Key256::of_peer(peer).distance(&place));
        all.truncate(20);
        all
    };
    let nearest = lookup.find_node(&key, PATIENCE).await;
    assert_eq!(nearest.peers.into_iter().map(|(peer, _)| peer).collect::<Vec<_>>(), truth);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_that_is_published_through_the_scout_resolves_for_a_light_peer() -> anyhow::Result<()> {
    let world = world(30).await?;
    let eyes = Eyes::near(&world.peers()[0])?;
    eyes.knows_all_of(30).await?;
    let owner = &world.peers()[3];
    let key = hydra_tests::load::ipns::key_of(&owner.peer());
    let lifetime = Duration::from_secs(3600);
    let record = hydra_tests::load::ipns::record(owner.keypair(), "/ipfs/bafkqaaa", 3, lifetime)?;
    let lookup = eyes.scout.lookup(AskedFor::Clients);
    let stored = lookup.put_value(&key, &record, PATIENCE).await?;
    assert_eq!((stored.by.len(), stored.failed.len()), (20, 0), "{stored:?}");
    assert_eq!(world.peers()[20].resolve(&owner.peer()).await.as_deref(), Some(&record[..]));
    let value = lookup.value(&key, 100, PATIENCE).await;
    assert_eq!((value.value.as_deref(), value.invalid), (Some(&record[..]), 0));
    assert_eq!(value.holders, 20);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_that_many_peers_are_said_to_be_at_is_dialled_once() -> anyhow::Result<()> {
    let victim = Victim::new("127.0.77.1")?;
    let world = world(20).await?;
    let liar = &world.peers()[0];
    for _ in 0..300 {
        liar.introduce(PeerId::random(), vec![victim.at.clone()], "");
    }
    let eyes = Eyes::near(liar)?;
    eyes.knows_all_of(20).await?;
    let lookup = eyes.scout.lookup(AskedFor::Clients);
    for n in 0..10 {
        lookup.find_node(&keys::key(6, Domain::Missing, n), Duration::from_secs(5)).await;
    }
    let quiet = || async {
        let crawl = eyes.scout.report().crawl;
        ensure!(crawl.waiting + crawl.visiting == 0, "{crawl:?}");
        Ok(())
    };
    eventually(PATIENCE, quiet).await?;
    assert_eq!(victim.count(), 1, "dials to an address that only a liar speaks of");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn where_a_tenth_goes_each_minute_the_table_holds_hardly_anybody_long_gone() -> anyhow::Result<()> {
    if !long() {
        return Ok(());
    }
    const PEERS: usize = 240;
    let mut world = world(PEERS).await?;
    let eyes = Eyes::near(&world.peers()[PEERS - 1])?;
    eyes.knows_all_of(PEERS).await?;
    let mut gone: Vec<(PeerId, Instant)> = Vec::new();
    let (mut stale, mut held, mut missing) = (0, 0, 0);
    for round in 0..80 {
        let now = Instant::now();
        gone.extend(world.churn(PEERS / 60).await?.into_iter().map(|peer| (peer, now)));
        tokio::time::sleep(Duration::from_secs(10) - now.elapsed().min(Duration::from_secs(9))).await;
        // half of the time is for the scout to see how fast they go
        if round >= 40 && round % 4 == 0 {
            let knows = eyes.knows();
            let long_gone = |(peer, at): &&(PeerId, Instant)| {
                at.elapsed() > Duration::from_secs(180) && knows.contains(peer)
            };
            stale += gone.iter().filter(long_gone).count();
            held += knows.len();
            missing += world.peers().iter().filter(|peer| !knows.contains(&peer.peer())).count();
        }
    }
    let crawl = eyes.scout.report().crawl;
    assert!(stale * 100 <= held, "{stale} of {held} are gone for more than 3 minutes: {crawl:?}");
    assert!(missing * 10 <= held, "{missing} that live are missing beside {held}: {crawl:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn peers_that_go_leave_the_table_and_peers_that_come_enter_it() -> anyhow::Result<()> {
    if !long() {
        // it takes some minutes: tests/run --long
        return Ok(());
    }
    let mut world = world(120).await?;
    let eyes = Eyes::near(&world.peers()[0])?;
    eyes.knows_all_of(120).await?;
    let gone: HashSet<PeerId> = world.lose(40).into_iter().collect();
    let began = Instant::now();
    eventually(Duration::from_secs(10 * 60), || async {
        let left = eyes.knows().intersection(&gone).count();
        ensure!(left == 0, "{left} that are gone are still known: {:?}", eyes.scout.report().crawl);
        Ok(())
    })
    .await?;
    // those that live are all still there
    eyes.knows_all_of(80).await.with_context(|| format!("after {:?}", began.elapsed()))?;
    Ok(())
}

/// Runs `hydra-load network`, which makes a network namespace of its own; `None` without root.
async fn measured(arguments: &[&str]) -> anyhow::Result<Option<Figures>> {
    if !rustix::process::geteuid().is_root() {
        binaries::skip("network namespaces need root");
        return Ok(None);
    }
    let program = binaries::hydra_load().map_err(|missing| anyhow::anyhow!(missing.0))?;
    let mut command = tokio::process::Command::new(program);
    command.arg("network").args(arguments).stdin(std::process::Stdio::null()).kill_on_drop(true);
    let output = command.output().await?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{}: {said}", output.status);
    Ok(Some(serde_json::from_slice(&output.stdout).with_context(|| said.into_owned())?))
}

/// What holds in a network of any size that stands still.
fn knows_its_network(figures: &Figures) -> anyhow::Result<()> {
    let peers = figures.peers as f64;
    ensure!(figures.found_ratio >= 0.99, "found: {figures:?}");
    let count = figures.size_by_crawl.context("a size by crawl")?;
    ensure!((count - peers).abs() <= 0.1 * peers, "by crawl: {figures:?}");
    let truth = (figures.coverage - figures.coverage_true).abs();
    // two points, and three standard errors of the count of keys
    ensure!(truth <= 0.02 + 0.015, "coverage: {figures:?}");
    ensure!(figures.lookups_one_hop * 100 >= figures.lookups * 95, "lookups: {figures:?}");
    let listed = figures.coverage_with_presence.context("presence")?;
    ensure!(listed > 0.0 && listed <= figures.coverage + 1e-9, "presence: {figures:?}");
    let hops = figures.lookup_hops.zip(figures.client_hops).zip(figures.client_hops_with_head);
    let ((ours, client), with_head) = hops.context("hops")?;
    ensure!(ours < with_head && with_head <= client, "hops: {figures:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hydra_knows_a_network_of_public_looking_peers_also_after_a_partition() -> anyhow::Result<()> {
    let small = "--peers 150 --lookups 20 --samples 6 --calm 0 --partition 15 --presence 10 --churn 0.6 --minutes 0.5";
    let arguments: Vec<&str> = small.split(' ').collect();
    let Some(figures) = measured(&arguments).await? else { return Ok(()) };
    knows_its_network(&figures)?;
    assert_eq!(figures.group_heads, 5);
    let partition = figures.partition.context("a partition")?;
    assert!(partition.lookups > 0 && partition.lookup_seconds_longest < 25.0, "{partition:?}");
    assert_eq!(partition.cut, 80);
    let churn = figures.churn.context("churn")?;
    assert!(churn.gone >= 40 && churn.long_gone_ratio < 0.01, "{churn:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
#[allow(clippy::print_stderr)] // the figures are for whoever runs it
async fn a_hydra_knows_a_thousand_peers_of_which_a_tenth_goes_each_minute() -> anyhow::Result<()> {
    if !long() {
        return Ok(());
    }
    let arguments: Vec<&str> = "--peers 1000 --partition 600 --minutes 15".split(' ').collect();
    let Some(figures) = measured(&arguments).await? else { return Ok(()) };
    eprintln!("{figures:#?}");
    knows_its_network(&figures)?;
    let distance = figures.size_by_distance.context("a size by distance")?;
    assert!((750.0..=1250.0).contains(&distance), "{distance}");
    let partition = figures.partition.context("a partition")?;
    assert!(partition.left_ratio > 0.9 && partition.missing_ratio < 0.02, "{partition:?}");
    assert!(partition.lookup_seconds_longest < 25.0, "{partition:?}");
    let churn = figures.churn.context("churn")?;
    assert!(churn.long_gone_ratio_mean <= 0.01, "{churn:?}");
    Ok(())
}
