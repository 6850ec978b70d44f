//! `records`: what the belly has. Asks no network.

use std::num::NonZeroU64;

use clap::{Args, Subcommand, ValueEnum};
use hydra_protocol::client::Access;
use hydra_protocol::v1::{self, GetRecordsRequest, RecordFilter, StreamRecordsRequest};

use super::key;
use crate::error::{Error, Kind};
use crate::output::Format;
use crate::output::dto::Record;
use crate::output::list::{self, List};
use crate::output::text::neutral;
use crate::session::{Session, Target};
use crate::ui::Ui;

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// All records, or those that fit, as they come: millions are no problem
    List(ListArguments),
    /// The providers of one key; exit 5 when there are none
    Get {
        /// A CID, or a multihash in hex or base58
        cid: String,
    },
}

#[derive(Args, Debug)]
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
    /// At most so many
    #[arg(long, value_name = "N")]
    limit: Option<NonZeroU64>,
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
        Command::Get { cid } => {
            let key = key::parse(&cid)?;
            get(key, &target.open(Access::Read).await?, ui).await
        }
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
    let limit = arguments.limit.map_or(0, NonZeroU64::get);
    let request = StreamRecordsRequest { filter: Some(filter), limit };
    let mut chunks = session.call(session.client.records().stream_records(request)).await?;
    let mut rows = List::begin(ui)?;
    let mut reason = String::new();
    while let Some(chunk) = session.within(chunks.message()).await? {
        for record in &chunk.records {
            rows.push(ui, &Record::at(record, ui.look.now))?;
        }
        if !chunk.empty_reason.is_empty() {
            reason = chunk.empty_reason;
        }
    }
    if rows.finish(ui)? == 0 {
        ui.note(&neutral(if reason.is_empty() { "no records fit" } else { &reason }));
    }
    Ok(())
}

async fn get(key: &str, session: &Session, ui: &mut Ui<'_>) -> Result<(), Error> {
    let request = GetRecordsRequest { key: key.to_owned() };
    let reply = session.call(session.client.records().get_records(request)).await?;
    let records: Vec<Record> = reply.records.iter().map(|record| Record::at(record, ui.look.now)).collect();
    // An empty list is an answer to a script too, beside the exit code.
    if !records.is_empty() || ui.format == Format::Json {
        list::print(ui, &records)?;
    }
    if records.is_empty() {
        let reason = match reply.empty_reason {
            reason if reason.is_empty() => format!("no provider of {key} in the belly"),
            reason => reason,
        };
        return Err(Error::new(Kind::NotFound, reason));
    }
    Ok(())
}
