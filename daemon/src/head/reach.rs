//! A head's questions about its own addresses: who sees it where, who can dial it there.
//!
//! Drives [`Reachability`] by what the [`Book`] says, and tells what is known. Whether the head
//! serves is decided in `hydra/`.

use std::time::Duration;

use libp2p::multiaddr::Protocol;
use libp2p::{Multiaddr, PeerId, identify};
use tokio::time::Instant;

use crate::net::reachability::{Book, Event, Reachability, Report};
use crate::routing::AddressPolicy;
use crate::routing::contacts::Contact;
use crate::routing::groups::Group;
use crate::wire::class::{Host, Transport, class};

/// Between two looks at what is to be asked.
const EVERY: Duration = Duration::from_secs(2);

/// Questions of one head under way.
const MAX_OPEN: usize = 4;

/// What a head found out about its addresses.
pub(super) struct Reach {
    book: Book,
    /// By the operator's word.
    given: Vec<Multiaddr>,
    policy: AddressPolicy,
    port: u16,
    next: Instant,
}

impl Reach {
    pub(super) fn new(announce: &[Multiaddr], policy: AddressPolicy, port: u16) -> Self {
        Self {
            book: Book::new(announce),
            given: announce.to_vec(),
            policy,
            port,
            next: Instant::now() + EVERY,
        }
    }

    pub(super) fn next(&self) -> Instant {
        self.next
    }

    /// Asks what is to be asked.
    pub(super) fn step(&mut self, asks: &mut Reachability) {
        let now = Instant::now();
        self.next = now + EVERY;
        let mut servers: Vec<PeerId> = asks.servers().map(|(peer, _)| *peer).collect();
        servers.sort_unstable();
        servers.dedup();
        while asks.open() < MAX_OPEN {
            let Some((server, addr)) = self.book.next(&servers, now.into_std()) else { return };
            asks.ask(server, addr);
        }
    }

    /// A question ended.
    pub(super) fn answered(&mut self, event: &Event) {
        tracing::debug!(addr = %event.addr, server = %event.server, reached = ?event.reached, "asked to dial back");
        self.book.answered(&event.addr, event.server, event.reached, std::time::Instant::now());
    }

    /// A peer told over a connection where it sees us. The port of an outgoing tcp connection
    /// is not the one we listen on unless the host or a NAT kept it.
    pub(super) fn seen(&mut self, info: &identify::Info, contact: &Contact) {
        let Some(by) = ip(&contact.remote).and_then(Group::of) else { return };
        let addr: Multiaddr =
            info.observed_addr.iter().filter(|part| !matches!(part, Protocol::P2p(_))).collect();
        let Some(class) = class(addr.as_ref()).filter(|class| self.policy.allows(class)) else { return };
        let addr = match class.transport {
            Transport::QuicV1 => addr,
            Transport::Tcp if contact.inbound => addr,
            Transport::Tcp => addr
                .iter()
                .map(|part| match part {
                    Protocol::Tcp(_) => Protocol::Tcp(self.port),
                    other => other,
                })
                .collect(),
            _ => return,
        };
        self.book.observed(addr, by);
    }

    /// What the head is to announce: what the operator says, or else what was proven.
    pub(super) fn announced(&self) -> Vec<Multiaddr> {
        self.given.iter().chain(self.book.confirmed()).cloned().collect()
    }

    pub(super) fn report(&self) -> Report {
        self.book.report()
    }
}

fn ip(addr: &Multiaddr) -> Option<std::net::IpAddr> {
    match class(addr.as_ref())?.host {
        Host::Ip(ip) => Some(ip),
        _ => None,
    }
}
