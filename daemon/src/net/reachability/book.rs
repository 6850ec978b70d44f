//! The book: at which addresses a head may be reached, what was tried, and what follows.
//!
//! Pure: it is told what was observed and answered, and says what to ask next. An address that
//! the operator announces is proven by one peer that dialled us there; one that only others see
//! us at must be named by several IP groups, and proven by two peers. An address is given up after
//! three failures in a row, by three peers when there are so many, and is asked about again.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::net::IpAddr;
use std::time::{Duration, Instant, SystemTime};

use libp2p::{Multiaddr, PeerId};

use crate::routing::groups::Group;
use crate::wire::class::{Host, Transport, class};

/// IP groups that must see us at an address before it is asked about.
const OBSERVERS: usize = 3;

/// Addresses of which it is counted who sees us there.
const MAX_OBSERVED: usize = 32;

/// Of those the ones asked about: tcp and QUIC, each of IPv4 and IPv6.
const MAX_CANDIDATES: usize = 4;

/// Peers that must prove an address that the operator did not give.
const PROOFS: usize = 2;

/// Failures in a row after which an address is not reachable.
const FAILURES: usize = 3;

/// Between two questions about an address: not proven, not reachable, proven.
const FIRST: Duration = Duration::from_secs(10);
const CLOSED: Duration = Duration::from_secs(60);
const PROVEN: Duration = Duration::from_secs(1800);

/// A peer is asked about an address again after this, when there is no other.
const REST: Duration = Duration::from_secs(300);

/// A question that gave nothing holds the next one up by this.
const NO_ANSWER: Duration = Duration::from_secs(5);

/// Peers remembered as asked.
const MAX_ASKED: usize = 256;

/// What is known of an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Nobody could say yet.
    Unknown,
    Reachable,
    /// Peers tried and did not get through.
    Unreachable,
}

/// An address that was asked about, as it is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tested {
    pub addr: Multiaddr,
    pub verdict: Verdict,
    /// The operator's, or what is listened on; otherwise what others see us at.
    pub given: bool,
    /// Failures in a row.
    pub failures: usize,
    /// The last answer.
    pub at: Option<SystemTime>,
}

/// What is known of a head's addresses.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    pub tested: Vec<Tested>,
    /// Connected peers that offer to dial back.
    pub servers: usize,
    /// Where most peers see the head, when it announces nothing and that is not proven yet.
    pub seen_at: Option<IpAddr>,
}

/// The book of one head.
#[derive(Debug, Default)]
pub struct Book {
    addresses: Vec<Address>,
    observed: HashMap<Multiaddr, HashSet<Group>>,
    /// Nothing was given: observed addresses are taken up.
    wants_observed: bool,
    servers: usize,
}

#[derive(Debug)]
struct Address {
    addr: Multiaddr,
    given: bool,
    asked: HashMap<PeerId, Instant>,
    open: bool,
    due: Option<Instant>,
    proofs: HashSet<PeerId>,
    failures: usize,
    at: Option<SystemTime>,
}

impl Book {
    /// A book about what the head announces.
    #[must_use]
    pub fn new(announce: &[Multiaddr]) -> Self {
        let addresses = announce.iter().map(|addr| Address::new(addr.clone(), true)).collect::<Vec<_>>();
        Self { wants_observed: addresses.is_empty(), addresses, ..Self::default() }
    }

    /// A peer of this IP group sees us at this address, which the policy allows.
    pub fn observed(&mut self, addr: Multiaddr, by: Group) {
        if !self.wants_observed {
            return;
        }
        if self.observed.len() >= MAX_OBSERVED && !self.observed.contains_key(&addr) {
            let rarest = self.observed.iter().min_by_key(|(_, by)| by.len()).map(|(addr, _)| addr.clone());
            // of strangers' inventions the rarest goes, and one that several see stays
            rarest.map(|rarest| self.observed.remove(&rarest));
        }
        let by_whom = self.observed.entry(addr.clone()).or_default();
        if by_whom.len() < OBSERVERS {
            by_whom.insert(by);
        }
        let enough = by_whom.len() >= OBSERVERS;
        if enough && self.addresses.len() < MAX_CANDIDATES && self.addresses.iter().all(|a| a.addr != addr) {
            self.addresses.push(Address::new(addr, false));
        }
    }

