//! How many distinct peers were seen, with what unites the counts of several hydras.

use data_encoding::BASE64;
use hydra_protocol::sketch::Sketch;
use jiff::Timestamp;
use serde::Serialize;

use super::Moment;

/// One count, as `peers unique` prints it; its JSON is also what `--merge` reads.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct UniquePeers {
    /// connection, request, crawl; any: all of them together.
    pub seen_by: String,
    /// When the hour began; null: since the count began.
    pub hour_at: Option<Moment>,
    /// Distinct peers, within about 1 %.
    pub peers: u64,
    /// The sketch: unite by the larger of each register (peer_service.proto).
    pub sketch_base64: String,
}

impl UniquePeers {
    /// A count from its sketch.
    #[must_use]
    pub fn of(seen_by: &str, hour: Option<Timestamp>, sketch: &Sketch) -> Self {
        Self {
            seen_by: seen_by.to_owned(),
            hour_at: hour.map(Moment),
            peers: sketch.estimate(),
            sketch_base64: BASE64.encode(&sketch.to_bytes()),
        }
    }
}
