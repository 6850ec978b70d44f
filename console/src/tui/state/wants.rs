//! What each page has the daemon be asked for, again and again.

use super::feed::Ask;
use super::{Page, State};

/// Heads of which the daemon keeps a history.
const HEADS: usize = 32;

/// The charts of the Overview whose seconds the subscription brings.
const OVERVIEW: [&str; 5] = [
    "requests.add_provider",
    "requests.get_providers",
    "requests.find_node",
    "connections.in",
    "connections.out",
];

const QUEUE: [&str; 2] = ["prefetch.waiting", "prefetch.waiting_limit"];

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

/// The size of the network, as the Overview tells it.
const SIZES: [&str; 3] = ["network.by_crawl", "network.by_distance", "network.by_distance_error"];

impl State {
    /// What the open page needs beyond the subscription. Nothing while there is no daemon: the
    /// connection asks again by itself when there is one.
    #[must_use]
    pub fn wants(&self) -> Vec<Ask> {
        let mut wants = match &self.page {
            Page::Overview | Page::Heads => vec![],
            Page::Head(name) => vec![Ask::Head(name.clone())],
            Page::Peers => vec![self.survey_ask()],
            Page::Peer(id) => vec![Ask::Peer(id.clone())],
            Page::Records => self.record_wants(),
            Page::Prefetch => vec![Ask::Prefetch, Ask::PrefetchKeys],
            Page::Network => vec![Ask::Network],
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
            Page::Network => &[&["network.by_crawl", "requests.bytes_in", "requests.bytes_out"]],
            Page::Peers => &[&["peers.live"]],
            Page::Heads => {
                let heads = self.shown().map(super::Hydra::heads).into_iter().flatten();
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
