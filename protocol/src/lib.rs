//! What crosses the control socket: `hydra.v1`, generated from `proto/`.

pub mod client;
pub mod sketch;

/// The generated types, clients and servers of package `hydra.v1`.
#[allow(clippy::all, clippy::pedantic, missing_docs, unreachable_pub, rust_2018_idioms)]
pub mod v1 {
    include!("generated/hydra.v1.rs");
}

/// The file descriptor set, for server reflection.
pub const DESCRIPTOR: &[u8] = include_bytes!("generated/descriptor.bin");

/// Name of the protocol, as `GetVersion` tells it.
pub const API: &str = "hydra.v1";
