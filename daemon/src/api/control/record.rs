//! `RecordService`.

use std::sync::Arc;

use bytes::Bytes;
use cid::Cid;
use cid::multihash::Multihash;
use data_encoding::HEXLOWER_PERMISSIVE;
use hydra_protocol::v1;
use hydra_protocol::v1::record_service_server::RecordService;
use hydra_protocol::v1::{
    GetRecordsRequest, GetRecordsResponse, ListRecordsRequest, ListRecordsResponse, RecordFilter,
    RecordSource, StreamRecordsRequest, StreamRecordsResponse,
};
use libp2p::PeerId;
use tokio::sync::{Semaphore, mpsc};
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status};

use crate::api::control::{convert, page};
use crate::belly::{Cursor, KeyPrefix, Page, Query, Record, Source};
use crate::head;
use crate::hydra::{Finding, HeadState, Hydra};
use crate::wire::Key256;

/// Records of one message of a stream: stays below 1 MiB with sixteen addresses each.
const CHUNK: usize = 500;

/// Chunks read ahead of a slow reader.
const AHEAD: usize = 2;

/// Streams at a time.
const MAX_STREAMS: usize = 16;

/// Records of one key that are shown.
const MAX_OF_KEY: usize = 4096;

/// Raw bytes: the codec of a CID that stands for a bare multihash.
const RAW: u64 = 0x55;

/// The service.
pub(super) struct Service {
    hydra: Arc<Hydra>,
    streams: Arc<Semaphore>,
}

impl Service {
    pub(super) fn new(hydra: Arc<Hydra>) -> Self {
        Self { hydra, streams: Arc::new(Semaphore::new(MAX_STREAMS)) }
    }

    async fn page(&self, query: Query, after: Option<Cursor>, limit: usize) -> Result<Page, Status> {
        self.hydra
            .belly
            .page(query, after, limit)
            .await
            .map_err(|e| Status::unavailable(format!("read the belly: {e}")))
    }
}

/// Why a list is empty.
fn why_empty(hydra: &Hydra, filtered: bool) -> String {
    let counts = hydra.belly.counts();
    if counts.records + counts.prefetched > 0 {
        return if filtered { "no record fits".to_owned() } else { String::new() };
    }
    let serving = hydra.heads().iter().filter(|head| head.state == HeadState::Serving).count();
    if serving == 0 {
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
        let empty = first && page.records.is_empty();
        Ok(Response::new(ListRecordsResponse {
            records: page.records.iter().map(record).collect(),
            next_page_token: page.next.map(|next| page::token(mark.as_bytes(), &next.0)).unwrap_or_default(),
            empty_reason: if empty {
                why_empty(&self.hydra, query != Query::default())
            } else {
                String::new()
            },
        }))
    }

    async fn stream_records(
        &self,
        request: Request<StreamRecordsRequest>,
    ) -> Result<Response<Self::StreamRecordsStream>, Status> {
        let request = request.into_inner();
        let query = query(&request.filter.unwrap_or_default())?;
        let Ok(place) = Arc::clone(&self.streams).try_acquire_owned() else {
            return Err(Status::resource_exhausted(format!(
                "{MAX_STREAMS} record streams are open already; close one"
            )));
        };
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
        let key = key(&text).map_err(Status::invalid_argument)?;
        let query = Query { key: Some(Bytes::from(key.clone())), ..Query::default() };
        let page = self.page(query, None, MAX_OF_KEY).await?;
        let empty_reason = match page.records.is_empty() {
            true => format!("no provider of {} in the belly", text.trim()),
            false => String::new(),
        };
        Ok(Response::new(GetRecordsResponse {
            records: page.records.iter().map(record).collect(),
            multihash: key,
            empty_reason,
        }))
    }
}

