//! `StatusService`.

use std::sync::Arc;
use std::time::SystemTime;

use hydra_protocol::v1;
use hydra_protocol::v1::status_service_server::StatusService;
use hydra_protocol::v1::{
    GetMetricsRequest, GetMetricsResponse, GetStatusRequest, GetStatusResponse, GetVersionRequest,
    GetVersionResponse, WatchStatusRequest, WatchStatusResponse,
};
use tokio::sync::Semaphore;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status};

use crate::api::control::{convert, prefetch, watch};
use crate::api::metrics::{self, Metrics};
use crate::belly::UNSAVED_MAX;
use crate::hydra::Hydra;
use crate::limits::machine::open_files;
use crate::telemetry::drops;

/// Watches at a time, per socket.
const MAX_WATCHES: usize = 64;

/// The service.
pub(super) struct Service {
    hydra: Arc<Hydra>,
    watches: Arc<Semaphore>,
    metrics: Arc<Metrics>,
    /// One scrape at a time.
    scraping: Semaphore,
}

impl Service {
    pub(super) fn new(hydra: Arc<Hydra>, told: metrics::Config) -> Self {
        let metrics = Arc::new(Metrics::new(told, &hydra));
        let watches = Arc::new(Semaphore::new(MAX_WATCHES));
        Self { hydra, watches, metrics, scraping: Semaphore::new(1) }
    }
}

#[tonic::async_trait]
impl StatusService for Service {
    type WatchStatusStream = ReceiverStream<Result<WatchStatusResponse, Status>>;

    async fn get_version(
        &self,
        _: Request<GetVersionRequest>,
    ) -> Result<Response<GetVersionResponse>, Status> {
        Ok(Response::new(GetVersionResponse {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            api: hydra_protocol::API.to_owned(),
        }))
    }

    async fn get_status(&self, _: Request<GetStatusRequest>) -> Result<Response<GetStatusResponse>, Status> {
        Ok(Response::new(GetStatusResponse { status: Some(status(&self.hydra)) }))
    }

    async fn get_metrics(
        &self,
        _: Request<GetMetricsRequest>,
    ) -> Result<Response<GetMetricsResponse>, Status> {
        let failed = |why: String| Status::internal(format!("read the counters: {why}"));
        let _one_at_a_time = self.scraping.acquire().await.map_err(|e| failed(e.to_string()))?;
        let metrics = Arc::clone(&self.metrics);
        let scraped = tokio::task::spawn_blocking(move || metrics.scrape()).await;
        let text = scraped.map_err(|e| failed(e.to_string()))?.map_err(|e| failed(e.to_string()))?;
        Ok(Response::new(GetMetricsResponse { text: metrics::plain(&text) }))
    }

    async fn watch_status(
        &self,
        request: Request<WatchStatusRequest>,
    ) -> Result<Response<Self::WatchStatusStream>, Status> {
        let Ok(place) = Arc::clone(&self.watches).try_acquire_owned() else {
            return Err(Status::resource_exhausted(format!(
                "{MAX_WATCHES} watches are open already; close one"
            )));
        };
        let stream = watch::start(Arc::clone(&self.hydra), request.into_inner().interval_seconds, place);
        Ok(Response::new(stream))
    }
}

/// Everything at a glance.
pub(super) fn status(hydra: &Hydra) -> v1::Status {
    let averages = hydra.averages();
    let counts = hydra.belly.counts();
    let health = hydra.belly.health();
    let open = hydra.contacts.open();
    let budget = hydra.budget.config();
    let reached = hydra.reached();
    let presence = hydra.presence_in_all();
    v1::Status {
        name: hydra.config.name.clone(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        state: convert::daemon_state(hydra.daemon_state()).into(),
        at: convert::timestamp(SystemTime::now()),
        started_at: convert::timestamp(hydra.started_at),
        uptime_seconds: hydra.started.elapsed().as_secs_f64(),
        heads: hydra.heads_total() as u32,
        heads_serving: hydra.heads_serving() as u32,
        peers_live: hydra.table.others() as u64,
        peers_connected: hydra.contacts.connected() as u64,
        connections_in: open.inbound,
        connections_out: open.outbound,
        connections_limit: budget.connections as u64,
        connections_tcp: (open.inbound + open.outbound).saturating_sub(open.quic),
        connections_quic: open.quic,
        records: counts.records,
        values: counts.values,
        providers: counts.providers,
        belly_bytes: health.disk_bytes,
        belly_limit_bytes: health.max_disk.unwrap_or(0),
        belly_warming: hydra.warming().as_ref().map(convert::warming),
        commit_p99_seconds: health.commit_p99.map(|time| time.as_secs_f64()),
        unsaved_max_seconds: UNSAVED_MAX.as_secs_f64(),
        records_unsaved: counts.unsaved,
        rss_bytes: averages.rss_bytes,
        memory_limit_bytes: budget.memory,
        files_open: open_files(),
        files_limit: budget.files,
        rates_1m: Some(convert::rates(&averages.rates_1m)),
        found_ratio_10m: averages.found_ratio_10m,
        get_providers_p99_seconds_1m: averages.get_providers_p99_1m.map(|time| time.as_secs_f64()),
        warnings: hydra.warnings().iter().map(convert::warning).collect(),
        network: hydra
            .network()
            .into_iter()
            .map(|check| v1::NetworkCheck {
                name: check.name.to_owned(),
                finding: convert::finding(check.finding).into(),
                text: check.text,
                remedy: check.remedy,
            })
            .collect(),
        drops: drops::counts()
            .map(|(reason, count)| v1::Drop { reason: reason.reason().to_owned(), count })
            .chain(belly_drops(hydra))
            .collect(),
        control_socket: hydra.config.control_socket.display().to_string(),
        data_dir: hydra.config.data_dir.display().to_string(),
        load_level: 0,
        heads_target: hydra.target().as_ref().map(convert::target),
        reached_tcp: reached.map(|(tcp, _)| tcp as u32),
        reached_quic: reached.map(|(_, quic)| quic as u32),
        presence_listed: presence.map(|(listed, _)| listed as u32),
        presence_asked: presence.map(|(_, asked)| asked as u32),
        prefetch: Some(prefetch::summary(hydra)),
        doors: hydra.doors.lock().iter().map(|door| convert::door(door)).collect(),
    }
}

/// What the belly refused or lost, by its own reasons.
fn belly_drops(hydra: &Hydra) -> impl Iterator<Item = v1::Drop> {
    let drops = hydra.belly.drops().into_iter().filter(|(_, count)| *count > 0);
    drops.map(|(reason, count)| v1::Drop { reason: format!("belly_{reason}"), count })
}
