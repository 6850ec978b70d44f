//! The DHT service: from a request to a reply over shared state, with no swarm in sight.
//!
//! [`Service::handle`] is the seam: connections call it, and so do tests, the fuzzer and the
//! benchmark. One service for all heads; what a head owns of a request is its [`Local`]
//! identity and counters. Behaviour follows kad-dht `handlers.go`, v0.42.

pub mod closer;
pub mod local;
pub mod misses;
pub mod records;
pub mod service;

mod add_provider;
mod find_node;
mod get_providers;
mod values;

pub use add_provider::NEAR;
pub use local::Local;
pub use misses::{Miss, Misses};
pub use service::{Config, Served, Service};
pub use values::NotKept;

#[cfg(test)]
mod tests;