    /// Whom to ask about which address now; noted as asked.
    pub fn next(&mut self, servers: &[PeerId], now: Instant) -> Option<(PeerId, Multiaddr)> {
        self.servers = servers.len();
        let due = |address: &&mut Address| !address.open && address.due.is_none_or(|due| due <= now);
        for address in self.addresses.iter_mut().filter(due) {
            let rested = |peer: &&PeerId| {
                address.asked.get(*peer).is_none_or(|at| now.saturating_duration_since(*at) >= REST)
            };
            // a peer that was never asked comes before those asked long ago
            let server = servers.iter().filter(rested).min_by_key(|peer| address.asked.get(*peer).copied());
            let Some(server) = server.copied() else { continue };
            if address.asked.len() >= MAX_ASKED {
                address.asked.clear();
            }
            address.asked.insert(server, now);
            address.open = true;
            return Some((server, address.addr.clone()));
        }
        None
    }

    /// What came of a question; says whether something changed that is told.
    pub fn answered(&mut self, addr: &Multiaddr, server: PeerId, reached: Option<bool>, now: Instant) {
        let Some(address) = self.addresses.iter_mut().find(|address| address.addr == *addr) else { return };
        address.open = false;
        match reached {
            Some(true) => {
                address.failures = 0;
                if address.proofs.len() < PROOFS {
                    address.proofs.insert(server);
                }
            }
            Some(false) => {
                address.failures += 1;
                if address.failures >= FAILURES {
                    address.proofs.clear();
                }
            }
            None => {}
        }
        let wait = match (reached, address.verdict()) {
            (None, _) => NO_ANSWER,
            (Some(false), Verdict::Reachable) | (_, Verdict::Unknown) => FIRST,
            (_, Verdict::Reachable) => PROVEN,
            (_, Verdict::Unreachable) => CLOSED,
        };
        if reached.is_some() {
            address.at = Some(SystemTime::now());
        }
        address.due = Some(now + wait);
    }

    /// Addresses that others see us at and that were proven.
    pub fn confirmed(&self) -> impl Iterator<Item = &Multiaddr> {
        let proven = |address: &&Address| !address.given && address.verdict() == Verdict::Reachable;
        self.addresses.iter().filter(proven).map(|address| &address.addr)
    }

    #[must_use]
    pub fn report(&self) -> Report {
        let most = self.observed.iter().max_by_key(|(_, by)| by.len());
        Report {
            tested: self.addresses.iter().map(Address::tested).collect(),
            servers: self.servers,
            seen_at: most.filter(|_| self.confirmed().next().is_none()).and_then(|(addr, _)| ip(addr)),
        }
    }
}

impl Address {
    fn new(addr: Multiaddr, given: bool) -> Self {
        Self {
            addr,
            given,
            asked: HashMap::new(),
            open: false,
            due: None,
            proofs: HashSet::new(),
            failures: 0,
            at: None,
        }
    }

    fn verdict(&self) -> Verdict {
        if self.failures >= FAILURES {
            Verdict::Unreachable
        } else if self.proofs.len() >= if self.given { 1 } else { PROOFS } {
            Verdict::Reachable
        } else {
            Verdict::Unknown
        }
    }

    fn tested(&self) -> Tested {
        let (addr, given, failures, at) = (self.addr.clone(), self.given, self.failures, self.at);
        Tested { addr, verdict: self.verdict(), given, failures, at }
    }
}

impl Report {
    /// Strangers can dial the head at one address at least.
    #[must_use]
    pub fn is_reached(&self) -> bool {
        self.tested.iter().any(|tested| tested.verdict == Verdict::Reachable)
    }

