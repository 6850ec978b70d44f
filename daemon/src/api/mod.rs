//! The doors of the daemon: what operators and programs ask of it.
//!
//! Translates between `hydra/` and the outside; must not keep state of its own or decide
//! anything about heads, peers or records.

pub mod control;
pub mod http;
pub mod metrics;
