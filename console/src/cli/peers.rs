//! `peers`: other DHT nodes.

mod unique;

use std::num::NonZeroU64;

use clap::{Args, Subcommand, ValueEnum};
use hydra_protocol::client::Access;
use hydra_protocol::v1::{self, GetPeerRequest, GetStatusRequest, ListPeersRequest};

use super::selector::selector;
use crate::error::Error;
use crate::output::columns::sort;
use crate::output::dto::Peer;
use crate::output::list::{self, List};
use crate::output::object;
use crate::output::text;
use crate::session::{Session, Target};
use crate::ui::Ui;

/// The largest page the daemon gives.
const PAGE: u32 = 1_000;

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// All peers that are connected or in the routing table, by key
    List(ListArguments),
    /// One peer with all its addresses and protocols
    Show {
        /// Its id, or any unique beginning or end of it
        id: String,
    },
    /// How many distinct peers there were, by hour and in all; of several hydras together too
    Unique(unique::Arguments),
}

#[derive(Args, Debug)]
pub(super) struct ListArguments {
    /// Sort by a column; -COLUMN puts the largest first
    #[arg(long, value_name = "[-]COLUMN", allow_hyphen_values = true)]
    sort_by: Option<String>,
    /// At most so many
    #[arg(long, value_name = "N")]
    limit: Option<NonZeroU64>,
    /// Which peers
    #[arg(long = "where", alias = "scope", value_enum, default_value_t)]
    scope: Scope,
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
        Command::Show { id } => show(&id, &target.open(Access::Read).await?, ui).await,
        Command::Unique(arguments) => unique::run(&arguments, target, ui).await,
    }
}

/// Prints page by page; only a sorted list is held as a whole.
async fn list(arguments: &ListArguments, session: &Session, ui: &mut Ui<'_>) -> Result<(), Error> {
    let limit = arguments.limit.map_or(u64::MAX, NonZeroU64::get);
    let heads = if ui.format.is_text() { head_count(session).await? } else { None };
    // Printed in the daemon's order: asks for no more than is wanted.
    let wanted = if arguments.sort_by.is_some() { u64::MAX } else { limit };
    let mut pages =
        Pages { session, scope: arguments.scope, token: Some(String::new()), reason: String::new() };
    let mut all = Vec::new();
    let mut rows = List::begin(ui)?;
    let mut taken = 0;
    while taken < wanted {
        let Some(page) = pages.next(wanted - taken).await? else { break };
        for peer in page {
            let peer = Peer { heads, ..Peer::from(&peer) };
            taken += 1;
            if arguments.sort_by.is_some() {
                all.push(peer);
            } else {
                rows.push(ui, &peer)?;
            }
        }
    }
    if let Some(by) = &arguments.sort_by {
        sort(&mut all, by)?;
        for peer in all.iter().take(usize::try_from(limit).unwrap_or(usize::MAX)) {
            rows.push(ui, peer)?;
        }
    }
    rows.finish(ui)?;
    if taken == 0 {
        let reason = if pages.reason.is_empty() { "no peers" } else { &pages.reason };
        ui.note(&text::neutral(reason));
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

async fn show(id: &str, session: &Session, ui: &mut Ui<'_>) -> Result<(), Error> {
    let request = GetPeerRequest { peer: selector(id).to_owned() };
    let reply = session.call(session.client.peers().get_peer(request)).await?;
    let heads = if ui.format.is_text() { head_count(session).await? } else { None };
    let peer = Peer { heads, ..Peer::from(&reply.peer.unwrap_or_default()) };
    if !ui.columns.is_empty() && ui.format.is_text() {
        return list::print(ui, &[peer]).map(drop);
    }
    let text = lines(&peer, ui);
    object::print_row(ui, &peer, &text)
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
