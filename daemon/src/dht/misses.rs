//! The way out for keys that nobody here provides: a bounded channel that `prefetch/` drains.
//!
//! Owns the door: a miss is counted, and put into the channel or named at once. Nothing here
//! waits for room, and nothing is allocated but the key. An asker waits for a source only
//! where a source answers within a deadline, and then only its own stream does.

use std::hash::{BuildHasher as _, RandomState};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::Bytes;
use libp2p::PeerId;
use tokio::sync::{mpsc, oneshot};

use crate::belly::Provider;
use crate::limits::budget::site;
use crate::routing::contacts::Contact;
use crate::telemetry::{Outcome, Outcomes};
use crate::wire::class::{Class, Host, class};

/// Misses on their way to the prefetcher. It takes a million a second: this is for the
/// moments in which it does not run.
pub const CAPACITY: usize = 4096;

/// Requests that wait for a source at one time; those after them are answered at once.
const MAX_WAITING: usize = 4096;

/// A request for providers that found none.
#[derive(Debug)]
pub struct Miss {
    /// 1 to 80 bytes.
    pub key: Bytes,
    pub asker: Asker,
    /// One of our heads is within the 2k closest known peers of the key.
    pub near: bool,
    /// Where to tell what was found; dropped when nothing will come in time.
    pub waiter: Option<Waiter>,
}

/// Takes the providers that a source knew.
pub type Waiter = oneshot::Sender<Arc<[Provider]>>;

/// Who asks, as far as shares go: a public address (of IPv6 the /56), since peer ids cost
/// nothing; elsewhere the peer. A keyed hash, so that nobody can choose whose share it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Asker(pub u64);

/// The service's end of the channel.
#[derive(Debug)]
pub struct Misses {
    sender: mpsc::Sender<Miss>,
    pub outcomes: Arc<Outcomes>,
    paused: AtomicBool,
    /// How long an asker waits for a source, in milliseconds; 0: no source answers so soon.
    inline: AtomicU64,
    waiting: Arc<AtomicUsize>,
    askers: RandomState,
    scout: OnceLock<PeerId>,
}

impl Misses {
    /// Both ends.
    #[must_use]
    pub fn channel() -> (Arc<Self>, mpsc::Receiver<Miss>) {
        let (sender, receiver) = mpsc::channel(CAPACITY);
        let misses = Self {
            sender,
            outcomes: Arc::default(),
            // until somebody drains it
            paused: AtomicBool::new(true),
            inline: AtomicU64::new(0),
            waiting: Arc::default(),
            askers: RandomState::new(),
            scout: OnceLock::new(),
        };
        (Arc::new(misses), receiver)
    }

    /// Requests of our own scout are no misses: what it asks of a head was asked of us before.
    /// Told once.
    pub fn except(&self, scout: PeerId) {
        self.scout.get_or_init(|| scout);
    }

    /// While paused, misses are counted and nothing else.
    pub fn pause(&self, paused: bool) {
        self.paused.store(paused, Relaxed);
    }

    /// How long askers wait for a source; zero: not at all.
    pub fn answer_within(&self, deadline: Duration) {
        self.inline.store(deadline.as_millis() as u64, Relaxed);
    }

    /// Takes in a miss; `near` is asked for only when it matters. What comes back is worth
    /// waiting for.
    pub(crate) fn put(&self, key: &[u8], from: &Contact, near: impl FnOnce() -> bool) -> Option<Wait> {
        if self.scout.get() == Some(&from.peer) {
            return None;
        }
        self.outcomes.miss();
        if self.paused.load(Relaxed) {
            self.outcomes.count(Outcome::Paused);
            return None;
        }
        let Ok(place) = self.sender.try_reserve() else {
            self.outcomes.count(Outcome::QueueFull);
            return None;
        };
        let (waiter, wait) = self.wait().unzip();
        let asker = self.asker(from);
        place.send(Miss { key: Bytes::copy_from_slice(key), asker, near: near(), waiter });
        wait
    }

    fn wait(&self) -> Option<(Waiter, Wait)> {
        let deadline = Duration::from_millis(self.inline.load(Relaxed));
        if deadline.is_zero() {
            return None;
        }
        let place = Place(Arc::clone(&self.waiting));
        if place.0.fetch_add(1, Relaxed) >= MAX_WAITING {
            return None;
        }
        let (waiter, answer) = oneshot::channel();
        Some((waiter, Wait { answer, deadline, _place: place }))
    }

    fn asker(&self, from: &Contact) -> Asker {
        let class = class(from.remote.as_ref()).filter(Class::is_public);
        Asker(match class.map(|class| class.host) {
            Some(Host::Ip(ip)) => self.askers.hash_one(site(ip)),
            _ => self.askers.hash_one(from.key.0),
        })
    }
}

/// An answer that may still come.
#[derive(Debug)]
pub struct Wait {
    answer: oneshot::Receiver<Arc<[Provider]>>,
    deadline: Duration,
    _place: Place,
}

impl Wait {
    /// What a source knew in time; none when none did.
    pub(super) async fn providers(self) -> Vec<Provider> {
        match tokio::time::timeout(self.deadline, self.answer).await {
            Ok(Ok(providers)) => providers.to_vec(),
            // out of time, or nothing will come
            Ok(Err(_)) | Err(_) => Vec::new(),
        }
    }
}

/// One of the requests that wait.
#[derive(Debug)]
struct Place(Arc<AtomicUsize>);

impl Drop for Place {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Relaxed);
    }
}
