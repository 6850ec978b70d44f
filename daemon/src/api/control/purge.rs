//! Takes the records of a key or a provider out of the belly, or counts them.

use std::sync::Arc;

use hydra_protocol::v1::{PurgeRecordsRequest, PurgeRecordsResponse};
use tonic::Status;

use crate::api::control::key;
use crate::api::control::record::peer;
use crate::belly::{Purge, Unavailable};
use crate::hydra::Hydra;

pub(super) async fn run(
    hydra: &Arc<Hydra>,
    request: &PurgeRecordsRequest,
) -> Result<PurgeRecordsResponse, Status> {
    let (what, mut answer) = what(request)?;
    if let Some(warming) = hydra.warming() {
        let text = warming.text();
        return Err(Status::failed_precondition(format!(
            "the belly is still {text}; nothing was purged: wait until it is read"
        )));
    }
    let belly = &hydra.belly;
    let (records, of) = match &what {
        Purge::Key(key) => (belly.providers_of(key) as u64, request.key.trim()),
        Purge::Provider(peer) => (u64::from(belly.records_of(peer)), request.provider.trim()),
    };
    if records == 0 {
        return Err(Status::not_found(format!("no record of {of} in the belly; nothing was purged")));
    }
    answer.records = records;
    if !request.dry_run {
        let (hydra, of) = (Arc::clone(hydra), of.to_owned());
        // to its end, also when whoever asked for it has gone
        let purged = tokio::spawn(async move {
            let removed = hydra.belly.purge(what).await?;
            hydra.events.good("belly", format!("{removed} records of {of} were purged"));
            Ok(removed)
        });
        let purged = purged.await.map_err(|e| Status::internal(format!("purge {}: {e}", request.key)))?;
        let failed = |e: Unavailable| Status::failed_precondition(format!("nothing was purged: {e}"));
        answer.records = purged.map_err(failed)?;
    }
    Ok(answer)
}

/// What to purge, and the answer but for the number.
fn what(request: &PurgeRecordsRequest) -> Result<(Purge, PurgeRecordsResponse), Status> {
    let answer = PurgeRecordsResponse::default();
    match (request.key.trim(), request.provider.trim()) {
        ("", "") => Err(Status::invalid_argument("give a key or a provider; nothing was purged")),
        ("", provider) => {
            let answer = PurgeRecordsResponse { provider: provider.to_owned(), ..answer };
            Ok((Purge::Provider(peer(provider)?), answer))
        }
        (key, "") => {
            let multihash = key::parse(key).map_err(Status::invalid_argument)?;
            let cid_raw = key::cid_raw(&multihash);
            Ok((Purge::Key(multihash.clone().into()), PurgeRecordsResponse { multihash, cid_raw, ..answer }))
        }
        _ => Err(Status::invalid_argument("give a key or a provider, not both; nothing was purged")),
    }
}
