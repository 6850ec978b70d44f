//! Which of a router's records cross into the DHT: those that a bitswap client can use.
//!
//! The predecessor forwarded all of them, and peers choked on what was none of theirs.

use libp2p::{Multiaddr, PeerId};
use serde::Deserialize;
use serde_json::Value;

use crate::belly::Provider;
use crate::routing::AddressPolicy;
use crate::telemetry::{Drop as Reason, drops};
use crate::wire::AddrList;
use crate::wire::class::{Transport, class};

/// The transfer protocol that the DHT's clients speak.
const BITSWAP: &str = "transport-bitswap";

/// Addresses of one record that are looked at.
const MAX_ADDRS: usize = 64;

/// The fields of the `peer` schema and of its forerunner `bitswap` that matter here.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Record {
    schema: String,
    #[serde(rename = "ID")]
    id: String,
    #[serde(default)]
    addrs: Option<Vec<String>>,
    #[serde(default)]
    protocols: Option<Vec<String>>,
}

impl Record {
    /// No protocols named: nobody knows, as with what the DHT says itself.
    fn speaks_bitswap(&self) -> bool {
        let named = self.protocols.as_deref().unwrap_or_default();
        match self.schema.as_str() {
            "bitswap" => true,
            "peer" => named.is_empty() || named.iter().any(|name| name.eq_ignore_ascii_case(BITSWAP)),
            _ => false,
        }
    }

    fn provider(self, policy: AddressPolicy) -> Option<Provider> {
        if !self.speaks_bitswap() {
            return None;
        }
        let peer: PeerId = peer_id(&self.id)?;
        let named = self.addrs.unwrap_or_default();
        let addrs: Vec<Multiaddr> = named.iter().take(MAX_ADDRS).filter_map(|a| a.parse().ok()).collect();
        let usable = addrs.iter().map(AsRef::as_ref).filter(|raw: &&[u8]| is_transport(raw));
        let addrs: AddrList = policy.admit(&peer, usable);
        // addresses that nobody can dial are worse than none: nobody would look further
        (named.is_empty() || !addrs.is_empty()).then_some(Provider { peer, addrs })
    }
}

/// As base58 or as a CID of the key.
fn peer_id(text: &str) -> Option<PeerId> {
    text.parse().ok().or_else(|| {
        let cid: cid::Cid = text.parse().ok()?;
        PeerId::from_bytes(&cid.hash().to_bytes()).ok()
    })
}

/// tcp, QUIC or websockets: not a web server's address, not a relay's.
fn is_transport(raw: &[u8]) -> bool {
    class(raw).is_some_and(|class| {
        matches!(class.transport, Transport::Tcp | Transport::QuicV1 | Transport::Ws | Transport::Wss)
    })
}

/// The provider that a record names; `None`, and counted, when no client could use it.
pub(super) fn provider(record: Value, policy: AddressPolicy) -> Option<Provider> {
    let provider = Record::deserialize(record).ok().and_then(|record| record.provider(policy));
    if provider.is_none() {
        drops::count(Reason::RouterRecord);
    }
    provider
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const PEER: &str = "12D3KooWD3eckifWpRn9wQpMG9R9hX3sD158z7EqHWmweQAJU5SA";

    fn with(fields: Value) -> Value {
        let mut record = json!({"Schema": "peer", "ID": PEER, "Addrs": ["/ip4/8.8.8.8/tcp/4001"]});
        for (name, value) in fields.as_object().expect("an object") {
            record[name] = value.clone();
        }
        record
    }

    fn addrs(record: Value) -> Option<Vec<String>> {
        let provider = provider(record, AddressPolicy::Public)?;
        assert_eq!(provider.peer.to_string(), PEER);
        Some(provider.addrs.parsed().map(|a| a.to_string()).collect())
    }

    #[test]
    fn only_what_a_bitswap_client_can_use_crosses() {
        let one = || Some(vec!["/ip4/8.8.8.8/tcp/4001".to_owned()]);
        for fields in [
            json!({}),
            json!({"Protocols": null}),
            json!({"Protocols": []}),
            json!({"Protocols": ["transport-graphsync-filecoinv1", "Transport-Bitswap"]}),
            json!({"Schema": "bitswap", "Protocol": "transport-bitswap"}),
            json!({"ID": "bafzaajaiaejcal5vijjuk52pvdhfynyjmzy2vuaf2lgpkduqgdqfuz2rkwwzzcdt", "x": {"y": [1]}}),
        ] {
            assert!(provider(with(fields.clone()), AddressPolicy::Public).is_some(), "{fields}");
        }
        assert_eq!(addrs(with(json!({}))), one());
        for fields in [
            json!({"Protocols": ["transport-ipfs-gateway-http"]}),
            json!({"Schema": "graphsync-filecoinv1"}),
            json!({"Schema": "unknown"}),
            json!({"Schema": null}),
            json!({"ID": "nobody"}),
            json!({"ID": 7}),
            json!({"Addrs": "/ip4/8.8.8.8/tcp/4001"}),
            json!({"Addrs": ["/ip4/192.168.1.1/tcp/4001"]}),
            json!({"Addrs": ["/dns4/gateway.example.org/tcp/443/https", "/ip4/8.8.8.8/tcp/443/http"]}),
            json!({"Addrs": ["nonsense"]}),
        ] {
            assert_eq!(provider(with(fields.clone()), AddressPolicy::Public), None, "{fields}");
        }
        assert_eq!(provider(json!([1, 2]), AddressPolicy::Public), None);
    }

    #[test]
    fn addresses_are_those_of_transports_that_the_policy_allows() {
        let fields = json!({"Addrs": [
            "/ip4/10.0.0.1/tcp/4001",
            "/ip4/8.8.8.8/udp/4001/quic-v1",
            format!("/ip4/8.8.8.8/tcp/4001/p2p/{PEER}"),
            "/dns4/gateway.example.org/tcp/443/https",
            "/ip4/8.8.8.8/tcp/443/tls/ws",
        ]});
        let expected =
            ["/ip4/8.8.8.8/udp/4001/quic-v1", "/ip4/8.8.8.8/tcp/4001", "/ip4/8.8.8.8/tcp/443/tls/ws"];
        assert_eq!(addrs(with(fields)), Some(expected.map(str::to_owned).to_vec()));
        // nobody knows where it is: a client looks further
        assert_eq!(addrs(with(json!({"Addrs": []}))), Some(Vec::new()));
    }
}
