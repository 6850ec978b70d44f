//! `records`: what the belly has; and, by [`fetch`], what the network has.

mod export;
mod fetch;
mod purge;
mod stat;
mod top;

use std::num::NonZeroU64;
use std::time::Duration;

use clap::{Args, Subcommand, ValueEnum};
use hydra_protocol::client::Access;
use hydra_protocol::v1::{self, GetRecordsRequest, ListRecordsRequest, RecordFilter, StreamRecordsRequest};

use super::choice::Choice;
use super::watch::Watch;
use super::{key, names};
use crate::error::{Error, Kind};
use crate::output::Format;
use crate::output::dto::Record;
use crate::output::list::List;
use crate::output::select::Selection;
use crate::output::text::neutral;
use crate::session::{Session, Target};
use crate::ui::Ui;

pub(super) use stat::reading;

#[derive(Clone, Debug, Subcommand)]
pub(super) enum Command {
    /// All records, or those that fit, as they come: millions are no problem
    List(ListArguments),
    /// The providers of keys; exit 5 when one has none
    Get(GetArguments),
    /// The providers of keys from the network, as they are found; stores nothing without --keep
    Fetch(fetch::Arguments),
    /// The belly as a whole: counts, sizes, ages, what was refused or lost
    Stat {
        #[command(flatten)]
        watch: Watch,
    },
    /// What is asked for most, who has most, or where in the keyspace it is hot
    Top(top::Arguments),
    /// All records as lines, at the pace of whoever reads them
    Export(export::Arguments),
    /// Forget the records of a key or a provider; they come back when announced again
    Purge(purge::Arguments),
}

#[derive(Args, Clone, Debug)]
pub(super) struct ListArguments {
    /// First hex digits of the key, SHA-256 of the multihash
    #[arg(long, value_name = "HEX", value_parser = key::prefix)]
    key: Option<String>,
    /// Peer id of the provider
    #[arg(long, value_name = "ID")]
    provider: Option<String>,
    /// Where the record comes from
    #[arg(long, value_enum)]
    source: Option<Source>,
    #[command(flatten)]
    choice: Choice,
    /// At most so many
    #[arg(long, value_name = "N")]
    limit: Option<NonZeroU64>,
    /// One page of at most so many, up to 1,000; the token of the next is in the JSON and on stderr
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1_000), conflicts_with = "limit")]
    page_size: Option<u32>,
    /// The page that begins there; with the same conditions as the page that named it
    #[arg(long, value_name = "TOKEN", conflicts_with = "limit")]
    page_token: Option<String>,
}

#[derive(Args, Clone, Debug)]
pub(super) struct GetArguments {
    /// CIDs, or multihashes in hex or base58; - reads them from stdin, one a line
    #[arg(value_name = "CID", required = true)]
    cids: Vec<String>,
    #[command(flatten)]
    choice: Choice,
}

impl Command {
    /// The pause of `--watch`.
    pub(super) fn watched(&self) -> Option<Duration> {
        match self {
            Self::Stat { watch } => watch.every,
            Self::Top(arguments) => arguments.watch.every,
            _ => None,
        }
    }

