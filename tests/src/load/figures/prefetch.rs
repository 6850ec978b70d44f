//! A flood of misses at a head that looks keys up, against one that does not.
//!
//! Two daemons in one private network, asked alternately for keys that nobody has: what the
//! flood does to the wire, to memory, and whether each miss has its outcome.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use hydra_protocol::v1::prefetch_service_client::PrefetchServiceClient;
use hydra_protocol::v1::{GetPrefetchRequest, Outcomes, Prefetch};
use tonic::transport::Endpoint;

use super::super::node::Target;
use super::super::report::Report;
use super::cost::strings;
use super::daemon::{Daemon, targets};
use super::table::{Row, median};
use super::{Figures, say, wait_for_full_replies};
use crate::world::{World, WorldConfig};

/// Of all misses; before them: what is made once is made by then.
const WARM_UP: u64 = 10;
const PEERS: usize = 30;
const CONNECTIONS: u32 = 40;
const PATIENCE: Duration = Duration::from_secs(60);
const MIB: f64 = 1024.0 * 1024.0;

/// A daemon and its head.
struct Side {
    daemon: Daemon,
    head: Target,
}

/// Ratios of p99, memory above what it was, and misses without one outcome.
pub(super) async fn misses(figures: &Figures) -> Result<Vec<Row>> {
    let world = World::start(WorldConfig { peers: PEERS, ..WorldConfig::default() }).await;
    let world = world.context("start the private network")?;
    let bootstrap = world.bootstrap();
    let looks_up = side(figures, &bootstrap, 0, "any").await?;
    let does_not = side(figures, &bootstrap, 1, "off").await?;
    for side in [&looks_up, &does_not] {
        flood(figures, side, figures.misses / WARM_UP).await?;
    }
    let (misses, rounds) = (figures.misses, u64::from(figures.rounds));
    let rss_before = looks_up.daemon.server().rss_bytes()? as f64;
    let (mut ratios, mut grown) = (Vec::new(), Vec::new());
    let (mut with, mut without) = (Speeds::default(), Speeds::default());
    for round in 0..rounds {
        say(&format!("{misses} misses, round {round}"));
        // the rounds share them, the last one has what is left over
        let n = misses / rounds + if round + 1 == rounds { misses % rounds } else { 0 };
        let order = if round % 2 == 0 { [&looks_up, &does_not] } else { [&does_not, &looks_up] };
        let mut reports = [flood(figures, order[0], n).await?, flood(figures, order[1], n).await?];
        if round % 2 == 1 {
            reports.swap(0, 1);
        }
        let [on, off] = reports;
        ratios.push(with.push(&on)? / without.push(&off)?);
        let server = on.server.context("the client read no server")?;
        // down counts like up
        let peak = server.rss_peak_bytes as f64 - rss_before;
        let after = server.rss_after_bytes as f64 - rss_before;
        grown.push(peak.abs().max(after.abs()) / MIB);
    }
    let told = settled(&looks_up.daemon.socket).await?;
    let all = told.outcomes_total.unwrap_or_default();
    let astray = (misses + misses / WARM_UP).abs_diff(all.misses) + all.misses.abs_diff(ended(&all));
    Ok(vec![
        Row::new(
            format!("{misses} distinct misses, GET_PROVIDERS p99 against no prefetch"),
            "×",
            ratios,
            Some(2.0),
        )
        .noted(format!("{} against {}", with.words(), without.words())),
        Row::new("the same, RSS away from where it was", "MiB", grown, Some(20.0)),
        Row::new("the same, misses without exactly one outcome", "", vec![astray as f64], Some(0.0)).noted(
            format!(
                "of {}: {} not found, {} queue full, {} joined, {} others; {} walks/s allowed",
                all.misses,
                all.not_found,
                all.queue_full,
                all.joined,
                ended(&all) - all.not_found - all.queue_full - all.joined,
                told.walks_per_second_limit
            ),
        ),
    ])
}

/// What the runs against one daemon came to.
#[derive(Default)]
struct Speeds {
    p99_us: Vec<f64>,
    per_second: Vec<f64>,
}

impl Speeds {
    fn push(&mut self, report: &Report) -> Result<f64> {
        let p99 = report.latency_us.as_ref().context("a run without a latency")?.p99;
        self.p99_us.push(p99);
        self.per_second.push(report.per_second);
        Ok(p99)
    }

    fn words(&self) -> String {
        format!("{:.0} µs at {:.0}/s", median(&self.p99_us), median(&self.per_second))
    }
}

async fn side(figures: &Figures, bootstrap: &[Target], place: u16, scope: &str) -> Result<Side> {
    let mut setup = figures.setup(1, bootstrap);
    setup.port_begin = figures.port_begin + place;
    let flags = [format!("--prefetch-scope={scope}")];
    setup.flags = &flags;
    let mut daemon = Daemon::start(&setup)?;
    let heads = daemon.serving(1).await?;
    let [head, _] = targets(heads.first().context("the daemon has no head")?)?;
    wait_for_full_replies(&head).await?;
    Ok(Side { daemon, head })
}

/// So many distinct misses at full speed, each answered.
async fn flood(figures: &Figures, side: &Side, misses: u64) -> Result<Report> {
    let (head, pid) = (side.head.to_string(), side.daemon.server().0.to_string());
    let (misses, connections) = (misses.to_string(), CONNECTIONS.to_string());
    let args = strings(&[
        "--target",
        &head,
        "--server-pid",
        &pid,
        "--rpc",
        "get-miss",
        "--requests",
        &misses,
        "--connections",
        &connections,
        "--warmup",
        "0",
        "--duration",
        "3600",
    ]);
    let report: Report = figures.client(args).await?;
    ensure!(report.errors.is_empty(), "the flood met {:?}", report.errors);
    Ok(report)
}

/// The books, once nothing waits or is in flight.
async fn settled(socket: &Path) -> Result<Prefetch> {
    let endpoint = Endpoint::from_shared(format!("unix://{}", socket.display()))?;
    let channel = endpoint.connect().await.with_context(|| format!("connect to {}", socket.display()))?;
    let mut client = PrefetchServiceClient::new(channel);
    let deadline = Instant::now() + PATIENCE;
    loop {
        let told = client.get_prefetch(GetPrefetchRequest {}).await.context("ask for the outcomes")?;
        let told = told.into_inner().prefetch.context("no status of prefetching")?;
        if told.waiting + told.lookups == 0 {
            return Ok(told);
        }
        ensure!(Instant::now() < deadline, "keys still wait after {PATIENCE:?}: {told:?}");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

/// Misses that have an outcome.
fn ended(all: &Outcomes) -> u64 {
    [
        all.found,
        all.not_found,
        all.timed_out,
        all.source_failed,
        all.refused_5m,
        all.refused_1h,
        all.queue_full,
        all.not_ours,
        all.joined,
        all.paused,
    ]
    .iter()
    .sum()
}
