//! What the process may use: connections, handshakes, descriptors, memory, checks.
//!
//! One budget for all heads and the scout. Knows no peers and no messages; a refusal is a
//! `telemetry::Drop` for the caller to count.

mod backoff;
pub mod bucket;
pub mod budget;
pub mod machine;

pub use backoff::Backoff;
pub use bucket::TokenBucket;
pub use budget::{Budget, Permit};
pub use machine::{Machine, dir_bytes, disk_free};
