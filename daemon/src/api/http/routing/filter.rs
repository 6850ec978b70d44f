//! The filters of IPIP-484: `filter-addrs` and `filter-protocols`.

use axum::http::StatusCode;
use libp2p::Multiaddr;

use crate::api::http::Refusal;

/// Names in one filter, and the bytes of one (the specification's bound).
const MAX_NAMES: usize = 64;
const MAX_NAME: usize = 63;

/// Stands for "nobody knows".
const UNKNOWN: &str = "unknown";

/// What a client wants of the records, in lower case. An empty filter lets all through.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Filter {
    /// Any of these in an address, and whether the list was there at all.
    with: Vec<String>,
    /// None of these in an address.
    without: Vec<String>,
    addrs: bool,
    protocols: Vec<String>,
}

impl Filter {
    /// Of the parameters of a request; the first of several of one name counts.
    pub(super) fn read(query: &[(String, String)]) -> Result<Self, Refusal> {
        let mut filter = Self::default();
        for name in names(query, "filter-addrs")? {
            filter.addrs = true;
            match name.strip_prefix('!') {
                Some(name) => filter.without.push(name.to_owned()),
                None => filter.with.push(name),
            }
        }
        filter.protocols = names(query, "filter-protocols")?;
        Ok(filter)
    }

    /// Of a peer whose transfer protocols nobody knows: all that the DHT has.
    pub(super) fn takes_unknown_protocols(&self) -> bool {
        self.protocols.is_empty() || self.protocols.iter().any(|name| name == UNKNOWN)
    }

    /// Of a peer whose addresses nobody knows.
    pub(super) fn takes_unknown_addrs(&self) -> bool {
        !self.addrs || self.with.iter().any(|name| name == UNKNOWN)
    }

    /// Not all addresses are wanted.
    pub(super) fn chooses_addrs(&self) -> bool {
        self.addrs
    }

    pub(super) fn takes(&self, addr: &Multiaddr) -> bool {
        let has = |names: &[String]| addr.protocol_stack().any(|part| names.iter().any(|name| name == part));
        !self.addrs || (!has(&self.without) && (self.with.is_empty() || has(&self.with)))
    }
}

/// The names of one parameter.
fn names(query: &[(String, String)], parameter: &str) -> Result<Vec<String>, Refusal> {
    let Some((_, list)) = query.iter().find(|(name, _)| name == parameter) else { return Ok(Vec::new()) };
    if list.is_empty() {
        return Ok(Vec::new());
    }
    let names: Vec<String> = list.split(',').take(MAX_NAMES + 1).map(str::to_ascii_lowercase).collect();
    let wrong = |fault: String| {
        let reason = format!("{parameter} {fault}");
        Err(Refusal::new(StatusCode::UNPROCESSABLE_ENTITY, reason))
    };
    if names.len() > MAX_NAMES {
        return wrong(format!("has more than {MAX_NAMES} names"));
    }
    match names.iter().find(|name| name.trim_start_matches('!').len() > MAX_NAME) {
        Some(name) => wrong(format!("has a name of {} bytes; names have at most {MAX_NAME}", name.len())),
        None => Ok(names),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(parameter: &str, list: &str) -> Filter {
        Filter::read(&[(parameter.to_owned(), list.to_owned())]).expect(list)
    }

    fn taken(list: &str) -> Vec<usize> {
        const ADDRS: [&str; 5] = [
            "/ip4/8.8.8.8/tcp/4001",
            "/ip4/8.8.8.8/udp/4001/quic-v1",
            "/ip6/2a01:4f8::1/udp/4001/quic-v1/webtransport",
            "/dns4/example.org/tcp/443/tls/ws",
            "/ip4/8.8.8.8/tcp/4001/p2p/12D3KooWD3eckifWpRn9wQpMG9R9hX3sD158z7EqHWmweQAJU5SA/p2p-circuit",
        ];
        let filter = read("filter-addrs", list);
        let addr = |i: &usize| filter.takes(&ADDRS[*i].parse().expect("an address"));
        (0..ADDRS.len()).filter(addr).collect()
    }

    #[test]
    fn addresses_pass_with_any_wanted_name_and_no_unwanted_one() {
        for (list, passed) in [
            ("", &[0, 1, 2, 3, 4][..]),
            ("tcp", &[0, 3, 4]),
            ("TCP,quic-V1", &[0, 1, 2, 3, 4]),
            ("webtransport,tls", &[2, 3]),
            ("!tcp", &[1, 2]),
            ("!ip6,!p2p-circuit", &[0, 1, 3]),
            ("quic-v1,!ip6", &[1]),
            ("tcp,!tcp", &[]),
            ("unknown", &[]),
            ("nonsense", &[]),
            ("!nonsense", &[0, 1, 2, 3, 4]),
        ] {
            assert_eq!(taken(list), passed, "{list}");
        }
    }

    #[test]
    fn peers_of_whom_nobody_knows_more_pass_when_they_are_asked_for() {
        for (list, passes) in
            [("", true), ("unknown", true), ("tcp,Unknown", true), ("tcp", false), ("!tcp", false)]
        {
            assert_eq!(read("filter-addrs", list).takes_unknown_addrs(), passes, "{list}");
        }
        for (list, passes) in [
            ("", true),
            ("unknown,transport-bitswap", true),
            ("transport-bitswap", false),
            ("x,UNKNOWN", true),
        ] {
            assert_eq!(read("filter-protocols", list).takes_unknown_protocols(), passes, "{list}");
        }
    }

    #[test]
    fn long_lists_and_long_names_are_refused() {
        for list in ["x".repeat(64), "x,".repeat(65), ",".repeat(10_000)] {
            let refused = Filter::read(&[("filter-protocols".to_owned(), list)]).expect_err("too long");
            assert_eq!(refused.status(), StatusCode::UNPROCESSABLE_ENTITY);
        }
        read("filter-addrs", &format!("!{}", "x".repeat(63)));
    }
}
