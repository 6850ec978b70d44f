//! The network: transports, the connection gate, DHT requests in and out, ports, names.
//!
//! Owns what touches libp2p-swarm below a head. It reads and writes frames and hands
//! requests to `dht::Service`; it decides nothing about their content.

pub mod behaviour;
pub mod bootstrap;
pub mod claims;
pub mod dialer;
pub mod gate;
pub mod idgen;
pub mod ledger;
pub mod ports;
pub mod reachability;
pub mod rpc;
pub mod transport;

pub use behaviour::{Behaviour, BehaviourEvent};
pub use claims::Word;
pub use rpc::{Answered, Request, RpcError, Server};
