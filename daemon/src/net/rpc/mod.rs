//! `<prefix>/kad/1.0.0` in both directions: serves requests and sends our own.
//!
//! Each inbound stream is a loop on its connection's own task; the swarm's task only hands
//! out handlers and requests.

mod behaviour;
mod handler;
mod inbound;
mod offer;
mod outbound;
mod reader;

use std::sync::Arc;

pub use behaviour::{Event, Rpc};
pub use outbound::{Answered, Request, RpcError};

use crate::dht::{Local, Service};

/// What an identity serves with.
pub struct Server {
    pub service: Arc<Service>,
    pub local: Arc<Local>,
}
