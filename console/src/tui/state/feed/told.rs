//! Answers, as the protocol has them.

use hydra_protocol::v1::{
    Belly, GetHistoryResponse, GetRecordsResponse, GetTrafficResponse, Head, ListEventsResponse,
    ListMostAskedResponse, ListPrefetchKeysResponse, ListRecordsResponse, ListRegionsResponse, Network, Peer,
    Prefetch, SurveyPeersResponse, TailLogResponse,
};
use prost::{DecodeError, Message as _};

use super::Ask;

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
