//! `peers`: other DHT nodes.

mod unique;

use std::num::NonZeroU64;
use std::time::Duration;

use clap::{Args, Subcommand, ValueEnum};
use hydra_protocol::client::Access;
use hydra_protocol::v1::{self, GetPeerRequest, GetStatusRequest, ListPeersRequest};

use super::choice::Choice;
use super::names;
use super::selector::selector;
use super::watch::Watch;
use crate::error::Error;
use crate::output::dto::Peer;
use crate::output::list::List;
use crate::output::text;
use crate::session::{Session, Target};
use crate::ui::Ui;

/// The largest page the daemon gives.
const PAGE: u32 = 1_000;

#[derive(Clone, Debug, Subcommand)]
pub(super) enum Command {
    /// All peers that are connected or in the routing table, by key
    List(ListArguments),
    /// Peers with all their addresses and protocols
    Show {
        /// Peer ids, or any unique beginnings or ends of those; - reads them from stdin, one a line
        #[arg(value_name = "ID", required = true)]
        ids: Vec<String>,
        #[command(flatten)]
        watch: Watch,
    },
    /// How many distinct peers there were, by hour and in all; of several hydras together too
    Unique(unique::Arguments),
}

#[derive(Args, Clone, Debug)]
pub(super) struct ListArguments {
    #[command(flatten)]
    choice: Choice,
    /// At most so many
    #[arg(long, value_name = "N")]
    limit: Option<NonZeroU64>,
    /// Which peers
    #[arg(long = "where", alias = "scope", value_enum, default_value_t)]
    scope: Scope,
    #[command(flatten)]
    watch: Watch,
}

impl Command {
    /// The pause of `--watch`.
    pub(super) fn watched(&self) -> Option<Duration> {
        match self {
            Self::List(arguments) => arguments.watch.every,
            Self::Show { watch, .. } => watch.every,
            Self::Unique(_) => None,
        }
    }
}

#[derive(Clone, Copy, Debug, Default, ValueEnum)]
enum Scope {
    /// Connected or in the table
    #[default]
    All,
    /// Connected to a head
    Connected,
    /// In the routing table
    Known,
}

pub(super) async fn run(command: Command, target: &Target, ui: &mut Ui<'_>) -> Result<(), Error> {
    match command {
        Command::List(arguments) => list(&arguments, &target.open(Access::Read).await?, ui).await,
        Command::Show { ids, .. } => show(&ids, &target.open(Access::Read).await?, ui).await,
        Command::Unique(arguments) => unique::run(&arguments, target, ui).await,
    }
}

/// Prints page by page; only a sorted list is held as a whole.
async fn list(arguments: &ListArguments, session: &Session, ui: &mut Ui<'_>) -> Result<(), Error> {
    let selection = arguments.choice.of(arguments.limit.map(NonZeroU64::get))?;
    let heads = if ui.format.is_text() { head_count(session).await? } else { None };
    // Printed in the daemon's order: asks for no more than is wanted.
    let wanted = selection.wanted();
    let mut pages =
        Pages { session, scope: arguments.scope, token: Some(String::new()), reason: String::new() };
    let mut rows = List::of(ui, selection)?;
    let mut taken = 0;
    while taken < wanted && !rows.is_full() {
        let Some(page) = pages.next(wanted - taken).await? else { break };
        taken += page.len() as u64;
        for peer in page {
            rows.push(ui, &Peer { heads, ..Peer::from(&peer) })?;
        }
        // whoever reads has the first page while the next is asked for
        ui.out.flush()?;
    }
    let printed = rows.finish(ui)?;
    match (taken, pages.reason.as_str()) {
        (0, "") => ui.note("no peers"),
        (0, reason) => ui.note(&text::neutral(reason)),
        _ if printed == 0 => ui.note("no peer fits"),
        _ => {}
    }
    Ok(())
}

/// The pages of a list, one after the other.
struct Pages<'a> {
    session: &'a Session,
    scope: Scope,
    token: Option<String>,
    reason: String,
}

impl Pages<'_> {
    async fn next(&mut self, wanted: u64) -> Result<Option<Vec<v1::Peer>>, Error> {
        let Some(page_token) = self.token.take() else { return Ok(None) };
        let scope = match self.scope {
            Scope::All => v1::PeerScope::Unspecified,
            Scope::Connected => v1::PeerScope::Connected,
            Scope::Known => v1::PeerScope::Known,
        };
        let page_size = u32::try_from(wanted).unwrap_or(PAGE).min(PAGE);
        let request = ListPeersRequest { page_size, page_token, scope: scope.into() };
        let page = self.session.call(self.session.client.peers().list_peers(request)).await?;
        self.token = (!page.next_page_token.is_empty()).then_some(page.next_page_token);
        self.reason = page.empty_reason;
        Ok(Some(page.peers))
    }
}

/// For "4/5" heads in the table.
async fn head_count(session: &Session) -> Result<Option<u32>, Error> {
    let reply = session.call(session.client.status().get_status(GetStatusRequest {})).await?;
    Ok(reply.status.map(|status| status.heads))
}

async fn show(ids: &[String], session: &Session, ui: &mut Ui<'_>) -> Result<(), Error> {
    let heads = if ui.format.is_text() { head_count(session).await? } else { None };
    names::for_each_row(ids, false, ui, async |id: &str, ui: &mut Ui<'_>| {
        let request = GetPeerRequest { peer: selector(id).to_owned() };
        let reply = session.call(session.client.peers().get_peer(request)).await?;
        let peer = Peer { heads, ..Peer::from(&reply.peer.unwrap_or_default()) };
        let text = lines(&peer, ui);
        Ok((peer, text))
    })
    .await
}

fn lines(peer: &Peer, ui: &Ui<'_>) -> String {
    let look = &ui.look;
    let unknown = || "—".to_owned();
    let connected = match (peer.direction, &peer.transport) {
        (Some(direction), Some(transport)) => {
            let all = peer.heads.map(|all| format!(" of {all} heads")).unwrap_or_default();
            format!(
                "{direction} over {transport}, to {}{all}: {}",
                peer.connected_heads.len(),
                text::ranges(&peer.connected_heads)
            )
        }
        _ => "no".to_owned(),
    };
    let near = peer.nearest_head.as_ref().map(|head| format!("{head}, {} bits in common", peer.shared_bits));
    let seen = look.age(peer.seen_at.map(|at| at.0));
    let seen = seen.map(|age| if look.terminal { format!("{age} ago") } else { age });
    let mut lines = vec![
        ("peer", peer.peer_id.clone()),
        ("key", peer.key_hex.clone()),
        ("agent", peer.agent.clone().unwrap_or_else(unknown)),
        ("connected", connected),
        ("rtt", peer.rtt_seconds.map_or_else(unknown, text::latency)),
        ("sends", format!("{} ADD_PROVIDER/min (1 min, all heads)", look.rate(peer.add_provider_per_minute))),
        ("seen", seen.unwrap_or_else(unknown)),
        ("near", near.unwrap_or_else(unknown)),
        ("table", if peer.in_table { "in the routing table" } else { "not in the routing table" }.to_owned()),
    ];
    lines.extend(super::continued("addresses", &peer.addresses));
    lines.extend(super::continued("protocols", &peer.protocols));
    super::labelled(&lines)
}
