//! `NetworkService`.

mod traffic;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::SystemTime;

use hydra_protocol::v1;
use hydra_protocol::v1::network_service_server::NetworkService;
use hydra_protocol::v1::{
    GetCoverageRequest, GetCoverageResponse, GetNetworkRequest, GetNetworkResponse, GetTrafficRequest,
    GetTrafficResponse, PlanCoverageRequest, PlanCoverageResponse, PlannedNetwork, PlannedPlace,
};
use tokio::sync::Semaphore;
use tonic::{Request, Response, Status};

use crate::api::control::convert;
use crate::hydra::{GroupOfHeads, Hydra};
use crate::routing::coverage::Field;
use crate::routing::plan::{self, Outlook};
use crate::wire::Key256;

/// Numbers of heads of one question.
const MAX_NUMBERS: usize = 32;

/// Most heads that a question may name.
const MAX_HEADS: u32 = 10_000_000;

/// Without numbers: a head for so many servers.
const SHARES: [usize; 3] = [40, 20, 10];

/// Places of a plan that are told when the asker names no number, and at most.
const PLACES: (u32, u32) = (1_000, 10_000);

/// Networks of other sizes that a plan tells of.
const OUTLOOKS: [u64; 3] = [10_000, 100_000, 1_000_000];

/// The service.
pub(super) struct Service {
    hydra: Arc<Hydra>,
    /// One plan at a time: it takes a processor for some seconds.
    planning: Arc<Semaphore>,
}

impl Service {
    pub(super) fn new(hydra: Arc<Hydra>) -> Self {
        Self { hydra, planning: Arc::new(Semaphore::new(1)) }
    }

    /// What the table knows; a copy, so that it may be worked on for as long as it takes.
    fn field(&self) -> Field {
        Field::of(&self.hydra.table.snapshot())
    }

    async fn coverage(&self, heads: Vec<u32>) -> Result<v1::Coverage, Status> {
        let (field, listed) = (self.field(), self.hydra.listed_shares());
        blocking(move || coverage(&field, listed.as_ref(), heads)).await
    }
}

/// Runs what takes a processor for a while.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, Status> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|e| Status::internal(format!("work the coverage out: {e}")))
}

fn coverage(field: &Field, listed: Option<&HashMap<Key256, f64>>, mut heads: Vec<u32>) -> v1::Coverage {
    if heads.is_empty() {
        heads = SHARES.map(|share| field.others().div_ceil(share) as u32).to_vec();
        heads.retain(|heads| *heads > 0);
        heads.dedup();
    }
    let known = field.others() > 0;
    let with = heads
        .into_iter()
        .filter(|_| known)
        .map(|heads| v1::CoverageWith { heads, ratio: plan::coverage_with(field, heads as usize) });
    let chance = |head: &Key256| listed.and_then(|listed| listed.get(head)).copied().unwrap_or(0.0);
    v1::Coverage {
        heads: field.heads() as u32,
        peers: field.others() as u64,
        ratio: known.then(|| field.coverage()),
        with_presence_ratio: listed.filter(|_| known).map(|_| field.coverage_if_listed(chance)),
        with: with.collect(),
    }
}

fn head_group(group: GroupOfHeads) -> v1::HeadGroup {
    let GroupOfHeads { group, heads, measured, admitted, full } = group;
    let [heads, measured, admitted, full] = [heads, measured, admitted, full].map(|n| n as u32);
    v1::HeadGroup { group, heads, measured, admitted, full }
}

fn plan_of(field: &Field, wanted: f64, places: u32) -> PlanCoverageResponse {
    let plan = plan::plan(field, wanted);
    let today = PlannedNetwork {
        peers: field.others() as u64,
        today: true,
        coverage: plan.now,
        heads_placed: plan.places.len() as u64,
        heads_by_chance: plan.by_chance,
    };
    let others = OUTLOOKS.map(|peers| {
        let Outlook { peers, placed, by_chance } = plan::outlook(peers, wanted);
        PlannedNetwork {
            peers,
            today: false,
            coverage: 0.0,
            heads_placed: placed,
            heads_by_chance: by_chance,
        }
    });
    let told = if places == 0 { PLACES.0 } else { places.min(PLACES.1) };
    let place = |place: &plan::Place| PlannedPlace {
        key: place.zone.start.0.to_vec(),
        bits: place.zone.bits,
        gain: place.gain,
    };
    PlanCoverageResponse {
        coverage: wanted,
        heads: field.heads() as u32,
        networks: [today].into_iter().chain(others).collect(),
        places: plan.places.iter().take(told as usize).map(place).collect(),
        places_total: plan.places.len() as u64,
    }
}

