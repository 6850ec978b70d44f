//! Keeps a node on this machine: nothing outside loopback is dialled or listened on.
//!
//! Owns the question "is this address loopback" and the behaviour that denies a dial
//! before its first packet.

use std::net::IpAddr;
use std::task::{Context, Poll};

use libp2p::core::Endpoint;
use libp2p::core::transport::PortUse;
use libp2p::multiaddr::Protocol;
use libp2p::swarm::{
    ConnectionDenied, ConnectionId, FromSwarm, NetworkBehaviour, THandler, THandlerInEvent, THandlerOutEvent,
    ToSwarm, dummy,
};
use libp2p::{Multiaddr, PeerId};

/// How far a node may reach.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// 127.0.0.0/8 and ::1.
    Loopback,
    /// Also networks that are not routed on the internet (RFC 1918, RFC 4193, link-local,
    /// and the ranges for documentation and benchmarks), for network namespaces.
    Private,
    /// Everything.
    Any,
}

impl Reach {
    /// Whether an address lies within reach. An address without an IP (a name, a relay)
    /// lies only within [`Reach::Any`].
    #[must_use]
    pub fn allows(self, addr: &Multiaddr) -> bool {
        let ip = match addr.iter().next() {
            Some(Protocol::Ip4(ip)) => IpAddr::V4(ip),
            Some(Protocol::Ip6(ip)) => IpAddr::V6(ip),
            _ => return self == Self::Any,
        };
        match self {
            Self::Loopback => ip.is_loopback(),
            Self::Private => ip.is_loopback() || is_unrouted(ip),
            Self::Any => true,
        }
    }
}

fn is_unrouted(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(v4) => {
            let [a, b, ..] = v4.octets();
            v4.is_private() || v4.is_link_local() || v4.is_documentation() || (a == 198 && b & 0xfe == 18)
        }
        IpAddr::V6(v6) => {
            let [a, b, ..] = v6.segments();
            v6.is_unique_local() || v6.is_unicast_link_local() || (a == 0x2001 && b == 0xdb8)
        }
    }
}

/// The behaviour; it stands first, so that no other sees a dial that it denies.
#[derive(Clone, Copy, Debug)]
pub struct Guard(pub Reach);

/// What a denied dial is told.
#[derive(Debug)]
pub struct OutOfReach(Multiaddr, Reach);

impl std::fmt::Display for OutOfReach {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} is out of reach: this node stays within {:?}", self.0, self.1)
    }
}

impl std::error::Error for OutOfReach {}

impl Guard {
    fn check<'a>(self, addrs: impl IntoIterator<Item = &'a Multiaddr>) -> Result<(), ConnectionDenied> {
        match addrs.into_iter().find(|addr| !self.0.allows(addr)) {
            Some(addr) => Err(ConnectionDenied::new(OutOfReach(addr.clone(), self.0))),
            None => Ok(()),
        }
    }
}

impl NetworkBehaviour for Guard {
    type ConnectionHandler = dummy::ConnectionHandler;
    type ToSwarm = std::convert::Infallible;

    fn handle_pending_inbound_connection(
        &mut self,
        _: ConnectionId,
        _: &Multiaddr,
        remote: &Multiaddr,
    ) -> Result<(), ConnectionDenied> {
        self.check([remote])
    }

    fn handle_established_inbound_connection(
        &mut self,
        _: ConnectionId,
        _: PeerId,
        _: &Multiaddr,
        _: &Multiaddr,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        Ok(dummy::ConnectionHandler)
    }

    fn handle_pending_outbound_connection(
        &mut self,
        _: ConnectionId,
        _: Option<PeerId>,
        addrs: &[Multiaddr],
        _: Endpoint,
    ) -> Result<Vec<Multiaddr>, ConnectionDenied> {
        self.check(addrs).map(|()| Vec::new())
    }

    fn handle_established_outbound_connection(
        &mut self,
        _: ConnectionId,
        _: PeerId,
        addr: &Multiaddr,
        _: Endpoint,
        _: PortUse,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        self.check([addr]).map(|()| dummy::ConnectionHandler)
    }

    fn on_swarm_event(&mut self, _: FromSwarm<'_>) {}

    fn on_connection_handler_event(&mut self, _: PeerId, _: ConnectionId, event: THandlerOutEvent<Self>) {
        match event {}
    }

    fn poll(&mut self, _: &mut Context<'_>) -> Poll<ToSwarm<Self::ToSwarm, THandlerInEvent<Self>>> {
        Poll::Pending
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_loopback_lies_within_loopback() {
        for (addr, loopback, private) in [
            ("/ip4/127.0.0.1/tcp/1", true, true),
            ("/ip4/127.250.3.9/udp/1/quic-v1", true, true),
            ("/ip6/::1/tcp/1", true, true),
            ("/ip4/10.0.0.1/tcp/1", false, true),
            ("/ip4/198.18.0.1/tcp/1", false, true),
            ("/ip6/fd00::1/tcp/1", false, true),
            ("/ip4/8.8.8.8/tcp/1", false, false),
            ("/ip6/2606:4700::1/tcp/1", false, false),
            ("/ip6/::ffff:127.0.0.1/tcp/1", false, false),
            ("/dns4/localhost/tcp/1", false, false),
        ] {
            let addr: Multiaddr = addr.parse().expect("a multiaddr");
            assert_eq!(Reach::Loopback.allows(&addr), loopback, "{addr}");
            assert_eq!(Reach::Private.allows(&addr), private, "{addr}");
            assert!(Reach::Any.allows(&addr));
        }
    }
}
