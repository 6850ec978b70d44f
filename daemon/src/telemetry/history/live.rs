//! The last ten minutes, second by second, for those who watch.

use std::collections::VecDeque;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use parking_lot::Mutex;
use tokio::sync::watch;

use crate::telemetry::Rates;
use crate::telemetry::history::series::{Readings, Series};

/// Seconds kept.
pub(super) const SECONDS: usize = 600;

/// Rates of one second over all heads, and levels at its end.
#[derive(Debug, Clone, Copy)]
pub struct Sample {
    pub at: SystemTime,
    pub rates: Rates,
    pub connections_in: u64,
    pub connections_out: u64,
    pub peers_live: u64,
    pub records: u64,
    pub rss_bytes: u64,
    /// The process did not run or not measure in this second.
    pub gap: bool,
}

impl Sample {
    /// What was kept of a Unix second; nothing is a gap.
    fn kept(second: i64, readings: Option<&Readings>) -> Self {
        let value = |series| readings.and_then(|readings| readings.get(series)).unwrap_or_default();
        Self {
            at: UNIX_EPOCH + Duration::from_secs(u64::try_from(second).unwrap_or_default()),
            rates: Rates {
                requests: Series::KINDS.map(value),
                resets: value(Series::Resets),
                bytes_in: value(Series::BytesIn),
                bytes_out: value(Series::BytesOut),
                found: value(Series::Found),
            },
            connections_in: value(Series::ConnectionsIn) as u64,
            connections_out: value(Series::ConnectionsOut) as u64,
            peers_live: value(Series::PeersLive) as u64,
            records: value(Series::Announced) as u64,
            rss_bytes: value(Series::Rss) as u64,
            gap: readings.is_none(),
        }
    }
}

/// The ring of samples; each has a number that grows by one.
#[derive(Debug)]
pub struct History {
    ring: Mutex<Ring>,
    newest: watch::Sender<u64>,
}

#[derive(Debug, Default)]
struct Ring {
    samples: VecDeque<Sample>,
    /// Number of the sample after the newest.
    next: u64,
}

impl Default for History {
    fn default() -> Self {
        Self { ring: Mutex::default(), newest: watch::channel(0).0 }
    }
}

impl History {
    pub fn push(&self, sample: Sample) {
        let mut ring = self.ring.lock();
        if ring.samples.len() == SECONDS {
            ring.samples.pop_front();
        }
        ring.samples.push_back(sample);
        ring.next += 1;
        self.newest.send_replace(ring.next);
    }

    /// Takes in the seconds that were kept before the start, oldest first, up to now.
    pub fn restore(&self, kept: &[(i64, Option<Readings>)]) {
        kept.iter().for_each(|(second, readings)| self.push(Sample::kept(*second, readings.as_ref())));
    }

    /// Samples from number `from` on, oldest first, and the number after the last of them.
    #[must_use]
    pub fn since(&self, from: u64) -> (Vec<Sample>, u64) {
        let ring = self.ring.lock();
        let first = ring.next - ring.samples.len() as u64;
        let skip = from.saturating_sub(first) as usize;
        (ring.samples.iter().skip(skip).copied().collect(), ring.next)
    }

    /// Wakes at each new sample.
    #[must_use]
    pub fn watch(&self) -> watch::Receiver<u64> {
        self.newest.subscribe()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ring_keeps_ten_minutes_and_continues_where_a_reader_stopped() {
        let history = History::default();
        let sample = |records| Sample {
            at: SystemTime::now(),
            rates: Rates::default(),
            connections_in: 0,
            connections_out: 0,
            peers_live: 0,
            records,
            rss_bytes: 0,
            gap: false,
        };
        for i in 0..700 {
            history.push(sample(i));
        }
        let (all, next) = history.since(0);
        assert_eq!((all.len(), all[0].records, next), (600, 100, 700));
        history.push(sample(700));
        let (new, next) = history.since(next);
        assert_eq!((new.len(), new[0].records, next), (1, 700, 701));
        assert!(history.since(next).0.is_empty());
    }
}
