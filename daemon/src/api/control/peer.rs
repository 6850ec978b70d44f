//! `PeerService`.

use std::sync::Arc;

use hydra_protocol::v1;
use hydra_protocol::v1::peer_service_server::PeerService;
use hydra_protocol::v1::{
    Direction, GetPeerRequest, GetPeerResponse, GetUniquePeersRequest, GetUniquePeersResponse,
    ListPeersRequest, ListPeersResponse, Peer, PeerScope, UniquePeers,
};
use libp2p::PeerId;
use tonic::{Request, Response, Status};

use crate::api::control::spell::base58;
use crate::api::control::{convert, page};
use crate::head;
use crate::hydra::{HeadView, Hydra};
use crate::routing::contacts::{Connected, Side};
use crate::routing::table::Member;
use crate::telemetry::SeenBy;
use crate::telemetry::unique::Counted;
use crate::wire::Key256;

/// Peers named when a selector fits several.
const NAMED: usize = 5;

/// The service.
pub(super) struct Service {
    hydra: Arc<Hydra>,
}

/// What is known of one peer.
struct Known {
    peer: PeerId,
    connected: Option<Connected>,
    member: Option<Member>,
}

impl Service {
    pub(super) fn new(hydra: Arc<Hydra>) -> Self {
        Self { hydra }
    }

    /// Peers of a scope by ascending key. Our own heads are not among them. Of tens of thousands
    /// only what tells them apart is copied: a page is made of few.
    fn keys(&self, scope: PeerScope) -> Vec<(Key256, PeerId)> {
        let mut keys: Vec<(Key256, PeerId)> = Vec::new();
        if scope != PeerScope::Known {
            let of_heads = self.hydra.contacts.peers_where(|connected| {
                connected.contacts.iter().any(|contact| contact.side != Side::Scout)
            });
            keys.extend(of_heads.into_iter().map(|peer| (Key256::of_peer(&peer), peer)));
        }
        if scope != PeerScope::Connected {
            let members = self.hydra.table.members();
            keys.extend(members.into_iter().map(|member| (member.entry.key, member.entry.peer)));
        }
        keys.sort_unstable_by_key(|(key, _)| *key);
        keys.dedup_by_key(|(key, _)| *key);
        keys
    }

    /// What is known of a peer now.
    fn known(&self, peer: PeerId) -> Known {
        let (contacts, table) = (&self.hydra.contacts, &self.hydra.table);
        Known { peer, connected: contacts.get(&peer), member: table.get(&peer) }
    }

    fn why_empty(&self) -> String {
        let failing =
            self.hydra.network().into_iter().find(|check| check.finding == crate::hydra::Finding::Fail);
        failing.map_or_else(
            || "nobody is connected, and no server of the network is known yet".to_owned(),
            |check| format!("{}: {}", check.name, check.text),
        )
    }
}

#[tonic::async_trait]
impl PeerService for Service {
    async fn list_peers(
        &self,
        request: Request<ListPeersRequest>,
    ) -> Result<Response<ListPeersResponse>, Status> {
        let request = request.into_inner();
        let scope = request.scope();
        let mark = [b"peers".as_slice(), &[scope as u8]].concat();
        let after = page::fixed(&mark, &request.page_token).map_err(|status| *status)?.map(Key256);
        let heads = self.hydra.heads();
        let keys = self.keys(scope);
        let rest = &keys[after.map_or(0, |after| keys.partition_point(|(key, _)| *key <= after))..];
        let page = &rest[..rest.len().min(page::size(request.page_size))];
        let next = page.last().filter(|_| page.len() < rest.len());
        let next = next.map(|(key, _)| page::token(&mark, &key.0));
        let empty_reason = if keys.is_empty() { self.why_empty() } else { String::new() };
        Ok(Response::new(ListPeersResponse {
            peers: page.iter().map(|(key, id)| peer(key, &self.known(*id), &heads)).collect(),
            next_page_token: next.unwrap_or_default(),
            empty_reason,
        }))
    }

    async fn get_unique_peers(
        &self,
        _: Request<GetUniquePeersRequest>,
    ) -> Result<Response<GetUniquePeersResponse>, Status> {
        let hydra = Arc::clone(&self.hydra);
        // a few milliseconds of arithmetic
        let counts =
            tokio::task::spawn_blocking(move || hydra.contacts.unique.counts().iter().map(unique).collect());
        let counts = counts.await.map_err(|e| Status::internal(format!("count the peers: {e}")))?;
        Ok(Response::new(GetUniquePeersResponse { counts }))
    }

