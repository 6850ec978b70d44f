//! The one routing table of all heads: live DHT servers, and our own heads.
//!
//! A peer enters only after the scout dialled it, identified it and was answered; it
//! leaves when it stops answering. Where a host or an IP group has no room left, those that
//! were heard of of late come first. Readers take the current [`Snapshot`] and never wait.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use arc_swap::ArcSwap;
use libp2p::PeerId;
use parking_lot::Mutex;
use tokio::sync::watch;

use crate::routing::churn::{Churn, Flow};
use crate::routing::coverage::Zone;
use crate::routing::groups::Group;
use crate::routing::snapshot::{Entry, Snapshot};
use crate::state::PeerRow;
use crate::telemetry::Drop as Reason;
use crate::wire::class::{Class, Host, class};
use crate::wire::{AddrList, Key256};

/// Peers in all.
pub const MAX_PEERS: usize = 100_000;

/// Peers of one public IPv4 address or IPv6 /64.
pub const MAX_PER_IP: usize = 8;

/// Share of one IP group, once the table is large enough for a share to mean something.
pub const MAX_GROUP_SHARE: f64 = 0.05;

/// Below this many peers there is no share of a group.
const SHARE_FROM: usize = 400;

/// Members copied before others have a turn.
const AT_A_TIME: usize = 256;

/// Answers missed in a row before a peer leaves.
pub const MAX_FAILURES: u32 = 3;

/// The table.
#[derive(Debug)]
pub struct Table {
    snapshot: ArcSwap<Snapshot>,
    members: Mutex<Members>,
    others: watch::Sender<usize>,
    churn: Mutex<Churn>,
}

#[derive(Debug, Default)]
struct Members {
    /// By place: half as long as an id.
    peers: HashMap<Key256, Member>,
    by_ip: HashMap<IpAddr, usize>,
    by_group: HashMap<Group, usize>,
}

/// A peer of the table.
#[derive(Debug, Clone)]
pub struct Member {
    pub entry: Arc<Entry>,
    pub agent: Arc<str>,
    /// As identify gave them, one a line; empty when it did not.
    pub protocols: Arc<str>,
    /// Milliseconds; the largest number: not known.
    latency_ms: u32,
    /// Seconds since 1970; 0: never.
    walked_at: u32,
    /// Named by peers of the one half of the network, and of the other.
    named: [bool; 2],
    /// Last answer, or last message over any head's connection.
    pub seen: Instant,
    /// Wall clock of the same.
    pub seen_at: SystemTime,
    /// When it was last settled whether it answers: by an answer, a missed one, or as above.
    pub checked: Instant,
    pub failures: u32,
}

/// A server that answered.
#[derive(Debug, Clone)]
pub struct Found {
    /// Allowed by the policy; where it was reached first.
    pub addrs: AddrList,
    /// Empty: not known, and what was known before stays. The same with `protocols`.
    pub agent: Arc<str>,
    pub protocols: Arc<str>,
    pub seen_at: SystemTime,
    pub latency: Option<Duration>,
    pub walked: Option<SystemTime>,
}

impl Found {
    /// A server of which nothing is known but where it is.
    #[must_use]
    pub fn at(addrs: AddrList) -> Self {
        let (agent, protocols) = ("".into(), "".into());
        Self { addrs, agent, protocols, seen_at: SystemTime::now(), latency: None, walked: None }
    }
}

/// Where the crawl stands.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Round {
    pub seen: Seen,
    /// Servers that were never asked for all they know.
    pub unwalked: usize,
}

/// Servers that answer, and how many of them others named.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Seen {
    /// Servers that answered.
    pub live: usize,
    /// Of these: named by peers of the one half of the network, of the other, of both.
    pub first: usize,
    pub second: usize,
    pub both: usize,
}

impl Default for Table {
    fn default() -> Self {
        Self {
            snapshot: ArcSwap::default(),
            members: Mutex::default(),
            others: watch::channel(0).0,
            churn: Mutex::new(Churn::new(Instant::now())),
        }
    }
}

impl Table {
    /// The table of this moment.
    #[must_use]
    pub fn snapshot(&self) -> arc_swap::Guard<Arc<Snapshot>> {
        self.snapshot.load()
    }

