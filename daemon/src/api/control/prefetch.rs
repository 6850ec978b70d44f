//! `PrefetchService`.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use hydra_protocol::v1;
use hydra_protocol::v1::prefetch_service_server::PrefetchService;
use hydra_protocol::v1::{
    ClearPrefetchRequest, ClearPrefetchResponse, GetPrefetchRequest, GetPrefetchResponse,
    ListPrefetchKeysRequest, ListPrefetchKeysResponse, PausePrefetchRequest, PausePrefetchResponse,
    PrefetchState, ResumePrefetchRequest, ResumePrefetchResponse,
};
use tonic::{Request, Response, Status};

use crate::api::control::{Access, audit, convert, key as keys, page};
use crate::hydra::{HeadView, Hydra};
use crate::prefetch::{Held, Pause, SourceStatus, SourceTotals, State};
use crate::telemetry::{Level, Outcome, OutcomeTotals};
use crate::wire::Key256;

/// Longest pause: one that is forgotten ends by itself.
const MAX_PAUSE: Duration = Duration::from_secs(30 * 24 * 3600);

/// Longest reason, in bytes.
const MAX_REASON: usize = 256;

/// The service on one socket.
pub(super) struct Service {
    hydra: Arc<Hydra>,
    access: Access,
}

impl Service {
    pub(super) fn new(hydra: Arc<Hydra>, access: Access) -> Self {
        Self { hydra, access }
    }

    fn now(&self) -> Option<v1::Prefetch> {
        let status = self.hydra.prefetch.status();
        let (state, pause) = match status.state {
            State::Running => (PrefetchState::Running, None),
            State::Paused(pause) => (PrefetchState::Paused, Some(pause)),
        };
        let until = pause.as_ref().and_then(|pause| pause.until).map(|until| {
            // the pause is kept by the steady clock
            SystemTime::now() + until.saturating_duration_since(Instant::now())
        });
        Some(v1::Prefetch {
            state: state.into(),
            paused_reason: pause.map(|pause| pause.reason).unwrap_or_default(),
            paused_until: until.and_then(convert::timestamp),
            lookups: status.lookups,
            lookups_limit: status.lookups_limit,
            waiting: status.waiting,
            waiting_limit: status.waiting_limit,
            oldest_waiting_seconds: status.oldest_waiting.map(|age| age.as_secs_f64()),
            walks_per_second_limit: status.walks_per_second,
            refused_by_share: status.refused.by_share,
            refused_by_budget: status.refused.by_budget,
            refused_by_room: status.refused.by_room,
            records_kept: status.records_kept,
            records_limit: status.records_limit,
            outcomes_1m: Some(outcomes(&status.last_1m)),
            outcomes_10m: Some(outcomes(&status.last_10m)),
            outcomes_total: Some(outcomes(&status.total)),
            sources: status.sources.iter().map(source).collect(),
            walks_1m: status.walks_1m,
            walks_total: status.walks,
            keep_seconds: status.life.as_secs_f64(),
        })
    }
}

#[tonic::async_trait]
impl PrefetchService for Service {
    async fn get_prefetch(
        &self,
        _: Request<GetPrefetchRequest>,
    ) -> Result<Response<GetPrefetchResponse>, Status> {
        Ok(Response::new(GetPrefetchResponse { prefetch: self.now() }))
    }

    async fn list_prefetch_keys(
        &self,
        request: Request<ListPrefetchKeysRequest>,
    ) -> Result<Response<ListPrefetchKeysResponse>, Status> {
        let request = request.into_inner();
        let from = page::fixed(b"prefetch keys", &request.page_token).map_err(|status| *status)?;
        let from = from.map_or(0, u32::from_be_bytes) as usize;
        let (now, heads) = (Instant::now(), self.hydra.heads());
        let held = self.hydra.prefetch.held();
        let size = page::size(request.page_size);
        let keys: Vec<_> = held.iter().skip(from).take(size).map(|held| key(held, now, &heads)).collect();
        let next = from + keys.len();
        let more = (next < held.len()).then(|| page::token(b"prefetch keys", &(next as u32).to_be_bytes()));
        let empty_reason = if held.is_empty() { why_empty(&self.hydra) } else { String::new() };
        Ok(Response::new(ListPrefetchKeysResponse {
            keys,
            next_page_token: more.unwrap_or_default(),
            empty_reason,
        }))
    }

    async fn pause_prefetch(
        &self,
        request: Request<PausePrefetchRequest>,
    ) -> Result<Response<PausePrefetchResponse>, Status> {
        let request = audit::change(self.access, "pause prefetch", request)?;
        if request.reason.len() > MAX_REASON {
            return Err(Status::invalid_argument(format!(
                "the reason has {} bytes, {MAX_REASON} are taken; nothing was paused",
                request.reason.len()
            )));
        }
        let until = match Duration::try_from_secs_f64(request.for_seconds) {
            Ok(Duration::ZERO) => None,
            Ok(time) if time <= MAX_PAUSE => Some(Instant::now() + time),
            _ => {
                return Err(Status::invalid_argument(format!(
                    "pause for {} s: give 0 (until it is resumed) to {} (30 days); nothing was paused",
                    request.for_seconds,
                    MAX_PAUSE.as_secs()
                )));
            }
        };
        let text = match request.reason.as_str() {
            "" => "paused by hand".to_owned(),
            reason => format!("paused by hand: {reason}"),
        };
        self.hydra.prefetch.pause(Pause { reason: request.reason, until });
        self.hydra.events.tell(Level::Warn, "prefetch", "PREFETCH_PAUSED", text);
        Ok(Response::new(PausePrefetchResponse { prefetch: self.now() }))
    }

