//! Who is where: the one table of live DHT servers, the peers connected now, address
//! policy and IP groups.
//!
//! Owns what may be said of a peer; must not dial, listen or read messages.

pub mod asn;
pub mod contacts;
pub mod groups;
pub mod policy;
pub mod snapshot;
pub mod table;

pub use contacts::Contacts;
pub use policy::AddressPolicy;
pub use table::Table;