    /// Whether it tells what there is, and ends.
    pub(super) const fn reads(&self) -> bool {
        matches!(self, Self::List(_) | Self::Get(_) | Self::Stat { .. } | Self::Top(_))
    }
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Source {
    /// Sent to a head by the provider
    Announced,
    /// Looked up by the daemon
    Prefetched,
}

pub(super) async fn run(command: Command, target: &Target, ui: &mut Ui<'_>) -> Result<(), Error> {
    match command {
        Command::List(arguments) => list(arguments, &target.open(Access::Read).await?, ui).await,
        Command::Get(arguments) => get(&arguments, target, ui).await,
        Command::Fetch(arguments) => fetch::run(&arguments, target, ui).await,
        Command::Stat { .. } => stat::run(&target.open(Access::Read).await?, ui).await,
        Command::Top(arguments) => top::run(&arguments, &target.open(Access::Read).await?, ui).await,
        Command::Export(arguments) => export::run(&arguments, target, ui).await,
        Command::Purge(arguments) => purge::run(&arguments, target, ui).await,
    }
}

/// Prints each chunk before it asks for the next: memory does not grow, and the reader of our
/// output sets the pace of the daemon.
async fn list(arguments: ListArguments, session: &Session, ui: &mut Ui<'_>) -> Result<(), Error> {
    let source = match arguments.source {
        None => v1::RecordSource::Unspecified,
        Some(Source::Announced) => v1::RecordSource::Announced,
        Some(Source::Prefetched) => v1::RecordSource::Prefetched,
    };
    let filter = RecordFilter {
        key_prefix_hex: arguments.key.unwrap_or_default(),
        provider: arguments.provider.unwrap_or_default(),
        source: source.into(),
    };
    let selection = arguments.choice.of(arguments.limit.map(NonZeroU64::get))?;
    if arguments.page_size.is_some() || arguments.page_token.is_some() {
        let request = ListRecordsRequest {
            page_size: arguments.page_size.unwrap_or(0),
            page_token: arguments.page_token.unwrap_or_default(),
            filter: Some(filter),
        };
        return page(request, selection, session, ui).await;
    }
    let limit = if selection.wanted() == u64::MAX { 0 } else { selection.wanted() };
    let request = StreamRecordsRequest { filter: Some(filter), limit };
    let mut chunks = session.call(session.client.records().stream_records(request)).await?;
    let mut rows = List::of(ui, selection)?;
    let (mut reason, mut incomplete) = (String::new(), String::new());
    while !rows.is_full()
        && let Some(chunk) = session.within(chunks.message()).await?
    {
        for record in chunk.records {
            rows.push(ui, &Record::at(record, ui.look.now))?;
        }
        if !chunk.empty_reason.is_empty() {
            reason = chunk.empty_reason;
        }
        if !chunk.incomplete_reason.is_empty() {
            incomplete = chunk.incomplete_reason;
        }
    }
    let empty = rows.finish(ui)? == 0;
    remark(empty, &reason, &incomplete, ui);
    Ok(())
}

/// What is to be said beside the records.
fn remark(empty: bool, empty_reason: &str, incomplete_reason: &str, ui: &mut Ui<'_>) {
    if empty {
        ui.note(&neutral(if empty_reason.is_empty() { "no records fit" } else { empty_reason }));
    } else if !incomplete_reason.is_empty() {
        ui.note(&neutral(&format!("incomplete: {incomplete_reason}")));
    }
}

/// One page, and where the next begins.
async fn page(
    request: ListRecordsRequest,
    selection: Selection<Record>,
    session: &Session,
    ui: &mut Ui<'_>,
) -> Result<(), Error> {
    let reply = session.call(session.client.records().list_records(request)).await?;
    let mut rows = List::of(ui, selection)?;
    for record in reply.records {
        rows.push(ui, &Record::at(record, ui.look.now))?;
    }
    let next = neutral(&reply.next_page_token);
    let empty = rows.finish_page(ui, &next)? == 0 && next.is_empty();
    remark(empty, &reply.empty_reason, &reply.incomplete_reason, ui);
    if !next.is_empty() {
        ui.note(&format!("the list goes on: --page-token {next}"));
    }
    Ok(())
}

/// One list of what the belly has of each key; a key of which it has nothing is an error.
async fn get(arguments: &GetArguments, target: &Target, ui: &mut Ui<'_>) -> Result<(), Error> {
    let selection = arguments.choice.of(None)?;
    if let [only] = &arguments.cids[..]
        && only != names::STDIN
    {
        // what is no key is said without a daemon
        key::parse(only)?;
    }
    let session = target.open(Access::Read).await?;
    let (mut rows, mut incomplete) = (None, String::new());
    // An empty list is an answer to a script too, beside the exit code.
    let mut selection = Some(selection);
    if ui.format == Format::Json {
        rows = selection.take().map(|selection| List::of(ui, selection)).transpose()?;
    }
    let outcome = names::for_each(&arguments.cids, ui, async |cid: &str, ui: &mut Ui<'_>| {
        let key = key::parse(cid)?;
        let request = GetRecordsRequest { key: key.to_owned() };
        let reply = session.call(session.client.records().get_records(request)).await?;
        if reply.records.is_empty() {
            let reason = match reply.empty_reason {
                reason if reason.is_empty() => format!("no provider of {key} in the belly"),
                reason => reason,
            };
            return Err(Error::new(Kind::NotFound, reason)
                .hint(format!("ask the network: hydractl records fetch {key}")));
        }
        if let Some(selection) = selection.take() {
            rows = Some(List::of(ui, selection)?);
        }
        if let Some(rows) = &mut rows {
            for record in reply.records {
                rows.push(ui, &Record::at(record, ui.look.now))?;
            }
        }
        incomplete = reply.incomplete_reason;
        Ok(())
    })
    .await;
    if let Some(rows) = rows {
        rows.finish(ui)?;
    }
    remark(false, "", &incomplete, ui);
    outcome
}
