//! hydra-load.
pub mod frame;
pub mod guard;
pub mod message;
pub mod node;
pub mod streams;
pub mod transport;
pub mod echo;
pub mod ipns;
pub mod keys;
pub mod server;
pub mod connections;
pub mod report;
pub mod run;
mod worker;
pub mod workload;
