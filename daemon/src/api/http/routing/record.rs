//! A peer as a record of the `peer` schema.

use std::io::Write as _;

use libp2p::{Multiaddr, PeerId};

use super::filter::Filter;
use crate::wire::AddrList;

/// Writes the record of a peer, or nothing when the filter leaves it out. Says whether it was
/// written. Nobody here knows which transfer protocols a peer speaks.
pub(super) fn write(out: &mut Vec<u8>, peer: &PeerId, addrs: &AddrList, filter: &Filter) -> bool {
    if !filter.takes_unknown_protocols() || (addrs.is_empty() && !filter.takes_unknown_addrs()) {
        return false;
    }
    let before = out.len();
    // writing to memory does not fail
    write!(out, r#"{{"Schema":"peer","ID":"{peer}","Addrs":["#).ok();
    let begin = out.len();
    for addr in addrs.parsed().filter(|addr: &Multiaddr| filter.takes(addr)) {
        if out.len() > begin {
            out.push(b',');
        }
        // a DNS name of a stranger's may have any character
        serde_json::to_writer(&mut *out, &addr).ok();
    }
    // where it is, is known: not where it was asked for
    if out.len() == begin && !addrs.is_empty() && filter.chooses_addrs() {
        out.truncate(before);
        return false;
    }
    out.extend_from_slice(br#"],"Protocols":[]}"#);
    true
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    fn record(addrs: &[&str], filter: &str) -> Option<Vec<String>> {
        let peer: PeerId = "12D3KooWD3eckifWpRn9wQpMG9R9hX3sD158z7EqHWmweQAJU5SA".parse().expect("a peer id");
        let addrs: Vec<Multiaddr> = addrs.iter().map(|a| a.parse().expect("an address")).collect();
        let filter = Filter::read(&[("filter-addrs".to_owned(), filter.to_owned())]).expect("a filter");
        let mut out = Vec::new();
        if !write(&mut out, &peer, &addrs.iter().collect(), &filter) {
            assert!(out.is_empty());
            return None;
        }
        let record: Value = serde_json::from_slice(&out).expect("JSON");
        assert_eq!((&record["Schema"], &record["ID"]), (&"peer".into(), &peer.to_string().into()));
        let addrs = record["Addrs"].as_array().expect("a list").iter();
        Some(addrs.map(|a| a.as_str().expect("text").to_owned()).collect())
    }

    #[test]
    fn a_record_has_the_addresses_that_are_wanted_or_is_left_out() {
        let (tcp, quic) = ("/ip4/8.8.8.8/tcp/4001", "/ip4/8.8.8.8/udp/4001/quic-v1");
        assert_eq!(record(&[tcp, quic], ""), Some(vec![tcp.to_owned(), quic.to_owned()]));
        assert_eq!(record(&[tcp, quic], "quic-v1"), Some(vec![quic.to_owned()]));
        assert_eq!(record(&[tcp], "quic-v1"), None);
        // its addresses are known: they are not the ones asked for
        assert_eq!(record(&[tcp], "quic-v1,unknown"), None);
        assert_eq!(record(&[], "quic-v1,unknown"), Some(Vec::new()));
        assert_eq!(record(&[], "!tcp"), None);
        assert_eq!(record(&[], ""), Some(Vec::new()));
    }

    #[test]
    fn a_name_with_quotes_does_not_break_out() {
        let name = "/dns4/a\"b\\c/tcp/1";
        assert_eq!(record(&[name], ""), Some(vec![name.to_owned()]));
    }
}
