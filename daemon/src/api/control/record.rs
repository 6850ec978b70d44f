//! `RecordService`.

use std::sync::Arc;

use bytes::Bytes;
use hydra_protocol::v1;
use hydra_protocol::v1::record_service_server::RecordService;
use hydra_protocol::v1::{
    ExportRecordsRequest, ExportRecordsResponse, FetchRecordsRequest, FetchRecordsResponse,
    GetRecordsRequest, GetRecordsResponse, ListRecordsRequest, ListRecordsResponse, PurgeRecordsRequest,
    PurgeRecordsResponse, RecordFilter, RecordSource, StreamRecordsRequest, StreamRecordsResponse,
};
use libp2p::PeerId;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::task::JoinHandle;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status};

use crate::api::control::spell::{Spelled, Speller};
use crate::api::control::{Access, audit, convert, export, fetch, key, page, purge};
use crate::belly::{Belly, Cursor, Page, Query, Record, Source, Unavailable};
use crate::head;
use crate::hydra::{Finding, Hydra};
use crate::wire::Key256;

/// Records of one message of a stream: stays below 1 MiB with sixteen addresses each.
const CHUNK: usize = 500;

/// Chunks read ahead of a slow reader.
const AHEAD: usize = 2;

/// Streams at a time.
const MAX_STREAMS: usize = 16;

/// Lookups in the network at a time, and providers found ahead of a slow reader.
const MAX_FETCHES: usize = 8;
const FETCHED_AHEAD: usize = 64;

/// Records of one key that are shown.
const MAX_OF_KEY: usize = 4096;

/// The service.
pub(super) struct Service {
    hydra: Arc<Hydra>,
    access: Access,
    streams: Arc<Semaphore>,
    fetches: Arc<Semaphore>,
}

impl Service {
    pub(super) fn new(hydra: Arc<Hydra>, access: Access) -> Self {
        let places = |places| Arc::new(Semaphore::new(places));
        Self { hydra, access, streams: places(MAX_STREAMS), fetches: places(MAX_FETCHES) }
    }

    async fn page(&self, query: Query, after: Option<Cursor>, limit: usize) -> Result<Page, Status> {
        self.hydra.belly.page(query, after, limit).await.map_err(|e| unreadable(&e))
    }

    fn stream_place(&self) -> Result<OwnedSemaphorePermit, Status> {
        Arc::clone(&self.streams).try_acquire_owned().map_err(|_| {
            Status::resource_exhausted(format!("{MAX_STREAMS} record streams are open already; close one"))
        })
    }
}

pub(super) fn unreadable(error: &Unavailable) -> Status {
    Status::internal(format!("read the belly: {error}"))
}

/// Why records may be missing: not all of them are read. Empty when they are.
pub(super) fn why_incomplete(hydra: &Hydra) -> String {
    let warming = hydra.warming().map(|warming| warming.text());
    warming
        .map(|text| format!("the belly is still {text}; what is not read yet is missing"))
        .unwrap_or_default()
}

/// Why a list is empty.
fn why_empty(hydra: &Hydra, filtered: bool) -> String {
    // first of all: a store that is being read fills up between the page and this question
    if let Some(warming) = hydra.warming() {
        return format!("no records yet: the belly is still {}", warming.text());
    }
    let counts = hydra.belly.counts();
    if counts.records + counts.prefetched > 0 {
        return if filtered { "no record fits".to_owned() } else { String::new() };
    }
    if hydra.heads_serving() == 0 {
        let failing = hydra.network().into_iter().find(|check| check.finding == Finding::Fail);
        let cause = failing.map(|check| format!("; {}: {}", check.name, check.text)).unwrap_or_default();
        return format!("no records: no head serves yet{cause}");
    }
    let minutes = hydra.started.elapsed().as_secs() / 60;
    format!(
        "no records: no ADD_PROVIDER yet, {minutes} min after start; on the public network the first come after 10 to 30 min"
    )
}

#[tonic::async_trait]
impl RecordService for Service {
    type StreamRecordsStream = ReceiverStream<Result<StreamRecordsResponse, Status>>;

