//! What the daemon counts and tells: counters, requests served and made, latencies, drops, links,
//! outcomes, unique peers, events, history, the logs.
//!
//! Owns the numbers; the rooms above write them, `api/` reads them. Must not decide
//! anything, and nothing here waits: counting is a relaxed atomic add.

pub mod asked;
pub mod counters;
pub mod doors;
pub mod drops;
pub mod events;
pub mod history;
pub mod latency;
pub mod links;
pub mod log;
pub mod outcomes;
pub mod peer_log;
pub mod requests;
pub mod unique;

pub use asked::{Asked, AskedFor};
pub use counters::{HeadCounters, Rates, Totals};
pub use drops::Drop;
pub use events::{Event, Events, Level};
pub use history::{Archive, History, Keeper, Sample};
pub use latency::Latency;
pub use outcomes::{Outcome, OutcomeTotals, Outcomes};
pub use peer_log::PeerLog;
pub use requests::Requests;
pub use unique::{SeenBy, UniquePeers};
