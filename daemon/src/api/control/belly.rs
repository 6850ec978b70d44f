//! `BellyService`.

use std::sync::Arc;
use std::time::SystemTime;

use hydra_protocol::v1;
use hydra_protocol::v1::belly_service_server::BellyService;
use hydra_protocol::v1::{
    GetBellyRequest, GetBellyResponse, ListMostAskedRequest, ListMostAskedResponse, ListRegionsRequest,
    ListRegionsResponse, ListTopProvidersRequest, ListTopProvidersResponse,
};
use tonic::{Request, Response, Status};

use crate::api::control::{convert, key};
use crate::belly::{AskedKey, Generation, UNSAVED_MAX};
use crate::hydra::Hydra;
use crate::wire::Key256;

/// Rows of a list of the greatest, when the asker names no number, and at most.
const ROWS: (u32, u32) = (20, 1_000);

/// The service.
pub(super) struct Service {
    hydra: Arc<Hydra>,
}

impl Service {
    pub(super) fn new(hydra: Arc<Hydra>) -> Self {
        Self { hydra }
    }
}

fn rows(asked: u32) -> usize {
    (if asked == 0 { ROWS.0 } else { asked.min(ROWS.1) }) as usize
}

#[tonic::async_trait]
impl BellyService for Service {
    async fn get_belly(&self, _: Request<GetBellyRequest>) -> Result<Response<GetBellyResponse>, Status> {
        let belly = Arc::clone(&self.hydra.belly);
        let footprint = tokio::task::spawn_blocking(move || belly.footprint()).await;
        let footprint = footprint.map_err(|e| Status::internal(format!("measure the index: {e}")))?;
        let (belly, counts, health) =
            (&self.hydra.belly, self.hydra.belly.counts(), self.hydra.belly.health());
        let drops = belly.drops().into_iter();
        Ok(Response::new(GetBellyResponse {
            belly: Some(v1::Belly {
                at: convert::timestamp(SystemTime::now()),
                records: counts.records,
                providers: counts.providers,
                values: counts.values,
                records_unsaved: counts.unsaved,
                disk_bytes: health.disk_bytes,
                disk_limit_bytes: health.max_disk.unwrap_or(0),
                index_bytes: footprint.index_bytes,
                commit_p99_seconds: health.commit_p99.map(|time| time.as_secs_f64()),
                unsaved_max_seconds: UNSAVED_MAX.as_secs_f64(),
                generations: footprint.generations.iter().map(generation).collect(),
                drops: drops.map(|(reason, count)| v1::Drop { reason: reason.to_owned(), count }).collect(),
                trouble: health.trouble.unwrap_or_default(),
                warming: self.hydra.warming().as_ref().map(convert::warming),
            }),
        }))
    }

    async fn list_most_asked(
        &self,
        request: Request<ListMostAskedRequest>,
    ) -> Result<Response<ListMostAskedResponse>, Status> {
        let keys = self.hydra.belly.most_asked(rows(request.into_inner().limit));
        let keys = keys.iter().map(|asked| self.asked_key(asked)).collect();
        Ok(Response::new(ListMostAskedResponse { keys }))
    }

    async fn list_top_providers(
        &self,
        request: Request<ListTopProvidersRequest>,
    ) -> Result<Response<ListTopProvidersResponse>, Status> {
        let belly = Arc::clone(&self.hydra.belly);
        let limit = rows(request.into_inner().limit);
        // reads a counter of each provider, and there may be millions
        let top = tokio::task::spawn_blocking(move || belly.top_providers(limit)).await;
        let top = top.map_err(|e| Status::internal(format!("look through the providers: {e}")))?;
        let mut providers = Vec::with_capacity(top.len());
        for (peer, records) in top {
            let addresses = self.hydra.belly.addresses_of(&peer).await.unwrap_or_default();
            providers.push(v1::TopProvider {
                peer_id: peer.to_base58(),
                records: records.into(),
                addresses: addresses.parsed().map(|addr| addr.to_string()).collect(),
            });
        }
        let records = self.hydra.belly.counts().records;
        Ok(Response::new(ListTopProvidersResponse { providers, records }))
    }

    async fn list_regions(
        &self,
        _: Request<ListRegionsRequest>,
    ) -> Result<Response<ListRegionsResponse>, Status> {
        let regions = (0..).zip(self.hydra.belly.regions()).map(|(prefix, region)| v1::Region {
            prefix,
            reads: region.reads,
            misses: region.misses,
            writes: region.writes,
        });
        Ok(Response::new(ListRegionsResponse { regions: regions.collect() }))
    }
}

impl Service {
    fn asked_key(&self, asked: &AskedKey) -> v1::AskedKey {
        v1::AskedKey {
            multihash: asked.key.to_vec(),
            cid_raw: key::cid_raw(&asked.key),
            key: Key256::of(&asked.key).0.to_vec(),
            requests: asked.asked,
            requests_error: asked.error,
            missed: asked.missed,
            providers: self.hydra.belly.providers_of(&asked.key) as u64,
        }
    }
}

fn generation(generation: &Generation) -> v1::Generation {
    v1::Generation {
        begins_at: convert::timestamp(generation.hour),
        near: generation.near,
        records: generation.records,
        memory_only: !generation.disk,
    }
}
