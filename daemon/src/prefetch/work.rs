//! One look-up: all sources asked at the same time, each within its deadline.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use futures::stream::FuturesUnordered;
use futures::{FutureExt as _, StreamExt as _};
use tokio::time::timeout_at;

use crate::belly::Provider;
use crate::prefetch::books::{Ended, SourceBooks};
use crate::prefetch::queue::Start;
use crate::prefetch::source::{Asked, Errand, Source};
use crate::prefetch::task::Shared;
use crate::telemetry::Outcome;
use crate::wire::AddrList;

/// Providers taken of one answer: strangers make the lists.
pub(super) const MAX_PROVIDERS: usize = 64;

/// A source and its counters.
pub(super) struct Tracked {
    pub(super) source: Arc<dyn Source>,
    pub(super) name: Arc<str>,
    pub(super) books: SourceBooks,
}

impl Tracked {
    pub(super) fn new(source: Arc<dyn Source>) -> Self {
        Self { name: source.name().into(), source, books: SourceBooks::default() }
    }
}

/// A key in flight. However the look-up ends, the key is in flight no longer.
struct Flight<'a> {
    shared: &'a Shared,
    key: Bytes,
    outcome: Outcome,
}

impl Drop for Flight<'_> {
    fn drop(&mut self) {
        self.shared.queue.lock().ended(&self.key, self.outcome, Instant::now());
    }
}

/// Looks a key up everywhere and keeps what is found.
pub(super) async fn look_up(shared: Arc<Shared>, Start { key, near, asked }: Start) {
    // what a task ends with that is dropped halfway
    let mut flight = Flight { shared: &shared, key: key.clone(), outcome: Outcome::SourceFailed };
    let sources = &shared.sources;
    let mut attempts: FuturesUnordered<_> = sources
        .iter()
        .map(|tracked| {
            let (key, asked) = (&key, &asked);
            async move { (tracked, attempt(tracked, key, asked).await) }
        })
        .collect();
    let mut inline = sources.iter().filter(|tracked| tracked.source.mode().is_inline()).count();
    let (mut found, mut finders) = (false, Vec::new());
    let (mut timed_out, mut failed) = (false, false);
    while let Some((tracked, (ended, providers))) = attempts.next().await {
        match ended {
            Ended::Found(_) => {
                found = true;
                finders.push(tracked);
                let providers = admitted(&shared, &providers);
                shared.cache.keep(&key, near, &providers, &tracked.name);
                shared.queue.lock().found(&key, &providers.into());
            }
            Ended::None => {}
            Ended::TimedOut => timed_out = true,
            Ended::Failed => failed = true,
        }
        if tracked.source.mode().is_inline() {
            inline -= 1;
            if inline == 0 {
                shared.queue.lock().nothing_in_time(&key);
            }
        }
    }
    if let [alone] = finders.as_slice() {
        alone.books.alone();
    }
    flight.outcome = match (found, timed_out, failed) {
        (true, _, _) => Outcome::Found,
        (_, true, _) => Outcome::TimedOut,
        (_, _, true) => Outcome::SourceFailed,
        _ => Outcome::NotFound,
    };
}

/// Asks one source; a source that panics has failed.
async fn attempt(tracked: &Tracked, key: &Bytes, asked: &Asked) -> (Ended, Vec<Provider>) {
    let began = Instant::now();
    let until = tokio::time::Instant::now() + tracked.source.mode().deadline();
    tracked.books.attempt();
    let errand = Errand { key: key.clone(), until, asked: asked.clone() };
    // also the call that makes the future may panic
    let fetch = AssertUnwindSafe(async { tracked.source.fetch(errand).await }).catch_unwind();
    let (ended, providers) = match timeout_at(until, fetch).await {
        Ok(Ok(Ok(mut providers))) => {
            providers.truncate(MAX_PROVIDERS);
            let ended = if providers.is_empty() { Ended::None } else { Ended::Found(providers.len()) };
            (ended, providers)
        }
        Ok(Ok(Err(error))) => {
            tracing::debug!(source = &*tracked.name, %error, "a source could not be asked");
            (Ended::Failed, Vec::new())
        }
        Ok(Err(_)) => {
            tracing::error!(source = &*tracked.name, "a source panicked: report this");
            (Ended::Failed, Vec::new())
        }
        Err(_) => (Ended::TimedOut, Vec::new()),
    };
    tracked.books.ended(ended, began.elapsed());
    (ended, providers)
}

/// What may be kept and handed out: addresses that the policy allows, each provider once.
pub(super) fn admitted(shared: &Shared, providers: &[Provider]) -> Vec<Provider> {
    let mut out: Vec<Provider> = Vec::with_capacity(providers.len());
    for Provider { peer, addrs } in providers {
        let addrs: AddrList = shared.policy.admit(peer, addrs.iter());
        match out.iter_mut().find(|known| known.peer == *peer) {
            Some(known) => known.addrs = known.addrs.union(&addrs),
            None => out.push(Provider { peer: *peer, addrs }),
        }
    }
    out
}
