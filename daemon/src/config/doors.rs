//! Doors for other programs: where they listen, and whether that is meant for others.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::error::Problem;
use super::fill::Fill;
use super::origin::Origin;
use super::readers::{number, shorten, switch};
use crate::api::http::{Origins, routing, serve};

/// Addresses of one door, and names of one.
const MAX_ADDRESSES: usize = 8;
const MAX_HOSTS: usize = 64;

/// Where a door is; off when it listens nowhere.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DoorConfig {
    pub listen: Vec<SocketAddr>,
    /// The operator named the addresses.
    pub chosen: bool,
    /// Names by which it is reached, besides addresses and `localhost`.
    pub hosts: Vec<String>,
}

#[derive(Debug, Clone)]
pub struct HttpConfig {
    pub door: DoorConfig,
    pub max_connections: usize,
    /// The file with the token for `/idgen/`.
    pub token_file: PathBuf,
    /// How long an id is on lease.
    pub idgen_lease: Duration,
}

#[derive(Debug, Clone)]
pub struct RoutingConfig {
    pub door: DoorConfig,
    pub max_connections: usize,
    pub limits: routing::Config,
}

#[derive(Debug, Clone)]
pub struct MetricsConfig {
    pub door: DoorConfig,
    /// Series of each head.
    pub per_head: bool,
    /// The predecessor's names, too.
    pub compatibility: bool,
}

impl DoorConfig {
    /// The door as it is to be opened; `None` when it is off.
    #[must_use]
    pub fn open(
        &self,
        name: &'static str,
        hosts_setting: &'static str,
        origins: Origins,
        bounds: serve::Bounds,
    ) -> Option<serve::Door> {
        let (addrs, hosts, chosen) = (self.listen.clone(), self.hosts.clone(), self.chosen);
        (!addrs.is_empty()).then_some(serve::Door {
            name,
            addrs,
            chosen,
            hosts,
            hosts_setting,
            origins,
            bounds,
        })
    }
}

impl Fill {
    pub(super) fn http(&mut self, data_dir: Option<&Path>) -> Option<HttpConfig> {
        let door = self.door("http.listen", "http.expose", "http.hosts");
        let max_connections = self.one("http.max_connections", number(1..=65_536));
        let token_file = self.one("http.token_file", |text| match text {
            "auto" => Ok(data_dir.map(|dir| dir.join("http-token")).unwrap_or_default()),
            "" => Err("is no path".to_owned()),
            text => Ok(text.into()),
        });
        let lease = self.one("http.idgen_lease_seconds", number(10..=31_536_000));
        Some(HttpConfig {
            door: door?,
            max_connections: usize::try_from(max_connections?).ok()?,
            token_file: token_file?,
            idgen_lease: Duration::from_secs(lease?),
        })
    }

    pub(super) fn routing(&mut self) -> Option<RoutingConfig> {
        let door = self.door("routing.listen", "routing.expose", "routing.hosts");
        let max_connections = self.one("routing.max_connections", number(1..=65_536));
        let requests = self.one("routing.requests_per_second", number(0..=1_000_000));
        let lookups_per_second = self.one("routing.lookups_per_second", number(1..=10_000));
        let lookups = self.one("routing.lookups", number(1..=1_000));
        Some(RoutingConfig {
            door: door?,
            max_connections: usize::try_from(max_connections?).ok()?,
            limits: routing::Config {
                requests_per_second: u32::try_from(requests?).ok()?,
                lookups_per_second: u32::try_from(lookups_per_second?).ok()?,
                lookups: u32::try_from(lookups?).ok()?,
            },
        })
    }

    pub(super) fn metrics(&mut self) -> Option<MetricsConfig> {
        let door = self.door("metrics.listen", "metrics.expose", "metrics.hosts");
        let per_head = self.one("metrics.per_head", switch);
        let compatibility = self.one("metrics.compatibility", switch);
        Some(MetricsConfig { door: door?, per_head: per_head?, compatibility: compatibility? })
    }

