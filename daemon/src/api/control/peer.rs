//! `PeerService`.

use std::collections::BTreeMap;
use std::sync::Arc;

use hydra_protocol::v1;
use hydra_protocol::v1::peer_service_server::PeerService;
use hydra_protocol::v1::{
    Direction, GetPeerRequest, GetPeerResponse, GetUniquePeersRequest, GetUniquePeersResponse,
    ListPeersRequest, ListPeersResponse, Peer, PeerScope, UniquePeers,
};
use libp2p::PeerId;
use tonic::{Request, Response, Status};

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

    /// Peers of a scope by ascending key. Our own heads are not among them.
    fn known(&self, scope: PeerScope) -> BTreeMap<Key256, Known> {
        let mut known = BTreeMap::new();
        for (peer, connected) in self.hydra.contacts.all() {
            let member = self.hydra.table.get(&peer);
            let heads = connected.contacts.iter().any(|contact| contact.side != Side::Scout);
            if (scope == PeerScope::Known && member.is_none()) || (!heads && member.is_none()) {
                continue;
            }
            if scope == PeerScope::Connected && !heads {
                continue;
            }
            known.insert(Key256::of_peer(&peer), Known { peer, connected: Some(connected), member });
        }
        if scope != PeerScope::Connected {
            for member in self.hydra.table.members() {
                let peer = member.entry.peer;
                known.entry(member.entry.key).or_insert(Known {
                    peer,
                    connected: None,
                    member: Some(member),
                });
            }
        }
        known
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
        let known = self.known(scope);
        let mut rest = known.iter().filter(|(key, _)| after.is_none_or(|after| **key > after));
        let page: Vec<(Key256, Peer)> = rest
            .by_ref()
            .take(page::size(request.page_size))
            .map(|(key, known)| (*key, peer(key, known, &heads)))
            .collect();
        let more = rest.next().is_some();
        let next = page.last().filter(|_| more).map(|(key, _)| page::token(&mark, &key.0));
        let empty_reason = if known.is_empty() { self.why_empty() } else { String::new() };
        Ok(Response::new(ListPeersResponse {
            peers: page.into_iter().map(|(_, peer)| peer).collect(),
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
        let known = self.known(PeerScope::Unspecified);
        let fits = |known: &&Known| {
            let id = known.peer.to_base58();
            id == bare || (bare.len() >= 4 && (id.starts_with(bare) || id.ends_with(bare)))
        };
        let found: Vec<&Known> = known.values().filter(fits).collect();
        match found.as_slice() {
            [one] => {
                let key = Key256::of_peer(&one.peer);
                Ok(Response::new(GetPeerResponse { peer: Some(peer(&key, one, &self.hydra.heads())) }))
            }
            [] => Err(Status::not_found(format!(
                "no peer {wanted}: it is neither connected nor a known server"
            ))),
            several => {
                let names: Vec<_> = several.iter().take(NAMED).map(|known| known.peer.to_base58()).collect();
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
        peer_id: known.peer.to_base58(),
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
