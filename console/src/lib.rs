//! `hydractl`: the console of a hydra. Talks to `hydrad` over its control socket.
//!
//! | module | owns |
//! |---|---|
//! | [`cli`] | the command line: one file a noun, each a function from arguments to output |
//! | [`session`] | a connection with its time limits |
//! | `key` | keys of records as one types them |
//! | [`output`] | what is printed: the JSON contract and its encoders, tables, words |
//! | [`picture`] | charts as SVG and PNG |
//! | [`tui`] | `hydractl top`: the live screen |
//! | [`ui`] | stdout, stderr, questions; terminal or not |
//! | [`error`] | what went wrong, and the exit code |

pub mod cli;
pub mod error;
#[doc(hidden)]
pub mod fixture;
mod key;
pub mod output;
pub mod picture;
pub mod session;
pub mod tui;
pub mod ui;