    async fn resume_prefetch(
        &self,
        request: Request<ResumePrefetchRequest>,
    ) -> Result<Response<ResumePrefetchResponse>, Status> {
        audit::change(self.access, "resume prefetch", request)?;
        self.hydra.prefetch.resume();
        self.hydra.events.good("prefetch", "resumed by hand");
        Ok(Response::new(ResumePrefetchResponse { prefetch: self.now() }))
    }

    async fn clear_prefetch(
        &self,
        request: Request<ClearPrefetchRequest>,
    ) -> Result<Response<ClearPrefetchResponse>, Status> {
        audit::change(self.access, "clear the prefetch queue", request)?;
        let cleared = self.hydra.prefetch.clear();
        self.hydra.events.good("prefetch", format!("{cleared} waiting keys cleared by hand"));
        Ok(Response::new(ClearPrefetchResponse { prefetch: self.now(), cleared }))
    }
}

/// What `status` tells of it.
pub(super) fn summary(hydra: &Hydra) -> v1::PrefetchSummary {
    let glance = hydra.prefetch.glance();
    v1::PrefetchSummary {
        paused_reason: match glance.state {
            State::Running => String::new(),
            State::Paused(pause) if pause.reason.is_empty() => "paused by hand".to_owned(),
            State::Paused(pause) => pause.reason,
        },
        waiting: glance.waiting,
        waiting_limit: glance.waiting_limit,
        lookups: glance.lookups,
        lookups_limit: glance.lookups_limit,
        walks_per_second_limit: glance.walks_per_second,
        walks_1m: glance.walks_1m,
        misses_10m: glance.last_10m.misses,
        found_10m: glance.last_10m.of(Outcome::Found),
        queue_full_10m: glance.last_10m.of(Outcome::QueueFull),
        refused_by_share: glance.refused.by_share,
        refused_by_budget: glance.refused.by_budget,
        refused_by_room: glance.refused.by_room,
    }
}

fn why_empty(hydra: &Hydra) -> String {
    match hydra.prefetch.glance().state {
        State::Running => "no key waits or is in flight".to_owned(),
        State::Paused(pause) => format!("no key waits or is in flight: paused, {}", pause.reason),
    }
}

fn outcomes(totals: &OutcomeTotals) -> v1::Outcomes {
    v1::Outcomes {
        misses: totals.misses,
        found: totals.of(Outcome::Found),
        not_found: totals.of(Outcome::NotFound),
        timed_out: totals.of(Outcome::TimedOut),
        source_failed: totals.of(Outcome::SourceFailed),
        refused_5m: totals.of(Outcome::Refused5m),
        refused_1h: totals.of(Outcome::Refused1h),
        queue_full: totals.of(Outcome::QueueFull),
        not_ours: totals.of(Outcome::NotOurs),
        joined: totals.of(Outcome::Joined),
        paused: totals.of(Outcome::Paused),
    }
}

fn source(source: &SourceStatus) -> v1::PrefetchSource {
    let counts = |totals: &SourceTotals| v1::SourceCounts {
        attempts: totals.attempts,
        found: totals.found,
        none: totals.none,
        timed_out: totals.timed_out,
        failed: totals.failed,
        records: totals.records,
        found_alone: totals.found_alone,
    };
    let seconds = |latency: Option<Duration>| latency.map(|latency| latency.as_secs_f64());
    v1::PrefetchSource {
        name: source.name.clone(),
        inline: source.mode.is_inline(),
        deadline_seconds: source.mode.deadline().as_secs_f64(),
        counts_10m: Some(counts(&source.last_10m)),
        counts_total: Some(counts(&source.total)),
        latency_p50_seconds: seconds(source.latency_p50),
        latency_p95_seconds: seconds(source.latency_p95),
        latency_p99_seconds: seconds(source.latency_p99),
        trouble: source.trouble.clone().unwrap_or_default(),
    }
}

fn key(held: &Held, now: Instant, heads: &[HeadView]) -> v1::PrefetchKey {
    let place = Key256::of(&held.key);
    let nearest = heads.iter().max_by_key(|head| head.key.shared_bits(&place));
    v1::PrefetchKey {
        multihash: held.key.to_vec(),
        cid_raw: keys::cid_raw(&held.key),
        key: place.0.to_vec(),
        in_flight: held.in_flight,
        age_seconds: now.saturating_duration_since(held.since).as_secs_f64(),
        peers_asked: held.asked_peers,
        routers_asked: held.asked_routers,
        joined: held.joined,
        nearest_head: nearest.map(HeadView::name).unwrap_or_default(),
        near: held.near,
    }
}
