//! Prefetch: keys that are asked for and that no head has are looked up elsewhere.
//!
//! Owns the queue of missed keys, what becomes of each of them (ten outcomes that sum to the
//! misses), the walk budget, the memory of failures and the books of each source. In come
//! misses, through the channel of `dht::misses`; out goes what sources know, into the cache
//! `belly::prefetched`. Who the sources are is told by `boot`.
//!
//! Must not: delay a request, walk more than its budget whatever strangers ask, refresh what
//! it fetched, or put it into the belly's log.

mod books;
pub mod bridge;
mod failures;
mod interest;
mod pause;
mod queue;
pub mod source;
mod status;
mod task;
mod work;

#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use crate::belly::Provider;
use crate::belly::prefetched::Prefetched;
use crate::dht::{Miss, Misses};
use crate::routing::AddressPolicy;
use crate::telemetry::Outcome;

pub use books::SourceTotals;
pub use failures::LONG as MEMORY_OF_FAILURES;
pub use pause::Pause;
pub use queue::{Held, Refused};
pub use source::{Asked, Errand, Failed, Mode, Source};
pub use status::{SourceStatus, State, Status};

use queue::Queue;
use task::Shared;
use work::Tracked;

/// Settings of the prefetcher.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Config {
    pub scope: Scope,
    /// Keys that wait at one time.
    pub keys: u32,
    /// Look-ups at one time.
    pub lookups: u32,
    /// Keys of one asker that wait or are in flight at one time.
    pub keys_per_asker: u32,
    /// Keys looked up a second: the walk budget.
    pub walks_per_second: u32,
}

impl Default for Config {
    fn default() -> Self {
        Self { scope: Scope::Any, keys: 1000, lookups: 32, keys_per_asker: 64, walks_per_second: 32 }
    }
}

/// Which keys are looked up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// Any that is asked for.
    Any,
    /// Those that a head is near to.
    Near,
    /// None.
    Off,
}

/// What the prefetcher stands on; made by `boot`.
pub struct Parts {
    pub misses: Arc<Misses>,
    pub intake: mpsc::Receiver<Miss>,
    pub cache: Arc<Prefetched>,
    pub policy: AddressPolicy,
    pub sources: Vec<Arc<dyn Source>>,
}

/// The running prefetcher; its look-ups end when it is dropped.
pub struct Prefetch {
    shared: Arc<Shared>,
    task: JoinHandle<()>,
}

impl Prefetch {
    /// Starts the prefetcher on the current runtime.
    #[must_use]
    pub fn start(config: Config, parts: Parts) -> Self {
        let Parts { misses, intake, cache, policy, sources } = parts;
        let mut queue = Queue::new(config, Arc::clone(&misses.outcomes), Instant::now());
        queue.pauses.off(off(config.scope, sources.is_empty()));
        let inline = sources.iter().map(|source| source.mode()).filter(|mode| mode.is_inline());
        misses.answer_within(inline.map(Mode::deadline).max().unwrap_or_default());
        let (past, latencies) = Shared::past();
        let shared = Arc::new(Shared {
            queue: Mutex::new(queue),
            sources: sources.into_iter().map(Tracked::new).collect(),
            cache,
            misses,
            policy,
            past,
            latencies,
            wake: tokio::sync::Notify::new(),
        });
        // the books begin now: windows count from here
        shared.tick();
        let task = tokio::spawn(task::run(Arc::clone(&shared), intake));
        Self { shared, task }
    }

    /// Other bounds and another scope from now on; what is under way and what waits goes on.
    pub fn set_config(&self, config: Config) {
        let mut queue = self.shared.queue.lock();
        queue.set_config(config);
        queue.pauses.off(off(config.scope, self.shared.sources.is_empty()));
        drop(queue);
        self.changed();
    }

    /// Stops looking up until the time given, or until [`Self::resume`]. Look-ups under way
    /// go on, keys that wait stay.
    pub fn pause(&self, pause: Pause) {
        self.shared.queue.lock().pauses.by_hand(Some(pause));
        self.changed();
    }

    /// Ends the operator's pause.
    pub fn resume(&self) {
        self.shared.queue.lock().pauses.by_hand(None);
        self.changed();
    }

    /// The load forbids look-ups, or no longer does.
    pub fn pause_for_load(&self, reason: Option<String>) {
        self.shared.queue.lock().pauses.by_load(reason);
        self.changed();
    }

    /// Forgets the keys that wait; how many they were. Their outcome is "paused".
    pub fn clear(&self) -> u64 {
        self.shared.queue.lock().clear()
    }

    /// Keeps what an operator's own look-up found as if a miss had caused it; how long it is
    /// served. Of a key that is kept already, the end stays.
    pub fn keep(&self, key: &[u8], near: bool, found: &[Provider], source: &str) -> Duration {
        let providers = work::admitted(&self.shared, found);
        self.shared.cache.keep(key, near, &providers, &source.into());
        self.shared.cache.life()
    }

    /// Keys in flight, the oldest first, and those that wait, the next first.
    #[must_use]
    pub fn held(&self) -> Vec<Held> {
        self.shared.queue.lock().held()
    }

    /// Keys were refused in the last seconds because too many waited.
    #[must_use]
    pub fn queue_was_full(&self) -> bool {
        const LATELY: Duration = Duration::from_secs(10);
        let before = self.shared.past.lock().at(Instant::now(), LATELY).map(|page| page.outcomes);
        let since = self.shared.misses.outcomes.totals().since(&before.unwrap_or_default());
        since.of(Outcome::QueueFull) > 0
    }

    fn changed(&self) {
        self.shared.tell_pause(Instant::now());
        self.shared.wake.notify_one();
    }
}

/// Why nothing is ever looked up.
fn off(scope: Scope, no_sources: bool) -> Option<&'static str> {
    match (scope, no_sources) {
        (Scope::Off, _) => Some("prefetch.scope is off"),
        (_, true) => Some("there is no source to look keys up"),
        (_, false) => None,
    }
}

impl Drop for Prefetch {
    fn drop(&mut self) {
        self.task.abort();
    }
}