    /// Wakes when the number of peers, own heads left out, changes.
    #[must_use]
    pub fn watch(&self) -> watch::Receiver<usize> {
        self.others.subscribe()
    }

    /// A head of ours that serves, with what it announces; or one that has new addresses.
    pub fn put_own(&self, peer: PeerId, addrs: AddrList) {
        let mut members = self.members.lock();
        members.remove(&Key256::of_peer(&peer));
        let member = Member::new(Entry::new(peer, addrs, true), "".into(), SystemTime::now());
        let entry = Arc::clone(&member.entry);
        members.insert(member);
        self.publish(Arc::new(self.snapshot.load().with(entry)));
    }

    /// A server that answered us.
    ///
    /// # Errors
    /// The reason for leaving it out.
    pub fn put(&self, peer: PeerId, found: Found) -> Result<(), Reason> {
        let entry = Entry::new(peer, found.addrs.clone(), false);
        let mut members = self.members.lock();
        let mut snapshot = Arc::clone(&self.snapshot.load());
        let (mut found, mut named, mut moved) = (found, [false; 2], false);
        if let Some(known) = members.peers.get_mut(&entry.key) {
            if known.entry.own {
                return Ok(());
            }
            known.answered(&found);
            if known.entry.addrs == found.addrs {
                return Ok(());
            }
            // it moved: it needs a place anew
            (named, found.walked) = (known.named, known.walked());
            (found.agent, found.protocols) = (Arc::clone(&known.agent), Arc::clone(&known.protocols));
            snapshot = Arc::new(snapshot.without(&entry.key));
            members.remove(&entry.key);
            moved = true;
        }
        while let Err(refused) = members.admits(&entry) {
            let Some(rival) = members.gives_way(&refused) else {
                if moved {
                    self.changed(&entry.key, false);
                }
                self.publish(snapshot);
                return Err(refused.reason());
            };
            self.changed(&rival, false);
            members.remove(&rival);
            snapshot = Arc::new(snapshot.without(&rival));
        }
        let mut member = Member::new(entry, Arc::clone(&found.agent), found.seen_at);
        member.answered(&found);
        member.named = named;
        if !moved {
            self.changed(&member.entry.key, true);
        }
        self.publish(Arc::new(snapshot.with(Arc::clone(&member.entry))));
        members.insert(member);
        Ok(())
    }

