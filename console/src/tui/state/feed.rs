//! What a page needs beyond the subscription. While a page is open the connection asks for it
//! again and again; what came last is kept when the page is left, so that coming back shows
//! something at once.
mod ask;
mod told;

use std::mem::discriminant;
use std::time::Duration;

use hydra_protocol::v1::{
    AskedKey, Belly, Event, GetHistoryResponse, GetRecordsResponse, GetTrafficResponse, Head,
    ListRecordsResponse, LogLine, Network, Peer, Prefetch, PrefetchKey, Region, SurveyPeersResponse,
};

pub use ask::Ask;
pub use told::Told;

use super::neutral;

/// The last answer to a question.
#[derive(Clone, Debug)]
pub struct Feed {
    ask: Ask,
    told: Option<Told>,
    trouble: String,
    received: Duration,
}

/// Answers to questions for series that are kept: one a page, and a window more.
const PASTS: usize = 8;

/// The last answers: one of a kind.
#[derive(Clone, Debug, Default)]
pub struct Feeds(Vec<Feed>);

/// The answer of a kind, if it is there.
macro_rules! of {
    ($self:ident, $kind:ident) => {
        $self.0.iter().find_map(|feed| match &feed.told {
            Some(Told::$kind(told)) => Some(told),
            _ => None,
        })
    };
}

impl Feeds {
    /// Keeps an answer, without what steers a terminal.
    pub(super) fn take(&mut self, ask: Ask, result: Result<Told, String>, now: Duration) {
        let same = |feed: &Feed| match ask {
            Ask::Past { .. } => feed.ask == ask,
            _ => discriminant(&feed.ask) == discriminant(&ask),
        };
        let at = self.0.iter().position(same);
        let old = at.map(|at| self.0.remove(at)).filter(|feed| feed.ask == ask);
        let feed = match result {
            Ok(mut told) => {
                neutral::clean_told(&mut told);
                Feed { ask, told: Some(told), trouble: String::new(), received: now }
            }
            Err(trouble) => {
                let received = old.as_ref().map_or(now, |feed| feed.received);
                Feed { ask, told: old.and_then(|feed| feed.told), trouble: neutral(&trouble), received }
            }
        };
        self.0.push(feed);
        // of series each page and window has its own answer
        let is_past = |feed: &Feed| matches!(feed.ask, Ask::Past { .. });
        if self.0.iter().filter(|feed| is_past(feed)).count() > PASTS
            && let Some(oldest) = self.0.iter().position(is_past)
        {
            self.0.remove(oldest);
        }
    }

    fn find(&self, ask: &Ask) -> Option<&Feed> {
        self.0.iter().find(|feed| feed.ask == *ask)
    }

    /// Why the last try to ask this brought nothing; empty when it did, or was not made.
    #[must_use]
    pub fn trouble(&self, ask: &Ask) -> &str {
        self.find(ask).map_or("", |feed| feed.trouble.as_str())
    }

    /// Why the last try to ask for series brought nothing.
    #[must_use]
    pub fn past_trouble(&self) -> &str {
        let feed = self.0.iter().rfind(|feed| matches!(feed.ask, Ask::Past { .. }));
        feed.map_or("", |feed| feed.trouble.as_str())
    }

    /// When the answer came, since the start of `top`.
    #[must_use]
    pub fn received(&self, ask: &Ask) -> Option<Duration> {
        self.find(ask).filter(|feed| feed.told.is_some()).map(|feed| feed.received)
    }

    /// A head with its neighbours, if it is the one of this name.
    #[must_use]
    pub fn head(&self, name: &str) -> Option<&Head> {
        of!(self, Head).map(AsRef::as_ref).filter(|head| head.name == name)
    }

    /// The peers; of the last question, whichever it was.
    #[must_use]
    pub fn survey(&self) -> Option<&SurveyPeersResponse> {
        of!(self, Survey).map(AsRef::as_ref)
    }

    /// A peer, if it is the one of this id.
    #[must_use]
    pub fn peer(&self, id: &str) -> Option<&Peer> {
        match &self.find(&Ask::Peer(id.to_owned()))?.told {
            Some(Told::Peer(peer)) => Some(peer),
            _ => None,
        }
    }

    /// What the belly has of this key.
    #[must_use]
    pub fn record(&self, key: &str) -> Option<&GetRecordsResponse> {
        let feed = self.find(&Ask::Record(key.to_owned()))?;
        match &feed.told {
            Some(Told::Record(record)) => Some(record),
            _ => None,
        }
    }

    /// Records by prefix or provider.
    #[must_use]
    pub fn records(&self, ask: &Ask) -> Option<&ListRecordsResponse> {
        match &self.find(ask)?.told {
            Some(Told::Records(records)) => Some(records),
            _ => None,
        }
    }

    /// The belly.
    #[must_use]
    pub fn belly(&self) -> Option<&Belly> {
        of!(self, Belly).map(AsRef::as_ref)
    }

    /// The keys asked for most.
    #[must_use]
    pub fn most_asked(&self) -> Option<&[AskedKey]> {
        of!(self, MostAsked).map(|told| told.keys.as_slice())
    }

    /// The parts of the keyspace.
    #[must_use]
    pub fn regions(&self) -> Option<&[Region]> {
        of!(self, Regions).map(|told| told.regions.as_slice())
    }

    /// Prefetching.
    #[must_use]
    pub fn prefetch(&self) -> Option<&Prefetch> {
        of!(self, Prefetch).map(AsRef::as_ref)
    }

    /// The keys that are looked up, and that wait.
    #[must_use]
    pub fn prefetch_keys(&self) -> Option<&[PrefetchKey]> {
        of!(self, PrefetchKeys).map(|told| told.keys.as_slice())
    }

    /// The network.
    #[must_use]
    pub fn network(&self) -> Option<&Network> {
        of!(self, Network).map(AsRef::as_ref)
    }

    /// What requests came and were made.
    #[must_use]
    pub fn traffic(&self) -> Option<&GetTrafficResponse> {
        of!(self, Traffic).map(AsRef::as_ref)
    }

    /// The servers around a place, if it is this one.
    #[must_use]
    pub fn around(&self, ask: &Ask) -> Option<&SurveyPeersResponse> {
        match &self.find(ask)?.told {
            Some(Told::Around(around)) => Some(around),
            _ => None,
        }
    }

    /// Older events.
    #[must_use]
    pub fn events(&self) -> Option<&[Event]> {
        of!(self, Events).map(|told| told.events.as_slice())
    }

    /// Who did what.
    #[must_use]
    pub fn audit(&self) -> Option<&[LogLine]> {
        of!(self, Audit).map(|told| told.lines.as_slice())
    }

    /// The newest answer with all of these series; `seconds`: only one that was asked for so far
    /// back.
    #[must_use]
    pub fn past(&self, series: &[&str], seconds: Option<i64>) -> Option<&GetHistoryResponse> {
        self.0.iter().rev().find_map(|feed| {
            let (Ask::Past { seconds: asked, .. }, Some(Told::Past(past))) = (&feed.ask, &feed.told) else {
                return None;
            };
            let has = |name: &&str| past.series.iter().any(|values| values.name == **name);
            (seconds.is_none_or(|seconds| seconds == *asked) && series.iter().all(has)).then_some(past)
        })
    }
}
