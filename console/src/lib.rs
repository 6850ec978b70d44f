//! `hydractl`: the console of a hydra. Talks to `hydrad` over its control socket.

pub mod error;
#[doc(hidden)]
pub mod fixture;
pub mod output;
pub mod tui;
