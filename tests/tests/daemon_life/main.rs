//! The life of a daemon as its operator meets it: first start, restarts and crashes, heads that
//! come and go, what it refuses and how it says so, what systemd and the console are told.
//!
//! Real processes on directories of their own. The wire itself is in `wire_conformance`.

mod belly;
mod config_told;
mod console;
mod control;
mod doctor;
mod events;
mod first_start;
mod grpc;
mod heads;
mod history;
mod http;
mod http_hostile;
mod http_idgen;
mod identity;
mod log_told;
mod manual;
mod metrics;
mod network;
mod peers_seen;
mod place;
mod ports;
mod prefetch;
mod prefetched;
mod presence;
mod records;
mod refusals;
mod reload;
mod restarts;
mod routing;
mod scout;
mod surroundings;
mod survey;
mod systemd;
mod top;
mod trouble;
mod warming;
