//! Peers that are connected now, over all heads: who, where, since when, what they said
//! of themselves.
//!
//! Written when a connection opens, identifies or closes; a request only touches the
//! counters of its own [`Contact`]. Must not open or close anything itself.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant, SystemTime};

use libp2p::swarm::ConnectionId;
use libp2p::{Multiaddr, PeerId};
use parking_lot::Mutex;

use crate::telemetry::{SeenBy, UniquePeers};
use crate::wire::{AddrList, Key256};

/// Distinct agent and protocol texts kept; past that each peer holds its own copy.
const MAX_TEXTS: usize = 4096;

/// Longest agent text kept, in bytes.
pub const MAX_AGENT: usize = 128;

/// Parts that the peers are kept in, each with a lock of its own: a copy of everything keeps
/// nobody waiting for long.
const PARTS: usize = 64;

/// Longest list of protocols kept, in bytes of text.
const MAX_PROTOCOLS: usize = 4096;

/// The identity on our side of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Side {
    /// A head, by index.
    Head(u32),
    Scout,
}

/// One connection.
#[derive(Debug)]
pub struct Contact {
    pub id: ConnectionId,
    pub peer: PeerId,
    pub key: Key256,
    pub side: Side,
    /// The peer dialled us.
    pub inbound: bool,
    pub quic: bool,
    /// Where the peer is, as the transport sees it.
    pub remote: Multiaddr,
    opened: Instant,
    /// Milliseconds from `opened` to the last message.
    used: AtomicU64,
    /// The agent cannot read replies of more than 16 KiB.
    small_replies: AtomicBool,
    /// Of the last ping, in microseconds; 0: not measured.
    rtt: AtomicU32,
    announced: PerMinute,
}

impl Contact {
    #[must_use]
    pub fn new(id: ConnectionId, peer: PeerId, side: Side, inbound: bool, remote: Multiaddr) -> Self {
        let quic = remote.iter().any(|part| matches!(part, libp2p::multiaddr::Protocol::QuicV1));
        Self {
            id,
            peer,
            key: Key256::of_peer(&peer),
            side,
            inbound,
            quic,
            remote,
            opened: Instant::now(),
            used: AtomicU64::new(0),
            small_replies: AtomicBool::new(false),
            rtt: AtomicU32::new(0),
            announced: PerMinute::default(),
        }
    }

    /// A message came or went at this moment.
    pub fn touch(&self, now: Instant) {
        self.used.store(self.age_at(now).as_millis() as u64, Relaxed);
    }

    /// An ADD_PROVIDER came.
    pub fn announced(&self) {
        self.announced.add(self.opened.elapsed());
    }

    /// ADD_PROVIDER messages in the last minute.
    #[must_use]
    pub fn announced_1m(&self) -> f64 {
        self.announced.get(self.opened.elapsed())
    }

    #[must_use]
    pub fn age(&self) -> Duration {
        self.opened.elapsed()
    }

    /// The age at a moment that is known already: a look at the clock saved.
    #[must_use]
    pub fn age_at(&self, now: Instant) -> Duration {
        now.saturating_duration_since(self.opened)
    }

    /// Time since the last message, or since the connection opened.
    #[must_use]
    pub fn unused(&self) -> Duration {
        self.opened.elapsed().saturating_sub(Duration::from_millis(self.used.load(Relaxed)))
    }

    pub fn set_rtt(&self, rtt: Duration) {
        self.rtt.store(rtt.as_micros().clamp(1, u128::from(u32::MAX)) as u32, Relaxed);
    }

    #[must_use]
    pub fn rtt(&self) -> Option<Duration> {
        match self.rtt.load(Relaxed) {
            0 => None,
            micros => Some(Duration::from_micros(micros.into())),
        }
    }

    #[must_use]
    pub fn small_replies(&self) -> bool {
        self.small_replies.load(Relaxed)
    }
}

/// A count over the last minute, from this minute's and the one before.
#[derive(Debug, Default)]
struct PerMinute {
    /// Minute (32 bits), count in it (32 bits).
    now: AtomicU64,
    before: AtomicU64,
}

impl PerMinute {
    fn add(&self, at: Duration) {
        let minute = at.as_secs() / 60;
        let now = self.now.load(Relaxed);
        if now >> 32 == minute {
            self.now.fetch_add(1, Relaxed);
        } else {
            // two tasks at a minute's turn may lose a count: this is a rate, not an account
            self.before.store(now, Relaxed);
            self.now.store(minute << 32 | 1, Relaxed);
        }
    }

    fn get(&self, at: Duration) -> f64 {
        let minute = at.as_secs() / 60;
        let of =
            |slot: u64, minute: u64| if slot >> 32 == minute { (slot & 0xffff_ffff) as f64 } else { 0.0 };
        let (now, before) = (self.now.load(Relaxed), self.before.load(Relaxed));
        let last = minute.wrapping_sub(1);
        let share_of_last = 1.0 - (at.as_secs_f64() % 60.0) / 60.0;
        of(now, minute) + (of(before, last) + of(now, last)) * share_of_last
    }
}

