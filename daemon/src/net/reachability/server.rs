//! Dialling others back, on their request.
//!
//! Only to an address of the host that asks over this very connection: so nobody can have us
//! dial anybody else, and nobody has to pay for it. The rest is refused, as the specification
//! allows.

use std::io;
use std::net::IpAddr;

use futures::{AsyncRead, AsyncWrite, AsyncWriteExt as _};
use libp2p::Multiaddr;
use tokio::sync::{mpsc, oneshot};

use super::message::{
    Body, DIAL_ERROR, DialBack, DialBackResponse, DialRequest, DialResponse, Message, OK, read, write,
    write_body,
};
use crate::routing::AddressPolicy;
use crate::wire::class::{Host, class};

/// "The server does not dial that."
const REFUSED: i32 = 101;

/// Addresses of a request that are looked at.
const MAX_ADDRS: usize = 16;

/// A dial that somebody asked for.
#[derive(Debug)]
pub struct Wanted {
    pub(super) addr: Multiaddr,
    pub(super) nonce: u64,
    /// Whether the number was brought; dropped: not dialled.
    pub(super) done: oneshot::Sender<bool>,
}

/// Serves one request that came over a connection from this address.
pub(super) async fn serve(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    policy: AddressPolicy,
    from: Multiaddr,
    dials: mpsc::Sender<Wanted>,
) -> io::Result<()> {
    let Some(Body::Request(request)) = read::<Message>(&mut stream).await?.body else {
        return Err(io::Error::other("the first message is no request"));
    };
    let mut response = DialResponse { status: REFUSED, addr_idx: 0, dial_status: 0 };
    if let Some((at, addr)) = choose(&request, policy, &from) {
        let (done, brought) = oneshot::channel();
        let wanted = Wanted { addr, nonce: request.nonce, done };
        // a full channel refuses, like a budget that is used up
        if dials.try_send(wanted).is_ok()
            && let Ok(brought) = brought.await
        {
            let dial_status = if brought { OK } else { DIAL_ERROR };
            response = DialResponse { status: OK, addr_idx: at as u32, dial_status };
        }
    }
    write_body(&mut stream, Body::Response(response)).await?;
    stream.close().await
}

/// The first address that may be dialled: of the host that asks, and allowed by the policy.
fn choose(request: &DialRequest, policy: AddressPolicy, from: &Multiaddr) -> Option<(usize, Multiaddr)> {
    let host = ip(from)?;
    let addrs = request.addrs.iter().take(MAX_ADDRS).map(|raw| Multiaddr::try_from(raw.clone()));
    let mut addrs = addrs.enumerate().filter_map(|(at, addr)| Some((at, addr.ok()?)));
    addrs.find(|(_, addr)| ip(addr) == Some(host) && policy.dialable(addr))
}

fn ip(addr: &Multiaddr) -> Option<IpAddr> {
    match class(addr.as_ref())?.host {
        Host::Ip(ip) => Some(ip.to_canonical()),
        _ => None,
    }
}

/// Brings the number over the connection that was dialled for it.
pub(super) async fn bring(mut stream: impl AsyncRead + AsyncWrite + Unpin, nonce: u64) -> io::Result<()> {
    write(&mut stream, &DialBack { nonce }).await?;
    read::<DialBackResponse>(&mut stream).await?;
    stream.close().await
}

#[cfg(test)]
mod tests {
    use super::*;

    fn addr(text: &str) -> Multiaddr {
        text.parse().expect("an address")
    }

    #[test]
    fn nobody_is_dialled_but_the_host_that_asks() {
        let from = addr("/ip4/8.8.8.8/tcp/50000");
        let chosen = |addrs: &[&str], policy| {
            let addrs = addrs.iter().map(|text| addr(text).to_vec()).collect();
            choose(&DialRequest { addrs, nonce: 1 }, policy, &from).map(|(at, addr)| (at, addr.to_string()))
        };
        let (victim, own) = ("/ip4/9.9.9.9/tcp/1", "/ip4/8.8.8.8/tcp/4001");
        assert_eq!(chosen(&[victim], AddressPolicy::Public), None);
        assert_eq!(chosen(&[victim, own], AddressPolicy::Public), Some((1, own.to_owned())));
        let relay = format!("{own}/p2p/12D3KooWSmYTxN4DR2BYdrkt7myJpMabvpcu8UYd7JbxedybLUPZ/p2p-circuit");
        assert_eq!(chosen(&[&relay, "/dns4/example.org/tcp/1"], AddressPolicy::Any), None);
        let home = addr("/ip4/10.0.0.4/tcp/5");
        let request = DialRequest { addrs: vec![addr("/ip4/10.0.0.4/tcp/1").to_vec()], nonce: 1 };
        assert_eq!(choose(&request, AddressPolicy::Public, &home), None);
    }
}
