//! What a lookup in the network found, and what it did.

use data_encoding::HEXLOWER;
use hydra_protocol::v1;
use serde::Serialize;

use super::{all_neutral, known, number};
use crate::output::text::neutral;

/// A provider that a server named, as `records fetch` prints it.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct FetchedProvider {
    /// Who has the content.
    pub provider_peer_id: String,
    /// Where; empty when nobody said so.
    pub addresses: Vec<String>,
    /// The server that named it.
    pub from_peer_id: String,
    /// 1: that server stood in the daemon's table.
    pub hop: u32,
    /// From the start of the lookup.
    #[serde(serialize_with = "number::plain")]
    pub after_seconds: f64,
}

/// Answer of `records fetch -o json`.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Fetch {
    /// The DHT key.
    pub multihash_hex: String,
    /// CIDv1 with the raw codec; null when the key is no multihash.
    pub cid_raw: Option<String>,
    /// SHA-256 of the DHT key.
    pub key_hex: String,
    /// Each once, in the order in which they were found.
    pub providers: Vec<FetchedProvider>,
    /// complete, enough, deadline, nobody to ask.
    pub ended: String,
    /// How long it took.
    #[serde(serialize_with = "number::plain")]
    pub took_seconds: f64,
    /// Servers of the table that it started from.
    pub started_from: u32,
    /// Of the first answer with a provider; null without one.
    pub found_at_hop: Option<u32>,
    /// Servers that answered.
    pub answered: usize,
    /// Providers that the daemon keeps of it as prefetched records, and for how long.
    pub stored: u32,
    #[serde(serialize_with = "number::plain")]
    pub stored_seconds: f64,
    /// In the order in which they were asked.
    pub asked: Vec<AskedServer>,
}

/// A server that was asked.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct AskedServer {
    /// Who.
    pub peer_id: String,
    /// As it says of itself; null before it did.
    pub agent: Option<String>,
    /// 1: from the table; else one more than the server that named it.
    pub hop: u32,
    /// Bits that its key and the one looked for have in common.
    pub shared_bits: u32,
    /// answered, failed, waiting.
    pub outcome: String,
    /// Why it failed; null otherwise.
    pub error: Option<String>,
    /// Closer servers that it named.
    pub closer: u32,
    /// Providers that it named.
    pub providers: u32,
    /// Until the answer or the failure; null while it waits.
    #[serde(serialize_with = "number::maybe")]
    pub took_seconds: Option<f64>,
}

impl From<&v1::FetchedProvider> for FetchedProvider {
    fn from(provider: &v1::FetchedProvider) -> Self {
        Self {
            provider_peer_id: neutral(&provider.peer_id),
            addresses: all_neutral(&provider.addresses),
            from_peer_id: neutral(&provider.from_peer_id),
            hop: provider.hop,
            after_seconds: provider.after_seconds,
        }
    }
}

impl Fetch {
    /// A lookup that has ended with these providers.
    #[must_use]
    pub fn of(report: &v1::FetchReport, providers: Vec<FetchedProvider>) -> Self {
        let asked: Vec<AskedServer> = report.asked.iter().map(AskedServer::from).collect();
        Self {
            multihash_hex: HEXLOWER.encode(&report.multihash),
            cid_raw: known(&report.cid_raw),
            key_hex: HEXLOWER.encode(&report.key),
            providers,
            ended: neutral(&report.ended),
            took_seconds: report.took_seconds,
            started_from: report.started_from,
            found_at_hop: report.found_at_hop,
            answered: asked.iter().filter(|one| one.outcome == "answered").count(),
            stored: report.stored,
            stored_seconds: report.stored_seconds,
            asked,
        }
    }
}

impl From<&v1::AskedServer> for AskedServer {
    fn from(asked: &v1::AskedServer) -> Self {
        Self {
            peer_id: neutral(&asked.peer_id),
            agent: known(&asked.agent),
            hop: asked.hop,
            shared_bits: asked.shared_bits,
            outcome: neutral(&asked.outcome),
            error: known(&asked.error),
            closer: asked.closer,
            providers: asked.providers,
            took_seconds: asked.took_seconds,
        }
    }
}
