//! `stats list`, `stats history`: what was, as numbers.

use std::time::Duration;

use clap::{Args, Subcommand};
use clap_complete::engine::ArgValueCompleter;
use hydra_protocol::client::Access;
use hydra_protocol::v1::{GetHistoryRequest, GetHistoryResponse, ListSeriesRequest};
use jiff::Timestamp;

use crate::cli::choice::Choice;
use crate::cli::watch::Watch;
use crate::cli::{completions, span};
use crate::error::Error;
use crate::output::dto::{Moment, Series, StatsPoint};
use crate::output::list::{self, List};
use crate::output::text::neutral;
use crate::session::{Session, Target};
use crate::ui::Ui;

#[derive(Clone, Debug, Subcommand)]
pub(super) enum Command {
    /// Which series there are, with what they are now
    List(ListArguments),
    /// The values of series, the oldest first
    History(HistoryArguments),
}

#[derive(Args, Clone, Debug)]
pub(super) struct ListArguments {
    #[command(flatten)]
    choice: Choice,
    #[command(flatten)]
    watch: Watch,
}

#[derive(Args, Clone, Debug)]
#[command(after_help = "\
Seconds are kept for ten minutes, ten seconds for two hours, minutes for two days, hours for a year; of a head minutes only.
A value of - (null, empty) was not measured; where the daemon was restarted, the row says so.
hydractl stats history requests.add_provider --since 2d -o csv > add-provider.csv")]
pub(super) struct HistoryArguments {
    /// Names as stats list prints them
    #[arg(required = true, num_args = 1..=64, value_name = "SERIES", add = ArgValueCompleter::new(completions::series))]
    series: Vec<String>,
    /// From how long ago on: 10m, 2h, 2d, 365d
    #[arg(long, value_name = "TIME", default_value = "10m", value_parser = span::parse_back)]
    since: Duration,
    /// Time of a value: 1s, 10s, 1m, 1h; the shortest that is kept for so long by default
    #[arg(long, value_name = "TIME", value_parser = span::parse)]
    step: Option<Duration>,
    #[command(flatten)]
    choice: Choice,
}

impl Command {
    /// The pause of `--watch`.
    pub(super) fn watched(&self) -> Option<Duration> {
        match self {
            Self::List(arguments) => arguments.watch.every,
            Self::History(_) => None,
        }
    }
}

pub(super) async fn run(command: Command, target: &Target, ui: &mut Ui<'_>) -> Result<(), Error> {
    let session = target.open(Access::Read).await?;
    match command {
        Command::List(arguments) => {
            let selection = arguments.choice.of(None)?;
            let reply = session.call(session.client.stats().list_series(ListSeriesRequest {})).await?;
            let series: Vec<Series> = reply.series.iter().map(Series::from).collect();
            list::print_selected(ui, &series, selection)?;
            troubled(ui, &reply.trouble);
            Ok(())
        }
        Command::History(arguments) => history(arguments, &session, ui).await,
    }
}

async fn history(arguments: HistoryArguments, session: &Session, ui: &mut Ui<'_>) -> Result<(), Error> {
    let step = arguments.step.map_or(0, |step| u32::try_from(step.as_secs()).unwrap_or(u32::MAX).max(1));
    let selection = arguments.choice.of(None)?;
    let reply = ask(session, arguments.series, arguments.since, step, ui.look.now).await?;
    let seconds = i64::from(reply.step_seconds);
    let begins = reply.begins.map_or(0, |begins| begins.seconds);
    let mut list = List::<StatsPoint>::of(ui, selection)?;
    let mut measured = false;
    for series in &reply.series {
        for (at, value) in (0..).map(|step| begins + step * seconds).zip(&series.values) {
            let value = Some(*value).filter(|value| !value.is_nan());
            measured |= value.is_some();
            let point = StatsPoint {
                at: Timestamp::from_second(at).ok().map(Moment),
                series: neutral(&series.name),
                value,
                unit: neutral(&series.unit),
                step_seconds: reply.step_seconds,
                restarted: reply.starts.iter().any(|start| start.seconds == at),
            };
            list.push(ui, &point)?;
        }
    }
    list.finish(ui)?;
    if !measured {
        ui.note("nothing was measured in that time");
    }
    troubled(ui, &reply.trouble);
    Ok(())
}

/// Asks for series from so long before `now` on.
pub(super) async fn ask(
    session: &Session,
    series: Vec<String>,
    since: Duration,
    step_seconds: u32,
    now: Timestamp,
) -> Result<GetHistoryResponse, Error> {
    let since = now.as_second().saturating_sub(i64::try_from(since.as_secs()).unwrap_or(i64::MAX));
    let since = Some(prost_types::Timestamp { seconds: since.max(0), nanos: 0 });
    let request = GetHistoryRequest { series, since, step_seconds };
    session.call(session.client.stats().get_history(request)).await
}

fn troubled(ui: &mut Ui<'_>, trouble: &str) {
    if !trouble.is_empty() {
        ui.note(&format!("warning: history is in memory only: {}", neutral(trouble)));
    }
}
