//! Metrics: what the daemon counts, as OpenMetrics, at `/metrics`; `/healthz` and `/readyz`.
//!
//! Nothing is kept here: the numbers lie where they are counted, and a scrape reads them. One
//! file a subject; each declares its series, and [`SUBJECTS`] is the list of all. No label is
//! ever a peer id, a key, an address or an agent; `head` is one up to [`HEADS_MAX`] heads.

mod belly;
mod compat;
mod dht;
mod doors;
mod heads;
mod limits;
mod look;
mod network;
mod peers;
mod plain;
mod prefetch;
mod process;
mod reference;
mod router;
mod series;

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, text};
use prometheus_client::registry::Registry;

use crate::hydra::Hydra;

use look::{Kept, Look};
use series::Page;

pub use look::HEADS_MAX;
pub use plain::plain;
pub use reference::{COMPATIBLE, LABELS, SUBJECTS, Subject, markdown};
pub use router::router;
pub use series::{Kind, Series, Unit};

/// What is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Config {
    /// Series of each head by itself, while there are no more than [`HEADS_MAX`].
    pub per_head: bool,
    /// The predecessor's names, too.
    pub compatibility: bool,
}

const SCRAPE: Series = Series::gauge(
    "hydra_metrics_scrape_duration",
    "How long the scrape before this one took to be worked out; absent in the first.",
)
.seconds();

/// The metrics of a hydra.
pub struct Metrics {
    registry: Registry,
}

impl Metrics {
    #[must_use]
    pub fn new(config: Config, hydra: &Arc<Hydra>) -> Self {
        let mut registry = Registry::default();
        let (hydra, kept, last) = (Arc::clone(hydra), Kept::default(), Mutex::default());
        registry.register_collector(Box::new(Everything { hydra, config, kept, last }));
        Self { registry }
    }

    /// One scrape, in the text format of OpenMetrics 1.0. Works for some milliseconds: not on a
    /// thread that serves others.
    ///
    /// # Errors
    /// Never, as far as is known: text does not fail to be written.
    pub fn scrape(&self) -> Result<String, fmt::Error> {
        let mut page = String::with_capacity(64 << 10);
        text::encode(&mut page, &self.registry)?;
        Ok(page)
    }
}

/// All subjects as one collector: they share one look at the hydra.
struct Everything {
    hydra: Arc<Hydra>,
    config: Config,
    kept: Kept,
    /// How long the last scrape took.
    last: Mutex<Option<Duration>>,
}

impl fmt::Debug for Everything {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Everything").field("config", &self.config).finish_non_exhaustive()
    }
}

impl Collector for Everything {
    fn encode(&self, encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let began = Instant::now();
        let look = Look::at(&self.hydra, &self.kept, self.config.per_head);
        let mut page = Page::new(encoder);
        heads::write(&mut page, &look)?;
        dht::write(&mut page, &look)?;
        peers::write(&mut page, &look)?;
        network::write(&mut page, &look)?;
        belly::write(&mut page, &look)?;
        prefetch::write(&mut page, &look)?;
        limits::write(&mut page, &look)?;
        doors::write(&mut page, &look)?;
        process::write(&mut page, &look)?;
        if self.config.compatibility {
            compat::write(&mut page, &look)?;
        }
        let last = *self.last.lock();
        page.maybe(&SCRAPE, last)?;
        *self.last.lock() = Some(began.elapsed());
        Ok(())
    }
}
