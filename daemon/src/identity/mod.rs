//! Identities: from a seed to peer ids that lie evenly in the keyspace.
//!
//! Owns the seed's text form, the predecessor's sequence of balanced identities (so that a
//! fleet keeps its place in the keyspace) and the notation of index sets. Pure functions:
//! no files, no clock. Key material never reaches `Debug`, `Display` or an error.

mod indexes;
mod seed;
mod sequence;

pub use indexes::{IndexSet, IndexSetError, MAX_INDEX, MAX_PARTS};
pub use seed::{SEED_BYTES, Seed, SeedError, Trimmed};
pub use sequence::{Identity, NoIdentity, Sequence};
