//! hydra-load: a load generator for DHT servers, and the echo server they are held against.
//!
//! Requests in, a JSON result out. It uses rust-libp2p's transports and nothing of the
//! daemon's network code, so that it checks what it measures. Order of its files: `guard`,
//! `frame`, `message`, `keys`, `ipns`, `streams`, `transport`, `node` (one identity on the
//! wire; the private network stands on it too), then `workload`, `report`, `worker`,
//! `server`, `run`, `connections`, `echo`, `figures`, `network`, `args`.

pub mod args;
pub mod connections;
pub mod echo;
pub mod figures;
pub mod frame;
pub mod guard;
pub mod ipns;
pub mod keys;
pub mod message;
pub mod network;
pub mod node;
pub mod report;
pub mod run;
pub mod server;
pub mod streams;
#[cfg(test)]
mod tests;
pub mod transport;
mod worker;
pub mod workload;
