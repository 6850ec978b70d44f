//! `heads`: the DHT server identities of this hydra: asking and the command line.
//!
//! What changes them is in [`change`].

mod change;
mod neighbourhood;

use std::num::NonZeroU64;

use clap::{Args, Subcommand};
use clap_complete::engine::ArgValueCompleter;
use hydra_protocol::client::Access;
use hydra_protocol::v1::{GetHeadRequest, ListHeadsRequest};

use super::completions;
use super::key;
use super::selector::selector;
use crate::error::{Error, Kind};
use crate::output::columns::sort;
use crate::output::dto::Head;
use crate::output::text::{ranges, span};
use crate::output::{list, object};
use crate::session::{Session, Target};
use crate::ui::Ui;

/// The largest page the daemon gives.
const PAGE: u32 = 1_000;

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// All heads, by index
    List(ListArguments),
    /// One head with everything that is known of it
    Show(One),
    /// Add heads at the next free indices, or bring one back; all or none
    Add(AddArguments),
    /// Remove a head; its index, and so its peer id, stays reserved
    Rm(RmArguments),
    /// Take a head off the network; identity and port are kept
    Stop(One),
    /// Start a stopped head
    Start(One),
    /// Give up the reserved index of a removed head
    Purge(PurgeArguments),
}

#[derive(Args, Debug)]
pub(super) struct ListArguments {
    /// Sort by a column; -COLUMN puts the largest first
    #[arg(long, value_name = "[-]COLUMN", allow_hyphen_values = true)]
    sort_by: Option<String>,
    /// At most so many
    #[arg(long, value_name = "N")]
    limit: Option<NonZeroU64>,
}

#[derive(Args, Debug)]
pub(super) struct One {
    /// Its name, its peer id, or any unique beginning or end of that
    #[arg(value_name = "HEAD", add = ArgValueCompleter::new(completions::heads))]
    head: String,
}

#[derive(Args, Debug)]
pub(super) struct AddArguments {
    /// How many
    #[arg(value_name = "N", default_value_t = 1, hide_default_value = true,
          value_parser = clap::value_parser!(u32).range(1..=100_000), conflicts_with = "index")]
    count: u32,
    /// At this index: brings the same peer id back
    #[arg(long, value_name = "I")]
    index: Option<u32>,
    /// Near this key: at the next index whose id is among its 20 nearest servers. First hex digits of a
    /// place in the keyspace, a CID, or a multihash
    #[arg(long, value_name = "KEY", value_parser = key::place, conflicts_with_all = ["index", "count"])]
    near: Option<String>,
    /// Say what would happen, make nothing
    #[arg(long)]
    dry_run: bool,
}

#[derive(Args, Debug)]
pub(super) struct RmArguments {
    #[command(flatten)]
    one: One,
    /// Do not ask; needed when nobody can be asked
    #[arg(long)]
    yes: bool,
}

#[derive(Args, Debug)]
pub(super) struct PurgeArguments {
    /// Its name or its index
    #[arg(value_name = "HEAD")]
    head: String,
}

pub(super) async fn run(command: Command, target: &Target, ui: &mut Ui<'_>) -> Result<(), Error> {
    let access = match command {
        Command::List(_) | Command::Show(_) => Access::Read,
        _ => Access::Control,
    };
    let session = target.open(access).await?;
    match command {
        Command::List(arguments) => list_heads(&arguments, &session, ui).await,
        Command::Show(one) => show(&one.head, &session, ui).await,
        Command::Add(arguments) => change::add(&arguments, &session, ui).await,
        Command::Rm(arguments) => change::remove(&arguments, &session, ui).await,
        Command::Stop(one) => change::stop(&one.head, &session, ui).await,
        Command::Start(one) => change::start(&one.head, &session, ui).await,
        Command::Purge(arguments) => change::purge(&arguments.head, &session, ui).await,
    }
}

/// All heads, by index.
///
/// # Errors
/// As the calls.
pub(super) async fn all(session: &Session) -> Result<Vec<Head>, Error> {
    let mut heads = Vec::new();
    let mut page_token = String::new();
    loop {
        let request = ListHeadsRequest { page_size: PAGE, page_token };
        let page = session.call(session.client.heads().list_heads(request)).await?;
        heads.extend(page.heads.iter().map(Head::from));
        if page.next_page_token.is_empty() {
            return Ok(heads);
        }
        page_token = page.next_page_token;
    }
}