    /// A peer of the one half of the network, or of the other, named these.
    pub fn named<'a>(&self, peers: impl Iterator<Item = &'a PeerId>, half: bool) {
        let places: Vec<Key256> = peers.map(Key256::of_peer).collect();
        let mut members = self.members.lock();
        for place in &places {
            if let Some(member) = members.peers.get_mut(place) {
                member.named[usize::from(half)] = true;
            }
        }
    }

    /// How far the crawl is, and what it saw.
    #[must_use]
    pub fn round(&self) -> Round {
        let members = self.members.lock();
        let mut round = Round::default();
        for member in members.peers.values().filter(|member| !member.entry.own) {
            round.unwalked += usize::from(member.walked_at == 0);
            if member.failures > 0 {
                continue;
            }
            let [first, second] = member.named;
            round.seen.live += 1;
            round.seen.first += usize::from(first);
            round.seen.second += usize::from(second);
            round.seen.both += usize::from(first && second);
        }
        round
    }

    /// The peer sent something over a connection to any head.
    pub fn renew(&self, peer: &PeerId) {
        if let Some(member) = self.members.lock().peers.get_mut(&Key256::of_peer(peer)) {
            member.seen = Instant::now();
            member.checked = member.seen;
            member.seen_at = SystemTime::now();
        }
    }

    /// The peer could not be asked for reasons of ours: it is asked when it is due again. Says
    /// whether it is in the table.
    pub fn put_off(&self, peer: &PeerId) -> bool {
        let mut members = self.members.lock();
        let member = members.peers.get_mut(&Key256::of_peer(peer));
        member.map(|member| member.checked = Instant::now()).is_some()
    }

    /// The peer did not answer; it leaves after [`MAX_FAILURES`] in a row. Says whether it left.
    pub fn failed(&self, peer: &PeerId) -> bool {
        let mut members = self.members.lock();
        let place = Key256::of_peer(peer);
        let Some(member) = members.peers.get_mut(&place) else { return false };
        member.failures += 1;
        member.checked = Instant::now();
        let leaves = member.failures >= MAX_FAILURES && !member.entry.own;
        if leaves {
            self.changed(&place, false);
            members.remove(&place);
            self.publish(Arc::new(self.snapshot.load().without(&place)));
        }
        leaves
    }

    /// Takes a peer out at once: it no longer serves, or a head of ours withdraws.
    pub fn remove(&self, peer: &PeerId) {
        let mut members = self.members.lock();
        let place = Key256::of_peer(peer);
        let own = members.peers.get(&place).is_some_and(|member| member.entry.own);
        if members.remove(&place) {
            if !own {
                self.changed(&place, false);
            }
            self.publish(Arc::new(self.snapshot.load().without(&place)));
        }
    }

    #[must_use]
    pub fn get(&self, peer: &PeerId) -> Option<Member> {
        self.members.lock().peers.get(&Key256::of_peer(peer)).cloned()
    }

    /// Peers, own heads left out.
    #[must_use]
    pub fn others(&self) -> usize {
        self.snapshot.load().others()
    }

    /// Peers not asked for `age`, or for `again` when they missed the last answer: those that
    /// missed one first, then the longest unasked; at most `n`.
    #[must_use]
    pub fn due(&self, age: Duration, again: Duration, n: usize) -> Vec<Member> {
        let members = self.members.lock();
        let is_due = |member: &&Member| {
            let patience = if member.failures == 0 { age } else { again };
            !member.entry.own && member.checked.elapsed() >= patience
        };
        let mut due: Vec<&Member> = members.peers.values().filter(is_due).collect();
        let order = |member: &&Member| (member.failures == 0, member.checked);
        if due.len() > n {
            due.select_nth_unstable_by_key(n, order);
            due.truncate(n);
        }
        due.sort_unstable_by_key(order);
        due.into_iter().cloned().collect()
    }

    /// All members but our heads, by ascending key, for lists and for saving. Others may use
    /// the table meanwhile: who joins or leaves just then may be missing.
    #[must_use]
    pub fn members(&self) -> Vec<Member> {
        let places: Vec<Key256> =
            self.snapshot.load().iter().filter(|entry| !entry.own).map(|entry| entry.key).collect();
        let mut found = Vec::with_capacity(places.len());
        for some in places.chunks(AT_A_TIME) {
            let members = self.members.lock();
            found.extend(some.iter().filter_map(|place| members.peers.get(place)).cloned());
        }
        found
    }

    /// Peers that joined and left in the last `window` (at most an hour) within a zone, in so
    /// many equal parts of it by ascending key.
    #[must_use]
    pub fn flows(&self, zone: &Zone, parts: usize, window: Duration) -> Vec<Flow> {
        self.churn.lock().within(zone, parts, window, Instant::now())
    }

    /// For how long back [`Self::flows`] knows every change; at most an hour.
    #[must_use]
    pub fn flows_reach(&self) -> Duration {
        self.churn.lock().reach(Instant::now())
    }

    /// Peers that joined and left since the table was made.
    #[must_use]
    pub fn flow_total(&self) -> Flow {
        self.churn.lock().total()
    }

    /// A peer that is not ours joined, or left.
    fn changed(&self, place: &Key256, joined: bool) {
        self.churn.lock().note(place, joined, Instant::now());
    }

    /// Called with the members locked, so that snapshots follow each other.
    fn publish(&self, snapshot: Arc<Snapshot>) {
        let others = snapshot.others();
        self.snapshot.store(snapshot);
        self.others.send_if_modified(|known| std::mem::replace(known, others) != others);
    }
}

impl Member {
    fn new(entry: Entry, agent: Arc<str>, seen_at: SystemTime) -> Self {
        let now = Instant::now();
        Self {
            entry: Arc::new(entry),
            agent,
            protocols: "".into(),
            latency_ms: u32::MAX,
            walked_at: 0,
            named: [false; 2],
            seen: now,
            seen_at,
            checked: now,
            failures: 0,
        }
    }

