//! What crosses the network: messages, framing, addresses, keys.
//!
//! Owns the byte formats and their bounds. Must not do I/O, hold state or decide
//! policy; every function here is safe on hostile bytes and is fuzzed.

pub mod addrs;
pub mod class;
pub mod key;

pub use addrs::AddrList;
pub use key::Key256;
