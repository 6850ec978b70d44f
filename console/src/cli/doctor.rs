//! `doctor`: what is wrong, with what was seen and what to do. Comes in: what the daemon finds of
//! itself, and a look at this machine. Goes out: a line a check, and whether any failed.
//!
//! Finds nothing out that the daemon knows already: the checks are its own.

mod daemon;
mod host;

use clap::{Args, ValueEnum};
use hydra_protocol::client::Access;
use hydra_protocol::v1::{GetNetworkRequest, GetPrefetchRequest, GetStatusRequest};

use crate::error::{Error, Kind};
use crate::output::dto::{Check, Network, PrefetchStatus, Status};
use crate::output::list;
use crate::output::look::{Look, Tone};
use crate::session::{Session, Target};
use crate::ui::Ui;

#[derive(Args, Clone, Debug)]
#[command(after_help = "\
Works without a daemon, too; exits with 8 when a check fails. Each result is one of ok, warn, fail, skip.")]
pub(super) struct Arguments {
    /// Only these
    #[arg(long, value_enum, value_delimiter = ',')]
    only: Vec<Part>,
}

/// What a check is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Part {
    /// This machine, and the way to the daemon
    Host,
    /// Whether strangers get to the heads
    Reach,
    /// Whether there are peers
    Network,
    /// Whether peers list the heads
    Presence,
    /// The records
    Belly,
    /// Look-ups elsewhere
    Prefetch,
}

/// A check that was made.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Found {
    part: Part,
    check: Check,
}

/// What the daemon says of itself.
struct Answers {
    status: Status,
    /// Not told by an older daemon.
    network: Option<Network>,
    prefetch: Option<PrefetchStatus>,
}

impl Found {
    fn new(part: Part, check: &str, result: &'static str, evidence: impl Into<String>) -> Self {
        let evidence = evidence.into();
        Self { part, check: Check { check: check.to_owned(), result, evidence, remedy: None } }
    }

    fn remedy(mut self, remedy: impl Into<String>) -> Self {
        self.check.remedy = Some(remedy.into());
        self
    }
}

pub(super) async fn run(arguments: Arguments, target: &Target, ui: &mut Ui<'_>) -> Result<(), Error> {
    let mut checks = Vec::new();
    let found = match ask(target).await {
        Ok((session, answers)) => {
            let mut found = host::way_to(&session);
            found.extend(host::data_dir(answers.status.data_dir.as_deref()));
            found.push(host::ipv6());
            found.extend(daemon::checks(&answers));
            found
        }
        Err(error) => {
            // why the rest cannot be asked, whatever was asked for
            checks.push(no_daemon(&error));
            host::without_daemon(&ui.look).await
        }
    };
    let asked = |part: Part| arguments.only.is_empty() || arguments.only.contains(&part);
    checks.extend(found.into_iter().filter(|found| asked(found.part)).map(|found| found.check));
    if !ui.format.is_text() {
        list::print(ui, &checks)?;
    } else if !ui.quiet {
        let lines = checks.iter().map(|check| line(check, &ui.look)).chain([summary(&checks)]);
        let text = lines.collect::<Vec<_>>().join("\n");
        ui.say(&text)?;
    }
    if checks.iter().any(|check| check.result == "fail") {
        return Err(Error::told(Kind::Unhealthy));
    }
    Ok(())
}

async fn ask(target: &Target) -> Result<(Session, Answers), Error> {
    let session = target.open(Access::Read).await?;
    let status = session.call(session.client.status().get_status(GetStatusRequest {})).await?.status;
    let Some(status) = status.as_ref().map(Status::from) else {
        return Err(Error::empty_answer("a status"));
    };
    let network = session.call(session.client.network().get_network(GetNetworkRequest {})).await.ok();
    let prefetch = session.call(session.client.prefetch().get_prefetch(GetPrefetchRequest {})).await.ok();
    let answers = Answers {
        status,
        network: network.and_then(|reply| reply.network.as_ref().map(Network::from)),
        prefetch: prefetch.and_then(|reply| reply.prefetch.as_ref().map(PrefetchStatus::from)),
    };
    Ok((session, answers))
}

fn no_daemon(error: &Error) -> Check {
    let found = Found::new(Part::Host, "socket", "fail", error.to_string());
    error.hints().first().map_or(found.clone(), |hint| found.remedy(hint)).check
}

fn line(check: &Check, look: &Look) -> String {
    let tone = match check.result {
        "ok" => Tone::Good,
        "warn" => Tone::Look,
        "fail" => Tone::Broken,
        _ => Tone::Off,
    };
    let result = look.paint(tone, &format!("{:<4}", check.result));
    let remedy = check.remedy.as_ref().map_or_else(String::new, |remedy| format!(" → {remedy}"));
    format!("{result}  {:<8} {}{remedy}", check.check, check.evidence)
}

fn summary(checks: &[Check]) -> String {
    let count = |result: &&str| checks.iter().filter(|check| check.result == *result).count();
    ["ok", "warn", "fail", "skip"].map(|result| format!("{} {result}", count(&result))).join(", ")
}
