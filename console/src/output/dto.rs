//! The JSON contract: our own types, apart from the wire, snapshot-tested.
//!
//! Names carry their units (`_seconds _bytes _ratio _per_second`, windows `_1m _10m`, times
//! `_at`); what is unknown is `null`; enums are lower case. Strings that come from strangers
//! are neutralised here, on the way in, so that no encoder can forget it.

mod belly;
mod event;
mod fetch;
mod head;
mod log;
mod network;
mod number;
mod peer;
mod prefetch;
mod record;
mod setting;
mod stats;
mod status;
mod unique;

use jiff::Timestamp;
use serde::Serialize;

pub use belly::{AskedKey, Belly, BellyWarming, Generation, PurgedRecords, Region, TopProvider};
pub use event::Event;
pub use fetch::{AskedServer, Fetch, FetchedProvider};
pub use head::{Bucket, Head, Neighbour, PurgedHead, Reach};
pub use log::{LogLevel, LogLine};
pub use network::{Coverage, CoveragePlan, CoverageWith, HeadGroup, Network, Place, PlannedNetwork};
pub use peer::Peer;
pub use prefetch::{Outcomes, PrefetchKey, PrefetchSource, PrefetchStatus};
pub use record::Record;
pub use setting::{Overridden, Setting, SettingChange, Source};
pub use stats::{Series, StatsPoint};
pub use status::{Check, Door, Drop, HeadsTarget, PrefetchSummary, Status, Version, Warning, finding};
pub use unique::UniquePeers;

use super::look::exact;
use super::text::{neutral, neutral_owned};

/// A moment, in JSON as RFC 3339 in UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moment(pub Timestamp);

impl Serialize for Moment {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&exact(self.0))
    }
}

/// A wire time; one that no calendar has is unknown.
fn moment(wire: Option<prost_types::Timestamp>) -> Option<Moment> {
    let wire = wire?;
    Timestamp::new(wire.seconds, wire.nanos).ok().map(Moment)
}

/// Seconds from one moment to another, negative when it is the earlier one.
fn seconds(from: Timestamp, to: Option<Moment>) -> Option<i64> {
    Some(to?.0.as_second() - from.as_second())
}

/// An empty string of the wire is "not known".
fn known(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| neutral(text))
}

fn all_neutral(texts: &[String]) -> Vec<String> {
    texts.iter().map(|text| neutral(text)).collect()
}

/// As [`known`], of a text that is given away.
fn known_owned(text: String) -> Option<String> {
    (!text.is_empty()).then(|| neutral_owned(text))
}
