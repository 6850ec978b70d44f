//! The wire, byte by byte, as Go's servers speak it (`/ipfs/kad/1.0.0`), and what bad
//! input does to a head.
//!
//! Each test runs a daemon of its own with two heads, or speaks to the servers that
//! `HYDRA_TEST_TARGET` names: run against Go servers, the tests themselves are checked.

mod abuse;
mod framing;
mod nodes;
mod policy;
mod providers;
mod scene;
mod values;