    fn answered(&mut self, found: &Found) {
        self.seen = Instant::now();
        self.checked = self.seen;
        self.seen_at = found.seen_at;
        self.failures = 0;
        if let Some(latency) = found.latency {
            self.latency_ms = u32::try_from(latency.as_millis()).unwrap_or(u32::MAX);
        }
        let walked = found.walked.and_then(|at| at.duration_since(UNIX_EPOCH).ok());
        let walked = walked.map_or(0, |at| u32::try_from(at.as_secs()).unwrap_or(u32::MAX));
        // not the later of the two: the clock may have been set back since
        if walked > 0 {
            self.walked_at = walked;
        }
        if !found.agent.is_empty() {
            self.agent = Arc::clone(&found.agent);
            self.protocols = Arc::clone(&found.protocols);
        }
    }

    /// The quickest answer of the last visit, in whole milliseconds.
    #[must_use]
    pub fn latency(&self) -> Option<Duration> {
        (self.latency_ms != u32::MAX).then(|| Duration::from_millis(self.latency_ms.into()))
    }

    /// When it was last asked for all that it knows, in whole seconds.
    #[must_use]
    pub fn walked(&self) -> Option<SystemTime> {
        (self.walked_at > 0).then(|| UNIX_EPOCH + Duration::from_secs(self.walked_at.into()))
    }

    /// As it is kept over a restart.
    #[must_use]
    pub fn row(&self) -> PeerRow {
        PeerRow {
            peer_id: self.entry.peer,
            addrs: self.entry.addrs.clone(),
            agent: self.agent.to_string(),
            protocols: self.protocols.to_string(),
            last_seen: self.seen_at,
            latency: self.latency(),
            walked: self.walked(),
        }
    }
}

impl Members {
    fn admits(&self, entry: &Entry) -> Result<(), Refused> {
        if self.peers.len() >= MAX_PEERS {
            return Err(Refused::Full);
        }
        let crowded = |ip: &IpAddr| self.by_ip.get(ip).is_some_and(|n| *n >= MAX_PER_IP);
        if let Some(ip) = public_ips(&entry.addrs).find(crowded) {
            return Err(Refused::Host(ip));
        }
        let share = (self.peers.len() as f64 * MAX_GROUP_SHARE) as usize;
        let heavy = |group: &Group| self.by_group.get(group).is_some_and(|n| *n >= share);
        let group = entry.groups.iter().find(heavy).filter(|_| self.peers.len() >= SHARE_FROM);
        group.map_or(Ok(()), |group| Err(Refused::Group(group)))
    }

    /// A peer that missed its last answer, among those whose place a newcomer could take.
    fn gives_way(&self, refused: &Refused) -> Option<Key256> {
        let rivals = self.peers.values().filter(|member| {
            member.failures > 0
                && !member.entry.own
                && match refused {
                    Refused::Full => true,
                    Refused::Host(ip) => public_ips(&member.entry.addrs).any(|other| other == *ip),
                    Refused::Group(group) => member.entry.groups.contains(*group),
                }
        });
        rivals.min_by_key(|member| member.seen).map(|member| member.entry.key)
    }

    fn insert(&mut self, member: Member) {
        for ip in public_ips(&member.entry.addrs) {
            *self.by_ip.entry(ip).or_default() += 1;
        }
        for group in member.entry.groups.iter() {
            *self.by_group.entry(group).or_default() += 1;
        }
        self.peers.insert(member.entry.key, member);
    }

    fn remove(&mut self, place: &Key256) -> bool {
        let Some(member) = self.peers.remove(place) else { return false };
        for ip in public_ips(&member.entry.addrs) {
            less(&mut self.by_ip, ip);
        }
        for group in member.entry.groups.iter() {
            less(&mut self.by_group, group);
        }
        true
    }
}

/// Where there is no room for a peer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Refused {
    Full,
    Host(IpAddr),
    Group(Group),
}

impl Refused {
    fn reason(self) -> Reason {
        match self {
            Self::Full => Reason::TableFull,
            Self::Host(_) => Reason::TablePerIp,
            Self::Group(_) => Reason::TableGroup,
        }
    }
}

fn less<K: std::hash::Hash + Eq>(counts: &mut HashMap<K, usize>, key: K) {
    if let Some(n) = counts.get_mut(&key) {
        *n -= 1;
        if *n == 0 {
            counts.remove(&key);
        }
    }
}

