//! Multiaddrs in settings: bootstrap peers and templates of what heads announce.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use libp2p::Multiaddr;
use libp2p::multiaddr::Protocol;

/// The public IPFS network's bootstrap peers, as Kubo publishes them
/// (kubo `config/bootstrap_peers.go`): five peers.
pub const PUBLIC_BOOTSTRAP: &[&str] = &[
    "/dnsaddr/bootstrap.libp2p.io/p2p/QmNnooDu7bfjPFoTZYxMNLWUQJyrVwtbZg5gBMjTezGAJN",
    "/dnsaddr/bootstrap.libp2p.io/p2p/QmQCU2EcMqAqQPR2i9bChDtGNJchTbq5TbXJJ16u19uLTa",
    "/dnsaddr/bootstrap.libp2p.io/p2p/QmbLHAnMoJPWSCR5Zhtx6BHJX9KiKNN6tpvbUcqanj75Nb",
    "/dnsaddr/bootstrap.libp2p.io/p2p/QmcZf59bWwK5XFi76CZX8cbJ4BhTzzA3gU1ZjYZcYW3dwt",
    "/ip4/104.131.131.82/tcp/4001/p2p/QmaCpDMGvV2BGHeYERUEnRQAwe3N8SzbUtfsmvsqQLuvuJ",
];

/// Most bootstrap peers.
pub(super) const MAX_BOOTSTRAP: usize = 256;

/// Most templates of a kind.
pub(super) const MAX_TEMPLATES: usize = 16;

/// Longest address text, in bytes.
const MAX_ADDRESS: usize = 512;

/// A multiaddr in which `{ip}` and `{port}` stand for a head's own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AddressTemplate(String);

impl AddressTemplate {
    /// The address for a head; `None` when the template is for the other family, as
    /// `/ip4/{ip}/…` is for a head that listens on IPv6.
    #[must_use]
    pub fn expand(&self, ip: IpAddr, port: u16) -> Option<Multiaddr> {
        let text = self.0.replace("{ip}", &ip.to_string()).replace("{port}", &port.to_string());
        text.parse().ok()
    }

    /// Whether an address begins with what the template gives for a head.
    #[must_use]
    pub fn covers(&self, address: &Multiaddr, ip: IpAddr, port: u16) -> bool {
        self.expand(ip, port).is_some_and(|prefix| address.starts_with(&prefix))
    }
}

impl FromStr for AddressTemplate {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text.len() > MAX_ADDRESS {
            return Err(format!("has {} bytes, more than {MAX_ADDRESS}", text.len()));
        }
        let rest = text.replace("{ip}", "").replace("{port}", "");
        if rest.contains(['{', '}']) {
            return Err("has another placeholder than {ip} and {port}".to_owned());
        }
        let template = Self(text.to_owned());
        let samples = [IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)), IpAddr::V6(Ipv6Addr::LOCALHOST)];
        let Some(sample) = samples.into_iter().find_map(|ip| template.expand(ip, 4001)) else {
            return Err(
                match text.replace("{ip}", "192.0.2.1").replace("{port}", "4001").parse::<Multiaddr>() {
                    Err(error) => format!("is not a multiaddr ({error})"),
                    Ok(_) => "is not a multiaddr".to_owned(),
                },
            );
        };
        if sample.iter().next().is_none() {
            return Err("is empty".to_owned());
        }
        if sample.iter().any(|part| matches!(part, Protocol::P2p(_))) {
            return Err("has a /p2p/ part: each head adds its own id".to_owned());
        }
        Ok(template)
    }
}

impl fmt::Display for AddressTemplate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Reads the list of bootstrap peers; `default` stands for the public ones.
pub(super) fn bootstrap(written: &[String]) -> Result<Vec<Multiaddr>, String> {
    if written.len() > MAX_BOOTSTRAP {
        return Err(format!("{} addresses are more than {MAX_BOOTSTRAP}", written.len()));
    }
    if written.iter().any(|text| text == "none") {
        return if written.len() == 1 { Ok(Vec::new()) } else { Err("none stands alone".to_owned()) };
    }
    let mut peers: Vec<Multiaddr> = Vec::new();
    for text in written {
        if text == "default" {
            peers.extend(PUBLIC_BOOTSTRAP.iter().filter_map(|peer| peer.parse().ok()));
        } else {
            peers.push(peer(text)?);
        }
    }
    let mut seen = std::collections::BTreeSet::new();
    peers.retain(|peer| seen.insert(peer.to_vec()));
    Ok(peers)
}

