//! `records purge`: forget what one key or one provider has in the belly.

use clap::Args;
use hydra_protocol::client::Access;
use hydra_protocol::v1::PurgeRecordsRequest;

use crate::cli::key;
use crate::error::{Error, Kind};
use crate::output::dto::PurgedRecords;
use crate::output::object;
use crate::output::text::{short_cid, short_id};
use crate::session::{Session, Target};
use crate::ui::Ui;

/// What one types to confirm.
const WORD: &str = "purge";

#[derive(Args, Clone, Debug)]
#[group(skip)]
pub(in crate::cli) struct Arguments {
    /// A CID, or a multihash in hex or base58
    #[arg(required_unless_present = "provider")]
    cid: Option<String>,
    /// All records of this peer id instead
    #[arg(long, value_name = "ID", conflicts_with = "cid")]
    provider: Option<String>,
    /// Say how many there are, remove none
    #[arg(long)]
    dry_run: bool,
    /// Do not ask; needed when nobody can be asked
    #[arg(long)]
    yes: bool,
}

pub(super) async fn run(arguments: &Arguments, target: &Target, ui: &mut Ui<'_>) -> Result<(), Error> {
    let key = arguments.cid.as_deref().map(key::parse).transpose()?.unwrap_or_default();
    let request = PurgeRecordsRequest {
        key: key.to_owned(),
        provider: arguments.provider.clone().unwrap_or_default(),
        dry_run: true,
    };
    let session = target.open(Access::Control).await?;
    if arguments.dry_run || !arguments.yes {
        let there = ask(&request, &session).await?;
        let (whose, records) = (whose(&there), records(there.records, ui));
        if arguments.dry_run {
            return print(
                &there,
                &format!("dry run: {records} of {whose} would be removed; nothing was\n"),
                ui,
            );
        }
        confirm(&whose, &records, ui).await?;
    }
    let gone = ask(&PurgeRecordsRequest { dry_run: false, ..request }, &session).await?;
    let text = format!(
        "{} of {} removed; what is announced from now on is taken in again\n",
        records(gone.records, ui),
        whose(&gone)
    );
    print(&gone, &text, ui)
}

async fn ask(request: &PurgeRecordsRequest, session: &Session) -> Result<PurgedRecords, Error> {
    let reply = session.call(session.client.records().purge_records(request.clone())).await?;
    Ok(PurgedRecords::of(&reply, request.dry_run))
}

fn print(purged: &PurgedRecords, text: &str, ui: &mut Ui<'_>) -> Result<(), Error> {
    if ui.quiet {
        return Ok(());
    }
    object::print(ui, "hydra.v1/PurgedRecords", purged, purged.name(), text)
}

fn whose(purged: &PurgedRecords) -> String {
    match &purged.provider_peer_id {
        Some(provider) => format!("provider {}", short_id(provider)),
        None => format!("key {}", short_cid(purged.name())),
    }
}

fn records(count: u64, ui: &Ui<'_>) -> String {
    if count == 1 { "1 record".to_owned() } else { format!("{} records", ui.look.count(count)) }
}

/// Says what will be lost, and lets a word be typed.
async fn confirm(whose: &str, records: &str, ui: &mut Ui<'_>) -> Result<(), Error> {
    if !ui.can_ask() {
        return Err(Error::new(
            Kind::Usage,
            format!("not a terminal: nobody can be asked about {records} of {whose}"),
        )
        .hint("to remove them without a question: --yes"));
    }
    let question = format!(
        "{records} of {whose} will be forgotten, in memory and on disk. They come back when they are announced\n\
         again, which providers do every 22 h.\n\
         Type {WORD} to remove them: "
    );
    let answer = ui.ask(&question).await?;
    if answer.trim() == WORD {
        Ok(())
    } else {
        Err(Error::new(Kind::Failed, format!("nothing was removed: \"{answer}\" is not {WORD}"))
            .hint(format!("type the word {WORD}; without a question: --yes")))
    }
}
