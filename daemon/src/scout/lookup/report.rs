//! What a lookup did: whom it asked, and what came of it.

use std::time::Duration;

use libp2p::PeerId;

use crate::net::RpcError;
use crate::wire::Key256;

/// The story of a lookup; at most [`super::walk::MAX_ASKED`] peers.
#[derive(Debug, Clone, PartialEq)]
pub struct Report {
    /// Where the key is.
    pub place: Key256,
    /// Peers of the table that it started from.
    pub started_from: usize,
    /// In the order in which they were asked.
    pub asked: Vec<Asked>,
    pub ended: Ended,
    pub took: Duration,
    /// Where the first answer with what was wanted came from: 1 is a peer of the table.
    pub found_at_hop: Option<u32>,
}

/// One peer that was asked.
#[derive(Debug, Clone, PartialEq)]
pub struct Asked {
    pub peer: PeerId,
    /// 1: from the table; else one more than the peer that named it.
    pub hop: u32,
    /// Leading bits that its place shares with the key.
    pub shared_bits: u32,
    /// As identify told it; empty when it did not.
    pub agent: std::sync::Arc<str>,
    pub outcome: Outcome,
    /// Until the answer or the failure, dial included.
    pub took: Duration,
}

/// What came of asking a peer.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// Not answered when the lookup ended.
    Waiting,
    /// The counts are of what it named, before anything was left out as known already.
    Answered {
        closer: usize,
        providers: usize,
        value: bool,
    },
    Failed(RpcError),
}

/// How a lookup ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// Not yet; or it was dropped.
    Running,
    /// The closest peers have answered.
    Complete,
    /// As much was found as was wanted.
    Enough,
    Deadline,
    /// The table has nobody to start from.
    NobodyToAsk,
}

impl Ended {
    /// As it stands in messages.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Complete => "complete",
            Self::Enough => "enough",
            Self::Deadline => "deadline",
            Self::NobodyToAsk => "nobody to ask",
        }
    }
}

impl Report {
    pub(super) fn new(place: Key256, started_from: usize) -> Self {
        let (asked, ended, took) = (Vec::new(), Ended::Running, Duration::ZERO);
        Self { place, started_from, asked, ended, took, found_at_hop: None }
    }

    /// Peers that answered.
    #[must_use]
    pub fn answered(&self) -> usize {
        self.asked.iter().filter(|asked| matches!(asked.outcome, Outcome::Answered { .. })).count()
    }

    /// Peers that were asked and failed.
    #[must_use]
    pub fn failed(&self) -> usize {
        self.asked.iter().filter(|asked| matches!(asked.outcome, Outcome::Failed(_))).count()
    }
}
