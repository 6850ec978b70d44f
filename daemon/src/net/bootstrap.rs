//! Names of bootstrap peers: `/dnsaddr`, `/dns4`, `/dns6`, `/dns` resolved to addresses.

use std::net::IpAddr;
use std::time::Duration;

use hickory_resolver::TokioResolver;
use libp2p::PeerId;
use libp2p::multiaddr::{Multiaddr, Protocol};
use tokio::time::timeout;

/// Time for all look-ups behind one bootstrap address.
const LOOKUP: Duration = Duration::from_secs(10);

/// `dnsaddr` records lead to others at most so deep.
const MAX_DEPTH: u32 = 3;

/// Addresses taken from one bootstrap address.
const MAX_FOUND: usize = 64;

/// A bootstrap address did not give a dialable one.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ResolveError {
    #[error("{0} does not resolve: {1}; check the resolver (/etc/resolv.conf), or list addresses")]
    Name(Multiaddr, String),
    #[error("{0} does not resolve in 10 s; check the resolver (/etc/resolv.conf), or list addresses")]
    Timeout(Multiaddr),
    #[error("{0} has no /p2p/ID at its end")]
    NoPeer(Multiaddr),
}

/// Resolves names by the system's resolver.
pub struct Resolver(Option<TokioResolver>);

impl Resolver {
    /// Reads `/etc/resolv.conf`; without one, names do not resolve but addresses do.
    #[must_use]
    pub fn system() -> Self {
        Self(TokioResolver::builder_tokio().ok().and_then(|builder| builder.build().ok()))
    }

    /// The peer and its addresses, without `/p2p`.
    ///
    /// # Errors
    /// When a name does not resolve.
    pub async fn resolve(&self, address: &Multiaddr) -> Result<Vec<(PeerId, Multiaddr)>, ResolveError> {
        let found = timeout(LOOKUP, self.all(address)).await;
        let found = found.map_err(|_| ResolveError::Timeout(address.clone()))??;
        let peers: Vec<_> = found.into_iter().filter_map(split).collect();
        if peers.is_empty() { Err(ResolveError::NoPeer(address.clone())) } else { Ok(peers) }
    }

    async fn all(&self, address: &Multiaddr) -> Result<Vec<Multiaddr>, ResolveError> {
        let wanted = split(address.clone()).map(|(peer, _)| peer);
        let (mut open, mut done) = (vec![(address.clone(), 0)], Vec::new());
        while let Some((address, depth)) = open.pop() {
            let Some(at) = address.iter().position(|part| is_name(&part)) else {
                done.push(address);
                continue;
            };
            if depth == MAX_DEPTH || done.len() + open.len() >= MAX_FOUND {
                continue;
            }
            let found = self.step(&address, at).await?;
            // dnsaddr gives whole addresses of many peers: those of the one asked for
            open.extend(
                found.into_iter().filter(|a| fits(a, wanted)).take(MAX_FOUND).map(|a| (a, depth + 1)),
            );
        }
        Ok(done)
    }

    /// Replaces the name at position `at`.
    async fn step(&self, address: &Multiaddr, at: usize) -> Result<Vec<Multiaddr>, ResolveError> {
        let failed = |e: String| ResolveError::Name(address.clone(), e);
        let resolver = self.0.as_ref().ok_or_else(|| failed("no resolver is configured".to_owned()))?;
        let before: Multiaddr = address.iter().take(at).collect();
        let after: Multiaddr = address.iter().skip(at + 1).collect();
        let with = |ip: IpAddr| before.iter().chain([Protocol::from(ip)]).chain(after.iter()).collect();
        match address.iter().nth(at) {
            Some(Protocol::Dnsaddr(name)) => {
                let found = resolver
                    .txt_lookup(format!("_dnsaddr.{name}."))
                    .await
                    .map_err(|e| failed(e.to_string()))?;
                let texts = found.answers().iter().map(|record| record.data.to_string());
                Ok(texts
                    .filter_map(|text| text.trim_matches('"').strip_prefix("dnsaddr=")?.parse().ok())
                    .collect())
            }
            Some(Protocol::Dns4(name)) => {
                let found =
                    resolver.ipv4_lookup(format!("{name}.")).await.map_err(|e| failed(e.to_string()))?;
                Ok(found.answers().iter().filter_map(|r| r.data.ip_addr()).map(with).collect())
            }
            Some(Protocol::Dns6(name)) => {
                let found =
                    resolver.ipv6_lookup(format!("{name}.")).await.map_err(|e| failed(e.to_string()))?;
                Ok(found.answers().iter().filter_map(|r| r.data.ip_addr()).map(with).collect())
            }
            Some(Protocol::Dns(name)) => {
                let found =
                    resolver.lookup_ip(format!("{name}.")).await.map_err(|e| failed(e.to_string()))?;
                Ok(found.iter().map(with).collect())
            }
            _ => Ok(Vec::new()),
        }
    }
}

fn is_name(part: &Protocol<'_>) -> bool {
    matches!(part, Protocol::Dns(_) | Protocol::Dns4(_) | Protocol::Dns6(_) | Protocol::Dnsaddr(_))
}

fn fits(address: &Multiaddr, wanted: Option<PeerId>) -> bool {
    match (wanted, split(address.clone())) {
        (Some(wanted), Some((peer, _))) => wanted == peer,
        _ => true,
    }
}

/// Takes `/p2p/ID` off the end.
fn split(mut address: Multiaddr) -> Option<(PeerId, Multiaddr)> {
    match address.pop() {
        Some(Protocol::P2p(peer)) => Some((peer, address)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_address_is_its_own_answer_and_a_peer_is_required() {
        let resolver = Resolver(None);
        let peer = PeerId::random();
        let address: Multiaddr = format!("/ip4/127.0.0.1/tcp/4001/p2p/{peer}").parse().expect("an address");
        let found = resolver.resolve(&address).await.expect("resolved");
        assert_eq!(found, [(peer, "/ip4/127.0.0.1/tcp/4001".parse().expect("an address"))]);
        let bare: Multiaddr = "/ip4/127.0.0.1/tcp/4001".parse().expect("an address");
        assert!(matches!(resolver.resolve(&bare).await, Err(ResolveError::NoPeer(_))));
    }

    #[tokio::test]
    async fn without_a_resolver_a_name_says_what_to_do() {
        let address: Multiaddr = "/dnsaddr/bootstrap.libp2p.io".parse().expect("an address");
        let error = Resolver(None).resolve(&address).await.expect_err("no resolver").to_string();
        assert!(error.contains("/dnsaddr/bootstrap.libp2p.io does not resolve"), "{error}");
        assert!(error.contains("list addresses"), "{error}");
    }
}