/// Sends all that fits, at the reader's pace; what is left to say at the end.
async fn stream(
    hydra: &Hydra,
    query: Query,
    limit: u64,
    send: &mpsc::Sender<Result<StreamRecordsResponse, Status>>,
) -> Option<Result<StreamRecordsResponse, Status>> {
    let mut left = if limit == 0 { u64::MAX } else { limit };
    let (mut after, mut first) = (None, true);
    loop {
        let size = CHUNK.min(usize::try_from(left).unwrap_or(CHUNK));
        let page = match hydra.belly.page(query.clone(), after, size).await {
            Ok(page) => page,
            Err(error) => return Some(Err(Status::unavailable(format!("read the belly: {error}")))),
        };
        if page.records.is_empty() {
            let empty_reason = why_empty(hydra, query != Query::default());
            return first.then(|| Ok(StreamRecordsResponse { records: Vec::new(), empty_reason }));
        }
        first = false;
        left -= page.records.len() as u64;
        let records = page.records.iter().map(record).collect();
        let gone =
            send.send(Ok(StreamRecordsResponse { records, empty_reason: String::new() })).await.is_err();
        after = page.next;
        if gone || left == 0 || after.is_none() {
            return None;
        }
    }
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
        hex => Some(prefix(hex).ok_or_else(|| {
            Status::invalid_argument(format!(
                "key prefix {hex:?}: give 1 to 64 hex digits of SHA-256 of the key"
            ))
        })?),
    };
    let provider = match filter.provider.trim() {
        "" => None,
        id => Some(id.parse::<PeerId>().map_err(|_| {
            Status::invalid_argument(format!("provider {id:?} is no peer id; give it whole, e.g. 12D3KooW…"))
        })?),
    };
    Ok(Query { key: None, prefix, provider, prefetched })
}

fn prefix(hex: &str) -> Option<KeyPrefix> {
    if hex.is_empty() || hex.len() > 64 || !hex.is_ascii() {
        return None;
    }
    let padded = format!("{hex:0<64}");
    let bytes = HEXLOWER_PERMISSIVE.decode(padded.as_bytes()).ok()?;
    Some(KeyPrefix { key: Key256(bytes.try_into().ok()?), bits: 4 * hex.len() as u16 })
}

fn record(record: &Record) -> v1::Record {
    v1::Record {
        multihash: record.key.to_vec(),
        cid_raw: cid_raw(&record.key),
        key: Key256::of(&record.key).0.to_vec(),
        provider_peer_id: record.provider.to_base58(),
        source: match record.source {
            Source::Announced => RecordSource::Announced,
            Source::Prefetched(_) => RecordSource::Prefetched,
        }
        .into(),
        head: record.head.map(head::name).unwrap_or_default(),
        announced_at: convert::timestamp(record.announced),
        expires_at: convert::timestamp(record.expires),
        addresses: record.addrs.parsed().map(|addr| addr.to_string()).collect(),
        addresses_expire_at: record.addrs_expire.and_then(convert::timestamp),
    }
}

/// CIDv1 with the raw codec; empty for a key that is no multihash.
pub(super) fn cid_raw(key: &[u8]) -> String {
    Multihash::<64>::from_bytes(key).map(|hash| Cid::new_v1(RAW, hash).to_string()).unwrap_or_default()
}

/// The DHT key behind what an operator types: a CID, or a multihash in hex or base58btc.
fn key(text: &str) -> Result<Vec<u8>, String> {
    const LONGEST: usize = 256;
    let text = text.trim();
    if text.len() > LONGEST {
        return Err(format!("not a CID: {} characters", text.len()));
    }
    if let Ok(cid) = Cid::try_from(text) {
        return Ok(cid.hash().to_bytes());
    }
    let whole = |bytes: Vec<u8>| Multihash::<64>::from_bytes(&bytes).ok().map(|_| bytes);
    let hex = HEXLOWER_PERMISSIVE.decode(text.as_bytes()).ok().and_then(whole);
    // 'z' is multibase's mark of base58btc
    let base58 = || cid::multibase::decode(format!("z{text}")).ok().and_then(|(_, bytes)| whole(bytes));
    hex.or_else(base58)
        .ok_or_else(|| format!("not a CID: {text:?}\n  give a CID, or a multihash in hex or base58"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const CID: &str = "bafkreid4ca2qy2cyg3fseshha4ubpgkkmlmjppkdq4paa5hbm3spmtkkem";

    #[test]
    fn a_key_may_be_typed_as_cid_hex_or_base58() {
        let hash = key(CID).expect("a CID");
        assert_eq!(hash.len(), 34);
        assert_eq!(cid_raw(&hash), CID);
        assert_eq!(key(&data_encoding::HEXLOWER.encode(&hash)), Ok(hash.clone()));
        let peer = PeerId::random();
        assert_eq!(key(&peer.to_base58()), Ok(peer.to_bytes()));
        assert!(key("bafybeid4ca2q!").is_err() && key("").is_err() && key(&"1".repeat(1000)).is_err());
    }

    #[test]
    fn a_prefix_is_hex_of_any_length() {
        let odd = prefix("895").expect("a prefix");
        assert_eq!((odd.bits, odd.key.0[0], odd.key.0[1]), (12, 0x89, 0x50));
        assert!(prefix("xyz").is_none() && prefix(&"0".repeat(65)).is_none());
    }
}
