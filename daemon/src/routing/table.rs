//! The one routing table of all heads: live DHT servers, and our own heads.
//!
//! A peer enters only after the scout dialled it, identified it and was answered; it
//! leaves when it stops answering. Readers take the current [`Snapshot`] and never wait.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use arc_swap::ArcSwap;
use libp2p::PeerId;
use parking_lot::Mutex;
use tokio::sync::watch;

use crate::routing::groups::Group;
use crate::routing::snapshot::{Entry, Snapshot};
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

/// Answers missed in a row before a peer leaves.
pub const MAX_FAILURES: u32 = 3;

/// The table.
#[derive(Debug)]
pub struct Table {
    snapshot: ArcSwap<Snapshot>,
    members: Mutex<Members>,
    others: watch::Sender<usize>,
}

#[derive(Debug, Default)]
struct Members {
    peers: HashMap<PeerId, Member>,
    by_ip: HashMap<IpAddr, usize>,
    by_group: HashMap<Group, usize>,
}

/// A peer of the table.
#[derive(Debug, Clone)]
pub struct Member {
    pub entry: Arc<Entry>,
    pub agent: Arc<str>,
    /// Last answer, or last message over any head's connection.
    pub seen: Instant,
    /// Wall clock of the same.
    pub seen_at: SystemTime,
    /// Last answer to a question of ours.
    pub checked: Instant,
    pub failures: u32,
}

impl Default for Table {
    fn default() -> Self {
        Self { snapshot: ArcSwap::default(), members: Mutex::default(), others: watch::channel(0).0 }
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
        members.remove(&peer);
        let member = Member::new(Entry::new(peer, addrs, true), "".into(), SystemTime::now());
        let entry = Arc::clone(&member.entry);
        members.insert(member);
        self.publish(self.snapshot.load().with(entry));
    }

    /// A server that answered us, or one from the saved table.
    ///
    /// # Errors
    /// The reason for leaving it out.
    pub fn put(
        &self,
        peer: PeerId,
        addrs: AddrList,
        agent: Arc<str>,
        seen_at: SystemTime,
    ) -> Result<(), Reason> {
        let mut members = self.members.lock();
        if let Some(known) = members.peers.get_mut(&peer) {
            if known.entry.own {
                return Ok(());
            }
            known.answered(seen_at);
            if known.entry.addrs == addrs {
                known.agent = agent;
                return Ok(());
            }
            members.remove(&peer);
        }
        let entry = Entry::new(peer, addrs, false);
        if let Err(reason) = members.admits(&entry) {
            // it may have been in with other addresses
            self.publish(self.snapshot.load().without(&entry.key));
            return Err(reason);
        }
        let member = Member::new(entry, agent, seen_at);
        self.publish(self.snapshot.load().with(Arc::clone(&member.entry)));
        members.insert(member);
        Ok(())
    }

    /// The peer sent something over a connection to any head.
    pub fn renew(&self, peer: &PeerId) {
        if let Some(member) = self.members.lock().peers.get_mut(peer) {
            member.seen = Instant::now();
            member.seen_at = SystemTime::now();
        }
    }

    /// The peer did not answer; it leaves after [`MAX_FAILURES`] in a row. Says whether it left.
    pub fn failed(&self, peer: &PeerId) -> bool {
        let mut members = self.members.lock();
        let Some(member) = members.peers.get_mut(peer) else { return false };
        member.failures += 1;
        member.checked = Instant::now();
        let leaves = member.failures >= MAX_FAILURES && !member.entry.own;
        if leaves {
            let key = member.entry.key;
            members.remove(peer);
            self.publish(self.snapshot.load().without(&key));
        }
        leaves
    }

    /// Takes a peer out at once: it no longer serves, or a head of ours withdraws.
    pub fn remove(&self, peer: &PeerId) {
        let mut members = self.members.lock();
        if members.remove(peer) {
            self.publish(self.snapshot.load().without(&Key256::of_peer(peer)));
        }
    }

    #[must_use]
    pub fn get(&self, peer: &PeerId) -> Option<Member> {
        self.members.lock().peers.get(peer).cloned()
    }

    /// Peers, own heads left out.
    #[must_use]
    pub fn others(&self) -> usize {
        self.snapshot.load().others()
    }

    /// Peers not asked for `age`, the longest unasked first, at most `n`.
    #[must_use]
    pub fn due(&self, age: Duration, n: usize) -> Vec<Arc<Entry>> {
        let members = self.members.lock();
        let mut due: Vec<_> =
            members.peers.values().filter(|m| !m.entry.own && m.checked.elapsed() >= age).collect();
        due.sort_by_key(|member| member.checked);
        due.into_iter().take(n).map(|member| Arc::clone(&member.entry)).collect()
    }

    /// All members but our heads, for lists and for saving.
    #[must_use]
    pub fn members(&self) -> Vec<Member> {
        self.members.lock().peers.values().filter(|m| !m.entry.own).cloned().collect()
    }

    /// Called with the members locked, so that snapshots follow each other.
    fn publish(&self, snapshot: Snapshot) {
        let others = snapshot.others();
        self.snapshot.store(Arc::new(snapshot));
        self.others.send_if_modified(|known| std::mem::replace(known, others) != others);
    }
}

impl Member {
    fn new(entry: Entry, agent: Arc<str>, seen_at: SystemTime) -> Self {
        let now = Instant::now();
        Self { entry: Arc::new(entry), agent, seen: now, seen_at, checked: now, failures: 0 }
    }

    fn answered(&mut self, seen_at: SystemTime) {
        self.seen = Instant::now();
        self.checked = self.seen;
        self.seen_at = seen_at;
        self.failures = 0;
    }
}

impl Members {
    fn admits(&self, entry: &Entry) -> Result<(), Reason> {
        if self.peers.len() >= MAX_PEERS {
            return Err(Reason::TableFull);
        }
        let crowded = |ip: IpAddr| self.by_ip.get(&ip).is_some_and(|n| *n >= MAX_PER_IP);
        if public_ips(&entry.addrs).any(crowded) {
            return Err(Reason::TablePerIp);
        }
        let share = (self.peers.len() as f64 * MAX_GROUP_SHARE) as usize;
        let heavy = |group: Group| self.by_group.get(&group).is_some_and(|n| *n >= share);
        if self.peers.len() >= SHARE_FROM && entry.groups.iter().any(heavy) {
            return Err(Reason::TableGroup);
        }
        Ok(())
    }

    fn insert(&mut self, member: Member) {
        for ip in public_ips(&member.entry.addrs) {
            *self.by_ip.entry(ip).or_default() += 1;
        }
        for group in member.entry.groups.iter() {
            *self.by_group.entry(group).or_default() += 1;
        }
        self.peers.insert(member.entry.peer, member);
    }

    fn remove(&mut self, peer: &PeerId) -> bool {
        let Some(member) = self.peers.remove(peer) else { return false };
        for ip in public_ips(&member.entry.addrs) {
            less(&mut self.by_ip, ip);
        }
        for group in member.entry.groups.iter() {
            less(&mut self.by_group, group);
        }
        true
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
        table.put(PeerId::random(), addrs(addr), "kubo".into(), SystemTime::now())
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
        let again = || table.put(peer, addrs("/ip4/8.8.8.8/tcp/1"), "kubo".into(), SystemTime::now());
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
}
