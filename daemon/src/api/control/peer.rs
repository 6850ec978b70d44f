//! `PeerService`.

mod filter;
mod known;
mod order;
mod survey;

use std::sync::Arc;
use std::time::{Duration, Instant};

use hydra_protocol::v1;
use hydra_protocol::v1::peer_service_server::PeerService;
use hydra_protocol::v1::{
    GetPeerRequest, GetPeerResponse, GetUniquePeersRequest, GetUniquePeersResponse, ListPeersRequest,
    ListPeersResponse, PeerScope, SurveyPeersRequest, SurveyPeersResponse, UniquePeers,
};
use parking_lot::Mutex;
use tokio::sync::Semaphore;
use tonic::{Request, Response, Status};

use crate::api::control::{convert, page};
use crate::hydra::Hydra;
use crate::telemetry::SeenBy;
use crate::telemetry::unique::Counted;
use crate::wire::Key256;

use self::known::Known;
use self::survey::Asked;

/// Peers named when a selector fits several.
const NAMED: usize = 5;

/// Surveys under way; the others wait.
const SURVEYS: usize = 2;

/// The peers of a day are counted anew after this time.
const DAY_COUNTED: Duration = Duration::from_secs(60);

/// The service.
pub(super) struct Service {
    hydra: Arc<Hydra>,
    surveys: Arc<Semaphore>,
    /// Distinct peers of the last day, and when they were counted.
    day: Arc<Mutex<Option<(Instant, u64)>>>,
}

impl Service {
    pub(super) fn new(hydra: Arc<Hydra>) -> Self {
        Self { hydra, surveys: Arc::new(Semaphore::new(SURVEYS)), day: Arc::default() }
    }

    /// Peers of a scope by ascending key.
    async fn known(&self, scope: PeerScope) -> Result<Vec<Known>, Status> {
        let hydra = Arc::clone(&self.hydra);
        let known = tokio::task::spawn_blocking(move || known::peers(&hydra, scope));
        known.await.map_err(|e| Status::internal(format!("gather the peers: {e}")))
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
        let known = self.known(scope).await?;
        let from = known.partition_point(|known| after.is_some_and(|after| known.key <= after));
        let (page, rest) = known[from..].split_at(page::size(request.page_size).min(known.len() - from));
        let next = page.last().filter(|_| !rest.is_empty()).map(|known| page::token(&mark, &known.key.0));
        let empty_reason = if known.is_empty() { self.why_empty() } else { String::new() };
        Ok(Response::new(ListPeersResponse {
            peers: page.iter().map(|known| known.row(&heads)).collect(),
            next_page_token: next.unwrap_or_default(),
            empty_reason,
        }))
    }

    async fn survey_peers(
        &self,
        request: Request<SurveyPeersRequest>,
    ) -> Result<Response<SurveyPeersResponse>, Status> {
        let asked = Asked::read(&request.into_inner()).map_err(Status::invalid_argument)?;
        let place = Arc::clone(&self.surveys).acquire_owned().await;
        let place = place.map_err(|e| Status::internal(format!("wait for another survey: {e}")))?;
        let (hydra, day) = (Arc::clone(&self.hydra), Arc::clone(&self.day));
        let survey = tokio::task::spawn_blocking(move || {
            let survey = survey::survey(&hydra, &asked, peers_of_day(&hydra, &day));
            drop(place);
            survey
        });
        let survey = survey.await.map_err(|e| Status::internal(format!("survey the peers: {e}")))?;
        Ok(Response::new(survey))
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
        let known = self.known(PeerScope::Unspecified).await?;
        let fits = |known: &&Known| {
            let id = known.peer.to_base58();
            id == bare || (bare.len() >= 4 && (id.starts_with(bare) || id.ends_with(bare)))
        };
        let found: Vec<&Known> = known.iter().filter(fits).collect();
        match found.as_slice() {
            [one] => Ok(Response::new(GetPeerResponse { peer: Some(one.row(&self.hydra.heads())) })),
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

/// Distinct peers of the last day; counting them takes a millisecond.
fn peers_of_day(hydra: &Hydra, counted: &Mutex<Option<(Instant, u64)>>) -> u64 {
    let mut counted = counted.lock();
    let fresh = counted.filter(|(at, _)| at.elapsed() < DAY_COUNTED);
    let (at, peers) = fresh.unwrap_or_else(|| (Instant::now(), hydra.contacts.unique.last_day()));
    *counted = Some((at, peers));
    peers
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