/// What a peer said of itself by identify.
#[derive(Debug, Clone, Default)]
pub struct Identity {
    pub agent: Arc<str>,
    /// Protocols, one a line.
    pub protocols: Arc<str>,
    /// Listen addresses that the policy allows.
    pub addrs: AddrList,
}

/// A connected peer.
#[derive(Debug, Clone, Default)]
pub struct Connected {
    pub identity: Identity,
    /// Its connections, oldest first.
    pub contacts: Vec<Arc<Contact>>,
}

impl Connected {
    fn with_heads(&self) -> bool {
        self.contacts.iter().any(|contact| contact.side != Side::Scout)
    }

    /// Wall clock of the last message.
    #[must_use]
    pub fn seen_at(&self) -> SystemTime {
        let unused = self.contacts.iter().map(|c| c.unused()).min().unwrap_or_default();
        SystemTime::now() - unused
    }
}

/// Peers by what their ids end in.
#[derive(Debug)]
struct Parts([Mutex<HashMap<PeerId, Arc<Connected>>>; PARTS]);

impl Default for Parts {
    fn default() -> Self {
        Self(std::array::from_fn(|_| Mutex::default()))
    }
}

impl Parts {
    fn of(&self, peer: &PeerId) -> &Mutex<HashMap<PeerId, Arc<Connected>>> {
        let last = peer.as_ref().digest().last().copied().unwrap_or_default();
        &self.0[usize::from(last) % PARTS]
    }
}

/// Everybody who is connected.
#[derive(Debug, Default)]
pub struct Contacts {
    peers: Parts,
    texts: Mutex<HashSet<Arc<str>>>,
    open: Open,
    /// Distinct peers of all time, not only those connected now.
    pub unique: UniquePeers,
}

/// Open connections of the heads (the scout's are not counted).
#[derive(Debug, Default)]
struct Open {
    inbound: AtomicU64,
    outbound: AtomicU64,
    quic: AtomicU64,
    quic_in: AtomicU64,
    /// Peers with at least one.
    peers: AtomicU64,
    by_head: Mutex<HashMap<u32, OpenCounts>>,
}

/// Open connections of the heads, or of one.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct OpenCounts {
    pub inbound: u64,
    pub outbound: u64,
    pub quic: u64,
    /// Of `quic`: those that came in.
    pub quic_in: u64,
}

impl Contacts {
    pub fn opened(&self, contact: Arc<Contact>) {
        self.count(&contact, 1);
        let by = if contact.side == Side::Scout { SeenBy::Crawl } else { SeenBy::Connection };
        self.unique.seen(by, &contact.key.0);
        let mut peers = self.peers.of(&contact.peer).lock();
        let connected = Arc::make_mut(peers.entry(contact.peer).or_default());
        if contact.side != Side::Scout && !connected.with_heads() {
            self.open.peers.fetch_add(1, Relaxed);
        }
        connected.contacts.push(contact);
    }

    pub fn closed(&self, contact: &Contact) {
        let mut peers = self.peers.of(&contact.peer).lock();
        let Some(connected) = peers.get_mut(&contact.peer).map(Arc::make_mut) else { return };
        let (before, with_heads) = (connected.contacts.len(), connected.with_heads());
        connected.contacts.retain(|c| c.id != contact.id);
        if connected.contacts.len() < before {
            self.count(contact, u64::MAX);
        }
        if with_heads && !connected.with_heads() {
            self.open.peers.fetch_sub(1, Relaxed);
        }
        if connected.contacts.is_empty() {
            peers.remove(&contact.peer);
        }
    }

    /// `change` is 1 or, wrapping, −1.
    fn count(&self, contact: &Contact, change: u64) {
        let Side::Head(index) = contact.side else { return };
        let direction = if contact.inbound { &self.open.inbound } else { &self.open.outbound };
        direction.fetch_add(change, Relaxed);
        let mut by_head = self.open.by_head.lock();
        let head = by_head.entry(index).or_default();
        let direction = if contact.inbound { &mut head.inbound } else { &mut head.outbound };
        *direction = direction.wrapping_add(change);
        if contact.quic {
            self.open.quic.fetch_add(change, Relaxed);
            head.quic = head.quic.wrapping_add(change);
            if contact.inbound {
                self.open.quic_in.fetch_add(change, Relaxed);
                head.quic_in = head.quic_in.wrapping_add(change);
            }
        }
        if *head == OpenCounts::default() {
            by_head.remove(&index);
        }
    }

    /// Open connections of each head that has any, in constant time a head.
    #[must_use]
    pub fn open_by_head(&self) -> HashMap<u32, OpenCounts> {
        self.open.by_head.lock().clone()
    }

