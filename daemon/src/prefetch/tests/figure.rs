//! The figure: distinct misses at full speed leave memory flat and outcomes that add up.
//! A million with `HYDRA_FIGURES=1`, in a release build for its time; otherwise a part.

use std::time::{Duration, Instant};

use super::whole::scene;
use super::{Answer, Invented, somebody};
use crate::limits::machine::rss_bytes;
use crate::prefetch::Config;
use crate::telemetry::Outcome;

/// Askers that the misses come from.
const ASKERS: u32 = 1_000;

/// A test that takes longer has failed.
const PATIENCE: Duration = Duration::from_secs(120);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn distinct_misses_at_full_speed_leave_memory_flat_and_outcomes_that_add_up() {
    let whole = std::env::var_os("HYDRA_FIGURES").is_some();
    let misses: u32 = if whole { 1_000_000 } else { 60_000 };
    let started = Instant::now();
    let source = Invented::new("dht", Answer::Providers(Vec::new()));
    let scene = scene(Config::default(), vec![source.clone()]);
    let askers: Vec<_> = (0..ASKERS).map(somebody).collect();
    let put =
        |n: u32| scene.misses.put(&n.to_be_bytes(), &askers[(n % ASKERS) as usize], || n.is_multiple_of(7));
    // what is made once is made by now
    for n in 0..misses / 10 {
        put(n);
    }
    let (before, began) = (rss_bytes(), Instant::now());
    for n in misses / 10..misses {
        put(n);
        if n.is_multiple_of(256) {
            tokio::task::yield_now().await;
        }
    }
    let (took, taken) = (began.elapsed(), scene.misses.outcomes.totals());
    let after = rss_bytes();
    // what waits would be looked up in half a minute, and what is still in the channel after it
    while scene.misses.outcomes.totals().ended() < u64::from(misses) && began.elapsed() < PATIENCE {
        scene.prefetch.clear();
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let totals = scene.misses.outcomes.totals();
    assert_eq!((totals.misses, totals.ended()), (misses.into(), misses.into()));
    assert_eq!(totals.of(Outcome::NotFound), source.asked());
    let budget = f64::from(Config::default().walks_per_second);
    let walks = source.asked() as f64;
    let seconds = started.elapsed().as_secs_f64() + 1.0;
    assert!(walks <= seconds * budget, "{walks} walks");
    if whole {
        let grown = after.saturating_sub(before);
        assert!(grown < 20 << 20, "grew by {grown} bytes in {took:?}: {taken:?}");
    }
}
