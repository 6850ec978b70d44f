//! Outgoing tcp that leaves from the address that its identity listens on.
//!
//! libp2p's tcp binds a dial to the listening port of *any* address, so that on a host with
//! several addresses every head would be seen at the primary one: by Go's limits of connections
//! and by the IP groups of routing tables they would all be one place. Listening is libp2p's.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::task::{Context, Poll};

use futures::future::{BoxFuture, FutureExt as _};
use libp2p::core::transport::{DialOpts, ListenerId, PortUse, TransportError, TransportEvent};
use libp2p::multiaddr::{Multiaddr, Protocol};
use libp2p::{Transport, tcp};
use tokio::net::TcpSocket;

/// Tcp of one identity.
pub(super) struct Tcp {
    inner: tcp::tokio::Transport,
    /// Where the identity listens.
    listens: Vec<(ListenerId, SocketAddr)>,
}

impl Tcp {
    pub(super) fn new(config: tcp::Config) -> Self {
        Self { inner: tcp::tokio::Transport::new(config), listens: Vec::new() }
    }

    /// The address that a dial leaves from, when there is one of its own for this remote.
    fn source(&self, remote: IpAddr) -> Option<SocketAddr> {
        let fits = |local: &IpAddr| {
            local.is_ipv4() == remote.is_ipv4()
                && local.is_loopback() == remote.is_loopback()
                && !local.is_unspecified()
        };
        self.listens.iter().map(|(_, local)| *local).find(|local| fits(&local.ip()))
    }
}

impl Transport for Tcp {
    type Output = tcp::tokio::TcpStream;
    type Error = io::Error;
    type ListenerUpgrade = <tcp::tokio::Transport as Transport>::ListenerUpgrade;
    type Dial = BoxFuture<'static, io::Result<Self::Output>>;

    fn listen_on(&mut self, id: ListenerId, addr: Multiaddr) -> Result<(), TransportError<io::Error>> {
        let local = socket_addr(&addr);
        self.inner.listen_on(id, addr)?;
        self.listens.extend(local.map(|local| (id, local)));
        Ok(())
    }

    fn remove_listener(&mut self, id: ListenerId) -> bool {
        self.listens.retain(|(listener, _)| *listener != id);
        self.inner.remove_listener(id)
    }

    fn dial(&mut self, addr: Multiaddr, opts: DialOpts) -> Result<Self::Dial, TransportError<io::Error>> {
        let Some(remote) = socket_addr(&addr).filter(|at| at.port() != 0 && !at.ip().is_unspecified()) else {
            return Err(TransportError::MultiaddrNotSupported(addr));
        };
        let Some(source) = self.source(remote.ip()) else { return Ok(self.inner.dial(addr, opts)?.boxed()) };
        let shares_port = opts.port_use == PortUse::Reuse;
        Ok(connect(source, shares_port, remote).boxed())
    }

    fn poll(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<TransportEvent<Self::ListenerUpgrade, io::Error>> {
        Pin::new(&mut self.inner).poll(cx)
    }
}

/// Connects from the listening port, as NATs and observed addresses want it, or, where a
/// connection to this remote has that port already, from another one of the same address.
async fn connect(
    source: SocketAddr,
    shares_port: bool,
    remote: SocketAddr,
) -> io::Result<tcp::tokio::TcpStream> {
    if shares_port {
        match from(source, remote).await {
            Err(error) if in_use(&error) => {}
            done => return done,
        }
    }
    from(SocketAddr::new(source.ip(), 0), remote).await
}

async fn from(source: SocketAddr, remote: SocketAddr) -> io::Result<tcp::tokio::TcpStream> {
    let socket = if source.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    if source.port() != 0 {
        socket.set_reuseaddr(true)?;
        socket.set_reuseport(true)?;
    }
    socket.bind(source)?;
    socket.set_nodelay(true)?;
    Ok(tcp::tokio::TcpStream(socket.connect(remote).await?))
}

/// The pair of addresses is taken, or the port is held by somebody who does not share it.
fn in_use(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::AddrNotAvailable | io::ErrorKind::AddrInUse)
}

