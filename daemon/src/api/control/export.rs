//! All records in a compact form: providers once a message.
//!
//! The next page is read while the last is on its way; a slow reader is waited for with two
//! messages in hand, so memory stays flat.

use std::collections::HashMap;
use std::time::{SystemTime, UNIX_EPOCH};

use hydra_protocol::v1::{ExportRecordsResponse, ExportedProvider, ExportedRecord};
use libp2p::PeerId;
use tokio::sync::mpsc;
use tonic::Status;

use crate::api::control::record::{ask, unreadable, why_incomplete};
use crate::api::control::spell::Spelled;
use crate::belly::{Query, Record};
use crate::hydra::Hydra;

/// Records of one message.
const CHUNK: usize = 5_000;

/// Sends all records, until the reader goes.
pub(super) async fn run(
    hydra: &Hydra,
    send: &mpsc::Sender<Result<ExportRecordsResponse, Status>>,
) -> Result<(), Status> {
    let belly = &hydra.belly;
    let opening = ExportRecordsResponse {
        records_expected: belly.counts().records,
        incomplete_reason: why_incomplete(hydra),
        ..ExportRecordsResponse::default()
    };
    let mut gone = send.send(Ok(opening)).await.is_err();
    let mut coming = Some(ask(belly, Query::default(), None, CHUNK));
    while let Some(page) = coming.take().filter(|_| !gone) {
        let page = page.await.map_err(|e| Status::internal(format!("read the belly: {e}")))?;
        let page = page.map_err(|e| unreadable(&e))?;
        coming = page.next.map(|after| ask(belly, Query::default(), Some(after), CHUNK));
        gone = match page.records.as_slice() {
            [] => send.is_closed(),
            records => send.send(Ok(message(records))).await.is_err(),
        };
    }
    Ok(())
}

fn message(records: &[Record]) -> ExportRecordsResponse {
    let mut places: HashMap<PeerId, u32> = HashMap::new();
    let mut providers = Vec::new();
    let mut place = |record: &Record| {
        *places.entry(record.provider).or_insert_with(|| {
            let Spelled { peer_id, addresses } = Spelled::of(record);
            providers.push(ExportedProvider { peer_id, addresses });
            providers.len() as u32 - 1
        })
    };
    let records = records.iter().map(|record| ExportedRecord {
        provider: place(record),
        multihash: record.key.to_vec(),
        announced_at_seconds: seconds(record.announced),
        expires_at_seconds: seconds(record.expires),
        head: record.head,
        near: record.near,
    });
    let records = records.collect();
    ExportRecordsResponse { records, providers, ..ExportRecordsResponse::default() }
}

fn seconds(time: SystemTime) -> i64 {
    time.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs().cast_signed())
}