    /// Every address was tried, and none answers.
    #[must_use]
    pub fn is_shut(&self) -> bool {
        !self.tested.is_empty() && self.tested.iter().all(|tested| tested.verdict == Verdict::Unreachable)
    }

    /// The best that is known of a transport; `None`: it has no address.
    #[must_use]
    pub fn by(&self, quic: bool) -> Option<Verdict> {
        let of_it = self.tested.iter().filter(|tested| tested.is_quic() == quic);
        let rank = |verdict: &Verdict| match verdict {
            Verdict::Reachable => 2,
            Verdict::Unknown => 1,
            Verdict::Unreachable => 0,
        };
        of_it.map(|tested| tested.verdict).max_by_key(rank)
    }

    /// Addresses at which nobody gets through, each in words:
    /// "port 4003/udp of 203.0.113.9 does not answer from outside".
    #[must_use]
    pub fn shut(&self) -> Vec<String> {
        let failing = self.tested.iter().filter(|t| t.verdict != Verdict::Reachable && t.failures > 0);
        failing.map(|tested| format!("{tested} does not answer from outside")).collect()
    }
}

impl Tested {
    #[must_use]
    pub fn is_quic(&self) -> bool {
        class(self.addr.as_ref()).is_some_and(|class| class.transport == Transport::QuicV1)
    }
}

impl fmt::Display for Tested {
    /// "port 4003/udp of 203.0.113.9".
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let port = class(self.addr.as_ref()).and_then(|class| class.port);
        match (ip(&self.addr), port) {
            (Some(ip), Some(port)) => {
                write!(f, "port {port}/{} of {ip}", if self.is_quic() { "udp" } else { "tcp" })
            }
            _ => write!(f, "{}", self.addr),
        }
    }
}

