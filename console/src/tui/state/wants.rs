//! What each page has the daemon be asked for, again and again.

use super::feed::Ask;
use super::{Page, State};

impl State {
    /// What the open page needs beyond the subscription. Nothing while there is no daemon: the
    /// connection asks again by itself when there is one.
    #[must_use]
    pub fn wants(&self) -> Vec<Ask> {
        let mut wants = match &self.page {
            Page::Overview | Page::Heads => vec![],
            Page::Head(name) => vec![Ask::Head(name.clone())],
            Page::Peers => vec![],
            Page::Records => self.record_wants(),
            Page::Prefetch => vec![Ask::Prefetch, Ask::PrefetchKeys],
            Page::Network => vec![Ask::Network],
            Page::Log => self.log_wants(),
        };
        let series = self.series();
        if !series.is_empty() {
            let series = series.into_iter().map(str::to_owned).collect();
            let window = self.window();
            wants.push(Ask::Past { series, seconds: window.seconds() + window.back() });
        }
        wants
    }

    /// The series that the charts of the page draw and the subscription does not bring.
    fn series(&self) -> Vec<&'static str> {
        match &self.page {
            Page::Overview if self.window().is_recent() => vec![],
            Page::Overview => vec![
                "requests.add_provider",
                "requests.get_providers",
                "requests.find_node",
                "connections.in",
                "connections.out",
            ],
            Page::Prefetch => vec![
                "prefetch.waiting",
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
            ],
            Page::Network => vec!["network.by_crawl", "requests.bytes_in", "requests.bytes_out"],
            Page::Peers => vec!["peers.live"],
            Page::Records => vec!["records.prefetched", "records.expired", "records.not_admitted"],
            Page::Heads | Page::Head(_) | Page::Log => vec![],
        }
    }
}