fn peer(text: &str) -> Result<Multiaddr, String> {
    let shown: String = text.chars().take(120).collect();
    if text.len() > MAX_ADDRESS {
        return Err(format!("\"{shown}…\" has {} bytes, more than {MAX_ADDRESS}", text.len()));
    }
    let address: Multiaddr =
        text.parse().map_err(|error| format!("\"{shown}\" is not a multiaddr ({error})"))?;
    let parts = address.iter().count();
    match address.iter().last() {
        Some(Protocol::P2p(_)) if parts > 1 => Ok(address),
        Some(Protocol::P2p(_)) => Err(format!("\"{shown}\" tells who, but not where")),
        _ => Err(format!("\"{shown}\" does not end in /p2p/ID")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    fn fault(text: &str) -> String {
        text.parse::<AddressTemplate>().expect_err(text)
    }

    #[test]
    fn templates_are_filled_in_for_the_family_they_name() {
        let fixed: AddressTemplate = "/ip4/203.0.113.5/tcp/{port}".parse().expect("a template");
        assert_eq!(fixed.expand(ip("10.0.0.4"), 30_002), "/ip4/203.0.113.5/tcp/30002".parse().ok());
        let six: AddressTemplate = "/ip6/{ip}/udp/{port}/quic-v1".parse().expect("a template");
        assert_eq!(six.expand(ip("2001:db8::1"), 7), "/ip6/2001:db8::1/udp/7/quic-v1".parse().ok());
        assert_eq!(six.expand(ip("10.0.0.4"), 7), None);
    }

    #[test]
    fn a_template_covers_what_begins_with_it() {
        let all_of_one: AddressTemplate = "/ip4/10.0.0.4".parse().expect("a template");
        let covered = |text: &str| all_of_one.covers(&text.parse().expect("an address"), ip("10.0.0.4"), 1);
        assert!(covered("/ip4/10.0.0.4/tcp/30000"));
        assert!(!covered("/ip4/10.0.0.5/tcp/30000"));
    }

    #[test]
    fn templates_that_give_no_address_are_refused() {
        assert!(fault("203.0.113.5:{port}").contains("is not a multiaddr"));
        assert!(fault("/ip4/203.0.113.5/tcp/{prot}").contains("another placeholder"));
        assert!(fault("").contains("is empty") || fault("").contains("not a multiaddr"));
        assert!(
            fault(&format!("/ip4/1.2.3.4/tcp/1/p2p/{}", "QmaCpDMGvV2BGHeYERUEnRQAwe3N8SzbUtfsmvsqQLuvuJ"))
                .contains("its own id")
        );
    }

    #[test]
    fn the_public_list_parses_whole() {
        let list =
            |texts: &[&str]| bootstrap(&texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>());
        assert_eq!(list(&["default"]).expect("good").len(), 5);
        assert_eq!(list(&["default", PUBLIC_BOOTSTRAP[0]]).expect("good").len(), 5);
        assert_eq!(list(&["none"]), Ok(Vec::new()));
        assert_eq!(list(&[]), Ok(Vec::new()));
        assert!(list(&["none", "default"]).is_err());
        assert!(list(&["/ip4/1.2.3.4/tcp/4001"]).expect_err("no id").contains("does not end in /p2p/ID"));
        assert!(
            list(&["/p2p/QmaCpDMGvV2BGHeYERUEnRQAwe3N8SzbUtfsmvsqQLuvuJ"])
                .expect_err("no place")
                .contains("not where")
        );
    }

    proptest::proptest! {
        #[test]
        fn reading_never_panics(text in "[/a-z0-9{}.:]{0,60}|\\PC*") {
            drop((text.parse::<AddressTemplate>(), peer(&text)));
        }
    }
}
