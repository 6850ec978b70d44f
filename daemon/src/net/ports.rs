//! Ports of the heads: found free, and refused when somebody has them.
//!
//! libp2p sets SO_REUSEPORT on its listeners, so two processes on one tcp port both
//! "listen" and the kernel splits the dials between them. So a port is tried here first,
//! without that option, before it is given to libp2p.

use std::fs;
use std::io;
use std::net::{IpAddr, SocketAddr};

use socket2::{Domain, Protocol, Socket, Type};

/// Free ports tried before giving up.
const TRIES: u32 = 64;

/// A port cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum PortError {
    #[error("port {port} on {ip} is taken{by}; free it, or move listen.port_begin")]
    Taken { ip: IpAddr, port: u16, by: Holder },
    #[error(
        "port {port} on {ip} cannot be opened: {source}; choose a port from 1024 on, or give hydrad CAP_NET_BIND_SERVICE"
    )]
    Denied { ip: IpAddr, port: u16, source: io::Error },
    #[error("{ip} is no address of this host; see `ip address`, and listen.ips")]
    NotOurs { ip: IpAddr },
    #[error("port {port} on {ip} cannot be opened: {source}")]
    Other { ip: IpAddr, port: u16, source: io::Error },
    #[error("no port free for tcp and udp on {ip} in {TRIES} tries")]
    NoneFree { ip: IpAddr },
}

/// Who has a port, as far as `/proc` tells.
#[derive(Debug)]
pub struct Holder(Option<(u32, String)>);

impl std::fmt::Display for Holder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.0 {
            Some((pid, name)) => write!(f, " by pid {pid} ({name})"),
            None => Ok(()),
        }
    }
}

/// Tries a port for tcp and udp, and lets it go again.
///
/// # Errors
/// When one of the two cannot be opened.
pub fn check(ip: IpAddr, port: u16) -> Result<(), PortError> {
    let explain = |source: io::Error| match source.kind() {
        io::ErrorKind::AddrInUse => PortError::Taken { ip, port, by: Holder(holder(port)) },
        io::ErrorKind::PermissionDenied => PortError::Denied { ip, port, source },
        io::ErrorKind::AddrNotAvailable => PortError::NotOurs { ip },
        _ => PortError::Other { ip, port, source },
    };
    // closed before udp is tried: the holder that is named must not be this very socket
    open_tcp(ip, port).map_err(explain)?;
    open_udp(ip, port).map(drop).map_err(explain)
}

/// A port that is free for tcp and udp on this address, and not among `taken`.
///
/// # Errors
/// When none is found.
pub fn find(ip: IpAddr, taken: impl Fn(u16) -> bool) -> Result<u16, PortError> {
    for _ in 0..TRIES {
        let tcp = open_tcp(ip, 0).map_err(|source| match source.kind() {
            io::ErrorKind::AddrNotAvailable => PortError::NotOurs { ip },
            _ => PortError::Other { ip, port: 0, source },
        })?;
        let port = tcp.local_addr().ok().and_then(|a| a.as_socket()).map(|a| a.port());
        if let Some(port) = port.filter(|port| !taken(*port) && open_udp(ip, *port).is_ok()) {
            return Ok(port);
        }
    }
    Err(PortError::NoneFree { ip })
}

/// SO_REUSEADDR lets us follow our own connections in TIME_WAIT, but not a listener.
fn open_tcp(ip: IpAddr, port: u16) -> io::Result<Socket> {
    let socket = Socket::new(domain(ip), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    if ip.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    socket.bind(&SocketAddr::new(ip, port).into())?;
    socket.listen(1)?;
    Ok(socket)
}

fn open_udp(ip: IpAddr, port: u16) -> io::Result<Socket> {
    let socket = Socket::new(domain(ip), Type::DGRAM, Some(Protocol::UDP))?;
    if ip.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    socket.bind(&SocketAddr::new(ip, port).into())?;
    Ok(socket)
}

fn domain(ip: IpAddr) -> Domain {
    if ip.is_ipv4() { Domain::IPV4 } else { Domain::IPV6 }
}

/// The process that listens on a port, if we may see it.
fn holder(port: u16) -> Option<(u32, String)> {
    let inode = ["tcp", "tcp6", "udp", "udp6"].into_iter().find_map(|table| inode(table, port))?;
    let socket = format!("socket:[{inode}]");
    let processes = fs::read_dir("/proc").ok()?.flatten();
    for process in processes {
        let Some(pid) = process.file_name().to_str().and_then(|name| name.parse::<u32>().ok()) else {
            continue;
        };
        let Ok(files) = fs::read_dir(process.path().join("fd")) else { continue };
        let holds = |fd: fs::DirEntry| fs::read_link(fd.path()).is_ok_and(|to| to.as_os_str() == &*socket);
        if files.flatten().any(holds) {
            let name = fs::read_to_string(process.path().join("comm")).unwrap_or_default();
            return Some((pid, name.trim().to_owned()));
        }
    }
    None
}

/// The socket bound to a port, from `/proc/net`.
fn inode(table: &str, port: u16) -> Option<u64> {
    const LISTEN: &str = "0A";
    const UNCONNECTED: &str = "07";
    let text = fs::read_to_string(format!("/proc/net/{table}")).ok()?;
    text.lines().skip(1).find_map(|line| {
        let mut columns = line.split_ascii_whitespace();
        let local = columns.nth(1)?;
        let state = columns.nth(1)?;
        let bound = u16::from_str_radix(local.rsplit(':').next()?, 16).ok()? == port;
        let inode = columns.nth(5)?.parse().ok()?;
        (bound && (state == LISTEN || state == UNCONNECTED)).then_some(inode)
    })
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, TcpListener, UdpSocket};

    use super::*;

    const LOOPBACK: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

    #[test]
    fn a_port_taken_for_tcp_or_udp_is_refused_by_the_name_of_its_holder() {
        let tcp = TcpListener::bind((LOOPBACK, 0)).expect("a listener");
        let port = tcp.local_addr().expect("an address").port();
        let refused = check(LOOPBACK, port).expect_err("taken").to_string();
        let start = format!("port {port} on 127.0.0.1 is taken by pid {} (", std::process::id());
        assert!(refused.starts_with(&start), "{refused}");
        drop(tcp);

        let udp = UdpSocket::bind((LOOPBACK, 0)).expect("a socket");
        let port = udp.local_addr().expect("an address").port();
        assert!(matches!(check(LOOPBACK, port), Err(PortError::Taken { .. })));
    }

    #[test]
    fn a_listener_that_shares_its_port_is_noticed() {
        let shared = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
        shared.set_reuse_port(true).expect("reuse");
        shared.set_reuse_address(true).expect("reuse");
        shared.bind(&SocketAddr::new(LOOPBACK, 0).into()).expect("bind");
        shared.listen(1).expect("listen");
        let port = shared.local_addr().expect("an address").as_socket().expect("ip").port();
        assert!(matches!(check(LOOPBACK, port), Err(PortError::Taken { .. })));
    }

    #[test]
    fn a_found_port_can_be_used_and_foreign_addresses_cannot() {
        let port = find(LOOPBACK, |_| false).expect("a port");
        assert!(check(LOOPBACK, port).is_ok());
        let foreign = "198.51.100.1".parse().expect("an address");
        assert!(matches!(check(foreign, 4001), Err(PortError::NotOurs { .. })));
    }
}