/// The place that an address of ip and tcp alone names.
fn socket_addr(addr: &Multiaddr) -> Option<SocketAddr> {
    let mut parts = addr.iter();
    let ip = match parts.next()? {
        Protocol::Ip4(ip) => IpAddr::from(ip),
        Protocol::Ip6(ip) => IpAddr::from(ip),
        _ => return None,
    };
    let Protocol::Tcp(port) = parts.next()? else { return None };
    let bare = parts.all(|part| matches!(part, Protocol::P2p(_)));
    bare.then(|| SocketAddr::new(ip, port))
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, Ipv6Addr};

    use libp2p::core::Endpoint;
    use tokio::net::TcpListener;

    use super::*;

    const HERE: [Ipv4Addr; 2] = [Ipv4Addr::new(127, 3, 0, 1), Ipv4Addr::new(127, 4, 0, 1)];

    /// A transport that listens on an address of this machine, and its port.
    async fn listening(ip: Ipv4Addr) -> (Tcp, u16) {
        let mut tcp = Tcp::new(tcp::Config::default());
        let port = TcpListener::bind((ip, 0)).await.and_then(|l| l.local_addr()).expect("a port").port();
        let at = Multiaddr::from(ip).with(Protocol::Tcp(port));
        tcp.listen_on(ListenerId::next(), at).expect("listens");
        (tcp, port)
    }

    async fn dial(tcp: &mut Tcp, to: SocketAddr, port_use: PortUse) -> io::Result<tcp::tokio::TcpStream> {
        let opts = DialOpts { role: Endpoint::Dialer, port_use };
        let to = Multiaddr::from(to.ip()).with(Protocol::Tcp(to.port()));
        tcp.dial(to, opts).expect("an address of tcp").await
    }

    #[tokio::test]
    async fn a_dial_leaves_from_the_address_and_the_port_that_the_identity_listens_on() {
        let remote = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a listener");
        let to = remote.local_addr().expect("its address");
        for ip in HERE {
            let (mut tcp, port) = listening(ip).await;
            let first = dial(&mut tcp, to, PortUse::Reuse).await.expect("connects");
            assert_eq!(first.0.local_addr().expect("its address"), SocketAddr::new(ip.into(), port));
            // the pair of ports is taken: another port, never another address
            let second = dial(&mut tcp, to, PortUse::Reuse).await.expect("connects");
            let local = second.0.local_addr().expect("its address");
            assert!(local.ip() == ip && local.port() != port, "{local}");
            let fresh = dial(&mut tcp, to, PortUse::New).await.expect("connects");
            assert_eq!(fresh.0.local_addr().expect("its address").ip(), ip);
        }
    }

    #[tokio::test]
    async fn a_remote_of_another_kind_is_dialled_from_wherever_the_machine_says() {
        let (tcp, _) = listening(HERE[0]).await;
        assert!(tcp.source(IpAddr::from(Ipv6Addr::LOCALHOST)).is_none());
        assert!(tcp.source(IpAddr::from([203, 0, 113, 9])).is_none(), "loopback reaches only loopback");
        assert!(tcp.source(IpAddr::from(Ipv4Addr::LOCALHOST)).is_some());
    }

    #[test]
    fn what_is_not_ip_and_tcp_is_left_to_others() {
        let at = |text: &str| socket_addr(&text.parse().expect("an address"));
        assert_eq!(at("/ip4/1.2.3.4/tcp/5"), Some(SocketAddr::from(([1, 2, 3, 4], 5))));
        assert!(at("/ip6/::1/tcp/5").is_some());
        for other in
            ["/ip4/1.2.3.4/udp/5/quic-v1", "/ip4/1.2.3.4/tcp/5/ws", "/dns4/a.b/tcp/5", "/ip4/1.2.3.4"]
        {
            assert_eq!(at(other), None, "{other}");
        }
    }
}
