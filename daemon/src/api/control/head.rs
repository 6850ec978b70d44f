//! `HeadService`.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Instant;

use hydra_protocol::v1::head_service_server::HeadService;
use hydra_protocol::v1::{
    AddHeadsRequest, AddHeadsResponse, GetHeadRequest, GetHeadResponse, Head, HeadState, ListHeadsRequest,
    ListHeadsResponse, PurgeHeadRequest, PurgeHeadResponse, RemoveHeadRequest, RemoveHeadResponse,
    StartHeadRequest, StartHeadResponse, StopHeadRequest, StopHeadResponse,
};
use tokio::sync::Mutex;
use tonic::{Request, Response, Status};

use crate::api::control::{Access, audit, convert, key, page};
use crate::head;
use crate::hydra::{Choice, HeadView, Hydra, Plan, RosterError, Selector};
use crate::wire::Key256;

/// Heads added by one request.
const MAX_ADDED: u32 = 100_000;

/// Answers kept for requests that are sent again.
const MAX_REMEMBERED: usize = 64;

/// Bytes of a request id.
const MAX_REQUEST_ID: usize = 128;

/// The service on one socket.
pub(super) struct Service {
    hydra: Arc<Hydra>,
    access: Access,
    answered: Arc<Mutex<Answered>>,
}

/// Answers by request id, the newest last. Locked while a request is carried out: one that is
/// sent again meanwhile waits for the first one's answer.
#[derive(Default)]
struct Answered(VecDeque<(String, AddHeadsResponse)>);

impl Service {
    pub(super) fn new(hydra: Arc<Hydra>, access: Access) -> Self {
        Self { hydra, access, answered: Arc::default() }
    }

    fn head(&self, view: &HeadView) -> Head {
        convert::head(view, &self.hydra.contacts.open_by_head())
    }

    fn planned(&self, plan: &Plan) -> Vec<Head> {
        let planned = plan.rows.iter().map(|row| Head {
            name: head::name(row.index),
            index: row.index,
            peer_id: row.peer_id.to_base58(),
            key: Key256::of_peer(&row.peer_id).0.to_vec(),
            state: HeadState::Starting.into(),
            addresses: (self.hydra.config.announce)(&row.listen, row.port)
                .iter()
                .map(ToString::to_string)
                .collect(),
            listen_ip: row.listen.first().map(ToString::to_string).unwrap_or_default(),
            port: row.port.into(),
            ..Head::default()
        });
        planned.collect()
    }
}

impl Answered {
    fn to(&self, id: &str) -> Option<AddHeadsResponse> {
        self.0.iter().find(|(known, _)| !id.is_empty() && known == id).map(|(_, answer)| answer.clone())
    }

    fn keep(&mut self, id: String, answer: &AddHeadsResponse) {
        if !id.is_empty() {
            if self.0.len() == MAX_REMEMBERED {
                self.0.pop_front();
            }
            self.0.push_back((id, answer.clone()));
        }
    }
}

/// Carries a change out to its end, also when whoever asked for it has gone: a head that is
/// half removed is neither there nor gone.
async fn to_the_end<T: Send + 'static>(
    change: impl Future<Output = Result<T, RosterError>> + Send + 'static,
) -> Result<T, Status> {
    let done = tokio::spawn(change).await;
    done.map_err(|e| Status::internal(format!("the change did not end: {e}")))?.map_err(|e| status(&e))
}

#[tonic::async_trait]
impl HeadService for Service {
    async fn list_heads(
        &self,
        request: Request<ListHeadsRequest>,
    ) -> Result<Response<ListHeadsResponse>, Status> {
        let request = request.into_inner();
        let after = page::fixed(b"heads", &request.page_token).map_err(|status| *status)?;
        let after = after.map(u32::from_be_bytes);
        let open = self.hydra.contacts.open_by_head();
        let heads = self.hydra.heads();
        let mut rest = heads.iter().filter(|head| after.is_none_or(|after| head.index > after));
        let page: Vec<Head> = rest
            .by_ref()
            .take(page::size(request.page_size))
            .map(|head| convert::head(head, &open))
            .collect();
        let more = rest.next().is_some();
        let last = page.last().filter(|_| more);
        let next_page_token =
            last.map(|head| page::token(b"heads", &head.index.to_be_bytes())).unwrap_or_default();
        Ok(Response::new(ListHeadsResponse { heads: page, next_page_token }))
    }

    async fn get_head(&self, request: Request<GetHeadRequest>) -> Result<Response<GetHeadResponse>, Status> {
        let view = self.hydra.find_head(&Selector(request.into_inner().head)).map_err(|e| status(&e))?;
        Ok(Response::new(GetHeadResponse { head: Some(convert::head_in_detail(&self.hydra, &view)) }))
    }

