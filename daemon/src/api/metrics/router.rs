//! `/metrics`, `/healthz`, `/readyz`: what is asked for and in which form it is answered.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::{ACCEPT, CACHE_CONTROL, CONTENT_TYPE, HeaderMap};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use tokio::sync::Mutex;

use crate::api::http::Refusal;
use crate::api::metrics::{Config, Metrics, plain};
use crate::hydra::{DaemonState, Hydra};

const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
const PLAIN: &str = "text/plain; version=0.0.4; charset=utf-8";

/// What stands behind the door.
#[derive(Clone)]
struct Behind {
    hydra: Arc<Hydra>,
    /// One scrape at a time: however many ask, they take no more than one processor.
    metrics: Arc<Mutex<Arc<Metrics>>>,
}

/// The router of the metrics' door.
pub fn router(hydra: &Arc<Hydra>, config: Config) -> Router {
    let metrics = Arc::new(Mutex::new(Arc::new(Metrics::new(config, hydra))));
    Router::new()
        .route("/metrics", get(scrape))
        .route("/healthz", get(healthy))
        .route("/readyz", get(ready))
        .with_state(Behind { hydra: Arc::clone(hydra), metrics })
}

async fn scrape(State(behind): State<Behind>, headers: HeaderMap) -> Result<Response, Refusal> {
    let open = wants_open_metrics(&headers);
    let metrics = behind.metrics.lock().await;
    let scraped = Arc::clone(&metrics);
    let told = tokio::task::spawn_blocking(move || {
        let page = scraped.scrape()?;
        Ok::<_, std::fmt::Error>(if open { page } else { plain(&page) })
    });
    let failed =
        |why: String| Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, format!("read the counters: {why}"));
    let page = told.await.map_err(|e| failed(e.to_string()))?.map_err(|e| failed(e.to_string()))?;
    let kind = if open { OPEN_METRICS } else { PLAIN };
    Ok(([(CONTENT_TYPE, kind), (CACHE_CONTROL, "no-store")], page).into_response())
}

/// Whoever names the newer format among those that it takes gets it.
fn wants_open_metrics(headers: &HeaderMap) -> bool {
    headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok()).any(|accept| {
        let kinds = accept.split(',').map(|kind| kind.split(';').next().unwrap_or_default().trim());
        kinds.into_iter().any(|kind| kind.eq_ignore_ascii_case("application/openmetrics-text"))
    })
}

/// The process answers: that is all it says.
async fn healthy() -> Response {
    ([(CACHE_CONTROL, "no-store")], "ok\n").into_response()
}

/// Whether at least one head serves, and if not, why.
async fn ready(State(behind): State<Behind>) -> Result<Response, Refusal> {
    let hydra = &behind.hydra;
    let state = hydra.daemon_state();
    if state == DaemonState::Serving {
        let (serving, all) = (hydra.heads_serving(), hydra.heads_total());
        let text = format!("ready: {serving} of {all} heads serve\n");
        return Ok(([(CACHE_CONTROL, "no-store")], text).into_response());
    }
    let waits = hydra.heads().into_iter().find(|head| !head.reason.is_empty());
    let why = waits.map(|head| format!("; {}: {}", head.name(), head.reason)).unwrap_or_default();
    Err(Refusal::new(StatusCode::SERVICE_UNAVAILABLE, format!("not ready: {}{why}", state.word()))
        .retry_after(1))
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn the_newer_format_is_for_those_who_name_it() {
        let wants = |accept: &'static str| {
            wants_open_metrics(&HeaderMap::from_iter([(ACCEPT, HeaderValue::from_static(accept))]))
        };
        // what Prometheus 2.42 sends
        assert!(wants(
            "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1"
        ));
        assert!(!wants("*/*") && !wants("text/plain;version=0.0.4") && !wants(""));
        assert!(!wants_open_metrics(&HeaderMap::new()));
    }
}
