//! hydrad: many DHT server identities over one shared record store.
//!
//! The rooms of the house, in the order of allowed imports: a room imports only the
//! rooms below it (`tests/tests/rooms.rs` checks). The way of a request is told in
//! `docs/architecture.md`.

pub mod api;
pub mod belly;
pub mod commands;
pub mod config;
pub mod dht;
pub mod head;
pub mod hydra;
pub mod identity;
pub mod limits;
pub mod net;
pub mod routing;
pub mod scout;
pub mod state;
pub mod telemetry;
pub mod wire;