fn ip(addr: &Multiaddr) -> Option<IpAddr> {
    match class(addr.as_ref())?.host {
        Host::Ip(ip) => Some(ip),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn addr(text: &str) -> Multiaddr {
        text.parse().expect("an address")
    }

    fn group(n: u8) -> Group {
        Group::V4Slash16([8, n])
    }

    fn tcp() -> Multiaddr {
        addr("/ip4/203.0.114.9/tcp/4003")
    }

    fn udp() -> Multiaddr {
        addr("/ip4/203.0.114.9/udp/4003/quic-v1")
    }

    /// Asks until nobody is left, every question answered alike; how many there were.
    fn ask_all(
        book: &mut Book,
        servers: &[PeerId],
        now: &mut Instant,
        reached: Option<bool>,
        n: usize,
    ) -> usize {
        let mut asked = 0;
        for _ in 0..n {
            while let Some((server, addr)) = book.next(servers, *now) {
                book.answered(&addr, server, reached, *now);
                asked += 1;
            }
            *now += FIRST;
        }
        asked
    }

    #[test]
    fn a_given_address_is_proven_by_one_peer_and_each_transport_for_itself() {
        let (mut book, now) = (Book::new(&[tcp(), udp()]), Instant::now());
        let server = PeerId::random();
        assert_eq!(book.report().by(false), Some(Verdict::Unknown));
        let (asked, at) = book.next(&[server], now).expect("a question");
        assert_eq!((asked, &at), (server, &tcp()));
        book.answered(&at, server, Some(true), now);
        let report = book.report();
        assert_eq!((report.by(false), report.by(true)), (Some(Verdict::Reachable), Some(Verdict::Unknown)));
        assert!(report.is_reached() && !report.is_shut());
    }

    #[test]
    fn three_failures_shut_an_address_and_the_words_name_the_port() {
        let mut now = Instant::now();
        let mut book = Book::new(&[udp()]);
        let servers: Vec<PeerId> = (0..3).map(|_| PeerId::random()).collect();
        assert_eq!(ask_all(&mut book, &servers, &mut now, Some(false), 2), 2);
        assert!(!book.report().is_shut(), "two may be mistaken");
        assert_eq!(ask_all(&mut book, &servers, &mut now, Some(false), 1), 1);
        let report = book.report();
        assert!(report.is_shut() && !report.is_reached());
        assert_eq!(report.shut(), ["port 4003/udp of 203.0.114.9 does not answer from outside"]);
    }

    #[test]
    fn an_address_that_was_shut_is_asked_about_again_and_can_open() {
        let mut now = Instant::now();
        let mut book = Book::new(&[tcp()]);
        let servers: Vec<PeerId> = (0..20).map(|_| PeerId::random()).collect();
        ask_all(&mut book, &servers, &mut now, Some(false), 4);
        assert!(book.report().is_shut());
        assert!(ask_all(&mut book, &servers, &mut now, Some(true), 10) > 0);
        assert!(book.report().is_reached());
        assert_eq!(ask_all(&mut book, &servers, &mut now, Some(true), 100), 0, "and then rarely");
    }

    #[test]
    fn one_server_alone_is_not_pestered() {
        let mut now = Instant::now();
        let mut book = Book::new(&[tcp()]);
        let asked = ask_all(&mut book, &[PeerId::random()], &mut now, Some(false), 100);
        assert_eq!(asked, 4, "once in five minutes, over 1000 s");
    }

    #[test]
    fn what_only_some_see_is_no_candidate_and_needs_two_proofs() {
        let (mut book, now) = (Book::new(&[]), Instant::now());
        let servers = [PeerId::random(), PeerId::random()];
        book.observed(tcp(), group(1));
        book.observed(tcp(), group(1));
        book.observed(tcp(), group(2));
        assert_eq!(book.next(&servers, now), None);
        assert_eq!(book.report().seen_at, Some("203.0.114.9".parse().expect("an ip")));
        book.observed(tcp(), group(3));
        let (one, at) = book.next(&servers, now).expect("a question");
        book.answered(&at, one, Some(true), now);
        assert_eq!(book.confirmed().count(), 0);
        let (two, at) = book.next(&servers, now + FIRST).expect("a question");
        assert_ne!(one, two);
        book.answered(&at, two, Some(true), now);
        assert_eq!(book.confirmed().collect::<Vec<_>>(), [&tcp()]);
    }

    #[test]
    fn what_is_announced_leaves_no_room_for_what_strangers_see() {
        let mut book = Book::new(&[tcp()]);
        for n in 0..10 {
            book.observed(udp(), group(n));
        }
        assert_eq!(book.report().tested.len(), 1);
    }

    proptest! {
        /// Whatever strangers and servers say, the book is bounded, an address is reachable only
        /// with proof, and nobody is asked twice within the rest.
        #[test]
        fn no_flood_of_words_grows_the_book_or_proves_an_address(
            seen in prop::collection::vec((0u16..200, 0u8..6), 0..400),
            says in prop::collection::vec(prop::option::of(Just(false)), 0..60),
        ) {
            let (mut book, mut now) = (Book::new(&[]), Instant::now());
            for (port, by) in seen {
                book.observed(addr(&format!("/ip4/9.9.9.9/tcp/{}", port + 1)), group(by));
            }
            let servers: Vec<PeerId> = (0..5).map(|_| PeerId::random()).collect();
            let mut last: HashMap<(PeerId, Multiaddr), Instant> = HashMap::new();
            for said in says {
                now += Duration::from_secs(7);
                if let Some((server, at)) = book.next(&servers, now) {
                    let before = last.insert((server, at.clone()), now);
                    prop_assert!(before.is_none_or(|before| now - before >= REST));
                    book.answered(&at, server, said, now);
                }
            }
            prop_assert!(book.observed.len() <= MAX_OBSERVED && book.addresses.len() <= MAX_CANDIDATES);
            prop_assert!(!book.report().is_reached());
        }
    }
}