async fn list_heads(arguments: &ListArguments, session: &Session, ui: &mut Ui<'_>) -> Result<(), Error> {
    let mut heads = all(session).await?;
    if let Some(by) = &arguments.sort_by {
        sort(&mut heads, by)?;
    }
    if let Some(limit) = arguments.limit {
        heads.truncate(usize::try_from(limit.get()).unwrap_or(usize::MAX));
    }
    if list::print(ui, &heads)? == 0 {
        ui.note("there are no heads: hydractl heads add 5");
    }
    Ok(())
}

/// The head that a selector means.
async fn find(typed: &str, session: &Session) -> Result<Head, Error> {
    let request = GetHeadRequest { head: selector(typed).to_owned() };
    match session.call(session.client.heads().get_head(request)).await {
        Ok(reply) => Ok(Head::from(&reply.head.unwrap_or_default())),
        Err(error) => Err(with_names(error, typed, session).await),
    }
}

/// A refusal because there is no such head, with those that there are.
async fn with_names(error: Error, typed: &str, session: &Session) -> Error {
    if error.kind() != Kind::NotFound {
        return error;
    }
    match all(session).await {
        Ok(heads) if heads.is_empty() => {
            Error::new(Kind::NotFound, format!("no head named {typed}; there are none"))
                .hint("hydractl heads add 5")
        }
        Ok(heads) => {
            let names: Vec<String> = heads.into_iter().map(|head| head.name).collect();
            Error::new(Kind::NotFound, format!("no head named {typed}; there are {}", ranges(&names)))
        }
        Err(_) => error,
    }
}

async fn show(typed: &str, session: &Session, ui: &mut Ui<'_>) -> Result<(), Error> {
    let head = find(typed, session).await?;
    if !ui.columns.is_empty() && ui.format.is_text() {
        return list::print(ui, &[head]).map(drop);
    }
    let text = lines(&head, ui);
    object::print_row(ui, &head, &text)
}

fn lines(head: &Head, ui: &Ui<'_>) -> String {
    let look = &ui.look;
    let unknown = || "—".to_owned();
    let state = match (&head.serving_since_at, &head.state_reason) {
        (Some(since), _) if look.terminal => {
            let seconds = (look.now.as_second() - since.0.as_second()).max(0);
            format!("{} for {}", head.state, span(seconds.unsigned_abs()))
        }
        (Some(since), _) => format!("{} since {}", head.state, look.clock(since.0)),
        (None, Some(reason)) => format!("{}: {reason}", head.state),
        (None, None) => head.state.to_owned(),
    };
    let mut lines = vec![
        ("head", format!("{}, index {}", head.name, head.index)),
        ("peer id", head.peer_id.clone()),
        ("key", head.key_hex.clone()),
        ("state", state),
    ];
    lines.extend(super::continued("addresses", &head.addresses));
    let group = head.address_group.clone().unwrap_or_else(|| "none: no public address".to_owned());
    lines.push(("group", group));
    lines.push((
        "connections",
        format!(
            "{} · in {} / out {}",
            look.count(head.connections()),
            look.count(head.connections_in),
            look.count(head.connections_out)
        ),
    ));
    let requests = head.rates.map(|rates| {
        let part = |name: &str, rate: f64| format!("{name} {}", look.rate(rate));
        let all = head.requests_per_second_1m.unwrap_or_default();
        [
            format!("{}/s (1 min)", look.rate(all)),
            part("ADD_PROVIDER", rates.add_provider),
            part("GET_PROVIDERS", rates.get_providers),
            part("FIND_NODE", rates.find_node),
            part("GET_VALUE", rates.get_value),
            part("PUT_VALUE", rates.put_value),
            part("PING", rates.ping),
        ]
        .join(" · ")
    });
    lines.extend(neighbourhood::lines(head));
    lines.push(("requests", requests.unwrap_or_else(unknown)));
    let traffic = head.rates.map(|rates| {
        let resets = look.rate(rates.resets * 60.0);
        let bytes = |rate: f64| look.size(rate.max(0.0) as u64);
        format!(
            "{}/s in · {}/s out · {resets} streams reset a minute (1 min)",
            bytes(rates.bytes_in),
            bytes(rates.bytes_out)
        )
    });
    lines.push(("traffic", traffic.unwrap_or_else(unknown)));
    super::labelled(&lines)
}
