//! Who is where: the one table of live DHT servers, the peers connected now, address
//! policy, IP groups, and what share of the keyspace our heads cover.
//!
//! Owns what may be said of a peer; must not dial, listen or read messages.

pub mod asn;
pub mod churn;
pub mod contacts;
pub mod coverage;
pub mod groups;
pub mod plan;
pub mod policy;
pub mod snapshot;
pub mod table;

pub use contacts::Contacts;
pub use policy::AddressPolicy;
pub use table::Table;
