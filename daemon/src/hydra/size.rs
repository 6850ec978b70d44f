//! How large the network is, as far as it may be relied upon.

use crate::hydra::Hydra;
use crate::scout::CrawlReport;
use crate::scout::size::Estimate;

/// The crawl counts once no more than this share of the servers has not been asked for all
/// they know. On a large network somebody new is always left to ask.
const UNWALKED: f64 = 0.05;

/// Fewer servers are counted only by a complete crawl.
const FEW: usize = 20;

/// The two sizes.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Sizes {
    /// `None` until the crawl has been nearly everywhere.
    pub by_crawl: Option<Estimate>,
    pub by_distance: Option<Estimate>,
}

impl Sizes {
    /// What a crawl says with so many servers in the table.
    pub(super) fn of(crawl: &CrawlReport, servers: usize) -> Self {
        let nearly = servers >= FEW && crawl.unwalked as f64 <= UNWALKED * servers as f64;
        let settled = crawl.complete_after.is_some() || nearly;
        Self { by_crawl: crawl.by_count.filter(|_| settled), by_distance: crawl.by_distance }
    }

    /// One of them misleads.
    #[must_use]
    pub fn differ(&self) -> bool {
        self.by_crawl.zip(self.by_distance).is_some_and(|(count, distance)| count.contradicts(&distance))
    }

    /// Servers, when both agree or only the crawl has an answer.
    #[must_use]
    pub fn agreed(&self) -> Option<f64> {
        self.by_crawl.filter(|_| !self.differ()).map(|size| size.peers)
    }

    /// What is wrong, in words; `None` when nothing is known to be.
    pub(super) fn alarm(&self) -> Option<String> {
        let (count, distance) = self.by_crawl.zip(self.by_distance).filter(|_| self.differ())?;
        let text = |size: Estimate| format!("{:.0} ±{:.0}", size.peers, size.error);
        Some(format!("the network has {} servers by crawl and {} by distance", text(count), text(distance)))
    }
}

impl Hydra {
    /// The size of the network, our heads left out.
    #[must_use]
    pub fn sizes(&self) -> Sizes {
        Sizes::of(&self.scout.report().crawl, self.table.others())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn crawl(count: f64, distance: f64, unwalked: usize, complete: bool) -> CrawlReport {
        CrawlReport {
            unwalked,
            by_count: Some(Estimate { peers: count, error: 10.0 }),
            by_distance: Some(Estimate { peers: distance, error: 40.0 }),
            complete_after: complete.then_some(Duration::from_secs(60)),
            ..CrawlReport::default()
        }
    }

    #[test]
    fn a_crawl_that_has_only_begun_says_nothing_of_the_size() {
        assert_eq!(Sizes::of(&crawl(300.0, 3400.0, 200, false), 300).by_crawl, None);
        assert!(!Sizes::of(&crawl(300.0, 3400.0, 200, false), 300).differ());
        assert!(Sizes::of(&crawl(3500.0, 3400.0, 30, false), 3500).by_crawl.is_some());
        assert!(Sizes::of(&crawl(4.0, 4.0, 0, false), 4).by_crawl.is_none());
        assert!(Sizes::of(&crawl(4.0, 4.0, 0, true), 4).by_crawl.is_some());
    }

    #[test]
    fn sizes_that_contradict_each_other_are_no_size() {
        let good = Sizes::of(&crawl(3500.0, 3400.0, 0, true), 3500);
        assert_eq!((good.agreed(), good.alarm()), (Some(3500.0), None));
        let bad = Sizes::of(&crawl(3500.0, 1400.0, 0, true), 3500);
        assert_eq!(bad.agreed(), None);
        let text = bad.alarm().expect("an alarm");
        assert_eq!(text, "the network has 3500 ±10 servers by crawl and 1400 ±40 by distance");
    }
}
