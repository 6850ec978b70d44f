//! What of a head a request needs.

use std::sync::Arc;

use libp2p::PeerId;

use crate::telemetry::HeadCounters;
use crate::wire::Key256;

/// The identity that was asked.
#[derive(Debug)]
pub struct Local {
    /// Index of the head.
    pub index: u32,
    pub peer: PeerId,
    pub key: Key256,
    pub counters: Arc<HeadCounters>,
}

impl Local {
    #[must_use]
    pub fn new(index: u32, peer: PeerId) -> Self {
        Self { index, peer, key: Key256::of_peer(&peer), counters: Arc::default() }
    }
}
