//! The bridge: delegated routers (IPNI, someguy, another hydra) as sources of prefetch.
//!
//! Owns the HTTP client of Delegated Routing V1, each router's budget and circuit breaker,
//! and the rule which of a router's records the DHT's clients can use. In comes one key at a
//! time, out go providers; the books of each router are kept by `prefetch`.
//!
//! Must not: read more of an answer than it may, follow a router elsewhere, or ask one that
//! does not answer again and again.

mod breaker;
mod read;
mod record;
mod router;
mod url;

#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use reqwest::Client;
use reqwest::redirect::Policy;
use tokio::sync::Semaphore;

use crate::limits::TokenBucket;
use crate::prefetch::Source;
use crate::prefetch::source::{BACKGROUND_DEADLINE, INLINE_DEADLINE, Mode};
use crate::routing::AddressPolicy;

pub use read::MAX_BODY;
pub use url::Router;

use breaker::Breaker;

/// Settings of the bridge.
#[derive(Debug, Clone)]
pub struct Config {
    pub routers: Vec<Router>,
    /// How long askers wait for the inline ones.
    pub inline_deadline: Duration,
    /// Requests a second to one router.
    pub requests_per_second: u32,
    /// Requests at one time to one router.
    pub requests: u32,
}

impl Default for Config {
    fn default() -> Self {
        let routers = Vec::new();
        Self { routers, inline_deadline: INLINE_DEADLINE, requests_per_second: 100, requests: 32 }
    }
}

/// A connection that is not there by then will not be.
const CONNECT: Duration = Duration::from_secs(3);

/// Idle connections are closed after this long.
const IDLE: Duration = Duration::from_secs(90);

/// HTTP/2 connections are asked so often whether they still live.
const KEEP_ALIVE: Duration = Duration::from_secs(20);

/// The client could not be made.
#[derive(Debug, thiserror::Error)]
#[error("make the client for delegated routers (prefetch.routers): {0}; are ca-certificates installed?")]
pub struct NoClient(#[from] reqwest::Error);

/// One source a router, in their order; none without routers.
///
/// # Errors
/// When the machine has no certificates of authorities, for one.
pub fn sources(config: &Config, policy: AddressPolicy) -> Result<Vec<Arc<dyn Source>>, NoClient> {
    if config.routers.is_empty() {
        return Ok(Vec::new());
    }
    let client = client(config.requests as usize)?;
    let source = |router: &Router| -> Arc<dyn Source> {
        let mode = match router.inline {
            true => Mode::Inline { deadline: config.inline_deadline },
            false => Mode::Background { deadline: BACKGROUND_DEADLINE },
        };
        let rate = f64::from(config.requests_per_second);
        Arc::new(router::Delegated(Arc::new(router::Shared {
            name: router.to_string(),
            base: router.base().to_owned(),
            mode,
            policy,
            client: client.clone(),
            rate: TokenBucket::new(rate, rate.max(1.0)),
            requests_per_second: config.requests_per_second,
            places: Semaphore::new(config.requests as usize),
            requests: config.requests,
            breaker: Breaker::default(),
        })))
    };
    Ok(config.routers.iter().map(source).collect())
}

/// Asks only whom it was told to: no proxy of the environment, no redirects. Compressed
/// answers are not asked for, so that the bound on bytes is one on memory.
fn client(requests: usize) -> reqwest::Result<Client> {
    Client::builder()
        .user_agent(concat!("hydrad/", env!("CARGO_PKG_VERSION")))
        .no_proxy()
        .redirect(Policy::none())
        .connect_timeout(CONNECT)
        .pool_max_idle_per_host(requests)
        .pool_idle_timeout(IDLE)
        .http2_keep_alive_interval(KEEP_ALIVE)
        .build()
}
