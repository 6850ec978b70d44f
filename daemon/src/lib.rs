//! hydrad: many DHT server identities over one shared record store.
//!
//! [`boot`] is the table of contents of the daemon. The rooms of the house stand below in the
//! order of allowed imports: a room imports only those after it (`tests/tests/rooms.rs` checks).
//! The way of a request is told in `docs/architecture.md`.

pub mod boot;

pub mod commands;

pub mod config;

pub mod api;

pub mod hydra;

pub mod head;

pub mod scout;

pub mod prefetch;

pub mod net;

pub mod dht;

pub mod routing;

pub mod belly;

pub mod state;

pub mod identity;

pub mod wire;

pub mod limits;

pub mod telemetry;
