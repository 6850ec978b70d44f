//! What the tests of the whole system stand on: load generator, private network.

pub mod load;
pub mod world;
