//! Reachability: whether strangers can dial a head, at which addresses, by which transport.
//!
//! What others see of us ([`book`]) is only a candidate; a candidate counts when a peer dialled
//! us there and brought the number that we gave it (AutoNAT v2, libp2p/specs
//! `autonat/autonat-v2.md`). libp2p's own client asks about an address once and never again,
//! believes one server, and keeps every address that strangers name: this one asks several, asks
//! again, and is bounded. Those that we can serve are dialled back in turn ([`server`]). Must not decide whether a head serves: it tells what it found.

mod behaviour;
pub mod book;
mod handler;
mod message;
mod probe;
mod server;
#[cfg(test)]
mod tests;

pub use behaviour::{Event, Reachability};
pub use book::{Book, Report, Tested, Verdict};