/// The distinct public IPs of a peer; an IPv6 address stands for its /64.
fn public_ips(addrs: &AddrList) -> impl Iterator<Item = IpAddr> {
    let mut ips: Vec<IpAddr> = addrs
        .iter()
        .filter_map(class)
        .filter(Class::is_public)
        .filter_map(|class| match class.host {
            Host::Ip(IpAddr::V6(v6)) => Some(IpAddr::V6((u128::from(v6) & (!0 << 64)).into())),
            Host::Ip(ip) => Some(ip),
            _ => None,
        })
        .collect();
    ips.sort_unstable();
    ips.dedup();
    ips.into_iter()
}

#[cfg(test)]
mod tests {
    use libp2p::Multiaddr;

    use super::*;

    fn addrs(text: &str) -> AddrList {
        let addr: Multiaddr = text.parse().expect("an address");
        [&addr].into_iter().collect()
    }

    fn put(table: &Table, addr: &str) -> Result<(), Reason> {
        table.put(PeerId::random(), Found::at(addrs(addr)))
    }

    #[test]
    fn a_public_address_has_room_for_eight_peers_and_a_private_one_for_all() {
        let table = Table::default();
        for _ in 0..8 {
            assert_eq!(put(&table, "/ip4/8.8.8.8/tcp/1"), Ok(()));
        }
        assert_eq!(put(&table, "/ip4/8.8.8.8/tcp/2"), Err(Reason::TablePerIp));
        for _ in 0..50 {
            assert_eq!(put(&table, "/ip4/127.0.0.1/tcp/1"), Ok(()));
        }
        assert_eq!(table.others(), 58);
    }

    #[test]
    fn a_group_has_its_share_of_a_large_table() {
        let table = Table::default();
        for i in 0..400u32 {
            let addr = format!("/ip4/{}.{}.1.1/tcp/1", 100 + i / 250, i % 250 + 1);
            // some of these prefixes are not public, and those have no group
            assert_eq!(put(&table, &addr), Ok(()));
        }
        let taken = (0..100).filter(|i| put(&table, &format!("/ip4/8.8.{i}.1/tcp/1")).is_ok()).count();
        assert!((20..=21).contains(&taken), "{taken}");
    }

    #[test]
    fn a_peer_leaves_after_three_misses_and_an_answer_starts_anew() {
        let table = Table::default();
        let peer = PeerId::random();
        let again = || table.put(peer, Found::at(addrs("/ip4/8.8.8.8/tcp/1")));
        assert_eq!(again(), Ok(()));
        assert!(!table.failed(&peer) && !table.failed(&peer));
        assert_eq!(again(), Ok(()));
        assert!(!table.failed(&peer) && !table.failed(&peer) && table.failed(&peer));
        assert_eq!(table.others(), 0);
        let members = table.members.lock();
        assert!(members.by_ip.is_empty() && members.by_group.is_empty());
    }

    #[test]
    fn our_heads_are_in_it_but_not_counted_and_do_not_leave_by_misses() {
        let table = Table::default();
        let head = PeerId::random();
        table.put_own(head, addrs("/ip4/8.8.8.8/tcp/1"));
        assert_eq!((table.snapshot().len(), table.others()), (1, 0));
        assert!((0..5).all(|_| !table.failed(&head)));
        table.remove(&head);
        assert!(table.snapshot().is_empty());
    }

    #[test]
    fn where_there_is_no_room_a_peer_that_missed_its_answer_gives_way() {
        let table = Table::default();
        let silent = PeerId::random();
        assert_eq!(table.put(silent, Found::at(addrs("/ip4/8.8.8.8/tcp/1"))), Ok(()));
        for _ in 0..7 {
            assert_eq!(put(&table, "/ip4/8.8.8.8/tcp/1"), Ok(()));
        }
        assert_eq!(put(&table, "/ip4/8.8.8.8/tcp/1"), Err(Reason::TablePerIp));
        table.failed(&silent);
        assert_eq!(put(&table, "/ip4/8.8.8.8/tcp/1"), Ok(()));
        assert!(table.get(&silent).is_none());
        assert_eq!((table.others(), table.snapshot().len()), (8, 8));
    }