    #[must_use]
    pub fn open(&self) -> OpenCounts {
        OpenCounts {
            inbound: self.open.inbound.load(Relaxed),
            outbound: self.open.outbound.load(Relaxed),
            quic: self.open.quic.load(Relaxed),
            quic_in: self.open.quic_in.load(Relaxed),
        }
    }

    /// Keeps what identify told; strangers' texts are cut to a bound.
    pub fn identified(&self, peer: &PeerId, agent: &str, protocols: &str, addrs: AddrList) {
        let agent = self.text(agent, MAX_AGENT);
        let protocols = self.text(protocols, MAX_PROTOCOLS);
        if let Some(connected) = self.peers.of(peer).lock().get_mut(peer).map(Arc::make_mut) {
            let small = agent.starts_with("rust-libp2p");
            for contact in &connected.contacts {
                contact.small_replies.store(small, Relaxed);
            }
            connected.identity = Identity { agent, protocols, addrs };
        }
    }

    /// One copy of a text for all who say the same.
    fn text(&self, text: &str, max: usize) -> Arc<str> {
        let text = &text[..text.floor_char_boundary(max)];
        let mut texts = self.texts.lock();
        if let Some(known) = texts.get(text) {
            return Arc::clone(known);
        }
        let new: Arc<str> = text.into();
        if texts.len() == MAX_TEXTS {
            texts.retain(|text| Arc::strong_count(text) > 1);
        }
        if texts.len() < MAX_TEXTS {
            texts.insert(Arc::clone(&new));
        }
        new
    }

    /// Listen addresses of a connected peer, as it told them.
    #[must_use]
    pub fn addresses_of(&self, peer: &PeerId) -> Option<AddrList> {
        let peers = self.peers.of(peer).lock();
        peers.get(peer).map(|c| c.identity.addrs.clone()).filter(|addrs| !addrs.is_empty())
    }

    #[must_use]
    pub fn get(&self, peer: &PeerId) -> Option<Arc<Connected>> {
        self.peers.of(peer).lock().get(peer).cloned()
    }

    /// Peers connected to a head.
    #[must_use]
    pub fn connected(&self) -> usize {
        self.open.peers.load(Relaxed) as usize
    }

    /// A copy of everything, for lists. Others may use them meanwhile: a peer that comes or
    /// goes just then may be missing.
    #[must_use]
    pub fn all(&self) -> Vec<(PeerId, Arc<Connected>)> {
        let mut all = Vec::new();
        for part in &self.peers.0 {
            all.extend(part.lock().iter().map(|(peer, connected)| (*peer, Arc::clone(connected))));
        }
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn contact(id: usize, peer: PeerId, inbound: bool) -> Arc<Contact> {
        let remote = "/ip4/127.0.0.1/udp/4001/quic-v1".parse().expect("an address");
        Arc::new(Contact::new(ConnectionId::new_unchecked(id), peer, Side::Head(0), inbound, remote))
    }

    #[test]
    fn a_peer_is_there_while_it_has_a_connection() {
        let contacts = Contacts::default();
        let peer = PeerId::random();
        let (a, b) = (contact(1, peer, true), contact(2, peer, false));
        contacts.opened(Arc::clone(&a));
        contacts.opened(Arc::clone(&b));
        contacts.identified(&peer, "rust-libp2p/1", "/a\n/b", AddrList::from_raw([&b"addr"[..]]));
        assert!(a.small_replies());
        let open = OpenCounts { inbound: 1, outbound: 1, quic: 2, quic_in: 1 };
        assert_eq!((contacts.open(), contacts.open_by_head().get(&0)), (open, Some(&open)));
        assert_eq!(contacts.connected(), 1);
        assert_eq!(contacts.addresses_of(&peer).map(|a| a.len()), Some(1));
        contacts.closed(&a);
        contacts.closed(&a);
        assert_eq!(contacts.open(), OpenCounts { inbound: 0, outbound: 1, quic: 1, quic_in: 0 });
        contacts.closed(&b);
        assert_eq!((contacts.connected(), contacts.open()), (0, OpenCounts::default()));
        assert!(contacts.open_by_head().is_empty());
    }

    #[test]
    fn texts_are_shared_cut_and_bounded() {
        let contacts = Contacts::default();
        let one = contacts.text("kubo", 128);
        assert!(Arc::ptr_eq(&one, &contacts.text("kubo", 128)));
        assert_eq!(contacts.text(&"ä".repeat(100), 7).len(), 6);
        for i in 0..2 * MAX_TEXTS {
            contacts.text(&i.to_string(), 128);
        }
        assert!(contacts.texts.lock().len() <= MAX_TEXTS);
    }

    #[test]
    fn a_minute_slides() {
        let count = PerMinute::default();
        let at = Duration::from_secs;
        for second in 0..60 {
            count.add(at(second));
        }
        assert!((count.get(at(59)) - 60.0).abs() < 0.1);
        assert!((count.get(at(90)) - 30.0).abs() < 0.1);
        assert!(count.get(at(200)) < 0.1);
    }
}
