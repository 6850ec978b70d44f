//! `network`: how large it is, what share of it the heads cover, and what more would take.

use std::time::Duration;

use clap::{Args, Subcommand};
use hydra_protocol::client::Access;
use hydra_protocol::v1::{GetCoverageRequest, GetNetworkRequest, PlanCoverageRequest};

use super::watch::Watch;
use crate::error::Error;
use crate::output::dto::{Coverage, CoveragePlan, CoverageWith, HeadGroup, Network, Place, PlannedNetwork};
use crate::output::look::Look;
use crate::output::text::percent;
use crate::output::{Format, list, object};
use crate::session::{Session, Target};
use crate::ui::Ui;

/// How long a plan may take, when nothing else is asked for: it is work, not waiting.
const PLAN_TIMEOUT: Duration = Duration::from_secs(120);

/// Places of a plan that are named on one line.
const NAMED: usize = 8;

/// IP groups of heads that are named.
const GROUPS: usize = 4;

#[derive(Args, Clone, Debug)]
#[command(args_conflicts_with_subcommands = true)]
pub(super) struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    watch: Watch,
}

#[derive(Clone, Debug, Subcommand)]
enum Command {
    /// How many servers it has, told in two ways
    Size {
        #[command(flatten)]
        watch: Watch,
    },
    /// The share of keys that have one of our heads among their 20 nearest servers
    Coverage {
        /// With so many heads in all, ids left to chance; several joined by commas
        #[arg(long, value_name = "N,…", value_delimiter = ',', value_parser = clap::value_parser!(u32).range(1..=10_000_000))]
        heads: Vec<u32>,
        #[command(flatten)]
        watch: Watch,
    },
    /// How many heads are missing for a coverage, and where
    Plan(PlanArguments),
}

#[derive(Args, Clone, Debug)]
#[command(after_help = "\
-o csv, ndjson and name list the places, the one that gains most first:
hydractl network plan --coverage 0.1 -o name | while read -r near; do hydractl heads add --near \"$near\"; done")]
struct PlanArguments {
    /// Wanted: a share of all keys, 0.9 or 90%
    #[arg(long, value_name = "SHARE", value_parser = share)]
    coverage: f64,
    /// Places told at most; 1,000 by default
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=10_000))]
    limit: Option<u32>,
}

/// Reads a share.
fn share(text: &str) -> Result<f64, String> {
    let number = |text: &str| text.trim().parse::<f64>().map_err(|_| "give a share: 0.9 or 90%".to_owned());
    let share = match text.strip_suffix('%') {
        Some(percent) => number(percent)? / 100.0,
        None => number(text)?,
    };
    if share > 0.0 && share <= 1.0 {
        Ok(share)
    } else {
        Err("it must be more than 0 and at most 1".to_owned())
    }
}

impl Arguments {
    /// The pause of `--watch`.
    pub(super) fn watched(&self) -> Option<Duration> {
        match &self.command {
            Some(Command::Size { watch } | Command::Coverage { watch, .. }) => watch.every,
            Some(Command::Plan(_)) => None,
            None => self.watch.every,
        }
    }
}

pub(super) async fn run(arguments: Arguments, target: &Target, ui: &mut Ui<'_>) -> Result<(), Error> {
    let timeout = match arguments.command {
        Some(Command::Plan(_)) => target.timeout.or(Some(PLAN_TIMEOUT)),
        _ => target.timeout,
    };
    let session = Target { timeout, ..target.clone() }.open(Access::Read).await?;
    match arguments.command {
        None => network(&session, ui, lines).await,
        Some(Command::Size { .. }) => {
            network(&session, ui, |network, look| labelled(&[("size", size(network, look))])).await
        }
        Some(Command::Coverage { heads, .. }) => coverage(heads, &session, ui).await,
        Some(Command::Plan(arguments)) => plan(&arguments, &session, ui).await,
    }
}

async fn network(
    session: &Session,
    ui: &mut Ui<'_>,
    text: fn(&Network, &Look) -> String,
) -> Result<(), Error> {
    let reply = session.call(session.client.network().get_network(GetNetworkRequest {})).await?;
    let Some(network) = reply.network else {
        return Err(Error::empty_answer("a network"));
    };
    let network = Network::from(&network);
    if !ui.columns.is_empty() && ui.format.is_text() {
        return list::print(ui, &[network]).map(drop);
    }
    let text = text(&network, &ui.look);
    object::print_row(ui, &network, &text)?;
    if network.sizes_differ == Some(true) {
        ui.note("warning: the two sizes contradict each other; one of them is misled (docs/coverage.md)");
    }
    Ok(())
}

/// The labels stand below each other, whichever are printed.
fn labelled(lines: &[(&str, String)]) -> String {
    lines.iter().map(|(label, text)| format!("{label:<9}  {text}\n")).collect()
}

