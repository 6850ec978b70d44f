//! Questions to the daemon, and how often each is asked.

use std::time::Duration;

use hydra_protocol::v1::PeerSort;
use serde::{Deserialize, Serialize};

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
