//! What the daemon counts and tells: counters, latencies, drops, events, history, the log.
//!
//! Owns the numbers; the rooms above write them, `api/` reads them. Must not decide
//! anything, and nothing here waits: counting is a relaxed atomic add.

pub mod counters;
pub mod drops;
pub mod events;
pub mod history;
pub mod latency;
pub mod log;
pub mod outcomes;

pub use counters::{HeadCounters, Rates, Totals};
pub use drops::Drop;
pub use events::{Event, Events, Level};
pub use history::{History, Sample};
pub use latency::Latency;
pub use outcomes::{Outcome, OutcomeTotals, Outcomes};