    #[test]
    fn what_identify_told_once_stays_known_and_the_crawl_counts_who_was_named() {
        let table = Table::default();
        let peer = PeerId::random();
        let told = Found {
            agent: "kubo".into(),
            walked: Some(SystemTime::now()),
            ..Found::at(addrs("/ip4/8.8.8.8/tcp/1"))
        };
        assert_eq!(table.put(peer, told), Ok(()));
        table.named([peer, PeerId::random()].iter(), true);
        assert_eq!(table.put(peer, Found::at(addrs("/ip4/8.8.8.8/tcp/2"))), Ok(()));
        let member = table.get(&peer).expect("a member");
        assert_eq!((&*member.agent, member.walked().is_some()), ("kubo", true));
        assert_eq!(put(&table, "/ip4/9.9.9.9/tcp/1"), Ok(()));
        let seen = Seen { live: 2, first: 0, second: 1, both: 0 };
        assert_eq!(table.round(), Round { seen, unwalked: 1 });
    }

    #[test]
    fn joins_and_leaves_are_counted_and_a_move_is_neither() {
        let table = Table::default();
        let (peer, head) = (PeerId::random(), PeerId::random());
        table.put_own(head, addrs("/ip4/8.8.4.4/tcp/1"));
        assert_eq!(table.put(peer, Found::at(addrs("/ip4/8.8.8.8/tcp/1"))), Ok(()));
        assert_eq!(table.put(peer, Found::at(addrs("/ip4/8.8.8.9/tcp/1"))), Ok(()));
        assert_eq!(table.put(peer, Found::at(addrs("/ip4/8.8.8.9/tcp/1"))), Ok(()));
        assert_eq!(table.flow_total(), Flow { joined: 1, left: 0 });
        let gone = PeerId::random();
        assert_eq!(table.put(gone, Found::at(addrs("/ip4/8.8.8.8/tcp/1"))), Ok(()));
        table.remove(&gone);
        table.remove(&gone);
        table.remove(&head);
        assert!((0..3).map(|_| table.failed(&peer)).eq([false, false, true]));
        assert_eq!(table.flow_total(), Flow { joined: 2, left: 2 });
        let flows = table.flows(&Zone::ALL, 16, Duration::from_secs(600));
        assert_eq!(flows.iter().map(|flow| flow.joined + flow.left).sum::<u64>(), 4);
    }

    #[test]
    fn a_peer_that_gives_way_to_another_has_left() {
        let table = Table::default();
        let silent = PeerId::random();
        assert_eq!(table.put(silent, Found::at(addrs("/ip4/8.8.8.8/tcp/1"))), Ok(()));
        table.failed(&silent);
        for _ in 0..8 {
            assert_eq!(put(&table, "/ip4/8.8.8.8/tcp/1"), Ok(()));
        }
        assert_eq!(table.flow_total(), Flow { joined: 9, left: 1 });
    }

    #[test]
    fn members_are_told_by_ascending_key_without_our_heads() {
        let table = Table::default();
        table.put_own(PeerId::random(), addrs("/ip4/8.8.4.4/tcp/1"));
        for n in 0..300 {
            assert_eq!(put(&table, &format!("/ip4/127.0.{}.{}/tcp/1", n / 200, n % 200)), Ok(()));
        }
        let members = table.members();
        assert_eq!(members.len(), 300);
        assert!(members.is_sorted_by_key(|member| member.entry.key));
    }

    #[test]
    fn those_that_missed_an_answer_are_due_before_those_long_unasked() {
        let table = Table::default();
        let peers: Vec<PeerId> = (0..5).map(|_| PeerId::random()).collect();
        for peer in &peers {
            assert_eq!(table.put(*peer, Found::at(addrs("/ip4/127.0.0.1/tcp/1"))), Ok(()));
        }
        table.failed(&peers[4]);
        let due = |age, again, n| -> Vec<PeerId> {
            table.due(age, again, n).iter().map(|member| member.entry.peer).collect()
        };
        let (never, now) = (Duration::from_secs(3600), Duration::ZERO);
        assert_eq!(due(now, now, 2), [peers[4], peers[0]]);
        assert_eq!(due(never, now, 9), [peers[4]]);
        assert!(due(never, never, 9).is_empty());
    }
}