#[tonic::async_trait]
impl NetworkService for Service {
    async fn get_network(
        &self,
        _: Request<GetNetworkRequest>,
    ) -> Result<Response<GetNetworkResponse>, Status> {
        let coverage = self.coverage(Vec::new()).await?;
        let (hydra, sizes) = (&self.hydra, self.hydra.sizes());
        let report = hydra.scout.report();
        let crawl = &report.crawl;
        let peers_live = hydra.table.others();
        let crawled_at = crawl.complete_after.map(|took| hydra.started_at + took);
        Ok(Response::new(GetNetworkResponse {
            network: Some(v1::Network {
                at: convert::timestamp(SystemTime::now()),
                size_by_crawl: sizes.by_crawl.map(|size| size.peers),
                size_by_crawl_error: sizes.by_crawl.map(|size| size.error),
                known: (peers_live + crawl.waiting + crawl.lost) as u64,
                crawled_at: crawled_at.and_then(convert::timestamp),
                size_by_distance: sizes.by_distance.map(|size| size.peers),
                size_by_distance_error: sizes.by_distance.map(|size| size.error),
                lookups_sampled: crawl.lookups as u32,
                sizes_differ: sizes.differ(),
                peers_live: peers_live as u64,
                gone_per_minute_ratio: crawl.complete_after.map(|_| crawl.gone_per_minute),
                coverage: Some(coverage),
                available_ratio: None,
                available_error_ratio: None,
                keys_sampled_24h: None,
                lookup_hops: crawl.hops,
                client_hops: crawl.client_hops,
                client_hops_with_head: crawl.client_hops_with_head,
                head_groups: hydra.groups().into_iter().map(head_group).collect(),
            }),
        }))
    }

    async fn get_coverage(
        &self,
        request: Request<GetCoverageRequest>,
    ) -> Result<Response<GetCoverageResponse>, Status> {
        let heads = request.into_inner().heads;
        if heads.len() > MAX_NUMBERS || heads.iter().any(|heads| *heads > MAX_HEADS) {
            return Err(Status::invalid_argument(format!(
                "{} numbers of heads: give {MAX_NUMBERS} at most, each up to {MAX_HEADS}",
                heads.len()
            )));
        }
        Ok(Response::new(GetCoverageResponse { coverage: Some(self.coverage(heads).await?) }))
    }

    async fn get_traffic(
        &self,
        _: Request<GetTrafficRequest>,
    ) -> Result<Response<GetTrafficResponse>, Status> {
        Ok(Response::new(traffic::told(&self.hydra.traffic())))
    }

    async fn plan_coverage(
        &self,
        request: Request<PlanCoverageRequest>,
    ) -> Result<Response<PlanCoverageResponse>, Status> {
        let PlanCoverageRequest { coverage, places } = request.into_inner();
        if !(coverage > 0.0 && coverage <= 1.0) {
            return Err(Status::invalid_argument(format!(
                "a coverage of {coverage}: give a share of all keys, more than 0 and at most 1"
            )));
        }
        let place = Arc::clone(&self.planning).acquire_owned().await;
        let place = place.map_err(|e| Status::internal(format!("wait for another plan: {e}")))?;
        let field = self.field();
        let plan = blocking(move || {
            let plan = plan_of(&field, coverage, places);
            drop(place);
            plan
        });
        Ok(Response::new(plan.await?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn field(others: u32, heads: u32) -> Field {
        let place = |n: u32| Key256::of(&n.to_be_bytes());
        Field::new((0..others).map(place).collect(), (others..others + heads).map(place).collect())
    }

    #[test]
    fn coverage_is_told_for_now_and_for_more_heads() {
        let told = coverage(&field(2000, 10), None, Vec::new());
        assert_eq!(told.with.iter().map(|with| with.heads).collect::<Vec<_>>(), [50, 100, 200]);
        assert_eq!((told.heads, told.peers), (10, 2000));
        let now = told.ratio.expect("a coverage");
        assert!(0.03 < now && now < told.with[0].ratio && told.with[0].ratio < told.with[2].ratio);
        assert!(told.with[2].ratio < 1.0);
    }

    #[test]
    fn of_a_network_that_is_not_known_no_coverage_is_told() {
        let told = coverage(&field(0, 3), Some(&HashMap::new()), vec![5]);
        assert_eq!((told.ratio, told.with.len(), told.heads), (None, 0, 3));
        assert_eq!(told.with_presence_ratio, None);
    }

    #[test]
    fn heads_that_nobody_lists_cover_nothing_and_those_not_measured_neither() {
        let field = field(2000, 2);
        let place = |n: u32| Key256::of(&n.to_be_bytes());
        let with = |listed: &[(u32, f64)]| {
            let listed = listed.iter().map(|(head, share)| (place(*head), *share)).collect();
            coverage(&field, Some(&listed), Vec::new()).with_presence_ratio.expect("measured")
        };
        let all = coverage(&field, None, Vec::new());
        assert_eq!(all.with_presence_ratio, None);
        let all = all.ratio.expect("a coverage");
        assert!((with(&[(2000, 1.0), (2001, 1.0)]) - all).abs() < 1e-9);
        let one = with(&[(2000, 1.0)]);
        assert!(0.0 < one && one < all);
        assert!((with(&[(2000, 0.5)]) - one / 2.0).abs() < 1e-9);
        assert!(with(&[]).abs() < 1e-9);
    }

    #[test]
    fn a_plan_names_places_and_what_larger_networks_take() {
        let plan = plan_of(&field(500, 5), 0.5, 3);
        assert_eq!(
            plan.networks.iter().map(|one| one.peers).collect::<Vec<_>>(),
            [500, 10_000, 100_000, 1_000_000]
        );
        let today = &plan.networks[0];
        assert!(today.today && today.heads_placed == plan.places_total && today.heads_by_chance > 0);
        assert!(plan.networks[1..].windows(2).all(|pair| {
            let ratio = pair[1].heads_placed as f64 / pair[0].heads_placed as f64;
            (9.0..11.0).contains(&ratio)
        }));
        assert_eq!(plan.places.len(), 3);
        assert!(plan.places.iter().all(|place| place.gain > 0.0 && place.bits > 0 && place.key.len() == 32));
    }
}