fn lines(network: &Network, look: &Look) -> String {
    let covered = Coverage {
        heads: network.heads,
        peers: network.peers_live,
        coverage_ratio: network.coverage_ratio,
        coverage_with_presence_ratio: network.coverage_with_presence_ratio,
        coverage_with: network.coverage_with.clone(),
    };
    labelled(&[
        ("size", size(network, look)),
        ("coverage", covers(&covered, look)),
        ("available", available(network, look)),
        ("hops", hops(network)),
        ("groups", groups(network, look)),
    ])
}

fn unknown() -> String {
    "—".to_owned()
}

/// "by crawl 3,512 (of 4,807 known, 03:03:52) · by distance 3,440 ±140 (150 lookups, 2 h) · 2.1 % apart".
fn size(network: &Network, look: &Look) -> String {
    let count = |number: Option<u64>| number.map_or_else(unknown, |number| look.count(number));
    let crawled = match (network.crawled_at, network.size_by_crawl) {
        (Some(at), _) => format!(", {}", look.clock(at.0)),
        (None, Some(_)) => String::new(),
        (None, None) => ", the crawl goes on".to_owned(),
    };
    let error = network.size_by_distance_error.map(|error| format!(" ±{}", look.count(error)));
    let mut parts = vec![
        format!(
            "by crawl {} (of {} known{crawled})",
            count(network.size_by_crawl),
            look.count(network.known)
        ),
        format!(
            "by distance {}{} ({} lookups, 2 h)",
            count(network.size_by_distance),
            error.unwrap_or_default(),
            look.count(network.lookups_sampled.into())
        ),
    ];
    parts.extend(network.difference_ratio.map(|apart| {
        let alarm = if network.sizes_differ == Some(true) { "▲ " } else { "" };
        format!("{alarm}{} apart", percent(apart))
    }));
    parts.join(" · ")
}

/// "2.8 % of keys with 5 heads · 2.4 % counting presence · 88 heads ~39 %, 176 ~62 %".
fn covers(coverage: &Coverage, look: &Look) -> String {
    let heads =
        |heads: u32| format!("{} {}", look.count(heads.into()), if heads == 1 { "head" } else { "heads" });
    let Some(ratio) = coverage.coverage_ratio else {
        return format!("— with {}: no server of the network is known", heads(coverage.heads));
    };
    let presence = coverage.coverage_with_presence_ratio.map_or_else(unknown, percent);
    let mut parts = vec![
        format!("{} of keys with {}", percent(ratio), heads(coverage.heads)),
        format!("{presence} counting presence"),
    ];
    let with = |(at, one): (usize, &CoverageWith)| {
        let number = if at == 0 { heads(one.heads) } else { look.count(one.heads.into()) };
        format!("{number} ~{}", percent(one.coverage_ratio))
    };
    if !coverage.coverage_with.is_empty() {
        let with: Vec<String> = coverage.coverage_with.iter().enumerate().map(with).collect();
        parts.push(with.join(", "));
    }
    parts.join(" · ")
}

fn available(network: &Network, look: &Look) -> String {
    match (network.available_ratio, network.keys_sampled_24h) {
        (Some(ratio), Some(keys)) => {
            let error = network.available_error_ratio.map(|error| format!(" ±{}", percent(error)));
            format!(
                "{}{} of {} keys drawn in 24 h have a reachable provider",
                percent(ratio),
                error.unwrap_or_default(),
                look.count(keys)
            )
        }
        _ => "— not measured: no keys are drawn".to_owned(),
    }
}

/// "1.04 from our table to the nearest servers of random keys · a client takes 2.71, with a head of ours 1.93".
fn hops(network: &Network) -> String {
    let Some(hops) = network.lookup_hops else { return "— no lookup yet".to_owned() };
    let mut parts = vec![format!("{hops:.2} from our table to the nearest servers of random keys")];
    if let (Some(without), Some(with)) = (network.client_hops, network.client_hops_with_head) {
        parts.push(format!("a client takes {without:.2}, with a head of ours {with:.2}"));
    }
    parts.join(" · ")
}

/// "203.0.0.0/16 admits 3 of 5 heads, full with 2 servers".
fn groups(network: &Network, look: &Look) -> String {
    let group = |group: &HeadGroup| {
        let heads = look.count(group.heads.into());
        if group.measured == 0 {
            return format!("{} {heads} heads, not measured", group.group);
        }
        let full = match group.full {
            0 => String::new(),
            full => format!(", full with {} servers", look.count(full.into())),
        };
        format!("{} admits {} of {heads} heads{full}", group.group, look.count(group.admitted.into()))
    };
    // those with most heads; -o json tells all
    let mut groups: Vec<&HeadGroup> = network.head_groups.iter().collect();
    groups.sort_by_key(|group| std::cmp::Reverse(group.heads));
    let mut parts: Vec<String> = groups.iter().take(GROUPS).map(|one| group(one)).collect();
    if groups.len() > GROUPS {
        parts.push(format!("{} more", look.count((groups.len() - GROUPS) as u64)));
    }
    if parts.is_empty() { "— no head serves at a public address".to_owned() } else { parts.join(" · ") }
}

