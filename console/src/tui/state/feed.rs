//! What a page needs beyond the subscription. While a page is open the connection asks for it
//! again and again; what came last is kept when the page is left, so that coming back shows
//! something at once.

use std::mem::discriminant;
use std::time::Duration;

use hydra_protocol::v1::{
    AskedKey, Belly, Event, GetHistoryResponse, GetRecordsResponse, GetTrafficResponse, Head,
    ListEventsResponse, ListMostAskedResponse, ListPrefetchKeysResponse, ListRecordsResponse,
    ListRegionsResponse, LogLine, Network, Peer, PeerSort, Prefetch, PrefetchKey, Region,
    SurveyPeersResponse, TailLogResponse,
};
use prost::{DecodeError, Message as _};
use serde::{Deserialize, Serialize};

use super::neutral;

/// A question that is asked again and again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ask {
    /// One head with its neighbours and buckets, by name.
    Head(String),
    /// The peers as a picture, and one page of them.
    Survey {
        /// The first bits of the keys of a range.
        prefix: u64,
        /// How many of them count; 0: all keys.
        bits: u32,
        /// Which are listed; may be empty.
        filter: String,
        /// In which order.
        #[serde(with = "order")]
        sort: PeerSort,
        /// The greatest first.
        descending: bool,
        /// So many are left out before the first.
        offset: u32,
    },
    /// One peer, by its id.
    Peer(String),
    /// What the belly has of a key: a CID or a multihash.
    Record(String),
    /// Records by the first hex digits of their keys, or by their provider.
    Records {
        /// Hex digits; may be empty.
        prefix: String,
        /// A peer id; may be empty.
        provider: String,
    },
    /// The belly as a whole.
    Belly,
    /// The keys that are asked for most.
    MostAsked,
    /// The load of the parts of the keyspace.
    Regions,
    /// Prefetching as a whole.
    Prefetch,
    /// The keys that are looked up, and that wait.
    PrefetchKeys,
    /// The network.
    Network,
    /// What requests came and were made over the last minute.
    Traffic,
    /// How many servers there are in each part of the keyspace around a place, and which.
    Around {
        /// Bits of the place that they share; 0: the whole keyspace.
        bits: u32,
        /// The place: as many bytes as have these bits.
        place: Vec<u8>,
        /// Parts.
        bins: u32,
        /// Servers that are told.
        limit: u32,
    },
    /// Older events than the subscription brings.
    Events,
    /// Who did what: lines of the log that only the control socket tells.
    Audit,
    /// Series of values.
    Past {
        /// Their names.
        series: Vec<String>,
        /// How far back, in seconds.
        seconds: i64,
    },
}

/// An order of peers in a recording: its name in the protocol.
mod order {
    use hydra_protocol::v1::PeerSort;
    use serde::{Deserialize as _, Deserializer, Serializer};

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for it")]
    pub(super) fn serialize<S: Serializer>(sort: &PeerSort, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(sort.as_str_name())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<PeerSort, D::Error> {
        let name = String::deserialize(from)?;
        PeerSort::from_str_name(&name).ok_or_else(|| serde::de::Error::custom("no order of peers"))
    }
}

impl Ask {
    /// How long an answer is good enough.
    #[must_use]
    pub fn every(&self) -> Duration {
        let seconds = match self {
            Self::Prefetch | Self::PrefetchKeys => 1,
            Self::Survey { .. } | Self::Traffic | Self::Belly | Self::Record(_) | Self::Records { .. } => 2,
            Self::Head(_) | Self::Peer(_) | Self::MostAsked | Self::Network | Self::Events | Self::Audit => 5,
            Self::Regions | Self::Around { .. } => 10,
            // As often as a step is complete.
            Self::Past { seconds: ..=600, .. } => 2,
            Self::Past { seconds: ..=7_200, .. } => 10,
            Self::Past { .. } => 60,
        };
        Duration::from_secs(seconds)
    }
}

/// An answer, as the protocol has it.
#[derive(Clone, Debug)]
pub enum Told {
    /// To [`Ask::Head`].
    Head(Box<Head>),
    /// To [`Ask::Survey`].
    Survey(Box<SurveyPeersResponse>),
    /// To [`Ask::Peer`].
    Peer(Box<Peer>),
    /// To [`Ask::Record`].
    Record(GetRecordsResponse),
    /// To [`Ask::Records`].
    Records(ListRecordsResponse),
    /// To [`Ask::Belly`].
    Belly(Box<Belly>),
    /// To [`Ask::MostAsked`].
    MostAsked(ListMostAskedResponse),
    /// To [`Ask::Regions`].
    Regions(ListRegionsResponse),
    /// To [`Ask::Prefetch`].
    Prefetch(Box<Prefetch>),
    /// To [`Ask::PrefetchKeys`].
    PrefetchKeys(ListPrefetchKeysResponse),
    /// To [`Ask::Network`].
    Network(Box<Network>),
    /// To [`Ask::Traffic`].
    Traffic(Box<GetTrafficResponse>),
    /// To [`Ask::Around`].
    Around(Box<SurveyPeersResponse>),
    /// To [`Ask::Events`]; oldest first.
    Events(ListEventsResponse),
    /// To [`Ask::Audit`]; oldest first.
    Audit(TailLogResponse),
    /// To [`Ask::Past`].
    Past(GetHistoryResponse),
}

/// Each answer is one message of the protocol: so it is written to a recording and read from it.
macro_rules! wire {
    ($($kind:ident: $question:pat => $message:ty,)*) => {
        impl Told {
            /// Its bytes.
            #[must_use]
            pub fn encode(&self) -> Vec<u8> {
                match self { $(Self::$kind(told) => told.encode_to_vec(),)* }
            }

            /// The answer to a question from its bytes.
            ///
            /// # Errors
            /// When the bytes are no such answer.
            pub fn decode(ask: &Ask, bytes: &[u8]) -> Result<Self, DecodeError> {
                Ok(match ask { $($question => Self::$kind(<$message>::decode(bytes)?.into()),)* })
            }
        }
    };
}

wire! {
    Head: Ask::Head(_) => Head,
    Survey: Ask::Survey { .. } => SurveyPeersResponse,
    Peer: Ask::Peer(_) => Peer,
    Record: Ask::Record(_) => GetRecordsResponse,
    Records: Ask::Records { .. } => ListRecordsResponse,
    Belly: Ask::Belly => Belly,
    MostAsked: Ask::MostAsked => ListMostAskedResponse,
    Regions: Ask::Regions => ListRegionsResponse,
    Prefetch: Ask::Prefetch => Prefetch,
    PrefetchKeys: Ask::PrefetchKeys => ListPrefetchKeysResponse,
    Network: Ask::Network => Network,
    Traffic: Ask::Traffic => GetTrafficResponse,
    Around: Ask::Around { .. } => SurveyPeersResponse,
    Events: Ask::Events => ListEventsResponse,
    Audit: Ask::Audit => TailLogResponse,
    Past: Ask::Past { .. } => GetHistoryResponse,
}

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
