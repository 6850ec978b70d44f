//! The doors that are open, and what goes through them.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

/// One door, for `status` and metrics.
#[derive(Debug)]
pub struct Door {
    pub name: &'static str,
    pub addrs: Vec<SocketAddr>,
    connections: AtomicUsize,
    /// Answers by the first digit of their status, less one.
    answers: [AtomicU64; 5],
    micros: AtomicU64,
}

impl Door {
    /// A door that has just opened.
    #[must_use]
    pub fn new(name: &'static str, addrs: Vec<SocketAddr>) -> Self {
        let (connections, answers, micros) = Default::default();
        Self { name, addrs, connections, answers, micros }
    }

    /// Others than this machine can reach it.
    #[must_use]
    pub fn exposed(&self) -> bool {
        self.addrs.iter().any(|addr| !addr.ip().to_canonical().is_loopback())
    }

    /// An answer of this status began after this time.
    pub fn answered(&self, status: u16, after: Duration) {
        if let Some(count) = self.answers.get(usize::from(status / 100).wrapping_sub(1)) {
            count.fetch_add(1, Relaxed);
        }
        self.micros.fetch_add(after.as_micros() as u64, Relaxed);
    }

    pub fn connections(&self, open: usize) {
        self.connections.store(open, Relaxed);
    }

    /// Connections open now.
    #[must_use]
    pub fn open_connections(&self) -> usize {
        self.connections.load(Relaxed)
    }

    /// Answers since the door opened, by class of status (1xx to 5xx).
    #[must_use]
    pub fn answers(&self) -> [u64; 5] {
        std::array::from_fn(|class| self.answers[class].load(Relaxed))
    }

    /// Time that all answers together took to begin.
    #[must_use]
    pub fn answer_time(&self) -> Duration {
        Duration::from_micros(self.micros.load(Relaxed))
    }
}
