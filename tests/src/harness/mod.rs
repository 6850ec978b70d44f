//! Runs real daemons and the counterparts (Kubo, go-libp2p, js-libp2p) for whole-system
//! tests, each in a directory of its own, and ends them with the test.
//!
//! Comes in: the paths of the binaries (`binaries`). Goes out: addresses of heads,
//! answers of commands, CPU seconds and memory. Must not judge answers: the tests do.
//! Everything listens on loopback, and nothing ever gets a public bootstrap list.

pub mod binaries;
pub mod daemon;
pub mod eventually;
pub mod kubo;
pub mod line_node;
pub mod netns;
pub mod process;
pub mod target;

pub use binaries::{Missing, counterpart};
pub use daemon::{Daemon, HeadAddress, hydractl};
pub use eventually::eventually;
pub use kubo::Kubo;
pub use line_node::{LineNode, Sort};
pub use netns::Namespace;
pub use process::{Child, Usage};
pub use target::Target;
