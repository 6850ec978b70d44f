//! One delegated router as a source.

use std::future::pending;
use std::sync::Arc;
use std::time::{Duration, Instant};

use cid::Cid;
use cid::multihash::Multihash;
use futures::FutureExt as _;
use futures::future::BoxFuture;
use reqwest::header::{ACCEPT, RETRY_AFTER};
use reqwest::{Client, Response, StatusCode};
use tokio::sync::Semaphore;
use tokio::time::timeout_at;

use super::breaker::Breaker;
use super::{read, record};
use crate::belly::Provider;
use crate::limits::TokenBucket;
use crate::prefetch::work::MAX_PROVIDERS;
use crate::prefetch::{Errand, Failed, Mode, Source};
use crate::routing::AddressPolicy;

/// The codec of bytes without a meaning: a router looks at the multihash alone.
const RAW: u64 = 0x55;

/// Streams first. What is left out here need not be read.
const ACCEPTED: &str = "application/x-ndjson, application/json;q=0.9";
const FILTER: &str = "filter-protocols=unknown,transport-bitswap";

/// It ends by itself so long before it would be dropped.
const MARGIN: Duration = Duration::from_millis(20);

/// How long a router is left alone that asks for it without saying how long.
const WAIT: Duration = Duration::from_secs(10);

/// A router, its budget and its circuit.
pub(super) struct Shared {
    pub(super) name: String,
    pub(super) base: String,
    pub(super) mode: Mode,
    pub(super) policy: AddressPolicy,
    pub(super) client: Client,
    pub(super) rate: TokenBucket,
    pub(super) requests_per_second: u32,
    pub(super) places: Semaphore,
    pub(super) requests: u32,
    pub(super) breaker: Breaker,
}

/// The source.
pub(super) struct Delegated(pub(super) Arc<Shared>);

impl Source for Delegated {
    fn name(&self) -> &str {
        &self.0.name
    }

    fn mode(&self) -> Mode {
        self.0.mode
    }

    fn trouble(&self) -> Option<String> {
        self.0.breaker.trouble(Instant::now())
    }

    fn fetch(&self, errand: Errand) -> BoxFuture<'static, Result<Vec<Provider>, Failed>> {
        let shared = Arc::clone(&self.0);
        async move { shared.fetch(errand).await }.boxed()
    }
}

/// How a request went wrong.
enum Fault {
    /// It was asked too often, and says for how long to leave it alone.
    Wait(Duration),
    Other(String),
}

impl Shared {
    async fn fetch(&self, errand: Errand) -> Result<Vec<Provider>, Failed> {
        // no router has a name for a key that is no multihash
        let Ok(multihash) = Multihash::<64>::from_bytes(&errand.key) else { return Ok(Vec::new()) };
        let Ok(_place) = self.places.try_acquire() else {
            return Err(Failed(format!("not asked: {} requests are under way", self.requests)));
        };
        let turn = self.breaker.pass(Instant::now()).map_err(Failed)?;
        if !self.rate.take() {
            return Err(Failed(format!(
                "not asked: {} requests a second are its budget",
                self.requests_per_second
            )));
        }
        errand.asked.router();
        let mut found = Vec::new();
        let cid = Cid::new_v1(RAW, multihash);
        let ended = timeout_at(errand.until - MARGIN, self.ask(&cid, &mut found)).await;
        let now = Instant::now();
        match ended {
            Ok(Ok(())) => turn.answered(),
            // it answered as far as it goes
            _ if !found.is_empty() => turn.answered(),
            Ok(Err(Fault::Wait(wait))) => {
                let why = "answered 429 Too Many Requests".to_owned();
                turn.told_to_wait(wait, &why, now);
                return Err(Failed(why));
            }
            Ok(Err(Fault::Other(why))) => {
                turn.fault(&why, now);
                return Err(Failed(why));
            }
            Err(_) => {
                turn.fault("no answer in time", now);
                // the caller's deadline says that it is one
                return pending().await;
            }
        }
        Ok(found)
    }

    async fn ask(&self, cid: &Cid, found: &mut Vec<Provider>) -> Result<(), Fault> {
        let url = format!("{}/routing/v1/providers/{cid}?{FILTER}", self.base);
        let sent = self.client.get(url).header(ACCEPT, ACCEPTED).send().await;
        let answer = sent.map_err(|error| Fault::Other(read::words(&error)))?;
        match answer.status() {
            StatusCode::OK => {}
            // what older ones say instead of an empty list
            StatusCode::NOT_FOUND => return Ok(()),
            StatusCode::TOO_MANY_REQUESTS => return Err(Fault::Wait(wait(&answer))),
            other => return Err(Fault::Other(format!("answered {other}"))),
        }
        let policy = self.policy;
        let keep = |value| {
            found.extend(record::provider(value, policy));
            found.len() < MAX_PROVIDERS
        };
        read::records(answer, keep).await.map_err(Fault::Other)
    }
}

/// `Retry-After` in seconds; a date is not read.
fn wait(answer: &Response) -> Duration {
    let seconds = answer.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok());
    seconds.and_then(|text| text.trim().parse().ok()).map_or(WAIT, Duration::from_secs)
}
