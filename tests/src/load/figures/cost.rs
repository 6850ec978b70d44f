//! CPU figures: the daemon against the echo, in alternating pairs.
//!
//! A pair is one run against each, close in time, on the same CPUs; its ratio is what
//! counts, and the order alternates so that a drift of the machine cancels.

use anyhow::{Context as _, Result, ensure};

use super::super::node::Target;
use super::super::report::Report;
use super::super::server::Server;
use super::table::{Row, median};
use super::{Bench, say};

/// Request, bound over tcp and quic.
const REQUESTS: [(&str, f64); 4] = [("find", 1.6), ("get-miss", 1.7), ("get-hit", 1.7), ("add", 0.5)];
/// Dearer than the echo by at most 15 %.
const NEW_CONNECTION_BOUND: f64 = 1.15;

/// CPU a request, for each kind over tcp and quic, as a multiple of the echo's 3.3 KB reply.
pub(super) async fn requests(bench: &Bench<'_>) -> Result<Vec<Row>> {
    let mut rows = Vec::new();
    for (index, transport) in ["tcp", "quic"].into_iter().enumerate() {
        for (rpc, bound) in REQUESTS {
            let load = strings(&["--rpc", rpc, "--connections", "40", "--batch", "64"]);
            // Every request is held against the same reply of the echo, announcements too.
            let echo = strings(&["--rpc", "find", "--connections", "40", "--any-reply"]);
            let pairs = pairs(bench, &format!("{rpc} over {transport}"), index, &load, &echo).await?;
            rows.push(pairs.row(&format!("{rpc}, {transport}"), bound));
            if rpc == "add" {
                let echo = strings(&["--rpc", "add", "--connections", "40", "--batch", "64", "--any-reply"]);
                let what = format!("add over {transport}, silent echo");
                let pairs = self::pairs(bench, &what, index, &load, &echo).await?;
                let mut row =
                    pairs.row(&format!("add, {transport}, against an echo that stays silent"), bound);
                row.bound = None;
                rows.push(row);
            }
        }
    }
    Ok(rows)
}

/// CPU a new connection with identify and one FIND_NODE.
pub(super) async fn new_connections(bench: &Bench<'_>) -> Result<Vec<Row>> {
    let mut rows = Vec::new();
    for (what, index, security) in [("tcp/noise", 0, "noise"), ("tcp/tls", 0, "tls"), ("quic", 1, "noise")] {
        let load = strings(&["--new-connections", "--connections", "8", "--transport-security", security]);
        let pairs = pairs(bench, &format!("new connections, {what}"), index, &load, &load).await?;
        rows.push(pairs.row(&format!("new connection, {what}"), NEW_CONNECTION_BOUND));
    }
    Ok(rows)
}

struct Pairs {
    ratios: Vec<f64>,
    daemon_us: Vec<f64>,
    echo_us: Vec<f64>,
    reply_bytes: f64,
}

impl Pairs {
    fn row(&self, what: &str, bound: f64) -> Row {
        let (daemon, echo) = (median(&self.daemon_us), median(&self.echo_us));
        let note = format!("{daemon:.1} µs against {echo:.1} µs; reply {:.0} B", self.reply_bytes);
        Row::new(what, "×", self.ratios.clone(), Some(bound)).noted(note)
    }
}

async fn pairs(
    bench: &Bench<'_>,
    what: &str,
    transport: usize,
    load: &[String],
    echo: &[String],
) -> Result<Pairs> {
    say(what);
    let mut pairs =
        Pairs { ratios: Vec::new(), daemon_us: Vec::new(), echo_us: Vec::new(), reply_bytes: 0.0 };
    for round in 0..bench.figures.rounds {
        let daemon = (bench.daemon.server(), &bench.head[transport], load);
        let other = (bench.echo.server(), &bench.echo.targets[transport], echo);
        let (a, b) = if round % 2 == 0 {
            let a = one(bench, daemon).await?;
            (a, one(bench, other).await?)
        } else {
            let b = one(bench, other).await?;
            (one(bench, daemon).await?, b)
        };
        pairs.daemon_us.push(a.0);
        pairs.echo_us.push(b.0);
        pairs.ratios.push(a.0 / b.0);
        pairs.reply_bytes = a.1.mean_reply_bytes;
    }
    Ok(pairs)
}

/// Microseconds of server CPU a request, and the report.
async fn one(
    bench: &Bench<'_>,
    (server, target, args): (Server, &Target, &[String]),
) -> Result<(f64, Report)> {
    let mut all = strings(&["--target", &target.to_string(), "--server-pid", &server.0.to_string()]);
    all.extend(strings(&["--duration", &bench.figures.seconds.to_string(), "--warmup", "0.5"]));
    all.extend_from_slice(args);
    let report: Report = bench.figures.client(all).await?;
    let failed: u64 = report.errors.values().sum();
    ensure!(
        report.done > 0 && failed * 1000 <= report.done,
        "{failed} of {} failed: {:?}",
        report.done,
        report.errors
    );
    if let Some(hits) = report.kinds.get("get-hit").filter(|_| !args.iter().any(|arg| arg == "--any-reply")) {
        ensure!(hits.found == hits.done, "only {} of {} known keys were found", hits.found, hits.done);
    }
    let spent = report.server.as_ref().context("the client read no server")?;
    Ok((spent.cpu_us_per_request, report))
}

pub(super) fn strings(args: &[&str]) -> Vec<String> {
    args.iter().map(|arg| (*arg).to_owned()).collect()
}
