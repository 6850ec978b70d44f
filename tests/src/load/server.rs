//! What a server process costs, read from /proc.
//!
//! Owns the reading of CPU seconds and resident memory of one process, and the sampling
//! of its peak. Touches nothing of the process.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Context as _, Result};
use tokio::task::JoinHandle;

const SAMPLE_EVERY: Duration = Duration::from_millis(100);

/// A process by its id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Server(pub u32);

impl Server {
    /// CPU seconds used since its start, all threads, user and kernel; to 10 ms.
    ///
    /// # Errors
    /// When there is no such process.
    pub fn cpu_seconds(self) -> Result<f64> {
        let path = format!("/proc/{}/stat", self.0);
        let stat =
            fs::read_to_string(&path).with_context(|| format!("read {path}: is the server running?"))?;
        // The name may hold spaces and brackets; utime and stime are fields 14 and 15.
        let after_name = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
        let mut fields = after_name.split_ascii_whitespace().skip(11);
        let ticks = (|| Some(fields.next()?.parse::<u64>().ok()? + fields.next()?.parse::<u64>().ok()?))();
        let ticks = ticks.with_context(|| format!("read utime and stime in {path}: {stat:?}"))?;
        Ok(ticks as f64 / rustix::param::clock_ticks_per_second() as f64)
    }

    /// Resident memory in bytes.
    ///
    /// # Errors
    /// When there is no such process.
    pub fn rss_bytes(self) -> Result<u64> {
        let path = format!("/proc/{}/statm", self.0);
        let statm =
            fs::read_to_string(&path).with_context(|| format!("read {path}: is the server running?"))?;
        let pages = statm.split_ascii_whitespace().nth(1).and_then(|field| field.parse::<u64>().ok());
        let pages = pages.with_context(|| format!("read the resident pages in {path}: {statm:?}"))?;
        Ok(pages * rustix::param::page_size() as u64)
    }
}

/// Follows a server's resident memory until it is dropped.
#[derive(Debug)]
pub struct PeakRss {
    peak: Arc<AtomicU64>,
    task: JoinHandle<()>,
}

impl PeakRss {
    #[must_use]
    pub fn follow(server: Server) -> Self {
        let peak = Arc::new(AtomicU64::new(0));
        let seen = Arc::clone(&peak);
        let task = tokio::spawn(async move {
            while let Ok(rss) = server.rss_bytes() {
                seen.fetch_max(rss, Ordering::Relaxed);
                tokio::time::sleep(SAMPLE_EVERY).await;
            }
        });
        Self { peak, task }
    }

    /// The highest value seen so far, in bytes.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.peak.load(Ordering::Relaxed)
    }
}

impl Drop for PeakRss {
    fn drop(&mut self) {
        self.task.abort();
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    #[test]
    fn this_process_has_memory_and_its_cpu_seconds_grow_with_work() {
        let me = Server(std::process::id());
        assert!(me.rss_bytes().expect("own statm") > 1 << 20);
        let before = me.cpu_seconds().expect("own stat");
        let start = Instant::now();
        let mut sum = 0_u64;
        while start.elapsed() < Duration::from_millis(200) {
            sum = std::hint::black_box(sum.wrapping_mul(31).wrapping_add(1));
        }
        assert!(me.cpu_seconds().expect("own stat") > before);
    }

    #[test]
    fn a_process_that_is_not_there_is_an_error_that_names_it() {
        let error = Server(u32::MAX).cpu_seconds().expect_err("no such process");
        assert!(format!("{error:#}").contains("4294967295"));
    }
}
