//! The HTTP API of hydra-booster (`httpapi/httpapi.go`): the same paths, methods, statuses and
//! lines, so that scripts written for it run unchanged.
//!
//! What differs is told in docs/http-api.md: numbers are bounded, a GET stores nothing, keys
//! need a token, errors say why.

mod fetch;
mod idgen;
mod ndjson;
mod parameters;
mod peers;
mod records;

use std::sync::Arc;

use axum::Router;
use axum::extract::FromRef;
use axum::http::header::{CONTENT_TYPE, LOCATION};
use axum::http::{HeaderValue, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get, post};
use tokio::sync::Semaphore;

use crate::api::http::{Refusal, Token};
use crate::hydra::Hydra;

/// The description that is served, and that the tests hold the server to.
pub const OPENAPI: &str = include_str!("../../../../../assets/openapi.json");

/// Lists of all records at a time.
const LISTS: usize = 4;

/// Keys looked up in the network at a time.
const FETCHES: usize = 16;

#[derive(Clone)]
struct Shared {
    hydra: Arc<Hydra>,
    token: Token,
    lists: Arc<Semaphore>,
    fetches: Arc<Semaphore>,
}

impl FromRef<Shared> for Arc<Hydra> {
    fn from_ref(shared: &Shared) -> Self {
        Self::clone(&shared.hydra)
    }
}

/// All its paths.
pub fn router(hydra: &Arc<Hydra>, token: Token) -> Router {
    let shared = Shared {
        hydra: Arc::clone(hydra),
        token,
        lists: Arc::new(Semaphore::new(LISTS)),
        fetches: Arc::new(Semaphore::new(FETCHES)),
    };
    Router::new()
        .route("/heads", any(peers::heads))
        .route("/swarm/peers", any(peers::swarm))
        .route("/pstore/list", any(peers::known))
        .route("/records/list", any(records::list))
        .route("/records/fetch/{cid}", any(fetch::fetch))
        .route("/idgen/add", post(idgen::add))
        .route("/idgen/remove", post(idgen::remove))
        .route("/idgen/renew", post(idgen::renew))
        .route("/idgen/list", get(idgen::list))
        .route("/openapi.json", get(openapi))
        .fallback(elsewhere)
        .with_state(shared)
}

async fn openapi() -> impl IntoResponse {
    ([(CONTENT_TYPE, HeaderValue::from_static("application/json"))], OPENAPI)
}

/// Slashes too many lead to the clean path, as they did.
async fn elsewhere(uri: Uri) -> Response {
    let clean = clean(uri.path());
    if clean == uri.path() {
        let text = "there is no such path; /openapi.json says which there are";
        return Refusal::new(StatusCode::NOT_FOUND, text).into_response();
    }
    let to = uri.query().map_or(clean.clone(), |query| format!("{clean}?{query}"));
    let text = format!("the path is {clean}");
    let mut response = Refusal::new(StatusCode::MOVED_PERMANENTLY, text).into_response();
    if let Ok(to) = HeaderValue::try_from(to) {
        response.headers_mut().insert(LOCATION, to);
    }
    response
}

/// A path without empty parts, `.` and `..`; a slash at the end stays.
fn clean(path: &str) -> String {
    let mut parts = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    let end = if path.ends_with('/') && !parts.is_empty() { "/" } else { "" };
    format!("/{}{end}", parts.join("/"))
}
