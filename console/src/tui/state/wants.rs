//! What each page has the daemon be asked for, again and again.

use hydra_protocol::v1::Head;

use super::feed::Ask;
use super::{Hydra, Page, State};

/// Heads of which the daemon keeps a history.
const HEADS: usize = 32;
/// Seconds after which a head that serves has a history.
const SETTLED: i64 = 180;

/// The charts of the Overview whose seconds the subscription brings.
const OVERVIEW: [&str; 5] = [
    "requests.add_provider",
    "requests.get_providers",
    "requests.find_node",
    "connections.in",
    "connections.out",
];

const QUEUE: [&str; 1] = ["prefetch.waiting"];

/// What became of misses, in the order in which it is told.
pub const OUTCOMES: [&str; 10] = [
    "prefetch.found",
    "prefetch.not_found",
    "prefetch.timed_out",
    "prefetch.source_failed",
    "prefetch.refused_5m",
    "prefetch.refused_1h",
    "prefetch.queue_full",
    "prefetch.not_ours",
    "prefetch.joined",
    "prefetch.paused",
];

/// Bytes of the heads and of the scout.
const BYTES: [&str; 4] = ["requests.bytes_in", "scout.bytes_in", "requests.bytes_out", "scout.bytes_out"];

/// The size of the network, as the Overview tells it.
const SIZES: [&str; 3] = ["network.by_crawl", "network.by_distance", "network.by_distance_error"];

/// Parts of the keyspace: sixteen times 28, so that 14, 7, 4, 2 and 1 make whole cells, too.
pub const PARTS: u32 = 448;

/// The servers in the whole keyspace, none of them by name.
pub const EVERYWHERE: Ask = Ask::Around { bits: 0, place: Vec::new(), bins: PARTS, limit: 1 };

/// Servers around a head that are told by name: more than the twenty nearest need.
const NEIGHBOURS: u32 = 100;

/// The part of the keyspace around a head in which about forty to eighty servers are.
#[must_use]
pub fn neighbourhood(hydra: &Hydra, head: &str) -> Option<Ask> {
    let key = &hydra.head(head)?.key;
    let bits = (hydra.status.peers_live / 40).checked_ilog2().unwrap_or(0).min(32);
    let place = key.get(..8).unwrap_or(key).to_vec();
    Some(Ask::Around { bits, place, bins: PARTS, limit: NEIGHBOURS })
}

/// The daemon has at least a whole minute of the head: it refuses series that it does not know.
fn has_history(head: &Head, now: i64) -> bool {
    head.serving_since.is_some_and(|since| now.saturating_sub(since.seconds) > SETTLED)
}

impl State {
    /// What the page asks for, and was refused or not answered in time.
    #[must_use]
    pub fn lacks_answers(&self) -> bool {
        let refused = |ask: &Ask| self.shown().is_some_and(|hydra| !hydra.feeds.trouble(ask).is_empty());
        self.wants().iter().any(refused)
    }

    /// What the open page needs beyond the subscription. Nothing while there is no daemon: the
    /// connection asks again by itself when there is one.
    #[must_use]
    pub fn wants(&self) -> Vec<Ask> {
        let mut wants = match &self.page {
            Page::Overview => vec![],
            Page::Heads => vec![EVERYWHERE],
            Page::Head(name) => {
                let around = self.shown().and_then(|hydra| neighbourhood(hydra, name));
                std::iter::once(Ask::Head(name.clone())).chain(around).collect()
            }
            Page::Peers => vec![self.survey_ask()],
            Page::Peer(id) => vec![Ask::Peer(id.clone())],
            Page::Records => self.record_wants(),
            Page::Prefetch => vec![Ask::Prefetch, Ask::PrefetchKeys],
            Page::Network => vec![Ask::Network, Ask::Traffic],
            Page::Log => self.log_wants(),
        };
        let series = self.series();
        if !series.is_empty() {
            let window = self.window();
            wants.push(Ask::Past { series, seconds: window.seconds() + window.back() });
        }
        wants
    }

    /// The series that the page draws and the subscription does not bring.
    fn series(&self) -> Vec<String> {
        let fixed: &[&[&str]] = match &self.page {
            Page::Overview if self.window().is_recent() => &[&QUEUE, &SIZES],
            Page::Overview => &[&OVERVIEW, &QUEUE, &SIZES],
            Page::Prefetch => &[&QUEUE, &OUTCOMES, &["requests.get_providers"]],
            Page::Network => &[&["network.by_crawl"], &BYTES],
            Page::Peers => &[&["peers.live"]],
            Page::Heads => {
                let heads = self
                    .shown()
                    .into_iter()
                    .flat_map(|hydra| hydra.heads().filter(|head| has_history(head, hydra.clock())));
                return heads.take(HEADS).map(|head| format!("{}.requests", head.name)).collect();
            }
            Page::Records => {
                &[&["records.prefetched", "records.written", "records.expired", "records.dropped"]]
            }
            Page::Head(_) | Page::Peer(_) | Page::Log => &[],
        };
        fixed.concat().into_iter().map(str::to_owned).collect()
    }
}
