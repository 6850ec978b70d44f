//! The value records (IPNS, public keys): few and small, in a file of their own.

mod file;
mod known;

pub(super) use file::{Tombstone, ValuesFile, path};
pub(super) use known::{MAX_VALUE, Meta, Values, live};