    async fn get_peer(&self, request: Request<GetPeerRequest>) -> Result<Response<GetPeerResponse>, Status> {
        let wanted = request.into_inner().peer;
        let bare = wanted.trim().trim_matches('…');
        let mut found = self.keys(PeerScope::Unspecified);
        found.retain(|(_, peer)| {
            let id = base58(peer);
            id == bare || (bare.len() >= 4 && (id.starts_with(bare) || id.ends_with(bare)))
        });
        match found.as_slice() {
            [(key, id)] => {
                let peer = peer(key, &self.known(*id), &self.hydra.heads());
                Ok(Response::new(GetPeerResponse { peer: Some(peer) }))
            }
            [] => Err(Status::not_found(format!(
                "no peer {wanted}: it is neither connected nor a known server"
            ))),
            several => {
                let names: Vec<_> = several.iter().take(NAMED).map(|(_, peer)| base58(peer)).collect();
                Err(Status::invalid_argument(format!(
                    "{wanted} fits several peers: {}; give more of the id",
                    names.join(", ")
                )))
            }
        }
    }
}

fn unique(counted: &Counted) -> UniquePeers {
    let by = match counted.by {
        SeenBy::Connection => v1::SeenBy::Connection,
        SeenBy::Request => v1::SeenBy::Request,
        SeenBy::Crawl => v1::SeenBy::Crawl,
    };
    UniquePeers {
        seen_by: by.into(),
        hour: counted.began().and_then(convert::timestamp),
        peers: counted.sketch.estimate(),
        sketch: counted.sketch.to_bytes(),
    }
}

fn peer(key: &Key256, known: &Known, heads: &[HeadView]) -> Peer {
    let connected = known.connected.clone().unwrap_or_default();
    let contacts = &connected.contacts;
    let oldest = contacts.iter().max_by_key(|contact| contact.age());
    let mut connected_heads: Vec<u32> = contacts
        .iter()
        .filter_map(|contact| match contact.side {
            Side::Head(index) => Some(index),
            Side::Scout => None,
        })
        .collect();
    connected_heads.sort_unstable();
    connected_heads.dedup();
    let told = connected.identity.addrs.parsed();
    let in_table = known.member.iter().flat_map(|member| member.entry.addrs.parsed());
    let mut addresses: Vec<String> = Vec::new();
    for address in contacts.iter().map(|contact| contact.remote.clone()).take(1).chain(told).chain(in_table) {
        let address = address.to_string();
        if !addresses.contains(&address) {
            addresses.push(address);
        }
    }
    let nearest = heads.iter().max_by_key(|head| head.key.shared_bits(key));
    let seen_at = known.connected.as_ref().map(Connected::seen_at);
    let agent = if connected.identity.agent.is_empty() {
        known.member.as_ref().map(|member| member.agent.to_string()).unwrap_or_default()
    } else {
        connected.identity.agent.to_string()
    };
    let pinged = contacts.iter().filter_map(|contact| contact.rtt()).min();
    let protocols = if connected.identity.protocols.is_empty() {
        known.member.as_ref().map(|member| Arc::clone(&member.protocols)).unwrap_or_default()
    } else {
        Arc::clone(&connected.identity.protocols)
    };
    Peer {
        peer_id: base58(&known.peer),
        key: key.0.to_vec(),
        agent,
        addresses,
        connected_heads: connected_heads.into_iter().map(head::name).collect(),
        direction: oldest
            .map_or(Direction::Unspecified, |c| if c.inbound { Direction::In } else { Direction::Out })
            .into(),
        transport: oldest
            .map(|contact| if contact.quic { "quic" } else { "tcp" })
            .unwrap_or_default()
            .to_owned(),
        rtt_seconds: pinged
            .or_else(|| known.member.as_ref().and_then(Member::latency))
            .map(|rtt| rtt.as_secs_f64()),
        add_provider_per_minute: contacts.iter().map(|contact| contact.announced_1m()).sum(),
        seen_at: seen_at.or(known.member.as_ref().map(|member| member.seen_at)).and_then(convert::timestamp),
        nearest_head: nearest.map(HeadView::name).unwrap_or_default(),
        shared_bits: nearest.map_or(0, |head| head.key.shared_bits(key)),
        in_table: known.member.is_some(),
        protocols: protocols.lines().map(str::to_owned).collect(),
    }
}
