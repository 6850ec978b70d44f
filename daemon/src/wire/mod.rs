//! What crosses the network: messages, framing, addresses, keys.
//!
//! Owns the byte formats and their bounds. Must not do I/O, hold state or decide
//! policy; every function here is safe on hostile bytes and is fuzzed.

pub mod addrs;
pub mod bounds;
pub mod class;
pub mod field;
pub mod frame;
pub mod key;
pub mod message;

pub use addrs::AddrList;
pub use key::Key256;
pub use message::{Frame, Kind, Message, Reply};
