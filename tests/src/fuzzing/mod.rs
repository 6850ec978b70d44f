//! What the fuzzer runs: one function a target, from any bytes to a panic or nothing.
//!
//! `tests/fuzz` wraps each in libFuzzer; `tests/tests/fuzz_corpus.rs` runs each over its seeds
//! with every test run, so that none can rot. A function asserts what must hold of any input.
//! It must not depend on earlier inputs, on the time or on chance.

mod belly;
mod config;
mod identity;
mod ipns;
mod service;
mod wire;

pub use config::config_toml;
pub use identity::{index_set, seed_parse};
pub use ipns::ipns_validate;
pub use service::{asker, service_handle};
pub use wire::{addr_class_admit, frame_cut, message_read};

/// A target: its name, which is also that of its directory of seeds, and its function.
pub type Target = (&'static str, fn(&[u8]));

/// All targets.
pub const TARGETS: [Target; 8] = [
    ("addr_class_admit", addr_class_admit),
    ("config_toml", config_toml),
    ("frame_cut", frame_cut),
    ("index_set", index_set),
    ("ipns_validate", ipns_validate),
    ("message_read", message_read),
    ("seed_parse", seed_parse),
    ("service_handle", service_handle),
];

/// Takes one byte off the front; 0 when there is none.
fn byte(data: &mut &[u8]) -> u8 {
    let Some((first, rest)) = data.split_first() else { return 0 };
    *data = rest;
    *first
}

/// Takes a piece off the front, its length first in two bytes, as far as there is so much.
fn piece<'a>(data: &mut &'a [u8]) -> &'a [u8] {
    let len = usize::from(u16::from_be_bytes([byte(data), byte(data)]));
    let (piece, rest) = data.split_at(len.min(data.len()));
    *data = rest;
    piece
}