    async fn add_heads(
        &self,
        request: Request<AddHeadsRequest>,
    ) -> Result<Response<AddHeadsResponse>, Status> {
        let request = audit::change(self.access, "add heads", request)?;
        let choice = choice(&request)?;
        if request.request_id.len() > MAX_REQUEST_ID {
            return Err(Status::invalid_argument(format!(
                "request_id has {} bytes, {MAX_REQUEST_ID} are taken; nothing was added",
                request.request_id.len()
            )));
        }
        if request.dry_run {
            let plan = self.hydra.plan(choice).await.map_err(|e| status(&e))?;
            let heads = self.planned(&plan);
            let heads_total = (self.hydra.heads_total() + heads.len()) as u32;
            let Plan { warnings, zone_bits, .. } = plan;
            return Ok(Response::new(AddHeadsResponse { heads, heads_total, warnings, zone_bits }));
        }
        let (hydra, answered) = (Arc::clone(&self.hydra), Arc::clone(&self.answered));
        let answer = to_the_end(async move {
            let mut answered = answered.lock().await;
            if let Some(answer) = answered.to(&request.request_id) {
                return Ok(answer);
            }
            let (added, Plan { warnings, zone_bits, .. }) = hydra.add_heads(choice).await?;
            let open = convert::Open::new();
            let heads = added.iter().map(|head| convert::head(head, &open)).collect();
            let heads_total = hydra.heads_total() as u32;
            let answer = AddHeadsResponse { heads, heads_total, warnings, zone_bits };
            answered.keep(request.request_id, &answer);
            Ok(answer)
        });
        Ok(Response::new(answer.await?))
    }

    async fn remove_head(
        &self,
        request: Request<RemoveHeadRequest>,
    ) -> Result<Response<RemoveHeadResponse>, Status> {
        let request = audit::change(self.access, "remove head", request)?;
        let began = Instant::now();
        let selector = Selector(request.head);
        let before = self.hydra.find_head(&selector).map(|view| self.head(&view)).map_err(|e| status(&e))?;
        let hydra = Arc::clone(&self.hydra);
        let (_, connections_closed) = to_the_end(async move { hydra.remove_head(&selector).await }).await?;
        Ok(Response::new(RemoveHeadResponse {
            head: Some(before),
            heads_total: self.hydra.heads_total() as u32,
            connections_closed,
            took_seconds: began.elapsed().as_secs_f64(),
        }))
    }

    async fn stop_head(
        &self,
        request: Request<StopHeadRequest>,
    ) -> Result<Response<StopHeadResponse>, Status> {
        let request = audit::change(self.access, "stop head", request)?;
        let hydra = Arc::clone(&self.hydra);
        let stopped = to_the_end(async move { hydra.stop_head(&Selector(request.head)).await });
        let (view, connections_closed) = stopped.await?;
        Ok(Response::new(StopHeadResponse { head: Some(self.head(&view)), connections_closed }))
    }

    async fn start_head(
        &self,
        request: Request<StartHeadRequest>,
    ) -> Result<Response<StartHeadResponse>, Status> {
        let request = audit::change(self.access, "start head", request)?;
        let hydra = Arc::clone(&self.hydra);
        let view = to_the_end(async move { hydra.start_head(&Selector(request.head)).await }).await?;
        Ok(Response::new(StartHeadResponse { head: Some(self.head(&view)) }))
    }

    async fn purge_head(
        &self,
        request: Request<PurgeHeadRequest>,
    ) -> Result<Response<PurgeHeadResponse>, Status> {
        let request = audit::change(self.access, "purge head", request)?;
        let hydra = Arc::clone(&self.hydra);
        let purged = to_the_end(async move { hydra.purge_head(&Selector(request.head)).await });
        let (index, peer) = purged.await?;
        Ok(Response::new(PurgeHeadResponse { index, peer_id: peer.to_base58() }))
    }
}

/// Which heads a request means.
fn choice(request: &AddHeadsRequest) -> Result<Choice, Status> {
    let one = request.count <= 1;
    let choice = match (request.index, request.near.as_str()) {
        (Some(index), "") if one => Choice::Index(index),
        (None, "") if (1..=MAX_ADDED).contains(&request.count) => Choice::Next(request.count),
        (None, near) if one && !near.is_empty() => {
            Choice::Near(key::place(near).map_err(Status::invalid_argument)?)
        }
        _ => {
            return Err(Status::invalid_argument(format!(
                "count {}: give 1 to {MAX_ADDED}; with an index or a place 1, and one of the two; nothing was added",
                request.count
            )));
        }
    };
    Ok(choice)
}

/// The gRPC code of an error; hydractl's exit code follows from it.
fn status(error: &RosterError) -> Status {
    let text = error.to_string();
    match error {
        RosterError::NoHead(..) => Status::not_found(text),
        RosterError::Ambiguous(..) => Status::invalid_argument(text),
        RosterError::NoRoom(_) => Status::resource_exhausted(text),
        RosterError::Idgen(_) => Status::unavailable(text),
        RosterError::WrongState { .. } | RosterError::IndexTaken { .. } | RosterError::Start(_) => {
            Status::failed_precondition(text)
        }
        RosterError::State(_) => Status::internal(text),
    }
}
