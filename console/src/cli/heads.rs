//! `heads`: the DHT server identities of this hydra: asking and the command line.
//!
//! What changes them is in [`change`].

mod change;
mod neighbourhood;

use std::num::NonZeroU64;
use std::time::Duration;

use clap::{Args, Subcommand};
use clap_complete::engine::ArgValueCompleter;
use hydra_protocol::client::Access;
use hydra_protocol::v1::{GetHeadRequest, ListHeadsRequest};

use super::choice::Choice;
use super::completions;
use super::key;
use super::names;
use super::selector::selector;
use super::watch::Watch;
use crate::error::{Error, Kind};
use crate::output::dto::Head;
use crate::output::list;
use crate::output::text::{ranges, span};
use crate::session::{Session, Target};
use crate::ui::Ui;

/// The largest page the daemon gives.
const PAGE: u32 = 1_000;

#[derive(Clone, Debug, Subcommand)]
pub(super) enum Command {
    /// All heads, by index
    List(ListArguments),
    /// Heads with everything that is known of them
    Show(ShowArguments),
    /// Add heads at the next free indices, or bring one back; all or none
    Add(AddArguments),
    /// Remove heads; their indices, and so their peer ids, stay reserved
    Rm(RmArguments),
    /// Take heads off the network; identity and port are kept
    Stop(Several),
    /// Start stopped heads
    Start(Several),
    /// Give up the reserved indices of removed heads
    Purge(PurgeArguments),
}

#[derive(Args, Clone, Debug)]
pub(super) struct ListArguments {
    #[command(flatten)]
    choice: Choice,
    /// At most so many
    #[arg(long, value_name = "N")]
    limit: Option<NonZeroU64>,
    #[command(flatten)]
    watch: Watch,
}

#[derive(Args, Clone, Debug)]
pub(super) struct ShowArguments {
    #[command(flatten)]
    heads: Several,
    #[command(flatten)]
    watch: Watch,
}

/// One head or several.
#[derive(Args, Clone, Debug)]
pub(super) struct Several {
    /// Names, peer ids, or any unique beginnings or ends of those; - reads them from stdin, one a line
    #[arg(value_name = "HEAD", required = true, add = ArgValueCompleter::new(completions::heads))]
    heads: Vec<String>,
}

#[derive(Args, Clone, Debug)]
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

#[derive(Args, Clone, Debug)]
pub(super) struct RmArguments {
    #[command(flatten)]
    heads: Several,
    /// Do not ask; needed when nobody can be asked
    #[arg(long)]
    yes: bool,
}

#[derive(Args, Clone, Debug)]
pub(super) struct PurgeArguments {
    /// Names or indices; - reads them from stdin, one a line
    #[arg(value_name = "HEAD", required = true)]
    heads: Vec<String>,
}

impl Command {
    /// The pause of `--watch`.
    pub(super) fn watched(&self) -> Option<Duration> {
        match self {
            Self::List(arguments) => arguments.watch.every,
            Self::Show(arguments) => arguments.watch.every,
            _ => None,
        }
    }

    /// Whether it only tells.
    pub(super) const fn reads(&self) -> bool {
        matches!(self, Self::List(_) | Self::Show(_))
    }
}

pub(super) async fn run(command: Command, target: &Target, ui: &mut Ui<'_>) -> Result<(), Error> {
    let access = if command.reads() { Access::Read } else { Access::Control };
    let session = target.open(access).await?;
    match command {
        Command::List(arguments) => list_heads(&arguments, &session, ui).await,
        Command::Show(arguments) => show(&arguments.heads.heads, &session, ui).await,
        Command::Add(arguments) => change::add(&arguments, &session, ui).await,
        Command::Rm(arguments) => change::remove(&arguments, &session, ui).await,
        Command::Stop(several) => change::stop(&several.heads, &session, ui).await,
        Command::Start(several) => change::start(&several.heads, &session, ui).await,
        Command::Purge(arguments) => change::purge(&arguments.heads, &session, ui).await,
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
    let selection = arguments.choice.of(arguments.limit.map(NonZeroU64::get))?;
    let heads = all(session).await?;
    if list::print_selected(ui, &heads, selection)? == 0 {
        ui.note(if heads.is_empty() { "there are no heads: hydractl heads add 5" } else { "no head fits" });
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

async fn show(typed: &[String], session: &Session, ui: &mut Ui<'_>) -> Result<(), Error> {
    names::for_each_row(typed, false, ui, async |typed: &str, ui: &mut Ui<'_>| {
        let head = find(typed, session).await?;
        let text = lines(&head, ui);
        Ok((head, text))
    })
    .await
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
