//! What other programs ask over HTTP.
//!
//! [`serve`] is the one way a door is opened: whatever is served, it stands behind the same
//! bounds, guards and error bodies. A door gives it a router and what it allows.

mod activity;
mod connections;
mod guard;
pub mod predecessor;
mod rates;
mod refusal;
mod request;
pub mod serve;
mod stream;
#[cfg(test)]
mod tests;
mod token;

pub use guard::Origins;
pub use rates::Rate;
pub use refusal::Refusal;
pub use request::Client;
pub use token::{Token, TokenError};
