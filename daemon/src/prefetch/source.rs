//! Where providers of a key may be known: the trait that a source implements.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::time::Duration;

use bytes::Bytes;
use futures::future::BoxFuture;
use tokio::time::Instant;

use crate::belly::Provider;

/// How long a background source may take: successes of the predecessor came within two
/// seconds, and it gave up after five.
pub const BACKGROUND_DEADLINE: Duration = Duration::from_secs(5);

/// How long an asker waits for an inline source.
pub const INLINE_DEADLINE: Duration = Duration::from_millis(300);

/// Somebody who may know who provides a key: the DHT, a delegated router.
pub trait Source: Send + Sync + 'static {
    /// Its name in screens and records: "dht", or the router's URL.
    fn name(&self) -> &str;

    fn mode(&self) -> Mode;

    /// Why it is not asked at present, in words for the operator.
    fn trouble(&self) -> Option<String> {
        None
    }

    /// Looks a key up. An empty list says that nobody is known to provide it.
    ///
    /// A source should end by itself a little before `errand.until` and answer with what it
    /// has by then: at that moment it is dropped, and what it had is lost. Addresses are
    /// filtered by the caller.
    ///
    /// # Errors
    /// [`Failed`] when nobody could be asked: that is no "nobody provides it".
    fn fetch(&self, errand: Errand) -> BoxFuture<'static, Result<Vec<Provider>, Failed>>;
}

/// Whether an asker waits for a source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Nobody waits: what it knows is for the next asker.
    Background { deadline: Duration },
    /// What it knows within the deadline joins the answer.
    Inline { deadline: Duration },
}

impl Mode {
    #[must_use]
    pub fn deadline(self) -> Duration {
        match self {
            Self::Background { deadline } | Self::Inline { deadline } => deadline,
        }
    }

    #[must_use]
    pub fn is_inline(self) -> bool {
        matches!(self, Self::Inline { .. })
    }
}

/// One key to look up.
#[derive(Debug, Clone)]
pub struct Errand {
    /// The key as it was asked for: in general a multihash, 1 to 80 bytes that strangers choose.
    pub key: Bytes,
    pub until: Instant,
    /// To be told of each peer and router that is asked.
    pub asked: Asked,
}

/// Counts whom a look-up has asked so far, for those who watch it.
#[derive(Debug, Clone, Default)]
pub struct Asked(Arc<(AtomicU32, AtomicU32)>);

impl Asked {
    /// A DHT peer is asked.
    pub fn peer(&self) {
        self.0.0.fetch_add(1, Relaxed);
    }

    /// A delegated router is asked.
    pub fn router(&self) {
        self.0.1.fetch_add(1, Relaxed);
    }

    #[must_use]
    pub fn peers(&self) -> u32 {
        self.0.0.load(Relaxed)
    }

    #[must_use]
    pub fn routers(&self) -> u32 {
        self.0.1.load(Relaxed)
    }
}

/// A source could not be asked; in words for the operator.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct Failed(pub String);

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
