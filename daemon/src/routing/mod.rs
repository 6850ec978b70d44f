//! (to be filled)

pub mod asn;
pub mod groups;
pub mod policy;