async fn coverage(heads: Vec<u32>, session: &Session, ui: &mut Ui<'_>) -> Result<(), Error> {
    let reply = session.call(session.client.network().get_coverage(GetCoverageRequest { heads })).await?;
    let coverage = Coverage::from(&reply.coverage.unwrap_or_default());
    let now =
        coverage.coverage_ratio.map(|coverage_ratio| CoverageWith { heads: coverage.heads, coverage_ratio });
    let rows: Vec<CoverageWith> = now.into_iter().chain(coverage.coverage_with.iter().cloned()).collect();
    if ui.format == Format::Csv || (!ui.columns.is_empty() && ui.format.is_text()) {
        return list::print(ui, &rows).map(drop);
    }
    let text = labelled(&[("coverage", covers(&coverage, &ui.look))]);
    object::print(ui, "hydra.v1/Coverage", &coverage, "coverage", &text)
}

async fn plan(arguments: &PlanArguments, session: &Session, ui: &mut Ui<'_>) -> Result<(), Error> {
    let request =
        PlanCoverageRequest { coverage: arguments.coverage, places: arguments.limit.unwrap_or_default() };
    let reply = session.call(session.client.network().plan_coverage(request)).await?;
    let plan = CoveragePlan::from(&reply);
    let chosen = !ui.columns.is_empty() && ui.format.is_text();
    if chosen || matches!(ui.format, Format::Csv | Format::Ndjson | Format::Name) || ui.quiet {
        list::print(ui, &plan.places)?;
        let told = plan.places.len() as u64;
        if told < plan.places_total {
            ui.note(&format!("{told} of {} places; more: --limit N", ui.look.count(plan.places_total)));
        }
        return Ok(());
    }
    let text = planned(&plan, &ui.look);
    object::print(ui, "hydra.v1/CoveragePlan", &plan, "plan", &text)?;
    if ui.format == Format::Wide {
        list::print(ui, &plan.places)?;
    }
    Ok(())
}

fn planned(plan: &CoveragePlan, look: &Look) -> String {
    let today = |one: &PlannedNetwork| {
        let missing = match one.heads_placed {
            0 => "no head is missing".to_owned(),
            placed => format!(
                "{} more heads at planned places, {} with ids by chance",
                look.count(placed),
                look.count(one.heads_by_chance)
            ),
        };
        format!(
            "{} of keys with {} heads among {} servers · for {}: {missing}",
            percent(one.coverage_ratio),
            plan.heads,
            look.count(one.peers),
            percent(plan.coverage_ratio)
        )
    };
    let other = |one: &PlannedNetwork| {
        format!(
            "{} heads at planned places, {} with ids by chance",
            look.count(one.heads_placed),
            look.count(one.heads_by_chance)
        )
    };
    let mut lines: Vec<(String, String)> = Vec::new();
    for one in &plan.networks {
        let label = if one.today { "today".to_owned() } else { thousands(one.peers) };
        lines.push((label, if one.today { today(one) } else { other(one) }));
    }
    if !plan.places.is_empty() {
        lines.push(("places".to_owned(), places(&plan.places, plan.places_total, look)));
    }
    let lines: Vec<(&str, String)> =
        lines.iter().map(|(label, text)| (label.as_str(), text.clone())).collect();
    labelled(&lines)
}

/// "7b2, 8f0c and 172 more, the first gains most: hydractl heads add --near 7b2".
fn places(places: &[Place], total: u64, look: &Look) -> String {
    let named: Vec<&str> = places.iter().take(NAMED).map(|place| place.near_hex.as_str()).collect();
    let more = total.saturating_sub(named.len() as u64);
    let more = if more > 0 { format!(" and {} more", look.count(more)) } else { String::new() };
    format!("{}{more}, the first gains most: hydractl heads add --near {}", named.join(", "), named[0])
}

/// "10 K", "1 M".
fn thousands(peers: u64) -> String {
    match peers {
        peers if peers >= 1_000_000 => format!("{} M", peers / 1_000_000),
        peers => format!("{} K", peers / 1_000),
    }
}

#[cfg(test)]
mod tests {
    use super::share;

    #[test]
    fn a_share_is_a_number_or_so_many_percent() {
        assert_eq!((share("0.9"), share("90%"), share("90 %")), (Ok(0.9), Ok(0.9), Ok(0.9)));
        for wrong in ["", "0", "1.1", "101%", "NaN", "-0.5", "most"] {
            assert!(share(wrong).is_err(), "{wrong}");
        }
    }
}