    /// A door by the keys of its three settings.
    pub(super) fn door(
        &mut self,
        listen: &'static str,
        expose: &'static str,
        hosts: &'static str,
    ) -> Option<DoorConfig> {
        let addrs = self.many(listen, addresses);
        let exposed = self.one(expose, switch);
        let hosts = self.many(hosts, names);
        let (addrs, exposed) = (addrs?, exposed?);
        let open = addrs.0.iter().find(|addr| !addr.ip().to_canonical().is_loopback());
        if let (Some(open), false) = (open, exposed) {
            let text = format!("{open} can be reached from other machines");
            let next = format!("listen on 127.0.0.1, or set {expose} = true when that is meant");
            self.problems.push(Problem::at(listen, &self.top(listen).origin, text).next(next));
            return None;
        }
        let chosen = self.top(listen).origin != Origin::Default;
        Some(DoorConfig { listen: addrs.0, chosen, hosts: hosts? })
    }
}

/// Shown as `off` when there is none.
struct Addresses(Vec<SocketAddr>);

impl super::shown::Shown for Addresses {
    fn text(&self) -> String {
        if self.0.is_empty() { "off".to_owned() } else { self.0.text() }
    }
    fn json(&self) -> serde_json::Value {
        self.0.json()
    }
}

fn addresses(written: &[String]) -> Result<Addresses, String> {
    if let [one] = written
        && matches!(one.as_str(), "off" | "none")
    {
        return Ok(Addresses(Vec::new()));
    }
    if written.is_empty() {
        return Err("the list is empty; write off for no door".to_owned());
    }
    if written.len() > MAX_ADDRESSES {
        return Err(format!("{} addresses are more than {MAX_ADDRESSES}", written.len()));
    }
    let mut addrs = Vec::new();
    for text in written {
        for addr in address(text).ok_or_else(|| format!("\"{}\" is no address with a port", shorten(text)))? {
            if addr.port() != 0 && addrs.contains(&addr) {
                return Err(format!("\"{}\" stands there twice", shorten(text)));
            }
            addrs.push(addr);
        }
    }
    Ok(Addresses(addrs))
}

/// `localhost:PORT` and, as Go programs write it, `:PORT` are read, too.
fn address(text: &str) -> Option<Vec<SocketAddr>> {
    if let Ok(addr) = text.parse() {
        return Some(vec![addr]);
    }
    let (host, port) = text.rsplit_once(':')?;
    let port: u16 = port.parse().ok()?;
    match host {
        "localhost" => Some(vec![(Ipv4Addr::LOCALHOST, port).into()]),
        "" => Some(vec![(Ipv6Addr::UNSPECIFIED, port).into()]),
        _ => None,
    }
}

fn names(written: &[String]) -> Result<Vec<String>, String> {
    if written.len() > MAX_HOSTS {
        return Err(format!("{} names are more than {MAX_HOSTS}", written.len()));
    }
    let good = |name: &String| {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
        (1..=253).contains(&name.len()) && name.bytes().all(plain)
    };
    match written.iter().find(|name| !good(name)) {
        Some(name) => Err(format!("\"{}\" is no name (a port does not belong to it)", shorten(name))),
        None => Ok(written.iter().map(|name| name.to_ascii_lowercase()).collect()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(texts: &[&str]) -> Result<Vec<SocketAddr>, String> {
        addresses(&texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>()).map(|read| read.0)
    }

    #[test]
    fn addresses_are_read_as_people_and_go_programs_write_them() {
        for (text, meant) in [
            ("127.0.0.1:7779", "127.0.0.1:7779"),
            ("localhost:1", "127.0.0.1:1"),
            (":80", "[::]:80"),
            ("[::1]:0", "[::1]:0"),
        ] {
            assert_eq!(read(&[text]), Ok(vec![meant.parse().expect("an address")]), "{text}");
        }
        assert_eq!(read(&["off"]), Ok(Vec::new()));
        for wrong in [
            &["127.0.0.1"][..],
            &["7779"],
            &["hydra.example:1"],
            &["127.0.0.1:99999"],
            &[],
            &["off", "[::1]:1"],
        ] {
            read(wrong).expect_err(&wrong.join(" "));
        }
        read(&["[::1]:5", "[::1]:5"]).expect_err("twice");
    }

    #[test]
    fn names_are_names() {
        let read = |text: &str| names(&[text.to_owned()]);
        assert_eq!(read("Hydra.example.ORG"), Ok(vec!["hydra.example.org".to_owned()]));
        for wrong in ["", "a b", "hydra:80", "http://hydra", "*"] {
            read(wrong).expect_err(wrong);
        }
    }
}