    async fn list_records(
        &self,
        request: Request<ListRecordsRequest>,
    ) -> Result<Response<ListRecordsResponse>, Status> {
        let request = request.into_inner();
        let filter = request.filter.unwrap_or_default();
        let mark = format!("records {} {} {}", filter.key_prefix_hex, filter.provider, filter.source);
        let after = page::cursor(mark.as_bytes(), &request.page_token).map_err(|status| *status)?;
        let after = after.map(|bytes| Cursor(bytes.into()));
        let query = query(&filter)?;
        let first = after.is_none();
        let page = self.page(query.clone(), after, page::size(request.page_size)).await?;
        let empty = first && page.records.is_empty() && page.next.is_none();
        Ok(Response::new(ListRecordsResponse {
            records: page.records.iter().map(record).collect(),
            next_page_token: page.next.map(|next| page::token(mark.as_bytes(), &next.0)).unwrap_or_default(),
            empty_reason: if empty {
                why_empty(&self.hydra, query != Query::default())
            } else {
                String::new()
            },
            incomplete_reason: why_incomplete(&self.hydra),
        }))
    }

    async fn stream_records(
        &self,
        request: Request<StreamRecordsRequest>,
    ) -> Result<Response<Self::StreamRecordsStream>, Status> {
        let request = request.into_inner();
        let query = query(&request.filter.unwrap_or_default())?;
        let place = self.stream_place()?;
        let (send, receive) = mpsc::channel(AHEAD);
        let hydra = Arc::clone(&self.hydra);
        tokio::spawn(async move {
            let _place = place;
            if let Some(end) = stream(&hydra, query, request.limit, &send).await {
                // the reader may have gone
                send.send(end).await.ok();
            }
        });
        Ok(Response::new(ReceiverStream::new(receive)))
    }

    async fn get_records(
        &self,
        request: Request<GetRecordsRequest>,
    ) -> Result<Response<GetRecordsResponse>, Status> {
        let text = request.into_inner().key;
        let key = key::parse(&text).map_err(Status::invalid_argument)?;
        let query = Query { key: Some(Bytes::from(key.clone())), ..Query::default() };
        let page = self.page(query, None, MAX_OF_KEY).await?;
        let incomplete_reason = why_incomplete(&self.hydra);
        let empty_reason = match (page.records.is_empty(), incomplete_reason.is_empty()) {
            (true, true) => format!("no provider of {} in the belly", text.trim()),
            (true, false) => {
                format!("no provider of {} in the belly so far: {incomplete_reason}", text.trim())
            }
            (false, _) => String::new(),
        };
        Ok(Response::new(GetRecordsResponse {
            records: page.records.iter().map(record).collect(),
            multihash: key,
            empty_reason,
            incomplete_reason,
        }))
    }

    type ExportRecordsStream = ReceiverStream<Result<ExportRecordsResponse, Status>>;

    async fn export_records(
        &self,
        _: Request<ExportRecordsRequest>,
    ) -> Result<Response<Self::ExportRecordsStream>, Status> {
        let place = self.stream_place()?;
        let (send, receive) = mpsc::channel(AHEAD);
        let hydra = Arc::clone(&self.hydra);
        tokio::spawn(async move {
            let _place = place;
            if let Err(status) = export::run(&hydra, &send).await {
                // the reader may have gone
                send.send(Err(status)).await.ok();
            }
        });
        Ok(Response::new(ReceiverStream::new(receive)))
    }

    type FetchRecordsStream = ReceiverStream<Result<FetchRecordsResponse, Status>>;

    async fn fetch_records(
        &self,
        request: Request<FetchRecordsRequest>,
    ) -> Result<Response<Self::FetchRecordsStream>, Status> {
        // it may store nothing, but it makes the daemon walk: not for everybody on this machine
        let request = audit::change(self.access, "fetch records", request)?;
        let wanted = fetch::wanted(&request)?;
        let place = Arc::clone(&self.fetches).try_acquire_owned().map_err(|_| {
            Status::resource_exhausted(format!("{MAX_FETCHES} keys are being fetched already; wait for one"))
        })?;
        let (send, receive) = mpsc::channel(FETCHED_AHEAD);
        let hydra = Arc::clone(&self.hydra);
        tokio::spawn(async move {
            let _place = place;
            fetch::run(&hydra, wanted, &send).await;
        });
        Ok(Response::new(ReceiverStream::new(receive)))
    }

