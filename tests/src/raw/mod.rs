//! A client of the wire that hides nothing: it dials over a chosen transport, opens
//! streams of any protocol, writes any bytes and shows how a stream ended.
//!
//! It shares no code with the daemon, so that a mistake there is not repeated here:
//! messages, framing and IPNS records are written from the public specifications once more.
//! Must not judge: the tests do.

pub mod ipns;
pub mod message;
pub mod node;
mod open;
pub mod stream;

pub use message::{Message, Peer, Record, frame};
pub use node::{RawNode, Transport};
pub use stream::{Answer, RawStream};
