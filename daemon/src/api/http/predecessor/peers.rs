//! `/heads`, `/swarm/peers` and `/pstore/list`.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, Uri};
use axum::response::Response;
use libp2p::multiaddr::Protocol;
use libp2p::{Multiaddr, PeerId};
use serde::{Serialize, Serializer};

use super::{ndjson, parameters};
use crate::hydra::{HeadState, HeadView, Hydra};
use crate::routing::contacts::{Connected, Side};
use crate::wire::Key256;

/// A peer and where it is (go-libp2p `peer.AddrInfo`).
#[derive(Debug, Clone, Serialize)]
pub(super) struct AddrInfo {
    #[serde(rename = "ID")]
    pub(super) id: String,
    #[serde(rename = "Addrs")]
    pub(super) addrs: Vec<String>,
}

/// One connection of a head.
#[derive(Serialize)]
struct Connection {
    #[serde(rename = "ID", serialize_with = "text")]
    head: Arc<str>,
    #[serde(rename = "Peer")]
    peer: Remote,
}

#[derive(Serialize)]
struct Remote {
    #[serde(rename = "ID")]
    id: String,
    #[serde(rename = "Addr")]
    addr: String,
    /// go-libp2p `network.Direction`: 1 in, 2 out.
    #[serde(rename = "Direction")]
    direction: u8,
}

/// What one head knows of one peer.
#[derive(Serialize)]
struct Known {
    #[serde(rename = "AddrInfo")]
    addr_info: AddrInfo,
    #[serde(rename = "HeadID", serialize_with = "text")]
    head: Arc<str>,
    #[serde(rename = "AgentVersion", serialize_with = "text")]
    agent: Arc<str>,
    #[serde(rename = "Protocols")]
    protocols: Vec<String>,
}

fn text<S: Serializer>(text: &Arc<str>, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(text)
}

fn running(hydra: &Hydra) -> Vec<HeadView> {
    let mut heads = hydra.heads();
    heads.retain(|head| !matches!(head.state, HeadState::Stopped | HeadState::Failed));
    heads
}

pub(super) async fn heads(State(hydra): State<Arc<Hydra>>) -> Response {
    ndjson::rows(running(&hydra).into_iter().map(|head| AddrInfo {
        id: head.peer.to_base58(),
        addrs: head.announce.iter().map(ToString::to_string).collect(),
    }))
}

/// Connections by head and age, of one head with `head=`.
pub(super) async fn swarm(
    State(hydra): State<Arc<Hydra>>,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let wanted = parameters::value("head", &uri, &headers, &body);
    let heads = running(&hydra).into_iter().map(|head| (head.index, head.peer.to_base58()));
    let heads: BTreeMap<u32, Arc<str>> = heads
        .filter(|(_, id)| wanted.as_ref().is_none_or(|wanted| wanted == id))
        .map(|(index, id)| (index, id.into()))
        .collect();
    let mut open = Vec::new();
    // of an unknown head nothing, without a look at the peers
    if !heads.is_empty() {
        for (_, connected) in hydra.contacts.all() {
            open.extend(connected.contacts.iter().filter_map(|contact| match contact.side {
                Side::Head(index) => heads.get(&index).map(|id| (index, Arc::clone(id), Arc::clone(contact))),
                Side::Scout => None,
            }));
        }
    }
    open.sort_by_key(|(index, _, contact)| (*index, std::cmp::Reverse(contact.age())));
    ndjson::rows(open.into_iter().map(|(_, head, contact)| Connection {
        head,
        peer: Remote {
            id: contact.peer.to_base58(),
            addr: bare(&contact.remote),
            direction: if contact.inbound { 1 } else { 2 },
        },
    }))
}

/// What is known of each peer, once for each head that is connected with it; of servers that
/// none is connected with, once for the head nearest to it.
pub(super) async fn known(State(hydra): State<Arc<Hydra>>) -> Response {
    let heads: Vec<(u32, Key256, Arc<str>)> = running(&hydra)
        .into_iter()
        .map(|head| (head.index, head.key, head.peer.to_base58().into()))
        .collect();
    let connected: BTreeMap<PeerId, Arc<Connected>> = hydra.contacts.all().into_iter().collect();
    let members = hydra.table.members();
    let seen: std::collections::HashSet<PeerId> =
        connected.iter().filter(|(_, peer)| of_heads(peer).next().is_some()).map(|(id, _)| *id).collect();
    let nearest = heads.clone();
    let others = members.into_iter().filter(move |member| !seen.contains(&member.entry.peer)).filter_map(
        move |member| {
            let head = nearest.iter().max_by_key(|(_, key, _)| key.shared_bits(&member.entry.key))?;
            Some(Known {
                addr_info: AddrInfo {
                    id: member.entry.peer.to_base58(),
                    addrs: member.entry.addrs.parsed().map(|addr| addr.to_string()).collect(),
                },
                head: Arc::clone(&head.2),
                agent: Arc::clone(&member.agent),
                protocols: member.protocols.lines().map(str::to_owned).collect(),
            })
        },
    );
    let here = connected.into_iter().flat_map(move |(peer, connected)| {
        let rows = of_heads(&connected).filter_map(|index| heads.iter().find(|(known, ..)| *known == index));
        let rows: Vec<Known> = rows.map(|(_, _, head)| known_by(&peer, &connected, head)).collect();
        rows
    });
    ndjson::rows(here.chain(others))
}

/// Heads that are connected with a peer, each once.
fn of_heads(connected: &Connected) -> impl Iterator<Item = u32> + '_ {
    let index = |side: Side| if let Side::Head(index) = side { Some(index) } else { None };
    let contacts = &connected.contacts;
    contacts.iter().enumerate().filter_map(move |(at, contact)| {
        let first = !contacts[..at].iter().any(|earlier| earlier.side == contact.side);
        index(contact.side).filter(|_| first)
    })
}

fn known_by(peer: &PeerId, connected: &Connected, head: &Arc<str>) -> Known {
    let mut addrs: Vec<String> = connected.identity.addrs.parsed().map(|addr| addr.to_string()).collect();
    // where we dialled it, it listens
    let dialled =
        connected.contacts.iter().filter(|contact| !contact.inbound).map(|contact| bare(&contact.remote));
    for addr in dialled {
        if !addrs.contains(&addr) {
            addrs.push(addr);
        }
    }
    Known {
        addr_info: AddrInfo { id: peer.to_base58(), addrs },
        head: Arc::clone(head),
        agent: Arc::clone(&connected.identity.agent),
        protocols: connected.identity.protocols.lines().map(str::to_owned).collect(),
    }
}

/// Without the peer id at its end.
fn bare(addr: &Multiaddr) -> String {
    let mut addr = addr.clone();
    if matches!(addr.iter().last(), Some(Protocol::P2p(_))) {
        addr.pop();
    }
    addr.to_string()
}