    async fn purge_records(
        &self,
        request: Request<PurgeRecordsRequest>,
    ) -> Result<Response<PurgeRecordsResponse>, Status> {
        let request = audit::change(self.access, "purge records", request)?;
        purge::run(&self.hydra, &request).await.map(Response::new)
    }
}

pub(super) fn peer(id: &str) -> Result<PeerId, Status> {
    id.parse().map_err(|_| {
        Status::invalid_argument(format!("provider {id:?} is no peer id; give it whole, e.g. 12D3KooW…"))
    })
}

/// Sends all that fits, at the reader's pace; what is left to say at the end. The next page is
/// read while the last is put into words.
async fn stream(
    hydra: &Hydra,
    query: Query,
    limit: u64,
    send: &mpsc::Sender<Result<StreamRecordsResponse, Status>>,
) -> Option<Result<StreamRecordsResponse, Status>> {
    let mut left = if limit == 0 { u64::MAX } else { limit };
    let size = |left: u64| CHUNK.min(usize::try_from(left).unwrap_or(CHUNK));
    let (mut speller, mut sent) = (Speller::new(), false);
    let mut coming = Some(ask(&hydra.belly, query.clone(), None, size(left)));
    while let Some(page) = coming.take() {
        let page = match page.await {
            Ok(Ok(page)) => page,
            Ok(Err(error)) => return Some(Err(unreadable(&error))),
            Err(error) => return Some(Err(Status::internal(format!("read the belly: {error}")))),
        };
        left -= page.records.len() as u64;
        coming = page
            .next
            .filter(|_| left > 0)
            .map(|after| ask(&hydra.belly, query.clone(), Some(after), size(left)));
        // a page may be empty because looking for what fits took long enough: it goes on
        if !page.records.is_empty() {
            let incomplete_reason = if sent { String::new() } else { why_incomplete(hydra) };
            let records = page.records.iter().map(|one| spelled(one, speller.spell(one))).collect();
            let message = StreamRecordsResponse { records, incomplete_reason, ..Default::default() };
            sent = true;
            if send.send(Ok(message)).await.is_err() {
                return None;
            }
        } else if send.is_closed() {
            return None;
        }
    }
    (!sent).then(|| {
        Ok(StreamRecordsResponse {
            empty_reason: why_empty(hydra, query != Query::default()),
            incomplete_reason: why_incomplete(hydra),
            ..Default::default()
        })
    })
}

/// Has a page read.
pub(super) fn ask(
    belly: &Arc<dyn Belly>,
    query: Query,
    after: Option<Cursor>,
    size: usize,
) -> JoinHandle<Result<Page, Unavailable>> {
    let belly = Arc::clone(belly);
    tokio::spawn(async move { belly.page(query, after, size).await })
}

/// What to page through.
fn query(filter: &RecordFilter) -> Result<Query, Status> {
    let prefetched = match filter.source() {
        RecordSource::Unspecified => None,
        RecordSource::Announced => Some(false),
        RecordSource::Prefetched => Some(true),
    };
    let prefix = match filter.key_prefix_hex.trim() {
        "" => None,
        hex => Some(key::prefix(hex).ok_or_else(|| {
            Status::invalid_argument(format!(
                "key prefix {hex:?}: give 1 to 64 hex digits of SHA-256 of the key"
            ))
        })?),
    };
    let provider = match filter.provider.trim() {
        "" => None,
        id => Some(peer(id)?),
    };
    Ok(Query { key: None, prefix, provider, prefetched })
}

fn record(record: &Record) -> v1::Record {
    spelled(record, Spelled::of(record))
}

fn spelled(record: &Record, provider: Spelled) -> v1::Record {
    v1::Record {
        multihash: record.key.to_vec(),
        cid_raw: key::cid_raw(&record.key),
        key: Key256::of(&record.key).0.to_vec(),
        provider_peer_id: provider.peer_id,
        source: match record.source {
            Source::Announced => RecordSource::Announced,
            Source::Prefetched(_) => RecordSource::Prefetched,
        }
        .into(),
        head: record.head.map(head::name).unwrap_or_default(),
        announced_at: convert::timestamp(record.announced),
        expires_at: convert::timestamp(record.expires),
        addresses: provider.addresses,
        addresses_expire_at: record.addrs_expire.and_then(convert::timestamp),
        near: record.near,
    }
}
