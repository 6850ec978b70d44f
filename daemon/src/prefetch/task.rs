//! The task that drains the channel of misses and starts look-ups.

use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use tokio::sync::{Notify, mpsc};
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval, sleep};

use crate::belly::prefetched::Prefetched;
use crate::dht::{Miss, Misses};
use crate::prefetch::books::{Page, Past};
use crate::prefetch::queue::{Next, Queue};
use crate::prefetch::work::{Tracked, look_up};
use crate::routing::AddressPolicy;
use crate::telemetry::latency::Snapshot;

/// Misses taken in under one lock.
const BATCH: usize = 256;

/// The books are written, and what expired is dropped.
const TICK: Duration = Duration::from_secs(1);

/// The longest window that is shown.
pub(super) const WINDOW: Duration = Duration::from_secs(600);

/// Latencies are kept in coarser steps: a histogram is large.
const LATENCY_STEP: Duration = Duration::from_secs(10);

/// What the task, its look-ups and those who watch share.
pub(super) struct Shared {
    pub(super) queue: Mutex<Queue>,
    pub(super) sources: Vec<Tracked>,
    pub(super) cache: Arc<Prefetched>,
    pub(super) misses: Arc<Misses>,
    pub(super) policy: AddressPolicy,
    pub(super) past: Mutex<Past<Page>>,
    pub(super) latencies: Mutex<Past<Vec<Snapshot>>>,
    pub(super) wake: Notify,
}

impl Shared {
    pub(super) fn past() -> (Mutex<Past<Page>>, Mutex<Past<Vec<Snapshot>>>) {
        (Mutex::new(Past::new(TICK, WINDOW)), Mutex::new(Past::new(LATENCY_STEP, WINDOW)))
    }

    pub(super) fn page(&self) -> Page {
        Page {
            outcomes: self.misses.outcomes.totals(),
            walks: self.queue.lock().walks(),
            sources: self.sources.iter().map(|tracked| tracked.books.totals()).collect(),
        }
    }

    /// What was counted at the beginning of a window.
    pub(super) fn before(&self, now: Instant, window: Duration) -> Page {
        self.past.lock().at(now, window).cloned().unwrap_or_default()
    }

    pub(super) fn latency(&self) -> Vec<Snapshot> {
        self.sources.iter().map(|tracked| tracked.books.latency()).collect()
    }

    /// Once a second.
    pub(super) fn tick(&self) {
        let now = Instant::now();
        self.past.lock().push(now, || self.page());
        self.latencies.lock().push(now, || self.latency());
        self.cache.expire();
        self.tell_pause(now);
    }

    /// Lets the service name misses of a pause without the channel.
    pub(super) fn tell_pause(&self, now: Instant) {
        let paused = self.queue.lock().pauses.paused(now);
        self.misses.pause(paused);
    }
}

/// Runs until the service is gone.
pub(super) async fn run(shared: Arc<Shared>, mut intake: mpsc::Receiver<Miss>) {
    let mut batch = Vec::with_capacity(BATCH);
    let mut flights = JoinSet::new();
    let mut tick = interval(TICK);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut later = None;
    loop {
        tokio::select! {
            taken = intake.recv_many(&mut batch, BATCH) => {
                if taken == 0 {
                    return;
                }
                let now = Instant::now();
                let mut queue = shared.queue.lock();
                for miss in batch.drain(..) {
                    queue.miss(miss, now);
                }
            }
            Some(ended) = flights.join_next(), if !flights.is_empty() => {
                if let Err(error) = ended {
                    tracing::error!(%error, "a look-up ended early: report this");
                }
            }
            () = shared.wake.notified() => {}
            _ = tick.tick() => shared.tick(),
            // the next token of the walk budget
            () = sleep(later.unwrap_or(TICK)), if later.is_some() => {}
        }
        later = start(&shared, &mut flights);
    }
}

/// Starts what may start; when a key waits for the walk budget, how long for.
fn start(shared: &Arc<Shared>, flights: &mut JoinSet<()>) -> Option<Duration> {
    loop {
        let mut queue = shared.queue.lock();
        let next = queue.next(Instant::now());
        let walk = Duration::from_secs(1) / queue.config().walks_per_second.max(1);
        drop(queue);
        match next {
            Next::Start(start) => flights.spawn(look_up(Arc::clone(shared), start)),
            Next::Later => return Some(walk),
            Next::Nothing => return None,
        };
    }
}
